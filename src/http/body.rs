//! Where the content of a message ends, without keeping it (RFC 9112 §6 and §7).

use super::words::same;
use super::{Fields, RequestHead, ResponseHead, Status};

/// How the end of a content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes; none is 0.
    Length(u64),
    /// In chunks.
    Chunked,
    /// All there is until the connection ends.
    UntilClose,
}

impl Framing {
    /// No content.
    pub(crate) const NONE: Self = Self::Length(0);

    /// Of a request (RFC 9112 §6.3, items 3 to 7).
    pub(crate) fn of_request(head: &RequestHead) -> Self {
        Self::said_by(&head.fields).unwrap_or(Self::NONE)
    }

    /// Of a response to a request of that method, where it was seen (RFC 9112 §6.3, items 1 to 8).
    pub(crate) fn of_response(head: &ResponseHead, method: Option<&str>) -> Self {
        Self::of_answer(head.status, Self::said_by(&head.fields), method)
    }

    /// Likewise, by what its fields said.
    pub(crate) fn of_answer(status: Status, said: Option<Self>, method: Option<&str>) -> Self {
        let status = status.0;
        let no_content = matches!(status, 100..=199 | 204 | 304)
            || method == Some("HEAD")
            || (method == Some("CONNECT") && matches!(status, 200..=299));
        if no_content {
            return Self::NONE;
        }
        said.unwrap_or(Self::UntilClose)
    }

    /// What fields say of it.
    fn said_by(fields: &Fields) -> Option<Self> {
        let mut said = Said::default();
        for field in fields.all("transfer-encoding") {
            said.add_coding(field.value);
        }
        for field in fields.all("content-length") {
            said.add_lengths(field.value);
        }
        said.framing()
    }
}

/// So long are the names of the two fields that say anything of it.
const LENGTH: usize = 14;
const CODING: usize = 17;

/// What field lines say of the end of the content, one after the other.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// By the last transfer coding (RFC 9112 §6.1), which counts before a length.
    coded: Option<Framing>,
    /// By `Content-Length`.
    length: Option<Framing>,
}

impl Said {
    /// One more line.
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        // Few lines say anything of it.
        if matches!(name.len(), LENGTH | CODING) {
            self.add_named(name, value);
        }
    }

    fn add_named(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            LENGTH if same(name, b"content-length") => self.add_lengths(value),
            CODING if same(name, b"transfer-encoding") => self.add_coding(value),
            _ => {}
        }
    }

    fn add_coding(&mut self, value: &[u8]) {
        let Some(last) = elements(value).next_back() else {
            return;
        };
        self.coded = Some(if same(last, b"chunked") {
            Framing::Chunked
        } else {
            Framing::UntilClose
        });
    }

    fn add_lengths(&mut self, value: &[u8]) {
        for length in elements(value) {
            let length = number(length).map_or(Framing::UntilClose, Framing::Length);
            // Several equal ones count as one (RFC 9112 §6.3); anything else has an end that nobody knows.
            let differs = self.length.is_some_and(|other| other != length);
            self.length = Some(if differs { Framing::UntilClose } else { length });
        }
    }

    /// What they say together.
    pub(super) fn framing(self) -> Option<Framing> {
        self.coded.or(self.length)
    }
}

