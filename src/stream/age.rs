//! Connections in the order in which they were last seen, one list for each rank: whom to forget first.
//!
//! Doubly linked through the slots of the table, so that a change costs the same however many there are. A connection
//! moves at most once a second, so the order is exact to a second, and that of WebSockets to half a minute.

use std::time::Duration;

use crate::stream::Rank;
use crate::time::Timestamp;

/// A connection that was listed so recently stays where it is.
const GRAIN: Duration = Duration::from_secs(1);
/// A WebSocket is forgotten only where there is room for nothing else, and there may be a million: moving one means to
/// reach for its neighbours.
const SOCKET_GRAIN: Duration = Duration::from_secs(30);
/// No neighbour.
const NONE: u32 = u32::MAX;
const RANKS: [Rank; 6] = [
    Rank::HalfOpen,
    Rank::Unknown,
    Rank::Joined,
    Rank::Idle,
    Rank::Handshaking,
    Rank::WebSocket,
];

/// All lists.
#[derive(Debug)]
pub(super) struct Ages {
    links: Vec<Link>,
    /// By rank.
    lists: [List; RANKS.len()],
}

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    younger: u32,
    listed: Listed,
}

/// In which list, and since when to eight nanoseconds: in the place of the time alone, for there may be a million.
#[derive(Clone, Copy, Debug)]
struct Listed(i64);

#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    youngest: u32,
}

impl Ages {
    pub(super) const fn new() -> Self {
        Self {
            links: Vec::new(),
            lists: [List::EMPTY; RANKS.len()],
        }
    }

    /// The connection in `slot` was seen at `when`, and has this rank now.
    pub(super) fn touch(&mut self, slot: u32, rank: Rank, when: Timestamp) {
        match self.link(slot).listed.get() {
            Some((listed, at)) if listed == rank && when.since(at) < grain(rank) => {}
            _ => self.relist(slot, rank, when),
        }
    }

    /// Puts a connection at the young end.
    pub(super) fn relist(&mut self, slot: u32, rank: Rank, when: Timestamp) {
        self.remove(slot);
        let Some(list) = self.lists.get_mut(rank as usize) else {
            return;
        };
        let older = std::mem::replace(&mut list.youngest, slot);
        match self.links.get_mut(older as usize) {
            Some(link) => link.younger = slot,
            None => list.oldest = slot,
        }
        self.set(
            slot,
            Link {
                older,
                younger: NONE,
                listed: Listed::new(rank, when),
            },
        );
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Link {
            older,
            younger,
            listed,
        } = std::mem::replace(link, Link::OUT);
        let Some((rank, _)) = listed.get() else {
            return;
        };
        let Some(list) = self.lists.get_mut(rank as usize) else {
            return;
        };
        match self.links.get_mut(older as usize) {
            Some(link) => link.younger = younger,
            None => list.oldest = younger,
        }
        match self.links.get_mut(younger as usize) {
            Some(link) => link.older = older,
            None => list.youngest = older,
        }
    }

    /// The connection to be forgotten first: of the lowest rank, and the longest unseen.
    pub(super) fn lowest(&self) -> Option<u32> {
        self.lists
            .iter()
            .map(|list| list.oldest)
            .find(|&slot| slot != NONE)
    }

    /// The connection in `slot` was seen at `when`, which is known only now: whether it moved to the young end for that.
    pub(super) fn was_seen(&mut self, slot: u32, when: Timestamp) -> bool {
        let Some((rank, at)) = self.link(slot).listed.get() else {
            return false;
        };
        let moves = when.since(at) >= grain(rank);
        if moves {
            self.relist(slot, rank, when);
        }
        moves
    }

    /// A connection that may be idle, and was not listed for at least `span`.
    pub(super) fn idle(&self, span: Duration, now: Timestamp) -> Option<u32> {
        RANKS
            .into_iter()
            .filter(|rank| !matches!(rank, Rank::Joined | Rank::WebSocket))
            .map(|rank| self.list(rank).oldest)
            .find(|&slot| match self.link(slot).listed.get() {
                Some((_, at)) => at.after(span) <= now,
                None => false,
            })
    }

