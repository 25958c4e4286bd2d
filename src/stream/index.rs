//! Where the connection with some pair of addresses is: one look-up a packet, in one flat table.
//!
//! Open addressing with linear probing; what is taken out is closed up behind, so that nothing is left to be passed over.
//! A place is found by 64 bits of a hash with a seed of its own in each process, and the addresses themselves are not
//! compared: that two of a million connections fall together is a matter of one in thirty million captures, and nobody
//! who does not know the seed can bring it about.

use std::hash::{BuildHasher, Hasher};

use crate::flow::{Ends, FlowKey};
use crate::hash::DigestSeed;

/// Buckets at the beginning; a power of two, as ever after.
const SMALLEST: usize = 1 << 10;

/// A hash of each key, and what stands for it.
#[derive(Debug)]
pub(super) struct Index {
    seed: DigestSeed,
    buckets: Box<[Bucket]>,
    used: usize,
    /// How often anything came or went.
    changes: u32,
}

/// Twelve bytes, so that five stand in a cache line.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: u32,
    high: u32,
    value: u32,
}

/// The hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(u64);

/// What stood for a key when that was looked up: it still does unless anything came or went since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    value: u32,
    changes: u32,
}

impl Known {
    /// It was not looked up yet.
    pub(super) const NOTHING: Self = Self {
        value: Index::NONE,
        changes: u32::MAX,
    };

    /// It, or [`Index::NONE`].
    pub(super) const fn value(self) -> u32 {
        self.value
    }
}

impl Index {
    /// Stands for nothing.
    pub(super) const NONE: u32 = u32::MAX;

    pub(super) fn new() -> Self {
        Self {
            seed: DigestSeed::default(),
            buckets: vec![Bucket::EMPTY; SMALLEST].into_boxed_slice(),
            used: 0,
            changes: 0,
        }
    }

    /// The hash of the key of two ends, and whether the first is the low one.
    #[inline]
    pub(super) fn hash(&self, ends: Ends) -> (Hash, bool) {
        let mut hasher = self.seed.build_hasher();
        let in_order = ends.feed(&mut hasher);
        (Hash(hasher.finish()), in_order)
    }

    /// The hash of a key.
    pub(super) fn hash_of(&self, key: &FlowKey) -> Hash {
        let (low, high) = key.ends();
        self.hash(Ends::new(low, high)).0
    }

    /// What stands for a key.
    #[inline]
    pub(super) fn get(&self, hash: Hash) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let bucket = self.buckets.get(at)?;
            if bucket.value == Self::NONE {
                return None;
            }
            if bucket.is(hash) {
                return Some(bucket.value);
            }
            at = self.next(at);
        }
    }

    /// Looks up what stands for a key, for the moments to come.
    #[inline]
    pub(super) fn know(&self, hash: Hash) -> Known {
        Known {
            value: self.get(hash).unwrap_or(Self::NONE),
            changes: self.changes,
        }
    }

    /// What stands for a key that was looked up moments ago.
    #[inline]
    pub(super) fn get_known(&self, hash: Hash, known: Known) -> Option<u32> {
        if known.changes == self.changes {
            (known.value != Self::NONE).then_some(known.value)
        } else {
            self.get(hash)
        }
    }

    /// Lets a value other than [`Index::NONE`] stand for a key.
    pub(super) fn insert(&mut self, hash: Hash, value: u32) {
        // At most half full: then a look-up mostly ends where it begins.
        if self.used.saturating_mul(2) >= self.buckets.len() {
            self.grow();
        }
        self.changes = self.changes.wrapping_add(1);
        let at = self.place(hash);
        if let Some(bucket) = self.buckets.get_mut(at) {
            self.used = self
                .used
                .saturating_add(usize::from(bucket.value == Self::NONE));
            *bucket = Bucket::new(hash, value);
        }
    }

    /// Lets nothing stand for a key.
    pub(super) fn remove(&mut self, hash: Hash) {
        let mut hole = self.place(hash);
        if self.is_empty_at(hole) {
            return;
        }
        self.used = self.used.saturating_sub(1);
        self.changes = self.changes.wrapping_add(1);
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = self.next(at);
            let Some(&bucket) = self.buckets.get(at) else {
                return;
            };
            if bucket.value == Self::NONE {
                break;
            }
            // It may move to the hole unless its way begins behind it.
            let way = at.wrapping_sub(self.home(bucket.hash())) & mask;
            if way >= at.wrapping_sub(hole) & mask {
                self.set(hole, bucket);
                hole = at;
            }
        }
        self.set(hole, Bucket::EMPTY);
    }

    fn grow(&mut self) {
        let larger = vec![Bucket::EMPTY; self.buckets.len().saturating_mul(2)];
        let old = std::mem::replace(&mut self.buckets, larger.into_boxed_slice());
        for bucket in old {
            if bucket.value != Self::NONE {
                let at = self.place(bucket.hash());
                self.set(at, bucket);
            }
        }
    }

    /// Where a key stands, or would.
    fn place(&self, hash: Hash) -> usize {
        let mut at = self.home(hash);
        while self
            .buckets
            .get(at)
            .is_some_and(|bucket| bucket.value != Self::NONE && !bucket.is(hash))
        {
            at = self.next(at);
        }
        at
    }

    fn is_empty_at(&self, at: usize) -> bool {
        self.buckets
            .get(at)
            .is_none_or(|bucket| bucket.value == Self::NONE)
    }

    fn set(&mut self, at: usize, bucket: Bucket) {
        if let Some(place) = self.buckets.get_mut(at) {
            *place = bucket;
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are what counts"
    )]
    const fn home(&self, hash: Hash) -> usize {
        hash.0 as usize & self.mask()
    }

    const fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    const fn mask(&self) -> usize {
        self.buckets.len().wrapping_sub(1)
    }
}

impl Bucket {
    const EMPTY: Self = Self {
        low: 0,
        high: 0,
        value: Index::NONE,
    };

    #[expect(clippy::cast_possible_truncation, reason = "both halves are kept")]
    const fn new(Hash(hash): Hash, value: u32) -> Self {
        Self {
            low: hash as u32,
            high: (hash >> 32) as u32,
            value,
        }
    }

    const fn hash(self) -> Hash {
        Hash((self.high as u64) << 32 | self.low as u64)
    }

    const fn is(self, hash: Hash) -> bool {
        self.hash().0 == hash.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Few homes, so that ways cross, and wrap at the end.
    #[test]
    fn it_is_a_map_whatever_comes_and_goes() {
        let mut index = Index::new();
        let mut map = HashMap::new();
        let mut dice = 1_u64;
        for step in 0..200_000_u32 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = dice >> 33 & 0x3ff;
            let hash = Hash((key << 40) | (0x3f0 + (key & 0x1f)));
            if (dice >> 20).is_multiple_of(4) {
                index.remove(hash);
                map.remove(&key);
            } else {
                index.insert(hash, step);
                map.insert(key, step);
            }
            assert_eq!(index.get(hash), map.get(&key).copied());
            assert_eq!(index.used, map.len());
        }
        for key in 0..0x400 {
            let hash = Hash((key << 40) | (0x3f0 + (key & 0x1f)));
            assert_eq!(index.get(hash), map.get(&key).copied());
        }
    }

    #[test]
    fn it_grows() {
        let mut index = Index::new();
        let hash = |n: u32| Hash(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for n in 0..100_000 {
            index.insert(hash(n), n);
        }
        assert!((0..100_000).all(|n| index.get(hash(n)) == Some(n)));
        assert_eq!(index.get(hash(100_000)), None);
    }
}
