//! Capture files too large to be made in memory: written packet by packet, with a header made by hand.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x01;

/// IPv4 address and port.
pub(crate) type End = (u32, u16);

/// A capture file in the making.
pub(crate) struct Flood {
    out: BufWriter<File>,
    /// Nanoseconds since the first packet.
    pub(crate) now: u64,
    /// Written so far.
    pub(crate) packets: u32,
    ip_id: u16,
}

/// Where a packet is a part of an IP datagram.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fragment {
    pub(crate) id: u16,
    /// In units of eight bytes.
    pub(crate) offset: u16,
    pub(crate) more: bool,
}

/// A TCP connection whose packets are written one by one.
pub(crate) struct Peers {
    ends: [End; 2],
    seq: [u32; 2],
}

impl Flood {
    pub(crate) fn create(path: &Path) -> Self {
        Self::into(File::create(path).unwrap())
    }

    /// Into a file or a pipe.
    pub(crate) fn into(out: File) -> Self {
        let mut out = BufWriter::with_capacity(1 << 20, out);
        // Nanoseconds, raw IP.
        for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 101_u32] {
            out.write_all(&word.to_le_bytes()).unwrap();
        }
        Self {
            out,
            now: 0,
            packets: 0,
            ip_id: 0,
        }
    }

    /// One TCP segment.
    pub(crate) fn segment(
        &mut self,
        [from, to]: [End; 2],
        flags: u8,
        [seq, ack]: [u32; 2],
        payload: &[u8],
    ) {
        self.ip_id = self.ip_id.wrapping_add(1);
        let mut tcp = Vec::with_capacity(20 + payload.len());
        tcp.extend(from.1.to_be_bytes());
        tcp.extend(to.1.to_be_bytes());
        tcp.extend(seq.to_be_bytes());
        tcp.extend(ack.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let whole = Fragment {
            id: self.ip_id,
            ..Fragment::default()
        };
        self.datagram([from.0, to.0], whole, &tcp);
    }

    /// One IPv4 packet of TCP.
    pub(crate) fn datagram(&mut self, [from, to]: [u32; 2], fragment: Fragment, content: &[u8]) {
        self.now += 10_000;
        self.packets += 1;
        let len = u16::try_from(20 + content.len()).unwrap();
        let place = fragment.offset | u16::from(fragment.more) << 13;
        let (secs, nanos) = (self.now / 1_000_000_000, self.now % 1_000_000_000);
        let (secs, nanos) = (u32::try_from(secs).unwrap(), u32::try_from(nanos).unwrap());
        let mut head = [0_u8; 36];
        for (at, word) in [1_700_000_000 + secs, nanos, len.into(), len.into()]
            .into_iter()
            .enumerate()
        {
            head[4 * at..4 * at + 4].copy_from_slice(&word.to_le_bytes());
        }
        head[16] = 0x45;
        head[18..20].copy_from_slice(&len.to_be_bytes());
        head[20..22].copy_from_slice(&fragment.id.to_be_bytes());
        head[22..24].copy_from_slice(&place.to_be_bytes());
        head[24..26].copy_from_slice(&[64, 6]);
        head[28..32].copy_from_slice(&from.to_be_bytes());
        head[32..36].copy_from_slice(&to.to_be_bytes());
        self.out.write_all(&head).unwrap();
        self.out.write_all(content).unwrap();
    }

    /// Nothing is captured for so many milliseconds.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now += millis * 1_000_000;
    }

    pub(crate) fn finish(mut self) {
        self.out.flush().unwrap();
    }
}

impl Peers {
    /// The three segments that open a connection.
    pub(crate) fn open(flood: &mut Flood, client: End, server: End) -> Self {
        let (host, port) = client;
        // As RFC 6528 has it: what begins with equal numbers is one connection under several addresses.
        let mixed = host
            .wrapping_mul(2_654_435_761)
            .wrapping_add(u32::from(port).wrapping_mul(40_503));
        let [first, other] = [mixed >> 2, mixed >> 3];
        let mut peers = Self {
            ends: [client, server],
            seq: [first, other],
        };
        flood.segment(peers.way(0), SYN, [first, 0], b"");
        flood.segment(peers.way(1), SYN | ACK, [other, first + 1], b"");
        peers.seq = [first + 1, other + 1];
        peers.send(flood, 0, b"");
        peers
    }

    /// The client (0) or the server (1) sends.
    pub(crate) fn send(&mut self, flood: &mut Flood, who: usize, payload: &[u8]) {
        let numbers = [self.seq[who], self.seq[1 - who]];
        flood.segment(self.way(who), ACK, numbers, payload);
        self.seq[who] += u32::try_from(payload.len()).unwrap();
    }

    /// The client sends, `ahead` bytes too early.
    pub(crate) fn send_ahead(&mut self, flood: &mut Flood, ahead: u32, payload: &[u8]) {
        let numbers = [self.seq[0] + ahead, self.seq[1]];
        flood.segment(self.way(0), ACK, numbers, payload);
    }

    /// Both have nothing more to send.
    pub(crate) fn close(mut self, flood: &mut Flood) {
        for who in [1, 0] {
            flood.segment(
                self.way(who),
                FIN | ACK,
                [self.seq[who], self.seq[1 - who]],
                b"",
            );
            self.seq[who] += 1;
        }
        self.send(flood, 1, b"");
    }

    fn way(&self, who: usize) -> [End; 2] {
        [self.ends[who], self.ends[1 - who]]
    }
}