    /// The half-open connections that were listed after `from`, and at `to` at the latest, the youngest first.
    pub(super) fn half_open(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = u32> + '_ {
        let mut next = self.list(Rank::HalfOpen).youngest;
        let listed = std::iter::from_fn(move || {
            let slot = next;
            let link = self.links.get(slot as usize)?;
            next = link.older;
            Some((slot, link.listed.get()?.1))
        });
        listed
            .skip_while(move |&(_, at)| at > to)
            .take_while(move |&(_, at)| at > from)
            .map(|(slot, _)| slot)
    }

    fn link(&self, slot: u32) -> Link {
        self.links.get(slot as usize).copied().unwrap_or(Link::OUT)
    }

    fn set(&mut self, slot: u32, link: Link) {
        let at = slot as usize;
        if at >= self.links.len() {
            self.links.resize(at.saturating_add(1), Link::OUT);
        }
        if let Some(place) = self.links.get_mut(at) {
            *place = link;
        }
    }

    fn list(&self, rank: Rank) -> List {
        self.lists
            .get(rank as usize)
            .copied()
            .unwrap_or(List::EMPTY)
    }
}

const fn grain(rank: Rank) -> Duration {
    match rank {
        Rank::Joined | Rank::WebSocket => SOCKET_GRAIN,
        _ => GRAIN,
    }
}

impl Listed {
    const NOWHERE: Self = Self(0);
    const RANK: i64 = 7;

    const fn new(rank: Rank, when: Timestamp) -> Self {
        Self(when.as_nanos() & !Self::RANK | (rank as i64 + 1))
    }

    fn get(self) -> Option<(Rank, Timestamp)> {
        let rank = usize::try_from(self.0 & Self::RANK).ok()?.checked_sub(1)?;
        let when = Timestamp::from_nanos(self.0 & !Self::RANK);
        Some((*RANKS.get(rank)?, when))
    }
}

impl List {
    const EMPTY: Self = Self {
        oldest: NONE,
        youngest: NONE,
    };
}

impl Link {
    const OUT: Self = Self {
        older: NONE,
        younger: NONE,
        listed: Listed::NOWHERE,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs, 0)
    }

    #[test]
    fn the_lowest_rank_goes_first_and_the_oldest_within_it() {
        let mut ages = Ages::new();
        ages.touch(0, Rank::WebSocket, at(0));
        ages.touch(1, Rank::Idle, at(1));
        ages.touch(2, Rank::Unknown, at(2));
        ages.touch(3, Rank::Unknown, at(3));
        ages.touch(2, Rank::Unknown, at(9));
        let mut order = Vec::new();
        while let Some(slot) = ages.lowest() {
            order.push(slot);
            ages.remove(slot);
        }
        assert_eq!(order, [3, 2, 1, 0]);
    }

    #[test]
    fn a_websocket_is_never_idle_and_others_are_only_after_the_span() {
        let mut ages = Ages::new();
        let span = Duration::from_secs(10);
        ages.touch(0, Rank::WebSocket, at(0));
        ages.touch(1, Rank::Handshaking, at(5));
        assert_eq!(ages.idle(span, at(14)), None);
        assert_eq!(ages.idle(span, at(15)), Some(1));
        ages.touch(1, Rank::WebSocket, at(16));
        assert_eq!(ages.idle(span, at(1000)), None);
    }

    #[test]
    fn the_half_open_of_a_span_of_time() {
        let mut ages = Ages::new();
        for slot in 0..6 {
            ages.touch(slot, Rank::HalfOpen, at(i64::from(slot)));
        }
        ages.touch(3, Rank::Idle, at(3));
        let of = |from, to| ages.half_open(at(from), at(to)).collect::<Vec<_>>();
        assert_eq!(of(0, 4), [4, 2, 1]);
        assert_eq!(of(-1, 9), [5, 4, 2, 1, 0]);
        assert_eq!(of(5, 9), [0_u32; 0]);
    }

    #[test]
    fn one_in_the_middle_can_leave() {
        let mut ages = Ages::new();
        for slot in 0..3 {
            ages.touch(slot, Rank::Idle, at(i64::from(slot)));
        }
        ages.remove(1);
        ages.remove(1);
        assert_eq!(ages.lowest(), Some(0));
        ages.remove(0);
        assert_eq!(ages.lowest(), Some(2));
        ages.remove(2);
        assert_eq!(ages.lowest(), None);
    }
}
