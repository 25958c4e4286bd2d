//! What may be told where bytes were lost.
//!
//! A loss may make wscap say less, in one of these ways, and nothing else:
//! - it says `unknown`, and names nobody;
//! - it says what the connections that the loss did not touch say alone, as if the touched ones had not been captured;
//! - it says nothing of an attempt whose bytes were lost;
//! - it says how something closed as far as it was seen: `open`, or, told to be lossy, without naming anybody;
//! - where it was lost that the client had left, it tells the status that the client did not get;
//! - where the capture ended early, it does not know what came later and says that it opened.
//!
//! Even what untouched connections say alone may not accuse where the whole capture shows that nothing is wrong.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use wscap::flow::FlowKey;
use wscap::judge::{FindingId, Hop, Kind, Party, Verdict};

use super::packets;
use super::told::{Closed, Told, tell};
use crate::support::{OwnedRecord, mischief};

/// Connections of which every set is tried to be missing; of more, each alone and all together.
const FEW: usize = 4;

/// What a status says alone, where the rest of the answer or the leg behind was lost.
const BY_STATUS: &[FindingId] = &[FindingId::Forbidden, FindingId::ServerError];

/// A capture that lost something.
pub(super) struct Damage {
    pub(super) how: String,
    pub(super) left: Vec<OwnedRecord>,
    /// The connections that lost a packet, or a part of it.
    touched: BTreeSet<FlowKey>,
    /// Those of them that lost bytes of a stream.
    bled: BTreeSet<FlowKey>,
    /// Nothing but a bare acknowledgement was lost.
    is_nothing: bool,
    /// The capture ended before it was over.
    is_early: bool,
}

impl Damage {
    /// One packet is missing.
    pub(super) fn lost(records: &[OwnedRecord], place: usize) -> Self {
        let how = format!("without packet {}", records[place].at.frame);
        Self::new(
            how,
            mischief::lose(records, &[place]),
            &records[place..=place],
        )
    }

    /// Three packets in a row are missing, as where a buffer was full.
    pub(super) fn burst(records: &[OwnedRecord], place: usize) -> Self {
        let places: Vec<usize> = (place..records.len()).take(3).collect();
        let gone: Vec<OwnedRecord> = places.iter().map(|&at| records[at].clone()).collect();
        let how = format!("without packets from {}", records[place].at.frame);
        Self::new(how, mischief::lose(records, &places), &gone)
    }

    /// Of one connection only one direction was captured.
    pub(super) fn one_way(records: &[OwnedRecord]) -> Vec<Self> {
        let ways: BTreeSet<packets::Way> = records
            .iter()
            .filter_map(packets::look)
            .map(|seen| seen.way)
            .collect();
        let case = |way: packets::Way| {
            let is_gone =
                |record: &OwnedRecord| packets::look(record).is_some_and(|seen| seen.way == way);
            let (gone, left): (Vec<_>, Vec<_>) = records.iter().cloned().partition(is_gone);
            Self::new(format!("without {} > {}", way.0, way.1), left, &gone)
        };
        ways.into_iter().map(case).collect()
    }

    /// The capture begins late.
    pub(super) fn begun(records: &[OwnedRecord], place: usize) -> Self {
        let (gone, left) = records.split_at(place);
        Self::new(format!("without the first {place}"), left.to_vec(), gone)
    }

    /// The capture ends early.
    pub(super) fn ended(records: &[OwnedRecord], place: usize) -> Self {
        let (left, gone) = records.split_at(place);
        Self {
            is_early: true,
            ..Self::new(format!("only the first {place}"), left.to_vec(), gone)
        }
    }

    /// The capture kept only the first bytes of each packet.
    pub(super) fn cut(records: &[OwnedRecord], len: usize) -> Self {
        let gone: Vec<OwnedRecord> = records
            .iter()
            .filter(|record| record.data.len() > len)
            .cloned()
            .collect();
        Self::new(
            format!("cut to {len} bytes"),
            mischief::truncate(records, len),
            &gone,
        )
    }

    fn new(how: String, left: Vec<OwnedRecord>, gone: &[OwnedRecord]) -> Self {
        let seen: Vec<packets::Seen> = gone.iter().filter_map(packets::look).collect();
        Self {
            how,
            left,
            touched: seen.iter().map(packets::Seen::flow).collect(),
            bled: seen
                .iter()
                .filter(|seen| seen.payload > 0)
                .map(packets::Seen::flow)
                .collect(),
            is_early: false,
            is_nothing: gone.len() < 2
                && seen.iter().all(|seen| seen.payload == 0 && !seen.is_turn),
        }
    }
}

/// A capture before the loss, and what is told of it with connections missing.
pub(super) struct Whole<'a> {
    records: &'a [OwnedRecord],
    told: &'a [Told],
    without: RefCell<BTreeMap<BTreeSet<FlowKey>, Vec<Told>>>,
}

impl<'a> Whole<'a> {
    pub(super) const fn new(records: &'a [OwnedRecord], told: &'a [Told]) -> Self {
        Self {
            records,
            told,
            without: RefCell::new(BTreeMap::new()),
        }
    }

    /// What is wrong with what is told after the loss.
    pub(super) fn judge(&self, damage: &Damage, told: &[Told]) -> Vec<String> {
        if damage.is_nothing {
            return super::differences(self.told, told);
        }
        let mut wrong = Vec::new();
        for one in told {
            if let Some(why) = self.is_new_accusation(one) {
                wrong.push(format!("{why}: `{one}`"));
            } else if !self.is_explained(damage, one) {
                wrong.push(format!("nothing explains `{one}`"));
            }
        }
        for before in self.told {
            let is_there = told.iter().any(|one| !one.flows.is_disjoint(&before.flows));
            if !is_there && before.flows.is_disjoint(&damage.bled) {
                wrong.push(format!("`{before}` is gone, and lost no byte"));
            }
        }
        wrong
    }

