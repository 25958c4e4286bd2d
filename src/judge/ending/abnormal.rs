//! Ends without a Close: who let go first, and what the times say of why.

use std::time::Duration;

use super::{Trial, hop_between, may_hide_more, sender};
use crate::attempt::{Alike, Closing, ClosingLeg};
use crate::flow::Direction;
use crate::judge::{Confidence, FindingId, Party};
use crate::time::Timestamp;

/// A client that opens and leaves within this time without a frame is a health probe.
const PROBE: Duration = Duration::from_secs(1);
/// A server that lets go within this time without a frame never meant to serve; later a timer may have done it.
const DROPPED: Duration = Duration::from_secs(10);
/// Sockets that end together, from this many others on, had one cause.
const MANY: u32 = 4;
/// Equal spans at so many other times are no chance.
const REPEATED: u32 = 2;
/// What a hop passes on, it passes on within this time, clocks of several files included.
const PASSED_ON: Duration = Duration::from_secs(1);
/// An end that follows a large message within this time was caused by it.
const CRASH: Duration = Duration::from_secs(1);
/// Shorter silences say nothing.
const SILENT: Duration = Duration::from_millis(1_940);
/// A pong comes at once; who waits for longer and then leaves did so because of it.
const PONG_DUE: Duration = Duration::from_millis(900);
/// Proxies whose timers run out up to a second late.
const COARSE: &[&str] = &["lighttpd", "squid"];
/// A message is large from this size on.
const LARGE: u64 = 64 * 1024;

/// Why it ended, as far as its circumstances tell.
type Cause = (FindingId, Confidence, String);

/// A span before the end that a timer may have measured.
struct Span {
    long: Duration,
    /// Behind what it ran: `the last byte of the server`.
    since: &'static str,
    alike: Alike,
}

