//! The clock of this host while it captures: it goes on evenly also where somebody sets it.
//!
//! Packets bear the time of day, and that may be set while connections are open. How long they have been is told by
//! another clock, which nobody can set and which goes on while the host sleeps: where the two part, the time of day was set,
//! and is told from then on as if it had not been.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::time::Timestamp;

/// Less is drift, which is followed.
const SET: Duration = Duration::from_millis(250);

/// The time of day, and how it was set.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The time of day, and that of the clock that nobody sets, when they were last looked at.
    seen: (Timestamp, Timestamp),
    /// Nanoseconds that are added: now, and before it was set for the last time, since packets may be older than that.
    shifts: [i64; 2],
}

/// That the clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WasSet {
    pub(crate) by: Duration,
    pub(crate) back: bool,
}

impl Clock {
    /// As it is now.
    pub(crate) fn new() -> Self {
        Self {
            seen: clocks(),
            shifts: [0; 2],
        }
    }

    /// Looks at both clocks.
    pub(crate) fn look(&mut self) -> Option<WasSet> {
        self.compare(clocks())
    }

    /// The time, when it was last looked at.
    pub(crate) fn now(&self) -> Timestamp {
        shifted(self.seen.0, self.shifts[0])
    }

    /// Whether a packet bears a time that is still to come: it must be looked again.
    pub(crate) fn is_ahead(&self, raw: Timestamp) -> bool {
        self.time(raw) > self.now().after(Duration::from_secs(1))
    }

    /// The time to tell of a packet.
    pub(crate) fn time(&self, raw: Timestamp) -> Timestamp {
        let [now, before] = self.shifts.map(|shift| shifted(raw, shift));
        let off = |time: Timestamp| time.since(self.now()).max(self.now().since(time));
        if off(before) < off(now) { before } else { now }
    }

    fn compare(&mut self, now: (Timestamp, Timestamp)) -> Option<WasSet> {
        let (day, ran) = self.seen;
        self.seen = now;
        let expected = day.after(now.1.since(ran));
        let (ahead, behind) = (now.0.since(expected), expected.since(now.0));
        let by = ahead.max(behind);
        if by < SET {
            return None;
        }
        let nanos = expected.as_nanos().saturating_sub(now.0.as_nanos());
        self.shifts = [self.shifts[0].saturating_add(nanos), self.shifts[0]];
        Some(WasSet {
            by,
            back: behind > ahead,
        })
    }
}

fn shifted(time: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}

/// The time of day, and the clock that nobody sets; where there is none, what is said of the first is believed.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where live time enters"
)]
fn clocks() -> (Timestamp, Timestamp) {
    let day = SystemTime::now().duration_since(UNIX_EPOCH);
    let day = Timestamp::from_nanos(0).after(day.unwrap_or_default());
    let ran = clock_gettime(ClockId::CLOCK_BOOTTIME);
    let ran = ran.map_or(day, |ran| {
        Timestamp::from_nanos(0).after(Duration::from(ran))
    });
    (day, ran)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds.
    fn at(ms: i64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_clock_that_is_set_goes_on_and_drift_is_followed() {
        let mut clock = Clock {
            seen: (at(1_000_000), at(0)),
            shifts: [0; 2],
        };
        assert_eq!(clock.compare((at(1_000_150), at(50))), None);
        assert_eq!(clock.now(), at(1_000_150), "drift");
        // An hour of sleep is an hour.
        assert_eq!(clock.compare((at(4_600_150), at(3_600_050))), None);
        assert_eq!(clock.now(), at(4_600_150));
        let set = clock.compare((at(1_000_250), at(3_600_150)));
        let by = Duration::from_secs(3600);
        assert_eq!(set, Some(WasSet { by, back: true }));
        assert_eq!(clock.now(), at(4_600_250));
        // Packets from before, and from after.
        assert_eq!(clock.time(at(4_600_240)), at(4_600_240));
        assert_eq!(clock.time(at(1_000_245)), at(4_600_245));
        assert!(!clock.is_ahead(at(1_000_245)));
        // Set forward, and that is seen in a packet first.
        assert!(clock.is_ahead(at(9_000_000)));
        let set = clock.compare((at(9_000_000), at(3_600_250)));
        assert!(set.is_some_and(|set| !set.back));
        assert_eq!(clock.now(), at(4_600_350));
        assert_eq!(clock.time(at(9_000_010)), at(4_600_360));
        assert_eq!(clock.time(at(1_000_340)), at(4_600_340));
    }
}
