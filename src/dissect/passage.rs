//! What of a connection passes by the short way: the bytes of what is not read, the content of HTTP messages, and the
//! data frames of a WebSocket.

use crate::dissect::connection::{Connection, Speaks};
use crate::flow::Direction;
use crate::stream::Above;
use crate::time::Timestamp;
use crate::websocket::Passing;

/// One direction while bytes of it pass by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passage {
    /// The last of them.
    pub(super) heard: Timestamp,
    pub(super) kind: Kind,
}

/// Which bytes pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Kind {
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
        let kind = match &self.speaks {
            Speaks::WebSocket(socket) => socket.passing(dir).map_or(Kind::Closed, Kind::Frames),
            Speaks::Http1(http) => {
                Kind::Content(u32::try_from(http.ahead(dir)).unwrap_or(u32::MAX))
            }
            Speaks::Opaque => Kind::Unread,
            Speaks::Probing(_) | Speaks::Tls(_) | Speaks::Asleep(_) => Kind::Closed,
        };
        Passage {
            heard: Timestamp::default(),
            kind,
        }
    }

    #[inline]
    fn pass(passage: &mut Passage, bytes: &[u8], ts: Timestamp) -> bool {
        match &mut passage.kind {
            Kind::Closed => return false,
            Kind::Unread => {}
            Kind::Content(left) => match u32::try_from(bytes.len()) {
                Ok(len) if len < *left => *left = left.wrapping_sub(len),
                _ => return false,
            },
            Kind::Frames(frames) => match frames.over(bytes) {
                Some(over) => *frames = over,
                None => return false,
            },
        }
        passage.heard = ts;
        true
    }

    fn land(&mut self, dir: Direction, passage: &Passage, bytes: u64) {
        let dir = self.direction(dir);
        match (&mut self.speaks, &passage.kind) {
            (Speaks::WebSocket(socket), Kind::Frames(frames)) => {
                socket.land(dir, frames, bytes, passage.heard);
            }
            (Speaks::Http1(http), Kind::Content(_)) => http.land(dir, bytes),
            _ => {}
        }
        self.has_passed();
    }

    fn fold(&mut self) {
        self.fold_up();
    }

    fn unfold(&mut self) {
        self.unfold_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With what the table keeps of a direction it makes a cache line.
    #[test]
    fn a_passage_is_half_a_cache_line() {
        assert_eq!(size_of::<Passage>(), 32);
    }
}
