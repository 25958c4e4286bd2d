//! Looking for a WebSocket in a connection whose handshake was not seen.

use crate::dissect::link::Link;
use crate::dissect::socket::Socket;
use crate::dissect::sync::{self, Candidate, Proof};
use crate::event::Fact;
use crate::flow::{Both, Direction};

/// What both directions look like so far.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    sides: Both<Quarry>,
}

#[derive(Debug, Default)]
struct Quarry {
    spoke: bool,
    place: Option<Box<Candidate>>,
    tries: u8,
}

/// Segments of one side that may be tried: what is no WebSocket must not become one by many throws of the dice.
const MOST_TRIES: u8 = 64;

impl Hunt {
    /// The next bytes of one direction; the candidate that proves a WebSocket, and `bytes` behind what it read.
    ///
    /// Stricter than taking up a known WebSocket again: a frame must have ended with a segment, and where the client
    /// speaks its frames must be masked.
    pub(super) fn data(
        &mut self,
        dir: Direction,
        bytes: &mut &[u8],
        at_segment_start: bool,
    ) -> Option<Box<Candidate>> {
        let other = self.sides.get(dir.flip());
        let other_masks = !other.spoke
            || other
                .place
                .as_ref()
                .is_some_and(|place| place.is_masked() == Some(true));
        let side = self.sides.get_mut(dir);
        side.spoke = true;
        if side.place.is_none() {
            if side.tries >= MOST_TRIES {
                return None;
            }
            side.tries += u8::from(at_segment_start);
        }
        sync::search(
            &mut side.place,
            0,
            bytes,
            at_segment_start,
            |found, proof| {
                proof == Proof::Chained
                    && found.is_aligned()
                    && (other_masks || found.is_masked() == Some(true))
            },
        )
    }

    /// Lost bytes of one direction.
    pub(super) fn gap(&mut self, dir: Direction, len: u64) {
        let side = self.sides.get_mut(dir);
        if !side.place.as_mut().is_some_and(|place| place.skip(len)) {
            side.place = None;
        }
    }

    /// Goes on as the WebSocket that was found in `dir`.
    pub(super) fn catch(mut self, link: &mut Link<'_>, dir: Direction, found: Candidate) -> Socket {
        let connection = Box::new(link.describe());
        link.report_at(link.at, Fact::MidStream(connection));
        let mut socket = Socket::joined();
        socket.adopt(link, dir, found, true);
        if let Some(place) = self.sides.get_mut(dir.flip()).place.take() {
            socket.adopt(link, dir.flip(), *place, false);
        }
        socket
    }

    /// Swaps the two sides: the roles were guessed wrong.
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.sides.to_server, &mut self.sides.to_client);
    }
}
