//! Where the facts of a connection go: to attempts that are not decided yet, or to one open WebSocket.

use std::collections::hash_map::Entry;
use std::num::NonZeroU8;

use crate::attempt::case::CaseId;
use crate::flow::ConnId;
use crate::hash::HashMap;

/// The whereabouts of all connections that are followed. Each is in one of the two at most.
#[derive(Debug, Default)]
pub(super) struct Places {
    cases: HashMap<ConnId, Place>,
    sockets: Neighbours,
}

/// The legs of undecided attempts that the exchanges of one connection are.
#[derive(Clone, Debug)]
enum Place {
    /// Of its only exchange.
    One(Slot),
    /// Of each, in their order.
    #[expect(
        clippy::box_collection,
        reason = "few have several, and all are as large as the largest"
    )]
    Several(Box<Vec<Slot>>),
}

/// The legs of open WebSockets, by their connections. There may be a million, and the numbers of connections follow each
/// other, so those of neighbours stand side by side.
#[derive(Debug, Default)]
struct Neighbours(HashMap<u64, Box<[Option<SocketLeg>; SIDE_BY_SIDE]>>);

/// Enough that what finds them is little to each, few enough that one alone has not the room of many.
const SIDE_BY_SIDE: usize = 8;

/// One exchange of a connection, and the leg that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) exchange: u32,
    pub(super) case: CaseId,
    pub(super) at: LegView,
}

/// A leg of an open WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketLeg {
    /// Where it is kept.
    pub(super) socket: u32,
    /// Among the legs of its closing.
    pub(super) at: LegView,
}

/// One view of one of several legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LegView {
    leg: u16,
    /// From 1, so that none at all needs no more room.
    view: NonZeroU8,
}

impl LegView {
    /// By their indices; the first view is 0. More legs than there are numbers for nobody has, so the last of those is
    /// none.
    pub(super) fn new(leg: usize, view: usize) -> Self {
        Self {
            leg: u16::try_from(leg).unwrap_or(u16::MAX),
            view: NonZeroU8::MIN.saturating_add(u8::try_from(view).unwrap_or(u8::MAX)),
        }
    }

    pub(super) fn leg(self) -> usize {
        self.leg.into()
    }

    pub(super) fn view(self) -> usize {
        usize::from(self.view.get()).saturating_sub(1)
    }

    /// The same view of another leg.
    pub(super) fn of_leg(self, leg: usize) -> Self {
        Self {
            view: self.view,
            ..Self::new(leg, 0)
        }
    }
}

impl Neighbours {
    fn get(&self, ConnId(conn): ConnId) -> Option<SocketLeg> {
        let side_by_side = self.0.get(&(conn / SIDE_BY_SIDE as u64))?;
        *side_by_side.get(Self::place(conn))?
    }

    fn insert(&mut self, ConnId(conn): ConnId, leg: SocketLeg) {
        let side_by_side = self.0.entry(conn / SIDE_BY_SIDE as u64);
        if let Some(place) = side_by_side.or_default().get_mut(Self::place(conn)) {
            *place = Some(leg);
        }
    }

    fn remove(&mut self, ConnId(conn): ConnId) {
        let Entry::Occupied(mut side_by_side) = self.0.entry(conn / SIDE_BY_SIDE as u64) else {
            return;
        };
        if let Some(place) = side_by_side.get_mut().get_mut(Self::place(conn)) {
            *place = None;
        }
        if side_by_side.get().iter().all(Option::is_none) {
            side_by_side.remove();
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than there are side by side"
    )]
    const fn place(conn: u64) -> usize {
        (conn % SIDE_BY_SIDE as u64) as usize
    }
}

impl Places {
    /// An exchange is a leg of an undecided attempt. A WebSocket that the connection had is over.
    pub(super) fn insert(&mut self, conn: ConnId, slot: Slot) {
        match self.cases.entry(conn) {
            Entry::Vacant(place) => {
                place.insert(Place::One(slot));
                self.sockets.remove(conn);
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Place::Several(slots) => slots.push(slot),
                Place::One(first) => {
                    let both = vec![*first, slot];
                    place.insert(Place::Several(Box::new(both)));
                }
            },
        }
    }

    /// Where an exchange is in its undecided attempt.
    pub(super) fn of_exchange(&self, conn: ConnId, exchange: u32) -> Option<Slot> {
        self.newest(conn, |slot| slot.exchange == exchange)
    }

    /// Likewise of the exchange that came last.
    pub(super) fn of_last(&self, conn: ConnId) -> Option<Slot> {
        self.newest(conn, |_| true)
    }

