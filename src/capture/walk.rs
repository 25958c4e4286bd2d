//! What the two file formats have in common: one step of a walk over the bytes at hand, without any reading.
//!
//! A walk looks at a slice and says what stands at its beginning. Who reads more, skips or stops is `file.rs`.

use crate::record::{LinkType, Record};
use crate::time::{Stamp, Timestamp};

/// No packet of any link is longer; a record that claims more is broken.
pub(crate) const MAX_PACKET: usize = 16 * 1024 * 1024;

/// What stands at the beginning of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A packet.
    Record(Meta),
    /// Nothing to analyse in the next bytes, which may be more than are at hand; as a frame counted or not.
    Skip {
        /// How many bytes.
        total: u64,
        /// Wireshark numbers it among the frames.
        counts: bool,
    },
    /// More bytes are needed: this many from the beginning.
    Need(usize),
    /// This cannot be; what comes after it cannot be found.
    Corrupt(String),
}

/// A packet within the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Capture time.
    pub(crate) ts: Timestamp,
    /// Interface within the file.
    pub(crate) iface: u16,
    /// How the packet begins.
    pub(crate) link: LinkType,
    /// Length on the wire.
    pub(crate) wire_len: u32,
    /// Where the packet begins, from the beginning of the record.
    pub(crate) start: usize,
    /// Captured bytes.
    pub(crate) len: usize,
    /// The whole record.
    pub(crate) total: usize,
}

impl Meta {
    /// The packet, at the beginning of these bytes, with the file and its number there.
    #[inline]
    pub(crate) fn record<'a>(&self, bytes: &'a [u8], (source, frame): (u16, u64)) -> Record<'a> {
        let data = bytes.get(self.start..self.start + self.len);
        Record {
            at: Stamp {
                ts: self.ts,
                frame,
                source,
                iface: self.iface,
            },
            link: self.link,
            wire_len: self.wire_len,
            data: data.unwrap_or_default(),
        }
    }
}

/// Byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// A 16-bit number at `at`.
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(*raw),
            Self::Big => u16::from_be_bytes(*raw),
        })
    }

    /// A 32-bit number at `at`.
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(*raw),
            Self::Big => u32::from_be_bytes(*raw),
        })
    }

    /// A 64-bit number at `at`.
    pub(crate) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let raw = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(*raw),
            Self::Big => u64::from_be_bytes(*raw),
        })
    }
}
