//! Packets: Ethernet, IP and TCP around what is said, with valid checksums, as records of a pcap file.

use std::io::{self, Write};

use super::truth::{Class, Truth};
use super::{DEFLATED, Profile, Rng};

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

const UDP: u8 = 17;
const TCP: u8 = 6;
/// Ports that TCP connections of a proxy or a client come from.
const PORTS: u64 = 64_511;

/// Bytes to talk with, and those that nobody could read.
pub(crate) struct Pools {
    pub(crate) text: Vec<u8>,
    pub(crate) noise: Vec<u8>,
    /// Messages as permessage-deflate makes them (RFC 7692 §7.2.1), of blocks that are stored.
    pub(crate) deflated: Vec<Vec<u8>>,
}

/// Length of either.
pub(crate) const POOL: u64 = 4 << 20;

/// The file in the making, its clock, its dice.
pub(crate) struct Wire<'w> {
    out: &'w mut dyn Write,
    failed: Option<io::Error>,
    packet: Vec<u8>,
    /// Nanoseconds.
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) truth: Truth,
    pub(crate) pools: Pools,
    pub(crate) profile: Profile,
    clients: u64,
    upstreams: u64,
}

/// One side of a connection.
#[derive(Clone, Debug, Default)]
struct End {
    mac: [u8; 6],
    /// IPv4 in the first four.
    ip: [u8; 16],
    port: u16,
    seq: u32,
    /// TCP timestamp.
    clock: u32,
    ip_id: u16,
    ttl: u8,
}

/// One connection: the client's end, the server's end.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    kind: &'static str,
    ends: [End; 2],
    pub(crate) v6: bool,
    /// Nanoseconds.
    pub(crate) rtt: u64,
    /// Its handshake of TCP came before the capture.
    mid_stream: bool,
    seen: bool,
}

/// Between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    ClientToProxy,
    ProxyToBackend,
    /// From another address of the proxy.
    OtherProxyAddress,
}

impl Leg {
    /// What fits into one segment beside the timestamps.
    pub(crate) const fn segment_size(&self) -> usize {
        if self.v6 { 1428 } else { 1448 }
    }

    pub(crate) const fn server_port(&self) -> u16 {
        self.ends[SERVER].port
    }

    pub(crate) const fn begin_mid_stream(&mut self) {
        self.mid_stream = true;
    }

    /// The client as it stands in X-Forwarded-For.
    pub(crate) fn client(&self) -> String {
        let ip = self.ends[CLIENT].ip;
        if self.v6 {
            std::net::Ipv6Addr::from(ip).to_string()
        } else {
            std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]).to_string()
        }
    }
}

