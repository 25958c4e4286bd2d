//! What waits behind a hole: segments that came too early, or parts of them, and what they cost.

use std::collections::BTreeMap;

use super::Out;
use crate::limits::{Budget, Limit};
use crate::time::{Stamp, Timestamp};

/// Charged for a held segment besides its bytes, and once for the first: the nodes of the map, which may be half empty.
const SEGMENT_COST: u64 = 128;
const FIRST_COST: u64 = 640;

/// Bytes of one segment, or what is left of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::stream) struct Arrival<'a> {
    /// Offset of the first byte.
    pub(in crate::stream) start: u64,
    pub(in crate::stream) bytes: &'a [u8],
    /// Bytes behind them that the snap length cut off.
    pub(in crate::stream) missing: u64,
    /// Whether the first byte began the segment.
    pub(in crate::stream) starts: bool,
}

/// Bytes are missing at `next`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// When it was noticed, or last became smaller.
    pub(super) since: Timestamp,
    /// When the peer had acknowledged past its beginning, and how far.
    pub(super) acked: Option<(Timestamp, u64)>,
    /// What came behind it.
    pub(super) held: BTreeMap<u64, Held>,
    pub(super) charged: u64,
    /// The record of a FIN that waits behind it.
    pub(super) fin_at: Option<Stamp>,
}

/// A segment, or part of one, that came too early.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) bytes: Box<[u8]>,
    pub(super) missing: u64,
    pub(super) starts: bool,
    pub(super) at: Stamp,
}

impl Hole {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            acked: None,
            held: BTreeMap::new(),
            charged: 0,
            fin_at: None,
        }
    }

    pub(super) fn insert(&mut self, part: Arrival<'_>, out: &mut Out<'_>) -> Result<(), Limit> {
        let mut cost = (part.bytes.len() as u64).saturating_add(SEGMENT_COST);
        if self.held.is_empty() {
            cost = cost.saturating_add(FIRST_COST);
        }
        let charged = self.charged.saturating_add(cost);
        if self.held.len() as u64 >= out.limits.reorder_segments_per_direction {
            return Err(Limit::reorder_segments_per_direction);
        }
        if charged > out.limits.reorder_bytes_per_direction {
            return Err(Limit::reorder_bytes_per_direction);
        }
        if !out.budget.charge(cost) {
            return Err(Limit::buffered_bytes_total);
        }
        self.charged = charged;
        let held = Held {
            bytes: part.bytes.into(),
            missing: part.missing,
            starts: part.starts,
            at: out.at,
        };
        self.held.insert(part.start, held);
        Ok(())
    }

    pub(super) fn give_back(&mut self, cost: u64, budget: &mut Budget) {
        let cost = if self.held.is_empty() {
            self.charged
        } else {
            cost
        };
        self.charged = self.charged.saturating_sub(cost);
        budget.release(cost);
    }
}

impl Held {
    pub(super) const fn cost(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add(SEGMENT_COST)
    }

    pub(super) const fn end(&self, start: u64) -> u64 {
        start
            .saturating_add(self.bytes.len() as u64)
            .saturating_add(self.missing)
    }
}

impl Arrival<'_> {
    pub(super) const fn bytes_end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    /// What of it lies at or behind `offset`.
    pub(super) fn after(self, offset: u64) -> Option<Self> {
        let old = offset.saturating_sub(self.start);
        if old == 0 {
            return (!self.bytes.is_empty() || self.missing > 0).then_some(self);
        }
        let len = self.bytes.len() as u64;
        if old >= len.saturating_add(self.missing) {
            return None;
        }
        Some(Self {
            start: offset,
            bytes: usize::try_from(old)
                .ok()
                .and_then(|old| self.bytes.get(old..))
                .unwrap_or_default(),
            missing: self
                .missing
                .min(len.saturating_add(self.missing).saturating_sub(old)),
            starts: false,
        })
    }

    /// What of it lies before `offset`, and what does not.
    pub(super) fn split(self, offset: u64) -> (Self, Option<Self>) {
        let room = offset.saturating_sub(self.start);
        let len = self.bytes.len() as u64;
        if room >= len.saturating_add(self.missing) {
            return (self, None);
        }
        let bytes = usize::try_from(room)
            .ok()
            .and_then(|room| self.bytes.get(..room))
            .unwrap_or(self.bytes);
        let before = Self {
            bytes,
            missing: self.missing.min(room.saturating_sub(len)),
            ..self
        };
        (before, self.after(offset))
    }
}

/// Bytes `begin..end` of the stream out of a buffer that begins at `start`.
pub(super) fn slice(bytes: &[u8], start: u64, begin: u64, end: u64) -> Option<&[u8]> {
    let from = usize::try_from(begin.checked_sub(start)?).ok()?;
    let to = usize::try_from(end.checked_sub(start)?).ok()?;
    bytes.get(from..to)
}
