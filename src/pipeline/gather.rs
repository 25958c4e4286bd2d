//! What the capture thread does with each item of the source: dissects it, and knows when enough was read.

use std::time::Duration;

use super::Dissector;
use super::outbox::BATCH;
use crate::capture::{Item, Notice, Source};
use crate::cli::Config;
use crate::event::Event;
use crate::time::Timestamp;

/// Time is told to the analyzer this often; by the packets alone, so that a file replays identically.
const TICK: Duration = Duration::from_millis(100);
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
    next_tick: Timestamp,
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
            next_tick: Timestamp::MIN,
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
            Item::Record(record) => {
                self.time(record.at.ts);
                if self.enough {
                    return;
                }
                let before = self.events.len();
                self.dissector.push(&record, &mut self.events);
                if self.events.len() > before {
                    let new = self.events.iter().skip(before);
                    self.heads += new.map(Event::allocated).sum::<u64>();
                }
                self.packets += 1;
                self.enough = self.most_packets.is_some_and(|most| self.packets >= most);
            }
            Item::Tick(now) => self.time(now),
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

    /// The source has ended.
    pub(super) fn finish(&mut self) {
        self.dissector.finish(&mut self.events);
    }

    fn time(&mut self, now: Timestamp) {
        let began = *self.began.get_or_insert(now);
        self.now = self.now.max(now);
        if self
            .longest
            .is_some_and(|longest| now.since(began) >= longest)
        {
            self.enough = true;
            return;
        }
        if now >= self.next_tick {
            self.next_tick = now.after(TICK);
            self.dissector.tick(now, &mut self.events);
            self.events.push(Event::Tick(now));
        }
    }
}