    fn newest(&self, conn: ConnId, fits: impl Fn(&Slot) -> bool) -> Option<Slot> {
        match self.cases.get(&conn)? {
            Place::Several(slots) => slots.iter().rev().find(|slot| fits(slot)).copied(),
            Place::One(slot) => Some(*slot).filter(fits),
        }
    }

    /// The WebSocket of a connection, which may be over.
    pub(super) fn socket(&self, conn: ConnId) -> Option<SocketLeg> {
        self.sockets.get(conn)
    }

    /// A decided attempt has opened, and left the connection: what follows on it is its WebSocket's.
    pub(super) fn open_socket(&mut self, conn: ConnId, socket: SocketLeg) {
        self.sockets.insert(conn, socket);
    }

    /// Legs of one attempt became legs of another, behind the `offset` that it had.
    pub(super) fn rename(&mut self, conn: ConnId, from: CaseId, to: CaseId, offset: usize) {
        let rename = |slot: &mut Slot| {
            if slot.case == from {
                slot.case = to;
                slot.at = slot.at.of_leg(slot.at.leg().saturating_add(offset));
            }
        };
        match self.cases.get_mut(&conn) {
            Some(Place::Several(slots)) => slots.iter_mut().for_each(rename),
            Some(Place::One(slot)) => rename(slot),
            None => {}
        }
    }

    /// An attempt is no more; true where the connection had no other.
    pub(super) fn release(&mut self, conn: ConnId, case: CaseId) -> bool {
        let gone = match self.cases.get_mut(&conn) {
            Some(Place::One(only)) => only.case == case,
            Some(Place::Several(slots)) => {
                slots.retain(|slot| slot.case != case);
                slots.is_empty()
            }
            None => false,
        };
        if gone {
            self.cases.remove(&conn);
        }
        gone
    }

    /// Nothing that follows on the connection is of interest.
    pub(super) fn forget(&mut self, conn: ConnId) {
        if self.cases.remove(&conn).is_none() {
            self.sockets.remove(conn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> CaseId {
        CaseId::MIN.saturating_add(number)
    }

    fn slot(exchange: u32, case: u64) -> Slot {
        let at = LegView::new(1, 2);
        let case = id(case);
        Slot { exchange, case, at }
    }

    #[test]
    fn exchanges_of_one_connection_may_be_legs_of_several_attempts() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        for exchange in 0..3 {
            places.insert(conn, slot(exchange, u64::from(exchange)));
        }
        places.rename(conn, id(1), id(7), 4);
        let found = places.of_exchange(conn, 1).unwrap();
        assert_eq!((found.case, found.at.leg(), found.at.view()), (id(7), 5, 2));
        assert_eq!(places.of_last(conn).unwrap().case, id(2));
        assert!(!places.release(conn, id(2)) && !places.release(conn, id(0)));
        assert_eq!(places.of_last(conn).unwrap().case, id(7));
        assert!(places.release(conn, id(7)));
        assert!(places.of_last(conn).is_none());
    }

    #[test]
    fn a_connection_that_is_used_again_is_no_socket_any_more() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        let socket = SocketLeg {
            socket: 9,
            at: LegView::new(0, 0),
        };
        places.open_socket(conn, socket);
        assert_eq!(places.socket(conn), Some(socket));
        places.insert(conn, slot(1, 3));
        assert_eq!(places.socket(conn), None);
        assert!(places.release(conn, id(3)));
        assert!(places.sockets.0.is_empty());
    }

    #[test]
    fn of_neighbours_each_has_its_own() {
        let mut places = Places::default();
        let socket = |conn: u32| SocketLeg {
            socket: conn * 3,
            at: LegView::new(0, 0),
        };
        for conn in 0..1_000_u32 {
            places.open_socket(ConnId(conn.into()), socket(conn));
        }
        for conn in (0..1_000_u32).step_by(3) {
            places.forget(ConnId(conn.into()));
        }
        for conn in 0..1_001_u32 {
            let is_there = conn % 3 != 0 && conn < 1_000;
            let found = places.socket(ConnId(conn.into()));
            assert_eq!(found, is_there.then(|| socket(conn)));
        }
        (0..1_000_u64).for_each(|conn| places.forget(ConnId(conn)));
        assert!(places.sockets.0.is_empty());
    }

    #[test]
    fn a_place_is_small() {
        assert_eq!(size_of::<Option<SocketLeg>>(), 8);
        assert!(size_of::<Place>() <= 16, "{}", size_of::<Place>());
    }
}