impl Trial<'_> {
    /// No Close from either side: who let go first, and what the times say.
    pub(super) fn abnormal(&mut self) {
        let closing = self.closing;
        let how = self.how_it_ended();
        if self.by == Party::Proxy {
            let inner = closing.legs.get(1);
            self.hop = inner.map(|inner| hop_between(self.outermost, inner));
        }
        let (id, confidence, evidence) = self
            .vanished(&how)
            .or_else(|| self.unseen())
            .or_else(|| self.refused_the_answer(&how))
            .or_else(|| self.dropped(&how))
            .or_else(|| self.unanswered_ping(&how))
            .or_else(|| self.well_known_timer(&how))
            .or_else(|| self.many_at_once(&how))
            .or_else(|| self.timer(&how))
            .or_else(|| self.amid_a_message(&how))
            .unwrap_or_else(|| {
                let with = self.with_others();
                (
                    FindingId::AbnormalClosure,
                    Confidence::Certain,
                    format!("{how}{with}"),
                )
            });
        self.find(id, 0, confidence, evidence);
    }

    fn vanished(&self, how: &str) -> Option<Cause> {
        let mut legs = self.closing.legs.iter();
        let (dir, _) = legs.find_map(|leg| leg.retransmitting)?;
        let gone = sender(dir.flip()).name();
        Some((
            FindingId::PeerVanished,
            Confidence::Certain,
            format!("{how}; the {gone} acknowledged nothing more"),
        ))
    }

    fn unseen(&self) -> Option<Cause> {
        may_hide_more(self.closing).then(|| {
            (
                FindingId::CaptureIncomplete,
                Confidence::Certain,
                "bytes are missing before the end: there may have been a Close".into(),
            )
        })
    }

    /// A client that asked for a subprotocol and got none may drop the connection (RFC 6455 §4.1: it must fail it for
    /// one that it did not ask for; several libraries do so for none, too).
    fn refused_the_answer(&self, how: &str) -> Option<Cause> {
        let leg = self.outermost;
        let at_once = self.closing.age() <= PROBE && leg.client_frames.total() == 0;
        let unmet = !leg.handshake.offered_subprotocols.is_empty();
        (self.by == Party::Client && at_once && unmet).then(|| {
            let asked = leg.handshake.offered_subprotocols.join(", ");
            let mut inner = self.closing.legs.iter().skip(1);
            let id = if inner
                .clone()
                .any(|inner| inner.handshake.subprotocol.is_some())
            {
                FindingId::ResponseSubprotocolStripped
            } else if inner.any(|inner| inner.handshake.offered_subprotocols.is_empty()) {
                FindingId::SubprotocolStripped
            } else {
                FindingId::SubprotocolNotSelected
            };
            let evidence =
                format!("{how}, at once: it had asked for the subprotocol {asked}, and got none");
            (id, Confidence::Likely, evidence)
        })
    }

    fn dropped(&self, how: &str) -> Option<Cause> {
        let at_once = no_frames(self.outermost) && self.closing.age() <= DROPPED;
        (self.by == Party::Server && at_once).then(|| {
            (
                FindingId::OpenedThenClosed,
                Confidence::Certain,
                format!("{how}, before any frame"),
            )
        })
    }

    /// Who ended it had sent a ping that nobody answered.
    fn unanswered_ping(&self, how: &str) -> Option<Cause> {
        let dir = match self.by {
            Party::Client => Direction::ToServer,
            Party::Server => Direction::ToClient,
            Party::Proxy | Party::Unknown => return None,
        };
        let leg = self.first_to_end()?;
        let since = (*leg.ping_waits.get(dir.index())?)?;
        let waited = self.closing.at.since(since);
        (waited >= PONG_DUE).then(|| {
            let waited = waited.as_secs_f64();
            (
                FindingId::PingTimeout,
                Confidence::Likely,
                format!("{how}, {waited:.1} s after a ping of its own that got no pong"),
            )
        })
    }

    /// Engine.IO has pings of its own, text frames of one byte. Where the server's last was one, nothing came from the client
    /// since, and the server then closed: that was its ping timeout.
    pub(super) fn engine_io_ping(&self) -> Option<String> {
        let closing = self.closing;
        let speaks =
            || closing.target.contains("EIO=") && closing.target.contains("transport=websocket");
        let leg = closing
            .legs
            .last()
            .filter(|_| self.by == Party::Server && speaks())?;
        let [_, latest] = leg.latest;
        let waited = closing.server_idle();
        let is_empty = closing
            .legs
            .iter()
            .filter_map(|leg| leg.closes.first())
            .all(|close| close.close.code.is_none());
        let unanswered = closing.client_idle() >= waited && waited >= PONG_DUE && latest == 1;
        (unanswered && is_empty).then(|| {
            let waited = waited.as_secs_f64();
            format!("server closed it {waited:.1} s after a text frame of one byte, as Engine.IO's ping is, that got no answer")
        })
    }

    /// A span that is the default of a proxy or load balancer, or that was the same at other times.
    fn well_known_timer(&self, how: &str) -> Option<Cause> {
        let at_hop = self.is_hop();
        let lifetime = self.lifetime();
        let other_times = self.closing.neighbours.other_times;
        let repeats = |span: &Span| {
            let enough = if is_default(span.long) { 1 } else { REPEATED };
            is_repeated(span.alike, enough, other_times)
        };
        // What the client's side does after a silence of its own choice is no hop's doing.
        let may_be_hop = at_hop || self.by == Party::Server;
        let is_default =
            |span: &Span| is_default(span.long) && may_be_hop && self.is_shared(span.alike);
        let silence = self
            .silences()
            .find(|span| is_default(span) || repeats(span));
        let confidence = |span: &Span| {
            if at_hop || repeats(span) {
                Confidence::Likely
            } else {
                Confidence::Guess
            }
        };
        let no_pause = self.was_busy();
        let caps = self.closing.legs.iter().any(is_capped_by_google);
        if repeats(&lifetime) && (no_pause || caps)
            || is_default(&lifetime) && (caps || (at_hop && silence.is_none() && no_pause))
        {
            let evidence = format!("{how}, {}", Self::told(&lifetime));
            return Some((FindingId::LifetimeLimit, confidence(&lifetime), evidence));
        }
        let span = silence?;
        let evidence = format!("{how}, {}", Self::told(&span));
        Some((FindingId::IdleTimeout, confidence(&span), evidence))
    }

    /// Many that one address ended within a second: a process was reloaded, or ended.
    fn many_at_once(&self, how: &str) -> Option<Cause> {
        let neighbours = self.closing.neighbours;
        let mut spans = self.silences().chain([self.lifetime()]);
        let is_timer = spans.any(|span| is_round(span.long) && self.is_shared(span.alike));
        if neighbours.together < MANY || is_timer {
            return None;
        }
        let evidence = format!("{how}{}", self.with_others());
        let confidence = Confidence::Likely;
        match self.by {
            // On a proxy's client leg alone it cannot be told whether the proxy went, or all behind it.
            Party::Server if self.is_hop() => None,
            Party::Server => Some((FindingId::PeerCrashed, confidence, evidence)),
            _ if self.is_hop() => Some((FindingId::ProxyReloaded, confidence, evidence)),
            _ => None,
        }
    }

    /// Where the hop itself ended both sides, any round span before it is a timer that was set.
    fn timer(&self, how: &str) -> Option<Cause> {
        if self.by != Party::Proxy {
            return None;
        }
        // One side alone often has nothing to say: the silence of both is what counts here.
        let silence = self.silence();
        let is_silent = silence.long >= SILENT;
        if is_silent && is_round(silence.long) {
            let evidence = format!("{how}, {}", Self::told(&silence));
            return Some((FindingId::IdleTimeout, Confidence::Likely, evidence));
        }
        let lifetime = self.lifetime();
        if is_round(lifetime.long) && self.was_busy() {
            // One in six ages is round by chance.
            let evidence = format!("{how}, {}", Self::told(&lifetime));
            return Some((FindingId::LifetimeLimit, Confidence::Guess, evidence));
        }
        // Some look at their timers about once a second, so that the silence is never round.
        let software = self.hop.as_ref().and_then(|hop| hop.software.as_deref());
        let is_coarse = software.is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            COARSE.iter().any(|coarse| name.starts_with(coarse))
        });
        (is_coarse && is_silent).then(|| {
            let evidence = format!("{how}, {}", Self::told(&silence));
            (FindingId::IdleTimeout, Confidence::Guess, evidence)
        })
    }

    /// The server went while a message was on its way to it, or right after a large one.
    fn amid_a_message(&self, how: &str) -> Option<Cause> {
        // A breach of the protocol is reason enough.
        if self.by != Party::Server || !self.findings.is_empty() {
            return None;
        }
        let leg = self.first_to_end()?;
        let [unfinished, _] = leg.unfinished;
        if unfinished > 0 {
            return Some((
                FindingId::PeerCrashed,
                Confidence::Likely,
                format!("{how}, in the middle of a message of {unfinished} bytes to it"),
            ));
        }
        let largest = leg.largest.iter().map(|largest| largest.bytes).max()?;
        (self.closing.idle() < CRASH && largest >= LARGE).then(|| {
            (
                FindingId::PeerCrashed,
                Confidence::Likely,
                format!("{how}, right after a message of {largest} bytes"),
            )
        })
    }

    /// Silences before the end that timers measure: mostly that of both sides. nginx sets its `proxy_read_timeout` anew with
    /// the client's bytes too, whatever its documentation says.
    fn silences(&self) -> impl Iterator<Item = Span> {
        let server = Span {
            long: self.closing.server_idle(),
            since: "the last byte of the server",
            alike: self.closing.neighbours.same_server_silence,
        };
        let all = [self.silence(), server].into_iter();
        all.filter(|span| span.long >= SILENT)
    }

    fn silence(&self) -> Span {
        Span {
            long: self.closing.idle(),
            since: "the last byte of either side",
            alike: self.closing.neighbours.same_silence,
        }
    }

    /// Whether it carried something late in its life, so that its age is not its silence.
    fn was_busy(&self) -> bool {
        self.closing.idle() + SILENT < self.closing.age()
    }

    fn lifetime(&self) -> Span {
        Span {
            long: self.closing.age(),
            since: "it had opened",
            alike: self.closing.neighbours.same_age,
        }
    }

    /// `3.0 s after the last byte of the server, as at 4 other times`.
    fn told(span: &Span) -> String {
        let long = span.long.as_secs_f64();
        let again = match span.alike.other_times {
            0 => String::new(),
            1 => ", as at one other time".into(),
            n => format!(", as at {n} other times"),
        };
        format!("{long:.1} s after {}{again}", span.since)
    }

    /// `, and 11 others within the same second`, where they are many.
    pub(super) fn with_others(&self) -> String {
        match self.closing.neighbours.together {
            0..MANY => String::new(),
            others => format!(", and {others} others within the same second"),
        }
    }

    /// Whether those that ended together had a span in common. Timers that run out at one moment were set at one moment.
    const fn is_shared(&self, alike: Alike) -> bool {
        let together = self.closing.neighbours.together;
        together < MANY || alike.together.saturating_mul(2) >= together
    }

    /// Whether a proxy ended it: as both legs show, or by what a lone leg tells of the side that did.
    pub(super) fn is_hop(&self) -> bool {
        match self.by {
            Party::Proxy => true,
            Party::Client => self.outermost.handshake.proxy_mark.is_some(),
            Party::Server => self.closing.legs.len() == 1 && answers_as_proxy(self.outermost),
            Party::Unknown => false,
        }
    }

    /// How a hop that ended both sides by itself did so.
    pub(super) fn ends_of_hop(&self) -> Option<&'static str> {
        let by_itself = (self.by == Party::Proxy).then_some(&self.closing.legs)?;
        let end = |leg: &ClosingLeg| leg.tcp_ends.first().map(|end| end.reset);
        let (outer, inner) = (by_itself.first()?, by_itself.get(1)?);
        Some(match (end(outer)?, end(inner)?) {
            (false, false) => "fin fin",
            (false, true) => "fin rst",
            (true, false) => "rst fin",
            (true, true) => "rst rst",
        })
    }

    fn first_to_end(&self) -> Option<&ClosingLeg> {
        let at = |leg: &ClosingLeg| leg.tcp_ends.first().map(|end| end.at);
        let never = Timestamp::from_nanos(i64::MAX);
        let legs = self.closing.legs.iter();
        legs.min_by_key(|leg| at(leg).unwrap_or(never))
    }

    fn how_it_ended(&self) -> String {
        let end = self.first_to_end().and_then(|leg| leg.tcp_ends.first());
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
            (None, Some(server)) if left_client_before(closing, server.at) => Party::Proxy,
            (_, Some(_)) => Party::Server,
            (Some(_), None) => Party::Client,
            (None, None) if first(outermost).is_some() && first(innermost).is_some() => {
                Party::Proxy
            }
            (None, None) if left_client_before(closing, closing.seen_until) => Party::Proxy,
            // Only one end of the two is in the capture: the other may have been the cause of it.
            (None, None) => Party::Unknown,
        };
    }
    first(outermost).map_or(Party::Unknown, |end| sender(end.dir))
}

