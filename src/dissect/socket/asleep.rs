//! A WebSocket folded up while nothing of it is read: what most of them need, in a quarter of the space.
//!
//! As with its connection, what is written down is unfolded again and compared, so that nothing can be lost by it.

use super::side::Side;
use super::{Rsv, Socket};
use crate::dissect::pings::Pings;
use crate::event::{Frames, Largest};
use crate::flow::{Both, Direction};
use crate::websocket::FrameWalker;

/// A WebSocket on which nothing is out of order.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Asleep {
    sides: Both<Still>,
    pub(super) since: Option<Box<Frames>>,
    pub(super) pings: Option<Box<Pings>>,
    rsv: Rsv,
    named: bool,
    untold: bool,
}

/// One direction of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Still {
    walker: [u32; 3],
    largest: (u32, u32),
    latest: u32,
    /// How the numbers of the walker are to be read.
    kind: u8,
    flags: u8,
}

impl Still {
    const USED: u8 = 1;
    const BEGAN: u8 = 2;
    const IS_LARGEST: u8 = 4;
    const IS_COMPRESSED: u8 = 8;
    const LARGEST_COMPRESSED: u8 = 16;
}

impl Asleep {
    /// A WebSocket on which nothing was said yet.
    pub(in crate::dissect) fn silent(rsv: Rsv) -> Self {
        Self {
            sides: Both::default(),
            since: None,
            pings: None,
            rsv,
            named: false,
            untold: false,
        }
    }

    /// Which reserved bits mean something, if that is all there is to know.
    pub(in crate::dissect) fn only_rsv(&self) -> Option<Rsv> {
        (*self == Self::silent(self.rsv)).then_some(self.rsv)
    }

    /// Whether a side sent a frame other than Close.
    pub(super) const fn is_used(&self, dir: Direction) -> bool {
        self.sides.get(dir).flags & Still::USED != 0
    }

    /// Folds a WebSocket up; it comes back where something would be lost.
    pub(in crate::dissect) fn fold(mut socket: Box<Socket>) -> Result<Self, Box<Socket>> {
        let sides = Both {
            to_server: Still::of(&socket.sides.to_server),
            to_client: Still::of(&socket.sides.to_client),
        };
        let (Some(to_server), Some(to_client)) = (sides.to_server, sides.to_client) else {
            return Err(socket);
        };
        let mut asleep = Self {
            sides: Both {
                to_server,
                to_client,
            },
            since: None,
            pings: None,
            rsv: socket.rsv,
            named: socket.named,
            untold: socket.untold,
        };
        let (since, pings) = (socket.since.take(), socket.pings.take());
        let is_same = asleep.still() == *socket;
        if !is_same {
            (socket.since, socket.pings) = (since, pings);
            return Err(socket);
        }
        (asleep.since, asleep.pings) = (since, pings);
        Ok(asleep)
    }

    /// The WebSocket as it was.
    pub(in crate::dissect) fn unfold(self) -> Box<Socket> {
        let mut socket = Box::new(self.still());
        (socket.since, socket.pings) = (self.since, self.pings);
        socket
    }

    /// Without what is kept apart.
    fn still(&self) -> Socket {
        let mut socket = Socket::opened(self.rsv);
        (socket.named, socket.untold) = (self.named, self.untold);
        socket.sides = Both {
            to_server: self.sides.to_server.unfold(),
            to_client: self.sides.to_client.unfold(),
        };
        socket
    }
}

impl Still {
    fn of(side: &Side) -> Option<Self> {
        let (walker, kind) = side.walker.quiet()?;
        let small = |n: u64| u32::try_from(n).ok();
        let flags = [
            (side.used, Self::USED),
            (side.began, Self::BEGAN),
            (side.is_largest, Self::IS_LARGEST),
            (side.is_compressed, Self::IS_COMPRESSED),
            (side.largest.compressed, Self::LARGEST_COMPRESSED),
        ];
        let flags = flags.into_iter().filter(|(is, _)| *is);
        Some(Self {
            walker,
            kind,
            largest: (small(side.largest.bytes)?, small(side.largest.before)?),
            latest: small(side.latest)?,
            flags: flags.fold(0, |all, (_, flag)| all | flag),
        })
    }

    fn unfold(self) -> Side {
        let is = |flag| self.flags & flag != 0;
        let (bytes, before) = self.largest;
        Side {
            walker: FrameWalker::quietly(self.walker, self.kind),
            used: is(Self::USED),
            began: is(Self::BEGAN),
            largest: Largest {
                bytes: bytes.into(),
                before: before.into(),
                compressed: is(Self::LARGEST_COMPRESSED),
            },
            latest: self.latest.into(),
            is_largest: is(Self::IS_LARGEST),
            is_compressed: is(Self::IS_COMPRESSED),
            ..Side::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small() {
        assert!(size_of::<Asleep>() <= 80, "{}", size_of::<Asleep>());
    }
}
