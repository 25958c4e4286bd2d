//! Data frames that pass by: counted, and not told one by one.
//!
//! The walk from header to header in the fewest steps, for the frames that most frames are: whole messages of text or
//! binary, as their side may send them. Whatever else comes is left to the [`FrameWalker`](super::FrameWalker).

use super::{FrameHeader, Opcode, Payload, Rsv};

/// Where a direction stands between two headers, and what passed by since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Bytes of the present payload that are still to come.
    pub(super) left: u32,
    /// Payload bytes that were announced.
    pub bytes: u32,
    /// Payload bytes of the largest message so far, and of the largest before it.
    largest: (u32, u32),
    /// Payload bytes of the latest message.
    pub latest: u32,
    /// Text frames.
    pub text: u8,
    /// Binary frames.
    pub binary: u8,
    /// What is below, and above it the reserved bits that a frame may have.
    marks: u8,
    /// Behind the present payload a message may begin.
    pub(super) begins: bool,
}

/// A ping, or a pong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// It answers one.
    pub is_pong: bool,
    /// Payload bytes.
    pub len: u64,
    /// The same for equal payloads.
    pub hash: u64,
}

/// Frames are masked.
const MASKED: u8 = 1;
/// The latest message has RSV1.
const COMPRESSED: u8 = 2;
/// The largest message is one that passed.
const GREW: u8 = 4;
/// The largest message has RSV1.
const LARGEST_COMPRESSED: u8 = 8;
/// The latest message is the largest.
const IS_LARGEST: u8 = 16;
/// The reserved bits stand so high.
const RSV: u8 = 5;

impl Passing {
    /// From within a payload of which so many bytes are left, or between two frames.
    pub(super) const fn new(left: u32, begins: bool) -> Self {
        Self {
            left,
            bytes: 0,
            largest: (0, 0),
            latest: 0,
            text: 0,
            binary: 0,
            marks: 0,
            begins,
        }
    }

    /// With frames that are masked or not, and have no other than these reserved bits, after a largest message of so many
    /// bytes.
    #[must_use]
    pub fn with(self, masked: bool, rsv: Rsv, largest: u64) -> Self {
        let largest = u32::try_from(largest).unwrap_or(u32::MAX);
        Self {
            marks: if masked { MASKED } else { 0 } | rsv.0 << RSV,
            largest: (largest, largest),
            ..self
        }
    }

    /// Whether the latest message has RSV1.
    pub const fn is_compressed(&self) -> bool {
        self.marks & COMPRESSED != 0
    }

    /// Whether the latest message is the largest.
    pub const fn is_largest(&self) -> bool {
        self.marks & IS_LARGEST != 0
    }

    /// The largest message, if it is one that passed: its bytes, those of the largest before it, and whether it has RSV1.
    pub fn grew_to(&self) -> Option<(u64, u64, bool)> {
        let (bytes, before) = self.largest;
        let compressed = self.marks & LARGEST_COMPRESSED != 0;
        (self.marks & GREW != 0).then_some((bytes.into(), before.into(), compressed))
    }

    /// Frames that began.
    pub fn frames(&self) -> u64 {
        u64::from(self.text).saturating_add(u64::from(self.binary))
    }

    /// Whether no frame began.
    pub const fn is_untouched(&self) -> bool {
        self.text == 0 && self.binary == 0
    }

    /// Lets bytes pass by. False where something else than such frames is among them; then nothing of it is right any more.
    #[must_use]
    pub fn over(&mut self, bytes: &[u8]) -> bool {
        let Some(mut rest) = bytes.get(self.left as usize..) else {
            // A segment is smaller than what is left.
            #[expect(clippy::cast_possible_truncation, reason = "it is less than `left`")]
            let len = bytes.len() as u32;
            self.left = self.left.wrapping_sub(len);
            return true;
        };
        self.left = 0;
        while !rest.is_empty() {
            let Some((header, used)) = FrameHeader::parse(rest) else {
                return false;
            };
            if self.begin(&header).is_none() {
                return false;
            }
            let payload = rest.get(used..).unwrap_or_default();
            rest = payload.get(self.latest as usize..).unwrap_or_default();
            if rest.is_empty() {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it is no more than `latest`"
                )]
                let len = payload.len() as u32;
                self.left = self.latest.saturating_sub(len);
            }
        }
        true
    }

    /// The ping or pong that these bytes are, if they are one as its side may send it: alone, whole, between two frames.
    pub fn ping(&self, bytes: &[u8]) -> Option<Ping> {
        let (header, used) = FrameHeader::parse(bytes)?;
        let payload = bytes.get(used..)?;
        let is_ping = matches!(header.opcode, Opcode::PING | Opcode::PONG);
        let is_whole = self.left == 0 && payload.len() as u64 == header.payload_len;
        let fits = header.fin
            && header.rsv == Rsv(0)
            && header.mask.is_some() == (self.marks & MASKED != 0)
            && header.payload_len <= 125
            && !header.length_not_minimal;
        (is_ping && is_whole && fits).then(|| Ping {
            is_pong: header.opcode == Opcode::PONG,
            len: header.payload_len,
            hash: Payload::of(&header, payload).hash,
        })
    }

    #[inline]
    fn begin(&mut self, header: &FrameHeader) -> Option<()> {
        let fits = self.begins
            && header.fin
            && header.mask.is_some() == (self.marks & MASKED != 0)
            && header.rsv.0 << RSV & !self.marks == 0
            && !header.length_not_minimal;
        let count = match header.opcode {
            Opcode::TEXT => &mut self.text,
            Opcode::BINARY => &mut self.binary,
            _ => return None,
        };
        if !fits {
            return None;
        }
        *count = count.checked_add(1)?;
        self.latest = u32::try_from(header.payload_len).ok()?;
        self.bytes = self.bytes.checked_add(self.latest)?;
        self.marks &= !(COMPRESSED | IS_LARGEST);
        if header.rsv.0 & Rsv::RSV1 != 0 {
            self.marks |= COMPRESSED;
        }
        let (largest, _) = self.largest;
        if self.latest > largest {
            self.largest = (self.latest, largest);
            self.marks = GREW | IS_LARGEST | self.marks & !LARGEST_COMPRESSED;
            if self.is_compressed() {
                self.marks |= LARGEST_COMPRESSED;
            }
        }
        Some(())
    }
}
