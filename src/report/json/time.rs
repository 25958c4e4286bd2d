//! Times as RFC 3339 in UTC with nine digits, written by hand: there are five and more in every line.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::value::{Buffer, Json};
use crate::time::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;

/// Written as `2026-01-02T03:04:05.678901234Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Json for Time {
    fn write(self, out: &mut Buffer) {
        let text = out.second.quoted(self.0);
        out.put(&text);
    }
}

/// The lines at the end have times too.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Second::default().quoted(self.0);
        let text = str::from_utf8(&text).unwrap_or_default();
        serializer.serialize_str(text.trim_matches('"'))
    }
}

/// A second and how it is written: all times of a line are mostly of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second {
    since_1970: i64,
    quoted: Quoted,
}

/// A time between quotation marks.
type Quoted = [u8; 32];

impl Default for Second {
    fn default() -> Self {
        Self {
            since_1970: 0,
            quoted: *b"\"1970-01-01T00:00:00.000000000Z\"",
        }
    }
}

impl Second {
    /// Nanoseconds since 1970 reach from 1677 to 2262, so a year has four digits.
    fn begin(&mut self, since_1970: i64) {
        let (year, month, day) = civil(part(since_1970.div_euclid(SECONDS_A_DAY) + BEFORE_1970));
        let of_day = part(since_1970.rem_euclid(SECONDS_A_DAY));
        let text = &mut self.quoted;
        put(text, 1..5, year);
        put(text, 6..8, month);
        put(text, 9..11, day);
        put(text, 12..14, of_day / 3_600);
        put(text, 15..17, of_day / 60 % 60);
        put(text, 18..20, of_day % 60);
        self.since_1970 = since_1970;
    }

    /// A time of that second, or of another, which then is the one.
    fn quoted(&mut self, at: Timestamp) -> Quoted {
        let nanos = at.as_nanos();
        let since_1970 = nanos.div_euclid(NANOS);
        if since_1970 != self.since_1970 {
            self.begin(since_1970);
        }
        let mut text = self.quoted;
        put(&mut text, 21..30, part(nanos.rem_euclid(NANOS)));
        text
    }
}

/// Days from 0000-03-01 to 1970-01-01.
const BEFORE_1970: i64 = 719_468;

/// Year, month and day of a day since 0000-03-01, in years that begin in March, so that the leap day comes last.
const fn civil(days: u32) -> (u32, u32, u32) {
    // An era is 400 years of 146,097 days.
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// A part of a time, none of which is negative or large.
fn part(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// Writes the last digits of a number there.
fn put(text: &mut Quoted, place: Range<usize>, mut number: u32) {
    for digit in text.get_mut(place).unwrap_or_default().iter_mut().rev() {
        // One digit is less than ten.
        *digit = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(nanos: i64) -> String {
        let quoted = Second::default().quoted(Timestamp::from_nanos(nanos));
        let text = String::from_utf8(quoted.to_vec()).unwrap();
        text.trim_matches('"').to_owned()
    }

    #[test]
    fn known_times() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(
            text(951_782_400_000_000_000),
            "2000-02-29T00:00:00.000000000Z"
        );
        assert_eq!(
            text(1_767_323_045_678_901_234),
            "2026-01-02T03:04:05.678901234Z"
        );
    }

    #[test]
    fn one_after_another_as_each_by_itself() {
        let mut second = Second::default();
        for nanos in [
            0,
            999_999_999,
            1_000_000_000,
            1,
            -1,
            -1_000_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let at = Timestamp::from_nanos(nanos);
            assert_eq!(second.quoted(at), Second::default().quoted(at));
        }
    }

    proptest::proptest! {
        #[test]
        fn as_jiff_says(nanos: i64) {
            let moment = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            proptest::prop_assert_eq!(text(nanos), format!("{moment:.9}"));
        }
    }
}
