//! Which pong answers which ping (RFC 6455 §5.5.2, §5.5.3).

use std::time::Duration;

use crate::flow::{Both, Direction};
use crate::time::Timestamp;
use crate::websocket::RoundTrips;

/// The pings of both sides that wait for a pong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pings {
    sides: Both<Waiting>,
}

/// Pings of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Waiting {
    /// The latest, by their number modulo the size.
    latest: [Ping; REMEMBERED],
    sent: u64,
    /// The number behind the last one that was answered: a pong may answer for the pings before it too (§5.5.3).
    answered: u64,
    /// When the oldest that waits was sent.
    since: Option<Timestamp>,
    /// Those that were answered.
    trips: RoundTrips,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ping {
    hash: u64,
    at: Timestamp,
}

/// Pings remembered of each side.
const REMEMBERED: usize = 4;

impl Pings {
    /// A ping that went `dir`.
    pub(super) fn ping(&mut self, dir: Direction, hash: u64, at: Timestamp) {
        let waiting = self.sides.get_mut(dir);
        if let Some(place) = waiting.latest.get_mut(place(waiting.sent)) {
            *place = Ping { hash, at };
        }
        waiting.sent += 1;
        waiting.since.get_or_insert(at);
    }

    /// A pong that went `dir` answers the latest equal ping of the other side.
    pub(super) fn pong(&mut self, dir: Direction, hash: u64, at: Timestamp) {
        if let Some(waited) = self.answer(dir, hash, at) {
            let waiting = self.sides.get_mut(dir.flip());
            waiting.trips.extend([(at.before(waited), waited)]);
        }
    }

    /// The same of one whose time says nothing. How long the ping waited.
    pub(super) fn answer(&mut self, dir: Direction, hash: u64, at: Timestamp) -> Option<Duration> {
        let waiting = self.sides.get_mut(dir.flip());
        let oldest = waiting
            .answered
            .max(waiting.sent.saturating_sub(REMEMBERED as u64));
        let (number, ping) = (oldest..waiting.sent)
            .rev()
            .filter_map(|number| Some((number, waiting.latest.get(place(number))?)))
            .find(|(_, ping)| ping.hash == hash)?;
        let rtt = at.since(ping.at);
        waiting.answered = number + 1;
        waiting.since = (waiting.answered < waiting.sent)
            .then(|| {
                waiting
                    .latest
                    .get(place(waiting.answered))
                    .map(|ping| ping.at)
            })
            .flatten();
        Some(rtt)
    }

    /// The pings that went `dir` and were answered.
    pub(super) const fn answered(&self, dir: Direction) -> &RoundTrips {
        &self.sides.get(dir).trips
    }

    /// Pings that went `dir` and wait.
    pub(super) const fn unanswered(&self, dir: Direction) -> u64 {
        let waiting = self.sides.get(dir);
        waiting.sent.saturating_sub(waiting.answered)
    }

    /// When the oldest ping that went `dir` and waits was sent.
    pub(super) const fn waits_since(&self, dir: Direction) -> Option<Timestamp> {
        self.sides.get(dir).since
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number % REMEMBERED as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_pong_answers_the_equal_ping_and_those_before_it() {
        use Direction::{ToClient, ToServer};
        let mut pings = Pings::default();
        for (hash, ms) in [(1, 0), (2, 10), (3, 20)] {
            pings.ping(ToClient, hash, at(ms));
        }
        assert_eq!(pings.answer(ToServer, 9, at(25)), None, "unsolicited");
        assert_eq!(pings.answer(ToClient, 2, at(25)), None, "its own");
        assert_eq!(
            pings.answer(ToServer, 2, at(25)),
            Some(Duration::from_millis(15))
        );
        assert_eq!(pings.unanswered(ToClient), 1);
        assert_eq!(pings.waits_since(ToClient), Some(at(20)));
        assert_eq!(pings.answer(ToServer, 1, at(30)), None, "answered already");
        assert_eq!(
            pings.answer(ToServer, 3, at(30)),
            Some(Duration::from_millis(10))
        );
        assert_eq!(pings.waits_since(ToClient), None);
        for n in 0..100 {
            pings.ping(ToServer, n, at(n.cast_signed()));
        }
        assert_eq!(pings.unanswered(ToServer), 100);
        assert_eq!(pings.waits_since(ToServer), Some(at(0)));
        assert_eq!(pings.answer(ToClient, 0, at(101)), None, "forgotten");
        assert_eq!(
            pings.answer(ToClient, 98, at(101)),
            Some(Duration::from_millis(3))
        );
        assert_eq!(pings.unanswered(ToServer), 1);
        assert_eq!(pings.waits_since(ToServer), Some(at(99)));
    }
}
