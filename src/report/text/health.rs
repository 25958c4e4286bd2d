//! What the capture saw and lost, how long answers took, and where to listen when nothing could be seen.

use std::time::Duration;

use crate::event::Health;
use crate::limits::Limit;
use crate::tally::{Percentiles, Snapshot};

use super::words::{bytes, count, number, span};
use super::{Page, View};

/// `48,213 packets, nothing lost`.
pub(crate) fn in_short(health: &Health) -> String {
    let packets = count(health.packets, "packet", "packets");
    let dropped = health.kernel_drops.saturating_add(health.iface_drops);
    let mut lost = Vec::new();
    if dropped > 0 {
        lost.push(format!("{} dropped", number(dropped)));
    }
    if health.gaps > 0 {
        lost.push(format!(
            "{} ({})",
            count(health.gaps, "hole", "holes"),
            bytes(health.gap_bytes)
        ));
    }
    if health.shed_events > 0 {
        lost.push(format!(
            "{} not analysed",
            count(health.shed_events, "event", "events")
        ));
    }
    if lost.is_empty() {
        format!("{packets}, nothing lost")
    } else {
        format!("{packets}, LOST: {}", lost.join(", "))
    }
}

/// Writes how long answers took, where one came.
pub(super) fn latency(page: &mut Page, view: &View<'_>) {
    let latency = &view.snapshot.latency;
    let mut lines = Vec::new();
    let mut line = |what: &str, of: &Percentiles| {
        if of.count > 0 {
            let (half, most, all) = (us(of.p50), us(of.p99), us(of.max));
            lines.push(if of.count == 1 {
                format!("{what:<26} {all}")
            } else {
                format!("{what:<26} p50 {half:<8} p99 {most:<8} max {all}")
            });
        }
    };
    line("to the 101", &latency.handshake);
    line("to a refusal", &latency.refusal);
    line("of it the proxy's own", &latency.proxy);
    line("TCP connect", &latency.connect);
    line("the client's pongs", &latency.pong_client);
    line("the server's pongs", &latency.pong_server);
    if lines.is_empty() {
        return;
    }
    page.blank();
    let mut label = view.paint.bold("LATENCY   ");
    for line in lines {
        page.line(&format!("{label} {line}"));
        label = " ".repeat(10);
    }
}

/// Writes what was lost and what could not be seen into.
pub(super) fn health(page: &mut Page, view: &View<'_>) {
    let health = &view.snapshot.health;
    let lines = losses_and_limits(health);
    page.blank();
    page.line(&format!(
        "{} {}",
        view.paint.bold("HEALTH    "),
        in_short(health)
    ));
    for line in lines {
        page.wrapped("           ", "           ", &line);
    }
}

/// What was lost, what could not be seen into, which limits were reached: a sentence each, with what to do about it.
pub(crate) fn losses_and_limits(health: &Health) -> Vec<String> {
    let mut lines = losses(health);
    lines.extend(blind(health));
    let reached = health
        .reached
        .iter()
        .filter(|&(limit, _)| limit != Limit::recent);
    lines.extend(reached.map(|(limit, n)| {
        let info = limit.info();
        format!(
            "Limit {} was reached {}: {}.",
            info.name,
            times(n),
            info.at_limit
        )
    }));
    lines
}

/// When no handshake was seen: what was, and where to listen instead.
pub(crate) fn nothing_seen(snapshot: &Snapshot, is_live: bool) -> Vec<String> {
    let health = &snapshot.health;
    let hidden = health
        .tls_connections
        .saturating_add(health.http2_connections);
    let mut lines = vec![match (health.packets, health.connections) {
        (0, _) if is_live => "No packet was captured.".to_owned(),
        (0, _) => "There is no packet in it.".to_owned(),
        (_, 0) => "No WebSocket handshake was seen, and no TCP connection.".to_owned(),
        (_, n) if health.plain_http == 0 => format!(
            "No WebSocket handshake was seen in {}.",
            count(n, "TCP connection", "TCP connections")
        ),
        (_, n) => format!(
            "No WebSocket handshake was seen in {} and {}.",
            count(n, "TCP connection", "TCP connections"),
            count(
                health.plain_http,
                "plain HTTP exchange",
                "plain HTTP exchanges"
            )
        ),
    }];
    if hidden > 0 {
        lines.push(format!("{}: {}", hidden_words(health), WHERE));
    } else if health.packets > 0 && health.not_decoded == health.packets {
        lines.push(
            "No packet could be read as far as TCP: is this the right capture, the right filter?"
                .to_owned(),
        );
    } else if health.connections > 0
        && health.plain_http == 0
        && snapshot.other_protocols_total == 0
        && snapshot.closings.total() == 0
    {
        lines.push(
            "If a WebSocket was already open when the capture began, its handshake is not in it: reconnect the \
             client while capturing."
                .to_owned(),
        );
    } else if health.packets == 0 && is_live {
        lines.push("Check the interface (`wscap -D` lists them) and the filter.".to_owned());
    }
    lines
}

