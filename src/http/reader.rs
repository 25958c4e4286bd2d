//! One direction of an HTTP/1 connection as messages, read in whatever pieces it comes.

use super::body::{self, Body, Framing};
use super::buffer::Buffer;
use super::head::{self, Broken, Head};
use super::unread::Unread;
use super::usual::{self, Found, Keep, Plain};
use crate::limits::{Budget, Limits};
use crate::time::Stamp;

/// Where one direction is.
#[derive(Debug)]
pub(crate) struct Reader {
    state: State,
    /// Of the first byte of the head that is being read.
    started: Stamp,
}

#[derive(Debug)]
enum State {
    /// Before or within a head; what came of it, and how far it was searched for its end.
    Head(Buffer),
    /// Within the content.
    Body(Body),
    /// Out of step: the next head that begins a segment is taken.
    Seeking,
}

/// Bytes as they come, and what they may cost.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    /// What was not read yet.
    pub(crate) bytes: &'a [u8],
    /// The record that brought them.
    pub(crate) at: Stamp,
    /// They begin a segment.
    pub(crate) at_segment_start: bool,
}

/// What one step read.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// All bytes were read.
    More,
    /// The head is whole; [`Reader::begin_body`] must be called before the next step, unless it has no content.
    Head {
        /// Its first byte.
        started: Stamp,
    },
    /// A head of which nothing is kept; the same holds.
    Plain(Plain),
    /// A head that was not read; the same holds.
    Unread {
        /// What it is.
        head: Unread<'a>,
        /// Its first byte.
        started: Stamp,
    },
    /// A part of the content.
    Content(&'a [u8]),
    /// The message is over.
    End,
    /// No head, or none that can be read: nothing more is, until [`Reader::seek`].
    Broken {
        /// Why.
        why: Broken,
        /// How much of it had come before.
        kept: usize,
    },
}

/// What lost bytes were part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Content only: nothing else is lost.
    Content,
    /// A head, or so much that there may be one among it.
    Head,
    /// What is not read anyway.
    Nothing,
}

impl Reader {
    /// At the start of the first message.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head(Buffer::default()),
            started: Stamp::default(),
        }
    }

    /// Reads on, and moves the piece behind what was read; a head into this one, which need not be the same as before, and
    /// of one that is whole when it comes no more than is to be kept.
    pub(crate) fn step<'a>(
        &mut self,
        piece: &mut Piece<'a>,
        (mut head, keep): (Head<'_>, Keep),
        limits: &Limits,
        budget: &mut Budget,
    ) -> Step<'a> {
        if let State::Seeking = self.state {
            if !(piece.at_segment_start && head::begins_surely(head.kind(), piece.bytes)) {
                piece.bytes = &[];
                return Step::More;
            }
            self.state = State::Head(Buffer::default());
        }
        piece.at_segment_start = false;
        match &mut self.state {
            State::Seeking => Step::More,
            State::Body(body) => match body.step(&mut piece.bytes) {
                body::Step::Content(content) => Step::Content(content),
                body::Step::More => Step::More,
                body::Step::Done => {
                    self.state = State::Head(Buffer::default());
                    Step::End
                }
            },
            State::Head(buffer) => {
                if buffer.is_empty() {
                    let empty = head::empty_lines(piece.bytes);
                    skip(&mut piece.bytes, empty);
                    if piece.bytes.is_empty() {
                        return Step::More;
                    }
                    self.started = piece.at;
                    let most = limits.header_fields;
                    if let Some((found, len)) = usual::find(&mut head, keep, piece.bytes, most)
                        && len as u64 <= limits.head_bytes
                    {
                        skip(&mut piece.bytes, len);
                        let started = self.started;
                        return match found {
                            Found::Head => Step::Head { started },
                            Found::Plain(plain) => Step::Plain(plain),
                            Found::Unread(head) => Step::Unread { head, started },
                        };
                    }
                }
                self.head(piece, head, limits, budget)
                    .unwrap_or_else(|why| Step::Broken {
                        why,
                        kept: self.seek(budget).len(),
                    })
            }
        }
    }

    /// Reads on in a head that is odd, or comes in pieces.
    fn head<'a>(
        &mut self,
        piece: &mut Piece<'a>,
        head: Head<'_>,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Step<'a>, Broken> {
        let State::Head(buffer) = &mut self.state else {
            return Ok(Step::More);
        };
        let limit = usize::try_from(limits.head_bytes).unwrap_or(usize::MAX);
        let before = buffer.len();
        let whole = if before == 0 {
            head::end_of_head(piece.bytes, 0)
        } else {
            None
        };
        if whole.is_none() {
            let room = limit.saturating_sub(before);
            let part = piece.bytes.get(..room).unwrap_or(piece.bytes);
            if !buffer.append(part, budget) {
                return Err(Broken::NoRoom);
            }
        }
        let bytes = if whole.is_some() {
            piece.bytes
        } else {
            buffer.bytes()
        };
        if head::begins(head.kind(), bytes) == Some(false) {
            return Err(Broken::Malformed);
        }
        // The blank line may have begun in the piece before: three bytes of it at most.
        let end = match whole {
            None if before > 0 => head::end_of_head(bytes, before.saturating_sub(3)),
            whole => whole,
        };
        match end {
            Some(end) if end.len <= limit => {
                head::parse(
                    head,
                    bytes.get(..end.len).unwrap_or_default(),
                    end.folds,
                    limits.header_fields,
                )?;
                buffer.clear(budget);
                skip(&mut piece.bytes, end.len.saturating_sub(before));
                Ok(Step::Head {
                    started: self.started,
                })
            }
            Some(_) => Err(Broken::TooLarge),
            None if bytes.len() >= limit => Err(Broken::TooLarge),
            None => {
                piece.bytes = &[];
                Ok(Step::More)
            }
        }
    }

    /// Tells how the content of the head just read ends.
    pub(crate) fn begin_body(&mut self, framing: Framing) {
        self.state = State::Body(Body::new(framing));
    }

    /// So many of the next bytes are content, whatever they are.
    pub(crate) const fn ahead(&self) -> u64 {
        match &self.state {
            State::Body(body) => body.ahead(),
            State::Head(_) | State::Seeking => 0,
        }
    }

    /// Jumps over fewer bytes than there is content [`ahead`](Self::ahead).
    pub(crate) fn land(&mut self, len: u64) {
        if let State::Body(body) = &mut self.state {
            body.skip(len);
        }
    }

    /// Jumps over lost bytes. A message that ends within them ends with the next step.
    pub(crate) fn skip(&mut self, len: u64, budget: &mut Budget) -> Lost {
        let within = match &mut self.state {
            State::Seeking => return Lost::Nothing,
            State::Body(body) => body.skip(len),
            State::Head(_) => false,
        };
        if within {
            return Lost::Content;
        }
        self.seek(budget);
        Lost::Head
    }

    /// Waits for the next head at the start of a segment; hands out what came of the head that was being read.
    pub(crate) fn seek(&mut self, budget: &mut Budget) -> Vec<u8> {
        match std::mem::replace(&mut self.state, State::Seeking) {
            State::Head(mut buffer) => buffer.take(budget),
            State::Body(_) | State::Seeking => Vec::new(),
        }
    }

    /// Bytes that came of a head that is not whole.
    pub(crate) const fn kept(&self) -> u64 {
        match &self.state {
            State::Head(buffer) => buffer.len() as u64,
            State::Body(_) | State::Seeking => 0,
        }
    }

    /// Whether the next byte begins a message.
    pub(crate) const fn is_between_messages(&self) -> bool {
        matches!(&self.state, State::Head(buffer) if buffer.is_empty())
    }

    /// Whether it is out of step.
    pub(crate) const fn is_seeking(&self) -> bool {
        matches!(self.state, State::Seeking)
    }
}

