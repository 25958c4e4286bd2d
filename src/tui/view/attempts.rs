//! The list of attempts.

use std::sync::Arc;

use ratatui::text::Line;

use crate::judge::JudgedAttempt;
use crate::report::mask::Mask;
use crate::report::phrase::hop_name;
use crate::report::sanitize::clean;
use crate::report::words::span;
use crate::tally::{answer_time, host_of};

use super::super::app::App;
use super::super::canvas::Row;
use super::super::lists::{AttemptColumn as C, other_protocol, path_of};
use super::super::theme::{Tone, of_verdict, sign_of_verdict};
use super::parts::{LOSSY, fitted_place, in_few_words, text, window};
use super::table::{Place, ROOMY, head, nothing, places};

/// Columns by the width there is: each with its own, 0 for a share of what is left.
fn columns(width: usize) -> Vec<(C, usize)> {
    let mut all = vec![(C::Time, 9), (C::Verdict, 13), (C::Status, 7)];
    if width >= 100 {
        all.push((C::Took, 8));
    }
    if width >= 130 {
        all.push((C::Client, 22));
    }
    if width >= 160 {
        all.push((C::Hop, 32));
    }
    if width >= ROOMY {
        all.push((C::Host, 0));
    }
    // With little room the host stands before the path.
    all.extend([(C::Path, 0), (C::What, 0)]);
    all
}

pub(super) fn lines(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    let places = places(&columns(width), width);
    let mut lines = vec![names(app, &places, width)];
    let rows = &app.lists.attempts;
    if rows.is_empty() {
        lines.push(text(
            app,
            &nothing(app.lists.all[1], "attempt"),
            width,
            Tone::Dim,
        ));
    }
    let selected = app.attempts.index();
    for at in window(selected, rows.len(), height.saturating_sub(1)) {
        if let Some(judged) = rows.get(at) {
            lines.push(line(app, judged, &places, width, at == selected));
        }
    }
    lines
}

/// The first of them, for another screen: so many lines with the heading, none of them selected.
pub(super) fn latest(app: &App, width: usize, height: usize) -> Vec<Line<'static>> {
    let places = places(&columns(width), width);
    let mut lines = vec![names(app, &places, width)];
    let rows = app.lists.attempts.iter().take(height.saturating_sub(1));
    lines.extend(rows.map(|judged| line(app, judged, &places, width, false)));
    lines.resize(height, Line::default());
    lines
}

fn names(app: &App, places: &[Place<C>], width: usize) -> Line<'static> {
    let name = |column| match column {
        C::Path if width < ROOMY => "where",
        column => column.name(),
    };
    head(app, places, app.attempt_order, name, width)
}

fn line(
    app: &App,
    judged: &Arc<JudgedAttempt>,
    places: &[Place<C>],
    width: usize,
    is_selected: bool,
) -> Line<'static> {
    let mask = Mask::of_attempt(app.setup.report.redact, &judged.attempt);
    let mut row = Row::new(width);
    for &(column, x, wide) in places {
        let (text, tone) = match column {
            C::Path if width < ROOMY => (where_of(judged, &mask, wide), Tone::Plain),
            column => cell(app, judged, column, &mask),
        };
        row.cut(x, &text, wide, tone);
    }
    if is_selected {
        row.put(0, "▸", Tone::Strong).tone(Tone::Selected);
    }
    row.line(app.theme)
}

fn cell(app: &App, judged: &JudgedAttempt, column: C, mask: &Mask) -> (String, Tone) {
    let (attempt, judgement) = (&judged.attempt, &judged.judgement);
    let leg = attempt.outermost();
    let plain = |text: String| (text, Tone::Plain);
    match column {
        C::Time => plain(app.clock.time(leg.started())),
        C::Verdict => {
            let verdict = judgement.verdict;
            let text = format!("{} {}", sign_of_verdict(verdict), verdict.name());
            (text, of_verdict(verdict))
        }
        C::Status => plain(
            judgement
                .status
                .map_or_else(|| "-".to_owned(), |status| status.to_string()),
        ),
        C::Host => plain(host_of(leg).map_or_else(
            || "-".to_owned(),
            |host| clean(&mask.host(&host), 60).into_owned(),
        )),
        C::Path => plain(clean(&mask.target(path_of(attempt)), 120).into_owned()),
        C::Took => plain(answer_time(leg).map(span).unwrap_or_default()),
        C::Hop => match &judgement.hop {
            Some(hop) => plain(clean(&hop_name(hop, mask), 60).into_owned()),
            None if attempt.surroundings.client_leg_encrypted => {
                ("client leg encrypted".to_owned(), Tone::Dim)
            }
            None => plain("-".to_owned()),
        },
        C::Client => plain(leg.connection().client.to_string()),
        C::What => what(judged, mask),
    }
}

/// Host and path in one column.
fn where_of(judged: &JudgedAttempt, mask: &Mask, room: usize) -> String {
    let host = host_of(judged.attempt.outermost())
        .map_or_else(|| "-".to_owned(), std::borrow::Cow::into_owned);
    let path = mask.target(path_of(&judged.attempt));
    fitted_place(&mask.host(&host), &path, room)
}

fn what(judged: &JudgedAttempt, mask: &Mask) -> (String, Tone) {
    let (attempt, judgement) = (&judged.attempt, &judged.judgement);
    let mut words = match other_protocol(attempt) {
        Some(name) => format!("asked for {}", clean(name, 30)),
        None => clean(&in_few_words(judged, mask), 200).into_owned(),
    };
    if attempt.surroundings.lossy {
        words.insert_str(0, LOSSY);
    }
    if judgement.findings.is_empty() && words == "It opened" {
        return ("opened".to_owned(), Tone::Dim);
    }
    (words, Tone::Plain)
}
