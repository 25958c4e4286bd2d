//! What a leg shows after its request, fact by fact, in as little room as there is to note: very many may be open at once,
//! and most of them silent.

use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::attempt::{ClosingLeg, Handshake, SeenClose, SeenViolation, TCP_ENDS, TcpEnd};
use crate::event::{Fact, FrameCounts, Frames, GapOver};
use crate::flow::{Direction, End, Endpoint};
use crate::time::{Stamp, Timestamp};

/// Close frames kept of one leg: one of each side is right, more are a fault that two show.
const CLOSES: usize = 4;
/// Violations kept of one leg: one of each kind and side.
const VIOLATIONS: usize = 20;

/// What a leg shows after its request.
#[derive(Debug, Default)]
pub(in crate::attempt) struct Tail {
    /// First byte of its 101.
    pub(in crate::attempt) opened_at: Timestamp,
    /// What came since then; nothing on a silent one.
    since: Option<Box<Since>>,
    /// How the connection was left.
    ended: Option<End>,
    lossy: bool,
    blind: [bool; 2],
    torn: [bool; 2],
    one_sided: bool,
}

/// The fields of a [`ClosingLeg`] of the same names.
#[derive(Debug, Default)]
struct Since {
    /// All that were told so far, in one: the first as it came, with what came later added. Nothing where only a Close was.
    frames: Option<Box<Frames>>,
    /// What else there is to count: Close frames of the client and of the server that came alone, as nearly all do. Of most
    /// legs nothing more is known, and the rest is large.
    alone: [Alone; 2],
    closes: Vec<SeenClose>,
    tcp_ends: ArrayVec<TcpEnd, TCP_ENDS>,
    violations: Vec<SeenViolation>,
    retransmitting: Option<(Direction, Timestamp)>,
}

/// Close frames of one side.
#[derive(Clone, Copy, Debug, Default)]
struct Alone {
    count: u64,
    /// Of their payloads.
    bytes: u64,
}

/// The order in which records were captured.
const fn in_order(at: Stamp) -> (Timestamp, u64) {
    (at.ts, at.frame)
}

