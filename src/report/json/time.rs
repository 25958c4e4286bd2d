//! Times as RFC 3339 in UTC with nine digits, written by hand: there are five and more in every line.

use serde::{Serialize, Serializer};

use super::value::{Json, Plain};
use crate::time::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// Written as `2026-01-02T03:04:05.678901234Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Json for Time {
    fn write(self, out: &mut Vec<u8>) {
        Plain(rfc3339(self.0)).write(out);
    }
}

/// The lines at the end have times too.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = rfc3339(self.0);
        serializer.serialize_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// Nanoseconds since 1970 reach from 1677 to 2262, so a year has four digits.
fn rfc3339(at: Timestamp) -> [u8; 30] {
    let nanos = at.as_nanos();
    let seconds = nanos.div_euclid(1_000_000_000);
    let (year, month, day) = civil(part(seconds.div_euclid(SECONDS_A_DAY) + BEFORE_1970));
    let of_day = part(seconds.rem_euclid(SECONDS_A_DAY));
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    put::<4>(&mut text, 0, year);
    put::<2>(&mut text, 5, month);
    put::<2>(&mut text, 8, day);
    put::<2>(&mut text, 11, of_day / 3_600);
    put::<2>(&mut text, 14, of_day / 60 % 60);
    put::<2>(&mut text, 17, of_day % 60);
    put::<9>(&mut text, 20, part(nanos.rem_euclid(1_000_000_000)));
    text
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

/// Writes a number into so many digits from there on.
fn put<const N: usize>(text: &mut [u8; 30], at: usize, number: u32) {
    let Some(place) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>) else {
        return;
    };
    let mut rest = number;
    for digit in place.iter_mut().rev() {
        let [last, ..] = (rest % 10).to_le_bytes();
        *digit = b'0' + last;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(nanos: i64) -> String {
        String::from_utf8(rfc3339(Timestamp::from_nanos(nanos)).to_vec()).unwrap()
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

    proptest::proptest! {
        #[test]
        fn as_jiff_says(nanos: i64) {
            let moment = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            proptest::prop_assert_eq!(text(nanos), format!("{moment:.9}"));
        }
    }
}
