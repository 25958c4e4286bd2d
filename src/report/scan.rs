//! Looks at many bytes of a text at once.

/// Whether any byte is such a one. Some are looked at twice, so that none is looked at alone.
#[inline]
pub(super) fn any_in(text: &[u8], is_such: impl Fn(u8) -> bool + Copy) -> bool {
    if let Some(last) = text.last_chunk::<16>() {
        let (chunks, _) = text.as_chunks();
        chunks.iter().any(|chunk| any_of::<16>(chunk, is_such)) || any_of(last, is_such)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        any_of::<8>(first, is_such) || any_of::<8>(last, is_such)
    } else {
        text.iter().any(|&byte| is_such(byte))
    }
}

/// The same of so many bytes, without a way out.
#[inline]
fn any_of<const LEN: usize>(bytes: &[u8; LEN], is_such: impl Fn(u8) -> bool) -> bool {
    let such = bytes.iter().map(|&byte| is_such(byte));
    such.fold(false, |any, is| any | is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_at_every_place() {
        for len in 0..70 {
            assert!(!any_in(&vec![b'a'; len], |byte| byte == b'b'));
            for at in 0..len {
                let mut text = vec![b'a'; len];
                text[at] = b'b';
                assert!(any_in(&text, |byte| byte == b'b'), "{at} of {len}");
            }
        }
    }
}
