//! How the opened WebSockets ended: the clean ones in one line, the others by code, kind, side and route.

use std::time::Duration;

use crate::judge::{Finding, FindingId, JudgedClosing, Kind, Party, Severity};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{Subject, capitalized, hop_name, phrase};
use crate::report::{Item, sanitize::clean};
use crate::tally::{Example, Group, Outcome};
use crate::websocket::CloseCode;

use super::words::{count, number, span};
use super::{Page, View, block};

/// Groups that are told in full.
const MOST: usize = 15;
/// The shortest silence before an end that may be its cause.
const SILENCE: Duration = Duration::from_secs(1);
/// Codes named behind a kind.
const CODES: usize = 6;

/// Writes the section, where there is something to say.
pub(super) fn closings(page: &mut Page, view: &View<'_>) {
    let snapshot = view.snapshot;
    if snapshot.closings.total() == 0 {
        return;
    }
    let parts: Vec<String> = snapshot
        .closings
        .iter()
        .filter(|&(_, n)| n > 0)
        .map(|(kind, n)| format!("{} {}{}", number(n), words(kind), codes(view, kind)))
        .collect();
    page.blank();
    page.line(&format!(
        "{} {}:   {}",
        view.paint.bold("CLOSINGS  "),
        count(snapshot.closings.total(), "WebSocket", "WebSockets"),
        parts.join("   ")
    ));
    let mut shown = 0;
    let mut more = 0;
    for group in &snapshot.groups {
        let Example::Closing(judged) = &group.example else {
            continue;
        };
        let wanted = view.wants(Item::Closing(judged));
        if !matches!(group.key.outcome, Outcome::Closing { .. }) || !wanted || !is_told(judged) {
            continue;
        }
        if shown == MOST {
            more += 1;
            continue;
        }
        shown += 1;
        page.blank();
        closing(page, view, group, judged);
    }
    if more > 0 {
        page.line(&format!(
            "  and {} more, see --json",
            count(more, "group", "groups")
        ));
    }
}

/// Ends that nobody needs to look at are counted in the first line only.
fn is_told(judged: &JudgedClosing) -> bool {
    let judgement = &judged.judgement;
    judgement.severity > Severity::Info
        || !judgement.findings.is_empty()
        || judgement.kind == Kind::Application
}

fn closing(page: &mut Page, view: &View<'_>, group: &Group, judged: &JudgedClosing) {
    let mask = Mask::of_closing(view.options.redact, &judged.closing);
    let judgement = &judged.judgement;
    let code = match judgement.code {
        Some(code) => match CloseCode(code).name() {
            Some(name) => format!("{code} {name}"),
            None => code.to_string(),
        },
        None => judgement.kind.name().to_owned(),
    };
    let root = judgement.findings.first();
    let what = root.map(|root| match (phrase(root.id), &judgement.hop) {
        ((Subject::Hop, words), Some(hop)) => format!("the hop {} {words}", hop_name(hop, &mask)),
        ((Subject::Hop, words), None) => format!("a hop {words}"),
        ((Subject::Server, words), _) => format!("the server {words}"),
        ((Subject::Client, words), _) => format!("the client {words}"),
        ((Subject::Nobody, words), _) => words.to_owned(),
    });
    let who = match judgement.by {
        Party::Client => ", ended by the client",
        Party::Server => ", ended by the server",
        Party::Proxy => ", ended by the proxy",
        Party::Unknown => "",
    };
    page.line(&format!(
        "  {}   {} on {}{who}{}",
        paint(view, judgement.severity, &code),
        count(group.count, "WebSocket", "WebSockets"),
        block::place(&group.key, &mask),
        root.map(|root| format!("   {}, {}", root.id.name(), root.confidence.name()))
            .unwrap_or_default(),
    ));
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
    block::advice(
        page,
        &judgement.advice,
        judgement.severity == Severity::Info,
    );
    page.list("See", &see(view, judged));
    if let Some(root) = root {
        page.list("More", &[format!("wscap explain {}", root.id.name())]);
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
