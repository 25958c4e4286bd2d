//! Data frames that pass by: counted, and not told one by one.
//!
//! The walk from header to header in the fewest steps, for the frames that most frames are: messages of text or binary,
//! whole or in fragments, as their side may send them. Whatever else comes is left to the [`FrameWalker`](super::FrameWalker).

use std::num::NonZeroU8;

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
    /// Payload bytes that were announced of the latest message.
    pub latest: u32,
    /// Text frames.
    pub text: u8,
    /// Binary frames.
    pub binary: u8,
    /// What is below, and above it the reserved bits that a frame may have.
    marks: u8,
    /// One more than the continuation frames, and [`GOES_ON`]. That it is never zero leaves room for what else may pass.
    more: NonZeroU8,
}

/// How large the messages of a direction were so far.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Payload bytes announced of the latest message.
    pub latest: u64,
    /// It has RSV1.
    pub is_compressed: bool,
    /// It is the largest.
    pub is_largest: bool,
    /// Payload bytes of the largest message, and of the largest before it.
    pub largest: (u64, u64),
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
/// Behind the present payload the message goes on.
const GOES_ON: u8 = 0x80;

impl Passing {
    /// From within a payload of which so many bytes are left, or between two frames.
    pub(super) fn new(left: u32, goes_on: bool) -> Self {
        Self {
            left,
            bytes: 0,
            largest: (0, 0),
            latest: 0,
            text: 0,
            binary: 0,
            marks: 0,
            more: NonZeroU8::MIN | if goes_on { GOES_ON } else { 0 },
        }
    }

    /// With frames that are masked or not, of which the first of a message has no other than these reserved bits, after
    /// messages of such sizes.
    #[must_use]
    pub fn with(self, masked: bool, rsv: Rsv, sizes: &Sizes) -> Self {
        let small = |n| u32::try_from(n).unwrap_or(u32::MAX);
        let marks = [
            (masked, MASKED),
            (sizes.is_compressed, COMPRESSED),
            (sizes.is_largest, IS_LARGEST),
        ];
        let marks = marks.into_iter().filter(|(is, _)| *is);
        let (largest, before) = sizes.largest;
        Self {
            marks: marks.fold(rsv.0 << RSV, |all, (_, mark)| all | mark),
            latest: small(sizes.latest),
            largest: (small(largest), small(before)),
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

    /// Messages that began.
    pub(super) fn messages(&self) -> u64 {
        u64::from(self.text).saturating_add(u64::from(self.binary))
    }

    /// Continuation frames.
    pub const fn continuations(&self) -> u8 {
        (self.more.get() & !GOES_ON) - 1
    }

    /// Whether the message goes on behind the present payload.
    pub(super) const fn goes_on(&self) -> bool {
        self.more.get() & GOES_ON != 0
    }

    /// Whether the next byte begins a frame.
    pub const fn is_between(&self) -> bool {
        self.left == 0
    }

    /// Whether no frame began.
    pub const fn is_untouched(&self) -> bool {
        self.text == 0 && self.binary == 0 && self.continuations() == 0
    }

    /// Lets bytes pass by. False where something else than such frames is among them; then nothing of it is right any more.
    #[must_use]
    #[inline]
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
            let Some(len) = self.begin(&header) else {
                return false;
            };
            let payload = rest.get(used..).unwrap_or_default();
            rest = payload.get(len as usize..).unwrap_or_default();
            if rest.is_empty() {
                #[expect(clippy::cast_possible_truncation, reason = "it is no more than `len`")]
                let here = payload.len() as u32;
                self.left = len.saturating_sub(here);
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

    /// A frame begins: its length, if it may pass.
    #[inline]
    fn begin(&mut self, header: &FrameHeader) -> Option<u32> {
        let len = u32::try_from(header.payload_len).ok()?;
        if header.mask.is_some() != (self.marks & MASKED != 0) || header.length_not_minimal {
            return None;
        }
        let goes_on = self.goes_on();
        let count = match header.opcode {
            Opcode::TEXT => &mut self.text,
            Opcode::BINARY => &mut self.binary,
            Opcode::CONTINUATION => {
                self.go_on(header, len)?;
                return Some(len);
            }
            _ => return None,
        };
        if goes_on || header.rsv.0 << RSV & !self.marks != 0 {
            return None;
        }
        *count = count.checked_add(1)?;
        self.bytes = self.bytes.checked_add(len)?;
        self.latest = len;
        self.marks &= !(COMPRESSED | IS_LARGEST);
        if header.rsv.0 & Rsv::RSV1 != 0 {
            self.marks |= COMPRESSED;
        }
        if !header.fin {
            self.more |= GOES_ON;
        }
        self.grow();
        Some(len)
    }

    /// A message goes on with so many bytes.
    #[inline(never)]
    fn go_on(&mut self, header: &FrameHeader, len: u32) -> Option<()> {
        if !self.goes_on() || header.rsv != Rsv(0) {
            return None;
        }
        // Beyond as many as there is room for beside the mark there is none.
        self.more = self.more.checked_add(1)?;
        self.bytes = self.bytes.checked_add(len)?;
        self.latest = self.latest.checked_add(len)?;
        if header.fin {
            self.more = NonZeroU8::new(self.more.get() & !GOES_ON)?;
        }
        self.grow();
        Some(())
    }

    /// Keeps up with the largest message.
    #[inline]
    const fn grow(&mut self) {
        let (largest, before) = self.largest;
        if self.latest <= largest {
            return;
        }
        let is_same = self.marks & IS_LARGEST != 0;
        self.largest = (self.latest, if is_same { before } else { largest });
        self.marks = GREW | IS_LARGEST | self.marks & !LARGEST_COMPRESSED;
        if self.is_compressed() {
            self.marks |= LARGEST_COMPRESSED;
        }
    }
}
