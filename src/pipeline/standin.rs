//! Stands in for `dissect::Dissector` until that is built: counts, and dissects nothing.

use crate::event::{Event, Health};
use crate::limits::Limits;
use crate::record::{LinkType, Record};
use crate::time::Timestamp;

pub(super) struct Dissector(Health);

impl Dissector {
    pub(super) fn new(_limits: &Limits, _live: bool) -> Self {
        Self(Health::default())
    }

    pub(super) fn push(&mut self, record: &Record<'_>, _out: &mut impl Extend<Event>) {
        const KNOWN: [LinkType; 5] = [
            LinkType::NULL,
            LinkType::ETHERNET,
            LinkType::RAW,
            LinkType::LINUX_SLL,
            LinkType::LINUX_SLL2,
        ];
        self.0.packets += 1;
        self.0.bytes += u64::from(record.wire_len);
        self.0.now = self.0.now.max(Some(record.at.ts));
        self.0.first.get_or_insert(record.at.ts);
        if !KNOWN.contains(&record.link) {
            self.0.not_decoded += 1;
            *self.0.unknown_links.entry(record.link).or_default() += 1;
        }
    }

    #[expect(clippy::unused_self, reason = "stands in")]
    pub(super) fn tick(&mut self, _now: Timestamp, _out: &mut impl Extend<Event>) {}

    #[expect(clippy::unused_self, reason = "stands in")]
    pub(super) fn finish(&mut self, _out: &mut impl Extend<Event>) {}

    pub(super) fn health(&self) -> Health {
        self.0.clone()
    }
}