/// The elements of a list (RFC 9110 §5.6.1), without the empty ones.
fn elements(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = char::from(digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The content of one message as it passes by.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Left(u64),
    UntilClose,
    /// Before the first, or within the digits of a chunk size.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind the digits, up to the end of the line.
    Extension {
        size: u64,
    },
    Chunk {
        left: u64,
    },
    /// The line end after a chunk.
    ChunkEnd,
    /// A trailer line, so far empty or not.
    Trailer {
        empty: bool,
    },
    Done,
}

/// What one step read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Content, without its framing.
    Content(&'a [u8]),
    /// All bytes were read, and more belong to the message.
    More,
    /// The message is over; what is left belongs to the next.
    Done,
}

impl Body {
    /// A content that begins now.
    pub(crate) const fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Left(length),
            Framing::Chunked => State::Size { size: 0, digits: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Reads on, and moves `bytes` behind what was read.
    pub(crate) fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        loop {
            match &mut self.state {
                State::Done => return Step::Done,
                _ if bytes.is_empty() => return Step::More,
                State::UntilClose => return Step::Content(std::mem::take(bytes)),
                State::Left(left) => {
                    let content = take(bytes, left);
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    return Step::Content(content);
                }
                State::Chunk { left } => {
                    let content = take(bytes, left);
                    if *left == 0 {
                        self.state = State::ChunkEnd;
                    }
                    return Step::Content(content);
                }
                _ => self.framing_byte(bytes),
            }
        }
    }

    /// So many of the next bytes are content, whatever they are; 0 where that is not known.
    pub(crate) const fn ahead(&self) -> u64 {
        match self.state {
            State::UntilClose => u64::MAX,
            State::Left(left) | State::Chunk { left } => left,
            _ => 0,
        }
    }

    /// Jumps over `len` bytes that were lost; false where the end of the message may have been among them.
    pub(crate) const fn skip(&mut self, len: u64) -> bool {
        match &mut self.state {
            State::UntilClose => true,
            State::Left(left) if len <= *left => {
                *left -= len;
                if *left == 0 {
                    self.state = State::Done;
                }
                true
            }
            State::Chunk { left } if len <= *left => {
                *left -= len;
                if *left == 0 {
                    self.state = State::ChunkEnd;
                }
                true
            }
            _ => false,
        }
    }

    /// Reads a byte, or the rest of a line, of the chunked framing (RFC 9112 §7.1).
    fn framing_byte(&mut self, bytes: &mut &[u8]) {
        let Some((&byte, rest)) = bytes.split_first() else {
            return;
        };
        self.state = match self.state {
            State::Size { size, digits } => {
                match (char::from(byte).to_digit(16), byte) {
                    // More than 15 digits would not fit; what follows cannot be told from content.
                    (Some(_), _) if digits >= 15 => State::UntilClose,
                    (Some(digit), _) => State::Size {
                        size: size << 4 | u64::from(digit),
                        digits: digits + 1,
                    },
                    (None, _) if digits == 0 => State::UntilClose,
                    (None, b'\n') => after_size(size),
                    (None, b'\r' | b';' | b' ' | b'\t') => State::Extension { size },
                    (None, _) => State::UntilClose,
                }
            }
            State::Extension { size } => {
                let end = memchr::memchr(b'\n', bytes);
                if end.is_some() {
                    self.state = after_size(size);
                }
                *bytes = end.and_then(|end| bytes.get(end + 1..)).unwrap_or_default();
                return;
            }
            State::ChunkEnd => match byte {
                b'\r' => State::ChunkEnd,
                b'\n' => State::Size { size: 0, digits: 0 },
                _ => State::UntilClose,
            },
            State::Trailer { empty } => match byte {
                b'\n' if empty => State::Done,
                b'\n' => State::Trailer { empty: true },
                b'\r' => State::Trailer { empty },
                _ => State::Trailer { empty: false },
            },
            State::Left(_) | State::UntilClose | State::Chunk { .. } | State::Done => return,
        };
        *bytes = rest;
    }
}

const fn after_size(size: u64) -> State {
    if size == 0 {
        State::Trailer { empty: true }
    } else {
        State::Chunk { left: size }
    }
}

/// Takes at most `left` bytes.
fn take<'a>(bytes: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let len = usize::try_from(*left)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    let (content, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
    *bytes = rest;
    *left -= content.len() as u64;
    content
}

#[cfg(test)]
mod tests {
    use super::super::head::{Head, parse};
    use super::*;
    use proptest::prelude::*;

    fn response(head: &str, method: Option<&str>) -> Framing {
        let bytes = format!("HTTP/1.1 {head}\r\n\r\n");
        let mut head = ResponseHead::default();
        let read = parse(Head::Response(&mut head), bytes.as_bytes(), false, 128);
        assert_eq!(read, Ok(()));
        Framing::of_response(&head, method)
    }

    /// Content, what was left over, and whether it is over.
    fn read(framing: Framing, pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, bool) {
        let mut body = Body::new(framing);
        let (mut content, mut rest) = (Vec::new(), Vec::new());
        for &piece in pieces {
            let mut bytes = piece;
            loop {
                match body.step(&mut bytes) {
                    Step::Content(part) => content.extend_from_slice(part),
                    Step::More => break,
                    Step::Done => {
                        rest.extend_from_slice(bytes);
                        break;
                    }
                }
            }
        }
        (content, rest, matches!(body.state, State::Done))
    }

