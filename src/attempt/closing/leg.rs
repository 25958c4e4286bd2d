//! What a leg of an opened WebSocket shows, fact by fact.

use std::time::Duration;

use crate::attempt::{ClosingLeg, SeenClose, SeenViolation, TcpEnd};
use crate::event::{Fact, GapOver, Request, Response};
use crate::flow::{Direction, End};
use crate::http::Fields;
use crate::time::{Stamp, Timestamp};

/// Offered subprotocols kept of one leg, and the longest name: an app has a few, and strangers can name more.
const SUBPROTOCOLS: usize = 4;
const SUBPROTOCOL: usize = 64;
/// Close frames kept of one leg: one of each side is right, more are a fault that two show.
const CLOSES: usize = 4;
/// Violations kept of one leg: one of each kind and side.
const VIOLATIONS: usize = 20;

/// The order in which records were captured.
const fn in_order(at: Stamp) -> (Timestamp, u64) {
    (at.ts, at.frame)
}

impl ClosingLeg {
    /// Takes what the handshake agreed from the final answer.
    pub(in crate::attempt) fn opened(&mut self, response: &Response, request: Option<&Request>) {
        const MARKS: &[&str] = &[
            "via",
            "cf-ray",
            "x-amz-cf-id",
            "x-amzn-trace-id",
            "x-cloud-trace-context",
            "x-served-by",
            "x-cache",
            "x-envoy-upstream-service-time",
        ];
        self.opened_at = response.started.ts;
        self.accept = response.answer.accept;
        self.agreed.clone_from(&response.answer.extensions);
        self.subprotocol = response.answer.subprotocols.first().cloned();
        if let Some(request) = request {
            self.offered.clone_from(&request.offer.extensions);
            if self.subprotocol.is_none() {
                let few = request.offer.subprotocols.iter();
                let few = few.filter(|name| name.len() <= SUBPROTOCOL);
                self.offered_subprotocols = few.take(SUBPROTOCOLS).cloned().collect();
            }
        }
        let asked = request.map(|request| &request.head.fields);
        let answered = response.head.as_ref().map(|head| &head.fields);
        let software = answered.and_then(|fields| fields.value("server"));
        self.software = software.map(|server| server.as_ref().into());
        // A hop in front of this leg marks the request, one behind it the answer.
        let mark = |(name, fields): (&str, &Fields)| {
            let value = fields.value(name)?;
            Some(format!("{name}: {value}").into())
        };
        for fields in [asked, answered].into_iter().flatten() {
            for name in MARKS {
                self.marks.extend(mark((name, fields)));
            }
        }
    }

    /// When it ended; while it has not, when the WebSocket did.
    pub fn end_or(&self, closing: Timestamp) -> Timestamp {
        self.first_end().unwrap_or(closing)
    }

    /// How long both sides were silent before the end of this leg, or of the WebSocket.
    pub fn idle_before(&self, closing: Timestamp) -> Duration {
        let [client, server] = self.last_bytes;
        let last = client.max(server).unwrap_or(self.opened_at);
        self.end_or(closing).since(last)
    }

