//! The frames of one direction, found by their headers; payloads are jumped over (RFC 6455 §5).

use super::{Close, FrameHeader, Opcode, Passing};

/// Follows one direction from frame to frame, over pieces of any size and over gaps in payloads.
///
/// Keeps of a payload only what a Close says (at most 125 bytes), and of a ping or pong a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameWalker {
    /// Bytes of a header that is not whole.
    header: [u8; FrameHeader::MAX_LEN],
    have: u8,
    /// Position of the next byte.
    offset: u64,
    frame: Option<Frame>,
    message: Message,
}

/// A frame whose payload is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    left: u64,
    /// It ends its message.
    fin: bool,
    /// There for a control frame; apart, since most frames are none and many sockets are open.
    control: Option<Box<Control>>,
}

/// A control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Control {
    header: FrameHeader,
    /// Of its first byte.
    offset: u64,
    payload: Payload,
}

/// Where in a message the direction is (RFC 6455 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// Joined in the middle: a continuation may be right.
    Unknown,
    Between,
    Within {
        len: u64,
    },
}

/// What is kept of the payload of a control frame, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Of a Close: its first 125 bytes.
    pub close: Vec<u8>,
    /// Of a ping or pong the same for equal payloads: pairs the one with the other.
    pub hash: u64,
    /// Some of it was lost, or is beyond 125 bytes.
    pub cut: bool,
}

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameStep {
    /// A frame begins.
    Header {
        /// What it says.
        header: FrameHeader,
        /// Of its first byte.
        offset: u64,
        /// It continues nothing, or begins a message within another (§5.4).
        out_of_turn: bool,
        /// Payload bytes announced of its message so far, with its own; of a control frame 0.
        message_len: u64,
    },
    /// A control frame ended.
    Control {
        /// Its header.
        header: FrameHeader,
        /// Of its first byte.
        offset: u64,
        /// What it carried.
        payload: Payload,
    },
    /// The last frame of a message ended.
    Message {
        /// Payload bytes of all its frames.
        len: u64,
    },
    /// `HTTP/1.` stands where a frame should begin; the walker stays there.
    Http {
        /// Of its first byte.
        offset: u64,
    },
}

/// A control frame of which all bytes came together, as nearly all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Of its first byte.
    pub offset: u64,
    /// As it was sent, masked or not.
    payload: &'a [u8],
}

impl Whole<'_> {
    /// Reads it as a Close.
    pub fn close(&self) -> Close {
        let mut plain = [0; MOST_CONTROL];
        let Some(plain) = plain.get_mut(..self.payload.len()) else {
            return Close::parse(self.payload);
        };
        plain.copy_from_slice(self.payload);
        if let Some(mask) = self.header.mask {
            for four in plain.chunks_mut(mask.len()) {
                for (byte, key) in four.iter_mut().zip(mask) {
                    *byte ^= key;
                }
            }
        }
        Close::parse(plain)
    }

    /// Pairs a ping with its pong.
    pub fn hash(&self) -> u64 {
        Payload::of(&self.header, self.payload).hash
    }
}

// How the numbers of `FrameWalker::quiet` are to be read.
const FRAME: u8 = 1;
const FIN: u8 = 2;
const UNKNOWN: u8 = 4;
const WITHIN: u8 = 8;

/// An HTTP status line or the start of one; as a frame it would be a fragmented Close, which is never right.
const HTTP: &[u8] = b"HTTP/1.";
/// As much of it as makes a whole frame header.
const HTTP_START: &[u8] = b"HT";
/// Control frames hold no more (RFC 6455 §5.5).
const MOST_CONTROL: usize = 125;

impl FrameWalker {
    /// Right behind the head that ends the handshake.
    pub const fn new() -> Self {
        Self {
            header: [0; FrameHeader::MAX_LEN],
            have: 0,
            offset: 0,
            frame: None,
            message: Message::Between,
        }
    }

    /// At a place where a frame is thought to begin, with what came before it unknown.
    pub const fn joined_at(offset: u64) -> Self {
        let mut walker = Self::new();
        walker.offset = offset;
        walker.message = Message::Unknown;
        walker
    }

    /// The few numbers that say all of a walker between two frames, or within the payload of one, with how to read them.
    /// `None` where they do not.
    pub fn quiet(&self) -> Option<([u32; 3], u8)> {
        let (left, of_frame) = match &self.frame {
            None => (0, 0),
            Some(frame) if frame.fin => (frame.left, FRAME | FIN),
            Some(frame) => (frame.left, FRAME),
        };
        let (len, of_message) = match self.message {
            Message::Unknown => (0, UNKNOWN),
            Message::Between => (0, 0),
            Message::Within { len } => (len, WITHIN),
        };
        let numbers = [
            u32::try_from(self.offset).ok()?,
            u32::try_from(left).ok()?,
            u32::try_from(len).ok()?,
        ];
        Some((numbers, of_frame | of_message))
    }

