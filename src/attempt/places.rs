//! Where the facts of a connection go: to attempts that are not decided yet, or to one open WebSocket.

use std::collections::hash_map::Entry;

use crate::attempt::case::CaseId;
use crate::flow::ConnId;
use crate::hash::HashMap;

/// The whereabouts of all connections that are followed. There may be a million, and their numbers follow each other, so
/// those of neighbours stand side by side.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_conn: HashMap<u64, Box<[Option<Place>; SIDE_BY_SIDE]>>,
    /// The legs of undecided attempts that the exchanges of one connection are, in their order, where it has several.
    several: HashMap<ConnId, Vec<Slot>>,
}

/// Enough that what finds them is little to each, few enough that one alone has not the room of many.
const SIDE_BY_SIDE: usize = 8;

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its only exchange is a leg of the undecided attempt that is kept there.
    Case(u32, LegView),
    /// It has several that are.
    Several,
    /// It is a leg of the open WebSocket that is kept there.
    Socket(u32, LegView),
}

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
    leg: u8,
    view: u8,
}

impl LegView {
    /// By their indices; the first view is 0. More legs than there are numbers for nobody has, so the last of those is
    /// none.
    pub(super) fn new(leg: usize, view: usize) -> Self {
        Self {
            leg: u8::try_from(leg).unwrap_or(u8::MAX),
            view: u8::try_from(view).unwrap_or(u8::MAX),
        }
    }

    pub(super) fn leg(self) -> usize {
        self.leg.into()
    }

    pub(super) fn view(self) -> usize {
        self.view.into()
    }

    /// The same view of another leg.
    pub(super) fn of_leg(self, leg: usize) -> Self {
        Self {
            view: self.view,
            ..Self::new(leg, 0)
        }
    }
}

impl Places {
    /// What a connection carries.
    #[inline]
    pub(super) fn get(&self, ConnId(conn): ConnId) -> Option<Place> {
        let side_by_side = self.by_conn.get(&(conn / SIDE_BY_SIDE as u64))?;
        *side_by_side.get(index(conn))?
    }

    /// The legs that the exchanges of a connection are, where it has several.
    pub(super) fn several(&self, conn: ConnId) -> &[Slot] {
        self.several.get(&conn).map_or(&[], |slots| slots)
    }

    /// An exchange is a leg of an undecided attempt; and so is the one `before` it, where there is one.
    pub(super) fn insert(&mut self, conn: ConnId, slot: Slot, before: Option<Slot>) {
        let Some(before) = before else {
            return self.set(conn, Place::Case(slot.case.place(), slot.at));
        };
        let slots = self.several.entry(conn).or_default();
        if slots.is_empty() {
            slots.push(before);
        }
        slots.push(slot);
        self.set(conn, Place::Several);
    }

    /// The WebSocket of a connection, which may be over.
    pub(super) fn socket(&self, conn: ConnId) -> Option<SocketLeg> {
        match self.get(conn)? {
            Place::Socket(socket, at) => Some(SocketLeg { socket, at }),
            Place::Case(..) | Place::Several => None,
        }
    }

    /// An attempt is no more. Where the connection had no other, what follows on it is this WebSocket's, or of no interest.
    pub(super) fn hand_over(&mut self, conn: ConnId, case: CaseId, to: Option<SocketLeg>) {
        let Some(SocketLeg { socket, at }) = to else {
            self.release(conn, case);
            return;
        };
        let is_only =
            matches!(self.get(conn), Some(Place::Case(place, _)) if place == case.place());
        if is_only || self.release(conn, case) {
            self.set(conn, Place::Socket(socket, at));
        }
    }

    /// Legs of one attempt became legs of another, behind the `offset` that it had.
    pub(super) fn rename(&mut self, conn: ConnId, from: CaseId, to: CaseId, offset: usize) {
        let behind = |at: LegView| at.of_leg(at.leg().saturating_add(offset));
        match self.get(conn) {
            Some(Place::Case(place, at)) if place == from.place() => {
                self.set(conn, Place::Case(to.place(), behind(at)));
            }
            Some(Place::Several) => {
                let slots = self.several.get_mut(&conn).into_iter().flatten();
                for slot in slots.filter(|slot| slot.case == from) {
                    slot.case = to;
                    slot.at = behind(slot.at);
                }
            }
            _ => {}
        }
    }

