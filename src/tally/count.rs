//! Counters that cannot grow without bound.

use std::collections::BTreeMap;

use crate::judge::{Kind, Verdict};

macro_rules! per {
    ($(#[doc = $doc:literal])+ $name:ident by $scale:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name([u64; $scale::ALL.len()]);

        impl $name {
            /// How many there are of one.
            pub fn get(&self, of: $scale) -> u64 {
                self.0.get(of as usize).copied().unwrap_or_default()
            }

            /// How many there are in all.
            pub fn total(&self) -> u64 {
                self.0.iter().fold(0, |sum, &n| u64::saturating_add(sum, n))
            }

            /// All of them, zeros too, in the order of the scale.
            pub fn iter(&self) -> impl Iterator<Item = ($scale, u64)> + '_ {
                $scale::ALL.iter().copied().zip(self.0)
            }

            /// What has come since `earlier`.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                let mut rest = *self;
                for (n, before) in rest.0.iter_mut().zip(earlier.0) {
                    *n = n.saturating_sub(before);
                }
                rest
            }

            pub(super) fn add(&mut self, other: &Self) {
                for (n, more) in self.0.iter_mut().zip(other.0) {
                    *n = n.saturating_add(more);
                }
            }

            pub(super) fn count(&mut self, of: $scale) {
                if let Some(n) = self.0.get_mut(of as usize) {
                    *n = n.saturating_add(1);
                }
            }
        }
    };
}

per! {
    /// Attempts by what became of them.
    Verdicts by Verdict
}

per! {
    /// Closings by how they ended.
    Kinds by Kind
}

/// How often each of a bounded number of things was seen; the ones beyond are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<K> {
    seen: BTreeMap<K, u64>,
    other: u64,
    most: usize,
}

impl<K: Ord> Counts<K> {
    /// Tells at most `most` things apart.
    pub const fn new(most: usize) -> Self {
        Self {
            seen: BTreeMap::new(),
            other: 0,
            most,
        }
    }

    /// Counts one; false where it had to go to the others.
    pub fn count(&mut self, key: K) -> bool {
        if let Some(n) = self.seen.get_mut(&key) {
            *n = n.saturating_add(1);
        } else if self.seen.len() < self.most {
            self.seen.insert(key, 1);
        } else {
            self.other = self.other.saturating_add(1);
            return false;
        }
        true
    }

    /// What has come since `earlier`; what came never is left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self
    where
        K: Clone,
    {
        let seen = self.iter().filter_map(|(key, n)| {
            let new = n.saturating_sub(earlier.get(key));
            (new > 0).then(|| (key.clone(), new))
        });
        Self {
            seen: seen.collect(),
            other: self.other.saturating_sub(earlier.other),
            most: self.most,
        }
    }

    /// What was told apart, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.seen.iter().map(|(key, &n)| (key, n))
    }

    /// How often one was seen.
    pub fn get(&self, key: &K) -> u64 {
        self.seen.get(key).copied().unwrap_or_default()
    }

    /// What there was no room to tell apart.
    pub const fn other(&self) -> u64 {
        self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_together() {
        let mut counts = Counts::new(2);
        assert!(counts.count(404) && counts.count(403) && counts.count(404));
        assert!(!counts.count(500) && !counts.count(501));
        assert_eq!((counts.get(&404), counts.other()), (2, 2));
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&403, 1), (&404, 2)]);
    }

    #[test]
    fn every_verdict_has_a_place() {
        let mut verdicts = Verdicts::default();
        for &verdict in Verdict::ALL {
            verdicts.count(verdict);
            assert_eq!(verdicts.get(verdict), 1);
        }
        assert_eq!(verdicts.total(), 6);
    }
}