    /// From such numbers.
    pub fn quietly([offset, left, len]: [u32; 3], kind: u8) -> Self {
        let frame = Frame {
            left: left.into(),
            fin: kind & FIN != 0,
            control: None,
        };
        let message = match kind & (UNKNOWN | WITHIN) {
            0 => Message::Between,
            WITHIN => Message::Within { len: len.into() },
            _ => Message::Unknown,
        };
        Self {
            offset: offset.into(),
            frame: (kind & FRAME != 0).then_some(frame),
            message,
            ..Self::new()
        }
    }

    /// Reads on, and moves `bytes` behind what was read; `None` once all was.
    pub fn step(&mut self, bytes: &mut &[u8]) -> Option<FrameStep> {
        loop {
            let Some(frame) = &mut self.frame else {
                return self.begin(bytes);
            };
            let len = usize::try_from(frame.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (part, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            if let Some(control) = &mut frame.control {
                let from = control.header.payload_len - frame.left;
                control.payload.add(&control.header, from, part);
            }
            frame.left -= part.len() as u64;
            self.offset = self.offset.saturating_add(part.len() as u64);
            *bytes = rest;
            if frame.left > 0 {
                return None;
            }
            if let Some(step) = self.end() {
                return Some(step);
            }
        }
    }

    /// Reads the control frame that these bytes begin with, if all of it is there, and it is no longer than it may be: says at
    /// once what two steps would, and keeps nothing.
    pub fn control<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Whole<'a>> {
        let is_control = bytes.first().is_some_and(|first| first & 0x8 != 0);
        let is_between = self.frame.is_none() && self.have == 0;
        if !is_control || !is_between || bytes.starts_with(HTTP_START) {
            return None;
        }
        let (header, used) = FrameHeader::parse(bytes)?;
        let len = usize::try_from(header.payload_len).ok()?;
        if len > MOST_CONTROL {
            return None;
        }
        let (payload, rest) = bytes.get(used..)?.split_at_checked(len)?;
        let offset = self.offset;
        self.offset = offset.saturating_add((used + len) as u64);
        *bytes = rest;
        Some(Whole {
            header,
            offset,
            payload,
        })
    }

    /// Jumps over `len` lost bytes; false where they are more than the payload, so that the next header is not known.
    pub fn skip(&mut self, len: u64) -> bool {
        match &mut self.frame {
            Some(frame) if len <= frame.left => {
                frame.left -= len;
                if let Some(control) = &mut frame.control {
                    control.payload.cut |= len > 0;
                }
                self.offset = self.offset.saturating_add(len);
                true
            }
            _ => false,
        }
    }

    /// From here on, if data frames may pass by: between two frames, or within the payload of one.
    pub fn passing(&self) -> Option<Passing> {
        match &self.frame {
            None => (self.have == 0).then(|| Passing::new(0, self.is_within_message())),
            Some(frame) if frame.left > 0 && frame.control.is_none() => {
                Some(Passing::new(u32::try_from(frame.left).ok()?, !frame.fin))
            }
            Some(_) => None,
        }
    }

    /// Takes in frames that passed by in so many bytes. How many messages ended among them.
    pub fn land(&mut self, frames: &Passing, bytes: u64) -> u64 {
        self.offset = self.offset.saturating_add(bytes);
        let began = !frames.is_untouched();
        let mut ended = 0_u64;
        if let Some(frame) = &mut self.frame {
            frame.left = if began { 0 } else { u64::from(frames.left) };
            if frame.left == 0 && self.end().is_some() {
                ended = 1;
            }
        }
        if began {
            let was_within = self.is_within_message();
            let is_within = frames.left > 0 || frames.goes_on();
            self.message = if is_within {
                Message::Within {
                    len: u64::from(frames.latest),
                }
            } else {
                Message::Between
            };
            self.frame = (frames.left > 0).then(|| Frame {
                left: u64::from(frames.left),
                fin: !frames.goes_on(),
                control: None,
            });
            ended = ended
                .saturating_add(frames.messages())
                .saturating_add(u64::from(was_within))
                .saturating_sub(u64::from(is_within));
        }
        ended
    }

    const fn is_within_message(&self) -> bool {
        matches!(self.message, Message::Within { .. })
    }

    /// Whether the next byte begins a frame.
    pub const fn is_between_frames(&self) -> bool {
        self.have == 0
            && match &self.frame {
                None => true,
                // An empty payload, or one that ended in a gap.
                Some(frame) => frame.left == 0,
            }
    }

    /// Whether the next byte is one of a payload: what frame it is of is known.
    pub const fn is_within_payload(&self) -> bool {
        matches!(&self.frame, Some(frame) if frame.left > 0)
    }

    /// Position of the next byte.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Payload bytes announced so far of a message whose last byte has not come; 0 between messages.
    pub const fn unfinished(&self) -> u64 {
        match self.message {
            Message::Within { len } => len,
            Message::Unknown | Message::Between => 0,
        }
    }

    fn begin(&mut self, bytes: &mut &[u8]) -> Option<FrameStep> {
        let before = usize::from(self.have);
        if before == 0
            && !bytes.starts_with(HTTP_START)
            && let Some((header, used)) = FrameHeader::parse(bytes)
        {
            let first = self.offset;
            *bytes = bytes.get(used..)?;
            self.offset = first.saturating_add(used as u64);
            return Some(self.enter(header, first, &[]));
        }
        let room = self.header.get_mut(before..)?;
        let len = room.len().min(bytes.len());
        room.get_mut(..len)?.copy_from_slice(bytes.get(..len)?);
        let have = before + len;
        let seen = self.header.get(..have)?;
        let first = self.offset.saturating_sub(before as u64);
        if seen.starts_with(HTTP) {
            return Some(FrameStep::Http { offset: first });
        }
        let maybe_http = have >= HTTP_START.len() && HTTP.starts_with(seen);
        let parsed = FrameHeader::parse(seen).filter(|_| !maybe_http);
        let Some((header, used)) = parsed else {
            self.have = u8::try_from(have).unwrap_or_default();
            self.offset = self.offset.saturating_add(len as u64);
            *bytes = bytes.get(len..)?;
            return None;
        };
        // A header that might have been HTTP was held back with payload behind it: at most four bytes, read again here.
        let again = before.saturating_sub(used);
        let mut held = [0; HTTP.len()];
        let held = held.get_mut(..again)?;
        held.copy_from_slice(self.header.get(used..used + again)?);
        let held: &[u8] = held;
        self.offset = first.saturating_add((used + again) as u64);
        *bytes = bytes.get((used + again).saturating_sub(before)..)?;
        self.have = 0;
        let step = self.enter(header, first, held);
        self.header = [0; FrameHeader::MAX_LEN];
        Some(step)
    }

    /// Goes into the payload of a frame, of which `held` was read already.
    fn enter(&mut self, header: FrameHeader, offset: u64, held: &[u8]) -> FrameStep {
        let control = header.opcode.is_control().then(|| {
            let mut payload = Payload::new();
            payload.add(&header, 0, held);
            Box::new(Control {
                header,
                offset,
                payload,
            })
        });
        self.frame = Some(Frame {
            left: header.payload_len.saturating_sub(held.len() as u64),
            fin: header.fin,
            control,
        });
        let out_of_turn = self.take_turn(&header);
        FrameStep::Header {
            header,
            offset,
            out_of_turn,
            message_len: if header.opcode.is_control() {
                0
            } else {
                self.unfinished()
            },
        }
    }

    /// Follows the order of fragments; true where this frame is out of it.
    fn take_turn(&mut self, header: &FrameHeader) -> bool {
        if header.opcode.is_control() {
            return false;
        }
        let continues = header.opcode == Opcode::CONTINUATION;
        let out_of_turn = match self.message {
            Message::Unknown => false,
            Message::Between => continues,
            Message::Within { .. } => !continues,
        };
        let before = match self.message {
            Message::Within { len } if continues => len,
            _ => 0,
        };
        self.message = Message::Within {
            len: before.saturating_add(header.payload_len),
        };
        out_of_turn
    }

    fn end(&mut self) -> Option<FrameStep> {
        let frame = self.frame.take()?;
        if let Some(control) = frame.control {
            return Some(FrameStep::Control {
                header: control.header,
                offset: control.offset,
                payload: control.payload,
            });
        }
        if !frame.fin {
            return None;
        }
        match std::mem::replace(&mut self.message, Message::Between) {
            Message::Within { len } => Some(FrameStep::Message { len }),
            Message::Unknown | Message::Between => None,
        }
    }
}

impl Default for FrameWalker {
    fn default() -> Self {
        Self::new()
    }
}

impl Payload {
    /// FNV-1a: pairs are made among the few pings that wait, so that a short hash does.
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;

