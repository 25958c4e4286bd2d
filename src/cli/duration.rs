//! Spans of time as people type them: `10s`, `5m`, `1h30m`, or plain seconds.

use std::time::Duration;

/// Reads a span; the error is what clap shows.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write it like 10s, 5m, 1h30m, 500ms or 10 (seconds)";
    let hint = || String::from(HINT);
    let mut rest = text;
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        let (number, after) = rest.split_at(digits.unwrap_or(rest.len()));
        let letters = after.find(|c: char| c.is_ascii_digit());
        let (unit, after) = after.split_at(letters.unwrap_or(after.len()));
        let factor = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(hint()),
        };
        millis = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .and_then(|more| millis.checked_add(more))
            .ok_or_else(hint)?;
        rest = after;
    }
    if millis == 0 {
        return Err(hint());
    }
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, secs) in [("10", 10), ("10s", 10), ("5m", 300), ("1h30m", 5400)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        for text in [
            "",
            "0",
            "s",
            "5x",
            "-1",
            "1.5s",
            "ten",
            "5 m",
            "99999999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
