//! Bytes looked at eight at once: where a word ends, and whether two words differ in case alone.

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGH: u64 = EACH << 7;
/// A dash in each byte.
const DASHES: u64 = EACH * b'-' as u64;
/// What tells a small letter from a capital.
const CASE: u64 = EACH << 5;

/// Whether a byte is a character of a token (RFC 9110 §5.6.2).
const TCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        set(&mut table, byte, byte.is_ascii_alphanumeric());
        byte += 1;
    }
    let mut marks: &[u8] = b"!#$%&'*+-.^_`|~";
    while let Some((mark, others)) = marks.split_first() {
        set(&mut table, *mark, true);
        marks = others;
    }
    table
};

#[expect(
    clippy::indexing_slicing,
    reason = "by the compiler, and there is a place for each byte"
)]
const fn set(table: &mut [bool; 256], byte: u8, is: bool) {
    table[byte as usize] = is;
}

/// Whether a byte is a character of a token.
pub(super) fn is_tchar(byte: u8) -> bool {
    TCHAR.get(usize::from(byte)) == Some(&true)
}

/// How many characters of a token the bytes begin with.
pub(super) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_tchar(byte)).count()
}

/// How many letters and dashes the bytes begin with: few names have other characters. Fewer are told of the last bytes of
/// all.
#[inline]
pub(super) fn word_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for eight in bytes.as_chunks().0 {
        let word = u64::from_le_bytes(*eight);
        let dash = !(((word & !HIGH) ^ DASHES) + !HIGH);
        let others = !((letters(word) | dash) & !word) & HIGH;
        if others != 0 {
            return len + first_of(others);
        }
        len += 8;
    }
    len
}

/// How many printable characters the bytes begin with that are no less than `LEAST`; of them, others than ASCII if `ANY`.
#[inline]
pub(super) fn text_len<const LEAST: u8, const ANY: bool>(bytes: &[u8]) -> usize {
    const DEL: u8 = 0x7F;
    let is_text = |byte: u8| byte >= LEAST && (byte < DEL || ANY && byte > DEL);
    // The highest bit of the first that is no text, and perhaps of some behind it.
    let ends = |word: u64| {
        let low = word.wrapping_sub(EACH * u64::from(LEAST)) & !word;
        let del = (word & !HIGH) + EACH;
        let no_text = if ANY {
            low | del & !word
        } else {
            low | del | word
        };
        no_text & HIGH
    };
    let mut len = 0;
    let (words, last) = bytes.as_chunks();
    let (pairs, words) = words.as_chunks();
    for [first, second] in pairs {
        let first = ends(u64::from_le_bytes(*first));
        let second = ends(u64::from_le_bytes(*second));
        if first | second != 0 {
            let (word, before) = if first == 0 { (second, 8) } else { (first, 0) };
            return len + before + first_of(word);
        }
        len += 16;
    }
    for word in words {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return len + first_of(ends);
        }
        len += 8;
    }
    len + last.iter().take_while(|&&byte| is_text(byte)).count()
}

/// The first of eight bytes whose highest bit is set here.
#[inline]
const fn first_of(highest: u64) -> usize {
    highest.trailing_zeros() as usize / 8
}

/// Whether two words are the same but for the case of ASCII letters.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Up to twice a chunk is its first and its last, which may overlap.
    if let (4..=8, Some((a, a_end)), Some((b, b_end))) = (a.len(), ends(a), ends(b)) {
        let both = |first, last| {
            u64::from(u32::from_le_bytes(first)) << 32 | u64::from(u32::from_le_bytes(last))
        };
        return differ(both(*a, *a_end), both(*b, *b_end)) == 0;
    }
    if let (9..=16, Some((a, a_end)), Some((b, b_end))) = (a.len(), ends(a), ends(b)) {
        let first = differ(u64::from_le_bytes(*a), u64::from_le_bytes(*b));
        return first | differ(u64::from_le_bytes(*a_end), u64::from_le_bytes(*b_end)) == 0;
    }
    a.eq_ignore_ascii_case(b)
}

/// First and last bytes of a word that has so many.
#[inline]
fn ends<const LEN: usize>(word: &[u8]) -> Option<(&[u8; LEN], &[u8; LEN])> {
    Some((word.first_chunk()?, word.last_chunk()?))
}

/// Where eight bytes and eight others differ in more than the case of a letter.
#[inline]
const fn differ(a: u64, b: u64) -> u64 {
    let differ = a ^ b;
    // Where that bit alone differs, there is the same letter in two cases, if there is a letter.
    differ & !CASE | (differ << 2) & HIGH & !(letters(a) & !a)
}

/// The highest bit of each byte that is a letter, whatever its own highest bit is.
#[inline]
const fn letters(word: u64) -> u64 {
    in_range((word & !HIGH) | CASE, b'a', b'z')
}

/// The highest bit of each byte that lies between the two, both included; all of them less than 128.
#[inline]
const fn in_range(word: u64, first: u8, last: u8) -> u64 {
    (word + EACH * (128 - first as u64)) & !(word + EACH * (127 - last as u64)) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            6 => prop::char::range('!', '~').prop_map(|c| c as u8),
            6 => prop::sample::select(b"aZz9-A".to_vec()),
            1 => any::<u8>(),
        ];
        proptest::collection::vec(byte, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn eight_at_once_end_where_one_by_one_do(bytes in bytes()) {
            let any = bytes.iter().take_while(|&&byte| byte >= 0x20 && byte != 0x7F).count();
            prop_assert_eq!(text_len::<0x20, true>(&bytes), any);
            let ascii = bytes.iter().take_while(|byte| (0x21..0x7F).contains(*byte)).count();
            prop_assert_eq!(text_len::<0x21, false>(&bytes), ascii);
            let token = bytes.iter().take_while(|&&byte| is_tchar(byte)).count();
            prop_assert_eq!(token_len(&bytes), token);
            let is_usual = |byte: &&u8| byte.is_ascii_alphabetic() || **byte == b'-';
            let word = bytes.iter().take_while(is_usual).count();
            prop_assert_eq!(word_len(&[&bytes[..], &[0; 8]].concat()), word);
            prop_assert!(word_len(&bytes) <= word);
        }

        #[test]
        fn words_are_the_same_as_the_library_has_it(
            bytes in bytes(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..3),
        ) {
            let mut other = bytes.clone();
            for (at, bit) in changes {
                if !other.is_empty() {
                    let at = at.index(other.len());
                    other[at] ^= 1 << bit;
                }
            }
            prop_assert_eq!(same(&bytes, &other), bytes.eq_ignore_ascii_case(&other));
            let shouted = bytes.to_ascii_uppercase();
            prop_assert!(same(&bytes, &shouted));
        }
    }
}
