//! What of a connection passes by the short way: the bytes of what is not read, the content of HTTP messages, and the
//! data frames of a WebSocket.

use crate::dissect::connection::{Connection, Speaks};
use crate::dissect::folded::Folded;
use crate::flow::Direction;
use crate::stream::Above;
use crate::time::Timestamp;
use crate::websocket::Passing;

/// Which bytes of one direction pass by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Passage {
    /// None.
    #[default]
    Closed,
    /// All: they are not read.
    Unread,
    /// Fewer than these: content of a message of HTTP, of which so much is left.
    Content(u32),
    /// Those of data frames.
    Frames(Passing),
}

impl Above for Connection {
    type Passage = Passage;

    fn passage(&self, dir: Direction) -> Passage {
        let dir = self.direction(dir);
        match &self.speaks {
            Speaks::WebSocket(socket) => {
                let frames = socket.passing(dir);
                frames.map_or(Passage::Closed, Passage::Frames)
            }
            Speaks::Http1(http) => {
                Passage::Content(u32::try_from(http.ahead(dir)).unwrap_or(u32::MAX))
            }
            Speaks::Opaque => Passage::Unread,
            Speaks::Probing(_) | Speaks::Tls(_) => Passage::Closed,
        }
    }

    #[inline]
    fn pass(passage: &mut Passage, bytes: &[u8]) -> bool {
        match passage {
            Passage::Closed => return false,
            Passage::Unread => {}
            Passage::Content(left) => match u32::try_from(bytes.len()) {
                Ok(len) if len < *left => *left = left.wrapping_sub(len),
                _ => return false,
            },
            Passage::Frames(frames) => match frames.over(bytes) {
                Some(over) => *frames = over,
                None => return false,
            },
        }
        true
    }

    fn land(&mut self, dir: Direction, passage: &Passage, bytes: u64, heard: Timestamp) {
        let dir = self.direction(dir);
        match (&mut self.speaks, passage) {
            (Speaks::WebSocket(socket), Passage::Frames(frames)) => {
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
        assert_eq!(size_of::<Passage>(), 28);
    }
}
