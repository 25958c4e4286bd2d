//! The packets of a recorded capture as plain Ethernet frames, and mischief that needs to know their connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use etherparse::{NetHeaders, PacketHeaders, TransportHeader};
use wscap::flow::{Endpoint, FlowKey};
use wscap::record::LinkType;
use wscap::time::{Stamp, Timestamp};

use crate::support::{OwnedRecord, reader};

/// Packets that a network swaps are no further apart than this, in nanoseconds.
const REACH: i64 = 3_000_000;

/// And by fewer places than this.
const WINDOW: usize = 5;

/// Where a packet comes from and where it goes.
pub(super) type Way = (Endpoint, Endpoint);

/// What the header of a packet says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) way: Way,
    /// Where TCP begins in the frame.
    pub(super) tcp: usize,
    seq: u32,
    pub(super) payload: usize,
    /// SYN, FIN or RST.
    pub(super) is_turn: bool,
    is_syn_or_rst: bool,
}

impl Seen {
    pub(super) fn flow(&self) -> FlowKey {
        FlowKey::new(self.way.0, self.way.1)
    }
}

/// The file as it is, in the order of time.
pub(crate) fn recorded(path: &Path) -> Vec<OwnedRecord> {
    let contents = reader::read(path);
    let mut records: Vec<OwnedRecord> = (1..)
        .zip(contents.packets)
        .map(|(frame, (iface, (nanos, data)))| {
            let at = Stamp {
                ts: Timestamp::from_nanos(i64::try_from(nanos).unwrap()),
                frame,
                source: 0,
                iface: u16::try_from(iface).unwrap(),
            };
            OwnedRecord::whole(at, LinkType(contents.links[iface as usize]), data)
        })
        .collect();
    records.sort_by_key(|record| record.at.ts);
    records
}

/// The TCP packets of these as Ethernet frames without padding, with what their headers say.
pub(super) fn plain(records: &[OwnedRecord]) -> Vec<OwnedRecord> {
    let mut plain = Vec::new();
    for record in records {
        let mut record = record.clone();
        let macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let (kind, from) = match record.link {
            LinkType::ETHERNET => ([record.data[12], record.data[13]], 14),
            LinkType::LINUX_SLL2 => {
                let iface = u16::from_be_bytes([record.data[6], record.data[7]]);
                record.at.iface = Stamp::COOKED | iface;
                ([record.data[0], record.data[1]], 20)
            }
            other => panic!("{other}"),
        };
        let ip = &record.data[from..];
        let len = match kind {
            [0x08, 0x00] => usize::from(u16::from_be_bytes([ip[2], ip[3]])),
            [0x86, 0xdd] => 40 + usize::from(u16::from_be_bytes([ip[4], ip[5]])),
            _ => continue,
        };
        let ip = &ip[..if len == 0 { ip.len() } else { len }];
        let data = [&macs[..], &kind, ip].concat();
        let frame = OwnedRecord::whole(record.at, LinkType::ETHERNET, data);
        if look(&frame).is_some() {
            plain.push(frame);
        }
    }
    plain
}

/// What the header of a plain frame says; `None` where it is not TCP.
pub(super) fn look(record: &OwnedRecord) -> Option<Seen> {
    let headers = PacketHeaders::from_ethernet_slice(&record.data).unwrap();
    let Some(TransportHeader::Tcp(tcp)) = headers.transport else {
        return None;
    };
    let (src, dst) = match headers.net? {
        NetHeaders::Ipv4(ip, _) => (ip.source.into(), ip.destination.into()),
        NetHeaders::Ipv6(ip, _) => (ip.source.into(), ip.destination.into()),
        NetHeaders::Arp(_) => return None,
    };
    let payload = headers.payload.slice().len();
    Some(Seen {
        way: (
            Endpoint::new(src, tcp.source_port),
            Endpoint::new(dst, tcp.destination_port),
        ),
        tcp: record.data.len() - payload - tcp.header_len(),
        seq: tcp.sequence_number,
        payload,
        is_turn: tcp.syn || tcp.fin || tcp.rst,
        is_syn_or_rst: tcp.syn || tcp.rst,
    })
}

/// These packets without some connections.
pub(super) fn without(records: &[OwnedRecord], flows: &BTreeSet<FlowKey>) -> Vec<OwnedRecord> {
    records
        .iter()
        .filter(|record| look(record).is_none_or(|seen| !flows.contains(&seen.flow())))
        .cloned()
        .collect()
}

