//! Heads: where one ends, and what stands in it (RFC 9112 §2 to §5).
//!
//! Tolerant as servers are: lone LF line ends, empty lines before a start line, several spaces within it, folded lines,
//! and lines that are no field are left out. What remains unreadable is told as a [`Broken`].

use std::borrow::Cow;
use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status as Parsed};

use super::words::is_tchar;
use super::{Fields, RequestHead, ResponseHead, Status, Version, usual};

/// Which of the two messages a direction carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests.
    Request,
    /// Responses.
    Response,
}

/// The place of a head that is to be read, so that it need not be moved there. What stands in it is of no use while it is
/// not whole.
#[derive(Debug)]
pub(crate) enum Head<'a> {
    /// Of a request.
    Request(&'a mut RequestHead),
    /// Of a response.
    Response(&'a mut ResponseHead),
}

impl Head<'_> {
    /// Which message has it.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Request(_) => Kind::Request,
            Self::Response(_) => Kind::Response,
        }
    }
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// They do not follow the grammar.
    Malformed,
    /// Longer than the limit `head_bytes`.
    TooLarge,
    /// More field lines than the limit `header_fields`.
    TooManyFields,
    /// The budget of all buffers has no room for the part of a head.
    NoRoom,
}

/// Field lines that are parsed without an allocation.
const USUAL_FIELDS: usize = 128;
/// No `header_fields` makes a parse allocate more than this.
const MOST_FIELDS: usize = 8192;

/// No method is so long.
pub(super) const LONGEST_METHOD: usize = 32;

/// How many bytes of empty lines stand before a start line (RFC 9112 §2.2).
pub(crate) fn empty_lines(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// Where a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Its length with the blank line.
    pub(crate) len: usize,
    /// A line of it may be folded.
    pub(crate) folds: bool,
}

/// The end of a head, searched for from `from`; `None` where it is not whole.
pub(crate) fn end_of_head(bytes: &[u8], from: usize) -> Option<End> {
    let mut folds = from > 0;
    for at in memchr::memchr_iter(b'\n', bytes.get(from..)?) {
        let next = from + at + 1;
        let len = match bytes.get(next..)? {
            [b'\n', ..] => next + 1,
            [b'\r', b'\n', ..] => next + 2,
            [b' ' | b'\t', ..] => {
                folds = true;
                continue;
            }
            _ => continue,
        };
        return Some(End { len, folds });
    }
    None
}

/// Whether a message of this kind may begin so; `None` where more bytes are needed to tell.
pub(crate) fn begins(kind: Kind, bytes: &[u8]) -> Option<bool> {
    const RESPONSE: &[u8] = b"HTTP/1.";
    match kind {
        Kind::Response => match bytes.get(..RESPONSE.len()) {
            Some(start) => Some(start == RESPONSE),
            None if RESPONSE.starts_with(bytes) => None,
            None => Some(false),
        },
        Kind::Request => {
            match bytes
                .iter()
                .take(LONGEST_METHOD)
                .position(|&b| !is_tchar(b))
            {
                Some(at) => Some(at > 0 && bytes.get(at) == Some(&b' ')),
                None if bytes.len() < LONGEST_METHOD => None,
                None => Some(false),
            }
        }
    }
}

/// Whether a line begins with a method that is in use, or with `HTTP/1.`: enough to take up a direction again.
pub(crate) fn begins_surely(kind: Kind, bytes: &[u8]) -> bool {
    const METHODS: &[&[u8]] = &[
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
        b"PROPFIND ",
        b"REPORT ",
        b"PROPPATCH ",
        b"MKCOL ",
        b"COPY ",
        b"MOVE ",
        b"LOCK ",
        b"UNLOCK ",
        b"QUERY ",
    ];
    match kind {
        Kind::Response => begins(kind, bytes) == Some(true),
        Kind::Request => METHODS.iter().any(|method| bytes.starts_with(method)),
    }
}

