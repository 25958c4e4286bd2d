//! Texts of a few bytes, cut at borders: as [`str::split`] and [`str::split_once`] do it, without their preparations, which
//! pay for long texts only. A border is a byte of ASCII.

/// The pieces between borders.
pub(crate) fn pieces(text: &str, is_border: impl Fn(u8) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((piece, behind)) = cut(text, &is_border) else {
            return Some(text);
        };
        rest = Some(behind);
        Some(piece)
    })
}

/// What is before the first border, and what is behind it.
pub(crate) fn cut(text: &str, is_border: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let at = text.bytes().position(is_border)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Likewise at the first byte of that value.
pub(crate) fn cut_at(text: &str, border: u8) -> Option<(&str, &str)> {
    cut(text, |byte| byte == border)
}

/// Whether two texts are the same but for the case of their letters of ASCII: as [`slice::eq_ignore_ascii_case`], eight bytes
/// at a time.
pub(crate) fn same_in_any_case(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let ((eights, rest), (other_eights, other_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut pairs = eights.iter().zip(other_eights);
    pairs.all(|(&a, &b)| same_eight(a, b))
        && match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
            // The rest once more with what is before it.
            (Some(&a), Some(&b)) => same_eight(a, b),
            _ => same_few(rest, other_rest),
        }
}

/// Of fewer than eight bytes, by the first four and the last four.
fn same_few(a: &[u8], b: &[u8]) -> bool {
    let ends = |text: &[u8]| {
        let mut ends = [0; 8];
        *ends.first_chunk_mut::<4>()? = *text.first_chunk()?;
        *ends.last_chunk_mut::<4>()? = *text.last_chunk()?;
        Some(ends)
    };
    match (ends(a), ends(b)) {
        (Some(a), Some(b)) => same_eight(a, b),
        _ => a.eq_ignore_ascii_case(b),
    }
}

fn same_eight(a: [u8; 8], b: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const CASE: u64 = ONES * 0x20;
    const HIGHS: u64 = ONES * 0x80;
    let (one, other) = (u64::from_le_bytes(a), u64::from_le_bytes(b));
    let differs = one ^ other;
    if differs == 0 {
        return true;
    }
    if (one | other) & HIGHS != 0 {
        return a.eq_ignore_ascii_case(&b);
    }
    // Only in that bit, and only where there is a letter: the additions carry into the highest bit of a byte and no further.
    let small = one | CASE;
    let from_a = small + ONES * u64::from(0x80 - b'a');
    let beyond_z = small + ONES * u64::from(0x7F - b'z');
    let letters = from_a & !beyond_z & HIGHS;
    differs & !CASE == 0 && (differs << 2) & !letters == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_bytes_in_every_place() {
        for a in 0..=u8::MAX {
            for b in 0..=u8::MAX {
                let one = [b'x', a, b'-', b'1', b'Y', a, b'z', b'~', a];
                let other = [b'X', b, b'-', b'1', b'y', a, b'Z', b'~', b];
                let expected = one.eq_ignore_ascii_case(&other);
                assert_eq!(same_in_any_case(&one, &other), expected, "{a} {b}");
                for end in 2..9 {
                    assert_eq!(
                        same_in_any_case(&one[..end], &other[..end]),
                        one[..end].eq_ignore_ascii_case(&other[..end])
                    );
                }
                assert_eq!(
                    same_in_any_case(&one[1..8], &other[1..8]),
                    one[1..8].eq_ignore_ascii_case(&other[1..8])
                );
            }
        }
        assert!(!same_in_any_case(b"a", b"ab"));
    }

    proptest::proptest! {
        #[test]
        fn as_the_library_cuts(text in "[ab/;é]{0,12}") {
            let is_border = |byte| matches!(byte, b'/' | b';');
            let found: Vec<_> = pieces(&text, is_border).collect();
            let expected: Vec<_> = text.split(['/', ';']).collect();
            proptest::prop_assert_eq!(found, expected);
            proptest::prop_assert_eq!(cut_at(&text, b'/'), text.split_once('/'));
        }
    }
}
