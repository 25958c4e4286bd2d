//! What is to be looked at at some time, in the order of these times.
//!
//! Of very many nearly all lie a second or more ahead, and some of them are out of date by then. So they lie in pieces of
//! a short span each, in no order; only the piece that time has come to is sorted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::time::Timestamp;

/// Nanoseconds of a piece: short enough that one of them is soon sorted, long enough that they are few.
const PIECE: i64 = 100_000_000;

/// Times, and what there is to be looked at then.
#[derive(Debug)]
pub(super) struct Due<T> {
    /// The earliest piece there is, and what was added before it.
    near: BinaryHeap<Reverse<(Timestamp, T)>>,
    /// The number of that piece.
    reached: i64,
    /// Those behind it, by their numbers. None is empty.
    later: BTreeMap<i64, Vec<Reverse<(Timestamp, T)>>>,
    /// Nothing is due before: asked far more often than anything is.
    quiet_until: Timestamp,
}

impl<T: Ord> Default for Due<T> {
    fn default() -> Self {
        Self {
            near: BinaryHeap::new(),
            reached: i64::MIN,
            later: BTreeMap::new(),
            quiet_until: Timestamp::MAX,
        }
    }
}

impl<T: Copy + Ord> Due<T> {
    pub(super) fn push(&mut self, at: Timestamp, what: T) {
        self.quiet_until = self.quiet_until.min(at);
        let piece = piece(at);
        let one = Reverse((at, what));
        if piece <= self.reached {
            self.near.push(one);
        } else {
            self.later.entry(piece).or_default().push(one);
        }
    }

    /// Whether anything may have come by then.
    #[inline]
    pub(super) fn is_due(&self, by: Timestamp) -> bool {
        by >= self.quiet_until
    }

    /// Takes out the first that has come by then; of those of one time the least.
    #[inline]
    pub(super) fn pop(&mut self, by: Timestamp) -> Option<(Timestamp, T)> {
        if !self.is_due(by) {
            return None;
        }
        self.take(by)
    }

    fn take(&mut self, by: Timestamp) -> Option<(Timestamp, T)> {
        if self.near.is_empty()
            && let Some((piece, next)) = self.later.pop_first()
        {
            self.reached = piece;
            self.near = next.into();
        }
        let first = self.near.peek().map(|&Reverse(first)| first);
        self.quiet_until = first.map_or(Timestamp::MAX, |(at, _)| at);
        let due = first.filter(|(at, _)| *at <= by);
        if due.is_some() {
            self.near.pop();
        }
        due
    }
}

const fn piece(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn as_one_heap(steps: Vec<(bool, u32)>) {
            let mut due = Due::default();
            let mut heap = BinaryHeap::new();
            for (number, (is_push, at)) in steps.into_iter().enumerate() {
                let at = Timestamp::from_nanos(i64::from(at) - (1 << 31));
                if is_push {
                    due.push(at, number);
                    heap.push(Reverse((at, number)));
                    continue;
                }
                let is_due = |first: &Reverse<(Timestamp, usize)>| first.0.0 <= at;
                while heap.peek().is_some_and(is_due) {
                    proptest::prop_assert_eq!(due.pop(at), heap.pop().map(|first| first.0));
                }
                proptest::prop_assert_eq!(due.pop(at), None);
            }
        }
    }
}
