//! One attempt or closing: the ladder of its legs, what changed between them, why, and the fix, which stays in sight
//! however far one scrolls.

use ratatui::text::Line;

use crate::judge::{Advice, JudgedAttempt, JudgedClosing, Severity};
use crate::report::mask::Mask;
use crate::report::phrase::code_words;
use crate::report::sanitize::clean;
use crate::report::text::{Told, closing_words, evidence, place};
use crate::report::words::{count, number, span};
use crate::tally::{Group, GroupKey};

use super::super::app::App;
use super::super::canvas::{Row, width as columns};
use super::super::ladder::Ladder;
use super::super::lists::other_protocol;
use super::super::over::{Detail, Subject};
use super::super::theme::{Tone, of_severity, of_verdict, sign_of_kind, sign_of_verdict};
use super::parts::{labelled, prose, rule};

/// Lines of the fix that stay in sight on a small screen.
const LEAST_FIX: usize = 5;

/// The picture: what scrolls, and below it the fix.
pub(super) fn screen(app: &App, detail: &Detail, width: usize, room: usize) -> Vec<Line<'static>> {
    let all = lines(app, detail, width);
    let fix = fix(app, detail, width, room);
    let room = seen_height(app, detail, width, room);
    let most = all.len().saturating_sub(room);
    let scroll = detail.scroll.min(most);
    let below = most - scroll;
    let word = match below {
        0 if most == 0 => String::new(),
        0 => "end".to_owned(),
        n => {
            let n = u64::try_from(n).unwrap_or(u64::MAX);
            format!("↓ {}", count(n, "more line", "more lines"))
        }
    };
    let mut seen: Vec<_> = all.into_iter().skip(scroll).take(room).collect();
    seen.resize(room, Line::default());
    seen.push(rule(app, &word, width));
    seen.extend(fix);
    seen
}

/// How far it can be scrolled.
pub(super) fn most_scroll(app: &App, detail: &Detail, width: usize, room: usize) -> usize {
    let all = lines(app, detail, width).len();
    all.saturating_sub(seen_height(app, detail, width, room))
}

/// How many lines of it are seen at once.
pub(super) fn seen_height(app: &App, detail: &Detail, width: usize, room: usize) -> usize {
    room.saturating_sub(fix(app, detail, width, room).len() + 1)
}

fn fix(app: &App, detail: &Detail, width: usize, room: usize) -> Vec<Line<'static>> {
    let fix = detail.subject.fix();
    if fix.is_empty() {
        let words = match &detail.subject {
            Subject::Attempt(judged) if judged.judgement.findings.is_empty() => {
                match app.closing_of(judged.attempt.id) {
                    Some(closing) if is_trouble(closing) => {
                        "Nothing to mend in the handshake. For how it closed: c, then enter."
                    }
                    _ => "Nothing to mend.",
                }
            }
            Subject::Closing(judged) if judged.judgement.findings.is_empty() => "Nothing to mend.",
            _ => "No fix is known; t makes a ticket with the evidence.",
        };
        return labelled(app, "FIX", &[words.to_owned()], width);
    }
    let lines: Vec<&str> = fix.iter().flat_map(|line| line.lines()).collect();
    let most = (room / 3).max(LEAST_FIX).min(lines.len());
    let mut out: Vec<Line<'static>> = Vec::new();
    for (index, line) in lines.iter().take(most).enumerate() {
        let mut row = Row::new(width);
        if index == 0 {
            row.put(1, "FIX", Tone::Accent);
        }
        row.cut(6, line, width.saturating_sub(7), Tone::Strong);
        if index + 1 == most && lines.len() > most {
            let more = u64::try_from(lines.len() - most).unwrap_or(u64::MAX);
            let word = format!(" … {}, y shows all", count(more, "more line", "more lines"));
            row.right(width.saturating_sub(1), &word, Tone::Accent);
        }
        out.push(row.line(app.theme));
    }
    out
}

