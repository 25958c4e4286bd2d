//! Looks through a text once for all that may be asked of its bytes.

/// What some bytes of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks(u8);

/// What JSON has to escape (RFC 8259 §7): control characters, quotation marks, backslashes.
pub(super) const ESCAPED: Marks = Marks(1);
/// What is no printable ASCII.
pub(super) const HIDDEN: Marks = Marks(1 << 1);
/// The end of userinfo.
pub(super) const AT: Marks = Marks(1 << 2);
/// What asks for a closer look: queries, userinfo, and what is not printable ASCII save the arrow that stands between
/// addresses in what is said of them.
pub(super) const SUSPECT: Marks = Marks(1 << 3);
/// What an URL with a secret of its own has, if it is short. A JSON Web Token has a capital J, which is rare.
pub(super) const TELLING: Marks = Marks(1 << 4);

/// What is no printable ASCII, is escaped by JSON, or may stand for another character or begin a fragment in a target.
pub(super) const ODD: Marks = Marks(1 << 5);

/// The marks of each byte.
#[expect(
    clippy::indexing_slicing,
    reason = "by the compiler, over its own length"
)]
const MARKS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    loop {
        table[byte as usize] = of(byte);
        let Some(next) = byte.checked_add(1) else {
            break table;
        };
        byte = next;
    }
};

const fn of(byte: u8) -> u8 {
    let is_escaped = byte < b' ' || matches!(byte, b'"' | b'\\');
    let is_hidden = !matches!(byte, b' '..=b'~');
    // U+2192 in UTF-8. What else can be made of its bytes is as harmless.
    let is_of_arrow = matches!(byte, 0xE2 | 0x86 | 0x92);
    let is_suspect =
        matches!(byte, b'?' | b'@' | b'#' | b'%' | b'&' | b'=') || is_hidden && !is_of_arrow;
    let is_telling = matches!(byte, b'?' | b'%' | b'=' | b'@' | b'J');
    let mut marks = 0;
    if is_escaped {
        marks |= ESCAPED.0;
    }
    if is_hidden {
        marks |= HIDDEN.0;
    }
    if byte == b'@' {
        marks |= AT.0;
    }
    if is_suspect {
        marks |= SUSPECT.0;
    }
    if is_telling {
        marks |= TELLING.0;
    }
    if is_escaped || is_hidden || matches!(byte, b'#' | b'%') {
        marks |= ODD.0;
    }
    marks
}

impl Marks {
    /// All that the bytes of a text are.
    pub(super) fn of(text: &[u8]) -> Self {
        let (chunks, rest) = text.as_chunks::<8>();
        let all = chunks.iter().fold(0, |all, chunk| all | any_of(chunk));
        Self(all | any_of(rest))
    }

    /// This and that.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of them is one of those.
    pub(super) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

#[inline]
fn any_of(bytes: &[u8]) -> u8 {
    let marks = bytes.iter().map(|&byte| MARKS.get(usize::from(byte)));
    marks.flatten().fold(0, |all, marks| all | marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_at_every_place() {
        for len in 0..40 {
            let text = vec![b'a'; len];
            assert_eq!(Marks::of(&text), Marks(0));
            for (at, byte) in (0..len).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut text = text.clone();
                text[at] = byte;
                assert_eq!(Marks::of(&text), Marks(of(byte)), "{byte} at {at} of {len}");
            }
        }
    }

    #[test]
    fn what_bytes_are() {
        for byte in 0..=u8::MAX {
            let marks = Marks::of(&[byte]);
            let is_printable = matches!(byte, b' '..=b'~');
            assert_eq!(marks.has(ESCAPED), byte < 0x20 || b"\"\\".contains(&byte));
            assert_eq!(marks.has(HIDDEN), !is_printable);
            assert_eq!(marks.has(AT), byte == b'@');
            let is_harmless = is_printable || "→".as_bytes().contains(&byte);
            assert_eq!(
                marks.has(SUSPECT),
                !is_harmless || b"?@#%&=".contains(&byte)
            );
            assert_eq!(marks.has(TELLING), b"?%=@J".contains(&byte));
            let is_escaped = marks.has(ESCAPED.and(HIDDEN));
            assert_eq!(marks.has(ODD), is_escaped || b"#%".contains(&byte));
        }
        assert!(
            Marks::of(b"a@b").has(ESCAPED.and(AT)) && !Marks::of(b"a@b").has(ESCAPED.and(HIDDEN))
        );
    }
}