/// Whether the hop let go of the client while the leg behind it went on, until then: nobody had brought it that end.
fn left_client_before(closing: &Closing, until: Timestamp) -> bool {
    let [outermost, .., innermost] = closing.legs.as_slice() else {
        return false;
    };
    let sides = [Direction::ToServer, Direction::ToClient];
    let hides = sides.into_iter().any(|dir| innermost.may_hide(dir));
    let left = outermost.tcp_ends.first();
    left.is_some_and(|end| until.since(end.at) >= PASSED_ON) && !hides && closing.legs.len() == 2
}

/// A health probe: opened, and left at once without a word. A client that did not get the subprotocol it asked for
/// leaves so too, and means it.
pub(super) fn is_unused(closing: &Closing, outermost: &ClosingLeg) -> bool {
    let left = outermost.tcp_ends.first().is_some_and(|end| {
        end.dir == Direction::ToServer && end.at.since(closing.opened_at) <= PROBE
    });
    let got_what_it_asked = outermost.handshake.offered_subprotocols.is_empty();
    left && no_frames(outermost) && got_what_it_asked && !closing.lossy
}

fn no_frames(leg: &ClosingLeg) -> bool {
    leg.client_frames.total() == 0 && leg.server_frames.total() == 0
}

/// A server that calls itself a proxy, or whose answer passed one.
fn answers_as_proxy(leg: &ClosingLeg) -> bool {
    const PROXIES: &[&str] = &[
        "nginx",
        "openresty",
        "haproxy",
        "envoy",
        "cloudflare",
        "awselb",
        "varnish",
        "traefik",
        "caddy",
        "squid",
    ];
    leg.handshake.software.as_deref().is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        PROXIES.iter().any(|proxy| name.starts_with(proxy))
    })
}

