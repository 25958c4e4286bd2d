//! How the opened WebSockets ended, by code, kind, side and route: the clean ones with a line each, the others in full.

use std::cmp::Reverse;
use std::time::Duration;

use crate::judge::{Finding, FindingId, JudgedClosing, Kind, Party, Severity};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{Subject, capitalized, code_words, hop_name, phrase};
use crate::report::{Item, sanitize::clean};
use crate::tally::{Example, Group, Outcome};

use super::words::{count, number, span};
use super::{Page, View, block};

/// Groups that are told in full.
const MOST: usize = 15;
/// Groups that have a line.
const LINES: usize = 15;
/// Findings told behind the root cause.
const OTHERS: usize = 3;
/// The shortest silence before an end that may be its cause.
const SILENCE: Duration = Duration::from_secs(1);
/// Up to here many ends are one event rather than a habit.
const BURST: Duration = Duration::from_secs(10);
/// What there is to say of a code of which nobody knows whose it is.
const UNKNOWN: &str =
    "This is the app's own code: look it up in the app's documentation or source.";
/// Between facts that are no sentence.
const APART: &str = "   ";
/// Before the second line of a group.
const HANG: &str = "          ";
/// Codes named behind a kind.
const CODES: usize = 6;

/// Writes the section, where there is something to say.
pub(super) fn closings(page: &mut Page, view: &View<'_>) {
    if view.snapshot.closings.total() == 0 {
        return;
    }
    page.narrow();
    totals(page, view);
    let (mut told, plain): (Vec<_>, Vec<_>) = view
        .snapshot
        .groups
        .iter()
        .filter_map(|group| match (&group.example, group.key.outcome) {
            (Example::Closing(judged), Outcome::Closing { .. }) => Some((group, judged)),
            _ => None,
        })
        .filter(|(_, judged)| view.wants(Item::Closing(judged)))
        .partition(|(_, judged)| is_told(judged));
    // Errors first, as among the attempts; among equals the largest.
    told.sort_by_key(|(_, judged)| Reverse(judged.judgement.severity));
    for (group, judged) in told.iter().take(MOST) {
        page.blank();
        closing(page, view, group, judged);
    }
    more(page, told.len(), MOST);
    if !plain.is_empty() {
        page.blank();
    }
    for (group, judged) in plain.iter().take(LINES) {
        let mask = Mask::of_closing(view.options.redact, &judged.closing);
        line(page, &title(judged), group, judged, &mask);
    }
    more(page, plain.len(), LINES);
    page.wide();
}

/// How many there were of each kind.
fn totals(page: &mut Page, view: &View<'_>) {
    let closings = &view.snapshot.closings;
    let all = count(closings.total(), "WebSocket", "WebSockets");
    let kinds = closings
        .iter()
        .filter(|&(_, n)| n > 0)
        .map(|(kind, n)| format!("{} {}{}", number(n), words(kind), codes(view, kind)));
    let parts: Vec<String> = std::iter::once(format!("{all}:")).chain(kinds).collect();
    page.blank();
    page.parts(
        &format!("{} ", view.paint.bold("CLOSINGS  ")),
        APART,
        &parts,
    );
}

/// `1001 Going Away: 5,000 on app.example /live, ended by the server within 2.0 s`.
fn line(page: &mut Page, title: &str, group: &Group, judged: &JudgedClosing, mask: &Mask) {
    let who = match judged.judgement.by {
        // It is open still, or its kind says who left.
        _ if matches!(judged.judgement.kind, Kind::Open | Kind::Unused) => "",
        Party::Client if group.count > 1 => "ended by the clients",
        Party::Client => "ended by the client",
        Party::Server => "ended by the server",
        Party::Proxy => "ended by the proxy",
        Party::Unknown => "",
    };
    let when = match group.last.since(group.first) {
        _ if group.count < 2 || judged.judgement.kind == Kind::Open => String::new(),
        Duration::ZERO => "all at once".to_owned(),
        lasted if lasted <= BURST => format!("within {}", span(lasted)),
        lasted => format!("over {}", span(lasted)),
    };
    let how = format!("{who} {when}").trim().to_owned();
    let place = block::place(&group.key, mask);
    let text = format!("{} on {place}", number(group.count));
    let mut parts = vec![format!("{title}:")];
    if how.is_empty() {
        parts.push(text);
    } else {
        parts.extend([format!("{text},"), how]);
    }
    page.parts("  ", " ", &parts);
}

fn more(page: &mut Page, all: usize, shown: usize) {
    let more = u64::try_from(all.saturating_sub(shown)).unwrap_or(u64::MAX);
    if more > 0 {
        page.line(&format!(
            "  and {} more, see --json",
            count(more, "group", "groups")
        ));
    }
}

/// Ends that nobody needs to look at have a line, without cause and fix.
fn is_told(judged: &JudgedClosing) -> bool {
    let judgement = &judged.judgement;
    judgement.severity > Severity::Info
        || !judgement.findings.is_empty()
        || judgement.kind == Kind::Application
}

/// `1001 Going Away`, `4406 Subprotocol not acceptable (graphql-ws)`, `4321`; without a code the kind.
fn title(judged: &JudgedClosing) -> String {
    let judgement = &judged.judgement;
    match (judgement.kind, judgement.code) {
        // No end, or none of which anybody was told.
        (kind @ (Kind::Open | Kind::Unused), _) | (kind, None) => words(kind).to_owned(),
        (_, Some(_)) => code_words(judgement),
    }
}

