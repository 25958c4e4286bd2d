//! A ladder as lines of text.

use std::time::Duration;

use ratatui::text::Line;

use super::super::canvas::{Row, shortened, width};
use super::super::theme::{Theme, Tone};
use super::{Arrow, Ladder};

/// Columns of the time.
const TIME: usize = 9;
/// A silence that is seen as such.
const PAUSE: Duration = Duration::from_secs(1);
/// Closer together no arrow bears a word.
const NARROWEST: usize = 12;
/// Wider apart the eye loses the line.
const WIDEST: usize = 44;

impl Ladder {
    /// It is drawn in that many lines.
    pub(in crate::tui) fn lines(&self, width: usize, theme: Theme) -> Vec<Line<'static>> {
        let xs = self.positions(width);
        let mut lines = self.heads(&xs, width, theme);
        let began = self.arrows.iter().filter_map(|arrow| arrow.at).min();
        let mut last = began;
        for arrow in &self.arrows {
            if let Some((at, last)) = arrow.at.zip(last)
                && at.since(last) >= PAUSE
            {
                let mut row = self.bars(&xs, width);
                row.right(TIME - 1, "…", Tone::Dim);
                lines.push(row.line(theme));
            }
            last = arrow.at.or(last);
            let mut row = self.bars(&xs, width);
            if let Some(after) = arrow.at.zip(began).map(|(at, began)| at.since(began)) {
                row.right(TIME - 1, &seconds(after), Tone::Dim);
            }
            draw(&mut row, &xs, arrow);
            lines.push(row.line(theme));
            if !arrow.changes.is_empty() {
                let mut row = self.bars(&xs, width);
                draw_changes(&mut row, &xs, arrow);
                lines.push(row.line(theme));
            }
        }
        lines
    }

    fn positions(&self, width: usize) -> Vec<usize> {
        let gaps = self.columns.len().saturating_sub(1).max(1);
        let apart = width.saturating_sub(TIME + 2) / gaps;
        let apart = apart.clamp(NARROWEST, WIDEST);
        (0..self.columns.len())
            .map(|index| TIME + index * apart)
            .collect()
    }

    /// Names and addresses over the columns.
    fn heads(&self, xs: &[usize], width: usize, theme: Theme) -> Vec<Line<'static>> {
        let mut names = Row::new(width);
        let mut addresses = Row::new(width);
        let room = xs.windows(2).next().map_or(width, |pair| match pair {
            [a, b] => b.saturating_sub(*a).saturating_sub(1),
            _ => width,
        });
        let last = self.columns.len().saturating_sub(1);
        // Where the label before it ends, of each row.
        let mut ends = [0, 0];
        for (index, (column, &x)) in self.columns.iter().zip(xs).enumerate() {
            let tone = if column.is_hidden {
                Tone::Dim
            } else {
                Tone::Strong
            };
            for ((row, text, tone), end) in [
                (&mut names, &column.name, tone),
                (&mut addresses, &column.address, Tone::Dim),
            ]
            .into_iter()
            .zip(&mut ends)
            {
                let text = shortened(text, room);
                let wide = self::width(&text);
                let at = match index {
                    0 => x,
                    _ if index == last => (x + 1).saturating_sub(wide),
                    _ => x.saturating_sub(wide / 2),
                };
                // The last one may stand further right where there is room.
                let at = if index == last && index > 0 {
                    x.saturating_sub(wide / 2)
                        .min(width.saturating_sub(wide))
                        .max(at)
                } else {
                    at
                };
                let at = at.max(*end);
                *end = at + wide + 1;
                row.put(at, &text, tone);
            }
        }
        vec![names.line(theme), addresses.line(theme)]
    }

    fn bars(&self, xs: &[usize], width: usize) -> Row {
        let mut row = Row::new(width);
        for (column, &x) in self.columns.iter().zip(xs) {
            let bar = if column.is_hidden { "┊" } else { "│" };
            row.put(x, bar, Tone::Dim);
        }
        row
    }
}

/// `0.0051`; beyond an hour the fraction is of no use.
fn seconds(after: Duration) -> String {
    let s = after.as_secs();
    match s {
        0..1_000 => format!("{s}.{:04}", after.subsec_micros() / 100),
        1_000..100_000 => format!("{s}.{:01}", after.subsec_millis() / 100),
        _ => format!("{s}"),
    }
}

fn draw(row: &mut Row, xs: &[usize], arrow: &Arrow) {
    let (Some(&from), Some(&to)) = (xs.get(arrow.from), xs.get(arrow.to)) else {
        return;
    };
    let (left, right) = (from.min(to) + 1, from.max(to));
    let line = if arrow.at.is_none() { "╌" } else { "─" };
    for x in left..right {
        row.put(x, line, Tone::Dim);
    }
    if from < to {
        row.put(right.saturating_sub(1), "▶", arrow.tone);
    } else {
        row.put(left, "◀", arrow.tone);
    }
    let room = right.saturating_sub(left).saturating_sub(6);
    let mut texts = std::iter::once(&arrow.text).chain(&arrow.short);
    let fits = texts.find(|text| width(text) <= room);
    let text = fits.or_else(|| arrow.short.last()).unwrap_or(&arrow.text);
    let text = format!(" {} ", shortened(text, room));
    row.put(left + 2, &text, arrow.tone);
}

fn draw_changes(row: &mut Row, xs: &[usize], arrow: &Arrow) {
    let (Some(&from), Some(&to)) = (xs.get(arrow.from), xs.get(arrow.to)) else {
        return;
    };
    let (left, right) = (from.min(to) + 1, from.max(to));
    let mut x = left + 3;
    let end = right.saturating_sub(1);
    for (sign, field) in &arrow.changes {
        let tone = match sign {
            '-' => Tone::Removed,
            '+' => Tone::Added,
            _ => Tone::Changed,
        };
        let text = format!("{sign}{field}");
        let room = end.saturating_sub(x);
        if width(&text) > room {
            row.cut(x, &text, room, tone);
            break;
        }
        row.put(x, &text, tone);
        x += width(&text) + 1;
    }
}
