//! What the capture has seen, what it lost, and what it cannot see into.

use ratatui::text::Line;

use crate::report::sanitize::clean;
use crate::report::text::{in_short, losses_and_limits};
use crate::report::words::{bytes, number};

use super::super::app::App;
use super::super::canvas::Row;
use super::super::theme::Tone;
use super::parts::{heading, labelled, prose, text};

/// Names of interfaces told.
const INTERFACES: usize = 12;

pub(super) fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    let snapshot = &app.snapshot;
    let health = &snapshot.health;
    let mut lines = vec![heading(app, "WHAT WAS LOST, AND WHAT TO DO", width)];
    let losses = losses_and_limits(health);
    if losses.is_empty() {
        let told = format!("{}: what is shown is whole.", in_short(health));
        lines.extend(prose(app, &told, width, Tone::Good));
    } else {
        lines.extend(prose(app, &in_short(health), width, Tone::Strong));
        for loss in &losses {
            lines.extend(prose(app, &format!("- {loss}"), width, Tone::Warn));
        }
    }
    lines.push(Line::default());
    lines.push(heading(app, "SEEN", width));
    let dropped = health.kernel_drops.saturating_add(health.iface_drops);
    for (name, value) in [
        ("packets", number(health.packets)),
        ("bytes on the wire", bytes(health.bytes)),
        ("dropped", number(dropped)),
        ("holes in streams", number(health.gaps)),
        ("TCP connections", number(health.connections)),
        ("  TLS, not seen into", number(health.tls_connections)),
        ("  HTTP/2, not seen into", number(health.http2_connections)),
        ("  one direction only", number(health.one_sided_connections)),
        ("plain HTTP exchanges", number(health.plain_http)),
        ("not read as far as TCP", number(health.not_decoded)),
        ("WebSockets open", number(snapshot.open)),
        ("handshakes waiting", number(snapshot.pending)),
    ] {
        let mut row = Row::new(width);
        row.put(1, name, Tone::Plain)
            .right(36, &value, Tone::Strong);
        lines.push(row.line(app.theme));
    }
    lines.push(Line::default());
    let mut names: Vec<String> = snapshot
        .interfaces
        .values()
        .map(|name| clean(name, 80).into_owned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(INTERFACES);
    names.truncate(INTERFACES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if !names.is_empty() {
        lines.extend(labelled(app, "On", &[names.join(", ")], width));
    }
    lines.extend(labelled(
        app,
        "Source",
        std::slice::from_ref(&app.setup.source),
        width,
    ));
    if let Some(filter) = &app.setup.filter {
        let filter = clean(filter, 400).into_owned();
        lines.extend(labelled(app, "Filter", &[filter], width));
    }
    let kept = format!(
        "the last {} attempts and as many closings, and every group of equal trouble up to {}; counts are whole",
        number(app.setup.recent),
        number(app.setup.groups)
    );
    lines.extend(labelled(app, "Kept", &[kept], width));
    if !app.notices.is_empty() {
        lines.push(Line::default());
        lines.push(heading(app, "NOTICES", width));
        for notice in app.notices.iter().rev() {
            for line in notice.lines() {
                lines.push(text(
                    app,
                    &format!(" {}", clean(line, 400)),
                    width,
                    Tone::Warn,
                ));
            }
        }
    }
    lines
}
