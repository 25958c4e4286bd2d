//! Looking for a WebSocket in a connection whose handshake was not seen.

use crate::dissect::link::Link;
use crate::dissect::socket::Socket;
use crate::dissect::sync::{self, Candidate, Proof};
use crate::event::Fact;
use crate::flow::{Both, Direction};
use crate::limits::Budget;

/// What both directions look like so far.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    sides: Both<Quarry>,
    /// Taken from the budget for the places.
    charged: u64,
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

    /// Charges what the places allocate by now; they go where there is no room for them.
    pub(super) fn settle(&mut self, link: &mut Link<'_>) {
        let places = [&self.sides.to_server.place, &self.sides.to_client.place];
        let now = sync::allocated(places.map(Option::as_deref));
        if !link.recharge(&mut self.charged, now) {
            self.give_up(link.budget);
        }
    }

    /// Lets go of the places.
    pub(super) fn give_up(&mut self, budget: &mut Budget) {
        self.sides.to_server.place = None;
        self.sides.to_client.place = None;
        budget.release(std::mem::take(&mut self.charged));
    }

    /// Goes on as the WebSocket that was found in `dir`.
    pub(super) fn catch(mut self, link: &mut Link<'_>, dir: Direction, found: Candidate) -> Socket {
        link.budget.release(std::mem::take(&mut self.charged));
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
