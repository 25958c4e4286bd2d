//! What of a connection passes by the short way: the bytes of what is not read, and the data frames of a WebSocket.

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
    /// Those of data frames.
    Frames(Passing),
}

impl Above for Connection {
    type Passage = Passage;

    fn passage(&self, dir: Direction) -> Passage {
        let kind = match &self.speaks {
            Speaks::WebSocket(socket) => socket
                .passing(self.direction(dir))
                .map_or(Kind::Closed, Kind::Frames),
            Speaks::Opaque => Kind::Unread,
            Speaks::Probing(_) | Speaks::Http1(_) | Speaks::Tls(_) => Kind::Closed,
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
        if let (Speaks::WebSocket(socket), Kind::Frames(frames)) = (&mut self.speaks, &passage.kind)
        {
            socket.land(dir, frames, bytes, passage.heard);
        }
        self.has_passed();
    }
}