fn lines(app: &App, detail: &Detail, width: usize) -> Vec<Line<'static>> {
    match &detail.subject {
        Subject::Attempt(judged) => attempt(app, detail, judged, width),
        Subject::Closing(judged) => closing(app, detail, judged, width),
    }
}

fn attempt(app: &App, detail: &Detail, judged: &JudgedAttempt, width: usize) -> Vec<Line<'static>> {
    let mask = Mask::of_attempt(app.setup.report.redact, &judged.attempt);
    let told = Told::of(judged, &app.setup.report.files, &mask);
    let verdict = judged.judgement.verdict;
    let key = GroupKey::of_attempt(judged);
    let name = verdict.name().to_uppercase();
    let what = format!("{} {name}", sign_of_verdict(verdict));
    let mut lines = vec![head(
        app,
        detail,
        (&what, of_verdict(verdict)),
        &format!("{}   attempt {}", place(&key, &mask), judged.attempt.id),
        width,
    )];
    let mut sentence = told.sentence.clone();
    if let Some(name) = other_protocol(&judged.attempt) {
        let name = clean(name, 30);
        sentence = format!("{sentence} It asked for {name}, not WebSocket.");
    }
    if !told.sure.is_empty() {
        sentence = format!("{sentence} ({})", told.sure);
    }
    lines.extend(prose(app, &sentence, width, Tone::Strong));
    let closing = app.closing_of(judged.attempt.id);
    if let Some(closing) = closing.filter(|closing| is_trouble(closing)) {
        let mask = Mask::of_closing(app.setup.report.redact, &closing.closing);
        let later = format!("Later: {}", closing_words(closing, &mask));
        let tone = of_severity(closing.judgement.severity);
        lines.extend(prose(app, &later, width, tone));
    }
    lines.extend(of_group(app, detail.group.as_ref(), width));
    let ladder = Ladder::of_attempt(judged, closing, &mask);
    lines.extend(ladder.lines(width, app.theme));
    lines.push(Line::default());
    lines.extend(table(app, &told, width));
    let mut add = |label: &str, items: &[String]| lines.extend(labelled(app, label, items, width));
    add("Legs", &told.legs);
    add("Seen", &told.seen);
    add("Also", &told.also);
    advice(&mut add, &judged.judgement.advice);
    add("Note", &told.notes);
    add("See", &told.see);
    add("More", told.more.as_slice());
    lines
}

fn closing(app: &App, detail: &Detail, judged: &JudgedClosing, width: usize) -> Vec<Line<'static>> {
    let (closing, judgement) = (&judged.closing, &judged.judgement);
    let mask = Mask::of_closing(app.setup.report.redact, closing);
    let key = GroupKey::of_closing(judged);
    let what = format!("{} {}", sign_of_kind(judgement.kind), code_words(judgement));
    let mut lines = vec![head(
        app,
        detail,
        (&what, of_severity(judgement.severity)),
        &format!("{}   attempt {}", place(&key, &mask), closing.attempt),
        width,
    )];
    let mut sentence = closing_words(judged, &mask);
    if let Some(root) = judgement.findings.first() {
        sentence = format!("{sentence} ({})", root.confidence.name());
    }
    lines.extend(prose(app, &sentence, width, Tone::Strong));
    lines.extend(of_group(app, detail.group.as_ref(), width));
    let ladder = match app.snapshot.attempt(closing.attempt) {
        Some(attempt) => {
            let mask = Mask::of_attempt(app.setup.report.redact, &attempt.attempt);
            Ladder::of_attempt(attempt, Some(judged), &mask)
        }
        None => Ladder::of_closing(judged, &mask),
    };
    lines.extend(ladder.lines(width, app.theme));
    lines.push(Line::default());
    let mut add = |label: &str, items: &[String]| lines.extend(labelled(app, label, items, width));
    let root = judgement.findings.first();
    add(
        "Seen",
        &root.map(|root| evidence(root, &mask)).unwrap_or_default(),
    );
    if let Some(reason) = judgement
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty())
    {
        add("Reason", &[clean(&mask.words(reason), 123).into_owned()]);
    }
    add(
        "Times",
        &[format!(
            "open for {}, silent for the last {}",
            span(closing.age()),
            span(closing.idle())
        )],
    );
    if let Some(meaning) = &judgement.meaning {
        add(
            "Code",
            &[format!("{} Known by {}.", meaning.text, meaning.known_by)],
        );
    }
    advice(&mut add, &judgement.advice);
    if closing.lossy {
        add(
            "Note",
            &["Packets were lost while it was open: a Close may have been missed.".to_owned()],
        );
    }
    let more = root.map(|root| format!("wscap explain {}", root.id.name()));
    add("More", more.as_slice());
    lines
}