impl<'w> Wire<'w> {
    /// Begins a file with its header.
    pub(crate) fn new(
        out: &'w mut dyn Write,
        profile: Profile,
        (start, seed): (u64, u64),
        truth: Truth,
    ) -> Self {
        let mut rng = Rng(seed);
        let pools = Pools::new(&mut rng);
        let mut wire = Self {
            out,
            failed: None,
            packet: Vec::with_capacity(2048),
            now: start,
            rng,
            truth,
            pools,
            profile,
            clients: 0,
            upstreams: 0,
        };
        // Magic, version 2.4, zone, precision, snap length, Ethernet.
        let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1];
        wire.write(&header.map(u32::to_le_bytes).concat());
        wire
    }

    /// Whether all was written.
    pub(crate) fn finish(mut self) -> io::Result<Truth> {
        self.truth.close();
        match self.failed {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.truth),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.truth.bytes += bytes.len() as u64;
        if let Err(error) = self.out.write_all(bytes) {
            self.failed.get_or_insert(error);
        }
    }

    /// A new connection. No two of one file have the same addresses and ports.
    pub(crate) fn leg(&mut self, kind: &'static str, v6: bool, place: Place) -> Leg {
        let upstream = place != Place::ClientToProxy;
        let proxy = if place == Place::OtherProxyAddress {
            8
        } else {
            7
        };
        let (client, server, port);
        if upstream {
            // Ports and backends have no common divisor, so that a pair comes again only after millions.
            let nth = self.upstreams;
            self.upstreams += 1;
            port = 1025 + nth % PORTS;
            let (rack, host) = ((nth >> 5 & 3) as u8, (2 + nth % 32) as u8);
            client = if v6 {
                six(0xfd00, proxy, 0x10)
            } else {
                four([192, 168, proxy, 10])
            };
            server = if v6 {
                six(0xfd00, 20 + rack, host)
            } else {
                four([172, 20, rack, host])
            };
        } else {
            // An odd factor goes through all addresses before one comes again.
            let nth = self.clients;
            self.clients += 1;
            let mixed = nth.wrapping_mul(0x9e37_79b1);
            port = self.rng.range(1025, 65_535);
            client = if v6 {
                let mut ip = six(0x2001, 0, 1);
                ip[2..4].copy_from_slice(&[0x0d, 0xb8]);
                ip[8..12].copy_from_slice(&(mixed as u32).to_be_bytes());
                ip
            } else {
                four([10, (mixed >> 16) as u8, (mixed >> 8) as u8, mixed as u8])
            };
            server = if v6 {
                six(0xfd00, 7, 0x10)
            } else {
                four([192, 168, 7, 10])
            };
        }
        let open = if upstream { [3000, 8080] } else { [80, 8080] };
        let server_port = match kind {
            "tls" => 443,
            "udp" => self.rng.pick(&[53, 443]),
            _ => self.rng.pick(&open),
        };
        let rng = &mut self.rng;
        let mut end = |ip, port, is_server: bool| End {
            mac: [
                2,
                0x42,
                10,
                u8::from(upstream),
                u8::from(is_server),
                rng.below(8) as u8,
            ],
            ip,
            port,
            seq: rng.next() as u32,
            clock: rng.next() as u32,
            ip_id: rng.next() as u16,
            ttl: if is_server {
                64
            } else {
                rng.range(48, 64) as u8
            },
        };
        Leg {
            kind,
            ends: [
                end(client, port as u16, false),
                end(server, server_port, true),
            ],
            v6,
            rtt: 0,
            mid_stream: false,
            seen: false,
        }
    }

    /// SYN and its answer.
    pub(crate) fn connect(&mut self, leg: &mut Leg) {
        self.segment(leg, CLIENT, SYN, &[]);
        self.segment(leg, SERVER, SYN | ACK, &[]);
    }

    /// One segment; two in a thousand with data are sent twice.
    pub(crate) fn segment(&mut self, leg: &mut Leg, from: usize, flags: u8, payload: &[u8]) {
        let seq = leg.ends[from].seq;
        self.tcp(leg, (from, seq), flags, payload);
        let taken = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        leg.ends[from].seq = seq.wrapping_add(taken);
        if !payload.is_empty() && self.rng.chance(20) {
            self.tcp(leg, (from, seq), flags, payload);
            self.truth.retransmits += 1;
        }
    }

    /// Two neighbours in the wrong order.
    pub(crate) fn swapped(&mut self, leg: &mut Leg, from: usize, parts: [&[u8]; 2], flags: u8) {
        let seq = leg.ends[from].seq;
        leg.ends[from].seq = seq.wrapping_add(parts[0].len() as u32);
        self.segment(leg, from, flags, parts[1]);
        self.tcp(leg, (from, seq), ACK, parts[0]);
        self.truth.swapped += 1;
    }

    /// A segment without data.
    pub(crate) fn ack(&mut self, leg: &mut Leg, from: usize) {
        self.truth.pure_acks += 1;
        self.segment(leg, from, ACK, &[]);
    }

    /// Bytes in full segments, every second of them acknowledged.
    pub(crate) fn stream(&mut self, leg: &mut Leg, from: usize, bytes: &[u8]) {
        let size = leg.segment_size();
        let last = bytes.len().div_ceil(size);
        for (nth, part) in (1..).zip(bytes.chunks(size)) {
            let push = if nth == last { PSH } else { 0 };
            self.segment(leg, from, ACK | push, part);
            if nth % 2 == 0 || nth == last {
                self.ack(leg, 1 - from);
            }
        }
    }

    /// Both sides end.
    pub(crate) fn finish_leg(&mut self, leg: &mut Leg, first: usize) {
        self.segment(leg, first, FIN | ACK, &[]);
        self.segment(leg, 1 - first, FIN | ACK, &[]);
        self.ack(leg, first);
    }

    fn tcp(&mut self, leg: &mut Leg, (from, seq): (usize, u32), flags: u8, payload: &[u8]) {
        let (mine, theirs) = (&leg.ends[from], &leg.ends[1 - from]);
        let acked = if flags & ACK == 0 { 0 } else { theirs.seq };
        let echo = theirs.clock;
        let clock = mine.clock.wrapping_add(self.rng.range(1, 3) as u32);
        let header = if flags & SYN == 0 { 32 } else { 40 };
        let start = self.ip(leg, from, TCP, header + payload.len());
        let ports = [leg.ends[from].port, leg.ends[1 - from].port];
        let packet = &mut self.packet;
        packet.extend(ports.map(u16::to_be_bytes).as_flattened());
        packet.extend([seq, acked].map(u32::to_be_bytes).as_flattened());
        packet.extend([(header as u8 / 4) << 4, flags]);
        let window: u16 = if flags & SYN == 0 { 501 } else { 64_240 };
        packet.extend(window.to_be_bytes());
        packet.extend([0; 4]);
        let times = [clock, echo].map(u32::to_be_bytes);
        if flags & SYN == 0 {
            packet.extend([1, 1, 8, 10]);
            packet.extend(times.as_flattened());
        } else {
            // Largest segment, selective acknowledgments, timestamps, window scale.
            let most: u16 = if leg.v6 { 1440 } else { 1460 };
            packet.extend([2, 4]);
            packet.extend(most.to_be_bytes());
            packet.extend([4, 2, 8, 10]);
            packet.extend(times.as_flattened());
            packet.extend([1, 3, 3, 7]);
        }
        packet.extend(payload);
        leg.ends[from].clock = clock;
        self.record(leg, from, (start, 16));
    }

    /// One UDP packet.
    pub(crate) fn datagram(&mut self, leg: &mut Leg, from: usize, payload: &[u8]) {
        let len = 8 + payload.len();
        let start = self.ip(leg, from, UDP, len);
        let ports = [leg.ends[from].port, leg.ends[1 - from].port, len as u16, 0];
        self.packet
            .extend(ports.map(u16::to_be_bytes).as_flattened());
        self.packet.extend(payload);
        self.record(leg, from, (start, 6));
    }

    /// Ethernet and IP; where the transport header begins.
    fn ip(&mut self, leg: &mut Leg, from: usize, protocol: u8, len: usize) -> usize {
        let id = leg.ends[from].ip_id;
        leg.ends[from].ip_id = id.wrapping_add(1);
        let (src, dst) = (&leg.ends[from], &leg.ends[1 - from]);
        let packet = &mut self.packet;
        packet.clear();
        packet.extend(dst.mac);
        packet.extend(src.mac);
        if leg.v6 {
            packet.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            packet.extend((len as u16).to_be_bytes());
            packet.extend([protocol, src.ttl]);
            packet.extend(src.ip);
            packet.extend(dst.ip);
        } else {
            packet.extend([0x08, 0x00, 0x45, 0]);
            packet.extend((20 + len as u16).to_be_bytes());
            packet.extend(id.to_be_bytes());
            packet.extend([0x40, 0, src.ttl, protocol, 0, 0]);
            packet.extend(&src.ip[..4]);
            packet.extend(&dst.ip[..4]);
            let checksum = !folded(sum(&packet[14..]));
            packet[24..26].copy_from_slice(&checksum.to_be_bytes());
        }
        packet.len()
    }

    /// Puts the checksum where it belongs, and the packet into the file.
    fn record(&mut self, leg: &mut Leg, from: usize, (start, checksum): (usize, usize)) {
        let ip_len = if leg.v6 { 16 } else { 4 };
        let protocol = if leg.kind == "udp" { UDP } else { TCP };
        let length = (self.packet.len() - start) as u64;
        let both = sum(&leg.ends[from].ip[..ip_len]) + sum(&leg.ends[1 - from].ip[..ip_len]);
        let all = both + u64::from(protocol) + length + sum(&self.packet[start..]);
        let at = start + checksum;
        self.packet[at..at + 2].copy_from_slice(&(!folded(all)).to_be_bytes());
        // Ethernet has no shorter frames.
        self.packet.resize(self.packet.len().max(60), 0);

        if !leg.seen {
            leg.seen = true;
            self.truth.flows.add(leg.kind);
            if leg.mid_stream {
                self.truth.ws_midstream += 1;
                self.truth.closings.of(Class::MidStream).add("open");
            }
        }
        self.truth.packets += 1;
        self.truth.ipv6_packets += u64::from(leg.v6);
        let micros = self.now / 1000;
        let len = self.packet.len() as u32;
        let head = [
            (micros / 1_000_000) as u32,
            (micros % 1_000_000) as u32,
            len,
            len,
        ];
        self.write(head.map(u32::to_le_bytes).as_flattened());
        let packet = std::mem::take(&mut self.packet);
        self.write(&packet);
        self.packet = packet;
        self.now += self.rng.range(700, 1300);
    }
}

