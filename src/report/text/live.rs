//! Live, a line when an attempt is decided; of equal ones the first at once, then at most one line in ten seconds.

use std::collections::HashMap;
use std::time::Duration;

use crate::judge::{JudgedAttempt, JudgedClosing, Kind, Party, Verdict};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{Subject, code_name, code_words, hop_name, phrase, short, told};
use crate::report::sanitize::clean;
use crate::tally::{GroupKey, answer_time};
use crate::time::Timestamp;

use super::block::place;
use super::words::{Clock, Paint, number, span};

/// How long equal ones are counted before they are told.
const QUIET: Duration = Duration::from_secs(10);
/// So many plain ends within [`QUIET`] are an event: a deploy, or a page that everybody leaves.
const CROWD: u64 = 50;
/// Groups followed; further ones share a line.
const MOST: usize = 1_024;

/// What was told of each group, and what was not yet.
#[derive(Debug, Default)]
pub(super) struct Folds {
    groups: HashMap<GroupKey, Fold>,
    now: Timestamp,
    swept: Timestamp,
    order: u64,
}

#[derive(Debug)]
struct Fold {
    order: u64,
    told: Timestamp,
    untold: u64,
    last: Timestamp,
    /// Told only where there are very many at once.
    plain: bool,
    /// The line without its time and its end, for the repetition.
    start: String,
}

impl Folds {
    /// Whether one of that group is to be told now; if not, it is counted. `start` is how its line begins.
    pub(super) fn is_new(
        &mut self,
        key: GroupKey,
        at: Timestamp,
        start: impl FnOnce() -> String,
    ) -> bool {
        self.sweep(at);
        if self.groups.len() >= MOST && !self.groups.contains_key(&key) {
            return self.is_new_among_others(at);
        }
        self.is_new_of(key, at, start)
    }

    /// Strangers can name more hosts than anyone reads: beyond the ceiling all share one line.
    fn is_new_among_others(&mut self, at: Timestamp) -> bool {
        self.is_new_of(GroupKey::folded(), at, || {
            "others     of many kinds".to_owned()
        })
    }

    fn is_new_of(&mut self, key: GroupKey, at: Timestamp, start: impl FnOnce() -> String) -> bool {
        if let Some(fold) = self.groups.get_mut(&key) {
            if fold.untold == 0 && at.since(fold.last) >= QUIET {
                // It was away: tell it in full again.
                (fold.told, fold.last) = (at, at);
                return true;
            }
            fold.untold += 1;
            fold.last = fold.last.max(at);
            return false;
        }
        self.follow(key, at, start());
        true
    }

    fn follow(&mut self, key: GroupKey, at: Timestamp, start: String) -> &mut Fold {
        self.order += 1;
        let fold = Fold {
            order: self.order,
            told: at,
            untold: 0,
            last: at,
            plain: false,
            start,
        };
        self.groups.entry(key).or_insert(fold)
    }

    /// Makes room where there is none, now and then.
    fn sweep(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        if self.groups.len() >= MOST && self.now.since(self.swept) >= QUIET {
            let now = self.now;
            self.groups
                .retain(|_, fold| fold.untold > 0 || now.since(fold.last) < QUIET);
            self.swept = now;
        }
    }

    /// Counts an end that nobody needs to hear of, unless very many come at once. `start` is how their line begins.
    pub(super) fn count_plain(
        &mut self,
        key: GroupKey,
        at: Timestamp,
        start: impl FnOnce() -> String,
    ) {
        self.sweep(at);
        if let Some(fold) = self.groups.get_mut(&key) {
            if fold.untold == 0 {
                fold.told = at;
            }
            fold.untold += 1;
            fold.last = fold.last.max(at);
        } else if self.groups.len() < MOST {
            let fold = self.follow(key, at, start());
            (fold.plain, fold.untold) = (true, 1);
        }
    }

    /// The lines that have waited long enough by `now`; all that wait where `at_end`.
    pub(super) fn due(&mut self, now: Timestamp, at_end: bool, clock: &Clock) -> Vec<String> {
        self.now = self.now.max(now);
        let now = self.now;
        let mut due: Vec<&mut Fold> = self
            .groups
            .values_mut()
            .filter(|fold| fold.untold > 0 && (at_end || now.since(fold.told) >= QUIET))
            .collect();
        due.sort_by_key(|fold| (fold.last, fold.order));
        due.into_iter()
            .filter_map(|fold| {
                if fold.plain {
                    let many = fold.untold >= CROWD;
                    let line = many.then(|| {
                        let lasted = span(fold.last.since(fold.told));
                        let n = number(fold.untold);
                        let time = clock.time(fold.told);
                        format!("{time} {}: {n} within {lasted}", fold.start)
                    });
                    fold.untold = 0;
                    fold.told = now;
                    return line;
                }
                let least = if at_end {
                    Duration::from_secs(1)
                } else {
                    QUIET
                };
                let seconds = fold.last.since(fold.told).max(least).as_secs();
                let line = format!(
                    "{} {}  the same, {} more in {seconds} s",
                    clock.time(fold.last),
                    fold.start,
                    number(fold.untold)
                );
                fold.untold = 0;
                fold.told = now;
                Some(line)
            })
            .collect()
    }
}

