//! Frames as they are sent (RFC 6455 §5.2).

use super::wire::{CLIENT, Pools};

/// Where a payload comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// From here on in the text.
    Text(usize),
    /// The whole of one of the deflated messages.
    Deflated(usize),
}

/// A data frame under way.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    from: usize,
    header: Vec<u8>,
    mask: [u8; 4],
    source: Source,
    len: usize,
    at: usize,
}

impl Sending {
    pub(crate) fn new(
        from: usize,
        (opcode, fin): (u8, bool),
        source: Source,
        len: u64,
        mask: u64,
    ) -> Self {
        let deflated = u8::from(matches!(source, Source::Deflated(_)));
        let first = u8::from(fin) << 7 | deflated << 6 | opcode;
        let mask = if from == CLIENT {
            (mask as u32).to_le_bytes()
        } else {
            [0; 4]
        };
        Self {
            from,
            header: header(from, first, len, mask),
            mask,
            source,
            len: len as usize,
            at: 0,
        }
    }

    pub(crate) const fn from(&self) -> usize {
        self.from
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.header.is_empty() && self.at == self.len
    }

    /// The next bytes, at most so many; the first ones are the header.
    pub(crate) fn next(&mut self, pools: &Pools, room: usize) -> Vec<u8> {
        let mut part = std::mem::take(&mut self.header);
        let head = part.len();
        let count = (room - head).min(self.len - self.at);
        let payload = match self.source {
            Source::Text(start) => &pools.text[start..start + self.len],
            Source::Deflated(nth) => &pools.deflated[nth],
        };
        part.extend(&payload[self.at..self.at + count]);
        mask(&mut part[head..], self.mask, self.at);
        self.at += count;
        part
    }
}

/// A whole control frame.
pub(crate) fn control(from: usize, opcode: u8, payload: &[u8], key: u64) -> Vec<u8> {
    let key = if from == CLIENT {
        (key as u32).to_le_bytes()
    } else {
        [0; 4]
    };
    let mut frame = header(from, 0x80 | opcode, payload.len() as u64, key);
    let head = frame.len();
    frame.extend(payload);
    mask(&mut frame[head..], key, 0);
    frame
}

fn header(from: usize, first: u8, len: u64, mask: [u8; 4]) -> Vec<u8> {
    let masked = if from == CLIENT { 0x80 } else { 0 };
    let mut header = vec![first];
    match len {
        0..126 => header.push(masked | len as u8),
        126..65_536 => {
            header.push(masked | 0x7e);
            header.extend((len as u16).to_be_bytes());
        }
        _ => {
            header.push(masked | 0x7f);
            header.extend(len.to_be_bytes());
        }
    }
    if from == CLIENT {
        header.extend(mask);
    }
    header
}

/// `at` is the place of the first byte in its payload.
fn mask(bytes: &mut [u8], mut key: [u8; 4], at: usize) {
    key.rotate_left(at % 4);
    for chunk in bytes.chunks_mut(4) {
        for (byte, key) in chunk.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}
