//! Times as RFC 3339 in UTC with nine digits, written by hand: there are five and more in every line.

use serde::{Serialize, Serializer};

use crate::time::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// Serialises as `2026-01-02T03:04:05.678901234Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = rfc3339(self.0);
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Nanoseconds since 1970 reach from 1677 to 2262, so a year has four digits.
fn rfc3339(at: Timestamp) -> [u8; 30] {
    let nanos = at.as_nanos();
    let seconds = nanos.div_euclid(1_000_000_000);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
    let of_day = seconds.rem_euclid(SECONDS_A_DAY);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    put(&mut text, 0..4, year);
    put(&mut text, 5..7, month);
    put(&mut text, 8..10, day);
    put(&mut text, 11..13, of_day / 3_600);
    put(&mut text, 14..16, of_day / 60 % 60);
    put(&mut text, 17..19, of_day % 60);
    put(&mut text, 20..29, nanos.rem_euclid(1_000_000_000));
    text
}

/// Year, month and day of a day since 1970-01-01, in years that begin in March, so that the leap day comes last.
const fn civil(days: i64) -> (i64, i64, i64) {
    // From 0000-03-01; an era is 400 years of 146,097 days.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
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

/// Writes a number of at most nine digits into its place, from the last.
fn put(text: &mut [u8; 30], place: std::ops::Range<usize>, number: i64) {
    let mut rest = u32::try_from(number).unwrap_or_default();
    for digit in text.get_mut(place).into_iter().flatten().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
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
