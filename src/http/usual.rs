//! A head as nearly all are, read in one walk: lines that end in CRLF, one space between the words of the start line, and
//! none but printable characters.
//!
//! Of a head in any other form it says nothing, however little is odd, and leaves it to the reader that tolerates it. What
//! it says of a head is what that one would say.

use std::borrow::Cow;

use super::fields::Lines;
use super::head::{Head, Kind, LONGEST_METHOD, TCHAR};
use super::{Fields, RequestHead, ResponseHead, Status, Version};

/// The head at the start of these bytes and its length with the blank line; `None` where it is not whole, not in the usual
/// form, or has more than so many field lines.
pub(super) fn read(kind: Kind, bytes: &[u8], most: u64) -> Option<(Head, usize)> {
    let (head, rest) = match kind {
        Kind::Request => request(bytes, most),
        Kind::Response => response(bytes, most),
    }?;
    Some((head, bytes.len() - rest.len()))
}

fn request(bytes: &[u8], most: u64) -> Option<(Head, &[u8])> {
    let (method, rest) = bytes.split_at_checked(token_len(bytes))?;
    let rest = rest.strip_prefix(b" ")?;
    let (target, rest) = rest.split_at_checked(text_len::<b'!'>(rest))?;
    let (version, rest) = version(rest.strip_prefix(b" ")?)?;
    let (fields, rest) = fields(rest.strip_prefix(b"\r\n")?, most)?;
    let is_method = (1..LONGEST_METHOD).contains(&method.len());
    if !is_method || target.is_empty() || !target.is_ascii() {
        return None;
    }
    let head = RequestHead {
        method: method_name(std::str::from_utf8(method).ok()?),
        target: std::str::from_utf8(target).ok()?.into(),
        version,
        fields,
    };
    Some((Head::Request(head), rest))
}

fn response(bytes: &[u8], most: u64) -> Option<(Head, &[u8])> {
    let (version, rest) = version(bytes)?;
    let (
        &[
            b' ',
            a @ b'0'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b' ',
        ],
        rest,
    ) = rest.split_first_chunk()?
    else {
        return None;
    };
    let status = [a, b, c]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (reason, rest) = rest.split_at_checked(text_len::<b' '>(rest))?;
    let (fields, rest) = fields(rest.strip_prefix(b"\r\n")?, most)?;
    if reason.starts_with(b" ") || !reason.is_ascii() {
        return None;
    }
    let head = ResponseHead {
        version,
        status: Status(status),
        reason: reason_phrase(status, std::str::from_utf8(reason).ok()?),
        fields,
    };
    Some((Head::Response(head), rest))
}

fn version(bytes: &[u8]) -> Option<(Version, &[u8])> {
    let (minor, rest) = bytes.strip_prefix(b"HTTP/1.")?.split_first()?;
    match minor {
        b'0' => Some((Version::Http10, rest)),
        b'1' => Some((Version::Http11, rest)),
        _ => None,
    }
}

/// Field lines with the blank line behind them.
fn fields(bytes: &[u8], most: u64) -> Option<(Fields, &[u8])> {
    let mut lines = Lines::new();
    let mut rest = bytes;
    loop {
        let at = bytes.len() - rest.len();
        let (name, behind) = rest.split_at_checked(token_len(rest))?;
        match *behind {
            [b':', ..] if !name.is_empty() => {}
            [b'\r', b'\n', ref behind @ ..] if name.is_empty() && lines.len() as u64 <= most => {
                return Some((lines.copy(bytes), behind));
            }
            _ => return None,
        }
        let spaces = behind.iter().skip(1).take_while(|&&byte| byte == b' ');
        let behind = behind.get(1 + spaces.count()..)?;
        let start = bytes.len() - behind.len();
        let (value, behind) = behind.split_at_checked(text_len::<b' '>(behind))?;
        rest = behind.strip_prefix(b"\r\n")?;
        let spaces = value.iter().rev().take_while(|&&byte| byte == b' ');
        let end = start + value.len() - spaces.count();
        if !lines.add(at, name, start..end) {
            return None;
        }
    }
}

/// How many characters of a token the bytes begin with.
fn token_len(bytes: &[u8]) -> usize {
    let is_tchar = |&&byte: &&u8| TCHAR.get(usize::from(byte)) == Some(&true);
    bytes.iter().take_while(is_tchar).count()
}

/// How many bytes stand before the first that is less than `LEAST`, or DEL. Looks at eight at once.
fn text_len<const LEAST: u8>(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const DEL: u8 = 0x7F;
    let mut rest = bytes;
    while let Some((eight, others)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        // Either sets the highest bit of the first such byte, and of none before it.
        let small = word.wrapping_sub(EACH * LEAST as u64) & !word;
        let other = word ^ (EACH * DEL as u64);
        let del = other.wrapping_sub(EACH) & !other;
        let ends = (small | del) & (EACH << 7);
        if ends != 0 {
            return bytes.len() - rest.len() + ends.trailing_zeros() as usize / 8;
        }
        rest = others;
    }
    let is_text = |&&byte: &&u8| byte >= LEAST && byte != DEL;
    bytes.len() - rest.len() + rest.iter().take_while(is_text).count()
}

