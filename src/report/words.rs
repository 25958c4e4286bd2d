//! Numbers, times and spans as people read them, and the few colours that repeat what the words say.

use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// Tells the time of packets in one time zone.
#[derive(Clone, Debug)]
pub(crate) struct Clock(TimeZone);

impl Clock {
    pub(crate) fn new(utc: bool) -> Self {
        Self(if utc {
            TimeZone::UTC
        } else {
            TimeZone::system()
        })
    }

    /// `14:03:05`.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        self.format(at, "%H:%M:%S")
    }

    /// `2026-01-02 14:03:05`.
    pub(crate) fn date_time(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S")
    }

    /// `+01:00`, or `UTC`.
    pub(crate) fn offset(&self, at: Timestamp) -> String {
        if self.0 == TimeZone::UTC {
            "UTC".to_owned()
        } else {
            self.format(at, "%:z")
        }
    }

    /// `2026-01-02 14:03:05 to 14:05:41 +01:00`, with a second date where there is one.
    pub(crate) fn range(&self, first: Timestamp, last: Timestamp) -> String {
        let same_day = self.format(first, "%Y-%m-%d") == self.format(last, "%Y-%m-%d");
        let last_text = if same_day {
            self.time(last)
        } else {
            self.date_time(last)
        };
        format!(
            "{} to {last_text} {}",
            self.date_time(first),
            self.offset(last)
        )
    }

    fn format(&self, at: Timestamp, how: &str) -> String {
        let moment = Moment::from_nanosecond(i128::from(at.as_nanos())).unwrap_or_default();
        moment.to_zoned(self.0.clone()).strftime(how).to_string()
    }
}

/// `48,213`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 attempt`, `2 attempts`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `17.3 MB`.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => count(n, "byte", "bytes"),
        1_000..1_000_000 => format!("{}.{} kB", n / 1_000, n % 1_000 / 100),
        _ => format!("{}.{} MB", number(n / 1_000_000), n % 1_000_000 / 100_000),
    }
}

/// `3.1 ms`, `41 ms`, `1.2 s`, `5 min 3 s`.
pub(crate) fn span(wait: Duration) -> String {
    let us = wait.as_micros();
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..120_000_000 => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
        _ => {
            let s = wait.as_secs();
            match s {
                0..7_200 => format!("{} min {} s", s / 60, s % 60),
                7_200..172_800 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
                _ => format!("{} days", s / 86_400),
            }
        }
    }
}

/// `98 %`, `under 1 %`.
pub(crate) fn percent(share: f64) -> String {
    if share < 0.01 {
        "under 1 %".to_owned()
    } else {
        // Cut, not rounded: 99.9 % is not all.
        format!("{:.0} %", (share * 100.0).floor())
    }
}

/// Text as a word of a shell; plain where it can be.
pub(crate) fn shell_quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./+:@%,=-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        let hex = text.bytes().map(|b| format!("\\x{b:02x}"));
        return format!("$'{}'", hex.collect::<Vec<_>>().concat());
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers() {
        let ms = Duration::from_millis;
        let told: Vec<String> = [3, 41, 1_250, 60_000, 303_000, 90_000_000]
            .map(|n| span(ms(n)))
            .into();
        assert_eq!(
            told,
            [
                "3.0 ms",
                "41 ms",
                "1.2 s",
                "60.0 s",
                "5 min 3 s",
                "25 h 0 min"
            ]
        );
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(
            (number(999), percent(0.999), percent(0.004)),
            ("999".into(), "99 %".into(), "under 1 %".into())
        );
        assert_eq!(bytes(17_345_678), "17.3 MB");
    }

    #[test]
    fn file_names_survive_a_shell() {
        assert_eq!(shell_quoted("a/b-1.pcapng"), "a/b-1.pcapng");
        assert_eq!(shell_quoted("it's here; rm"), r"'it'\''s here; rm'");
        assert_eq!(shell_quoted("a\x1bb"), r"$'\x61\x1b\x62'");
        assert_eq!(shell_quoted(""), "''");
    }

    #[test]
    fn times_in_one_zone() {
        let clock = Clock(TimeZone::fixed(jiff::tz::offset(1)));
        let at = Timestamp::from_secs(1_767_323_045, 0);
        assert_eq!(
            clock.range(at, at.after(Duration::from_secs(1))),
            "2026-01-02 04:04:05 to 04:04:06 +01:00"
        );
        assert_eq!(Clock::new(true).offset(at), "UTC");
        assert_eq!(Clock::new(true).time(Timestamp::MIN), "00:12:43");
    }
}
