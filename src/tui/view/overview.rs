//! The first screen answers three questions without a key: is it broken, what breaks it, since when.

mod empty;
mod groups;

use ratatui::text::Line;

use crate::report::text::{in_short, losses_and_limits};
use crate::report::words::{count, number, span};
use crate::tally::{Beat, Percentiles, Spread};
use crate::websocket::CloseCode;

use super::super::app::App;
use super::super::canvas::{Row, width as columns, wrapped};
use super::super::theme::{Tone, of_verdict, sign_of_verdict};
use super::attempts;
use super::parts::{bar, labelled, rate, rule, share, spark};

/// Seconds over which a rate is taken.
const RATE: usize = 10;
/// Fewer lines of the latest attempts are not worth their heading.
const LATEST: usize = 6;
/// Lines that closings may take.
const CLOSINGS: usize = 2;
/// Lines that losses may take.
const LOSSES: usize = 3;

/// What stands at some column of the right half.
type Cell = (usize, String, Tone);

pub(super) fn lines(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    let snapshot = &app.snapshot;
    if snapshot.attempts.total() == 0 && snapshot.closings.total() == 0 {
        return empty::lines(app, width);
    }
    let mut lines = counts(app, width);
    lines.push(rule(app, "", width));
    let mut foot = closings(app, width);
    foot.extend(health(app, width));
    let selected = groups::selected(app, width);
    let room = height.saturating_sub(lines.len() + foot.len() + selected.len() + 1);
    let room = room.max(2);
    // A tall screen has room for the latest attempts as well.
    let wanted = app.lists.groups.len().max(1) + 2;
    let latest = room.saturating_sub(wanted.min(room * 2 / 3));
    let (room, latest) = if latest >= LATEST {
        (room - latest, latest)
    } else {
        (room, 0)
    };
    let mut broken = groups::lines(app, width, room);
    broken.resize(room, Line::default());
    lines.extend(broken);
    lines.extend(selected);
    if latest > 0 {
        lines.push(rule(app, "latest attempts", width));
        lines.extend(attempts::latest(app, width, latest - 1));
    }
    lines.push(rule(app, "", width));
    lines.extend(foot);
    lines
}

/// Verdicts on the left; when, and how long it took, on the right.
fn counts(app: &App, width: usize) -> Vec<Line<'static>> {
    let verdicts = app.verdicts();
    let total = verdicts.total();
    let middle = (width * 11 / 20).clamp(42, 100);
    let since = app
        .counted_since()
        .map_or_else(String::new, |at| format!(" since {}", app.clock.time(at)));
    let told = format!("{}{since}", number(total));
    let mut head = Row::new(width);
    head.put(1, "ATTEMPTS", Tone::Accent)
        .cut(11, &told, middle.saturating_sub(12), Tone::Strong);
    let (recent, seconds) = last_seconds(app);
    let is_rated = app.setup.report.live && !app.ended && middle >= 60;
    let bar_at = if is_rated { 43 } else { 32 };
    if is_rated {
        head.right(bar_at - 2, "now", Tone::Dim);
    }
    let mut rows = vec![head];
    for (verdict, n) in verdicts.iter() {
        let tone = if n == 0 {
            Tone::Dim
        } else {
            of_verdict(verdict)
        };
        let mut row = Row::new(width);
        row.put(1, sign_of_verdict(verdict), tone)
            .put(3, verdict.name(), tone)
            .right(24, &number(n), tone)
            .right(31, &share(n, total), Tone::Plain)
            .put(
                bar_at,
                &bar(n, total, middle.saturating_sub(bar_at + 2)),
                tone,
            );
        if is_rated && n > 0 {
            let now = format!("{}/s", rate(recent.attempts.get(verdict), seconds));
            row.right(bar_at - 2, &now, Tone::Plain);
        }
        rows.push(row);
    }
    let right = right_side(app, width.saturating_sub(middle + 1));
    for (row, cells) in rows.iter_mut().zip(&right) {
        for (x, text, tone) in cells {
            let room = width.saturating_sub(middle + x);
            row.cut(middle + x, text, room, *tone);
        }
    }
    let mut last = Row::new(width);
    last.cut(1, &standing(app), width.saturating_sub(2), Tone::Plain);
    rows.push(last);
    rows.iter().map(|row| row.line(app.theme)).collect()
}

