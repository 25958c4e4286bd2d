//! The rows of the lists: which of them are shown, in what order, and which one is selected.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::sync::Arc;

use crate::attempt::{Attempt, Protocol};
use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::report::{Item, Only};
use crate::tally::{
    Example, Group, GroupKey, HopKey, Outcome, Snapshot, answer_time, host_of, target_of,
};
use crate::time::Timestamp;

use super::action::Screen;
use super::filter::{Facts, Filter};

/// What an attempt can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AttemptColumn {
    #[default]
    Time,
    Verdict,
    Status,
    Host,
    Path,
    Took,
    Hop,
    Client,
    What,
}

/// What a closing can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClosingColumn {
    #[default]
    Time,
    Kind,
    Code,
    By,
    Age,
    Idle,
    Host,
    Path,
    What,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order<C> {
    pub(super) column: C,
    /// The other way round than usual: oldest, smallest, last of the alphabet first.
    pub(super) reversed: bool,
}

/// What is selected in a list.
#[derive(Clone, Debug)]
pub(super) struct Cursor<K> {
    /// `None` follows whatever comes first.
    at: Option<K>,
    index: usize,
}

/// What is shown of a snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) groups: Vec<Group>,
    pub(super) attempts: Vec<Arc<JudgedAttempt>>,
    pub(super) closings: Vec<Arc<JudgedClosing>>,
    /// How many there would be without a filter.
    pub(super) all: [usize; 3],
}

/// What decides on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    /// Only what it shows is gathered.
    pub(super) screen: Screen,
    pub(super) filter: &'a Filter,
    pub(super) only: Option<&'a Only>,
    pub(super) baseline: Option<&'a Snapshot>,
    pub(super) attempts: Order<AttemptColumn>,
    pub(super) closings: Order<ClosingColumn>,
}

impl AttemptColumn {
    pub(super) const ALL: &[Self] = &[
        Self::Time,
        Self::Verdict,
        Self::Status,
        Self::Host,
        Self::Path,
        Self::Took,
        Self::Hop,
        Self::Client,
        Self::What,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Verdict => "verdict",
            Self::Status => "status",
            Self::Host => "host",
            Self::Path => "path",
            Self::Took => "took",
            Self::Hop => "hop",
            Self::Client => "client",
            Self::What => "what",
        }
    }
}

impl ClosingColumn {
    pub(super) const ALL: &[Self] = &[
        Self::Time,
        Self::Kind,
        Self::Code,
        Self::By,
        Self::Age,
        Self::Idle,
        Self::Host,
        Self::Path,
        Self::What,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Kind => "kind",
            Self::Code => "code",
            Self::By => "by",
            Self::Age => "open for",
            Self::Idle => "silent",
            Self::Host => "host",
            Self::Path => "path",
            Self::What => "what",
        }
    }
}

/// The one behind it, around.
pub(super) fn next_of<C: Copy + PartialEq>(all: &[C], column: C) -> C {
    let at = all.iter().position(|&one| one == column).unwrap_or(0);
    all.iter().copied().cycle().nth(at + 1).unwrap_or(column)
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self { at: None, index: 0 }
    }
}

impl<K: Clone + PartialEq> Cursor<K> {
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    pub(super) const fn follows(&self) -> bool {
        self.at.is_none()
    }

    pub(super) fn follow(&mut self) {
        (self.at, self.index) = (None, 0);
    }

    /// The list has changed: stays at its row, or where that was.
    pub(super) fn settle(&mut self, len: usize, mut key: impl FnMut(usize) -> Option<K>) {
        self.index = match &self.at {
            None => 0,
            Some(at) => (0..len)
                .find(|&index| key(index).as_ref() == Some(at))
                .unwrap_or_else(|| self.index.min(len.saturating_sub(1))),
        };
    }

    /// Goes to that row and stays there.
    pub(super) fn pin(&mut self, index: usize, len: usize, key: impl Fn(usize) -> Option<K>) {
        self.index = index.min(len.saturating_sub(1));
        self.at = key(self.index);
    }
}

