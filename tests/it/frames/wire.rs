//! Frames as the sides put them on the wire, right or wrong (RFC 6455 §5.2).

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader as Oracle;

/// One frame. What it says of itself need not be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub(super) rsv: u8,
    pub(super) opcode: u8,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) form: Form,
    /// Length that its header claims, where it is another than that of the payload: only the last frame may lie.
    pub(super) claim: Option<u64>,
    /// Before it is masked.
    pub(super) payload: Vec<u8>,
}

/// How the length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Shortest,
    /// In two bytes more, if it fits.
    Two,
    /// In eight bytes more.
    Eight,
}

impl Frame {
    /// A whole, right frame of the server.
    pub(super) fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        Self {
            fin: true,
            rsv: 0,
            opcode,
            mask: None,
            form: Form::Shortest,
            claim: None,
            payload: payload.as_ref().to_vec(),
        }
    }

    pub(super) fn masked(self, mask: Option<[u8; 4]>) -> Self {
        Self { mask, ..self }
    }

    pub(super) fn is_control(&self) -> bool {
        self.opcode >= 8
    }

    pub(super) fn is_reserved(&self) -> bool {
        ![0, 1, 2, 8, 9, 10].contains(&self.opcode)
    }

    /// What its header says.
    pub(super) fn len(&self) -> u64 {
        self.claim.unwrap_or(self.payload.len() as u64)
    }

    /// The length is written in more bytes than it needs, or is no length at all.
    pub(super) fn is_long_winded(&self) -> bool {
        match self.written() {
            Form::Shortest => false,
            Form::Two => self.len() < 126,
            Form::Eight => self.len() < 65_536 || self.len() > i64::MAX.cast_unsigned(),
        }
    }

    /// The form with what does not fit made larger.
    fn written(&self) -> Form {
        match (self.form, self.len()) {
            (Form::Shortest, 0..126) => Form::Shortest,
            (Form::Shortest | Form::Two, 0..65_536) => Form::Two,
            _ => Form::Eight,
        }
    }

    pub(super) fn header(&self) -> Vec<u8> {
        let bit = if self.mask.is_some() { 0x80 } else { 0 };
        let fin = if self.fin { 0x80 } else { 0 };
        let mut header = vec![fin | self.rsv << 4 | self.opcode];
        let len = self.len().to_be_bytes();
        match self.written() {
            Form::Shortest => header.push(bit | len[7]),
            Form::Two => {
                header.push(bit + 126);
                header.extend(&len[6..]);
            }
            Form::Eight => {
                header.push(bit + 127);
                header.extend(len);
            }
        }
        header.extend(self.mask.into_iter().flatten());
        self.agree(&header);
        header
    }

    /// Another reader of headers takes it for the same.
    fn agree(&self, header: &[u8]) {
        let mut cursor = Cursor::new(header);
        match Oracle::parse(&mut cursor) {
            // It takes no reserved opcode.
            Err(_) => assert!(self.is_reserved()),
            Ok(None) => panic!("{self:?} has no whole header"),
            Ok(Some((oracle, len))) => {
                assert_eq!(cursor.position(), header.len() as u64);
                assert_eq!((oracle.is_final, len), (self.fin, self.len()));
                assert_eq!(u8::from(oracle.opcode), self.opcode);
                assert_eq!(oracle.mask, self.mask);
                let rsv = [oracle.rsv1, oracle.rsv2, oracle.rsv3].map(u8::from);
                assert_eq!(rsv[0] * 4 + rsv[1] * 2 + rsv[2], self.rsv);
            }
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        let mask = self.mask.unwrap_or_default();
        let masked = self.payload.iter().zip(mask.iter().cycle());
        bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// Bytes behind its first that show what it is: the header, but of what might be an HTTP answer also the first byte
    /// that is none of it.
    pub(super) fn shown_by(&self) -> usize {
        let header = self.header().len();
        if header > 2 || self.bytes()[..2] != *b"HT" {
            return header;
        }
        let like = self.payload.iter().zip(b"TP/1.");
        header + like.take_while(|(byte, http)| byte == http).count() + 1
    }
}

/// Frames one behind the other.
pub(super) fn stream(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(Frame::bytes).collect()
}
