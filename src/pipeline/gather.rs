//! What the capture thread does with each item of the source: dissects it, and knows when enough was read.

use std::time::Duration;

use super::Dissector;
use super::outbox::BATCH;
use crate::capture::{Item, Notice, Source};
use crate::cli::Config;
use crate::event::Event;
use crate::record::Record;
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
/// Bytes of heads in one message.
const BATCH_HEADS: u64 = 64 * 1024;

/// From items to events.
pub(super) struct Gather {
    dissector: Dissector,
    events: Vec<Event>,
    /// Bytes of heads among them.
    heads: u64,
    notices: Vec<Notice>,
    /// First and latest time there was.
    began: Option<Timestamp>,
    now: Timestamp,
    told: Timestamp,
    live: bool,
    packets: u64,
    most_packets: Option<u64>,
    longest: Option<Duration>,
    enough: bool,
}

impl Gather {
    pub(super) fn new(config: &Config, live: bool) -> Self {
        Self {
            dissector: Dissector::new(&config.limits, live),
            events: Vec::new(),
            heads: 0,
            notices: Vec::new(),
            began: None,
            now: Timestamp::MIN,
            told: Timestamp::MIN,
            live,
            packets: 0,
            most_packets: config.count,
            longest: config.duration,
            enough: false,
        }
    }

    /// Takes one item of the source.
    pub(super) fn take(&mut self, item: Item<'_>) {
        match item {
            Item::Records(records) => self.take_all(records),
            Item::Tick(now) => self.tick(now),
            Item::Interface {
                source,
                iface,
                name,
            } => self.events.push(Event::Interface {
                source,
                iface,
                name,
            }),
            Item::Notice(notice) => self.notices.push(notice),
        }
    }

    /// As much was read as was asked for.
    pub(super) const fn enough(&self) -> bool {
        self.enough
    }

    /// Enough for a message, which is bounded in events and, since heads may be large, in bytes.
    pub(super) const fn is_batch(&self) -> bool {
        self.events.len() >= BATCH || self.heads >= BATCH_HEADS
    }

    /// Events so far; the caller takes them out.
    pub(super) const fn events(&mut self) -> &mut Vec<Event> {
        self.heads = 0;
        &mut self.events
    }

    /// What is to be said since the last call.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Live, the state of the capture is told each second.
    pub(super) fn health_is_due(&mut self) -> bool {
        let due = self.live && self.began.is_some() && self.now.since(self.told) >= SECOND;
        if due {
            self.told = self.now;
        }
        due
    }

    /// The state of the capture, with what only the shell knows.
    pub(super) fn tell_health(&mut self, source: &Source, shed: u64) {
        let mut health = self.dissector.health();
        (health.kernel_drops, health.iface_drops) = source.drops();
        health.shed_events = shed;
        self.events.push(Event::Health(Box::new(health)));
    }

    /// The source has ended: some more of what is left to be told; false once that was all.
    pub(super) fn finish_some(&mut self) -> bool {
        self.dissector.finish_some(&mut self.events)
    }

    fn take_all(&mut self, records: &[Record<'_>]) {
        let wanted = self.wanted(records);
        let records = records.get(..wanted).unwrap_or_default();
        let before = self.events.len();
        self.dissector.push_all(records, &mut self.events);
        let new = self.events.iter().skip(before);
        self.heads += new.map(Event::allocated).sum::<u64>();
        self.packets += records.len() as u64;
        self.enough |= self.most_packets.is_some_and(|most| self.packets >= most);
    }

    /// How many of the next records are to be taken.
    fn wanted(&mut self, records: &[Record<'_>]) -> usize {
        let mut wanted = if self.enough { 0 } else { records.len() };
        if let Some(most) = self.most_packets {
            let left = usize::try_from(most.saturating_sub(self.packets));
            wanted = wanted.min(left.unwrap_or(usize::MAX));
        }
        for (before, record) in records.iter().enumerate() {
            let now = record.at.ts;
            let began = *self.began.get_or_insert(now);
            self.now = self.now.max(now);
            let is_over = |longest| now.since(began) >= longest;
            if self.longest.is_some_and(is_over) {
                self.enough = true;
                return wanted.min(before);
            }
        }
        wanted
    }

    /// Time passes though no packet comes.
    fn tick(&mut self, now: Timestamp) {
        let began = *self.began.get_or_insert(now);
        self.now = self.now.max(now);
        if self
            .longest
            .is_some_and(|longest| now.since(began) >= longest)
        {
            self.enough = true;
        } else {
            self.dissector.tick(now, &mut self.events);
        }
    }
}
