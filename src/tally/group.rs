//! Groups of equal trouble: in an incident ten thousand attempts fail for one reason.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::Endpoint;
use crate::hash::{DigestSeed, HashMap};
use crate::judge::{FindingId, Hop, JudgedAttempt, JudgedClosing, Kind, Party, Verdict};
use crate::tally::route::Labels;
use crate::time::Timestamp;

/// What the members of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The root cause; `None` where there is none.
    pub finding: Option<FindingId>,
    /// How it came out.
    pub outcome: Outcome,
    /// Whose code a closing had, where that is known: one number means something else to another.
    pub application: Option<Arc<str>>,
    /// Who did it.
    pub hop: Option<HopKey>,
    /// Host that the client named, in lower case.
    pub host: Option<Box<str>>,
    /// Path of the target, with `*` for ids.
    pub route: Box<str>,
}

/// How the members of a group came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Attempts of one verdict.
    Attempt(Verdict),
    /// Closings of one kind.
    Closing {
        /// How they ended.
        kind: Kind,
        /// What an API reports.
        code: Option<u16>,
        /// Who ended them.
        by: Party,
    },
    /// All that found no room among the groups.
    Folded,
}

/// A hop as far as it stays the same from one attempt to the next: its outward port never does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopKey {
    /// Its side towards the client.
    pub inward: Option<Endpoint>,
    /// Its side towards the backend, where the other is not known.
    pub outward: Option<IpAddr>,
    /// What it calls itself.
    pub software: Option<Box<str>>,
}

/// The first member of a group.
#[derive(Clone, Debug)]
pub enum Example {
    /// Of attempts.
    Attempt(Arc<JudgedAttempt>),
    /// Of closings.
    Closing(Arc<JudgedClosing>),
}

/// A group as it stands.
#[derive(Clone, Debug)]
pub struct Group {
    /// What its members have in common.
    pub key: Arc<GroupKey>,
    /// How many there are.
    pub count: u64,
    /// Share of the attempts of that route (for closings: of its closings); `None` for the folded group.
    pub share: Option<f64>,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// The first of them.
    pub example: Example,
}

/// A key whose texts stand where they were found: nearly all have a group already, and need not be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyParts<'a> {
    finding: Option<FindingId>,
    outcome: Outcome,
    application: Option<&'a Arc<str>>,
    hop: Option<HopParts<'a>>,
    host: Option<&'a str>,
    route: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct HopParts<'a> {
    inward: Option<Endpoint>,
    outward: Option<IpAddr>,
    software: Option<&'a str>,
}

impl<'a> KeyParts<'a> {
    /// Of an attempt.
    pub(super) fn of_attempt(judged: &'a JudgedAttempt, labels: &'a Labels) -> Self {
        let judgement = &judged.judgement;
        Self {
            finding: root(judged),
            outcome: Outcome::Attempt(judgement.verdict),
            application: None,
            hop: judgement.hop.as_ref().map(HopParts::of),
            host: labels.host(),
            route: labels.route(),
        }
    }

    /// Of a closing.
    pub(super) fn of_closing(judged: &'a JudgedClosing, labels: &'a Labels) -> Self {
        let judgement = &judged.judgement;
        Self {
            finding: judgement.findings.first().map(|finding| finding.id),
            outcome: Outcome::Closing {
                kind: judgement.kind,
                code: judgement.code,
                by: judgement.by,
            },
            application: judgement.meaning.as_ref().map(|meaning| &meaning.of),
            hop: judgement.hop.as_ref().map(HopParts::of),
            host: labels.host(),
            route: labels.route(),
        }
    }

    fn copied(self) -> GroupKey {
        GroupKey {
            finding: self.finding,
            outcome: self.outcome,
            application: self.application.cloned(),
            hop: self.hop.map(HopParts::copied),
            host: self.host.map(Into::into),
            route: self.route.into(),
        }
    }
}