/// Reads a whole head, from its start line to its blank line; lines of it may be folded or not.
pub(crate) fn parse(
    mut head: Head<'_>,
    bytes: &[u8],
    folds: bool,
    fields: u64,
) -> Result<(), Broken> {
    match usual::read(&mut head, bytes, fields) {
        Some(_) => Ok(()),
        None => tolerant(head, bytes, folds, fields),
    }
}

/// Reads a whole head in whatever form servers take.
pub(super) fn tolerant(
    head: Head<'_>,
    bytes: &[u8],
    folds: bool,
    fields: u64,
) -> Result<(), Broken> {
    let fields = usize::try_from(fields).unwrap_or(MOST_FIELDS);
    let mut few = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut many;
    let room = if let Some(room) = few.get_mut(..fields) {
        room
    } else {
        many = vec![MaybeUninit::uninit(); fields.min(MOST_FIELDS)];
        &mut many[..]
    };
    let bytes = if folds {
        unfold(bytes)
    } else {
        Cow::Borrowed(bytes)
    };
    match head {
        Head::Request(head) => *head = parse_request(&bytes, room)?,
        Head::Response(head) => *head = parse_response(&bytes, room)?,
    }
    Ok(())
}

fn parse_request<'a>(
    head: &'a [u8],
    room: &mut [MaybeUninit<Header<'a>>],
) -> Result<RequestHead, Broken> {
    let mut parsed = httparse::Request::new(&mut []);
    let result = ParserConfig::default()
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_space_before_first_header_name(true)
        .ignore_invalid_headers_in_requests(true)
        .parse_request_with_uninit_headers(&mut parsed, head, room);
    complete(result)?;
    match (parsed.method, parsed.path, parsed.version) {
        (Some(method), Some(target), Some(version)) => Ok(RequestHead::new(
            usual::method_name(method.as_bytes()),
            target,
            version_of(version),
            pairs(parsed.headers),
        )),
        _ => Err(Broken::Malformed),
    }
}

fn parse_response<'a>(
    head: &'a [u8],
    room: &mut [MaybeUninit<Header<'a>>],
) -> Result<ResponseHead, Broken> {
    let mut parsed = httparse::Response::new(&mut []);
    let result = ParserConfig::default()
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_space_before_first_header_name(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .parse_response_with_uninit_headers(&mut parsed, head, room);
    complete(result)?;
    match (parsed.version, parsed.code) {
        (Some(version), Some(code)) => Ok(ResponseHead {
            version: version_of(version),
            status: Status(code),
            reason: usual::reason_phrase(code, parsed.reason.unwrap_or_default().as_bytes()),
            fields: Fields::new(pairs(parsed.headers)),
        }),
        _ => Err(Broken::Malformed),
    }
}

fn complete(result: httparse::Result<usize>) -> Result<(), Broken> {
    match result {
        Ok(Parsed::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(Broken::TooManyFields),
        Ok(Parsed::Partial) | Err(_) => Err(Broken::Malformed),
    }
}

const fn version_of(minor: u8) -> Version {
    if minor == 0 {
        Version::Http10
    } else {
        Version::Http11
    }
}

fn pairs<'a>(headers: &[Header<'a>]) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
    headers.iter().map(|header| (header.name, header.value))
}

