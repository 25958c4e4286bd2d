//! Time as data: points in time that come with packets, never from a clock.
//!
//! The core rooms know no other time than this. A file replays identically at any speed, and every timeout can be
//! tested by handing in a later [`Timestamp`].

use std::time::Duration;

/// A point in time, in nanoseconds since 1970-01-01 00:00:00 UTC, as the capture recorded it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time there is; every record is at or after it.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time there is.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds and nanoseconds since the epoch; saturates where a broken capture overflows.
    pub const fn from_secs(secs: i64, nanos: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// From seconds since the epoch that fit 32 bits, and fewer nanoseconds than 2^52: no sum of these overflows.
    pub(crate) const fn from_secs_u32(secs: u32, nanos: u64) -> Self {
        Self((secs as u64 * 1_000_000_000 + nanos).cast_signed())
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after it (clocks step back).
    pub fn since(self, earlier: Self) -> Duration {
        // As unsigned numbers the difference of any two fits.
        let nanos = self.0.max(earlier.0).wrapping_sub(earlier.0);
        Duration::from_nanos(nanos.cast_unsigned())
    }

    /// The time `span` earlier; saturates.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// The time `span` later; saturates.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// When and where one record was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Capture time of the record.
    pub ts: Timestamp,
    /// Wireshark's `frame.number` in the file `source`, from 1; live, the count of records of that device.
    pub frame: u64,
    /// Which `-r` or `-i` of the command line it came from, from 0.
    pub source: u16,
    /// Interface within that source: the pcapng interface number, or [`Stamp::COOKED`] plus the interface index that a
    /// cooked (`any`) capture names.
    pub iface: u16,
}

impl Stamp {
    /// Added to the interface index of a Linux cooked v2 header, so that it cannot be mistaken for a pcapng interface.
    pub const COOKED: u16 = 0x8000;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_back_gives_zero_not_a_panic() {
        let early = Timestamp::from_nanos(i64::MIN);
        let late = Timestamp::from_nanos(i64::MAX);
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(u64::MAX));
        assert_eq!(late.after(Duration::from_secs(1)), late);
    }
}
