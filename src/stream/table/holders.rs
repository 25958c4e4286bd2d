//! Who gives way when the budget of all buffers is used up: the connection that began first to hold something.
//!
//! A connection cannot make itself younger by holding more, and a young handshake comes behind all that held before it.

use std::collections::BTreeSet;

use super::{Entry, Table};
use crate::limits::{Budget, Limit};
use crate::stream::StreamItem;
use crate::stream::conn::Conn;
use crate::stream::lane::Above;
use crate::time::{Stamp, Timestamp};

impl<S: Above> Table<S> {
    /// Since when the connection that gives way first holds something.
    pub fn oldest_holder(&self) -> Option<Timestamp> {
        self.holders.first().map(|&(since, _)| since)
    }

    /// Lets that connection give up all that is held of it: its holes are told as gaps, then [`StreamItem::GiveUp`].
    /// False where nothing came of it.
    pub fn give_up<F>(&mut self, budget: &mut Budget, sink: &mut F) -> bool
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(&(_, slot)) = self.holders.first() else {
            return false;
        };
        self.land(slot);
        let used = budget.used();
        self.counters.reached.count(Limit::buffered_bytes_total);
        self.step(slot, (&mut *budget, sink), |tcp, scene| {
            let end = tcp.flush(scene);
            (scene.sink)(scene.conn, scene.at, StreamItem::GiveUp, scene.budget);
            end
        });
        budget.used() < used
    }
}

impl<S> Entry<S> {
    /// What is charged to the budget was one sum, and is another after a step of this connection alone.
    pub(super) fn holds(
        &mut self,
        slot: u32,
        (before, after): (u64, u64),
        now: Timestamp,
        holders: &mut BTreeSet<(Timestamp, u32)>,
    ) {
        self.held = self.held.saturating_add(after).saturating_sub(before);
        match self.held_since {
            None if self.held > 0 => {
                self.held_since = Some(now);
                holders.insert((now, slot));
            }
            Some(since) if self.held == 0 => {
                self.held_since = None;
                holders.remove(&(since, slot));
            }
            _ => {}
        }
    }
}
