//! How long things took, each as a histogram over the same scale.

use ratatui::text::Line;

use crate::report::words::{number, span};
use crate::tally::{Spread, Spreads};

use super::super::app::App;
use super::super::canvas::{Row, width as columns};
use super::super::theme::Tone;
use super::parts::{heading, level, prose};

/// Ends of the bars in microseconds: one, two and five of each power of ten. One bar more is for what took longer.
const BOUNDS: &[u64] = &[
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    300_000_000,
];
/// Every third bar ends at a power of ten, which stands below it.
const TICKS: usize = 3;

/// Where a series comes from.
type Of = fn(&Spreads) -> &Spread;

const SERIES: &[(&str, Of)] = &[
    ("to the 101, on the first leg seen", |s| &s.handshake),
    ("to a refusal, on the first leg seen", |s| &s.refusal),
    ("to the answer, on the legs behind it", |s| &s.upstream),
    ("of it the proxy's own", |s| &s.proxy),
    ("TCP connect, on the first leg seen", |s| &s.connect),
];

pub(super) fn lines(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    let spreads: Vec<(&str, Spread)> = SERIES
        .iter()
        .map(|(name, of)| {
            let now = of(&app.snapshot.spreads);
            let spread = match app.baseline() {
                Some(base) => now.since(of(&base.spreads)),
                None => now.clone(),
            };
            (*name, spread)
        })
        .filter(|(_, spread)| spread.count() > 0)
        .collect();
    let mut lines = vec![heading(app, "HOW LONG IT TOOK", width)];
    if spreads.is_empty() {
        let told = "No answer has been seen yet.";
        lines.extend(prose(app, told, width, Tone::Dim));
        return lines;
    }
    let told =
        "From the end of the request to the start of the answer. Half took no longer than p50.";
    lines.extend(prose(app, told, width, Tone::Dim));
    let each = height.saturating_sub(lines.len()) / spreads.len();
    let high = each.saturating_sub(3).clamp(2, 8);
    for (name, spread) in &spreads {
        lines.extend(histogram(app, name, spread, width, high));
        lines.push(Line::default());
    }
    lines.pop();
    lines
}

fn histogram(
    app: &App,
    name: &str,
    spread: &Spread,
    width: usize,
    high: usize,
) -> Vec<Line<'static>> {
    let of = spread.percentiles();
    let us = |us: u64| span(std::time::Duration::from_micros(us));
    let mut head = Row::new(width);
    let told = format!(
        "p50 {}   p90 {}   p99 {}   max {}   ×{}",
        us(of.p50),
        us(of.p90),
        us(of.p99),
        us(of.max),
        number(of.count)
    );
    if columns(name) + columns(&told) + 5 <= width {
        head.cut(1, name, width, Tone::Strong)
            .right(width.saturating_sub(1), &told, Tone::Plain);
    } else {
        let short = format!(
            "p50 {}  p99 {}  ×{}",
            us(of.p50),
            us(of.p99),
            number(of.count)
        );
        let room = width.saturating_sub(columns(&short) + 3);
        head.cut(1, name, room, Tone::Strong)
            .right(width.saturating_sub(1), &short, Tone::Plain);
    }
    let mut lines = vec![head.line(app.theme)];
    let bins = spread.bins(BOUNDS);
    let most = bins.iter().copied().max().unwrap_or(0);
    let wide = (width.saturating_sub(2) / bins.len()).max(1);
    for floor in (0..high).rev() {
        let mut row = Row::new(width);
        for (index, &n) in bins.iter().enumerate() {
            let c = part(n, most, floor, high);
            let text: String = std::iter::repeat_n(c, wide.saturating_sub(1).max(1)).collect();
            row.put(1 + index * wide, &text, Tone::Good);
        }
        lines.push(row.line(app.theme));
    }
    lines.push(scale(app, width, wide));
    lines
}

/// What of a bar is seen on that floor of so many.
fn part(n: u64, most: u64, floor: usize, high: usize) -> char {
    if n == 0 {
        return if floor == 0 { '·' } else { ' ' };
    }
    let eighths = u64::try_from(high * 8).unwrap_or(8);
    let filled = n.saturating_mul(eighths).div_ceil(most.max(1));
    let below = u64::try_from(floor * 8).unwrap_or(0);
    level(filled.saturating_sub(below).min(8), 8)
}

/// Powers of ten under the bars that end there.
fn scale(app: &App, width: usize, wide: usize) -> Line<'static> {
    let mut row = Row::new(width);
    for (index, &bound) in BOUNDS.iter().enumerate().step_by(TICKS) {
        let text = match bound {
            0..1_000 => format!("{bound} µs"),
            1_000..1_000_000 => format!("{} ms", bound / 1_000),
            _ => format!("{} s", bound / 1_000_000),
        };
        row.put(1 + index * wide, &text, Tone::Dim);
    }
    row.line(app.theme)
}
