//! A connection folded up while nothing of it is read: a few bits, and what these do not say.

use crate::dissect::connection::{Connection, Speaks};
use crate::dissect::socket::{Asleep, Rsv};
use crate::flow::Direction;
use crate::time::Timestamp;
use crate::websocket::Ping;

/// What the bits of a connection do not say; nothing for an open WebSocket on which nothing was said, as most of very many
/// are.
#[derive(Debug)]
pub(super) enum Folded {
    /// An open WebSocket. All else stands in the bits.
    Socket(Asleep),
    /// Anything else, as it is.
    Other(Connection),
}

impl Folded {
    const REPORTED: u8 = 1;
    const SWAPPED: u8 = 2;
    const SEEN: u8 = 4;
    const HAS_BYTES: u8 = 8;
    const WAITS: u8 = 16;
    /// Which reserved bits mean something to a WebSocket: the number stands in what is left.
    const RSV: u32 = 6;

    /// Folds a connection up.
    pub(super) fn fold(mut connection: Connection) -> (u8, Option<Box<Self>>) {
        let is_plain = connection.origin.is_none() && connection.first_fin.is_none();
        match std::mem::replace(&mut connection.speaks, Speaks::Opaque) {
            Speaks::WebSocket(socket) if is_plain => match Asleep::fold(socket) {
                Ok(asleep) => {
                    let rsv = asleep.only_rsv();
                    let bits = Self::bits(&connection, rsv);
                    let rest = rsv.is_none().then(|| Box::new(Self::Socket(asleep)));
                    return (bits, rest);
                }
                Err(socket) => connection.speaks = Speaks::WebSocket(socket),
            },
            speaks => connection.speaks = speaks,
        }
        (0, Some(Box::new(Self::Other(connection))))
    }

    /// The connection as it was.
    pub(super) fn unfold(bits: u8, rest: Option<Box<Self>>) -> Connection {
        let asleep = match rest.map(|rest| *rest) {
            None => Asleep::silent(match bits >> Self::RSV {
                0 => Rsv::No,
                1 => Rsv::Compressed,
                _ => Rsv::Unknown,
            }),
            Some(Self::Socket(asleep)) => asleep,
            Some(Self::Other(connection)) => return connection,
        };
        let is = |flag| bits & flag != 0;
        Connection {
            speaks: Speaks::WebSocket(asleep.unfold()),
            reported: is(Self::REPORTED),
            swapped: is(Self::SWAPPED),
            seen: is(Self::SEEN),
            has_bytes: is(Self::HAS_BYTES),
            waits: is(Self::WAITS),
            origin: None,
            first_fin: None,
        }
    }

    /// Notes a ping or pong, unless more is to be done about it.
    pub(super) fn note(&mut self, bits: u8, dir: Direction, ping: &Ping, at: Timestamp) -> bool {
        match self {
            Self::Socket(asleep) => {
                let is_swapped = bits & Self::SWAPPED != 0;
                asleep.note(if is_swapped { dir.flip() } else { dir }, ping, at)
            }
            Self::Other(_) => false,
        }
    }

    fn bits(connection: &Connection, rsv: Option<Rsv>) -> u8 {
        let flags = [
            (connection.reported, Self::REPORTED),
            (connection.swapped, Self::SWAPPED),
            (connection.seen, Self::SEEN),
            (connection.has_bytes, Self::HAS_BYTES),
            (connection.waits, Self::WAITS),
        ];
        let rsv = match rsv {
            None | Some(Rsv::No) => 0,
            Some(Rsv::Compressed) => 1,
            Some(Rsv::Unknown) => 2,
        };
        let flags = flags.into_iter().filter(|(is, _)| *is);
        flags.fold(rsv << Self::RSV, |all, (_, flag)| all | flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::socket::Socket;

    #[test]
    fn a_silent_websocket_is_all_bits() {
        for rsv in [Rsv::No, Rsv::Compressed, Rsv::Unknown] {
            let (bits, rest) = Folded::fold(Connection {
                speaks: Speaks::WebSocket(Box::new(Socket::opened(rsv))),
                reported: true,
                waits: true,
                ..Connection::default()
            });
            assert!(rest.is_none());
            let connection = Folded::unfold(bits, rest);
            assert!(connection.reported && connection.waits && !connection.swapped);
            let Speaks::WebSocket(socket) = connection.speaks else {
                panic!("{connection:?}");
            };
            assert_eq!(*socket, Socket::opened(rsv));
        }
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Folded>() <= 80, "{}", size_of::<Folded>());
    }
}
