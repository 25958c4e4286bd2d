//! Every key, the words of the filter, and what the signs mean.

use ratatui::text::Line;

use crate::judge::Verdict;
use crate::report::words::Clock;

use super::super::action::BINDINGS;
use super::super::app::App;
use super::super::canvas::{Row, wrapped};
use super::super::theme::{Tone, of_verdict, sign_of_verdict};
use super::parts::{heading, labelled};

/// Columns of the names of keys.
const KEYS: usize = 12;

/// Where it is this wide the keys stand beside the rest.
const WIDE: usize = 130;

pub(super) fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    if width < WIDE {
        let mut lines = keys(app, width);
        lines.push(Line::default());
        lines.extend(words_and_signs(app, width));
        return lines;
    }
    let half = width / 2;
    let mut left = keys(app, half);
    let right = words_and_signs(app, width - half);
    let blank = Row::new(half).line(app.theme);
    left.resize(left.len().max(right.len()), blank);
    for (line, more) in left.iter_mut().zip(right) {
        line.spans.extend(more.spans);
    }
    left
}

fn keys(app: &App, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading(app, "KEYS", width)];
    for binding in BINDINGS.iter().filter(|b| !b.help.is_empty()) {
        let room = width.saturating_sub(KEYS + 2);
        for (index, part) in wrapped(binding.help, room).iter().enumerate() {
            let mut row = Row::new(width);
            if index == 0 {
                row.put(1, binding.name, Tone::Strong);
            }
            row.put(KEYS + 1, part, Tone::Plain);
            lines.push(row.line(app.theme));
        }
    }
    lines
}

fn words_and_signs(app: &App, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading(app, "FILTER", width)];
    for (word, told) in [
        (
            "verdict:",
            "ok stripped downgraded rejected abandoned unknown",
        ),
        ("status:", "426, 4xx, or - for none"),
        ("host: path:", "part of the host, of the path"),
        (
            "hop: client:",
            "part of an address; hop: also the software, as nginx",
        ),
        ("finding:", "part of its name, as upgrade"),
        (
            "code: kind:",
            "of a closing: 1006, 10xx; normal, fault, abnormal",
        ),
        ("by:", "who closed it: client server proxy"),
        ("since:", "90s, 5m, 2h: not longer ago"),
        ("word", "anything else is looked for everywhere"),
        ("a,b  !word", "either of two; not this one"),
    ] {
        let mut row = Row::new(width);
        row.put(1, word, Tone::Strong)
            .cut(15, told, width.saturating_sub(16), Tone::Plain);
        lines.push(row.line(app.theme));
    }
    lines.push(Line::default());
    lines.push(heading(app, "SIGNS", width));
    for &verdict in Verdict::ALL {
        let mut row = Row::new(width);
        let name = format!("{} {}", sign_of_verdict(verdict), verdict.name());
        row.put(1, &name, of_verdict(verdict)).cut(
            15,
            meaning(verdict),
            width.saturating_sub(16),
            Tone::Plain,
        );
        lines.push(row.line(app.theme));
    }
    for (sign, told, tone) in [
        ("-field", "a hop removed it", Tone::Removed),
        ("+field", "a hop added it", Tone::Added),
        (
            "~field",
            "a hop changed its value or its name",
            Tone::Changed,
        ),
        (
            "lossy:",
            "packets were lost while it ran; what is missing may change the picture",
            Tone::Warn,
        ),
        ("┊", "a leg that cannot be read, or was not seen", Tone::Dim),
        (
            "…",
            "in the ladder: a second or more without a word",
            Tone::Dim,
        ),
        (
            "share",
            "of all attempts, or closings, of that host and path",
            Tone::Plain,
        ),
    ] {
        let mut row = Row::new(width);
        row.put(1, sign, tone)
            .cut(15, told, width.saturating_sub(16), Tone::Plain);
        lines.push(row.line(app.theme));
    }
    lines.push(Line::default());
    lines.extend(labelled(app, "Times", &[times(app)], width));
    lines
}

fn times(app: &App) -> String {
    let clock: &Clock = &app.clock;
    let zone = app
        .snapshot
        .now
        .map_or_else(|| "local".to_owned(), |now| clock.offset(now));
    format!(
        "of the packets, {zone}. \"First leg seen\" is the client's where it can be read, else the leg behind the proxy that ends TLS."
    )
}

const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "it opened",
        Verdict::Stripped => "a hop removed or mangled a field of the handshake",
        Verdict::Downgraded => "it got less than it asked for",
        Verdict::Rejected => "it arrived whole and was refused, or never answered",
        Verdict::Abandoned => "the client left before the answer came",
        Verdict::Unknown => "bytes are missing from the capture: nobody is accused",
    }
}