impl<'a> HopParts<'a> {
    fn of(hop: &'a Hop) -> Self {
        Self {
            inward: hop.inward,
            outward: match hop.inward {
                Some(_) => None,
                None => hop.outward.map(|outward| outward.addr),
            },
            software: hop.software.as_deref(),
        }
    }

    fn copied(self) -> HopKey {
        HopKey {
            inward: self.inward,
            outward: self.outward,
            software: self.software.map(Into::into),
        }
    }
}

impl GroupKey {
    /// The group that an attempt belongs to.
    pub fn of_attempt(judged: &JudgedAttempt) -> Self {
        let mut labels = Labels::default();
        labels.of_leg(judged.attempt.outermost());
        KeyParts::of_attempt(judged, &labels).copied()
    }

    /// The group that a closing belongs to.
    pub fn of_closing(judged: &JudgedClosing) -> Self {
        let mut labels = Labels::default();
        let closing = &judged.closing;
        labels.set(closing.host.as_deref(), Some(&closing.target));
        KeyParts::of_closing(judged, &labels).copied()
    }

    fn parts(&self) -> KeyParts<'_> {
        KeyParts {
            finding: self.finding,
            outcome: self.outcome,
            application: self.application.as_ref(),
            hop: self.hop.as_ref().map(|hop| HopParts {
                inward: hop.inward,
                outward: hop.outward,
                software: hop.software.as_deref(),
            }),
            host: self.host.as_deref(),
            route: &self.route,
        }
    }

    /// The group of all that found no room.
    pub fn folded() -> Self {
        Self {
            finding: None,
            outcome: Outcome::Folded,
            application: None,
            hop: None,
            host: None,
            route: "other".into(),
        }
    }
}

/// The root cause of an attempt; one that opened whole has none, whatever notes it bears.
pub fn root(judged: &JudgedAttempt) -> Option<FindingId> {
    let judgement = &judged.judgement;
    let finding = judgement.findings.first().map(|finding| finding.id);
    finding.filter(|_| judgement.verdict != Verdict::Ok)
}

impl Example {
    /// Number of the attempt.
    pub fn attempt_id(&self) -> u64 {
        match self {
            Self::Attempt(judged) => judged.attempt.id,
            Self::Closing(judged) => judged.closing.attempt,
        }
    }
}

/// All groups, at most as many as the limit `groups` and the folded one.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Where each is, by a digest of its key, or by the first number behind it that was free.
    places: HashMap<u64, usize>,
    seed: DigestSeed,
    all: Vec<Group>,
    folded: Option<Group>,
    most: usize,
}

impl Groups {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: HashMap::default(),
            seed: DigestSeed::default(),
            all: Vec::new(),
            folded: None,
            most,
        }
    }

    /// Counts one member, of that time and attempt; false where it had to be folded.
    pub(super) fn count(
        &mut self,
        key: KeyParts<'_>,
        (at, attempt): (Timestamp, u64),
        example: impl FnOnce() -> Example,
    ) -> bool {
        let digest = match self.find(key) {
            Ok(place) => {
                if let Some(group) = self.all.get_mut(place) {
                    group.add(at, attempt, example);
                }
                return true;
            }
            Err(digest) => digest,
        };
        if self.all.len() < self.most {
            self.places.insert(digest, self.all.len());
            let key = Arc::new(key.copied());
            self.all.push(Group::new(key, at, example()));
            return true;
        }
        if let Some(group) = &mut self.folded {
            group.add(at, attempt, example);
        } else {
            let key = Arc::new(GroupKey::folded());
            self.folded = Some(Group::new(key, at, example()));
        }
        false
    }

    /// The place of a group; where there is none, the number by which it would be found.
    fn find(&self, key: KeyParts<'_>) -> Result<usize, u64> {
        let mut digest = self.seed.hash_one(key);
        while let Some(&place) = self.places.get(&digest) {
            let known = self.all.get(place);
            if known.is_some_and(|group| group.key.parts() == key) {
                return Ok(place);
            }
            digest = digest.wrapping_add(1);
        }
        Err(digest)
    }

    /// All groups, the largest first, the folded one last; `total` says how many a group is a share of.
    pub(super) fn sorted(&self, total: impl Fn(&GroupKey) -> u64) -> Vec<Group> {
        let mut groups = self.all.clone();
        groups.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.first.cmp(&b.first))
                .then_with(|| a.key.cmp(&b.key))
        });
        for group in &mut groups {
            group.share = share(group.count, total(&group.key));
        }
        groups.extend(self.folded.clone());
        groups
    }
}

