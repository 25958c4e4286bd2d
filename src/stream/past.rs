//! Connections that are over, remembered for a while: what comes late belongs to them, and begins no new connection.
//!
//! A bounded queue: the first to end is the first to be forgotten. `tcp.stream` numbers are kept with them, for Wireshark
//! gives late segments the number of their connection.

use std::collections::VecDeque;

use crate::stream::index::Hash;
use crate::stream::numbers::Numbers;
use crate::time::Timestamp;

/// What is left of a connection.
#[derive(Debug)]
pub(super) struct Gone {
    /// Of its pair of addresses, by which it is found.
    pub(super) hash: Hash,
    /// Sequence numbers of the first byte of either side, where they were known.
    pub(super) starts: [Option<u32>; 2],
    pub(super) numbers: Numbers,
    pub(super) at: Timestamp,
    pub(super) why: Why,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// TCP ended it.
    Closed,
    /// It never came to be: the same SYN may be sent once more, and be answered.
    NeverOpen,
    /// It may still go on, but was forgotten.
    Forgotten,
}

/// All that are remembered.
#[derive(Debug)]
pub(super) struct Past {
    gone: VecDeque<Option<Gone>>,
    /// Number of the first of `gone`.
    first: u64,
    most: usize,
}

impl Past {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            gone: VecDeque::new(),
            first: 0,
            most,
        }
    }

    /// Remembers a connection. Returns its place, and the one that had to be forgotten for it.
    pub(super) fn push(&mut self, gone: Gone) -> (u64, Option<Gone>) {
        let mut forgotten = None;
        if self.gone.len() >= self.most {
            forgotten = self.gone.pop_front().flatten();
            self.first = self.first.saturating_add(1);
        }
        let place = self.first.saturating_add(self.gone.len() as u64);
        self.gone.push_back(Some(gone));
        (place, forgotten)
    }

    /// The number of a place, of which only the low 31 bits are known: there are fewer places than that.
    pub(super) fn whole(&self, low: u32) -> u64 {
        const BITS: u64 = (1 << 31) - 1;
        let ahead = u64::from(low).wrapping_sub(self.first) & BITS;
        self.first.saturating_add(ahead)
    }

    pub(super) fn get_mut(&mut self, place: u64) -> Option<&mut Gone> {
        let at = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.gone.get_mut(at)?.as_mut()
    }

    /// Takes a connection out: another has taken its addresses.
    pub(super) fn take(&mut self, place: u64) -> Option<Gone> {
        let at = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.gone.get_mut(at)?.take()
    }
}
