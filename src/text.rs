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

#[cfg(test)]
mod tests {
    use super::*;

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
