//! Pings that were answered: few enough numbers to keep for days.

use std::time::Duration;

use crate::time::Timestamp;

/// One side's pings that got a pong: an even sample of their round-trip times, with their number, the longest, and when
/// the first and the last were sent. Most sides send none, and need no room for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips(Option<Box<Trips>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Trips {
    /// In microseconds: one of each `2^thinned`.
    sample: Vec<u32>,
    thinned: u8,
    count: u64,
    longest: Duration,
    /// The first and the last.
    sent: [Timestamp; 2],
}

/// Times kept; at so many every second one goes, so that those left are spread over the whole life.
const KEPT: usize = 32;

impl RoundTrips {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |trips| trips.count)
    }

    /// The longest of all.
    pub fn longest(&self) -> Duration {
        self.0
            .as_ref()
            .map_or(Duration::ZERO, |trips| trips.longest)
    }

    /// When the first and the last were sent; `None` without any.
    pub fn sent(&self) -> Option<[Timestamp; 2]> {
        self.0.as_ref().map(|trips| trips.sent)
    }

    /// The sample, in the order of the pings.
    pub fn sample(&self) -> impl Iterator<Item = Duration> + '_ {
        let micros = self.0.iter().flat_map(|trips| &trips.sample);
        micros.map(|&micros| Duration::from_micros(u64::from(micros)))
    }

    /// How many each of the sample stands for.
    pub fn each(&self) -> u32 {
        self.0.as_ref().map_or(1, |trips| trips.each())
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
        let mut moved = self.clone();
        if let Some(trips) = &mut moved.0 {
            trips.sent = trips.sent.map(|sent| sent.after(by));
        }
        moved
    }
}

impl Trips {
    fn each(&self) -> u32 {
        1 << self.thinned.min(31)
    }

    fn note(&mut self, sent: Timestamp, trip: Duration) {
        let [first, _] = self.sent;
        self.sent = [if self.count == 0 { sent } else { first }, sent];
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
            self.0.get_or_insert_default().note(sent, trip);
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
        let sample = &trips.0.as_ref().unwrap().sample;
        assert!(sample.len() < KEPT && sample.len() >= KEPT / 2);
        let middle = trips.middle().unwrap().as_micros();
        assert!((400_000..600_000).contains(&middle), "{middle}");
        let gaps: Vec<u32> = sample.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
    }
}
