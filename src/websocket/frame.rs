//! Frame headers (RFC 6455 §5.2).

use std::fmt;

/// The header of one frame. Opcodes and lengths that no endpoint may send are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Last fragment of its message.
    pub fin: bool,
    /// Reserved bits.
    pub rsv: Rsv,
    /// What the frame is.
    pub opcode: Opcode,
    /// Masking key, present on frames of clients.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload.
    pub payload_len: u64,
    /// The length is not in its shortest form, or has its highest bit set.
    pub length_not_minimal: bool,
}

/// The three reserved bits, RSV1 as 4, RSV2 as 2, RSV3 as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rsv(pub u8);

/// Frame opcode: any four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub u8);

impl Rsv {
    /// The first of them.
    pub const RSV1: u8 = 4;
    /// All of them.
    pub const ALL: Self = Self(7);
}

impl Opcode {
    /// Continues the message before it.
    pub const CONTINUATION: Self = Self(0x0);
    /// Begins a text message.
    pub const TEXT: Self = Self(0x1);
    /// Begins a binary message.
    pub const BINARY: Self = Self(0x2);
    /// Closing handshake.
    pub const CLOSE: Self = Self(0x8);
    /// Ping.
    pub const PING: Self = Self(0x9);
    /// Pong.
    pub const PONG: Self = Self(0xA);

    /// Control frames may stand between the fragments of a message and hold at most 125 bytes (RFC 6455 §5.5).
    pub const fn is_control(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Whether RFC 6455 leaves it without a meaning.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0x3..=0x7 | 0xB..)
    }

    /// Its name, where it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CONTINUATION => "continuation",
            Self::TEXT => "text",
            Self::BINARY => "binary",
            Self::CLOSE => "close",
            Self::PING => "ping",
            Self::PONG => "pong",
            _ => return None,
        })
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "opcode {:#x}", self.0),
        }
    }
}

impl FrameHeader {
    /// Longest header: 2 bytes, 8 of length, 4 of mask.
    pub const MAX_LEN: usize = 14;

    /// What tells this frame from others, if it is masked at random (RFC 6455 §5.3): its masking key, opcode and length.
    pub fn first_bytes(&self) -> Option<u64> {
        let mask = self.mask.filter(|mask| *mask != [0; 4])?;
        let rest = (self.payload_len << 4) | u64::from(self.opcode.0);
        Some((u64::from(u32::from_be_bytes(mask)) << 32) | (rest & u64::from(u32::MAX)))
    }

    /// Reads a header from the start of `bytes`, with its own length; `None` where more bytes are needed.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let &[first, second, ref rest @ ..] = bytes else {
            return None;
        };
        let (payload_len, shortest, rest) = match second & 0x7F {
            126 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*len)), 126, rest)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*len), 0x1_0000, rest)
            }
            len => (u64::from(len), 0, rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let (mask, rest) = rest.split_first_chunk()?;
            (Some(*mask), rest)
        };
        let header = Self {
            fin: first & 0x80 != 0,
            rsv: Rsv(first >> 4 & 0x7),
            opcode: Opcode(first & 0xF),
            mask,
            payload_len,
            length_not_minimal: payload_len < shortest || payload_len >> 63 != 0,
        };
        Some((header, bytes.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;
    use tungstenite::protocol::frame::FrameHeader as Oracle;

    proptest! {
        #[test]
        fn agrees_with_tungstenite(mut bytes in proptest::collection::vec(any::<u8>(), 0..16), known in 0u8..12) {
            if let Some(first) = bytes.first_mut() {
                // Reserved opcodes are an error there and a value here.
                let opcode = if known > 5 { known + 2 } else { known % 3 };
                *first = (*first & 0xF0) | (opcode & 0xF);
            }
            let mut cursor = Cursor::new(&bytes[..]);
            let oracle = Oracle::parse(&mut cursor);
            let ours = FrameHeader::parse(&bytes);
            match (ours, oracle) {
                (Some((header, used)), Ok(Some((theirs, len)))) => {
                    prop_assert_eq!(used as u64, cursor.position());
                    prop_assert_eq!(header.payload_len, len);
                    prop_assert_eq!((header.fin, header.mask), (theirs.is_final, theirs.mask));
                    prop_assert_eq!(header.opcode.0, u8::from(theirs.opcode));
                    let rsv = [(theirs.rsv1, 4), (theirs.rsv2, 2), (theirs.rsv3, 1)];
                    let rsv: u8 = rsv.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
                    prop_assert_eq!(header.rsv.0, rsv);
                }
                (None, Ok(None)) => {}
                (Some((header, _)), Err(_)) => prop_assert!(header.opcode.is_reserved()),
                (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
            }
        }
    }

    #[test]
    fn lengths_that_are_not_the_shortest() {
        let minimal = |bytes: &[u8]| !FrameHeader::parse(bytes).unwrap().0.length_not_minimal;
        assert!(minimal(b"\x82\x7e\x00\x7e") && minimal(b"\x82\x7f\0\0\0\0\0\x01\0\0"));
        assert!(!minimal(b"\x82\x7e\x00\x7d") && !minimal(b"\x82\x7f\0\0\0\0\0\0\xff\xff"));
        assert!(!minimal(b"\x82\x7f\x80\0\0\0\0\0\0\0"));
    }
}