/// A method; those in use are not allocated.
pub(super) fn method_name(method: &str) -> Cow<'static, str> {
    let known = match method {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        _ => return Cow::Owned(method.to_owned()),
    };
    Cow::Borrowed(known)
}

/// A reason phrase; where it is the usual one of its status (RFC 9110 §15) it is not allocated.
pub(super) fn reason_phrase(status: u16, reason: &str) -> Cow<'static, str> {
    let usual = match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        426 => "Upgrade Required",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    };
    if reason == usual {
        Cow::Borrowed(usual)
    } else {
        Cow::Owned(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::tolerant;
    use super::*;
    use proptest::prelude::*;

    fn agrees(kind: Kind, bytes: &[u8]) -> Result<bool, TestCaseError> {
        let Some((head, len)) = read(kind, bytes, 5) else {
            return Ok(false);
        };
        let end = super::super::head::end_of_head(bytes, 0);
        prop_assert_eq!(end.map(|end| end.len), Some(len));
        prop_assert_eq!(tolerant(kind, &bytes[..len], true, 5), Ok(head));
        Ok(true)
    }

    #[test]
    fn a_usual_head_is_read() {
        for (kind, head) in [
            (
                Kind::Request,
                "GET /ws?a=1 HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nX:   b  \r\nauthorization:x\r\nEmpty:\r\n\r\n",
            ),
            (Kind::Request, "BREW /pot HTTP/1.0\r\n\r\nmore"),
            (
                Kind::Response,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSet-Cookie: secret\r\n\r\n\u{81}\0",
            ),
            (
                Kind::Response,
                "HTTP/1.0 404 None here\r\nVia: \u{e4}\r\n\r\n",
            ),
            (Kind::Response, "HTTP/1.1 200 \r\n\r\n"),
        ] {
            assert!(agrees(kind, head.as_bytes()).unwrap(), "{head:?}");
        }
    }

    #[test]
    fn an_odd_head_is_left_to_the_other_reader() {
        for head in [
            "GET /ws HTTP/1.1\nHost: a\n\n",
            "GET  /ws HTTP/1.1\r\n\r\n",
            "GET /ws HTTP/1.1 \r\n\r\n",
            "GET /ws HTTP/1.2\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET /ws HTTP/1.1\r\nno field\r\n\r\n",
            "GET /ws HTTP/1.1\r\n: a\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\tb\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\x7f\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            "GET /\u{e4} HTTP/1.1\r\n\r\n",
            "GET /ws HTTP/1.1\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n\r",
        ] {
            assert!(
                read(Kind::Request, head.as_bytes(), 5).is_none(),
                "{head:?}"
            );
        }
        assert!(read(Kind::Response, b"HTTP/1.1 20 OK\r\n\r\n", 5).is_none());
        assert!(read(Kind::Response, b"HTTP/1.1 200\r\n\r\n", 5).is_none());
    }

    /// Pieces of which many heads are usual ones, and as many nearly.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            8 => "[A-Za-z-]{1,9}: ?[ -~]{0,20}\r\n",
            1 => "[A-Za-z:\t ]{0,3}:[ -~\t]{0,9}\r\n",
            1 => "[ -~\r\n\tä]{0,9}\r?\n",
            1 => "(Cookie|set-cookie|AUTHORIZATION): [a-z]{0,9}\r\n",
        ];
        let start = prop_oneof![
            4 => "GET /[!-~]{0,9} HTTP/1\\.[01]\r\n",
            4 => "HTTP/1\\.[01] [0-9]{3} [ -~]{0,9}\r\n",
            1 => "[A-Z]{0,3}[ \t]{0,2}[ -~ä]{0,9} HTTP/1\\.[0-2] ?\r?\n",
            1 => "HTTP/1\\.[01] {1,2}[0-9]{2,4} ?[ -~ä\t]{0,9}\r?\n",
        ];
        let any = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
        (start, proptest::collection::vec(line, 0..7), any).prop_map(|(start, lines, changes)| {
            let mut bytes = [&start, &*lines.concat(), "\r\nmore\r\n\r\n"]
                .concat()
                .into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_read_in_one_walk_is_what_the_tolerant_reader_reads(bytes in bytes()) {
            agrees(Kind::Request, &bytes)?;
            agrees(Kind::Response, &bytes)?;
        }

        #[test]
        fn eight_at_once_end_where_one_by_one_do(bytes in proptest::collection::vec(
            prop_oneof![4 => 0x20..0x7Fu8, 1 => any::<u8>()], 0..40)) {
            let end = |least| bytes.iter().position(|&byte| byte < least || byte == 0x7F);
            prop_assert_eq!(text_len::<0x20>(&bytes), end(0x20).unwrap_or(bytes.len()));
            prop_assert_eq!(text_len::<0x21>(&bytes), end(0x21).unwrap_or(bytes.len()));
        }
    }
}
