//! A yardstick: the least that who wants to know the frames of all WebSockets in a file must do, and nothing beside.
//!
//! It reads into one buffer, looks at Ethernet, IP and TCP once, looks up each packet's connection once, keeps each
//! direction in order, and jumps from frame header to frame header. It trusts lengths, checks no handshake, takes IPv6
//! addresses as digests, keeps one run of bytes for a direction out of order, and forgets no connection.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

/// One read asks for this much.
const READ: usize = 256 * 1024;
/// No packet is longer.
const LONGEST: usize = 256 * 1024;
/// Longest frame header.
const HEADER: usize = 14;

const FREE: u8 = 0;
const MET: u8 = 1;
const IN_ORDER: u8 = 2;
const SOCKET: u8 = 3;

/// What every packet needs of its connection, in one cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line {
    key: Key,
    /// Payload bytes of the frame under way.
    skip: [u64; 2],
    next: [u32; 2],
    id: u32,
    state: [u8; 2],
    /// Bytes of a frame header that is not whole; they are in `Rare`.
    have: [u8; 2],
    /// There are bytes out of order, in `Rare`.
    waits: [bool; 2],
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key {
    low: u64,
    high: u64,
    ports: u32,
}

/// What few packets need.
#[derive(Default)]
struct Rare {
    header: [u8; HEADER],
    start: u32,
    run: Vec<u8>,
}

#[derive(Default)]
struct Floor {
    lines: Vec<Line>,
    rare: HashMap<(u32, usize), Rare>,
    flows: u32,
    packets: u64,
    answers: u64,
    gaps: u64,
    opcodes: [u64; 16],
}

/// Reads a pcap file as this machine writes it, and says what is in it.
pub(crate) fn run(path: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; READ + LONGEST];
    let mut floor = Floor {
        lines: vec![Line::default(); 1 << 16],
        ..Floor::default()
    };
    file.read_exact(&mut buffer[..24])?;
    let mut have = 0;
    loop {
        let count = file.read(&mut buffer[have..have + READ])?;
        if count == 0 {
            return Ok(floor.counts());
        }
        have += count;
        let used = floor.walk(&buffer[..have]);
        buffer.copy_within(used..have, 0);
        have -= used;
    }
}

impl Floor {
    /// How many bytes are whole records.
    fn walk(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let Some((head, behind)) = rest.split_at_checked(16) {
            let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
            let Some((packet, behind)) = behind.split_at_checked(len) else {
                break;
            };
            self.packets += 1;
            self.packet(packet);
            rest = behind;
        }
        bytes.len() - rest.len()
    }

    fn packet(&mut self, packet: &[u8]) {
        let Some((key, dir, is_tcp, segment)) = parse(packet) else {
            return;
        };
        let at = self.look_up(key);
        if !is_tcp {
            return;
        }
        let (seq, flags) = (be32(segment, 4), segment[13]);
        let payload = &segment[usize::from(segment[12] >> 4) * 4..];
        let line = &mut self.lines[at];
        if flags & 2 != 0 {
            line.next[dir] = seq.wrapping_add(1);
            line.state[dir] = IN_ORDER;
            (line.skip[dir], line.have[dir], line.waits[dir]) = (0, 0, false);
            return;
        }
        if payload.is_empty() || line.state[dir] < IN_ORDER {
            return;
        }
        let known = line.next[dir].wrapping_sub(seq).cast_signed();
        if known < 0 {
            return self.hold(at, dir, seq, payload);
        }
        let Some(new) = payload.get(known as usize..).filter(|new| !new.is_empty()) else {
            return;
        };
        self.data(at, dir, new);
        if self.lines[at].waits[dir] {
            self.release(at, dir);
        }
    }

    /// Where the connection stands in the table.
    fn look_up(&mut self, key: Key) -> usize {
        let mut at = place(key, self.lines.len());
        while self.lines[at].state != [FREE; 2] {
            if self.lines[at].key == key {
                return at;
            }
            at = (at + 1) & (self.lines.len() - 1);
        }
        if self.flows as usize * 2 > self.lines.len() {
            self.grow();
            return self.look_up(key);
        }
        self.lines[at] = Line {
            key,
            id: self.flows,
            state: [MET; 2],
            ..Line::default()
        };
        self.flows += 1;
        at
    }

    fn grow(&mut self) {
        let mut lines = vec![Line::default(); self.lines.len() * 2];
        for line in self.lines.iter().filter(|line| line.state != [FREE; 2]) {
            let mut at = place(line.key, lines.len());
            while lines[at].state != [FREE; 2] {
                at = (at + 1) & (lines.len() - 1);
            }
            lines[at] = *line;
        }
        self.lines = lines;
    }

    /// Bytes ahead of their turn: one run of them is kept.
    fn hold(&mut self, at: usize, dir: usize, seq: u32, payload: &[u8]) {
        let line = &mut self.lines[at];
        let rare = self.rare.entry((line.id, dir)).or_default();
        if !line.waits[dir] {
            line.waits[dir] = true;
            rare.start = seq;
            rare.run.clear();
        }
        let offset = seq.wrapping_sub(rare.start) as usize;
        if offset == rare.run.len() {
            rare.run.extend(payload);
        } else if offset + payload.len() > rare.run.len() {
            self.gaps += 1;
        }
    }

