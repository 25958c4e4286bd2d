//! How long things took, as histograms of fixed size.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::attempt::{Attempt, Closing, Leg};
use crate::flow::Direction;
use crate::websocket::RoundTrips;

/// Longer than any wait that is told apart: an unanswered request is given up after five minutes.
const LONGEST_US: u64 = 600_000_000;

/// Percentiles of one kind of wait, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: u64,
    /// Nine in ten took no longer.
    pub p90: u64,
    /// Ninety-nine in a hundred took no longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// How many there were.
    pub count: u64,
}

/// The waits of a set of attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From SYN to SYN-ACK of the outermost leg.
    pub connect: Percentiles,
    /// From the end of the request to the start of a 101, on the outermost leg.
    pub handshake: Percentiles,
    /// From the end of the request to the start of any other answer, on the outermost leg.
    pub refusal: Percentiles,
    /// What a hop added: the wait on its outer leg less the wait on its inner leg.
    pub proxy: Percentiles,
    /// From the end of the request to the start of the answer, on the legs behind a hop.
    pub upstream: Percentiles,
    /// From a ping to the pong of the client, on the outermost leg.
    pub pong_client: Percentiles,
    /// From a ping to the pong of the server, on the innermost leg.
    pub pong_server: Percentiles,
}

/// How often waits of which length came: of `connect`, `handshake`, `refusal`, `proxy` and `upstream` of [`Latency`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spreads {
    /// Of [`Latency::connect`].
    pub connect: Spread,
    /// Of [`Latency::handshake`].
    pub handshake: Spread,
    /// Of [`Latency::refusal`].
    pub refusal: Spread,
    /// Of [`Latency::proxy`].
    pub proxy: Spread,
    /// Of [`Latency::upstream`].
    pub upstream: Spread,
}

/// How often waits of which length came, in microseconds, shortest first. Some three thousand lengths at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    waits: Vec<(u64, u64)>,
    longest: u64,
}

impl Spread {
    /// What has come since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut before = earlier.waits.iter().copied().peekable();
        let waits: Vec<(u64, u64)> = self
            .waits
            .iter()
            .filter_map(|&(us, n)| {
                while before.next_if(|&(at, _)| at < us).is_some() {}
                let old = before.next_if(|&(at, _)| at == us).map_or(0, |(_, n)| n);
                (n > old).then(|| (us, n - old))
            })
            .collect();
        let longest = waits.last().map_or(0, |&(us, _)| us.min(self.longest));
        Self { waits, longest }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.waits
            .iter()
            .fold(0, |sum, &(_, n)| u64::saturating_add(sum, n))
    }

    /// Half of them, nine in ten, ninety-nine in a hundred took no longer.
    pub fn percentiles(&self) -> Percentiles {
        let count = self.count();
        let at = |of_hundred: u64| {
            let rank = count.saturating_mul(of_hundred).div_ceil(100).max(1);
            let mut seen = 0_u64;
            let found = self.waits.iter().find(|&&(_, n)| {
                seen = seen.saturating_add(n);
                seen >= rank
            });
            found.map_or(0, |&(us, _)| us.min(self.longest))
        };
        Percentiles {
            p50: at(50),
            p90: at(90),
            p99: at(99),
            max: self.longest,
            count,
        }
    }

    /// How many lie in each bin: up to the first bound, up to the second, …, beyond the last.
    pub fn bins(&self, bounds_us: &[u64]) -> Vec<u64> {
        let mut bins = vec![0_u64; bounds_us.len() + 1];
        for &(us, n) in &self.waits {
            let place = bounds_us.partition_point(|&bound| bound < us.min(self.longest));
            if let Some(bin) = bins.get_mut(place) {
                *bin = bin.saturating_add(n);
            }
        }
        bins
    }
}

/// From the end of the request to the start of the answer.
pub fn answer_time(leg: &Leg) -> Option<Duration> {
    let (asked, _) = leg.request.as_ref()?;
    let (_, response) = leg.response.as_ref()?;
    Some(response.started.ts.since(asked.ts))
}

/// From SYN to SYN-ACK, where this exchange is the connection's first.
pub fn connect_time(leg: &Leg) -> Option<Duration> {
    let first = leg
        .request
        .as_ref()
        .is_none_or(|(_, request)| request.exchange == 0);
    let (syn, syn_ack) = (leg.connection().syn?, leg.connection().syn_ack?);
    first.then(|| syn_ack.ts.since(syn.ts))
}

/// The histograms behind a [`Latency`].
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    connect: Series,
    handshake: Series,
    refusal: Series,
    proxy: Series,
    upstream: Series,
    pong_client: Series,
    pong_server: Series,
}

impl Recorder {
    /// Keeps that many significant digits: 2 costs 12 KB a series, 1 costs 2 KB.
    pub(super) const fn new(digits: u8) -> Self {
        Self {
            connect: Series::new(digits),
            handshake: Series::new(digits),
            refusal: Series::new(digits),
            proxy: Series::new(digits),
            upstream: Series::new(digits),
            pong_client: Series::new(digits),
            pong_server: Series::new(digits),
        }
    }

