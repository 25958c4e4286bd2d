//! Judgements summed up: counts, groups of equal trouble, latency; at any moment an immutable [`Snapshot`] of them.
//!
//! Knows what was judged and nothing of how it is shown. Every table has a ceiling from [`Limits`]; what does not fit is
//! counted together as `other`, and that this happened is counted too. Order and result depend on the input alone.

mod count;
#[cfg(test)]
pub(crate) mod example;
mod group;
mod history;
mod latency;
mod route;
mod routes;
mod snapshot;

pub use count::{Counts, Kinds, Verdicts};
pub use group::{Example, Group, GroupKey, HopKey, Outcome, root};
pub use history::{Beat, History};
pub use latency::{Latency, Percentiles, Spread, Spreads, answer_time, connect_time};
pub use route::{host_of, target_of, template};
pub use routes::Route;
pub use snapshot::Snapshot;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::attempt::{Attempt, Protocol};
use crate::event::Health;
use crate::flow::End;
use crate::judge::{FindingId, JudgedAttempt, JudgedClosing, Verdict};
use crate::limits::{Limit, Limits, Reached};
use crate::time::Timestamp;

use group::{Groups, KeyParts};
use history::Beats;
use latency::Recorder;
use route::Labels;
use routes::{Full, Routes};

/// Other protocols told apart; there are a handful, and strangers can name more.
const PROTOCOLS: usize = 16;
/// Interface names kept; a hostile file can bring 65,536.
const INTERFACES: usize = 1_024;
/// Longest interface name kept; Linux allows 15 bytes, Windows writes a GUID.
const INTERFACE_CHARS: usize = 80;

/// All that is summed up so far.
#[derive(Debug)]
pub struct Tally {
    attempts: Verdicts,
    other_protocols: Counts<Box<str>>,
    other_protocols_total: u64,
    pending: u64,
    still_waiting: u64,
    open: u64,
    findings: Counts<FindingId>,
    notes: Counts<FindingId>,
    statuses: Counts<u16>,
    close_codes: Counts<u16>,
    closings: Kinds,
    groups: Groups,
    routes: Routes,
    labels: Labels,
    latency: Recorder,
    beats: Beats,
    health: Health,
    reached: Reached,
    recent_attempts: Recent<JudgedAttempt>,
    recent_closings: Recent<JudgedClosing>,
    interfaces: BTreeMap<(u16, u16), Box<str>>,
    now: Option<Timestamp>,
}

impl Tally {
    /// Nothing summed up yet.
    pub fn new(limits: &Limits) -> Self {
        let most = |limit| usize::try_from(limits.get(limit)).unwrap_or(usize::MAX);
        Self {
            attempts: Verdicts::default(),
            other_protocols: Counts::new(PROTOCOLS),
            other_protocols_total: 0,
            pending: 0,
            still_waiting: 0,
            open: 0,
            findings: Counts::new(FindingId::ALL.len()),
            notes: Counts::new(FindingId::ALL.len()),
            statuses: Counts::new(most(Limit::tally_codes)),
            close_codes: Counts::new(most(Limit::tally_codes)),
            closings: Kinds::default(),
            groups: Groups::new(most(Limit::groups)),
            routes: Routes::new(most(Limit::tally_routes), most(Limit::tally_hosts)),
            labels: Labels::default(),
            latency: Recorder::new(2),
            beats: Beats::default(),
            health: Health::default(),
            reached: Reached::default(),
            recent_attempts: Recent::new(most(Limit::recent)),
            recent_closings: Recent::new(most(Limit::recent)),
            interfaces: BTreeMap::new(),
            now: None,
        }
    }

    /// The same for those who do not look at the latest one by one, which then need not be kept.
    #[must_use]
    pub fn without_recent(mut self) -> Self {
        self.recent_attempts.are_kept = false;
        self.recent_closings.are_kept = false;
        self
    }

