//! From the state to the screen. Every picture is lines of text of the width there is; nothing here changes anything.

mod attempts;
mod closings;
mod detail;
mod health;
mod help;
mod latency;
mod overview;
mod parts;
mod table;

use ratatui::Frame;
use ratatui::text::Line;

use crate::report::text::in_short;
use crate::report::words::{count, span};

use super::action::{Screen, hints};
use super::app::App;
use super::canvas::{Row, shortened, width, wrapped};
use super::filter::NAMES;
use super::over::{Over, Paste};
use super::theme::Tone;

/// Smaller than that nothing can be told.
const SMALLEST: (usize, usize) = (40, 10);
/// The title and the keys.
const FRAME: usize = 2;
/// Columns of the source that are worth more than the time.
const SOURCE: usize = 12;

/// Draws the screen.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let lines = screen(app, area.width.into(), area.height.into());
    let buffer = frame.buffer_mut();
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        buffer.set_line(area.x, y, line, area.width);
    }
    if let Some(text) = &app.typing {
        let x = width(PROMPT) + width(text);
        let x = u16::try_from(x)
            .unwrap_or(u16::MAX)
            .min(area.right().saturating_sub(1));
        frame.set_cursor_position((x, area.bottom().saturating_sub(1)));
    }
}

/// All its lines.
fn screen(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    if width < SMALLEST.0 || height < SMALLEST.1 {
        let text = format!("wscap needs {} x {}", SMALLEST.0, SMALLEST.1);
        return wrapped(&text, width).into_iter().map(Line::from).collect();
    }
    let mut lines = vec![title(app, width)];
    lines.extend(filter_line(app, width));
    let room = height.saturating_sub(lines.len() + 1);
    let mut body = match app.over.last() {
        Some(Over::Detail(at)) => detail::screen(app, at, width, room),
        Some(Over::Paste(at)) => scrolled(paste(app, at, width), at.scroll, room),
        Some(Over::Help { scroll }) => scrolled(help::lines(app, width), *scroll, room),
        None => match app.screen {
            Screen::Overview => overview::lines(app, width, room),
            Screen::Attempts => attempts::lines(app, width, room),
            Screen::Closings => closings::lines(app, width, room),
            Screen::Latency => scrolled(latency::lines(app, width, room), app.scroll, room),
            Screen::Health => scrolled(health::lines(app, width), app.scroll, room),
        },
    };
    body.resize(room, Line::default());
    lines.extend(body);
    lines.push(bottom(app, width));
    lines
}

/// Lines that a key for a page moves.
pub(super) fn page_height(app: &App) -> usize {
    let room = body_height(app);
    let seen = match app.over.last() {
        Some(Over::Detail(at)) => detail::seen_height(app, at, app.size.0, room),
        _ => room,
    };
    // Two lines of the last page stay in sight.
    seen.saturating_sub(2).max(1)
}

/// How far the page on the screen can be scrolled.
pub(super) fn most_scroll(app: &App) -> usize {
    let (width, _) = app.size;
    let room = body_height(app);
    let (lines, room) = match app.over.last() {
        Some(Over::Detail(at)) => return detail::most_scroll(app, at, width, room),
        Some(Over::Paste(at)) => (paste(app, at, width), room),
        Some(Over::Help { .. }) => (help::lines(app, width), room),
        None => match app.screen {
            Screen::Latency => (latency::lines(app, width, room), room),
            Screen::Health => (health::lines(app, width), room),
            _ => return 0,
        },
    };
    lines.len().saturating_sub(room)
}

fn body_height(app: &App) -> usize {
    let (width, height) = app.size;
    let filter = usize::from(filter_line(app, width).is_some());
    height.saturating_sub(FRAME + filter)
}

/// The part of a page that is seen, with a word where there is more.
fn scrolled(lines: Vec<Line<'static>>, scroll: usize, room: usize) -> Vec<Line<'static>> {
    let most = lines.len().saturating_sub(room);
    let scroll = scroll.min(most);
    let below = most - scroll;
    let mut seen: Vec<_> = lines.into_iter().skip(scroll).take(room).collect();
    if below > 0
        && let Some(last) = seen.last_mut()
    {
        let n = u64::try_from(below + 1).unwrap_or(u64::MAX);
        *last = Line::from(format!(" ↓ {}", count(n, "more line", "more lines")));
    }
    seen
}

/// ` wscap  overview   live on eth0   14:05:41   48,213 packets, nothing lost`.
fn title(app: &App, width: usize) -> Line<'static> {
    let snapshot = &app.snapshot;
    let mut row = Row::new(width);
    let state = match (app.frozen, app.ended) {
        (true, _) => "FROZEN ",
        (_, true) => "complete ",
        _ if app.setup.report.live => "",
        _ => "reading ",
    };
    let mut right = in_short(&snapshot.health);
    right.push_str("  ");
    right.push_str(state);
    let right = shortened(&right, width / 2);
    let end = width.saturating_sub(self::width(&right));
    let name = format!(" wscap  {}  ", name_of_screen(app));
    let room = end.saturating_sub(self::width(&name) + 2);
    let times = snapshot.first.zip(snapshot.now).map(|(first, now)| {
        let time = app.clock.time(now);
        let long = format!("  {time}  {}", span(now.since(first)));
        [long, format!("  {time}"), String::new()]
    });
    // The time stays as long as the source keeps a name.
    let source = &app.setup.source;
    let least = self::width(source).min(SOURCE);
    let fits = |time: &&String| self::width(time) + least <= room;
    let time = times.iter().flatten().find(fits).cloned();
    let time = time.unwrap_or_default();
    let source = shortened(source, room.saturating_sub(self::width(&time)));
    let left = format!("{name}{source}{time}");
    row.cut(0, &left, end.saturating_sub(2), Tone::Selected)
        .put(end, &right, Tone::Selected)
        .tone(Tone::Selected);
    row.line(app.theme)
}