    /// Takes the pings of a WebSocket that ended: each leg shows how far it is to who answers.
    pub(super) fn record_pings(&mut self, closing: &Closing) {
        let pinged_by = |leg: usize, dir: Direction| closing.legs.get(leg)?.rtt.get(dir.index());
        if let Some(trips) = pinged_by(0, Direction::ToClient) {
            self.pong_client.record_trips(trips);
        }
        let innermost = closing.legs.len().saturating_sub(1);
        if let Some(trips) = pinged_by(innermost, Direction::ToServer) {
            self.pong_server.record_trips(trips);
        }
    }

    pub(super) fn record(&mut self, attempt: &Attempt) {
        let outermost = attempt.outermost();
        self.connect.record(connect_time(outermost));
        if outermost.status() == Some(101) {
            self.handshake.record(answer_time(outermost));
        } else {
            self.refusal.record(answer_time(outermost));
        }
        for node in attempt.path().filter_map(|index| attempt.legs.get(index)) {
            let outer = node.parent.and_then(|parent| attempt.legs.get(parent));
            let (Some(outer), Some(inner)) = (outer, answer_time(&node.leg)) else {
                continue;
            };
            self.upstream.record(Some(inner));
            let added = answer_time(&outer.leg).map(|outer| outer.saturating_sub(inner));
            self.proxy.record(added);
        }
    }

    pub(super) fn spreads(&self) -> Spreads {
        Spreads {
            connect: self.connect.spread(),
            handshake: self.handshake.spread(),
            refusal: self.refusal.spread(),
            proxy: self.proxy.spread(),
            upstream: self.upstream.spread(),
        }
    }

    pub(super) fn summary(&self) -> Latency {
        Latency {
            connect: self.connect.summary(),
            handshake: self.handshake.summary(),
            refusal: self.refusal.summary(),
            proxy: self.proxy.summary(),
            upstream: self.upstream.summary(),
            pong_client: self.pong_client.summary(),
            pong_server: self.pong_server.summary(),
        }
    }
}

/// One histogram, made when the first value comes: most routes need one or two of them.
#[derive(Clone, Debug)]
struct Series {
    digits: u8,
    longest: u64,
    histogram: Option<Box<Histogram<u32>>>,
}

impl Series {
    const fn new(digits: u8) -> Self {
        Self {
            digits,
            longest: 0,
            histogram: None,
        }
    }

    fn record(&mut self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            self.record_many(wait, 1);
        }
    }

    /// Each of a sample stands for as many as it was drawn from.
    fn record_trips(&mut self, trips: &RoundTrips) {
        for trip in trips.sample() {
            self.record_many(trip, trips.each());
        }
        if trips.count() > 0 {
            self.longest = self.longest.max(micros(trips.longest()));
        }
    }

    fn record_many(&mut self, wait: Duration, times: u32) {
        if self.histogram.is_none() {
            let made = Histogram::new_with_bounds(1, LONGEST_US, self.digits);
            self.histogram = made.ok().map(Box::new);
        }
        let us = micros(wait);
        self.longest = self.longest.max(us);
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record_n(us, times);
        }
    }

    fn spread(&self) -> Spread {
        let recorded = self.histogram.iter().flat_map(|histogram| {
            let recorded = histogram.iter_recorded();
            recorded.map(|at| (at.value_iterated_to(), at.count_since_last_iteration()))
        });
        Spread {
            waits: recorded.collect(),
            longest: self.longest,
        }
    }

    fn summary(&self) -> Percentiles {
        self.histogram
            .as_ref()
            .map_or_else(Percentiles::default, |histogram| {
                // The histogram answers with the upper end of a bucket, which may lie above the longest value.
                let at = |quantile| histogram.value_at_quantile(quantile).min(self.longest);
                Percentiles {
                    p50: at(0.5),
                    p90: at(0.9),
                    p99: at(0.99),
                    max: self.longest,
                    count: histogram.len(),
                }
            })
    }
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_and_hours_do_not_break_it() {
        let mut series = Series::new(2);
        assert_eq!(series.summary(), Percentiles::default());
        for ms in 1..=100 {
            series.record(Some(Duration::from_millis(ms)));
        }
        let summary = series.summary();
        assert!(summary.p50.abs_diff(50_000) <= 500, "{summary:?}");
        assert!(summary.p99.abs_diff(99_000) <= 990, "{summary:?}");
        series.record(Some(Duration::from_hours(90)));
        assert_eq!(series.summary().count, 101);
    }

    #[test]
    fn a_spread_tells_the_same_percentiles_and_what_is_new() {
        let mut series = Series::new(2);
        for ms in 1..=100 {
            series.record(Some(Duration::from_millis(ms)));
        }
        let before = series.spread();
        assert_eq!(before.percentiles(), series.summary());
        assert_eq!(before.bins(&[10_100, 50_500]), [10, 40, 50]);
        for _ in 0..7 {
            series.record(Some(Duration::from_millis(3)));
        }
        let new = series.spread().since(&before);
        assert_eq!((new.count(), new.percentiles().max), (7, 3_007));
        assert_eq!(before.since(&before), Spread::default());
    }
}
