//! One direction of an open WebSocket.

use crate::dissect::sync::Candidate;
use crate::event::Largest;
use crate::time::Stamp;
use crate::websocket::{FrameHeader, FrameWalker, Opcode, Rsv as Bits, Sizes};

/// One direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) walker: FrameWalker,
    pub(super) sync: Sync,
    /// Its boundaries were found by looking for them, and may be none, until so many more frames have come.
    pub(super) guessed: u8,
    /// A frame other than Close was seen.
    pub(super) used: bool,
    /// A message of it began.
    pub(super) began: bool,
    /// It sent a Close.
    pub(super) closed: bool,
    pub(super) closes_told: u8,
    /// Where a Close began of which the rest is to come: if that is lost, it was sent then, and not when the loss is known.
    pub(super) close_began: Option<Box<Stamp>>,
    pub(super) largest: Largest,
    /// Bytes announced of the latest message.
    pub(super) latest: u64,
    /// The message under way is the largest, and may grow.
    pub(super) is_largest: bool,
    /// The message under way is compressed.
    pub(super) is_compressed: bool,
}

/// Whether frame boundaries are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Sync {
    #[default]
    Known,
    /// Lost; with the place where they may go on.
    Lost(Option<Box<Candidate>>),
    /// No frames come here.
    Stopped,
}

impl Sync {
    pub(super) fn place(&self) -> Option<&Candidate> {
        match self {
            Self::Lost(place) => place.as_deref(),
            Self::Known | Self::Stopped => None,
        }
    }
}

impl Side {
    /// How large its messages were so far.
    pub(super) const fn sizes(&self) -> Sizes {
        Sizes {
            latest: self.latest,
            is_compressed: self.is_compressed,
            is_largest: self.is_largest,
            largest: (self.largest.bytes, self.largest.before),
        }
    }

    /// Keeps up with its largest message, of which `message_len` bytes are announced by now.
    pub(super) const fn grow(&mut self, header: &FrameHeader, message_len: u64) {
        if header.opcode.is_control() {
            return;
        }
        let begins = !matches!(header.opcode, Opcode::CONTINUATION);
        self.latest = message_len;
        if begins {
            self.is_largest = false;
            self.is_compressed = header.rsv.0 & Bits::RSV1 != 0;
        }
        if message_len <= self.largest.bytes {
            return;
        }
        if !self.is_largest {
            self.is_largest = true;
            self.largest.before = self.largest.bytes;
        }
        self.largest.bytes = message_len;
        self.largest.compressed = self.is_compressed;
    }
}
