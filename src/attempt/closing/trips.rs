//! Pings that were answered: few enough numbers to keep for days.

use std::time::Duration;

use crate::time::Timestamp;

/// One side's pings that got a pong: an even sample of their round-trip times, with their number, the longest, and when
/// the first and the last were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    /// In microseconds: one of each `2^thinned`.
    sample: Vec<u32>,
    thinned: u8,
    count: u64,
    longest: Duration,
    /// The first and the last, where there are any.
    sent: [Timestamp; 2],
}

/// Times kept; at so many every second one goes, so that those left are spread over the whole life.
const KEPT: usize = 32;

impl RoundTrips {
    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest of all.
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// When the first and the last were sent; `None` without any.
    pub fn sent(&self) -> Option<[Timestamp; 2]> {
        (self.count > 0).then_some(self.sent)
    }

    /// The sample, in the order of the pings.
    pub fn sample(&self) -> impl Iterator<Item = Duration> + '_ {
        let micros = self.sample.iter().copied().map(u64::from);
        micros.map(Duration::from_micros)
    }

    /// How many each of the sample stands for.
    pub fn each(&self) -> u32 {
        1 << self.thinned.min(31)
    }

    /// Half of them took no longer, as far as the sample tells; `None` without any.
    pub fn middle(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.sample().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }

    /// The same, so much later.
    #[cfg(test)]
    pub(crate) fn moved(&self, by: Duration) -> Self {
        let sent = self.sent.map(|sent| sent.after(by));
        Self {
            sent,
            ..self.clone()
        }
    }

    fn note(&mut self, sent: Timestamp, trip: Duration) {
        let first = self.sent().map_or(sent, |[first, _]| first);
        self.sent = [first, sent];
        if self.count.is_multiple_of(u64::from(self.each())) {
            let micros = u32::try_from(trip.as_micros()).unwrap_or(u32::MAX);
            self.sample.push(micros);
        }
        self.count = self.count.saturating_add(1);
        self.longest = self.longest.max(trip);
        if self.sample.len() == KEPT {
            let mut even = false;
            self.sample.retain(|_| {
                even = !even;
                even
            });
            self.thinned = self.thinned.saturating_add(1);
        }
    }
}

impl Extend<(Timestamp, Duration)> for RoundTrips {
    fn extend<I: IntoIterator<Item = (Timestamp, Duration)>>(&mut self, trips: I) {
        for (sent, trip) in trips {
            self.note(sent, trip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_trips_leave_an_even_sample() {
        let mut trips = RoundTrips::default();
        assert_eq!(trips.middle(), None);
        assert_eq!(trips.sent(), None);
        let at = |n: u64| Timestamp::from_nanos(n.cast_signed());
        trips.extend((1..=1_000_000).map(|n| (at(n), Duration::from_micros(n))));
        assert_eq!(trips.sent(), Some([at(1), at(1_000_000)]));
        assert_eq!(trips.count(), 1_000_000);
        assert_eq!(trips.longest(), Duration::from_secs(1));
        assert!(trips.sample.len() < KEPT && trips.sample.len() >= KEPT / 2);
        let middle = trips.middle().unwrap().as_micros();
        assert!((400_000..600_000).contains(&middle), "{middle}");
        let gaps: Vec<u32> = trips.sample.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
    }
}