    /// What was kept, if its turn has come.
    fn release(&mut self, at: usize, dir: usize) {
        let line = &mut self.lines[at];
        let Some(rare) = self.rare.get_mut(&(line.id, dir)) else {
            return;
        };
        let known = line.next[dir].wrapping_sub(rare.start).cast_signed();
        if known < 0 {
            return;
        }
        line.waits[dir] = false;
        let run = std::mem::take(&mut rare.run);
        self.data(at, dir, run.get(known as usize..).unwrap_or_default());
    }

    /// Bytes of one direction in order.
    fn data(&mut self, at: usize, dir: usize, bytes: &[u8]) {
        let line = &mut self.lines[at];
        line.next[dir] = line.next[dir].wrapping_add(bytes.len() as u32);
        if line.state[dir] == SOCKET {
            self.frames(at, dir, bytes);
        } else if bytes.starts_with(b"HTTP/1.1 101") {
            self.answers += 1;
            line.state = [SOCKET; 2];
            let head = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
            self.frames(at, dir, &bytes[head..]);
        }
    }

    fn frames(&mut self, at: usize, dir: usize, mut bytes: &[u8]) {
        let line = &mut self.lines[at];
        loop {
            let Some(behind) = bytes.get(line.skip[dir] as usize..) else {
                line.skip[dir] -= bytes.len() as u64;
                return;
            };
            bytes = behind;
            line.skip[dir] = 0;
            let mut whole = [0; HEADER];
            let had = usize::from(line.have[dir]);
            let mut header = bytes;
            if had > 0 {
                let kept = &self.rare[&(line.id, dir)].header;
                whole[..had].copy_from_slice(&kept[..had]);
                let more = bytes.len().min(HEADER - had);
                whole[had..had + more].copy_from_slice(&bytes[..more]);
                header = &whole[..had + more];
            }
            let Some((len, payload)) = frame(header) else {
                if header.len() > had {
                    let rare = self.rare.entry((line.id, dir)).or_default();
                    rare.header[..header.len()].copy_from_slice(header);
                    line.have[dir] = header.len() as u8;
                }
                return;
            };
            self.opcodes[usize::from(header[0] & 15)] += 1;
            line.have[dir] = 0;
            line.skip[dir] = payload;
            bytes = &bytes[len - had..];
        }
    }

    fn counts(&self) -> String {
        let of = |opcode: usize| self.opcodes[opcode];
        serde_json::json!({
            "packets": self.packets, "flows": self.flows, "up101": self.answers, "gaps": self.gaps,
            "frames": {
                "cont": of(0), "text": of(1), "bin": of(2), "close": of(8), "ping": of(9), "pong": of(10),
            },
        })
        .to_string()
    }
}

/// Lengths of header and payload; `None` where the header is not whole.
fn frame(bytes: &[u8]) -> Option<(usize, u64)> {
    let [_, second, rest @ ..] = bytes else {
        return None;
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (len, payload) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    (bytes.len() >= len + mask).then_some((len + mask, payload))
}

/// Connection, direction (1 from the lower port), whether it is TCP, and the bytes from the transport header on.
fn parse(packet: &[u8]) -> Option<(Key, usize, bool, &[u8])> {
    let ip = packet.get(14..).filter(|ip| ip.len() >= 40)?;
    let (protocol, src, dst, transport) = match (packet[12], packet[13]) {
        (0x08, 0x00) => {
            let (start, end) = (usize::from(ip[0] & 15) * 4, be16(ip, 2));
            (
                ip[9],
                be32(ip, 12).into(),
                be32(ip, 16).into(),
                ip.get(start..usize::from(end))?,
            )
        }
        (0x86, 0xdd) => {
            let digest = |at| be64(ip, at).wrapping_mul(31).wrapping_add(be64(ip, at + 8));
            (
                ip[6],
                digest(8),
                digest(24),
                ip.get(40..40 + usize::from(be16(ip, 4)))?,
            )
        }
        _ => return None,
    };
    let is_tcp = match protocol {
        6 => true,
        17 => false,
        _ => return None,
    };
    let (from, to) = (be16(transport, 0), be16(transport, 2));
    let from_server = (from, src) < (to, dst);
    let (low, high, ports) = if from_server {
        (src, dst, [from, to])
    } else {
        (dst, src, [to, from])
    };
    let ports = u32::from(ports[0]) << 16 | u32::from(ports[1]);
    let key = Key {
        low: low ^ u64::from(is_tcp) << 40,
        high,
        ports,
    };
    Some((key, usize::from(from_server), is_tcp, transport))
}

/// Where a key would stand in a table of `len` lines, a power of two.
fn place(key: Key, len: usize) -> usize {
    let ports = u64::from(key.ports).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (key.low ^ key.high.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(ports);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ mixed >> 29) as usize & (len - 1)
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().unwrap())
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(*bytes[at..].first_chunk().unwrap())
}