    /// An attempt is no more; true where the connection had no other.
    pub(super) fn release(&mut self, conn: ConnId, case: CaseId) -> bool {
        let gone = match self.get(conn) {
            Some(Place::Case(place, _)) => place == case.place(),
            Some(Place::Several) => self.several.get_mut(&conn).is_none_or(|slots| {
                slots.retain(|slot| slot.case != case);
                slots.is_empty()
            }),
            Some(Place::Socket(..)) | None => false,
        };
        if gone {
            self.forget(conn);
        }
        gone
    }

    /// Nothing that follows on the connection is of interest.
    pub(super) fn forget(&mut self, conn: ConnId) {
        let ConnId(number) = conn;
        let Entry::Occupied(mut side_by_side) = self.by_conn.entry(number / SIDE_BY_SIDE as u64)
        else {
            return;
        };
        let place = side_by_side.get_mut().get_mut(index(number));
        if place.and_then(Option::take) == Some(Place::Several) {
            self.several.remove(&conn);
        }
        if side_by_side.get().iter().all(Option::is_none) {
            side_by_side.remove();
        }
    }

    fn set(&mut self, ConnId(conn): ConnId, place: Place) {
        let side_by_side = self.by_conn.entry(conn / SIDE_BY_SIDE as u64);
        if let Some(kept) = side_by_side.or_default().get_mut(index(conn)) {
            *kept = Some(place);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "less than there are side by side"
)]
const fn index(conn: u64) -> usize {
    (conn % SIDE_BY_SIDE as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> CaseId {
        CaseId::new(number, u32::try_from(number).unwrap())
    }

    fn slot(exchange: u32, case: u64) -> Slot {
        let at = LegView::new(1, 2);
        let case = id(case);
        Slot { exchange, case, at }
    }

    #[test]
    fn exchanges_of_one_connection_may_be_legs_of_several_attempts() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        places.insert(conn, slot(0, 0), None);
        assert_eq!(places.get(conn), Some(Place::Case(0, LegView::new(1, 2))));
        for exchange in 1..3 {
            let before = slot(exchange - 1, u64::from(exchange) - 1);
            places.insert(conn, slot(exchange, u64::from(exchange)), Some(before));
        }
        places.rename(conn, id(1), id(7), 4);
        let [_, found, last] = *places.several(conn) else {
            panic!("three");
        };
        assert_eq!((found.case, found.at.leg(), found.at.view()), (id(7), 5, 2));
        assert_eq!((found.exchange, last.case), (1, id(2)));
        assert!(!places.release(conn, id(2)) && !places.release(conn, id(0)));
        assert_eq!(places.several(conn).len(), 1);
        assert!(places.release(conn, id(7)));
        assert!(places.get(conn).is_none() && places.several.is_empty());
    }

    #[test]
    fn an_attempt_that_became_part_of_another_is_found_there() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        places.insert(conn, slot(0, 3), None);
        places.rename(conn, id(4), id(5), 1);
        places.rename(conn, id(3), id(9), 2);
        assert_eq!(places.get(conn), Some(Place::Case(9, LegView::new(3, 2))));
        assert!(!places.release(conn, id(3)) && places.release(conn, id(9)));
    }

    #[test]
    fn a_connection_that_is_used_again_is_no_socket_any_more() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        let socket = SocketLeg {
            socket: 9,
            at: LegView::new(0, 0),
        };
        places.insert(conn, slot(0, 2), None);
        places.hand_over(conn, id(2), Some(socket));
        assert_eq!(places.socket(conn), Some(socket));
        places.insert(conn, slot(1, 3), None);
        assert_eq!(places.socket(conn), None);
        assert!(places.release(conn, id(3)));
        assert!(places.by_conn.is_empty());
    }

    #[test]
    fn of_neighbours_each_has_its_own() {
        let mut places = Places::default();
        let socket = |conn: u32| SocketLeg {
            socket: conn * 3,
            at: LegView::new(0, 0),
        };
        let of = |SocketLeg { socket, at }| Place::Socket(socket, at);
        for conn in 0..1_000_u32 {
            places.set(ConnId(conn.into()), of(socket(conn)));
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
        assert!(places.by_conn.is_empty());
    }

    #[test]
    fn a_place_is_small() {
        assert_eq!(size_of::<Option<Place>>(), 8);
    }
}