fn skip(bytes: &mut &[u8], len: usize) {
    *bytes = bytes.get(len..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::super::head::Kind;
    use super::super::{RequestHead, ResponseHead};
    use super::*;
    use proptest::prelude::*;

    /// What was read, as text.
    fn read(kind: Kind, pieces: &[&[u8]], limits: &Limits) -> Vec<String> {
        let all = read_keeping(Keep::All, kind, pieces, limits);
        let some = match kind {
            Kind::Request => Keep::Named(|name| name == b"Host"),
            Kind::Response => Keep::Nothing,
        };
        assert_eq!(read_keeping(some, kind, pieces, limits), all);
        all
    }

    fn read_keeping(keep: Keep, kind: Kind, pieces: &[&[u8]], limits: &Limits) -> Vec<String> {
        let mut budget = Budget::new(limits.buffered_bytes_total);
        let mut reader = Reader::new();
        let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
        let mut seen: Vec<String> = Vec::new();
        for &bytes in pieces {
            let mut piece = Piece {
                bytes,
                at: Stamp::default(),
                at_segment_start: true,
            };
            loop {
                let head = match kind {
                    Kind::Request => Head::Request(&mut request),
                    Kind::Response => Head::Response(&mut response),
                };
                match reader.step(&mut piece, (head, keep), limits, &mut budget) {
                    Step::More => break,
                    Step::Head { .. } => {
                        let (line, framing) = match kind {
                            Kind::Request => (
                                format!("{} {}", request.method, request.target()),
                                Framing::of_request(&request),
                            ),
                            Kind::Response => (
                                response.status.0.to_string(),
                                Framing::of_response(&response, None),
                            ),
                        };
                        seen.push(line);
                        reader.begin_body(framing);
                    }
                    Step::Content(part) => {
                        let part = String::from_utf8_lossy(part);
                        match seen.last_mut() {
                            Some(last) if last.starts_with('<') => last.push_str(&part),
                            _ => seen.push(format!("<{part}")),
                        }
                    }
                    Step::Unread { head, .. } => {
                        let method = String::from_utf8_lossy(head.method());
                        seen.push(format!("{method} {}", head.target()));
                        reader.begin_body(head.framing());
                    }
                    Step::Plain(plain) => {
                        seen.push(plain.status.0.to_string());
                        reader.begin_body(Framing::of_answer(plain.status, plain.said, None));
                    }
                    Step::End => seen.push("end".into()),
                    Step::Broken { why, .. } => {
                        seen.push(format!("{why:?}"));
                        piece.bytes = &[];
                    }
                }
                assert!(budget.used() <= budget.limit());
            }
        }
        reader.seek(&mut budget);
        assert_eq!(budget.used(), 0, "all that was charged is given back");
        seen
    }

    const REQUESTS: &[u8] = b"\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPUT /c HTTP/1.1\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n\r\nGET /d HTTP/1.0\r\n\r\n";

    #[test]
    fn a_pipeline_of_requests() {
        let seen = read(Kind::Request, &[REQUESTS], &Limits::default());
        assert_eq!(
            seen,
            [
                "GET /a", "end", "POST /b", "<abc", "end", "PUT /c", "<hi", "end", "GET /d", "end"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_pieces_read_the_same(cuts in proptest::collection::vec(0usize..200, 0..6)) {
            let whole = read(Kind::Request, &[REQUESTS], &Limits::default());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % REQUESTS.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts { pieces.push(&REQUESTS[from..cut]); from = cut; }
            pieces.push(&REQUESTS[from..]);
            prop_assert_eq!(&read(Kind::Request, &pieces, &Limits::default()), &whole);
            let ones: Vec<&[u8]> = REQUESTS.chunks(1).collect();
            prop_assert_eq!(read(Kind::Request, &ones, &Limits::default()), whole);
        }

        #[test]
        fn whatever_comes_is_no_panic(pieces in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'G'), Just(b' '), any::<u8>()], 0..40), 0..6)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let limits = Limits { head_bytes: 50, ..Limits::default() };
            read(Kind::Request, &pieces, &limits);
            read(Kind::Response, &pieces, &limits);
        }
    }

    #[test]
    fn limits_are_told_apart() {
        let limits = Limits {
            head_bytes: 64,
            header_fields: 1,
            ..Limits::default()
        };
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 80]].concat();
        assert_eq!(read(Kind::Request, &[&long], &limits), ["TooLarge"]);
        assert_eq!(
            read(Kind::Request, &[&long[..40], &long[40..]], &limits),
            ["TooLarge"]
        );
        let many = b"GET / HTTP/1.1\r\nA: a\r\nB: b\r\n\r\n";
        assert_eq!(read(Kind::Request, &[many], &limits), ["TooManyFields"]);
        let poor = Limits {
            buffered_bytes_total: 100,
            ..Limits::default()
        };
        assert_eq!(
            read(Kind::Request, &[&many[..9], &many[9..]], &poor),
            ["NoRoom"]
        );
        assert_eq!(
            read(Kind::Request, &[many], &poor),
            ["GET /", "end"],
            "a whole head costs nothing"
        );
    }

    #[test]
    fn after_a_gap_in_a_head_the_next_head_at_a_segment_start_counts() {
        let (limits, mut budget) = (Limits::default(), Budget::new(10_000));
        let (mut reader, mut head) = (Reader::new(), ResponseHead::default());
        let mut is_head = |reader: &mut Reader, bytes: &'static [u8], at_segment_start| {
            let mut piece = Piece {
                bytes,
                at: Stamp::default(),
                at_segment_start,
            };
            let into = (Head::Response(&mut head), Keep::All);
            let step = reader.step(&mut piece, into, &limits, &mut budget);
            let is_head = matches!(step, Step::Head { .. });
            if !reader.is_between_messages() && !is_head && !reader.is_seeking() {
                assert_eq!(reader.skip(5, &mut budget), Lost::Head);
                assert_eq!(budget.used(), 0);
            }
            is_head
        };
        assert!(!is_head(&mut reader, b"HTTP/1.1 200 OK\r\nServ", true));
        assert!(reader.is_seeking());
        assert!(!is_head(&mut reader, b"HTTP/1.1 200 OK\r\n\r\n", false));
        assert!(!is_head(&mut reader, b"200 OK\r\n\r\n", true));
        assert!(is_head(&mut reader, b"HTTP/1.1 200 OK\r\n\r\n", true));
    }

    #[test]
    fn a_gap_is_counted_off_a_content_of_known_length() {
        let (limits, mut budget) = (Limits::default(), Budget::new(10_000));
        let mut reader = Reader::new();
        assert_eq!(reader.skip(1, &mut budget), Lost::Head);
        let mut reader = Reader::new();
        reader.begin_body(Framing::Length(10));
        assert_eq!(reader.skip(10, &mut budget), Lost::Content);
        let mut piece = Piece {
            bytes: b"HTTP/1.1 204 x\r\n\r\n",
            at: Stamp::default(),
            at_segment_start: false,
        };
        let mut head = ResponseHead::default();
        let mut step = || {
            let into = (Head::Response(&mut head), Keep::All);
            reader.step(&mut piece, into, &limits, &mut budget)
        };
        assert!(matches!(step(), Step::End));
        assert!(matches!(step(), Step::Head { .. }));
    }
}
