//! What of a connection passes by the short way: the bytes of what is not read, the content of HTTP messages, and the
//! data frames of a WebSocket.

use std::time::Duration;

use crate::dissect::connection::{Connection, Speaks};
use crate::dissect::folded::Folded;
use crate::flow::Direction;
use crate::stream::Above;
use crate::time::Timestamp;
use crate::websocket::{Passing, Ping};

/// Which bytes of one direction pass by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passage {
    /// Fewer than so many: content of a message of HTTP of which so much is left, or what is not read.
    Content(u32),
    /// Those of data frames. With the time from which on the first of them may pass, and then the time when it did; the
    /// earliest there is where it was told.
    Frames(Passing, Timestamp),
}

/// So long after its 101 the first frame of a side is told at once, for it settles the attempt; later than that it was
/// settled by the time alone, even where a hole took a while to be told or a hop to hand the 101 on.
const UNSETTLED: Duration = Duration::from_secs(2);

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

    /// Behind frames of which the first has yet to come, if it `begins`.
    fn of(frames: Passing, has_begun: bool, before: &Self, now: Timestamp) -> Self {
        let from = match before {
            _ if has_begun => Timestamp::MIN,
            // The handshake is as long ago as it was.
            Self::Frames(_, from) if *from != Timestamp::MIN => *from,
            _ => now.after(UNSETTLED),
        };
        Self::Frames(frames, from)
    }
}

impl Above for Connection {
    type Passage = Passage;

    fn passage(&self, dir: Direction, before: &Passage, now: Timestamp) -> Passage {
        let dir = self.direction(dir);
        match &self.speaks {
            Speaks::WebSocket(socket) => socket.passing(dir).map_or(Passage::CLOSED, |frames| {
                Passage::of(frames, socket.has_begun(dir), before, now)
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
