//! Sequence numbers, unwrapped once (RFC 9293 §3.4): after this nothing wraps.

/// The offset of sequence number `seq` in a stream whose byte 0 has number `start`: of all offsets with that number the
/// one nearest to `near`. Negative for what comes before the stream, as keep-alive probes do.
pub(super) const fn offset(seq: u32, start: u32, near: u64) -> i64 {
    // The low 32 bits of `near` are what counts on the circle; the difference, read as signed, is the shorter way.
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
    let expected = start.wrapping_add(near as u32);
    let ahead = seq.wrapping_sub(expected).cast_signed();
    (near.cast_signed()).saturating_add(ahead as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_on_over_the_wrap() {
        let start = u32::MAX - 9;
        assert_eq!(offset(start, start, 0), 0);
        assert_eq!(offset(5, start, 0), 15);
        // Three times round: the number says nothing of that, the place where the stream stands does.
        let near = 3 * (1 << 32) + 100;
        assert_eq!(
            offset(start.wrapping_add(100), start, near),
            3 * (1 << 32) + 100
        );
        assert_eq!(
            offset(start.wrapping_add(90), start, near),
            3 * (1 << 32) + 90
        );
        assert_eq!(
            offset(start.wrapping_add(110), start, near),
            3 * (1 << 32) + 110
        );
    }

    #[test]
    fn what_comes_before_the_stream_is_negative() {
        assert_eq!(offset(99, 100, 0), -1);
        assert_eq!(offset(u32::MAX, 0, 0), -1);
    }

    #[test]
    fn half_the_circle_ahead_is_behind() {
        assert_eq!(offset(0x7fff_ffff, 0, 0), 0x7fff_ffff);
        assert_eq!(offset(0x8000_0000, 0, 0), -0x8000_0000);
    }
}
