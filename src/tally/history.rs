//! What happened when: a beat for each second of the last minutes, and a bounded few for the whole time.

use std::collections::VecDeque;

use crate::judge::Verdict;
use crate::tally::{Kinds, Verdicts};
use crate::time::Timestamp;

/// Seconds told one by one.
const RECENT: usize = 300;
/// Beats of the whole time. When they are all used, each takes over its neighbour, and lasts twice as long from then on.
const WHOLE: usize = 240;

const NANOS: i64 = 1_000_000_000;

/// What was decided in one span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Attempts.
    pub attempts: Verdicts,
    /// Closings.
    pub closings: Kinds,
}

/// What was decided when, by the time of the packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The last seconds, oldest first, the one that runs last.
    pub recent: Vec<Beat>,
    /// The whole time, oldest first.
    pub whole: Vec<Beat>,
    /// How many seconds each beat of `whole` lasts.
    pub width: u64,
}

impl Beat {
    /// Attempts that did not become `ok`.
    pub fn broken(&self) -> u64 {
        let ok = self.attempts.get(Verdict::Ok);
        self.attempts.total().saturating_sub(ok)
    }

    /// Adds what another span brought.
    pub fn add(&mut self, other: &Self) {
        self.attempts.add(&other.attempts);
        self.closings.add(&other.closings);
    }
}

/// The history as it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Beats {
    recent: VecDeque<Beat>,
    whole: Vec<Beat>,
    width: i64,
    /// First second there was, and the one that runs.
    began: Option<i64>,
    second: i64,
}

impl Beats {
    /// Time has come this far.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let second = now.as_nanos().div_euclid(NANOS);
        if self.began.is_none() {
            (self.began, self.second, self.width) = (Some(second), second, 1);
            self.recent.push_back(Beat::default());
        }
        if second <= self.second {
            return;
        }
        let passed = usize::try_from(second.saturating_sub(self.second)).unwrap_or(usize::MAX);
        for _ in 0..passed.min(RECENT) {
            if self.recent.len() >= RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Beat::default());
        }
        self.second = second;
    }

    /// Counts at the second that runs.
    pub(super) fn count(&mut self, count: impl Fn(&mut Beat)) {
        if let Some(beat) = self.recent.back_mut() {
            count(beat);
        }
        let Some(began) = self.began else { return };
        let passed = self.second.saturating_sub(began);
        let most = i64::try_from(WHOLE).unwrap_or(i64::MAX);
        while passed / self.width >= most {
            self.double();
        }
        let place = usize::try_from(passed / self.width).unwrap_or(usize::MAX);
        if self.whole.len() <= place {
            self.whole.resize(place + 1, Beat::default());
        }
        if let Some(beat) = self.whole.get_mut(place) {
            count(beat);
        }
    }

    /// As it stands, up to the second that runs.
    pub(super) fn history(&self) -> History {
        let mut ended = self.clone();
        // The last beats may be empty: they are time that has passed, too.
        ended.count(|_| ());
        History {
            recent: ended.recent.into_iter().collect(),
            whole: ended.whole,
            width: u64::try_from(ended.width).unwrap_or(1),
        }
    }

    fn double(&mut self) {
        self.width = self.width.saturating_mul(2);
        self.whole = self
            .whole
            .chunks(2)
            .map(|pair| {
                let mut sum = Beat::default();
                for beat in pair {
                    sum.add(beat);
                }
                sum
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Kind;

    fn beats(seconds: &[i64]) -> Beats {
        let mut beats = Beats::default();
        for &second in seconds {
            beats.advance(Timestamp::from_secs(second, 0));
            beats.count(|beat| beat.closings.count(Kind::Normal));
        }
        beats
    }

    #[test]
    fn seconds_follow_one_another_and_old_ones_leave() {
        let history = beats(&[7, 7, 9]).history();
        let closings: Vec<u64> = history
            .recent
            .iter()
            .map(|beat| beat.closings.total())
            .collect();
        assert_eq!(closings, [2, 0, 1]);
        let history = beats(&[0, 10_000]).history();
        assert_eq!(history.recent.len(), RECENT);
        let sum: u64 = history
            .recent
            .iter()
            .map(|beat| beat.closings.total())
            .sum();
        assert_eq!(sum, 1);
    }

    #[test]
    fn the_whole_time_fits_however_long_and_nothing_is_lost() {
        let seconds: Vec<i64> = (0..5_000).chain([1_000_000, i64::MAX / NANOS]).collect();
        let history = beats(&seconds).history();
        assert!(history.whole.len() <= WHOLE, "{}", history.whole.len());
        let sum: u64 = history.whole.iter().map(|beat| beat.closings.total()).sum();
        assert_eq!(sum, 5_002);
        assert!(history.width.is_power_of_two());
    }

    #[test]
    fn a_clock_that_steps_back_counts_at_the_last_second() {
        let history = beats(&[100, 50, 101]).history();
        let closings: Vec<u64> = history
            .recent
            .iter()
            .map(|beat| beat.closings.total())
            .collect();
        assert_eq!(closings, [2, 1]);
    }

    #[test]
    fn time_that_brings_nothing_passes_too() {
        let mut beats = beats(&[0]);
        beats.advance(Timestamp::from_secs(59, 0));
        let history = beats.history();
        assert_eq!((history.recent.len(), history.whole.len()), (60, 60));
    }
}
