//! Round-trip times of pings, few enough to keep for days.

use std::time::Duration;

/// Round-trip times of one side's pings: an even sample of all of them, with their number and the longest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    /// In microseconds: one of each `2^thinned`.
    sample: Vec<u32>,
    thinned: u8,
    count: u64,
    longest: Duration,
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

    fn note(&mut self, trip: Duration) {
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

impl Extend<Duration> for RoundTrips {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, trips: I) {
        for trip in trips {
            self.note(trip);
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
        trips.extend((1..=1_000_000).map(Duration::from_micros));
        assert_eq!(trips.count(), 1_000_000);
        assert_eq!(trips.longest(), Duration::from_secs(1));
        assert!(trips.sample.len() < KEPT && trips.sample.len() >= KEPT / 2);
        let middle = trips.middle().unwrap().as_micros();
        assert!((400_000..600_000).contains(&middle), "{middle}");
        let gaps: Vec<u32> = trips.sample.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
    }
}