impl Tail {
    /// Takes note of a fact. True where it shows something new of the end.
    pub(in crate::attempt) fn note(&mut self, at: Stamp, fact: Fact) -> bool {
        match fact {
            Fact::Frames(mut frames) => {
                // Of what a side sent first where some may be missing it is not known that it was the first.
                for (began, blind) in frames.began.iter_mut().zip(self.blind) {
                    *began = began.filter(|_| !blind);
                }
                match &mut self.since().frames {
                    Some(known) => add(known, &mut frames),
                    none => *none = Some(frames),
                }
            }
            Fact::Close { dir, close, alone } => {
                let since = self.since();
                if let (Some(len), Some(alone)) = (alone, since.alone.get_mut(dir.index())) {
                    alone.count = alone.count.saturating_add(1);
                    alone.bytes = alone.bytes.saturating_add(len.into());
                }
                if !since.has_room_for_close(dir) {
                    return false;
                }
                let other = dir.flip().index();
                let frames = since.frames.as_deref();
                let received = frames.and_then(|frames| frames.largest.get(other));
                let receiving = frames.and_then(|frames| frames.unfinished.get(other));
                let seen = SeenClose {
                    dir,
                    at,
                    close,
                    received: received.copied().unwrap_or_default(),
                    receiving: receiving.copied().unwrap_or_default(),
                };
                // What waited behind a hole is told late.
                return since.close(seen);
            }
            Fact::Violation(violation) => {
                let violations = &mut self.since().violations;
                let same = |seen: &&mut SeenViolation| {
                    seen.kind() == violation.kind && seen.first.dir == violation.dir
                };
                if let Some(seen) = violations.iter_mut().find(same) {
                    seen.count = seen.count.saturating_add(1);
                } else if violations.len() < VIOLATIONS {
                    violations.push(SeenViolation {
                        first: violation,
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
            Fact::Gap { dir, .. } => self.lose(dir),
            Fact::Retransmitting { dir } => {
                let since = self.since();
                let is_first = since.retransmitting.is_none();
                since.retransmitting.get_or_insert((dir, at.ts));
                return is_first;
            }
            Fact::Fin { dir } => {
                return self.since().tcp_end(TcpEnd {
                    dir,
                    at: at.ts,
                    reset: false,
                });
            }
            Fact::Ended { how, both_ways } => {
                let was_over = self.is_over();
                self.ended = Some(how);
                self.one_sided = !both_ways;
                let mut is_news = !was_over;
                if let End::Rst(dir) = how {
                    is_news |= self.since().tcp_end(TcpEnd {
                        dir,
                        at: at.ts,
                        reset: true,
                    });
                }
                return is_news;
            }
            _ => {}
        }
        false
    }

    /// Frames of a side may be missing.
    pub(in crate::attempt) fn lose(&mut self, dir: Direction) {
        self.lossy = true;
        if let Some(blind) = self.blind.get_mut(dir.index()) {
            *blind = true;
        }
    }

    /// It was joined in the middle, or what came in its middle was lost.
    pub(in crate::attempt) fn joined(&mut self) {
        self.lossy = true;
        self.blind = [true; 2];
        let since = self.since.as_mut();
        if let Some(frames) = since.and_then(|since| since.frames.as_mut()) {
            frames.began = [None; 2];
        }
    }

    /// Close frames in their order.
    pub(in crate::attempt) fn closes(&self) -> &[SeenClose] {
        self.since.as_ref().map_or(&[], |since| &since.closes)
    }

    /// FIN and RST in their order.
    pub(in crate::attempt) fn tcp_ends(&self) -> &[TcpEnd] {
        self.since.as_ref().map_or(&[], |since| &since.tcp_ends)
    }

    /// Last byte of the client and of the server before the end.
    pub(super) fn last_bytes(&self) -> [Option<Timestamp>; 2] {
        let since = self.since.as_ref();
        let frames = since.and_then(|since| since.frames.as_ref());
        frames.map_or([None; 2], |frames| frames.last)
    }

    /// Since when its bytes go unacknowledged.
    pub(super) fn stuck_since(&self) -> Option<Timestamp> {
        let (_, since) = self.since.as_ref()?.retransmitting?;
        Some(since)
    }

    /// How the connection was left, if it was before any side ended it.
    pub(in crate::attempt) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// How much of its end it shows.
    pub(super) fn clarity(&self) -> (bool, bool, bool) {
        (
            self.is_over(),
            self.first_end().is_some(),
            !self.lossy && !self.one_sided,
        )
    }

    /// Whether there is any sign of its end.
    pub(super) fn has_end(&self) -> bool {
        let since = self.since.as_ref();
        since.is_some_and(|since| {
            !since.closes.is_empty() || !since.tcp_ends.is_empty() || since.retransmitting.is_some()
        })
    }

    /// The first Close, FIN or RST, or since when its bytes go unacknowledged.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        let since = self.since.as_ref()?;
        first_end(&since.closes, &since.tcp_ends, since.retransmitting)
    }

    /// Nothing more can come on this connection.
    pub(super) fn is_over(&self) -> bool {
        let fin = |dir| self.tcp_ends().iter().any(|end| end.dir == dir);
        self.ended.is_some() || (fin(Direction::ToServer) && fin(Direction::ToClient))
    }

    /// All of it, with what else is known of the leg. It is large, so it is best made where it is to stay.
    #[inline]
    pub(super) fn into_leg(
        self,
        handshake: Arc<Handshake>,
        (client, server): (Endpoint, Endpoint),
        marks: Vec<Box<str>>,
    ) -> ClosingLeg {
        let Since {
            frames,
            alone: [client_alone, server_alone],
            closes,
            tcp_ends,
            violations,
            retransmitting,
        } = self.since.map_or_else(Since::default, |since| *since);
        let frames = frames.map_or_else(Frames::default, |frames| *frames);
        let mut leg = ClosingLeg {
            leg: handshake.leg,
            client,
            server,
            handshake,
            marks,
            opened_at: self.opened_at,
            closes,
            tcp_ends,
            ended: self.ended,
            client_frames: frames.client,
            server_frames: frames.server,
            rtt: frames.answered,
            began: frames.began,
            ping_waits: frames.ping_waits,
            last_bytes: frames.last,
            largest: frames.largest,
            latest: frames.latest,
            unfinished: frames.unfinished,
            violations,
            retransmitting,
            lossy: self.lossy,
            blind: self.blind,
            torn: self.torn,
            one_sided: self.one_sided,
        };
        client_alone.add_to(&mut leg.client_frames);
        server_alone.add_to(&mut leg.server_frames);
        leg
    }

    fn since(&mut self) -> &mut Since {
        self.since.get_or_insert_default()
    }
}

impl Since {
    /// The first of each side always has a place.
    fn has_room_for_close(&self, dir: Direction) -> bool {
        let has = |dir| self.closes.iter().any(|close| close.dir == dir);
        let kept_free = usize::from(!has(dir.flip()));
        !has(dir) || self.closes.len() + kept_free < CLOSES
    }

    /// True where it is one that was not known.
    fn tcp_end(&mut self, end: TcpEnd) -> bool {
        let same = |seen: &TcpEnd| seen.dir == end.dir && seen.reset == end.reset;
        let is_new = !self.tcp_ends.iter().any(same);
        if is_new {
            let at = self.tcp_ends.partition_point(|seen| seen.at <= end.at);
            // One of each kind and side has a place.
            _ = self.tcp_ends.try_insert(at, end);
        }
        is_new
    }

    /// Adds one to those in order, which mostly stay at two: one of each side. True where it is the first of them now.
    fn close(&mut self, close: SeenClose) -> bool {
        if self.closes.is_empty() {
            self.closes = Vec::with_capacity(2);
        }
        let when = in_order(close.at);
        let at = self
            .closes
            .partition_point(|seen| in_order(seen.at) <= when);
        self.closes.insert(at, close);
        at == 0
    }
}

impl Alone {
    const fn add_to(self, counts: &mut FrameCounts) {
        counts.close = counts.close.saturating_add(self.count);
        counts.bytes = counts.bytes.saturating_add(self.bytes);
    }
}

/// Adds what came since.
fn add(known: &mut Frames, since: &mut Frames) {
    known.client.add(&since.client);
    known.server.add(&since.server);
    (known.largest, known.unfinished) = (since.largest, since.unfinished);
    (known.ping_waits, known.latest) = (since.ping_waits, since.latest);
    std::mem::swap(&mut known.answered, &mut since.answered);
    for (known, since) in known.began.iter_mut().zip(since.began) {
        *known = known.or(since);
    }
    for (known, since) in known.last.iter_mut().zip(since.last) {
        *known = since.or(*known);
    }
}

/// The first Close, FIN or RST, or since when bytes go unacknowledged.
pub(super) fn first_end(
    closes: &[SeenClose],
    tcp_ends: &[TcpEnd],
    retransmitting: Option<(Direction, Timestamp)>,
) -> Option<Timestamp> {
    let close = closes.first().map(|close| close.at.ts);
    let tcp = tcp_ends.first().map(|end| end.at);
    let stuck = retransmitting.map(|(_, since)| since);
    earlier(earlier(close, tcp), stuck)
}

/// The earlier of two times, where they are known.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::Close;

    fn frames(began: [Option<i64>; 2]) -> Fact {
        Fact::Frames(Box::new(Frames {
            began: began.map(|ms| ms.map(Timestamp::from_nanos)),
            ..Frames::default()
        }))
    }

    fn began(tail: Tail) -> [Option<Timestamp>; 2] {
        let ends = (Endpoint::default(), Endpoint::default());
        tail.into_leg(Arc::default(), ends, Vec::new()).began
    }

    #[test]
    fn the_first_message_is_the_first_one_told_unless_some_may_be_missing() {
        let at = Stamp::default();
        let told = || {
            let mut tail = Tail::default();
            tail.note(at, frames([Some(5), None]));
            tail.note(
                at,
                Fact::Gap {
                    dir: Direction::ToClient,
                    len: 9,
                    over: GapOver::FrameHeader,
                },
            );
            tail.note(at, frames([Some(7), Some(8)]));
            tail
        };
        assert_eq!(began(told()), [Some(Timestamp::from_nanos(5)), None]);
        // Of what was joined in the middle nothing is known to be the first.
        let mut joined = told();
        joined.joined();
        assert_eq!(began(joined), [None; 2]);
    }

    #[test]
    fn a_close_that_came_alone_is_counted_with_the_frames() {
        let (at, dir) = (Stamp::default(), Direction::ToClient);
        let counted = |with_frames: &[bool]| {
            let mut tail = Tail::default();
            for &is_frames in with_frames {
                let mut told = Frames::default();
                (told.server.close, told.server.bytes) = (1, 100);
                let close = Fact::Close {
                    dir,
                    close: Close::parse(&[]),
                    alone: Some(7),
                };
                let frames = Fact::Frames(Box::new(told));
                tail.note(at, if is_frames { frames } else { close });
            }
            let ends = (Endpoint::default(), Endpoint::default());
            let leg = tail.into_leg(Arc::default(), ends, Vec::new());
            assert_eq!(leg.client_frames, FrameCounts::default());
            (leg.server_frames.close, leg.server_frames.bytes)
        };
        assert_eq!(counted(&[false]), (1, 7));
        assert_eq!(counted(&[true, false]), (2, 107));
        assert_eq!(counted(&[false, true, false]), (3, 114));
    }

    #[test]
    fn what_shows_nothing_new_of_the_end_says_so() {
        let close = |dir| Fact::Close {
            dir,
            close: Close::parse(&[]),
            alone: None,
        };
        let (to_client, to_server) = (Direction::ToClient, Direction::ToServer);
        let over = Fact::Ended {
            how: End::Fin,
            both_ways: true,
        };
        let stuck = || Fact::Retransmitting { dir: to_client };
        let told = [
            (frames([None; 2]), false),
            (stuck(), true),
            (stuck(), false),
            (close(to_server), true),
            (close(to_client), false),
            (Fact::Fin { dir: to_client }, true),
            (Fact::Fin { dir: to_client }, false),
            (Fact::Fin { dir: to_server }, true),
            (over, false),
        ];
        let mut tail = Tail::default();
        for (frame, (fact, is_news)) in (0..).zip(told) {
            let at = Stamp {
                ts: Timestamp::from_nanos(frame),
                ..Stamp::default()
            };
            assert_eq!(tail.note(at, fact), is_news, "{frame}");
        }
        let mut silent = Tail::default();
        let over = Fact::Ended {
            how: End::Evicted,
            both_ways: true,
        };
        assert!(silent.note(Stamp::default(), over));
    }

    #[test]
    fn what_comes_late_stands_where_it_belongs() {
        let mut tail = Tail::default();
        for (dir, at) in [(Direction::ToClient, 9), (Direction::ToServer, 4)] {
            let at = Stamp {
                ts: Timestamp::from_nanos(at),
                ..Stamp::default()
            };
            tail.note(at, Fact::Fin { dir });
        }
        assert_eq!(tail.first_end(), Some(Timestamp::from_nanos(4)));
        assert_eq!(tail.tcp_ends().len(), 2);
        assert!(tail.is_over());
    }

    #[test]
    fn a_silent_one_takes_little_room() {
        assert!(size_of::<Tail>() <= 24, "{}", size_of::<Tail>());
    }
}
