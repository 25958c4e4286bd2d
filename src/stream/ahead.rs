//! Segments that are about to come, each with what finds its connection.
//!
//! With many connections open, a segment waits for memory twice: for its place in the index, then for its lane. What one
//! waits for does not depend on another, so all of them are asked for at once, before the first is taken.

use crate::flow::Ends;
use crate::packet::Usual;
use crate::stream::conn::Side;
use crate::stream::index::{Hash, Index, Known};
use crate::stream::lane::Lanes;

/// A usual segment, and where its connection is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    pub(super) segment: Usual<'a>,
    pub(super) hash: Hash,
    pub(super) side: Side,
    /// What was found there by [`reach`].
    pub(super) known: Known,
}

impl<'a> Addressed<'a> {
    /// By the two ends of a segment.
    #[inline]
    pub(super) fn new(ends: Ends, segment: Usual<'a>, index: &Index) -> Self {
        let (hash, is_low) = index.hash(ends);
        Self {
            segment,
            hash,
            side: if is_low { Side::Low } else { Side::High },
            known: Known::NOTHING,
        }
    }
}

/// Looks up the connections of these segments, and asks for what will be needed of them.
#[inline]
pub(super) fn reach<P: Copy + Default>(
    ahead: &mut [Option<Addressed<'_>>],
    index: &Index,
    lanes: &Lanes<P>,
) {
    for addressed in ahead.iter_mut().flatten() {
        addressed.known = index.know(addressed.hash);
    }
    let mut seen = 0;
    for addressed in ahead.iter().flatten() {
        seen |= lanes.glance(addressed.known.value(), addressed.side);
    }
    // Looked at for the sake of looking.
    std::hint::black_box(seen);
}