/// Segments that one side sends in a row come in another order, as networks do it. A SYN or RST keeps its place: it
/// says what the bytes around it are worth.
pub(super) fn order(records: &[OwnedRecord], seed: u32) -> Vec<usize> {
    let heads: Vec<Seen> = records.iter().map(|record| look(record).unwrap()).collect();
    let in_a_row = |a: usize, b: usize| {
        let fixed = heads[a].is_syn_or_rst || heads[b].is_syn_or_rst;
        let apart = records[b].at.ts.as_nanos() - records[a].at.ts.as_nanos();
        heads[a].way == heads[b].way && !fixed && apart <= REACH
    };
    let mut order: Vec<usize> = (0..records.len()).collect();
    let mut random = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    for at in 0..records.len() {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let to = at + (random >> 29) as usize % WINDOW;
        if (at..to).all(|at| at + 1 < records.len() && in_a_row(at, at + 1)) {
            order.swap(at, to);
        }
    }
    order
}

/// Neighbours on the same connection that came within microseconds change places, as queues of a network card do it.
pub(super) fn raced(records: &[OwnedRecord], odd: usize) -> Vec<usize> {
    let heads: Vec<Seen> = records.iter().map(|record| look(record).unwrap()).collect();
    let mut order: Vec<usize> = (0..records.len()).collect();
    for at in (odd..records.len().saturating_sub(1)).step_by(2) {
        let apart = records[at + 1].at.ts.as_nanos() - records[at].at.ts.as_nanos();
        let fixed = heads[at].is_syn_or_rst || heads[at + 1].is_syn_or_rst;
        if heads[at].flow() == heads[at + 1].flow() && !fixed && apart <= 30_000 {
            order.swap(at, at + 1);
        }
    }
    order
}

/// Sequence numbers begin so that they wrap `before` bytes after the first of each way; a little more for each next one,
/// for two begin with the same only where they are one under other addresses.
pub(super) fn wrap(records: &[OwnedRecord], before: u32) -> Vec<OwnedRecord> {
    let mut shifts: BTreeMap<Way, u32> = BTreeMap::new();
    let mut firsts: Vec<u32> = Vec::new();
    for seen in records.iter().filter_map(look) {
        shifts.entry(seen.way).or_insert_with(|| {
            let known = firsts.iter().position(|first| *first == seen.seq);
            let place = known.unwrap_or(firsts.len());
            if known.is_none() {
                firsts.push(seen.seq);
            }
            let before = before.wrapping_add(u32::try_from(place).unwrap());
            0_u32.wrapping_sub(before).wrapping_sub(seen.seq)
        });
    }
    let mut shifted = records.to_vec();
    for record in &mut shifted {
        let seen = look(record).unwrap();
        let (src, dst) = seen.way;
        // Who was redirected is answered by another address: only the client's end is the same.
        let is_back = |way: &Way| match src.port {
            ..32_768 => way.0 == dst,
            _ => way.1 == src,
        };
        let back = shifts
            .get(&(dst, src))
            .or_else(|| {
                shifts
                    .iter()
                    .find(|(way, _)| is_back(way))
                    .map(|(_, by)| by)
            })
            .copied()
            .unwrap_or(0);
        let mut shift = |at: usize, by: u32| {
            let field = &mut record.data[at..at + 4];
            let value = u32::from_be_bytes(field.try_into().unwrap());
            if value != 0 {
                field.copy_from_slice(&value.wrapping_add(by).to_be_bytes());
            }
        };
        shift(seen.tcp + 4, shifts[&seen.way]);
        shift(seen.tcp + 8, back);
    }
    shifted
}

/// Every client was redirected on its way to its server: on `lo` the answers come from the address that it dialled.
pub(super) fn redirected(records: &[OwnedRecord]) -> Vec<OwnedRecord> {
    let mut redirected = records.to_vec();
    for record in &mut redirected {
        // By their places in a frame without options, for the frame may be cut short.
        let [source, port] = [14 + 12, 14 + 20];
        let port = u16::from_be_bytes([record.data[port], record.data[port + 1]]);
        // Servers of these captures listen on ports that no client has.
        if port < 32_768 {
            // 10.0.0.0/8 and 127.0.0.0/8 become networks that no capture has.
            record.data[source] = record.data[source].wrapping_add(OTHER_NETWORK);
        }
    }
    redirected
}

/// The endpoint that [`redirected`] made into this one.
pub(super) fn undirected(end: Endpoint) -> Endpoint {
    match end.addr {
        IpAddr::V4(addr) if matches!(addr.octets()[0], DIALLED_10 | DIALLED_127) => {
            let [a, b, c, d] = addr.octets();
            Endpoint::new([a - OTHER_NETWORK, b, c, d].into(), end.port)
        }
        _ => end,
    }
}

const OTHER_NETWORK: u8 = 40;
const DIALLED_10: u8 = 10 + OTHER_NETWORK;
const DIALLED_127: u8 = 127 + OTHER_NETWORK;
