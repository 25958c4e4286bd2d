//! Where the facts of a connection go: to attempts that are not decided yet, or to one open WebSocket.

use crate::attempt::case::CaseId;
use crate::attempt::few::Few;
use crate::flow::ConnId;
use crate::hash::HashMap;

/// The whereabouts of all connections that are followed.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<ConnId, Place>);

/// Where the facts of one connection go.
#[derive(Clone, Debug)]
enum Place {
    /// To the legs of its exchanges.
    Cases(Few<Slot>),
    /// To a leg of an open WebSocket.
    Socket(SocketLeg),
}

/// One exchange of a connection, and the leg that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) exchange: u32,
    pub(super) case: CaseId,
    /// Index among the legs of the case.
    pub(super) leg: usize,
    /// Which view of that leg; 0 is the first.
    pub(super) view: usize,
}

/// A leg of an open WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketLeg {
    /// Number of its attempt.
    pub(super) socket: u64,
    /// Index among the legs of its closing.
    pub(super) leg: usize,
    /// Which view of that leg; 0 is the first.
    pub(super) view: usize,
}

impl Places {
    /// An exchange is a leg of an undecided attempt. A WebSocket that the connection had is over.
    pub(super) fn insert(&mut self, conn: ConnId, slot: Slot) {
        match self.0.get_mut(&conn) {
            Some(Place::Cases(slots)) => slots.push(slot),
            _ => {
                self.0.insert(conn, Place::Cases(Few::one(slot)));
            }
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
        let Some(Place::Cases(slots)) = self.0.get(&conn) else {
            return None;
        };
        slots.iter().rev().find(|slot| fits(slot)).copied()
    }

    /// The open WebSocket of a connection.
    pub(super) fn socket(&self, conn: ConnId) -> Option<SocketLeg> {
        match self.0.get(&conn) {
            Some(&Place::Socket(socket)) => Some(socket),
            _ => None,
        }
    }

    /// A decided attempt has opened: what follows on the connection is its WebSocket's.
    pub(super) fn open_socket(&mut self, conn: ConnId, socket: SocketLeg) {
        self.0.insert(conn, Place::Socket(socket));
    }

    /// Legs of one attempt became legs of another, behind the `offset` that it had.
    pub(super) fn rename(&mut self, conn: ConnId, from: CaseId, to: CaseId, offset: usize) {
        if let Some(Place::Cases(slots)) = self.0.get_mut(&conn) {
            for slot in slots.iter_mut().filter(|slot| slot.case == from) {
                slot.case = to;
                slot.leg = slot.leg.saturating_add(offset);
            }
        }
    }

    /// An attempt is no more; true where the connection had no other.
    pub(super) fn release(&mut self, conn: ConnId, case: CaseId) -> bool {
        let Some(Place::Cases(slots)) = self.0.get_mut(&conn) else {
            return false;
        };
        let gone = !slots.retain(|slot| slot.case != case);
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
