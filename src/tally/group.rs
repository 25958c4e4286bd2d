//! Groups of equal trouble: in an incident ten thousand attempts fail for one reason.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::Endpoint;
use crate::hash::HashMap;
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

impl GroupKey {
    /// The group that an attempt belongs to.
    pub fn of_attempt(judged: &JudgedAttempt) -> Self {
        let mut labels = Labels::default();
        labels.of_leg(judged.attempt.outermost());
        Self::of_labelled_attempt(judged, &labels)
    }

    pub(super) fn of_labelled_attempt(judged: &JudgedAttempt, labels: &Labels) -> Self {
        let judgement = &judged.judgement;
        Self {
            finding: root(judged),
            outcome: Outcome::Attempt(judgement.verdict),
            application: None,
            hop: judgement.hop.as_ref().map(HopKey::of),
            host: labels.host().map(Into::into),
            route: labels.route().into(),
        }
    }

    /// The group that a closing belongs to.
    pub fn of_closing(judged: &JudgedClosing) -> Self {
        let mut labels = Labels::default();
        let closing = &judged.closing;
        labels.set(closing.host.as_deref(), Some(&closing.target));
        Self::of_labelled_closing(judged, &labels)
    }

    pub(super) fn of_labelled_closing(judged: &JudgedClosing, labels: &Labels) -> Self {
        let judgement = &judged.judgement;
        Self {
            finding: judgement.findings.first().map(|finding| finding.id),
            outcome: Outcome::Closing {
                kind: judgement.kind,
                code: judgement.code,
                by: judgement.by,
            },
            application: judgement.meaning.as_ref().map(|meaning| meaning.of.clone()),
            hop: judgement.hop.as_ref().map(HopKey::of),
            host: labels.host().map(Into::into),
            route: labels.route().into(),
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

impl HopKey {
    fn of(hop: &Hop) -> Self {
        Self {
            inward: hop.inward,
            outward: match hop.inward {
                Some(_) => None,
                None => hop.outward.map(|outward| outward.addr),
            },
            software: hop.software.clone(),
        }
    }
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
    places: HashMap<Arc<GroupKey>, usize>,
    all: Vec<Group>,
    folded: Option<Group>,
    most: usize,
}

impl Groups {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: HashMap::default(),
            all: Vec::new(),
            folded: None,
            most,
        }
    }

    /// Counts one member; false where it had to be folded.
    pub(super) fn count(&mut self, key: GroupKey, at: Timestamp, example: Example) -> bool {
        let known = self.places.get(&key).copied();
        if let Some(group) = known.and_then(|place| self.all.get_mut(place)) {
            group.add(at, example);
        } else if self.all.len() < self.most {
            let key = Arc::new(key);
            self.places.insert(Arc::clone(&key), self.all.len());
            self.all.push(Group::new(key, at, example));
        } else {
            if let Some(group) = &mut self.folded {
                group.add(at, example);
            } else {
                let key = Arc::new(GroupKey::folded());
                self.folded = Some(Group::new(key, at, example));
            }
            return false;
        }
        true
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

    fn add(&mut self, at: Timestamp, example: Example) {
        // They are told when they are decided, which is not the order in which they began.
        if at < self.first {
            self.example = example;
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