    #[test]
    fn the_order_of_the_rfc() {
        assert_eq!(response("204 No\r\nContent-Length: 5", None), Framing::NONE);
        assert_eq!(response("304 No\r\nContent-Length: 5", None), Framing::NONE);
        assert_eq!(
            response("200 OK\r\nContent-Length: 5", Some("HEAD")),
            Framing::NONE
        );
        assert_eq!(response("200 OK", Some("CONNECT")), Framing::NONE);
        assert_eq!(
            response("403 No\r\nContent-Length: 5", Some("CONNECT")),
            Framing::Length(5)
        );
        assert_eq!(
            response(
                "200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 5",
                None
            ),
            Framing::Chunked
        );
        assert_eq!(
            response("200 OK\r\nTransfer-Encoding: gzip", None),
            Framing::UntilClose
        );
        assert_eq!(response("200 OK", Some("GET")), Framing::UntilClose);
        assert_eq!(
            response("200 OK\r\nContent-Length: 5, 5\r\ncontent-length: 5", None),
            Framing::Length(5)
        );
        assert_eq!(
            response("200 OK\r\nContent-Length: 5\r\nContent-Length: 6", None),
            Framing::UntilClose
        );
        assert_eq!(
            response("200 OK\r\nContent-Length: +5", None),
            Framing::UntilClose
        );
    }

    const CHUNKED: &[u8] = b"4;name=\"v\"\r\nWiki\r\n6\r\npedia \r\nE\nin \r\n\r\nchunks.\r\n0\r\nExpires: x\r\n\r\nHTTP";

    #[test]
    fn chunks_with_extensions_and_trailers_in_any_pieces() {
        let whole = read(Framing::Chunked, &[CHUNKED]);
        assert_eq!(whole.0, b"Wikipedia in \r\n\r\nchunks.");
        assert_eq!((&whole.1[..], whole.2), (&b"HTTP"[..], true));
        let bytes: Vec<&[u8]> = CHUNKED.chunks(1).collect();
        assert_eq!(read(Framing::Chunked, &bytes), whole);
    }

    #[test]
    fn a_length_is_kept_to() {
        assert_eq!(
            read(Framing::Length(3), &[b"ab", b"cd"]),
            (b"abc".to_vec(), b"d".to_vec(), true)
        );
        assert_eq!(
            read(Framing::NONE, &[b"ab"]),
            (vec![], b"ab".to_vec(), true)
        );
    }

    #[test]
    fn a_gap_within_what_is_known_costs_nothing() {
        let mut body = Body::new(Framing::Length(10));
        assert!(body.skip(10));
        assert!(matches!(body.state, State::Done));
        assert!(!Body::new(Framing::Length(10)).skip(11));
        let mut body = Body::new(Framing::Chunked);
        assert!(!body.clone().skip(1));
        let mut bytes = &b"a\r\nxx"[..];
        assert_eq!(body.step(&mut bytes), Step::Content(b"xx"));
        assert!(body.skip(8));
        let mut bytes = &b"\r\n0\r\n\r\nrest"[..];
        assert_eq!(body.step(&mut bytes), Step::Done);
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn a_size_that_is_no_number_never_ends() {
        let (content, _, done) = read(Framing::Chunked, &[b"zz\r\n"]);
        assert_eq!((&content[..], done), (&b"z\r\n"[..], false));
        assert!(!read(Framing::Chunked, &[b"ffffffffffffffff\r\nabc"]).2);
    }

    proptest! {
        #[test]
        fn any_pieces_read_the_same(bytes in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'3'), Just(b';'), any::<u8>()], 0..80),
            at in 0usize..80, chunked in any::<bool>())
        {
            let framing = if chunked { Framing::Chunked } else { Framing::Length(20) };
            let (a, b) = bytes.split_at(at.min(bytes.len()));
            let ones: Vec<&[u8]> = bytes.chunks(1).collect();
            let whole = read(framing, &[&bytes]);
            prop_assert_eq!(&read(framing, &[a, b]), &whole);
            prop_assert_eq!(&read(framing, &ones), &whole);
        }
    }
}
