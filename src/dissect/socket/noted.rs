//! A ping or pong that comes alone between two frames: noted, with nothing told and nothing else changed, so that the
//! WebSocket goes on as it was, be it folded up.

use super::{Asleep, Socket};
use crate::dissect::pings::Pings;
use crate::event::Frames;
use crate::flow::Direction;
use crate::time::Timestamp;
use crate::websocket::Ping;

impl Socket {
    /// Notes a ping or pong among frames that pass by. False where more is to be done about it.
    pub(in crate::dissect) fn note(&mut self, dir: Direction, ping: &Ping, at: Timestamp) -> bool {
        // The first frame of a side is told.
        let is_used = self.sides.get(dir).used;
        if is_used {
            note((&mut self.since, &mut self.pings), dir, ping, at);
        }
        is_used
    }
}

impl Asleep {
    /// The same.
    pub(in crate::dissect) fn note(&mut self, dir: Direction, ping: &Ping, at: Timestamp) -> bool {
        let is_used = self.is_used(dir);
        if is_used {
            note((&mut self.since, &mut self.pings), dir, ping, at);
        }
        is_used
    }
}

fn note(
    (since, pings): (&mut Option<Box<Frames>>, &mut Option<Box<Pings>>),
    dir: Direction,
    ping: &Ping,
    at: Timestamp,
) {
    let since = since.get_or_insert_default();
    let counts = match dir {
        Direction::ToServer => &mut since.client,
        Direction::ToClient => &mut since.server,
    };
    counts.bytes = counts.bytes.saturating_add(ping.len);
    if ping.is_pong {
        counts.pong = counts.pong.saturating_add(1);
        if let Some(pings) = pings {
            pings.pong(dir, ping.hash, at);
        }
    } else {
        counts.ping = counts.ping.saturating_add(1);
        pings.get_or_insert_default().ping(dir, ping.hash, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::socket::Rsv;

    #[test]
    fn it_is_noted_alike_whether_folded_up_or_not() {
        use Direction::{ToClient, ToServer};
        let opened = || {
            let mut socket = Box::new(Socket::opened(Rsv::No));
            socket.sides.to_client.used = true;
            socket
        };
        let (mut awake, mut asleep) = (opened(), Asleep::fold(opened()).unwrap());
        let ping = Ping {
            is_pong: false,
            len: 3,
            hash: 7,
        };
        let at = Timestamp::from_nanos;
        // What is the first frame of its side is told.
        assert!(!awake.note(ToServer, &ping, at(1)) && !asleep.note(ToServer, &ping, at(1)));
        assert!(awake.since.is_none() && asleep.since.is_none());
        assert!(awake.note(ToClient, &ping, at(2)) && asleep.note(ToClient, &ping, at(2)));
        assert_eq!(awake, asleep.unfold());
        let since = awake.since.unwrap();
        assert_eq!((since.server.ping, since.server.bytes), (1, 3));
        assert_eq!(awake.pings.unwrap().waits_since(ToClient), Some(at(2)));
    }
}