/// Puts spaces in place of folded line ends (RFC 9112 §5.2), save for the one after the start line, which folds nothing.
fn unfold(head: &[u8]) -> Cow<'_, [u8]> {
    let is_fold = |at: usize| matches!(head.get(at + 1), Some(b' ' | b'\t'));
    let mut ends = memchr::memchr_iter(b'\n', head).skip(1);
    let Some(first) = ends.find(|&at| is_fold(at)) else {
        return Cow::Borrowed(head);
    };
    let mut plain = head.to_vec();
    for at in std::iter::once(first).chain(ends.filter(|&at| is_fold(at))) {
        for place in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            match plain.get_mut(place) {
                Some(byte) if matches!(byte, b'\r' | b'\n') => *byte = b' ',
                _ => {}
            }
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(bytes: &[u8]) -> RequestHead {
        let mut head = RequestHead::default();
        assert_eq!(parse(Head::Request(&mut head), bytes, true, 128), Ok(()));
        head
    }

    fn value(fields: &Fields, name: &str) -> String {
        fields.value(name).unwrap().into_owned()
    }

    #[test]
    fn a_head_ends_at_its_blank_line_whatever_the_line_ends() {
        for head in [
            "A\r\nb: c\r\n\r\n",
            "A\nb: c\n\n",
            "A\r\nb: c\n\r\n",
            "A\nb: c\r\n\n",
        ] {
            let with_more = [head.as_bytes(), b"rest\n\n"].concat();
            let end = end_of_head(&with_more, 0).map(|end| end.len);
            assert_eq!(end, Some(head.len()), "{head:?}");
            for cut in 0..head.len() {
                assert_eq!(end_of_head(&with_more[..cut], 0), None);
            }
        }
    }

    #[test]
    fn folded_lines_are_one_value() {
        let head = request(b"GET / HTTP/1.1\r\nUpgrade:\r\n websocket\r\nConnection: keep-alive,\r\n\tUpgrade\r\n\r\n");
        assert_eq!(value(&head.fields, "upgrade"), "websocket");
        assert!(head.fields.has_element("connection", "upgrade"));
    }

    #[test]
    fn tolerances() {
        let head =
            request(b"GET  /a?b  HTTP/1.0\nHost: x\nno field at all\nUpgrade: websocket\n\n");
        assert_eq!((head.target(), head.version), ("/a?b", Version::Http10));
        assert_eq!(head.fields.len(), 2);
        let mut head = ResponseHead::default();
        let bytes = b"HTTP/1.1 101\r\nUpgrade : websocket\r\n\r\n";
        let read = parse(Head::Response(&mut head), bytes, false, 128);
        assert_eq!(read, Ok(()));
        assert_eq!((head.status, &*head.reason), (Status(101), ""));
        assert_eq!(value(&head.fields, "upgrade"), "websocket");
    }

    #[test]
    fn duplicate_fields_all_stay() {
        let head =
            request(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\nsec-websocket-key: b\r\n\r\n");
        assert_eq!(head.fields.count("Sec-WebSocket-Key"), 2);
    }

    #[test]
    fn what_is_no_head_is_told_as_such() {
        let parse = |bytes: &[u8], most| {
            parse(
                Head::Request(&mut RequestHead::default()),
                bytes,
                false,
                most,
            )
        };
        for bad in [
            &b"GET / http/1.1\r\n\r\n"[..],
            b"\0\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/3.0\r\n\r\n",
        ] {
            assert_eq!(parse(bad, 128), Err(Broken::Malformed));
        }
        let many = ["GET / HTTP/1.1\r\n", &"a: b\r\n".repeat(5), "\r\n"].concat();
        let many = many.as_bytes();
        assert_eq!(parse(many, 4), Err(Broken::TooManyFields));
        assert_eq!((parse(many, 5), parse(many, 1000)), (Ok(()), Ok(())));
    }

    #[test]
    fn beginnings() {
        assert_eq!(begins(Kind::Response, b"HTT"), None);
        assert_eq!(begins(Kind::Response, b"HTTP/1.1 "), Some(true));
        assert_eq!(begins(Kind::Response, b"HTTP/2 "), Some(false));
        assert_eq!(begins(Kind::Request, b"BREW"), None);
        assert_eq!(begins(Kind::Request, b"BREW /pot"), Some(true));
        assert_eq!(begins(Kind::Request, b"\x16\x03\x01"), Some(false));
        assert!(!begins_surely(Kind::Request, b"BREW /pot"));
        assert!(begins_surely(Kind::Request, b"GET /pot"));
    }
}
