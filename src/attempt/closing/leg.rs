//! What a leg of an opened WebSocket shows, fact by fact.

use crate::attempt::{ClosingLeg, SeenClose, SeenViolation, TcpEnd};
use crate::event::{Fact, GapOver, Response};
use crate::flow::{Direction, End};
use crate::time::{Stamp, Timestamp};
use crate::websocket::Offer;

/// Offered subprotocols kept of one leg, and the longest name: an app has a few, and strangers can name more.
const SUBPROTOCOLS: usize = 4;
const SUBPROTOCOL: usize = 64;
/// Close frames kept of one leg: one of each side is right, more are a fault that two show.
const CLOSES: usize = 4;
/// Round-trip times kept of one side.
const RTT_SAMPLES: usize = 64;
/// Violations kept of one leg: one of each kind and side.
const VIOLATIONS: usize = 20;

/// The order in which records were captured.
const fn in_order(at: Stamp) -> (Timestamp, u64) {
    (at.ts, at.frame)
}

impl ClosingLeg {
    /// Takes what the handshake agreed from the final answer.
    pub(in crate::attempt) fn opened(&mut self, response: &Response, offer: Option<&Offer>) {
        const MARKS: &[&str] = &[
            "via",
            "cf-ray",
            "x-amz-cf-id",
            "x-served-by",
            "x-cache",
            "x-envoy-upstream-service-time",
        ];
        self.opened_at = response.started.ts;
        self.accept = response.answer.accept;
        self.agreed.clone_from(&response.answer.extensions);
        self.subprotocol = response.answer.subprotocols.first().cloned();
        if self.subprotocol.is_none() {
            let offered = offer.map_or(&[][..], |offer| &offer.subprotocols);
            let few = offered.iter().filter(|name| name.len() <= SUBPROTOCOL);
            self.offered_subprotocols = few.take(SUBPROTOCOLS).cloned().collect();
        }
        self.offered = offer
            .map(|offer| offer.extensions.clone())
            .unwrap_or_default();
        let Some(head) = &response.head else { return };
        self.software = head
            .fields
            .value("server")
            .map(|server| server.as_ref().into());
        let mark = |name: &&str| {
            head.fields
                .value(name)
                .map(|value| format!("{name}: {value}").into())
        };
        self.marks = MARKS.iter().filter_map(mark).collect();
    }

    /// Takes note of a fact after the 101.
    pub(in crate::attempt) fn note(&mut self, at: Stamp, fact: &Fact) {
        match fact {
            Fact::Frames(frames) => {
                self.client_frames.add(&frames.client);
                self.server_frames.add(&frames.server);
                for (mine, seen) in self.largest_message.iter_mut().zip(frames.largest_message) {
                    *mine = (*mine).max(seen);
                }
                for (mine, seen) in self.last_bytes.iter_mut().zip(frames.last) {
                    *mine = seen.or(*mine);
                }
            }
            Fact::Pong { pinged, rtt } => {
                if let Some(samples) = self
                    .rtt
                    .get_mut(pinged.index())
                    .filter(|samples| samples.len() < RTT_SAMPLES)
                {
                    samples.push(*rtt);
                }
            }
            Fact::Close { dir, close } if self.closes.len() < CLOSES => {
                self.closes.push(SeenClose {
                    dir: *dir,
                    at,
                    close: (**close).clone(),
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
                over: GapOver::Payload,
                ..
            } => self.lossy = true,
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

    /// Frames of a side may be missing.
    pub(in crate::attempt) fn lose(&mut self, dir: Direction) {
        self.lossy = true;
        if let Some(blind) = self.blind.get_mut(dir.index()) {
            *blind = true;
        }
    }

    /// It was joined in the middle.
    pub(in crate::attempt) const fn joined(&mut self) {
        self.lossy = true;
        self.blind = [true; 2];
    }

    fn tcp_end(&mut self, end: TcpEnd) {
        let known = |seen: &&TcpEnd| seen.dir == end.dir && seen.reset == end.reset;
        if !self.tcp_ends.iter().any(|seen| known(&seen)) {
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