impl Pools {
    fn new(rng: &mut Rng) -> Self {
        const WORDS: &[&str] = &[
            "price",
            "user",
            "\"id\":",
            "status",
            "update",
            "{\"type\":\"event\",",
            "room",
            "true",
            "null",
            "channel",
            "payload",
            "message",
            "\"seq\":",
            "order",
            "},",
            "[",
            "]",
            "\"data\":{",
        ];
        let mut text = Vec::new();
        while text.len() < POOL as usize {
            let word = rng.pick(WORDS);
            let number = rng.next() as u32;
            let _ = write!(text, "{word} {number},");
        }
        text.truncate(POOL as usize);
        let noise: Vec<u8> = (0..POOL / 8)
            .flat_map(|_| rng.next().to_le_bytes())
            .collect();
        let deflated = (0..DEFLATED).map(|nth| {
            let len = if nth % 16 == 0 {
                rng.range(360, 2000)
            } else {
                rng.range(20, 360)
            } as u16;
            let start = rng.below(POOL - 2048) as usize;
            let block = &noise[start..start + usize::from(len)];
            [
                &[0][..],
                &len.to_le_bytes(),
                &(!len).to_le_bytes(),
                block,
                &[0],
            ]
            .concat()
        });
        Self {
            deflated: deflated.collect(),
            noise,
            text,
        }
    }
}

fn four(ip: [u8; 4]) -> [u8; 16] {
    let mut all = [0; 16];
    all[..4].copy_from_slice(&ip);
    all
}

fn six(prefix: u16, net: u8, host: u8) -> [u8; 16] {
    let mut all = [0; 16];
    all[..2].copy_from_slice(&prefix.to_be_bytes());
    all[7] = net;
    all[15] = host;
    all
}

/// 16-bit words, the last one filled up (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |byte| u64::from(*byte) << 8);
    let words: u64 = words
        .iter()
        .map(|word| u64::from(u16::from_be_bytes(*word)))
        .sum();
    words + last
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