    const fn new() -> Self {
        Self {
            close: Vec::new(),
            hash: Self::OFFSET_BASIS,
            cut: false,
        }
    }

    /// The payload of a frame, all of it.
    pub(super) fn of(header: &FrameHeader, payload: &[u8]) -> Self {
        let mut all = Self::new();
        all.add(header, 0, payload);
        all
    }

    /// Adds the next `part`, the bytes of the payload from `from` on.
    fn add(&mut self, header: &FrameHeader, from: u64, part: &[u8]) {
        let is_close = header.opcode == Opcode::CLOSE;
        let is_kept = is_close || matches!(header.opcode, Opcode::PING | Opcode::PONG);
        if !is_kept || self.cut || part.is_empty() {
            return;
        }
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let room = MOST_CONTROL.saturating_sub(from);
        self.cut = part.len() > room;
        let part = part.get(..room).unwrap_or(part);
        let mut mask = header.mask.unwrap_or_default();
        mask.rotate_left(from % 4);
        if is_close {
            let all = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
            let before = self.close.len();
            self.close
                .reserve_exact(all.min(MOST_CONTROL).saturating_sub(before));
            self.close.extend_from_slice(part);
            let new = self.close.get_mut(before..).unwrap_or_default();
            for (byte, key) in new.iter_mut().zip(mask.iter().cycle()) {
                *byte ^= key;
            }
        } else {
            for (byte, key) in part.iter().zip(mask.iter().cycle()) {
                let plain = u64::from(byte ^ key);
                self.hash = (self.hash ^ plain).wrapping_mul(Self::PRIME);
            }
        }
    }
}

#[cfg(test)]
mod tests;
