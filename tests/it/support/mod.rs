//! What tests are made of: conversations, what networks do to them, events by hand, files, namespaces.
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod conversation;
pub(crate) mod crowd;
pub(crate) mod files;
pub(crate) mod flood;
pub(crate) mod legs;
pub(crate) mod mischief;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod reader;

use std::env;

use proptest::test_runner::RngSeed;
use wscap::record::{LinkType, Record};
use wscap::time::Stamp;

/// Where properties take their cases from: the same each time, so that a run says something of a change and not of luck. By
/// chance where `PROPTEST_CASES` asks for more, or `PROPTEST_RNG_SEED` for others.
pub(crate) fn seed() -> RngSeed {
    let said = |name| env::var(name).ok();
    match said("PROPTEST_RNG_SEED").and_then(|seed| seed.parse().ok()) {
        Some(seed) => RngSeed::Fixed(seed),
        None if said("PROPTEST_CASES").is_some() => RngSeed::Random,
        None => RngSeed::Fixed(1),
    }
}

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedRecord {
    pub(crate) at: Stamp,
    pub(crate) link: LinkType,
    pub(crate) wire_len: u32,
    pub(crate) data: Vec<u8>,
}

impl OwnedRecord {
    /// A whole record: nothing is cut off.
    pub(crate) fn whole(at: Stamp, link: LinkType, data: Vec<u8>) -> Self {
        Self {
            at,
            link,
            wire_len: u32::try_from(data.len()).unwrap(),
            data,
        }
    }

    /// As the decoder takes it.
    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            at: self.at,
            link: self.link,
            wire_len: self.wire_len,
            data: &self.data,
        }
    }
}