/// How the line of an attempt begins, after its time: `stripped  api.example.com /ws  426`.
pub(super) fn attempt_start(
    judged: &JudgedAttempt,
    key: &GroupKey,
    mask: &Mask,
    paint: Paint,
) -> String {
    let verdict = judged.judgement.verdict;
    let name = format!("{:<10}", verdict.name());
    let name = match verdict {
        Verdict::Ok => paint.green(&name),
        Verdict::Stripped | Verdict::Rejected => paint.red(&name),
        Verdict::Downgraded | Verdict::Abandoned | Verdict::Unknown => paint.yellow(&name),
    };
    let status = judged
        .judgement
        .status
        .map_or_else(|| "-".to_owned(), |status| status.to_string());
    format!("{name} {}  {status}", place(key, mask))
}

/// How it ends: what happened and how sure that is, or how long the answer took.
pub(super) fn attempt_end(judged: &JudgedAttempt, mask: &Mask) -> String {
    match facts::root(judged) {
        Some(root) => format!(
            "{}   {}, {}",
            clean(&short(judged, mask), 200),
            root.id.name(),
            root.confidence.name()
        ),
        None => answer_time(judged.attempt.outermost())
            .map(span)
            .unwrap_or_default(),
    }
}

/// How the line of a closing begins, after its time: `closed    api.example.com /ws  1006`.
pub(super) fn closing_start(
    judged: &JudgedClosing,
    key: &GroupKey,
    mask: &Mask,
    paint: Paint,
) -> String {
    let kind = judged.judgement.kind;
    let name = format!("{:<10}", if kind == Kind::Open { "open" } else { "closed" });
    let name = match kind {
        Kind::Fault | Kind::Illegal => paint.red(&name),
        Kind::Abnormal => paint.yellow(&name),
        _ => name,
    };
    let code = judged
        .judgement
        .code
        .map_or_else(|| "-".to_owned(), |code| code.to_string());
    format!("{name} {}  {code}", place(key, mask))
}

/// The line of plain ends without their time and number: `closed    api.example.com /ws  1001 Going Away, by server`.
pub(super) fn crowd_start(judged: &JudgedClosing, key: &GroupKey, mask: &Mask) -> String {
    let judgement = &judged.judgement;
    let start = closing_start(judged, key, mask, Paint(false));
    let name = code_name(judgement).unwrap_or_else(|| judgement.kind.name().to_owned());
    format!("{start} {name}, by {}", judgement.by.name())
}

/// How it ends.
pub(super) fn closing_end(judged: &JudgedClosing) -> String {
    let judgement = &judged.judgement;
    let name = code_name(judgement).unwrap_or_else(|| match judgement.kind {
        Kind::Application => "the app's own code".to_owned(),
        kind => kind.name().to_owned(),
    });
    let why = judgement.findings.first().map(|root| {
        format!(
            "   {}   {}, {}",
            told(root.id),
            root.id.name(),
            root.confidence.name()
        )
    });
    format!(
        "{name}, by {}, after {}{}",
        judgement.by.name(),
        span(judged.closing.age()),
        why.unwrap_or_default()
    )
}

/// Who ended it and how, as a sentence: for where the evidence stands apart.
pub(crate) fn closing_words(judged: &JudgedClosing, mask: &Mask) -> String {
    let judgement = &judged.judgement;
    let by = match (judgement.kind, judgement.by) {
        (Kind::Open, _) => return "It was still open when the capture ended.".to_owned(),
        (_, Party::Client) => ", by the client",
        (_, Party::Server) => ", by the server",
        (_, Party::Proxy) => ", by the proxy",
        (_, Party::Unknown) => "",
    };
    let code = code_words(judgement);
    let why = judgement.findings.first().map(|root| {
        let words = match (phrase(root.id), &judgement.hop) {
            ((Subject::Hop, words), Some(hop)) => {
                format!("the hop {} {words}", hop_name(hop, mask))
            }
            _ => told(root.id),
        };
        format!(": {words}")
    });
    let age = span(judged.closing.age());
    format!(
        "Closed with {code}{by}, after {age}{}.",
        why.unwrap_or_default()
    )
}