    /// Counts an attempt.
    pub fn attempt(&mut self, judged: &Arc<JudgedAttempt>) {
        let attempt = &judged.attempt;
        if self.recent_attempts.add(judged) {
            self.reached.count(Limit::recent);
        }
        match &attempt.protocol {
            Protocol::WebSocket => self.websocket(judged),
            Protocol::Other(name) => self.other_protocol(name),
            Protocol::None => self.other_protocol("none"),
        }
    }

    /// Counts a closing.
    pub fn closing(&mut self, judged: &Arc<JudgedClosing>) {
        if self.recent_closings.add(judged) {
            self.reached.count(Limit::recent);
        }
        self.closings.count(judged.judgement.kind);
        self.latency.record_pings(&judged.closing);
        self.beats
            .count(|beat| beat.closings.count(judged.judgement.kind));
        if let Some(code) = judged.judgement.code
            && !self.close_codes.count(code)
        {
            self.reached.count(Limit::tally_codes);
        }
        let closing = &judged.closing;
        self.labels
            .set(closing.host.as_deref(), Some(&closing.target));
        let full = self.routes.closing(closing, &self.labels);
        self.full(full);
        let key = KeyParts::of_closing(judged, &self.labels);
        let example = || Example::Closing(Arc::clone(judged));
        if !self
            .groups
            .count(key, (closing.at, closing.attempt), example)
        {
            self.reached.count(Limit::groups);
        }
    }

    /// Takes over the state of the capture.
    pub fn health(&mut self, health: &Health) {
        self.health.clone_from(health);
        self.now = self.now.max(health.now);
    }

    /// An interface got its name.
    pub fn interface(&mut self, source: u16, iface: u16, name: &str) {
        let known = self.interfaces.contains_key(&(source, iface));
        if known || self.interfaces.len() < INTERFACES {
            let name: String = name.chars().take(INTERFACE_CHARS).collect();
            self.interfaces.insert((source, iface), name.into());
        }
    }

    /// Time has come this far; so many attempts wait, so many WebSockets are open.
    pub fn progress(&mut self, now: Timestamp, pending: u64, open: u64) {
        self.now = self.now.max(Some(now));
        self.beats.advance(now);
        self.pending = pending;
        self.open = open;
    }

    /// All of it, as it stands now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.taken(self.routes.sorted())
    }

    /// The same without the routes, whose percentiles take their time: for a screen that is drawn ten times a second.
    pub fn glance(&self) -> Arc<Snapshot> {
        self.taken(Vec::new())
    }

    fn taken(&self, routes: Vec<Route>) -> Arc<Snapshot> {
        let mut health = self.health.clone();
        health.reached.add(&self.reached);
        let groups = self.groups.sorted(|key| {
            let (attempts, closings) = self.routes.totals(key.host.as_deref(), &key.route);
            match key.outcome {
                Outcome::Attempt(_) => attempts,
                Outcome::Closing { .. } => closings,
                Outcome::Folded => 0,
            }
        });
        Arc::new(Snapshot {
            attempts: self.attempts,
            other_protocols: self.other_protocols.clone(),
            other_protocols_total: self.other_protocols_total,
            pending: self.pending,
            still_waiting: self.still_waiting,
            open: self.open,
            findings: self.findings.clone(),
            notes: self.notes.clone(),
            statuses: self.statuses.clone(),
            close_codes: self.close_codes.clone(),
            closings: self.closings,
            groups,
            routes,
            latency: self.latency.summary(),
            spreads: self.latency.spreads(),
            history: self.beats.history(),
            first: health.first,
            health,
            recent_attempts: self.recent_attempts.kept.iter().cloned().collect(),
            recent_closings: self.recent_closings.kept.iter().cloned().collect(),
            interfaces: self.interfaces.clone(),
            now: self.now,
        })
    }

    fn websocket(&mut self, judged: &Arc<JudgedAttempt>) {
        let (attempt, judgement) = (&judged.attempt, &judged.judgement);
        self.attempts.count(judgement.verdict);
        self.beats
            .count(|beat| beat.attempts.count(judgement.verdict));
        if let Some(finding) = root(judged) {
            self.findings.count(finding);
        } else {
            for note in &judgement.findings {
                self.notes.count(note.id);
            }
        }
        if let Some(status) = judgement.status
            && !self.statuses.count(status)
        {
            self.reached.count(Limit::tally_codes);
        }
        if judgement.verdict == Verdict::Unknown && still_waited(attempt) {
            self.still_waiting = self.still_waiting.saturating_add(1);
        }
        self.latency.record(attempt);
        let verdict = judgement.verdict;
        self.labels.of_leg(attempt.outermost());
        let full = self.routes.attempt(&self.labels, attempt, verdict);
        self.full(full);
        // What opened whole is no trouble: its route counts it.
        if verdict != Verdict::Ok {
            let key = KeyParts::of_attempt(judged, &self.labels);
            let example = || Example::Attempt(Arc::clone(judged));
            let first = (attempt.outermost().started(), attempt.id);
            if !self.groups.count(key, first, example) {
                self.reached.count(Limit::groups);
            }
        }
    }

    fn other_protocol(&mut self, name: &str) {
        let name: String = name.chars().take(INTERFACE_CHARS).collect();
        self.other_protocols.count(name.into());
        self.other_protocols_total = self.other_protocols_total.saturating_add(1);
    }

    fn full(&mut self, full: Option<Full>) {
        match full {
            Some(Full::Hosts) => self.reached.count(Limit::tally_hosts),
            Some(Full::Routes) => self.reached.count(Limit::tally_routes),
            None => {}
        }
    }
}

