//! Handshakes that wait for their answer now, by what they ask for: a plain exchange with the same target, answered
//! meanwhile, may be the leg of one that has lost every field (spec: joining legs). Most plain exchanges can be no such
//! leg, and nothing is kept of them.

use std::hash::BuildHasher;

use crate::hash::FixedSeed;
use crate::http::origin_form;

/// Targets that fall on one place are not told apart: then a little more is kept than need be. Who chooses one that falls
/// on the place of a handshake could as well choose that of the handshake itself.
const PLACES: usize = 1 << 12;

/// What waits, over all connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    count: u64,
    seed: FixedSeed,
    /// How many wait, by the place of their target. Empty until the first does.
    by_target: Vec<u32>,
}

/// Where a target falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Waiting {
    /// Where a target falls, in whatever form it stands (RFC 9112 §3.2).
    pub(super) fn place(&self, target: &str) -> Place {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low bits are what counts"
        )]
        let hash = self.seed.hash_one(origin_form(target)) as usize;
        Place(hash % PLACES)
    }

    /// One more waits, with a target there.
    pub(super) fn begin(&mut self, Place(place): Place) {
        self.count += 1;
        if self.by_target.is_empty() {
            self.by_target = vec![0; PLACES];
        }
        if let Some(waiting) = self.by_target.get_mut(place) {
            *waiting += 1;
        }
    }

    /// One waits no more.
    pub(super) fn end(&mut self, Place(place): Place) {
        self.count = self.count.saturating_sub(1);
        if let Some(waiting) = self.by_target.get_mut(place) {
            *waiting = waiting.saturating_sub(1);
        }
    }

    /// Whether one may wait for an exchange with this target.
    pub(super) fn any_for(&self, target: &str) -> bool {
        self.count > 0 && {
            let Place(place) = self.place(target);
            self.by_target
                .get(place)
                .is_some_and(|&waiting| waiting > 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_fall_together_is_the_same_each_time() {
        for n in 0..100 {
            let target = format!("/chat/{n}");
            assert_eq!(
                Waiting::default().place(&target),
                Waiting::default().place(&target)
            );
        }
    }

    #[test]
    fn it_knows_what_is_waited_for_in_either_form() {
        let mut waiting = Waiting::default();
        assert!(!waiting.any_for("/chat"));
        let place = waiting.place("/chat");
        waiting.begin(place);
        waiting.begin(waiting.place("http://a.example/chat"));
        assert!(waiting.any_for("/chat") && waiting.any_for("http://b.example/chat"));
        // One of so many others may fall on its place.
        let others = (0..100).filter(|n| waiting.any_for(&format!("/other/{n}")));
        assert!(others.count() < 10);
        waiting.end(place);
        assert!(waiting.any_for("/chat"));
        waiting.end(place);
        assert!(!waiting.any_for("/chat"));
    }
}