fn closing(page: &mut Page, view: &View<'_>, group: &Group, judged: &JudgedClosing) {
    let mask = Mask::of_closing(view.options.redact, &judged.closing);
    let judgement = &judged.judgement;
    let root = judgement.findings.first();
    let what = root.map(|root| match (phrase(root.id), &judgement.hop) {
        ((Subject::Hop, words), Some(hop)) => format!("the hop {} {words}", hop_name(hop, &mask)),
        ((Subject::Hop, words), None) => format!("a hop {words}"),
        ((Subject::Server, words), _) => format!("the server {words}"),
        ((Subject::Client, words), _) => format!("the client {words}"),
        ((Subject::Nobody, words), _) => words.to_owned(),
    });
    let title = paint(view, judgement.severity, &title(judged));
    line(page, &title, group, judged, &mask);
    let mut parts = Vec::new();
    parts.extend(root.map(|root| format!("{}, {}", root.id.name(), root.confidence.name())));
    if group.count > 1 {
        let (first, last) = (view.clock.time(group.first), view.clock.time(group.last));
        parts.push(format!("first {first}, last {last}"));
    }
    if !parts.is_empty() {
        page.parts(HANG, APART, &parts);
    }
    let mut seen = Vec::new();
    // That one has its evidence, which says who ended TCP and how.
    if let Some(what) = what.filter(|_| {
        root.is_none_or(|root| root.id != FindingId::AbnormalClosure || root.evidence.is_empty())
    }) {
        seen.push(format!("{}.", capitalized(&what)));
    }
    seen.extend(
        root.map(|root| block::evidence(root, &mask))
            .unwrap_or_default(),
    );
    let others = judgement.findings.iter().skip(1).take(OTHERS);
    seen.extend(others.filter_map(|other| {
        let evidence = block::evidence(other, &mask).into_iter().next()?;
        Some(format!("Also {}: {evidence}", other.id.name()))
    }));
    match &judgement.meaning {
        Some(meaning) => seen.push(format!("Known by {}.", meaning.known_by)),
        // The user's own row knows it.
        None if judgement.kind == Kind::Application && root.is_none() => {
            seen.push(UNKNOWN.to_owned());
        }
        None => {}
    }
    if let Some(reason) = judgement
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty() && !is_quoted(root, reason))
    {
        seen.push(format!("Its reason: {}", clean(&mask.words(reason), 123)));
    }
    if judgement.kind == Kind::Abnormal {
        let age = span(judged.closing.age());
        let idle = judged.closing.idle();
        // A shorter silence says nothing.
        seen.push(if idle >= SILENCE {
            format!("Open for {age}, silent for the last {}.", span(idle))
        } else {
            format!("Open for {age}.")
        });
    }
    page.list("Seen", &seen);
    if let Some(meaning) = judgement.meaning.as_ref().filter(|_| root.is_none()) {
        page.list("Why", &[meaning.text.to_string()]);
        page.pasteable("Fix", &meaning.fix);
    }
    block::advice(
        page,
        &judgement.advice,
        judgement.severity == Severity::Info,
    );
    page.list("See", &see(view, judged));
    let word = match (root, judgement.code) {
        (Some(root), _) => Some(root.id.name().to_owned()),
        (None, code) => code.map(|code| code.to_string()),
    };
    if let Some(word) = word {
        page.list("More", &[format!("wscap explain {word}")]);
    }
}

/// Whether the evidence gives the reason of the Close already.
fn is_quoted(root: Option<&Finding>, reason: &str) -> bool {
    root.is_some_and(|root| root.evidence.iter().any(|line| line.contains(reason)))
}

fn see(view: &View<'_>, judged: &JudgedClosing) -> Vec<String> {
    let id = judged.closing.attempt;
    let first = judged
        .closing
        .legs
        .iter()
        .find_map(|leg| leg.closes.first());
    let mut lines = vec![match first.filter(|_| !view.options.files.is_empty()) {
        Some(close) => format!("attempt {id}: Close in frame {}", close.at.frame),
        None => format!("attempt {id}"),
    }];
    if let Some(attempt) = view.snapshot.attempt(id) {
        let legs = attempt.attempt.legs.iter().map(|node| &node.leg);
        let source = facts::stamp(attempt.attempt.outermost()).map_or(0, |at| at.source);
        let streams: Vec<u32> = legs
            .filter(|leg| facts::stamp(leg).is_none_or(|at| at.source == source))
            .flat_map(facts::streams)
            .collect();
        lines.extend(block::packets(view, id, source, &streams));
    }
    lines
}

const fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "normal",
        Kind::Application => "by the application",
        Kind::Fault => "fault",
        Kind::Abnormal => "abnormal",
        Kind::Illegal => "illegal code",
        Kind::Unused => "left at once, before any message",
        Kind::Open => "still open",
    }
}

/// The codes of that kind: ` (1000, 1001)`.
fn codes(view: &View<'_>, of: Kind) -> String {
    let mut codes: Vec<u16> = view
        .snapshot
        .groups
        .iter()
        .filter_map(|group| match group.key.outcome {
            Outcome::Closing { kind, code, .. } if kind == of => code,
            _ => None,
        })
        .collect();
    codes.sort_unstable();
    codes.dedup();
    let more = if codes.len() > CODES { ", …" } else { "" };
    codes.truncate(CODES);
    let codes: Vec<String> = codes.iter().map(u16::to_string).collect();
    if codes.is_empty() || matches!(of, Kind::Unused | Kind::Open) {
        String::new()
    } else {
        format!(" ({}{more})", codes.join(", "))
    }
}

fn paint(view: &View<'_>, severity: Severity, text: &str) -> String {
    match severity {
        Severity::Error => view.paint.red(text),
        Severity::Warning => view.paint.yellow(text),
        Severity::Info => text.to_owned(),
    }
}
