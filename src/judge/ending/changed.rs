//! Legs of one WebSocket that ended in different ways: a gateway said something of its own, or kept something to itself.

use std::time::Duration;

use super::code::named;
use super::{Trial, hop_between, sender};
use crate::attempt::{ClosingLeg, SeenClose, TcpEnd};
use crate::flow::Direction;
use crate::judge::{Confidence, FindingId, Hop};

/// By so much the clocks of two files may differ.
const SKEW: Duration = Duration::from_millis(100);

/// What one hop made of an end.
pub(super) struct Changed {
    /// Index of the outer leg in the attempt.
    leg: usize,
    evidence: String,
    hop: Hop,
    /// The client has no Close to show for it: the hop kept the server's, or made one for the server alone.
    pub(super) is_unseen: bool,
    /// The hop closed both sides by itself.
    pub(super) is_own: bool,
}

impl Trial<'_> {
    /// Tells of legs that ended in different ways.
    pub(super) fn changed(&mut self, changed: Option<Changed>) {
        if let Some(changed) = changed {
            let Changed {
                leg,
                evidence,
                hop,
                is_own,
                ..
            } = changed;
            // Who goes away says so to both sides: the proxy itself goes.
            let id = if is_own && self.code == Some(1001) {
                FindingId::ProxyReloaded
            } else {
                FindingId::CloseChanged
            };
            self.find(id, leg, Confidence::Proved, evidence);
            self.hop.get_or_insert(hop);
        }
    }
}

/// What a hop made of the end of a WebSocket, where two neighbouring legs show it; the innermost such hop.
pub(super) fn find(legs: &[ClosingLeg]) -> Option<Changed> {
    // Where a Close may be missing, either leg may have had it.
    let hides = |leg: &ClosingLeg| {
        leg.lossy || leg.may_hide(Direction::ToServer) || leg.may_hide(Direction::ToClient)
    };
    if legs.iter().any(hides) {
        return None;
    }
    let pairs = legs.iter().zip(legs.iter().skip(1));
    pairs.rev().find_map(|(outer, inner)| {
        other_code(outer, inner)
            .or_else(|| said_by_hop(outer, inner))
            .or_else(|| kept_by_hop(outer, inner))
            .or_else(|| told_to_server(outer, inner))
    })
}

/// Both legs have a Close that went the same way, and its code differs.
fn other_code(outer: &ClosingLeg, inner: &ClosingLeg) -> Option<Changed> {
    // A side may answer one Close and be answered by another: those of its own accord count.
    let (a, b) = (outer.closes.first()?, inner.closes.first()?);
    (a.dir == b.dir && a.close.code != b.close.code).then(|| {
        let evidence = format!(
            "the {} said {} on the leg to {}, and {} on the leg to {}",
            sender(a.dir).name(),
            named(b),
            inner.server,
            named(a),
            outer.server
        );
        changed(outer, inner, evidence)
    })
}

/// The client got a Close that no server had sent: the hop is a gateway, and speaks for itself.
fn said_by_hop(outer: &ClosingLeg, inner: &ClosingLeg) -> Option<Changed> {
    let own = outer.closes.first()?;
    if own.dir == Direction::ToServer {
        return None;
    }
    // The clocks of two files may differ.
    let slack = |close: &SeenClose| {
        if close.at.source == own.at.source {
            Duration::ZERO
        } else {
            SKEW
        }
    };
    let mut by_server = inner
        .closes
        .iter()
        .filter(|close| close.dir == Direction::ToClient);
    if by_server.any(|close| close.at.ts <= own.at.ts.after(slack(close))) {
        return None;
    }
    let asked = inner.closes.first();
    let gone = inner.tcp_ends.first();
    let gone = gone.filter(|end| end.dir == Direction::ToClient && end.at <= own.at.ts);
    let hop = outer.server;
    let evidence = match (gone, asked) {
        (Some(end), _) => format!(
            "{} ended its leg with {} and no Close (1006); {hop} made {} of it",
            inner.server,
            name(end),
            named(own)
        ),
        (None, Some(close)) => format!(
            "{hop} closed both legs by itself: {} to the client, {} to the server",
            named(own),
            named(close)
        ),
        (None, None) => format!(
            "{hop} sent {} by itself: {} had sent no Close",
            named(own),
            inner.server
        ),
    };
    Some(Changed {
        is_own: gone.is_none(),
        ..changed(outer, inner, evidence)
    })
}

/// The client went without a Close, and the hop, a gateway, told the server with a Close of its own.
fn told_to_server(outer: &ClosingLeg, inner: &ClosingLeg) -> Option<Changed> {
    let own = inner.closes.first()?;
    let gone = outer.tcp_ends.first()?;
    let is_own = own.dir == Direction::ToServer && gone.dir == Direction::ToServer;
    (is_own && outer.closes.is_empty() && gone.at <= own.at.ts).then(|| {
        let evidence = format!(
            "the client ended its leg with {} and no Close (1006); {} made {} of it for the server",
            name(gone),
            outer.server,
            named(own)
        );
        Changed {
            is_unseen: true,
            ..changed(outer, inner, evidence)
        }
    })
}

/// A side sent a Close, and the hop ended TCP on the other leg without passing it on: there the API says 1006.
fn kept_by_hop(outer: &ClosingLeg, inner: &ClosingLeg) -> Option<Changed> {
    if let Some(evidence) = kept(outer, inner, outer, Direction::ToClient) {
        return Some(Changed {
            is_unseen: true,
            ..changed(outer, inner, evidence)
        });
    }
    let evidence = kept(outer, outer, inner, Direction::ToServer)?;
    Some(changed(outer, inner, evidence))
}

/// A Close that went `dir` on the leg `from` and not on the leg `to`.
fn kept(outer: &ClosingLeg, from: &ClosingLeg, to: &ClosingLeg, dir: Direction) -> Option<String> {
    let close = from.closes.first().filter(|close| close.dir == dir)?;
    // Whoever left by itself has no use for a Close any more; and an RST behind it takes it from the hop before the hop
    // has read it (RFC 9293 §3.10.7.4).
    let is_reset = from.tcp_ends.iter().any(|end| end.reset && end.dir == dir);
    let end = to.tcp_ends.first()?;
    let is_kept = to.closes.is_empty() && !is_reset && end.dir == dir && end.at >= close.at.ts;
    is_kept.then(|| {
        format!(
            "the {} sent {}; {} ended the leg to the {} with {} and no Close, so that its API says 1006",
            sender(dir).name(),
            named(close),
            outer.server,
            sender(dir.flip()).name(),
            name(end),
        )
    })
}

fn changed(outer: &ClosingLeg, inner: &ClosingLeg, evidence: String) -> Changed {
    Changed {
        leg: outer.leg,
        evidence,
        hop: hop_between(outer, inner),
        is_unseen: false,
        is_own: false,
    }
}

fn name(end: &TcpEnd) -> &'static str {
    if end.reset { "RST" } else { "FIN" }
}
