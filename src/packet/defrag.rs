//! IP fragments that wait for each other, bounded in number, age and bytes (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! The first copy of a byte wins. A fragment that the snap length cut makes its datagram hopeless, so it is not kept.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::limits::{Budget, Limit, Limits, Reached};
use crate::packet::Rest;
use crate::packet::ip::{Fragment, Header};
use crate::packet::tunnel::may_hold_tcp;
use crate::time::Timestamp;

/// Charged for a part besides its bytes, and for a datagram besides its parts: what the maps and lists allocate.
const PART_COST: u64 = 64;
const DATAGRAM_COST: u64 = 256;

/// Which capture point saw a fragment: copies seen elsewhere must not be mixed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) source: u16,
    pub(super) iface: u16,
}

/// What became of a fragment.
pub(super) enum Outcome {
    /// It was the last one: the datagram's bytes.
    Whole(Vec<u8>),
    /// Others are missing, or it is not worth keeping.
    Waits,
    /// The snap length cut it.
    Cut,
}

/// Datagrams that wait for fragments.
#[derive(Debug)]
pub(super) struct Fragments {
    limits: Limits,
    reached: Reached,
    waiting: HashMap<Key, Datagram>,
    /// Keys in the order of their first fragment, with the serial of the datagram they were for.
    order: VecDeque<(Key, u64)>,
    serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    id: u32,
    place: Place,
}

#[derive(Debug)]
struct Datagram {
    serial: u64,
    since: Timestamp,
    /// Sorted by where they start.
    parts: Vec<Part>,
    /// Length, once the last fragment was seen.
    end: Option<usize>,
    charged: u64,
}

#[derive(Debug)]
struct Part {
    start: usize,
    bytes: Box<[u8]>,
}

impl Fragments {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            reached: Reached::default(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
        }
    }

    pub(super) const fn reached(&self) -> &Reached {
        &self.reached
    }

    /// Takes a fragment, at a time and on a budget.
    pub(super) fn push(
        &mut self,
        (header, fragment): (Header, Fragment),
        place: Place,
        rest: Rest<'_>,
        (now, budget): (Timestamp, &mut Budget),
    ) -> Outcome {
        if rest.cut > 0 {
            return Outcome::Cut;
        }
        // All but the last are a multiple of eight long; none reaches past the largest datagram.
        let end = usize::from(fragment.offset).saturating_add(rest.data.len());
        let odd = fragment.more && !rest.data.len().is_multiple_of(8);
        if odd || rest.data.is_empty() || end > 0xffff || !may_hold_tcp(header.protocol) {
            return Outcome::Waits;
        }
        self.forget_old(now, budget);
        let key = Key {
            src: header.src,
            dst: header.dst,
            protocol: header.protocol,
            id: fragment.id,
            place,
        };
        if !self.waiting.contains_key(&key) && !self.begin(key, now, budget) {
            return Outcome::Waits;
        }
        let Some(datagram) = self.waiting.get_mut(&key) else {
            return Outcome::Waits;
        };
        let cost = (rest.data.len() as u64).saturating_add(PART_COST);
        let full = datagram.parts.len() as u64 >= self.limits.fragments_per_datagram;
        if full || !budget.charge(cost) {
            self.reached.count(if full {
                Limit::fragments_per_datagram
            } else {
                Limit::buffered_bytes_total
            });
            self.drop_one(key, budget);
            return Outcome::Waits;
        }
        datagram.charged = datagram.charged.saturating_add(cost);
        datagram.add(fragment, rest.data);
        match datagram.assemble() {
            Some(bytes) => {
                self.drop_one(key, budget);
                Outcome::Whole(bytes)
            }
            None => Outcome::Waits,
        }
    }

    /// Since when the oldest datagram waits.
    pub(super) fn oldest(&mut self) -> Option<Timestamp> {
        loop {
            let (key, serial) = self.order.front()?;
            match self.waiting.get(key) {
                Some(datagram) if datagram.serial == *serial => return Some(datagram.since),
                _ => self.order.pop_front(),
            };
        }
    }

    /// The budget is used up: the oldest datagram is dropped. False where none waits.
    pub(super) fn give_up(&mut self, budget: &mut Budget) -> bool {
        let used = budget.used();
        self.reached.count(Limit::buffered_bytes_total);
        self.drop_oldest(budget);
        budget.used() < used
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, budget: &mut Budget) {
        while let Some((key, _)) = self.order.pop_front() {
            self.drop_one(key, budget);
        }
    }

    /// Makes room for a datagram, and for the budget that it needs at least.
    fn begin(&mut self, key: Key, now: Timestamp, budget: &mut Budget) -> bool {
        let most = usize::try_from(self.limits.fragments).unwrap_or(usize::MAX);
        if most == 0 {
            return false;
        }
        while self.waiting.len() >= most {
            self.reached.count(Limit::fragments);
            self.drop_oldest(budget);
        }
        if !budget.charge(DATAGRAM_COST) {
            self.reached.count(Limit::buffered_bytes_total);
            return false;
        }
        // Entries of datagrams that were completed stay behind the oldest one that is not.
        if self.order.len() > self.waiting.len().saturating_mul(2).saturating_add(64) {
            let waiting = &self.waiting;
            self.order
                .retain(|(key, serial)| waiting.get(key).is_some_and(|d| d.serial == *serial));
        }
        self.serial = self.serial.wrapping_add(1);
        self.order.push_back((key, self.serial));
        self.waiting.insert(
            key,
            Datagram {
                serial: self.serial,
                since: now,
                parts: Vec::new(),
                end: None,
                charged: DATAGRAM_COST,
            },
        );
        true
    }

    fn forget_old(&mut self, now: Timestamp, budget: &mut Budget) {
        let age = self.limits.span(Limit::fragment_age);
        while let Some((key, serial)) = self.order.front() {
            match self.waiting.get(key) {
                Some(datagram) if datagram.serial == *serial => {
                    if now.since(datagram.since) <= age {
                        return;
                    }
                    self.reached.count(Limit::fragment_age);
                    self.drop_oldest(budget);
                }
                _ => {
                    self.order.pop_front();
                }
            }
        }
    }

    fn drop_oldest(&mut self, budget: &mut Budget) {
        while let Some((key, serial)) = self.order.pop_front() {
            if self.waiting.get(&key).is_some_and(|d| d.serial == serial) {
                return self.drop_one(key, budget);
            }
        }
    }

    fn drop_one(&mut self, key: Key, budget: &mut Budget) {
        if let Some(datagram) = self.waiting.remove(&key) {
            budget.release(datagram.charged);
        }
    }
}

impl Datagram {
    fn add(&mut self, fragment: Fragment, data: &[u8]) {
        let start = usize::from(fragment.offset);
        if !fragment.more && self.end.is_none() {
            self.end = Some(start.saturating_add(data.len()));
        }
        // Behind those of equal start, so that the first copy is met first.
        let place = self.parts.partition_point(|part| part.start <= start);
        self.parts.insert(
            place,
            Part {
                start,
                bytes: data.into(),
            },
        );
    }

    /// The bytes, if none is missing.
    fn assemble(&self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut known = 0_usize;
        for part in &self.parts {
            if part.start > known {
                return None;
            }
            known = known.max(part.start.saturating_add(part.bytes.len()));
        }
        if known < end {
            return None;
        }
        let mut whole = Vec::with_capacity(known);
        for part in &self.parts {
            let had = whole.len().saturating_sub(part.start);
            whole.extend_from_slice(part.bytes.get(had..).unwrap_or_default());
        }
        whole.truncate(end);
        Some(whole)
    }
}