/// Where clear text is.
const WHERE: &str = "listen on the upstream side, behind whatever ends TLS, for example with -i lo or the backend's port.";

/// `31 TLS connections, no clear text`.
pub(super) fn hidden_words(health: &Health) -> String {
    let mut hidden = Vec::new();
    if health.tls_connections > 0 {
        hidden.push(count(
            health.tls_connections,
            "TLS connection",
            "TLS connections",
        ));
    }
    if health.http2_connections > 0 {
        hidden.push(count(
            health.http2_connections,
            "HTTP/2 connection",
            "HTTP/2 connections",
        ));
    }
    let clear = if health.plain_http == 0 {
        "no clear text"
    } else {
        "which cannot be seen into"
    };
    format!("{}, {clear}", hidden.join(" and "))
}

/// The advice where to listen, for the live report.
pub(super) fn where_to_listen(health: &Health) -> String {
    format!("{}: {WHERE}", hidden_words(health))
}

fn losses(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    if health.kernel_drops > 0 {
        lines.push(format!(
            "The kernel dropped {}: give it a larger buffer (-B 64), or a filter (port 80 or port 8080).",
            count(health.kernel_drops, "packet", "packets")
        ));
    }
    if health.iface_drops > 0 {
        lines.push(format!(
            "The interface dropped {}.",
            count(health.iface_drops, "packet", "packets")
        ));
    }
    if health.gaps > 0 {
        lines.push(format!(
            "{} in the streams, {} missing: attempts that they touch are not judged.",
            count(health.gaps, "hole", "holes"),
            bytes(health.gap_bytes)
        ));
    }
    if health.cut_short > 0 {
        lines.push(format!(
            "The snap length cut {}: capture with -s 0 where handshakes are missing.",
            count(health.cut_short, "packet", "packets")
        ));
    }
    if health.shed_events > 0 {
        lines.push(format!(
            "{} could not be analysed in time: attempts that may be touched are not judged. Use a filter.",
            count(health.shed_events, "event", "events")
        ));
    }
    if health.evictions > 0 {
        lines.push(format!(
            "{} forgotten for lack of room.",
            count(health.evictions, "connection was", "connections were")
        ));
    }
    if health.overlaps > 0 {
        lines.push(format!(
            "{} came again with other content; the first copy was believed.",
            count(health.overlaps, "segment", "segments")
        ));
    }
    lines
}

fn blind(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    if health.tls_connections > 0 || health.http2_connections > 0 {
        let mut what = Vec::new();
        if health.tls_connections > 0 {
            what.push(count(
                health.tls_connections,
                "TLS connection",
                "TLS connections",
            ));
        }
        if health.http2_connections > 0 {
            what.push(count(
                health.http2_connections,
                "HTTP/2 connection",
                "HTTP/2 connections",
            ));
        }
        lines.push(format!("Not seen into: {}.", what.join(" and ")));
    }
    if health.one_sided_connections > 0 {
        lines.push(format!(
            "{} seen in one direction only: is the route asymmetric, or the mirror port half?",
            count(
                health.one_sided_connections,
                "connection was",
                "connections were"
            )
        ));
    }
    for (link, n) in &health.unknown_links {
        lines.push(format!(
            "{} of a kind that is not read: {link}.",
            count(*n, "packet", "packets")
        ));
    }
    lines
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{} times", number(n)),
    }
}

fn us(us: u64) -> String {
    span(Duration::from_micros(us))
}
