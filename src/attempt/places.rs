//! Where the facts of a connection go: to attempts that are not decided yet, or to one open WebSocket.

use std::collections::hash_map::Entry;

use crate::attempt::case::CaseId;
use crate::flow::ConnId;
use crate::hash::HashMap;

/// The whereabouts of all connections that are followed.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<ConnId, Place>);

/// Where the facts of one connection go. There are as many as WebSockets are open, so a place is small: it has no struct
/// inside, next to which there would be no room for what tells which it is.
#[derive(Clone, Debug)]
enum Place {
    /// To the leg of its only exchange, a [`Slot`].
    Case {
        case: CaseId,
        exchange: u32,
        leg: u16,
        view: u8,
    },
    /// To the legs of its exchanges, in their order.
    #[expect(
        clippy::box_collection,
        reason = "few have several, and all are as large as the largest"
    )]
    Cases(Box<Vec<Slot>>),
    /// To a leg of an open WebSocket, a [`SocketLeg`].
    Socket { socket: u64, leg: u16, view: u8 },
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
    /// Number of its attempt.
    pub(super) socket: u64,
    /// Among the legs of its closing.
    pub(super) at: LegView,
}

/// One view of one of several legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LegView {
    leg: u16,
    view: u8,
}

impl LegView {
    /// By their indices; the first view is 0. More legs than there are numbers for nobody has, so the last of those is
    /// none.
    pub(super) fn new(leg: usize, view: usize) -> Self {
        Self {
            leg: u16::try_from(leg).unwrap_or(u16::MAX),
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

impl Place {
    const fn of(
        Slot {
            exchange,
            case,
            at: LegView { leg, view },
        }: Slot,
    ) -> Self {
        Self::Case {
            case,
            exchange,
            leg,
            view,
        }
    }

    /// The only exchange of a connection.
    const fn slot(&self) -> Option<Slot> {
        match *self {
            Self::Case {
                case,
                exchange,
                leg,
                view,
            } => Some(Slot {
                exchange,
                case,
                at: LegView { leg, view },
            }),
            Self::Cases(_) | Self::Socket { .. } => None,
        }
    }
}

impl Places {
    /// An exchange is a leg of an undecided attempt. A WebSocket that the connection had is over.
    pub(super) fn insert(&mut self, conn: ConnId, slot: Slot) {
        match self.0.entry(conn) {
            Entry::Vacant(place) => _ = place.insert(Place::of(slot)),
            Entry::Occupied(mut place) => match place.get_mut() {
                Place::Cases(slots) => slots.push(slot),
                place => {
                    let first = place.slot();
                    *place = first.map_or_else(
                        || Place::of(slot),
                        |first| Place::Cases(Box::new(vec![first, slot])),
                    );
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
        match self.0.get(&conn)? {
            Place::Cases(slots) => slots.iter().rev().find(|slot| fits(slot)).copied(),
            place => place.slot().filter(fits),
        }
    }

    /// The open WebSocket of a connection.
    pub(super) fn socket(&self, conn: ConnId) -> Option<SocketLeg> {
        match self.0.get(&conn) {
            Some(&Place::Socket { socket, leg, view }) => Some(SocketLeg {
                socket,
                at: LegView { leg, view },
            }),
            _ => None,
        }
    }

    /// A decided attempt has opened: what follows on the connection is its WebSocket's.
    pub(super) fn open_socket(&mut self, conn: ConnId, socket: SocketLeg) {
        let SocketLeg {
            socket,
            at: LegView { leg, view },
        } = socket;
        self.0.insert(conn, Place::Socket { socket, leg, view });
    }

    /// Legs of one attempt became legs of another, behind the `offset` that it had.
    pub(super) fn rename(&mut self, conn: ConnId, from: CaseId, to: CaseId, offset: usize) {
        let rename = |slot: &mut Slot| {
            if slot.case == from {
                slot.case = to;
                slot.at = slot.at.of_leg(slot.at.leg().saturating_add(offset));
            }
        };
        match self.0.get_mut(&conn) {
            Some(Place::Cases(slots)) => slots.iter_mut().for_each(rename),
            Some(place) => {
                if let Some(mut slot) = place.slot() {
                    rename(&mut slot);
                    *place = Place::of(slot);
                }
            }
            None => {}
        }
    }

    /// An attempt is no more; true where the connection had no other.
    pub(super) fn release(&mut self, conn: ConnId, case: CaseId) -> bool {
        let gone = match self.0.get_mut(&conn) {
            Some(Place::Case { case: only, .. }) => *only == case,
            Some(Place::Cases(slots)) => {
                slots.retain(|slot| slot.case != case);
                slots.is_empty()
            }
            Some(Place::Socket { .. }) | None => false,
        };
        if gone {
            self.0.remove(&conn);
        }
        gone
    }

    /// Nothing that follows on the connection is of interest.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.0.remove(&conn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn slot(exchange: u32, case: CaseId) -> Slot {
        let at = LegView { leg: 1, view: 2 };
        Slot { exchange, case, at }
    }

    #[test]
    fn exchanges_of_one_connection_may_be_legs_of_several_attempts() {
        let (mut places, conn) = (Places::default(), ConnId(1));
        for exchange in 0..3 {
            places.insert(conn, slot(exchange, u64::from(exchange)));
        }
        places.rename(conn, 1, 7, 4);
        let found = places.of_exchange(conn, 1).unwrap();
        assert_eq!((found.case, found.at.leg(), found.at.view()), (7, 5, 2));
        assert_eq!(places.of_last(conn).unwrap().case, 2);
        assert!(!places.release(conn, 2) && !places.release(conn, 0));
        assert_eq!(places.of_last(conn).unwrap().case, 7);
        assert!(places.release(conn, 7));
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
        assert!(places.release(conn, 3));
    }

    #[test]
    fn a_place_is_small() {
        assert!(size_of::<Place>() <= 16, "{}", size_of::<Place>());
    }
}