/// Google's load balancers mark what they pass on, and end it at a fixed age.
fn is_capped_by_google(leg: &ClosingLeg) -> bool {
    leg.marks
        .iter()
        .any(|mark| mark.contains("google") || mark.starts_with("x-cloud-trace-context"))
}

/// At enough other times too, and at most of them.
const fn is_repeated(alike: Alike, enough: u32, other_times: u32) -> bool {
    alike.other_times >= enough && alike.other_times.saturating_mul(2) >= other_times
}

/// Timers that are known defaults. They fire a little late; nginx, which is lazy in setting them anew, up to 0.3 s early.
fn is_default(span: Duration) -> bool {
    const DEFAULTS: &[u64] = &[30, 50, 60, 75, 100, 120, 300, 350, 600, 900, 1800, 3600];
    DEFAULTS.iter().any(|&secs| is_near(span, secs, 350, 500))
}

/// Timers are set to whole seconds, and fire within a tenth of one.
fn is_round(span: Duration) -> bool {
    let whole = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    is_default(span) || (whole >= 2 && is_near(span, whole, 90, 90))
}

fn is_near(span: Duration, secs: u64, early: u64, late: u64) -> bool {
    let set = Duration::from_secs(secs);
    span + Duration::from_millis(early) >= set && span <= set + Duration::from_millis(late)
}