impl Lists {
    /// What of the snapshot is to be shown.
    pub(super) fn of(snapshot: &Snapshot, choice: &Choice<'_>) -> Self {
        let shows = |screen| choice.screen == screen;
        let is_overview = shows(Screen::Overview);
        let mut lists = Self::default();
        if is_overview {
            (lists.groups, lists.all[0]) = groups(snapshot, choice);
        }
        if is_overview || shows(Screen::Attempts) {
            (lists.attempts, lists.all[1]) = attempts(snapshot, choice);
        }
        if shows(Screen::Closings) {
            (lists.closings, lists.all[2]) = closings(snapshot, choice);
        }
        lists
    }
}

impl Choice<'_> {
    fn wants(&self, item: Item<'_>) -> bool {
        self.only.is_none_or(|only| only.wants(item))
    }

    /// Facts are gathered only where a filter asks for them.
    fn fits(&self, snapshot: &Snapshot, facts: impl FnOnce() -> Facts) -> bool {
        self.filter.is_empty() || self.filter.fits(&facts(), snapshot.now)
    }
}

/// What is left of them, in their order, and how many there are without the filter.
fn attempts(snapshot: &Snapshot, choice: &Choice<'_>) -> (Vec<Arc<JudgedAttempt>>, usize) {
    let last = choice.baseline.and_then(|base| base.recent_attempts.last());
    let last = last.map(|judged| judged.attempt.id);
    let mut rows: Vec<_> = snapshot
        .recent_attempts
        .iter()
        .filter(|judged| last.is_none_or(|last| judged.attempt.id > last))
        .filter(|judged| choice.wants(Item::Attempt(judged)))
        .cloned()
        .collect();
    let all = rows.len();
    let mut codes = HashMap::new();
    if choice.filter.looks_across() {
        let closings = snapshot.recent_closings.iter();
        codes.extend(closings.map(|judged| (judged.closing.attempt, judged.judgement.code)));
    }
    rows.retain(|judged| {
        let code = codes.get(&judged.attempt.id).copied().flatten();
        choice.fits(snapshot, || attempt_facts(judged, code))
    });
    sort_attempts(&mut rows, choice.attempts);
    (rows, all)
}

fn closings(snapshot: &Snapshot, choice: &Choice<'_>) -> (Vec<Arc<JudgedClosing>>, usize) {
    let before = choice.baseline.and_then(|base| base.now);
    let mut rows: Vec<_> = snapshot
        .recent_closings
        .iter()
        .filter(|judged| before.is_none_or(|before| judged.closing.at > before))
        .filter(|judged| choice.wants(Item::Closing(judged)))
        .cloned()
        .collect();
    let all = rows.len();
    let mut known = HashMap::new();
    if choice.filter.looks_across() {
        let attempts = snapshot.recent_attempts.iter();
        known.extend(attempts.map(|judged| (judged.attempt.id, &**judged)));
    }
    rows.retain(|judged| {
        let attempt = known.get(&judged.closing.attempt).copied();
        choice.fits(snapshot, || closing_facts(judged, attempt))
    });
    sort_closings(&mut rows, choice.closings);
    (rows, all)
}

fn groups(snapshot: &Snapshot, choice: &Choice<'_>) -> (Vec<Group>, usize) {
    let mut rows = new_groups(snapshot, choice.baseline);
    rows.retain(|group| choice.wants(Item::of(&group.example)) && is_trouble(group));
    let all = rows.len();
    rows.retain(|group| choice.fits(snapshot, || group_facts(group)));
    (rows, all)
}