/// The latest of something, at most so many.
#[derive(Debug)]
struct Recent<T> {
    kept: VecDeque<Arc<T>>,
    are_kept: bool,
    count: usize,
    most: usize,
}

impl<T> Recent<T> {
    const fn new(most: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            are_kept: true,
            count: 0,
            most,
        }
    }

    /// Takes one more; true where an older one had to go for it.
    fn add(&mut self, one: &Arc<T>) -> bool {
        let is_full = self.most > 0 && self.count >= self.most;
        if is_full {
            self.kept.pop_front();
        } else if self.most > 0 {
            self.count += 1;
        }
        if self.are_kept && self.most > 0 {
            self.kept.push_back(Arc::clone(one));
        }
        is_full
    }
}

/// Whether the capture ended while the client still waited for its answer.
fn still_waited(attempt: &Attempt) -> bool {
    let leg = attempt.outermost();
    attempt.cut_off
        && leg.request.is_some()
        && leg.response.is_none()
        && leg.end.first.is_none()
        && matches!(leg.end.how, None | Some(End::CaptureOver))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Kind, Party};
    use example::{closing, forbidden, healthy, opened, stripped};

    fn tally(limits: &Limits) -> Tally {
        let mut tally = Tally::new(limits);
        for n in 0..3 {
            tally.attempt(&stripped(n, 50_000, i64::try_from(n).unwrap() * 1_000));
        }
        tally.attempt(&forbidden(4));
        tally.attempt(&opened(5, "/ws/99"));
        tally.closing(&Arc::new(closing(
            5,
            Kind::Normal,
            Some(1000),
            Party::Client,
        )));
        tally.health(&healthy(100));
        tally
    }

    #[test]
    fn equal_trouble_is_one_group_with_its_share() {
        let snapshot = tally(&Limits::default()).snapshot();
        assert_eq!(snapshot.attempts.total(), 5);
        assert_eq!(snapshot.findings.get(&FindingId::UpgradeStripped), 3);
        assert_eq!(snapshot.statuses.get(&426), 3);
        let group = &snapshot.groups[0];
        assert_eq!(
            (group.count, group.share, &*group.key.route),
            (3, Some(0.75), "/ws/*")
        );
        assert_eq!(
            (group.first, group.last),
            (example::at(0), example::at(2_000))
        );
        assert_eq!(group.example.attempt_id(), 0);
        assert_eq!(snapshot.latency.refusal.count, 4);
        assert_eq!(snapshot.latency.proxy.count, 3);
        assert_eq!(snapshot.routes[0].attempts.get(Verdict::Ok), 1);
        assert_eq!(snapshot.attempt(4).unwrap().attempt.id, 4);
    }

    #[test]
    fn a_glance_leaves_out_the_routes_alone() {
        let tally = tally(&Limits::default());
        let (whole, glance) = (tally.snapshot(), tally.glance());
        assert!(!whole.routes.is_empty() && glance.routes.is_empty());
        assert_eq!(whole.attempts, glance.attempts);
        assert_eq!(whole.spreads, glance.spreads);
        assert_eq!(whole.spreads.refusal.percentiles(), whole.latency.refusal);
        assert_eq!(whole.groups.len(), glance.groups.len());
    }

    #[test]
    fn what_finds_no_room_is_folded_and_told() {
        let mut limits = Limits::default();
        for limit in [
            Limit::groups,
            Limit::tally_routes,
            Limit::tally_codes,
            Limit::recent,
        ] {
            limits.set(limit, 1);
        }
        let snapshot = tally(&limits).snapshot();
        assert_eq!(snapshot.groups.len(), 2);
        assert_eq!(snapshot.groups[1].key.outcome, Outcome::Folded);
        assert_eq!(snapshot.groups[1].count, 2);
        assert_eq!(snapshot.routes.len(), 2);
        assert_eq!(&*snapshot.routes[1].route, "other");
        assert_eq!(snapshot.statuses.other(), 2);
        assert_eq!(snapshot.recent_attempts.len(), 1);
        let reached: Vec<_> = snapshot
            .health
            .reached
            .iter()
            .map(|(limit, _)| limit)
            .collect();
        assert_eq!(
            reached,
            [
                Limit::recent,
                Limit::groups,
                Limit::tally_codes,
                Limit::tally_routes
            ]
        );
    }

    #[test]
    fn who_does_not_look_at_the_latest_is_told_the_same() {
        let mut limits = Limits::default();
        limits.set(Limit::recent, 2);
        let kept = tally(&limits).snapshot();
        let mut tally = Tally::new(&limits).without_recent();
        for judged in [
            forbidden(1),
            forbidden(2),
            forbidden(3),
            forbidden(4),
            forbidden(5),
        ] {
            tally.attempt(&judged);
        }
        let snapshot = tally.snapshot();
        assert_eq!(
            (kept.recent_attempts.len(), snapshot.recent_attempts.len()),
            (2, 0)
        );
        let reached = |of: &Snapshot| of.health.reached.iter().collect::<Vec<_>>();
        assert_eq!(reached(&snapshot), [(Limit::recent, 3)]);
        assert_eq!(reached(&kept), reached(&snapshot));
    }

    #[test]
    fn other_protocols_are_counted_apart() {
        let mut tally = Tally::new(&Limits::default());
        let mut judged = JudgedAttempt::clone(&forbidden(1));
        judged.attempt.protocol = Protocol::Other("h2c".into());
        tally.attempt(&Arc::new(judged));
        let snapshot = tally.snapshot();
        assert_eq!(
            (snapshot.attempts.total(), snapshot.other_protocols_total),
            (0, 1)
        );
        assert!(snapshot.groups.is_empty() && snapshot.routes.is_empty());
    }

    #[test]
    fn pending_are_the_unknown_that_still_waited() {
        let mut tally = Tally::new(&Limits::default());
        let mut judged = JudgedAttempt::clone(&forbidden(1));
        judged.judgement.verdict = Verdict::Unknown;
        judged.attempt.cut_off = true;
        tally.attempt(&Arc::new(judged.clone()));
        judged.attempt.legs[0].leg.response = None;
        judged.attempt.legs[0].leg.end = crate::attempt::LegEnd::default();
        tally.attempt(&Arc::new(judged));
        assert_eq!(tally.snapshot().still_waiting, 1);
    }
}