fn name_of_screen(app: &App) -> &'static str {
    match app.over.last() {
        Some(Over::Help { .. }) => "help",
        Some(Over::Paste(_)) => "copy",
        Some(Over::Detail(_)) => "look",
        None => app.screen.name(),
    }
}

/// Which filter is on, and how much it leaves.
fn filter_line(app: &App, width: usize) -> Option<Line<'static>> {
    if !app.over.is_empty() {
        return None;
    }
    let lists = &app.lists;
    let (shown, all, what) = match app.screen {
        Screen::Overview => (lists.groups.len(), lists.all[0], "groups"),
        Screen::Attempts => (lists.attempts.len(), lists.all[1], "attempts"),
        Screen::Closings => (lists.closings.len(), lists.all[2], "closings"),
        Screen::Latency | Screen::Health => return None,
    };
    let mut row = Row::new(width);
    if app.typing.is_some() {
        let text = format!(" {shown} of {all} {what}   {NAMES}  !not  plain words");
        row.cut(0, &text, width, Tone::Accent);
    } else if app.filter.is_empty() {
        return None;
    } else {
        let end = format!("{shown} of {all} {what}, esc takes it away ");
        let room = width.saturating_sub(self::width(&end) + 2);
        row.cut(
            0,
            &format!(" filter: {}", app.filter.text()),
            room,
            Tone::Accent,
        )
        .right(width, &end, Tone::Dim);
    }
    Some(row.line(app.theme))
}

const PROMPT: &str = " filter: ";

/// The keys of the screen one is on; help and quit stay whatever the width.
fn bottom(app: &App, width: usize) -> Line<'static> {
    let mut row = Row::new(width);
    if let Some(text) = &app.typing {
        row.put(0, PROMPT, Tone::Accent)
            .put(self::width(PROMPT), text, Tone::Plain);
        return row.line(app.theme);
    }
    let all: Vec<(&str, &str)> = hints(app.mode())
        // Where one is, one need not go.
        .filter(|&(_, word)| word != app.screen.name() || !app.over.is_empty())
        .filter(|&(_, word)| app.over.is_empty() || !is_screen(word))
        .filter(|&(_, word)| word != "follow" || !app.follows())
        .filter(|&(_, word)| word != "look" || app.has_rows())
        .filter(|&(_, word)| word != "copy fix" || has_text(app))
        .map(|(name, word)| match (word, app.frozen, app.over.last()) {
            ("freeze", true, _) => (name, "go on"),
            ("copy fix", _, Some(Over::Paste(_))) => (name, "copy"),
            _ => (name, word),
        })
        .collect();
    let is_fixed = |word: &str| matches!(word, "help" | "quit");
    let wide = |(name, word): (&str, &str)| self::width(name) + 1 + self::width(word) + 2;
    let fixed: usize = all.iter().filter(|h| is_fixed(h.1)).map(|&h| wide(h)).sum();
    let mut x = 1;
    let mut left = width.saturating_sub(fixed + 1);
    for &(name, word) in &all {
        let need = wide((name, word));
        if !is_fixed(word) {
            if need > left {
                continue;
            }
            left -= need;
        }
        row.put(x, name, Tone::Accent)
            .put(x + self::width(name) + 1, word, Tone::Plain);
        x += need;
    }
    row.line(app.theme)
}

/// Whether there is something to copy.
fn has_text(app: &App) -> bool {
    match app.over.last() {
        Some(Over::Detail(detail)) => !detail.subject.fix().is_empty(),
        Some(Over::Paste(paste)) => !paste.text.is_empty(),
        _ => false,
    }
}

fn is_screen(word: &str) -> bool {
    Screen::ALL.iter().any(|screen| screen.name() == word)
}

/// Text to copy: alone, without a frame, so that it can be marked with the mouse too.
fn paste(app: &App, paste: &Paste, width: usize) -> Vec<Line<'static>> {
    let told = match (paste.text.is_empty(), paste.copied) {
        (true, _) => "Press t for a ticket with the evidence instead: esc, then t.",
        (_, true) => {
            "Copied, if your terminal takes it (OSC 52; in tmux: set -g set-clipboard on). Else mark it here."
        }
        (_, false) => "Press y to copy it, or mark it here.",
    };
    let mut lines = vec![parts::heading(app, paste.title, width)];
    lines.extend(
        wrapped(told, width.saturating_sub(2))
            .into_iter()
            .map(|line| parts::text(app, &format!(" {line}"), width, Tone::Dim)),
    );
    lines.push(Line::default());
    for line in paste.text.lines() {
        lines.extend(wrapped_as_is(line, width).into_iter().map(Line::from));
    }
    lines
}

/// Long lines go on below; nothing of them is lost.
fn wrapped_as_is(line: &str, most: usize) -> Vec<String> {
    if width(line) <= most {
        return vec![line.to_owned()];
    }
    let indent: String = line.chars().take_while(|&c| c == ' ').collect();
    wrapped(line.trim_start(), most.saturating_sub(indent.len()).max(1))
        .into_iter()
        .map(|part| format!("{indent}{part}"))
        .collect()
}