/// Tries and failures over time, then percentiles: seven lines.
fn right_side(app: &App, width: usize) -> Vec<Vec<Cell>> {
    let mut lines = over_time(app, width);
    lines.push(Vec::new());
    lines.push(vec![
        (0, "ANSWER AFTER".to_owned(), Tone::Accent),
        (19, "p50".to_owned(), Tone::Dim),
        (28, "p99".to_owned(), Tone::Dim),
    ]);
    let (first, behind) = waits(app);
    for (name, of) in [("first leg seen", first), ("legs behind it", behind)] {
        let mut cells = vec![(0, name.to_owned(), Tone::Plain)];
        if of.count == 0 {
            cells.push((19, "not seen".to_owned(), Tone::Dim));
        } else {
            cells.push((19, us(of.p50), Tone::Plain));
            cells.push((28, us(of.p99), Tone::Plain));
        }
        lines.push(cells);
    }
    lines
}

fn over_time(app: &App, width: usize) -> Vec<Vec<Cell>> {
    let history = &app.snapshot.history;
    let room = width.saturating_sub(8).max(1);
    let is_live = app.setup.report.live;
    let whole_time = u64::try_from(history.whole.len()).unwrap_or(0) * history.width;
    // Live, the last minutes; of a file, and of what is short, all there is.
    let (beats, beat_seconds) = if is_live && whole_time > 120 {
        (&history.recent, 1)
    } else {
        (&history.whole, history.width.max(1))
    };
    let wanted = if is_live { 120 } else { beats.len() };
    let beats = beats
        .get(beats.len().saturating_sub(wanted.max(room))..)
        .unwrap_or_default();
    let (columns, per) = squeezed(beats, room);
    let seconds = u64::try_from(beats.len()).unwrap_or(0) * beat_seconds;
    let all: Vec<u64> = columns.iter().map(|beat| beat.attempts.total()).collect();
    let broken: Vec<u64> = columns.iter().map(Beat::broken).collect();
    let most = all.iter().copied().max().unwrap_or(0);
    let per_seconds = u64::try_from(per).unwrap_or(1) * beat_seconds;
    let over = whole_span(seconds.max(1));
    let mut head = if is_live {
        format!("LAST {over}")
    } else {
        format!("OVER {over}")
    };
    if most > 0 {
        head = if most * 10 >= per_seconds {
            format!("{head}, up to {}/s", rate(most, per_seconds))
        } else {
            // Too few for a second.
            let each = whole_span(per_seconds);
            format!("{head}, up to {} in {each}", number(most))
        };
    }
    vec![
        vec![(0, head, Tone::Accent)],
        vec![
            (0, "all".to_owned(), Tone::Plain),
            (7, spark(&all, most), Tone::Good),
        ],
        vec![
            (0, "not ok".to_owned(), Tone::Plain),
            (7, spark(&broken, most), Tone::Bad),
        ],
    ]
}

/// As many beats put together as it takes to fit; and how many those are.
fn squeezed(beats: &[Beat], room: usize) -> (Vec<Beat>, usize) {
    let per = beats.len().div_ceil(room.max(1)).max(1);
    let columns = beats.chunks(per).map(|chunk| {
        let mut sum = Beat::default();
        for beat in chunk {
            sum.add(beat);
        }
        sum
    });
    (columns.collect(), per)
}

/// Of the outermost leg in sight, and of those behind it; where nothing opened, of the refusals.
fn waits(app: &App) -> (Percentiles, Percentiles) {
    let now = &app.snapshot.spreads;
    let base = app.baseline().map(|base| &base.spreads);
    let since = |now: &Spread, old: Option<&Spread>| match old {
        Some(old) => now.since(old).percentiles(),
        None => now.percentiles(),
    };
    let handshake = since(&now.handshake, base.map(|base| &base.handshake));
    let first = if handshake.count > 0 {
        handshake
    } else {
        since(&now.refusal, base.map(|base| &base.refusal))
    };
    (first, since(&now.upstream, base.map(|base| &base.upstream)))
}

