//! What of a connection passes by the short way: the bytes of what is not read, the content of HTTP messages, and the
//! data frames of a WebSocket.

use std::time::Duration;

use crate::dissect::connection::{Connection, Speaks};
use crate::dissect::folded::Folded;
use crate::dissect::socket::Seen;
use crate::event::Fact;
use crate::flow::Direction;
use crate::stream::{Above, Begins};
use crate::time::Timestamp;
use crate::websocket::{FrameHeader, Passing, Ping};

/// Which bytes of one direction pass by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passage {
    /// Fewer than so many: content of a message of HTTP of which so much is left, or what is not read.
    Content(u32),
    /// Those of data frames. With the time from which on the first of them may pass without a word, the latest there is where
    /// it may not pass at all; then with the time when it did, the earliest there is where it is no longer to be told.
    Frames(Passing, Timestamp),
}

/// So long after its 101 the first frame of a side is told at once, for it settles the attempt; later than that it was
/// settled by the time alone, even where a hole took a while to be told or a hop to hand the 101 on.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The first message of a side began, and passed by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// See [`Fact::FirstBytes`].
    first_bytes: Option<u64>,
    /// The other side had begun nothing.
    is_first: bool,
}

impl Begun {
    /// What is told of it, as where it did not pass by.
    pub(super) fn facts(self) -> [Option<Fact>; 2] {
        let first_bytes = self.first_bytes.map(|hash| Fact::FirstBytes { hash });
        [first_bytes, self.is_first.then_some(Fact::Used)]
    }
}

impl Default for Passage {
    fn default() -> Self {
        Self::CLOSED
    }
}

impl Passage {
    /// None.
    const CLOSED: Self = Self::Content(0);
    /// As many as can be counted.
    const UNREAD: Self = Self::Content(u32::MAX);

    /// Behind frames of that kind.
    fn of(frames: Passing, seen: Seen, before: &Self, now: Timestamp) -> Self {
        let from = match (seen, before) {
            (Seen::Message, _) => Timestamp::MIN,
            // What the first frame tells was told, and what the first message does was not.
            (Seen::Control, _) => Timestamp::MAX,
            // The handshake is as long ago as it was.
            (Seen::Nothing, Self::Frames(_, from)) if *from != Timestamp::MIN => *from,
            (Seen::Nothing, _) => now.after(UNSETTLED),
        };
        Self::Frames(frames, from)
    }

    /// Whether a message began, passing by or before, if that is known.
    fn has_begun(&self) -> Option<bool> {
        match self {
            Self::Frames(frames, first) => Some(*first == Timestamp::MIN || !frames.is_untouched()),
            Self::Content(_) => None,
        }
    }
}

impl Above for Connection {
    type Passage = Passage;

    fn passage(&self, dir: Direction, before: &Passage, now: Timestamp) -> Passage {
        let dir = self.direction(dir);
        match &self.speaks {
            Speaks::WebSocket(socket) => socket.passing(dir).map_or(Passage::CLOSED, |frames| {
                Passage::of(frames, socket.seen(dir), before, now)
            }),
            Speaks::Http1(http) => {
                Passage::Content(u32::try_from(http.ahead(dir)).unwrap_or(u32::MAX))
            }
            Speaks::Opaque => Passage::UNREAD,
            Speaks::Probing(_) | Speaks::Tls(_) => Passage::CLOSED,
        }
    }

    #[inline]
    fn pass(passage: &mut Passage, bytes: &[u8], at: Timestamp) -> bool {
        match passage {
            Passage::Content(left) => match u32::try_from(bytes.len()) {
                Ok(len) if len < *left => *left = left.wrapping_sub(len),
                _ => return false,
            },
            Passage::Frames(frames, first) => {
                let before = *frames;
                if !frames.over(bytes) {
                    *frames = before;
                    return false;
                }
                if *first != Timestamp::MIN && before.is_untouched() && !frames.is_untouched() {
                    if at < *first {
                        *frames = before;
                        return false;
                    }
                    *first = at;
                }
            }
        }
        true
    }

    type Word = Begun;

    fn begin((me, peer): (&mut Passage, &Passage), bytes: &[u8], at: Timestamp) -> Begins<Begun> {
        let Passage::Frames(frames, first) = me else {
            return Begins::Not;
        };
        // Later it passes without a word.
        let is_told =
            at < *first && *first != Timestamp::MAX && frames.is_untouched() && frames.is_between();
        let (Some((header, _)), Some(peer_has), true) =
            (FrameHeader::parse(bytes), peer.has_begun(), is_told)
        else {
            return Begins::Not;
        };
        let mut passed = *frames;
        if !passed.over(bytes) {
            return Begins::Not;
        }
        (*frames, *first) = (passed, at);
        let begun = Begun {
            first_bytes: header.first_bytes(),
            is_first: !peer_has,
        };
        if begun.is_first || begun.first_bytes.is_some() {
            Begins::With(begun)
        } else {
            Begins::Quietly
        }
    }

    type Note = Ping;

    fn note_of(passage: &Passage, bytes: &[u8]) -> Option<Ping> {
        match passage {
            Passage::Frames(frames, _) => frames.ping(bytes),
            Passage::Content(_) => None,
        }
    }

    fn note(&mut self, dir: Direction, ping: &Ping, at: Timestamp) -> bool {
        let dir = self.direction(dir);
        match &mut self.speaks {
            Speaks::WebSocket(socket) => socket.note(dir, ping, at),
            _ => false,
        }
    }

    fn note_folded(
        (bits, rest): (u8, &mut Folded),
        dir: Direction,
        ping: &Ping,
        at: Timestamp,
    ) -> bool {
        rest.note(bits, dir, ping, at)
    }

    fn land(&mut self, dir: Direction, passage: &Passage, bytes: u64, heard: Timestamp) {
        let dir = self.direction(dir);
        match (&mut self.speaks, passage) {
            (Speaks::WebSocket(socket), Passage::Frames(frames, first)) => {
                if *first != Timestamp::MIN && !frames.is_untouched() {
                    socket.began_by_the_way(dir, *first);
                }
                socket.land(dir, frames, bytes, heard);
            }
            (Speaks::Http1(http), Passage::Content(_)) => http.land(dir, bytes),
            _ => {}
        }
        self.has_passed();
    }

    type Folded = Folded;

    fn fold(self) -> (u8, Option<Box<Folded>>) {
        Folded::fold(self)
    }

    fn unfold(bits: u8, rest: Option<Box<Folded>>) -> Self {
        Folded::unfold(bits, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With what the table keeps of a direction it makes a cache line.
    #[test]
    fn a_passage_leaves_room_in_its_cache_line() {
        assert_eq!(size_of::<Passage>(), 32);
    }
}
