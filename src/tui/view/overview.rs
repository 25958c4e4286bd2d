//! The first screen answers three questions without a key: is it broken, what breaks it, since when.

use ratatui::text::Line;

use crate::judge::Verdict;
use crate::report::mask::Mask;
use crate::report::phrase::headline;
use crate::report::sanitize::clean;
use crate::report::text::{closing_words, in_short, losses_and_limits, nothing_seen, place};
use crate::report::words::{count, number, span};
use crate::tally::{Beat, Example, Group, Outcome, Percentiles, Spread};
use crate::websocket::CloseCode;

use super::super::app::App;
use super::super::canvas::{Row, width as columns, wrapped};
use super::super::theme::{Tone, of_severity, of_verdict, sign_of_kind, sign_of_verdict};
use super::attempts;
use super::parts::{
    LOSSY, bar, closed_in_few_words, fitted_place, heading, in_few_words, labelled, prose, rate,
    rule, share, spark, text, window,
};

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
        return empty(app, width);
    }
    let mut lines = counts(app, width);
    lines.push(rule(app, "", width));
    let mut foot = closings(app, width);
    foot.extend(health(app, width));
    let selected = selected(app, width);
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
    let mut broken = groups(app, width, room);
    broken.resize(room, Line::default());
    lines.extend(broken);
    lines.extend(selected);
    if latest > 0 {
        lines.push(rule(app, "", width));
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
    let over = span(std::time::Duration::from_secs(seconds.max(1)));
    let over = over.replace(".0 s", " s").replace(" min 0 s", " min");
    let mut head = if is_live {
        format!("LAST {over}")
    } else {
        format!("OVER {over}")
    };
    if most > 0 {
        head = format!("{head}, at most {}/s", rate(most, per_seconds));
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

fn groups(app: &App, width: usize, room: usize) -> Vec<Line<'static>> {
    let layout = Layout::of(width);
    let mut head = Row::new(width);
    head.put(1, "WHAT BREAKS", Tone::Accent)
        .put(layout.place, "where", Tone::Dim)
        .right(layout.count, "count", Tone::Dim)
        .right(layout.share, "of route", Tone::Dim)
        .right(layout.last, "last", Tone::Dim);
    let mut lines = vec![head.line(app.theme)];
    let groups = &app.lists.groups;
    if groups.is_empty() {
        let nothing = if app.lists.all[0] > 0 {
            "The filter leaves nothing; esc takes it away."
        } else if app.verdicts().get(Verdict::Ok) > 0 {
            "Nothing: every handshake opened, and no WebSocket ended badly."
        } else {
            "Nothing so far."
        };
        lines.push(text(app, &format!(" {nothing}"), width, Tone::Good));
        return lines;
    }
    let selected = app.groups.index();
    for at in window(selected, groups.len(), room.saturating_sub(1)) {
        if let Some(group) = groups.get(at) {
            lines.push(group_line(app, group, layout, width, at == selected));
        }
    }
    lines
}

/// The whole sentence of the selected group, which its line may have cut.
fn selected(app: &App, width: usize) -> Vec<Line<'static>> {
    let Some(group) = app.lists.groups.get(app.groups.index()) else {
        return Vec::new();
    };
    let redact = app.setup.report.redact;
    let sentence = match (&group.example, group.key.outcome) {
        (_, Outcome::Folded) => "More groups than --limit groups=N has room for.".to_owned(),
        (Example::Attempt(judged), _) => {
            let mask = Mask::of_attempt(redact, &judged.attempt);
            let root = judged.judgement.findings.first();
            let sure = root.map_or("", |root| root.confidence.name());
            format!("{} ({sure}).", headline(judged, &mask))
        }
        (Example::Closing(judged), _) => {
            closing_words(judged, &Mask::of_closing(redact, &judged.closing))
        }
    };
    let sentence = sentence.replace(" ().", ".");
    let lines = wrapped(&sentence, width.saturating_sub(4));
    let mut lines: Vec<Line<'static>> = lines
        .iter()
        .take(2)
        .map(|line| text(app, &format!(" {line}"), width, Tone::Strong))
        .collect();
    let now = app.snapshot.now.unwrap_or(group.last);
    let when = if group.count == 1 {
        format!("At {}", app.clock.time(group.last))
    } else {
        let (first, last) = (app.clock.time(group.first), app.clock.time(group.last));
        format!("First {first}, last {last}")
    };
    let is_live = app.setup.report.live;
    let when = match ago(now.since(group.last).as_secs()).as_str() {
        "now" if is_live => format!(" {when}, just now."),
        "now" => format!(" {when}, at the end."),
        ago if is_live => format!(" {when}, {ago} ago."),
        ago => format!(" {when}, {ago} before the end."),
    };
    lines.push(text(app, &when, width, Tone::Plain));
    lines
}

/// Where the columns of the groups end, save for the place, which begins there.
#[derive(Clone, Copy, Debug)]
struct Layout {
    what: usize,
    place: usize,
    count: usize,
    share: usize,
    last: usize,
}

impl Layout {
    const fn of(width: usize) -> Self {
        let last = width.saturating_sub(1);
        let share = last.saturating_sub(8);
        let count = share.saturating_sub(9);
        let what = 16;
        let place = what + count.saturating_sub(8 + what) * 13 / 20;
        Self {
            what,
            place,
            count,
            share,
            last,
        }
    }
}

