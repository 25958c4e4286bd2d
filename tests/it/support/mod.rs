//! What tests are made of: conversations as they should be, and what networks and captures do to them.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up should fail at once"
)]

pub(crate) mod conversation;
pub(crate) mod mischief;

use wscap::record::{LinkType, Record};
use wscap::time::Stamp;

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