/// Groups as far as they grew since the counters were reset, the worst and largest first.
fn new_groups(snapshot: &Snapshot, base: Option<&Snapshot>) -> Vec<Group> {
    let before: HashMap<&GroupKey, u64> = base
        .iter()
        .flat_map(|base| &base.groups)
        .map(|group| (&*group.key, group.count))
        .collect();
    let mut groups: Vec<Group> = snapshot
        .groups
        .iter()
        .filter_map(|group| {
            let old = before.get(&*group.key).copied().unwrap_or(0);
            let new = group.count.saturating_sub(old);
            (new > 0).then(|| Group {
                count: new,
                // Of what it would be a share is not known.
                share: group.share.filter(|_| base.is_none()),
                ..group.clone()
            })
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse((severity(group), group.count)));
    groups
}

fn severity(group: &Group) -> crate::judge::Severity {
    match &group.example {
        _ if group.key.outcome == Outcome::Folded => crate::judge::Severity::Info,
        Example::Attempt(judged) => judged.judgement.severity,
        Example::Closing(judged) => judged.judgement.severity,
    }
}

/// Ends that nobody needs to look at are no trouble.
fn is_trouble(group: &Group) -> bool {
    match &group.example {
        _ if group.key.outcome == Outcome::Folded => true,
        Example::Attempt(_) => true,
        Example::Closing(judged) => {
            judged.judgement.severity > crate::judge::Severity::Info
                || !judged.judgement.findings.is_empty()
        }
    }
}

fn attempt_facts(judged: &JudgedAttempt, code: Option<u16>) -> Facts {
    let (attempt, judgement) = (&judged.attempt, &judged.judgement);
    let leg = attempt.outermost();
    Facts {
        id: Some(attempt.id),
        verdict: judgement.verdict.name(),
        status: judgement.status,
        host: host_of(leg).unwrap_or_default().to_lowercase(),
        path: path_of(attempt).to_lowercase(),
        hop: hop_text(judged),
        client: leg.connection().client.to_string(),
        findings: judgement.findings.iter().map(|f| f.id.name()).collect(),
        code,
        kind: "",
        by: "",
        at: Some(leg.started()),
    }
}

fn closing_facts(judged: &JudgedClosing, attempt: Option<&JudgedAttempt>) -> Facts {
    let (closing, judgement) = (&judged.closing, &judged.judgement);
    let mut hop = String::new();
    for leg in &closing.legs {
        add(&mut hop, leg.server);
        add(
            &mut hop,
            leg.handshake.software.as_deref().unwrap_or_default(),
        );
    }
    let client = closing.legs.first().map(|leg| leg.client.to_string());
    Facts {
        id: Some(closing.attempt),
        verdict: attempt.map_or("", |judged| judged.judgement.verdict.name()),
        status: attempt.map_or(Some(101), |judged| judged.judgement.status),
        host: closing.host.as_deref().unwrap_or_default().to_lowercase(),
        path: path(&closing.target).to_lowercase(),
        hop: hop.to_lowercase(),
        client: client.unwrap_or_default(),
        findings: judgement.findings.iter().map(|f| f.id.name()).collect(),
        code: judgement.code,
        kind: judgement.kind.name(),
        by: judgement.by.name(),
        at: Some(closing.at),
    }
}

fn group_facts(group: &Group) -> Facts {
    let key = &group.key;
    let mut facts = match &group.example {
        Example::Attempt(judged) => attempt_facts(judged, None),
        Example::Closing(judged) => closing_facts(judged, None),
    };
    facts.id = None;
    facts.at = Some(group.last);
    // The first member is one of many: what they have in common counts.
    facts.path = key.route.to_lowercase();
    if let Some(HopKey { software, .. }) = &key.hop {
        facts.hop.push(' ');
        facts
            .hop
            .push_str(&software.as_deref().unwrap_or_default().to_lowercase());
    }
    facts
}

fn hop_text(judged: &JudgedAttempt) -> String {
    let mut text = String::with_capacity(128);
    if let Some(hop) = &judged.judgement.hop {
        for end in hop.inward.iter().chain(&hop.outward) {
            add(&mut text, end);
        }
        add(&mut text, hop.software.as_deref().unwrap_or_default());
    }
    for node in &judged.attempt.legs {
        add(&mut text, node.leg.connection().server);
        if let Some(software) = node.leg.answer_field("server") {
            add(&mut text, software);
        }
    }
    text.make_ascii_lowercase();
    text
}

fn add(text: &mut String, word: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{word} ");
}

/// The path of the outermost request, as it was sent, without its query.
pub(super) fn path_of(attempt: &Attempt) -> &str {
    target_of(attempt.outermost()).map_or("*", path)
}

/// A target without its query.
pub(super) fn path(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or(target)
}

/// The name of what was asked for, where it is not WebSocket.
pub(super) fn other_protocol(attempt: &Attempt) -> Option<&str> {
    match &attempt.protocol {
        Protocol::WebSocket => None,
        Protocol::Other(name) => Some(name),
        Protocol::None => Some("nothing"),
    }
}

/// Sorts by a number, then by a text; the same by time, newest first.
type Key = (u64, String);

fn sort_attempts(attempts: &mut [Arc<JudgedAttempt>], order: Order<AttemptColumn>) {
    use AttemptColumn as C;
    newest_first(attempts, |j| {
        (j.attempt.outermost().started(), j.attempt.id)
    });
    let number = |n: Option<u64>| (n.unwrap_or(u64::MAX), String::new());
    let text = |text: String| (0, text);
    let key = |judged: &Arc<JudgedAttempt>| -> Key {
        let (attempt, judgement) = (&judged.attempt, &judged.judgement);
        let leg = attempt.outermost();
        match order.column {
            C::Time => number(None),
            C::Verdict => text(judgement.verdict.name().to_owned()),
            C::Status => number(judgement.status.map(u64::from)),
            C::Host => text(host_of(leg).unwrap_or_default().into_owned()),
            C::Path => text(path_of(attempt).to_owned()),
            C::Took => {
                // The slowest matter.
                let us = answer_time(leg).map(|wait| wait.as_micros());
                number(us.map(|us| u64::MAX - u64::try_from(us).unwrap_or(u64::MAX)))
            }
            C::Hop => text(hop_text(judged)),
            C::Client => text(leg.connection().client.addr.to_string()),
            C::What => text(finding(judgement.findings.first())),
        }
    };
    if order.column != C::Time {
        attempts.sort_by_cached_key(key);
    }
    if order.reversed {
        attempts.reverse();
    }
}

fn sort_closings(closings: &mut [Arc<JudgedClosing>], order: Order<ClosingColumn>) {
    use ClosingColumn as C;
    newest_first(closings, |j| (j.closing.at, j.closing.attempt));
    let longest =
        |wait: std::time::Duration| u64::MAX - u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    let key = |judged: &Arc<JudgedClosing>| -> Key {
        let (closing, judgement) = (&judged.closing, &judged.judgement);
        match order.column {
            C::Time => (0, String::new()),
            C::Kind => (0, judgement.kind.name().to_owned()),
            C::Code => (judgement.code.map_or(u64::MAX, u64::from), String::new()),
            C::By => (0, judgement.by.name().to_owned()),
            C::Age => (longest(closing.age()), String::new()),
            C::Idle => (longest(closing.idle()), String::new()),
            C::Host => (0, closing.host.as_deref().unwrap_or_default().to_owned()),
            C::Path => (0, path(&closing.target).to_owned()),
            C::What => (0, finding(judgement.findings.first())),
        }
    };
    if order.column != C::Time {
        closings.sort_by_cached_key(key);
    }
    if order.reversed {
        closings.reverse();
    }
}

fn newest_first<T>(rows: &mut [Arc<T>], at: impl Fn(&T) -> (Timestamp, u64)) {
    rows.sort_by_key(|row| std::cmp::Reverse(at(row)));
}

/// Those without one come last.
fn finding(finding: Option<&crate::judge::Finding>) -> String {
    finding.map_or("~", |finding| finding.id.name()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_at_its_row_while_others_come() {
        let mut cursor = Cursor::default();
        let first = [30, 20, 10];
        let key = |rows: &'static [i32]| move |index: usize| rows.get(index).copied();
        cursor.settle(3, key(&[30, 20, 10]));
        assert!(cursor.follows() && cursor.index() == 0);
        cursor.pin(1, first.len(), key(&[30, 20, 10]));
        cursor.settle(5, key(&[50, 40, 30, 20, 10]));
        assert_eq!(cursor.index(), 3);
        // It is gone: stays where it was.
        cursor.settle(3, key(&[60, 50, 40]));
        assert_eq!(cursor.index(), 2);
        cursor.settle(0, key(&[]));
        assert_eq!(cursor.index(), 0);
        cursor.follow();
        assert!(cursor.follows());
    }
}