impl Group {
    fn new(key: Arc<GroupKey>, at: Timestamp, example: Example) -> Self {
        Self {
            key,
            count: 1,
            share: None,
            first: at,
            last: at,
            example,
        }
    }

    fn add(&mut self, at: Timestamp, attempt: u64, example: impl FnOnce() -> Example) {
        // They are told when they are decided, which is not the order in which they began. Of all that are open when the
        // capture is over, the first is the one that was decided first.
        if (at, attempt) < (self.first, self.example.attempt_id()) {
            self.example = example();
        }
        self.count = self.count.saturating_add(1);
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
fn share(count: u64, total: u64) -> Option<f64> {
    (total > 0).then(|| count as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::example::{at, closing, forbidden, stripped};

    fn counts(groups: &Groups) -> Vec<u64> {
        groups.all.iter().map(|group| group.count).collect()
    }

    #[test]
    fn a_group_is_found_by_the_key_it_was_made_of() {
        let mut groups = Groups::new(9);
        let attempts = [stripped(1, 50_000, 0), forbidden(2)];
        let closings = [
            closing(3, Kind::Normal, Some(1000), Party::Client),
            closing(3, Kind::Normal, Some(1001), Party::Client),
            closing(3, Kind::Normal, Some(1001), Party::Server),
        ];
        for _ in 0..3 {
            let mut labels = Labels::default();
            for judged in &attempts {
                labels.of_leg(judged.attempt.outermost());
                let key = KeyParts::of_attempt(judged, &labels);
                assert!(groups.count(key, (at(0), 2), || Example::Attempt(judged.clone())));
            }
            for judged in &closings {
                labels.set(Some("a"), Some("/ws/1"));
                let key = KeyParts::of_closing(judged, &labels);
                assert!(groups.count(key, (at(0), 2), || Example::Closing(Arc::new(
                    judged.clone()
                ))));
            }
        }
        assert_eq!(counts(&groups), [3; 5]);
        for group in &groups.all {
            assert_eq!(group.key.parts().copied(), *group.key);
        }
    }

    #[test]
    fn two_keys_of_one_digest_are_two_groups() {
        let mut groups = Groups::new(9);
        let (judged, mut labels) = (forbidden(2), Labels::default());
        labels.set(Some("a"), Some("/a"));
        let first = KeyParts::of_attempt(&judged, &labels);
        let mut others = Labels::default();
        others.set(Some("a"), Some("/b"));
        let second = KeyParts::of_attempt(&judged, &others);
        let example = || Example::Attempt(judged.clone());
        groups.count(first, (at(0), 2), example);
        // As if the second had the digest of the first.
        groups.places.insert(groups.seed.hash_one(second), 0);
        for _ in 0..2 {
            groups.count(second, (at(0), 2), example);
            groups.count(first, (at(0), 2), example);
        }
        assert_eq!(counts(&groups), [3, 2]);
    }

    #[test]
    fn the_example_is_the_first_by_its_time_and_then_by_its_number() {
        let mut groups = Groups::new(9);
        let labels = Labels::default();
        for (attempt, ms) in [(5, 20), (3, 20), (4, 20), (9, 10), (1, 20)] {
            let judged = forbidden(attempt);
            let key = KeyParts::of_attempt(&judged, &labels);
            groups.count(key, (at(ms), attempt), || Example::Attempt(judged.clone()));
            let example = groups.all[0].example.attempt_id();
            let first = match attempt {
                5 => 5,
                3 | 4 => 3,
                _ => 9,
            };
            assert_eq!(example, first);
        }
        assert_eq!(counts(&groups), [5]);
    }
}
