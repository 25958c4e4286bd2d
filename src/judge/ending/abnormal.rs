//! Ends without a Close: who let go first, and what the times say of why.

use std::time::Duration;

use super::{Trial, hop_between, may_hide_more, sender};
use crate::attempt::{Closing, ClosingLeg};
use crate::flow::Direction;
use crate::judge::{Confidence, FindingId, Party};
use crate::time::Timestamp;

/// A client that opens and leaves within this time without a frame is a health probe.
const PROBE: Duration = Duration::from_secs(1);
/// Sockets that one hop ends together from this many on were ended by a reload.
const RELOAD: u32 = 4;
/// An end that follows a large message within this time was caused by it.
const CRASH: Duration = Duration::from_secs(1);
/// A hop that lets go of both sides after so long a silence did so because of it.
const SILENT: Duration = Duration::from_secs(2);
/// A message is large from this size on.
const LARGE: u64 = 64 * 1024;

impl Trial<'_> {
    /// No Close from either side: who let go first, and what the times say.
    pub(super) fn abnormal(&mut self) {
        let closing = self.closing;
        let scene = self.scene();
        let (age, idle, server_idle) = (scene.age, scene.idle, scene.server_idle);
        let how = self.how_it_ended();
        if self.by == Party::Proxy {
            self.hop = closing
                .legs
                .get(1)
                .map(|inner| hop_between(self.outermost, inner));
        }
        if let Some((dir, _)) = closing.legs.iter().find_map(|leg| leg.retransmitting) {
            let gone = sender(dir.flip()).name();
            return self.find(
                FindingId::PeerVanished,
                0,
                Confidence::Certain,
                format!("{how}; the {gone} acknowledged nothing more"),
            );
        }
        if may_hide_more(closing) {
            return self.find(
                FindingId::CaptureIncomplete,
                0,
                Confidence::Certain,
                "bytes are missing before the end: there may have been a Close".into(),
            );
        }
        if self.by == Party::Server && no_frames(self.outermost) {
            return self.find(
                FindingId::OpenedThenClosed,
                0,
                Confidence::Certain,
                format!("{how}, before any frame"),
            );
        }
        if self.by == Party::Proxy && closing.ended_together >= RELOAD {
            let others = closing.ended_together;
            return self.find(
                FindingId::ProxyReloaded,
                0,
                Confidence::Likely,
                format!("{how}, and {others} others within the same second"),
            );
        }
        if self.by == Party::Proxy && server_idle >= SILENT {
            let set = [server_idle, idle].into_iter().find(|&span| is_timer(span));
            let of = if set == Some(idle) && idle != server_idle {
                "either side"
            } else {
                "the server"
            };
            let silent = set.unwrap_or(server_idle).as_secs_f64();
            let confidence = if set.is_some() {
                Confidence::Likely
            } else {
                Confidence::Guess
            };
            let evidence = format!("{how}, {silent:.1} s after the last byte of {of}");
            return self.find(FindingId::IdleTimeout, 0, confidence, evidence);
        }
        if self.by == Party::Proxy && is_timer(age) {
            return self.find(
                FindingId::LifetimeLimit,
                0,
                Confidence::Likely,
                format!("{how}, {:.1} s after it had opened", age.as_secs_f64()),
            );
        }
        if self.by == Party::Server
            && idle < CRASH
            && self
                .outermost
                .largest_message
                .iter()
                .any(|&size| size >= LARGE)
        {
            let size = self
                .outermost
                .largest_message
                .iter()
                .max()
                .copied()
                .unwrap_or_default();
            return self.find(
                FindingId::PeerCrashed,
                0,
                Confidence::Likely,
                format!("{how}, right after a message of {size} bytes"),
            );
        }
        self.find(FindingId::AbnormalClosure, 0, Confidence::Certain, how);
    }

    fn how_it_ended(&self) -> String {
        let leg = self.closing.legs.iter().min_by_key(|leg| {
            leg.tcp_ends
                .first()
                .map_or(Timestamp::from_nanos(i64::MAX), |end| end.at)
        });
        let end = leg.and_then(|leg| leg.tcp_ends.first());
        match (self.by, end.filter(|_| self.by != Party::Unknown)) {
            (Party::Proxy, _) => format!(
                "{} ended both sides by itself, without a Close",
                self.outermost.server
            ),
            (by, Some(end)) => format!(
                "{} sent {} without a Close",
                by.name(),
                if end.reset { "RST" } else { "FIN" }
            ),
            (_, None) => "it ended without a Close".to_owned(),
        }
    }
}

/// Who let go of TCP first. With two legs in sight the order tells: what a hop passes on was there before; what no one
/// brought it, it did by itself.
pub(super) fn tcp_party(closing: &Closing) -> Party {
    let outermost = closing.legs.first();
    let innermost = closing.legs.last();
    let first = |leg: Option<&ClosingLeg>| leg.and_then(|leg| leg.tcp_ends.first()).copied();
    if closing.legs.len() > 1 {
        let client = first(outermost).filter(|end| end.dir == Direction::ToServer);
        let server = first(innermost).filter(|end| end.dir == Direction::ToClient);
        return match (client, server) {
            (Some(client), Some(server)) if client.at <= server.at => Party::Client,
            (_, Some(_)) => Party::Server,
            (Some(_), None) => Party::Client,
            (None, None) if first(outermost).is_some() && first(innermost).is_some() => {
                Party::Proxy
            }
            // Only one end of the two is in the capture: the other may have been the cause of it.
            (None, None) => Party::Unknown,
        };
    }
    first(outermost).map_or(Party::Unknown, |end| sender(end.dir))
}

pub(super) fn is_unused(closing: &Closing, outermost: &ClosingLeg) -> bool {
    let left = outermost.tcp_ends.first().is_some_and(|end| {
        end.dir == Direction::ToServer && end.at.since(closing.opened_at) <= PROBE
    });
    left && no_frames(outermost) && !closing.lossy
}

fn no_frames(leg: &ClosingLeg) -> bool {
    leg.client_frames.total() == 0 && leg.server_frames.total() == 0
}

/// Timers are set to whole seconds. They fire a little late; nginx, which is lazy in setting them anew, up to 0.3 s
/// early. So much is allowed only around the values that are known defaults.
fn is_timer(span: Duration) -> bool {
    const DEFAULTS: &[u64] = &[30, 50, 60, 75, 100, 120, 300, 350, 600, 900, 1800, 3600];
    let near = |secs: u64, early: u64, late: u64| {
        let set = Duration::from_secs(secs);
        span + Duration::from_millis(early) >= set && span <= set + Duration::from_millis(late)
    };
    let whole = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    DEFAULTS.iter().any(|&secs| near(secs, 350, 500)) || (whole >= 2 && near(whole, 60, 60))
}
