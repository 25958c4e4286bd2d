//! Segments that are about to come, each with what finds its connection.
//!
//! With many connections open, a segment waits for memory twice: for its place in the index, then for its lane. What one
//! waits for does not depend on another, so all of them are asked for at once, before the first is taken.

use crate::flow::Ends;
use crate::packet::Usual;
use crate::stream::conn::Side;
use crate::stream::index::{Hash, Index};
use crate::stream::lane::Lanes;

/// A usual segment, and where its connection is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    pub(super) segment: Usual<'a>,
    pub(super) hash: Hash,
    pub(super) side: Side,
}

impl<'a> Addressed<'a> {
    /// By the two ends of a segment.
    #[inline]
    pub(super) fn new((ends, segment): (Ends, Usual<'a>), index: &Index) -> Self {
        let (hash, is_low) = index.hash(ends);
        Self {
            segment,
            hash,
            side: if is_low { Side::Low } else { Side::High },
        }
    }
}

/// Asks for what these segments will need. Changes nothing: what is found may be another by the time they are taken.
#[inline]
pub(super) fn reach<const N: usize, P: Copy + Default>(
    ahead: &[Option<Addressed<'_>>; N],
    index: &Index,
    lanes: &Lanes<P>,
) {
    let mut slots = [Index::NONE; N];
    for (slot, addressed) in slots.iter_mut().zip(ahead) {
        if let Some(addressed) = addressed {
            *slot = index.get(addressed.hash).unwrap_or(Index::NONE);
        }
    }
    let mut seen = 0;
    for (&slot, addressed) in slots.iter().zip(ahead) {
        if let Some(addressed) = addressed {
            seen |= lanes.glance(slot, addressed.side);
        }
    }
    // Looked at for the sake of looking.
    std::hint::black_box(seen);
}
