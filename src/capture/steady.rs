//! Times that go on evenly where the clock of a capture did not.
//!
//! All that waits, and all that says who was first, counts on it: with a clock that was set back, a client that left after
//! the answer has left before it. So a packet whose time cannot be is told the time that goes on from the packets before
//! it. That is wrong by as much as the clock was set, which is said; the order and the spans are right.

use std::time::Duration;

use crate::time::Timestamp;

/// Packets are this much out of order without any clock being wrong: they come from several queues.
const DISORDER: Duration = Duration::from_millis(250);
/// A silence that is longer may also be a time that is wrong, which the next packet tells.
const SILENCE: Duration = Duration::from_secs(60);

/// What is known of one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steady {
    /// The latest time that was told; nothing was yet.
    now: Option<Timestamp>,
    /// Nanoseconds that were added last.
    shift: i64,
}

impl Steady {
    /// Whether the time of the next packet is needed to judge this one.
    #[inline]
    pub(crate) fn is_leap(&self, raw: Timestamp) -> bool {
        self.now.is_some_and(|now| raw > now.after(SILENCE))
    }

    /// The time to tell of a packet, whose own may be wrong, before one of that time.
    #[inline]
    pub(crate) fn time(&mut self, raw: Timestamp, next: Option<Timestamp>) -> Timestamp {
        let Some(now) = self.now else {
            self.now = Some(raw);
            return raw;
        };
        if self.goes_on(raw) {
            return raw;
        }
        let time = self.judge(raw, next, (now, &|time| is_even(time, now)));
        self.now = Some(now.max(time));
        time
    }

    /// Whether a packet comes when it may by the packets before it: then its time is told as it is.
    #[inline]
    pub(crate) fn goes_on(&mut self, raw: Timestamp) -> bool {
        let Some(now) = self.now.filter(|_| self.shift == 0) else {
            return false;
        };
        let goes_on = is_even(raw, now);
        if goes_on {
            self.now = Some(now.max(raw));
        }
        goes_on
    }

    fn judge(
        &mut self,
        raw: Timestamp,
        next: Option<Timestamp>,
        (now, is_even): (Timestamp, &dyn Fn(Timestamp) -> bool),
    ) -> Timestamp {
        let off = |time: Timestamp| time.since(now).max(now.since(time));
        let even = [raw, shifted(raw, self.shift)].into_iter();
        // Where both can be, the nearer: after a silence a clock that was set may be right again.
        if let Some(time) = even
            .filter(|time| is_even(*time))
            .min_by_key(|time| off(*time))
        {
            return time;
        }
        if raw > now {
            // Only this packet lies; or there was silence, and the clock is as right as ever.
            return if next.is_some_and(is_even) { now } else { raw };
        }
        self.shift = now.as_nanos().saturating_sub(raw.as_nanos());
        now
    }
}

/// Whether a packet may come at this time after the latest so far.
#[inline]
fn is_even(time: Timestamp, now: Timestamp) -> bool {
    const EARLY: u64 = nanos(DISORDER);
    const LATE: u64 = nanos(SILENCE);
    let off = time.as_nanos().abs_diff(now.as_nanos());
    off <= if time < now { EARLY } else { LATE }
}

/// A span that is known to be short.
const fn nanos(span: Duration) -> u64 {
    span.as_secs() * 1_000_000_000 + span.subsec_nanos() as u64
}

fn shifted(time: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times in seconds, as they come and as they are told.
    fn told(raw: &[i64]) -> Vec<i64> {
        let raw: Vec<Timestamp> = raw.iter().map(|s| Timestamp::from_secs(*s, 0)).collect();
        let mut steady = Steady::default();
        let mut told = Vec::new();
        for (n, &time) in raw.iter().enumerate() {
            let next = raw.get(n + 1).copied().filter(|_| steady.is_leap(time));
            told.push(steady.time(time, next).as_nanos() / 1_000_000_000);
        }
        told
    }

    #[test]
    fn even_times_silence_and_disorder_stay_as_they_are() {
        for raw in [
            &[100, 101, 101, 160][..],
            &[100, 101, 9_000, 9_001],
            // At the end nobody tells.
            &[100, 9_000],
            &[100, 9_000, 20_000, 20_001],
        ] {
            assert_eq!(told(raw), raw);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on() {
        assert_eq!(
            told(&[5_000, 1_000, 1_002, 1_003]),
            [5_000, 5_000, 5_002, 5_003]
        );
        // And is right again once that may be.
        assert_eq!(told(&[100, 97, 98, 101, 102]), [100, 100, 101, 101, 102]);
        assert_eq!(
            told(&[5_000, 1_000, 4_990, 5_001]),
            [5_000, 5_000, 5_000, 5_001]
        );
    }

    #[test]
    fn one_packet_that_lies_changes_nothing_of_the_others() {
        assert_eq!(told(&[5_000, 0, 5_001]), [5_000, 5_000, 5_001]);
        assert_eq!(told(&[5_000, 0, 0, 5_001]), [5_000, 5_000, 5_000, 5_001]);
        assert_eq!(told(&[5_000, 90_000, 5_001]), [5_000, 5_000, 5_001]);
        // Every other.
        assert_eq!(
            told(&[5_000, 4_000, 5_001, 4_001, 5_002]),
            [5_000, 5_000, 5_001, 5_001, 5_002]
        );
    }

    #[test]
    fn times_at_the_ends_overflow_nothing() {
        let (min, max) = (Timestamp::MIN, Timestamp::MAX);
        for times in [[min, max, min], [max, min, max], [min, min, max]] {
            let mut steady = Steady::default();
            let mut latest = min;
            for time in times {
                let time = steady.time(time, Some(min));
                assert!(time >= latest.before(DISORDER));
                latest = latest.max(time);
            }
        }
    }
}