    /// Where nobody was to blame, nobody is.
    fn is_new_accusation(&self, one: &Told) -> Option<&'static str> {
        let candidates = before(self.told, one);
        if accuses(one)
            && !candidates.is_empty()
            && !candidates.iter().any(|before| accuses(before))
        {
            return Some("accuses where nothing was wrong");
        }
        if one.hop.is_some() && one.verdict == Verdict::Unknown {
            return Some("accuses a hop without knowing");
        }
        None
    }

    fn is_explained(&self, damage: &Damage, one: &Told) -> bool {
        let looked_fine = damage.is_early && one.verdict == Verdict::Ok && one.hop.is_none();
        let by_status = one.hop.is_none() && one.finding.is_some_and(|id| BY_STATUS.contains(&id));
        let explains = |before: &Told| {
            let is_same = one.verdict == before.verdict
                && (is_of(one.finding, &before.findings) || by_status)
                && is_part_of(one.hop.as_ref(), before.hop.as_ref())
                && (one.status.is_none()
                    || one.status == before.status
                    || is_of(Some(FindingId::ClientGaveUp), &before.findings));
            is_same || looked_fine || one.verdict == Verdict::Unknown
        };
        let closes = |before: &Told| match (&one.closing, &before.closing) {
            (None, _) => true,
            (Some(closing), _) => closes_so(closing, before),
        };
        let mut all: Vec<Told> = self.told.to_vec();
        for missing in sets(&damage.touched) {
            all.extend(self.without(missing));
        }
        let candidates = before(&all, one);
        candidates.iter().any(|before| explains(before))
            && candidates.iter().any(|before| closes(before))
    }

    fn without(&self, missing: BTreeSet<FlowKey>) -> Vec<Told> {
        let mut cache = self.without.borrow_mut();
        let told = cache
            .entry(missing)
            .or_insert_with_key(|missing| tell(&packets::without(self.records, missing)));
        told.clone()
    }
}

/// The attempts that an attempt may have been.
fn before<'t>(told: &'t [Told], one: &Told) -> Vec<&'t Told> {
    let shares = |before: &&Told| !before.flows.is_disjoint(&one.flows);
    told.iter().filter(shares).collect()
}

pub(super) fn accuses(one: &Told) -> bool {
    matches!(
        one.verdict,
        Verdict::Stripped | Verdict::Downgraded | Verdict::Rejected
    )
}

/// The whole capture shows that finding too.
fn is_of(finding: Option<FindingId>, whole: &[FindingId]) -> bool {
    finding.is_none_or(|finding| whole.contains(&finding))
}

/// Nobody is named, or the same hop, perhaps without what it calls itself.
fn is_part_of(hop: Option<&Hop>, whole: Option<&Hop>) -> bool {
    let (Some(hop), Some(whole)) = (hop, whole) else {
        return hop.is_none();
    };
    (hop.inward, hop.outward) == (whole.inward, whole.outward)
        && (hop.software.is_none() || hop.software == whole.software)
}

/// A closing is what it was, or less of it.
fn closes_so(closing: &Closed, whole: &Told) -> bool {
    let before = whole.closing.as_ref();
    // Frames that are forbidden were seen, and are told of while it is open.
    let forbidden = before.map_or(&whole.findings, |before| &before.findings);
    let names_nobody = closing.by == Party::Unknown
        && closing.hop.is_none()
        && matches!(
            closing.finding,
            None | Some(FindingId::CaptureIncomplete | FindingId::AbnormalClosure)
        );
    // What a Close says that was seen holds, whoever sent it first.
    let is_answer = closing.lossy.0
        && closing.by == Party::Unknown
        && closing.hop.is_none()
        && closing.kind != Kind::Illegal;
    let is_part = before.is_some_and(|before| {
        closing.kind == before.kind
            && closing.code == before.code
            && (closing.by == before.by
                || closing.by == Party::Unknown
                // Where less is seen of the legs, it is the side that the leg shows.
                || before.by == Party::Proxy && closing.lossy.0)
            && is_of(closing.finding, &before.findings)
            && is_part_of(closing.hop.as_ref(), before.hop.as_ref())
    });
    match closing.kind {
        _ if is_part => true,
        Kind::Open => names_nobody || (closing.hop.is_none() && is_of(closing.finding, forbidden)),
        Kind::Abnormal => {
            names_nobody && (closing.lossy.0 || before.is_some_and(|it| it.kind == Kind::Abnormal))
        }
        _ => is_answer,
    }
}

/// All sets of these, or with many of them each alone and all.
fn sets(of: &BTreeSet<FlowKey>) -> Vec<BTreeSet<FlowKey>> {
    let of: Vec<FlowKey> = of.iter().copied().collect();
    if of.len() > FEW {
        let mut sets: Vec<BTreeSet<FlowKey>> = of.iter().map(|&one| [one].into()).collect();
        sets.push(of.into_iter().collect());
        return sets;
    }
    (1_u32..1 << of.len())
        .map(|bits| {
            let kept = of.iter().enumerate();
            let kept = kept.filter(|(at, _)| bits >> at & 1 == 1);
            kept.map(|(_, &flow)| flow).collect()
        })
        .collect()
}
