//! What several pictures are made of: headings, labelled prose, bars, lists that scroll with their selection.

use std::ops::Range;

use ratatui::text::Line;

use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::report::mask::Mask;
use crate::report::phrase::{Subject, hop_name, phrase, short, told};
use crate::report::sanitize::clean;
use crate::report::words::number;

use super::super::app::App;
use super::super::canvas::{Row, width as columns, wrapped};
use super::super::theme::Tone;

/// Columns of a label and the space behind it.
pub(super) const LABEL: usize = 10;

/// Before what was judged while packets were lost.
pub(super) const LOSSY: &str = "lossy: ";

/// The name of a section.
pub(super) fn heading(app: &App, text: &str, width: usize) -> Line<'static> {
    self::text(app, &format!(" {text}"), width, Tone::Accent)
}

pub(super) fn text(app: &App, text: &str, width: usize, tone: Tone) -> Line<'static> {
    let mut row = Row::new(width);
    row.cut(0, text, width, tone);
    row.line(app.theme)
}

/// A line across, with a word at its end.
pub(super) fn rule(app: &App, word: &str, width: usize) -> Line<'static> {
    let mut row = Row::new(width);
    row.put(0, &"─".repeat(width), Tone::Dim);
    if !word.is_empty() {
        row.right(width.saturating_sub(1), &format!(" {word} "), Tone::Dim);
    }
    row.line(app.theme)
}

/// `Why     text`, further lines below it.
pub(super) fn labelled(
    app: &App,
    label: &str,
    items: &[String],
    width: usize,
) -> Vec<Line<'static>> {
    let room = width.saturating_sub(LABEL + 1);
    let mut lines = Vec::new();
    for item in items.iter().flat_map(|item| item.lines()) {
        for part in wrapped(item, room) {
            let mut row = Row::new(width);
            if lines.is_empty() {
                row.put(1, label, Tone::Accent);
            }
            row.put(LABEL, &part, Tone::Plain);
            lines.push(row.line(app.theme));
        }
    }
    lines
}

/// Prose with one space before it.
pub(super) fn prose(app: &App, text: &str, width: usize, tone: Tone) -> Vec<Line<'static>> {
    wrapped(text, width.saturating_sub(2))
        .into_iter()
        .map(|line| self::text(app, &format!(" {line}"), width, tone))
        .collect()
}

/// The rows of a list that are seen: the selected one stays in the middle, unless the list ends.
pub(super) fn window(selected: usize, len: usize, room: usize) -> Range<usize> {
    let most = len.saturating_sub(room);
    let top = selected.saturating_sub(room / 2).min(most);
    top..(top + room).min(len)
}

/// A bar of that length in eighths.
pub(super) fn bar(part: u64, whole: u64, width: usize) -> String {
    const ENDS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if part == 0 || whole == 0 {
        return String::new();
    }
    let eighths = u64::try_from(width * 8).unwrap_or(u64::MAX);
    let filled = part.min(whole).saturating_mul(eighths) / whole;
    // What is there is seen.
    let filled = usize::try_from(filled.max(1)).unwrap_or(usize::MAX);
    let mut out = "█".repeat(filled / 8);
    out.push_str(ENDS.get(filled % 8).copied().unwrap_or_default());
    out
}

/// One character for each value; nothing is a space, and something never is.
pub(super) fn spark(values: &[u64], most: u64) -> String {
    values.iter().map(|&value| level(value, most)).collect()
}

/// How high that is on one line.
pub(super) fn level(value: u64, most: u64) -> char {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if value == 0 || most == 0 {
        return ' ';
    }
    let index = (value.min(most).saturating_mul(8)).div_ceil(most) - 1;
    let index = usize::try_from(index).unwrap_or(7);
    LEVELS.get(index).copied().unwrap_or('█')
}

/// What happened, then who did it: of a short line the first half must do.
pub(super) fn in_few_words(judged: &JudgedAttempt, mask: &Mask) -> String {
    let Some(root) = judged.judgement.findings.first() else {
        return short(judged, mask);
    };
    match (phrase(root.id), &judged.judgement.hop) {
        ((Subject::Hop, words), Some(hop)) => format!("{words}: {}", hop_name(hop, mask)),
        ((Subject::Server, words), _) => {
            let leg = judged.attempt.legs.get(root.leg).map(|node| &node.leg);
            let server = leg
                .unwrap_or_else(|| judged.attempt.outermost())
                .connection()
                .server;
            format!("{words}: {server}")
        }
        ((Subject::Client, _), _) => told(root.id),
        ((_, words), _) => words.to_owned(),
    }
}

/// The same of a closing; nothing where there is nothing to say.
pub(super) fn closed_in_few_words(judged: &JudgedClosing, mask: &Mask) -> String {
    let Some(root) = judged.judgement.findings.first() else {
        return String::new();
    };
    let words = match (phrase(root.id), &judged.judgement.hop) {
        ((Subject::Hop, words), Some(hop)) => format!("{words}: {}", hop_name(hop, mask)),
        ((Subject::Hop, words), None) => words.to_owned(),
        _ => told(root.id),
    };
    clean(&words, 200).into_owned()
}

/// `api.example.com /ws`; where there is little room, the path stays and the host loses its start.
pub(super) fn fitted_place(host: &str, path: &str, room: usize) -> String {
    let (host, path) = (clean(host, 60), clean(path, 120));
    let whole = format!("{host} {path}");
    let over = columns(&whole).saturating_sub(room);
    if over == 0 {
        return whole;
    }
    let kept: String = host.chars().skip(over + 1).collect();
    if kept.chars().count() < 4 {
        return path.into_owned();
    }
    format!("…{kept} {path}")
}

/// `98 %`, `<1 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    match part.saturating_mul(100).checked_div(whole) {
        None => String::new(),
        Some(0) if part == 0 => String::new(),
        Some(0) => "<1 %".to_owned(),
        Some(percent) => format!("{percent} %"),
    }
}

/// `4.2`, `312`, `10,480`: a number of something per second.
pub(super) fn rate(n: u64, seconds: u64) -> String {
    let tenths = n.saturating_mul(10) / seconds.max(1);
    match tenths {
        0..1_000 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => number(tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_seen_however_small() {
        assert_eq!(bar(0, 10, 8), "");
        assert_eq!(bar(1, 1_000_000, 8), "▏");
        assert_eq!(bar(10, 10, 3), "███");
        assert_eq!(spark(&[0, 1, 500, 1_000], 1_000), " ▁▄█");
        assert_eq!(share(1, 1_000), "<1 %");
        assert_eq!(share(999, 1_000), "99 %");
        assert_eq!(share(0, 0), "");
    }

    #[test]
    fn the_selected_row_is_always_in_sight() {
        for len in 0..40 {
            for selected in 0..len {
                let seen = window(selected, len, 10);
                assert!(seen.contains(&selected) && seen.len() <= 10);
                assert!(len < 10 || seen.len() == 10);
            }
        }
    }

    #[test]
    fn the_path_stays_where_there_is_little_room() {
        let fitted = |room| fitted_place("api.example.com", "/ws/*", room);
        assert_eq!(fitted(21), "api.example.com /ws/*");
        assert_eq!(fitted(14), "…ple.com /ws/*");
        assert_eq!(fitted(8), "/ws/*");
    }

    #[test]
    fn rates_are_short() {
        assert_eq!(rate(42, 10), "4.2");
        assert_eq!(rate(104_800, 10), "10,480");
        assert_eq!(rate(5, 0), "5.0");
    }
}