    /// Takes note of a fact after the 101.
    pub(in crate::attempt) fn note(&mut self, at: Stamp, fact: &Fact) {
        match fact {
            Fact::Frames(frames) => {
                self.client_frames.add(&frames.client);
                self.server_frames.add(&frames.server);
                (self.largest, self.unfinished) = (frames.largest, frames.unfinished);
                (self.ping_waits, self.latest) = (frames.ping_waits, frames.latest);
                let mine = self.began.iter_mut().zip(self.blind);
                for ((mine, blind), seen) in mine.zip(frames.began) {
                    *mine = mine.or(seen.filter(|_| !blind));
                }
                for (mine, seen) in self.last_bytes.iter_mut().zip(frames.last) {
                    *mine = seen.or(*mine);
                }
            }
            Fact::Pong { pinged, rtt } => {
                if let Some(trips) = self.rtt.get_mut(pinged.index()) {
                    trips.extend([(at.ts.before(*rtt), *rtt)]);
                }
            }
            Fact::Close { dir, close } if self.has_room_for_close(*dir) => {
                let other = dir.flip().index();
                self.closes.reserve_exact(1);
                self.closes.push(SeenClose {
                    dir: *dir,
                    at,
                    close: (**close).clone(),
                    received: self.largest.get(other).copied().unwrap_or_default(),
                    receiving: self.unfinished.get(other).copied().unwrap_or_default(),
                });
                // What waited behind a hole is told late.
                self.closes.sort_by_key(|seen| in_order(seen.at));
            }
            Fact::Violation(violation) => {
                let same = |seen: &&mut SeenViolation| {
                    seen.kind() == violation.kind && seen.first.dir == violation.dir
                };
                if let Some(seen) = self.violations.iter_mut().find(same) {
                    seen.count = seen.count.saturating_add(1);
                } else if self.violations.len() < VIOLATIONS {
                    self.violations.push(SeenViolation {
                        first: *violation,
                        at,
                        count: 1,
                    });
                }
            }
            // Of a frame whose header was seen it is known what it was.
            Fact::Gap {
                over: GapOver::Snapped,
                ..
            } => self.lossy = true,
            Fact::Gap {
                over: GapOver::Payload,
                dir,
                ..
            } => {
                self.lossy = true;
                if let Some(torn) = self.torn.get_mut(dir.index()) {
                    *torn = true;
                }
            }
            Fact::Gap { dir, .. } => self.lose(*dir),
            Fact::Retransmitting { dir } => {
                self.retransmitting.get_or_insert((*dir, at.ts));
            }
            Fact::Fin { dir } => self.tcp_end(TcpEnd {
                dir: *dir,
                at: at.ts,
                reset: false,
            }),
            Fact::Ended { how, both_ways } => {
                self.ended = Some(*how);
                self.one_sided = !both_ways;
                if let End::Rst(dir) = how {
                    self.tcp_end(TcpEnd {
                        dir: *dir,
                        at: at.ts,
                        reset: true,
                    });
                }
            }
            _ => {}
        }
    }

    /// The first of each side always has a place.
    fn has_room_for_close(&self, dir: Direction) -> bool {
        let has = |dir| self.closes.iter().any(|close| close.dir == dir);
        let kept_free = usize::from(!has(dir.flip()));
        !has(dir) || self.closes.len() + kept_free < CLOSES
    }

    /// Frames of a side may be missing.
    pub(in crate::attempt) fn lose(&mut self, dir: Direction) {
        self.lossy = true;
        if let Some(blind) = self.blind.get_mut(dir.index()) {
            *blind = true;
        }
    }

    /// It was joined in the middle, or what came in its middle was lost.
    pub(in crate::attempt) const fn joined(&mut self) {
        self.lossy = true;
        self.blind = [true; 2];
        self.began = [None; 2];
    }

    fn tcp_end(&mut self, end: TcpEnd) {
        let known = |seen: &&TcpEnd| seen.dir == end.dir && seen.reset == end.reset;
        if !self.tcp_ends.iter().any(|seen| known(&seen)) {
            self.tcp_ends.reserve_exact(1);
            self.tcp_ends.push(end);
            self.tcp_ends.sort_by_key(|seen| seen.at);
        }
    }

    /// How much of its end it shows.
    pub(super) fn clarity(&self) -> (bool, bool, bool) {
        (
            self.is_over(),
            self.first_end().is_some(),
            !self.lossy && !self.one_sided,
        )
    }

    /// The first Close, FIN or RST, or since when its bytes go unacknowledged.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        let close = self.closes.first().map(|close| close.at.ts);
        let tcp = self.tcp_ends.first().map(|end| end.at);
        let stuck = self.retransmitting.map(|(_, since)| since);
        [close, tcp, stuck].into_iter().flatten().min()
    }

    /// Nothing more can come on this connection.
    pub(super) fn is_over(&self) -> bool {
        let fin = |dir| self.tcp_ends.iter().any(|end| end.dir == dir);
        self.ended.is_some() || (fin(Direction::ToServer) && fin(Direction::ToClient))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Frames;

    fn frames(began: [Option<i64>; 2]) -> Fact {
        Fact::Frames(Box::new(Frames {
            began: began.map(|ms| ms.map(Timestamp::from_nanos)),
            ..Frames::default()
        }))
    }

    #[test]
    fn the_first_message_is_the_first_one_told_unless_some_may_be_missing() {
        let at = Stamp::default();
        let mut leg = ClosingLeg::default();
        leg.note(at, &frames([Some(5), None]));
        leg.note(
            at,
            &Fact::Gap {
                dir: Direction::ToClient,
                len: 9,
                over: GapOver::FrameHeader,
            },
        );
        leg.note(at, &frames([Some(7), Some(8)]));
        assert_eq!(leg.began, [Some(Timestamp::from_nanos(5)), None]);
        // Of what was joined in the middle nothing is known to be the first.
        leg.joined();
        assert_eq!(leg.began, [None; 2]);
    }
}