fn group_line(
    app: &App,
    group: &Group,
    layout: Layout,
    width: usize,
    is_selected: bool,
) -> Line<'static> {
    let redact = app.setup.report.redact;
    let (label, what, tone) = match (&group.example, group.key.outcome) {
        (_, Outcome::Folded) => (
            "others".to_owned(),
            "of many kinds, which found no room".to_owned(),
            Tone::Plain,
        ),
        (Example::Attempt(judged), _) => {
            let mask = Mask::of_attempt(redact, &judged.attempt);
            let verdict = judged.judgement.verdict;
            let label = format!("{} {}", sign_of_verdict(verdict), verdict.name());
            let mut what = clean(&in_few_words(judged, &mask), 200).into_owned();
            if judged.attempt.surroundings.lossy {
                what.insert_str(0, LOSSY);
            }
            (label, what, of_verdict(verdict))
        }
        (Example::Closing(judged), _) => {
            let mask = Mask::of_closing(redact, &judged.closing);
            let judgement = &judged.judgement;
            let kind = judgement.kind;
            let code = judgement
                .code
                .map_or_else(|| kind.name().to_owned(), |code| format!("closed {code}"));
            let label = format!("{} {code}", sign_of_kind(kind));
            let mut what = closed_in_few_words(judged, &mask);
            if what.is_empty() {
                what.push_str(kind.name());
            }
            if judged.closing.lossy {
                what.insert_str(0, LOSSY);
            }
            let tone = of_severity(judgement.severity);
            (label, what, tone)
        }
    };
    let mask = Mask::new(redact);
    let room = layout.count.saturating_sub(layout.place + 7);
    let place = match &group.key.host {
        _ if group.key.outcome == Outcome::Folded => String::new(),
        Some(host) => fitted_place(&mask.host(host), &mask.route(&group.key.route), room),
        None => place(&group.key, &mask),
    };
    let mut row = Row::new(width);
    if is_selected {
        row.put(0, "▸", Tone::Strong);
    }
    let last = app
        .snapshot
        .now
        .map_or_else(String::new, |now| ago(now.since(group.last).as_secs()));
    let share = group.share.map_or_else(String::new, |share| {
        if share < 0.01 {
            "<1 %".to_owned()
        } else {
            format!("{:.0} %", (share * 100.0).floor())
        }
    });
    row.cut(1, &label, layout.what - 2, tone)
        .cut(
            layout.what,
            &what,
            layout.place.saturating_sub(layout.what + 1),
            Tone::Plain,
        )
        .cut(layout.place, &place, room, Tone::Plain)
        .right(layout.count, &number(group.count), Tone::Strong)
        .right(layout.share, &share, Tone::Plain)
        .right(layout.last, &last, Tone::Plain);
    if is_selected {
        row.tone(Tone::Selected);
    }
    row.line(app.theme)
}

/// `now`, `12 s`, `5 min`: how long ago.
fn ago(seconds: u64) -> String {
    match seconds {
        0 => "now".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
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

/// Before anything was seen: what is waited for, and why it may be blind.
fn empty(app: &App, width: usize) -> Vec<Line<'static>> {
    let snapshot = &app.snapshot;
    let health = &snapshot.health;
    let is_live = app.setup.report.live;
    let mut lines = vec![Line::default()];
    let head = match (is_live, app.ended) {
        (true, false) => "WAITING for the first WebSocket handshake",
        (false, false) => "READING",
        (_, true) => "NOTHING TO SHOW",
    };
    lines.push(heading(app, head, width));
    lines.push(Line::default());
    if is_live || app.ended {
        for line in nothing_seen(snapshot, is_live) {
            lines.extend(prose(app, &line, width, Tone::Plain));
        }
    }
    lines.push(Line::default());
    let waiting = snapshot.pending;
    if waiting > 0 {
        let told = format!(
            "{} for an answer: {} judged once it comes, or after five minutes.",
            count(waiting, "handshake waits", "handshakes wait"),
            if waiting == 1 { "it is" } else { "they are" }
        );
        lines.extend(prose(app, &told, width, Tone::Warn));
        lines.push(Line::default());
    }
    let mut row = |label: &str, items: &[String]| lines.extend(labelled(app, label, items, width));
    row("Source", std::slice::from_ref(&app.setup.source));
    row(
        "Seen",
        &[
            in_short(health),
            format!(
                "{}: {} TLS, {} HTTP/2; {}",
                count(health.connections, "TCP connection", "TCP connections"),
                number(health.tls_connections),
                number(health.http2_connections),
                count(
                    health.plain_http,
                    "plain HTTP exchange",
                    "plain HTTP exchanges"
                )
            ),
        ],
    );
    lines.push(Line::default());
    if is_live && !app.ended {
        lines.push(heading(app, "WHY IT MAY SEE NOTHING", width));
        for line in reasons(app) {
            lines.extend(prose(app, &line, width, Tone::Plain));
        }
    }
    let losses = losses_and_limits(health);
    for line in losses
        .iter()
        .filter(|line| !line.starts_with("Not seen into"))
    {
        lines.extend(prose(app, line, width, Tone::Warn));
    }
    lines
}

fn reasons(app: &App) -> Vec<String> {
    let filter = match &app.setup.filter {
        Some(filter) => format!(
            "Filter: only \"{}\" is captured. The proxy's port and the backend's must both be in it.",
            clean(filter, 200)
        ),
        None => "Filter: there is none, so nothing is left out.".to_owned(),
    };
    vec![
        "TLS: what is encrypted cannot be read. Listen behind what ends TLS, on the upstream side, often -i lo."
            .to_owned(),
        "Interface: wscap -D lists them; -i any hears all of this host.".to_owned(),
        filter,
        "Open already: a WebSocket that was open before shows no handshake. Reconnect the client.".to_owned(),
    ]
}

fn us(us: u64) -> String {
    span(std::time::Duration::from_micros(us))
}
