//! Before anything was seen: what is waited for, and why it may be blind.

use ratatui::text::Line;

use crate::report::sanitize::clean;
use crate::report::text::{in_short, losses_and_limits, nothing_seen};
use crate::report::words::{count, number};

use super::super::super::app::App;
use super::super::super::theme::Tone;
use super::super::parts::{heading, labelled, prose};

pub(super) fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
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
