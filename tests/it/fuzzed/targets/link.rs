//! Packets made by hand, as small as they can be.

use std::time::Duration;

use wscap::record::{LinkType, Record};
use wscap::time::{Stamp, Timestamp};

/// Client and server: address and port.
const ENDS: [([u8; 4], u16); 2] = [([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], 80)];

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;

/// A packet with the interface it came from and its time in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) iface: u16,
    pub(super) micros: u64,
    pub(super) bytes: Vec<u8>,
}

impl Packet {
    pub(super) fn record(&self, frame: u64) -> Record<'_> {
        Record {
            at: stamp(frame, self.iface, self.micros),
            link: LinkType::RAW,
            wire_len: u32::try_from(self.bytes.len()).unwrap(),
            data: &self.bytes,
        }
    }
}

pub(super) fn stamp(frame: u64, iface: u16, micros: u64) -> Stamp {
    Stamp {
        ts: Timestamp::from_secs(1_700_000_000, 0).after(Duration::from_micros(micros)),
        frame,
        source: 0,
        iface,
    }
}

/// One TCP connection, segment by segment.
#[derive(Debug)]
pub(super) struct Talk {
    seq: [u32; 2],
    id: u16,
    pub(super) micros: u64,
    pub(super) packets: Vec<Packet>,
}

impl Talk {
    /// The three segments that open a connection.
    pub(super) fn open(seq: [u32; 2]) -> Self {
        let mut talk = Self::joined(seq);
        talk.segment(0, SYN, b"");
        talk.seq[0] = talk.seq[0].wrapping_add(1);
        talk.segment(1, SYN | ACK, b"");
        talk.seq[1] = talk.seq[1].wrapping_add(1);
        talk.segment(0, ACK, b"");
        talk
    }

    /// Nothing was seen yet.
    pub(super) const fn joined(seq: [u32; 2]) -> Self {
        Self {
            seq,
            id: 0,
            micros: 0,
            packets: Vec::new(),
        }
    }

    pub(super) fn say(&mut self, who: usize, bytes: &[u8]) {
        for part in bytes.chunks(60_000) {
            self.segment(who, ACK, part);
            let len = u32::try_from(part.len()).unwrap();
            self.seq[who] = self.seq[who].wrapping_add(len);
        }
    }

    /// So many bytes are sent, and not captured.
    pub(super) fn lose(&mut self, who: usize, len: u32) {
        self.seq[who] = self.seq[who].wrapping_add(len);
    }

    pub(super) fn end(&mut self, who: usize) {
        self.segment(who, FIN | ACK, b"");
        self.seq[who] = self.seq[who].wrapping_add(1);
    }

    fn segment(&mut self, who: usize, flags: u8, payload: &[u8]) {
        let (from, to) = (ENDS[who], ENDS[1 - who]);
        self.id = self.id.wrapping_add(1);
        self.micros += 100;
        let len = u16::try_from(40 + payload.len()).unwrap();
        let mut bytes = vec![0x45, 0];
        bytes.extend(len.to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend([0, 0, 64, 6, 0, 0]);
        bytes.extend(from.0);
        bytes.extend(to.0);
        bytes.extend(from.1.to_be_bytes());
        bytes.extend(to.1.to_be_bytes());
        bytes.extend(self.seq[who].to_be_bytes());
        bytes.extend(self.seq[1 - who].to_be_bytes());
        bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(payload);
        self.packets.push(Packet {
            iface: 0,
            micros: self.micros,
            bytes,
        });
    }
}