/// What came in the last seconds, and how many those are.
fn last_seconds(app: &App) -> (Beat, u64) {
    let mut sum = Beat::default();
    let mut seconds = 0;
    // The second that runs is not over.
    for beat in app.snapshot.history.recent.iter().rev().skip(1).take(RATE) {
        sum.add(beat);
        seconds += 1;
    }
    (sum, seconds)
}

/// What goes on at this moment.
fn standing(app: &App) -> String {
    let snapshot = &app.snapshot;
    let mut parts = Vec::new();
    if app.setup.report.live && !app.ended {
        let (recent, seconds) = last_seconds(app);
        let n = recent.attempts.total();
        parts.push(format!("now {} a second", rate(n, seconds)));
    }
    parts.push(format!(
        "open {}",
        count(snapshot.open, "WebSocket", "WebSockets")
    ));
    if snapshot.pending > 0 {
        parts.push(format!(
            "{} waiting for an answer",
            number(snapshot.pending)
        ));
    }
    if snapshot.other_protocols_total > 0 {
        parts.push(format!(
            "{} to other protocols",
            number(snapshot.other_protocols_total)
        ));
    }
    parts.join("   ")
}

/// `CLOSINGS  1000 Normal Closure 7   1006 Abnormal Closure 2`, the most frequent first.
fn closings(app: &App, width: usize) -> Vec<Line<'static>> {
    let codes = match app.baseline() {
        Some(base) => app.snapshot.close_codes.since(&base.close_codes),
        None => app.snapshot.close_codes.clone(),
    };
    let mut all: Vec<(u16, u64)> = codes.iter().map(|(&code, n)| (code, n)).collect();
    all.sort_by_key(|&(code, n)| (std::cmp::Reverse(n), code));
    let told = all.iter().map(|&(code, n)| {
        // A name is kept together when lines are broken.
        let name = CloseCode(code).name().unwrap_or_default();
        let text = format!("{code} {name} ×{}", number(n));
        text.replace("  ", " ").replace(' ', "\u{a0}")
    });
    let mut told: Vec<String> = told.collect();
    if told.is_empty() {
        told.push(if app.ended { "none" } else { "none yet" }.to_owned());
    }
    let text = told.join("  ");
    let mut lines = wrapped(&text, width.saturating_sub(12));
    if lines.len() > CLOSINGS {
        lines.truncate(CLOSINGS);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace('\u{a0}', " "))
        .collect();
    labelled(app, "CLOSINGS", &lines, width)
}

/// One line where all is well; what was lost, and what to do about it, where it is not.
fn health(app: &App, width: usize) -> Vec<Line<'static>> {
    let health = &app.snapshot.health;
    let mut lines = labelled(app, "HEALTH", &[in_short(health)], width);
    let losses = losses_and_limits(health);
    let room = LOSSES.saturating_sub(lines.len());
    let more = losses.len().saturating_sub(room);
    for loss in losses.iter().take(room) {
        let mut row = Row::new(width);
        let mut most = width.saturating_sub(12);
        if more > 0 && columns(loss) + 20 > most {
            most = most.saturating_sub(16);
        }
        row.cut(10, loss, most, Tone::Warn);
        lines.push(row.line(app.theme));
    }
    if more > 0
        && let Some(last) = lines.last_mut()
    {
        let tail = format!(" +{more} more, press h");
        last.push_span(ratatui::text::Span::styled(
            String::new(),
            app.theme.style(Tone::Dim),
        ));
        *last = with_tail(app, last, &tail, width);
    }
    lines
}

/// The line with a word at its right end.
fn with_tail(app: &App, line: &Line<'static>, tail: &str, width: usize) -> Line<'static> {
    let mut row = Row::new(width);
    row.cut(0, &line.to_string(), width, Tone::Warn).right(
        width.saturating_sub(1),
        tail,
        Tone::Dim,
    );
    row.line(app.theme)
}

/// Of whole seconds.
fn whole_span(seconds: u64) -> String {
    let span = span(std::time::Duration::from_secs(seconds));
    span.replace(".0 s", " s").replace(" min 0 s", " min")
}

fn us(us: u64) -> String {
    span(std::time::Duration::from_micros(us))
}