/// Whether its end is worth a look.
fn is_trouble(closing: &JudgedClosing) -> bool {
    closing.judgement.severity > Severity::Info || !closing.judgement.findings.is_empty()
}

/// What it is, and which of how many.
fn head(
    app: &App,
    detail: &Detail,
    (what, tone): (&str, Tone),
    place: &str,
    width: usize,
) -> Line<'static> {
    let (index, len) = app.place();
    let of = if detail.group.is_some() { "group " } else { "" };
    let right = format!("{of}{index} of {len} ");
    let mut row = Row::new(width);
    let x = columns(what) + 4;
    let room = width.saturating_sub(x + columns(&right) + 1);
    row.put(1, what, tone)
        .cut(x, place, room, Tone::Strong)
        .right(width, &right, Tone::Dim);
    row.line(app.theme)
}

fn of_group(app: &App, group: Option<&Group>, width: usize) -> Vec<Line<'static>> {
    let Some(group) = group.filter(|group| group.count > 1) else {
        return Vec::new();
    };
    let told = format!(
        "The first of {} alike, {} to {}.",
        number(group.count),
        app.clock.time(group.first),
        app.clock.time(group.last)
    );
    prose(app, &told, width, Tone::Dim)
}

/// What each leg carried, with a sign before what a hop has changed.
fn table(app: &App, told: &Told, width: usize) -> Vec<Line<'static>> {
    let mut rows = told.rows.clone();
    // A leg that cannot be read stands greyed in the ladder; here it would be a column of nothing.
    if rows.iter().skip(1).all(|row| row.left.is_empty()) {
        for row in &mut rows {
            row.left = std::mem::take(&mut row.right);
        }
    }
    let cell = |of: fn(&crate::report::text::Row) -> &str| {
        rows.iter()
            .map(|row| columns(of(row)))
            .max()
            .unwrap_or_default()
    };
    let label = cell(|row| &row.label).min(24);
    let has_right = rows.iter().any(|row| !row.right.is_empty());
    let rest = width.saturating_sub(label + 4 + 2);
    let left = if has_right {
        cell(|row| &row.left).min(rest.saturating_sub(10) / 2)
    } else {
        rest
    };
    let (x_left, x_right) = (3 + label + 2, 3 + label + 2 + left + 2);
    let mut lines: Vec<Line<'static>> = rows
        .iter()
        .map(|told| {
            let (sign, tone) = match told.note {
                "removed" => ("-", Tone::Removed),
                "added" => ("+", Tone::Added),
                "renamed" | "changed" => ("~", Tone::Changed),
                _ => ("", Tone::Plain),
            };
            let mut row = Row::new(width);
            let is_head = told.label.is_empty();
            let plain = if is_head { Tone::Dim } else { tone };
            row.put(1, sign, tone)
                .cut(3, &told.label, label, plain)
                .cut(x_left, &told.left, left, plain);
            let room = width.saturating_sub(x_right + told.note.len() + 2);
            row.cut(x_right, &told.right, room, plain).right(
                width.saturating_sub(1),
                told.note,
                tone,
            );
            row.line(app.theme)
        })
        .collect();
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

fn advice(add: &mut impl FnMut(&str, &[String]), advice: &Advice) {
    add("Why", advice.cause.as_slice());
    add("Won't", &advice.wont_help);
}
