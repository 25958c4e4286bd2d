//! The list of closings: how opened WebSockets ended.

use std::sync::Arc;

use ratatui::text::Line;

use crate::judge::{JudgedClosing, Kind};
use crate::report::mask::Mask;
use crate::report::phrase::code_words;
use crate::report::sanitize::clean;
use crate::report::words::{number, span};

use super::super::app::App;
use super::super::canvas::Row;
use super::super::lists::{ClosingColumn as C, path};
use super::super::theme::{Tone, of_severity, sign_of_kind};
use super::parts::{LOSSY, closed_in_few_words, fitted_place, text, window};
use super::table::{Place, ROOMY, head, nothing, places};

/// With less room the host stands before the path: what happened matters more.
const ROOMIER: usize = 160;

/// Columns by the width there is: each with its own, 0 for a share of what is left.
fn columns(width: usize) -> Vec<(C, usize)> {
    let mut all = vec![(C::Time, 9)];
    if width >= ROOMY {
        all.push((C::Kind, 14));
    }
    all.push((C::Code, 24));
    all.push((C::By, 8));
    if width >= ROOMY {
        all.extend([(C::Age, 12), (C::Idle, 12)]);
    }
    if width >= ROOMIER {
        all.push((C::Host, 0));
    }
    // With little room the host stands before the path.
    all.extend([(C::Path, 0), (C::What, 0)]);
    all
}

pub(super) fn lines(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    let mut lines = vec![kinds(app, width)];
    let places = places(&columns(width), width);
    let name = |column| match column {
        C::Path if width < ROOMIER => "where",
        column => column.name(),
    };
    lines.push(head(app, &places, app.closing_order, name, width));
    let rows = &app.lists.closings;
    if rows.is_empty() {
        let words = nothing(app.lists.all[2], "WebSocket has closed");
        lines.push(text(app, &words, width, Tone::Dim));
    }
    let selected = app.closings.index();
    for at in window(selected, rows.len(), height.saturating_sub(2)) {
        if let Some(judged) = rows.get(at) {
            lines.push(line(app, judged, &places, width, at == selected));
        }
    }
    lines
}

/// How many of each kind.
fn kinds(app: &App, width: usize) -> Line<'static> {
    let kinds = app.kinds();
    let mut row = Row::new(width);
    let mut x = 1;
    for (kind, n) in kinds.iter().filter(|&(_, n)| n > 0) {
        let text = format!("{} {} {}", sign_of_kind(kind), number(n), kind.name());
        let tone = match kind {
            Kind::Fault | Kind::Illegal => Tone::Bad,
            Kind::Abnormal => Tone::Warn,
            _ => Tone::Plain,
        };
        row.cut(x, &text, width.saturating_sub(x), tone);
        x += text.chars().count() + 3;
    }
    row.line(app.theme)
}

fn line(
    app: &App,
    judged: &Arc<JudgedClosing>,
    places: &[Place<C>],
    width: usize,
    is_selected: bool,
) -> Line<'static> {
    let mask = Mask::of_closing(app.setup.report.redact, &judged.closing);
    let mut row = Row::new(width);
    for &(column, x, wide) in places {
        let (text, tone) = match column {
            C::Path if width < ROOMIER => (where_of(judged, &mask, wide), Tone::Plain),
            column => cell(app, judged, column, &mask),
        };
        row.cut(x, &text, wide, tone);
    }
    if is_selected {
        row.put(0, "▸", Tone::Strong).tone(Tone::Selected);
    }
    row.line(app.theme)
}

/// Host and path in one column.
fn where_of(judged: &JudgedClosing, mask: &Mask, room: usize) -> String {
    let closing = &judged.closing;
    let host = closing.host.as_deref().unwrap_or("-");
    fitted_place(&mask.host(host), &mask.target(path(&closing.target)), room)
}

fn cell(app: &App, judged: &JudgedClosing, column: C, mask: &Mask) -> (String, Tone) {
    let (closing, judgement) = (&judged.closing, &judged.judgement);
    let plain = |text: String| (text, Tone::Plain);
    let tone = of_severity(judgement.severity);
    match column {
        C::Time => plain(app.clock.time(closing.at)),
        C::Kind => {
            let kind = judgement.kind;
            (format!("{} {}", sign_of_kind(kind), kind.name()), tone)
        }
        C::Code => (code_words(&judged.judgement), tone),
        C::By => plain(judgement.by.name().to_owned()),
        C::Age => plain(span(closing.age())),
        C::Idle => plain(span(closing.idle())),
        C::Host => plain(closing.host.as_deref().map_or_else(
            || "-".to_owned(),
            |host| clean(&mask.host(host), 60).into_owned(),
        )),
        C::Path => plain(clean(&mask.target(path(&closing.target)), 120).into_owned()),
        C::What => {
            let mut words = closed_in_few_words(judged, mask);
            if closing.lossy {
                words.insert_str(0, LOSSY);
            }
            plain(words)
        }
    }
}
