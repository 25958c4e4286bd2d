//! What networks and captures do to packets. Each takes Ethernet frames and gives records; times stay with the place,
//! not with the packet, so that a capture stays in order of time.

use etherparse::{NetHeaders, PacketHeaders, TcpHeader, TransportHeader};
use wscap::record::LinkType;
use wscap::time::Stamp;

use super::OwnedRecord;
use super::conversation::frame;

/// Puts the packets in another order: `order` holds the old place of each new one.
pub(crate) fn reorder(records: &[OwnedRecord], order: &[usize]) -> Vec<OwnedRecord> {
    assert_eq!(records.len(), order.len());
    let moved = order.iter().map(|&from| records[from].clone()).collect();
    stamped(moved, records)
}

/// Packets come twice: those whose places are named.
pub(crate) fn duplicate(records: &[OwnedRecord], places: &[usize]) -> Vec<OwnedRecord> {
    let mut twice = Vec::new();
    for (place, record) in records.iter().enumerate() {
        twice.push(record.clone());
        if places.contains(&place) {
            twice.push(record.clone());
        }
    }
    numbered(twice)
}

/// Each packet comes again on another interface, one hop further, as a bridge or `-i any` shows it.
pub(crate) fn copy_to(records: &[OwnedRecord], iface: u16) -> Vec<OwnedRecord> {
    let mut twice = Vec::new();
    for record in records {
        let mut copy = record.clone();
        copy.at.iface = iface;
        twice.extend([record.clone(), copy]);
    }
    numbered(twice)
}

/// Packets are lost: those whose places are named.
pub(crate) fn lose(records: &[OwnedRecord], places: &[usize]) -> Vec<OwnedRecord> {
    let kept = records.iter().enumerate();
    let kept = kept.filter(|(place, _)| !places.contains(place));
    numbered(kept.map(|(_, record)| record.clone()).collect())
}

/// The capture kept only the first bytes of each packet.
pub(crate) fn truncate(records: &[OwnedRecord], snaplen: usize) -> Vec<OwnedRecord> {
    let mut cut = records.to_vec();
    for record in &mut cut {
        record.data.truncate(snaplen);
    }
    cut
}

/// The same bytes in segments of at most `size`.
pub(crate) fn resegment(records: &[OwnedRecord], size: usize) -> Vec<OwnedRecord> {
    let mut out = Vec::new();
    for record in records {
        let (tcp, payload) = segment(record);
        if payload.len() <= size {
            out.push(record.clone());
            continue;
        }
        let mut at = 0;
        for part in payload.chunks(size) {
            let is_last = at + part.len() == payload.len();
            out.push(with_segment(record, &tcp, at, part, is_last));
            at += part.len();
        }
    }
    numbered(out)
}

/// Each segment also repeats the last `bytes` of the one before it in its direction.
pub(crate) fn overlap(records: &[OwnedRecord], bytes: usize) -> Vec<OwnedRecord> {
    let mut before: Vec<(u16, u16, u32, Vec<u8>)> = Vec::new();
    let mut out = Vec::new();
    for record in records {
        let (tcp, payload) = segment(record);
        let known = before
            .iter_mut()
            .find(|(from, to, ..)| (*from, *to) == (tcp.source_port, tcp.destination_port));
        let mut head = Vec::new();
        if let Some((_, _, end, tail)) = &known
            && *end == tcp.sequence_number
            && !payload.is_empty()
        {
            head = tail[tail.len().saturating_sub(bytes)..].to_vec();
        }
        let mut tcp_before = tcp.clone();
        tcp_before.sequence_number = tcp
            .sequence_number
            .wrapping_sub(u32::try_from(head.len()).unwrap());
        let whole = [head.as_slice(), &payload].concat();
        out.push(with_segment(record, &tcp_before, 0, &whole, true));
        let end = tcp
            .sequence_number
            .wrapping_add(u32::try_from(payload.len()).unwrap());
        if !payload.is_empty() {
            match known {
                Some(known) => (known.2, known.3) = (end, payload),
                None => before.push((tcp.source_port, tcp.destination_port, end, payload)),
            }
        }
    }
    numbered(out)
}

/// What the packets are wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Ethernet,
    Vlan,
    QinQ,
    Mpls,
    Pppoe,
    Sll,
    Sll2,
    Null,
    Loop,
    Raw,
    Ppp,
    Gre,
    Erspan,
    Vxlan,
    Geneve,
    IpInIp,
}

impl Wrap {
    pub(crate) const ALL: [Self; 16] = [
        Self::Ethernet,
        Self::Vlan,
        Self::QinQ,
        Self::Mpls,
        Self::Pppoe,
        Self::Sll,
        Self::Sll2,
        Self::Null,
        Self::Loop,
        Self::Raw,
        Self::Ppp,
        Self::Gre,
        Self::Erspan,
        Self::Vxlan,
        Self::Geneve,
        Self::IpInIp,
    ];
}

/// Wraps IPv4 or IPv6 frames into another link layer or tunnel.
pub(crate) fn encapsulate(records: &[OwnedRecord], wrap: Wrap) -> Vec<OwnedRecord> {
    records.iter().map(|record| wrapped(record, wrap)).collect()
}

fn wrapped(record: &OwnedRecord, wrap: Wrap) -> OwnedRecord {
    let (macs, rest) = record.data.split_at(12);
    let (kind, ip) = rest.split_at(2);
    let is_v4 = kind == [0x08, 0x00];
    let ethernet = |head: &[u8], tail: &[u8]| (LinkType::ETHERNET, [macs, head, tail].concat());
    let ppp: &[u8] = if is_v4 { &[0x00, 0x21] } else { &[0x00, 0x57] };
    let (link, data) = match wrap {
        Wrap::Ethernet => ethernet(&[], rest),
        Wrap::Vlan => ethernet(&[0x81, 0x00, 0x00, 0x2a], rest),
        Wrap::QinQ => ethernet(&[0x88, 0xa8, 0x00, 0x2a, 0x81, 0x00, 0x00, 0x07], rest),
        Wrap::Mpls => ethernet(
            &[0x88, 0x47, 0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40],
            ip,
        ),
        Wrap::Pppoe => {
            let len = u16::try_from(ip.len() + 2).unwrap().to_be_bytes();
            let head = [&[0x88, 0x64, 0x11, 0x00, 0x00, 0x07], len.as_slice(), ppp].concat();
            ethernet(&head, ip)
        }
        Wrap::Sll => {
            let head = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            (LinkType::LINUX_SLL, [head.as_slice(), rest].concat())
        }
        Wrap::Sll2 => {
            let head = [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            (LinkType::LINUX_SLL2, [kind, head.as_slice(), ip].concat())
        }
        Wrap::Null => {
            let family: u32 = if is_v4 { 2 } else { 30 };
            (
                LinkType::NULL,
                [family.to_le_bytes().as_slice(), ip].concat(),
            )
        }
        Wrap::Loop => {
            let family: u32 = if is_v4 { 2 } else { 24 };
            (
                LinkType::LOOP,
                [family.to_be_bytes().as_slice(), ip].concat(),
            )
        }
        Wrap::Raw => (LinkType::RAW, ip.to_vec()),
        Wrap::Ppp => (LinkType::PPP, [&[0xff, 0x03], ppp, ip].concat()),
        Wrap::Gre => outer(macs, 47, &[&[0x00, 0x00], kind, ip].concat()),
        Wrap::Erspan => {
            let gre = [0x10, 0x00, 0x88, 0xbe, 0, 0, 0, 1];
            let erspan = [0x10, 0x2a, 0, 1, 0, 0, 0, 0];
            outer(macs, 47, &[gre.as_slice(), &erspan, &record.data].concat())
        }
        Wrap::Vxlan => {
            let vxlan = [0x08, 0, 0, 0, 0, 0, 7, 0];
            outer(
                macs,
                17,
                &udp(4789, &[vxlan.as_slice(), &record.data].concat()),
            )
        }
        Wrap::Geneve => {
            let geneve = [0x01, 0, 0x65, 0x58, 0, 0, 7, 0, 0x01, 0x02, 0x03, 0x00];
            outer(
                macs,
                17,
                &udp(6081, &[geneve.as_slice(), &record.data].concat()),
            )
        }
        Wrap::IpInIp => outer(macs, if is_v4 { 4 } else { 41 }, ip),
    };
    OwnedRecord::whole(record.at, link, data)
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
    [
        &[0xd0, 0x00],
        port.to_be_bytes().as_slice(),
        &len,
        &[0, 0],
        payload,
    ]
    .concat()
}

fn outer(macs: &[u8], protocol: u8, payload: &[u8]) -> (LinkType, Vec<u8>) {
    let len = u16::try_from(payload.len() + 20).unwrap().to_be_bytes();
    let ip = [
        0x45, 0, len[0], len[1], 0, 9, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    let data = [macs, &[0x08, 0x00], ip.as_slice(), payload].concat();
    (LinkType::ETHERNET, data)
}

/// Cuts IPv4 packets into fragments with at most `size` bytes of payload, a multiple of eight.
pub(crate) fn fragment(records: &[OwnedRecord], size: usize) -> Vec<OwnedRecord> {
    let mut out = Vec::new();
    for record in records {
        let (head, payload) = record.data.split_at(34);
        if payload.len() <= size {
            out.push(record.clone());
            continue;
        }
        let mut offset = 0;
        for part in payload.chunks(size) {
            let more = offset + part.len() < payload.len();
            let field = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
            let mut data = [head, part].concat();
            data[16..18].copy_from_slice(&u16::try_from(part.len() + 20).unwrap().to_be_bytes());
            data[20..22].copy_from_slice(&field.to_be_bytes());
            out.push(OwnedRecord::whole(record.at, record.link, data));
            offset += part.len();
        }
    }
    numbered(out)
}

/// TCP header and payload of an Ethernet frame.
pub(crate) fn segment(record: &OwnedRecord) -> (TcpHeader, Vec<u8>) {
    let headers = PacketHeaders::from_ethernet_slice(&record.data).unwrap();
    let Some(TransportHeader::Tcp(tcp)) = headers.transport else {
        panic!("not TCP");
    };
    (tcp, headers.payload.slice().to_vec())
}

/// The frame with part of its payload, or with another.
fn with_segment(
    record: &OwnedRecord,
    tcp: &TcpHeader,
    at: usize,
    payload: &[u8],
    is_last: bool,
) -> OwnedRecord {
    let headers = PacketHeaders::from_ethernet_slice(&record.data).unwrap();
    let mut tcp = tcp.clone();
    tcp.sequence_number = tcp.sequence_number.wrapping_add(u32::try_from(at).unwrap());
    tcp.fin &= is_last;
    let (src, dst, id) = match headers.net.unwrap() {
        NetHeaders::Ipv4(ip, _) => (ip.source.into(), ip.destination.into(), ip.identification),
        NetHeaders::Ipv6(ip, _) => (ip.source.into(), ip.destination.into(), 0),
        NetHeaders::Arp(_) => panic!("not IP"),
    };
    let data = frame(src, dst, id, tcp, payload);
    OwnedRecord::whole(record.at, record.link, data)
}

/// Gives each record the stamp of its place in `places`.
fn stamped(mut records: Vec<OwnedRecord>, places: &[OwnedRecord]) -> Vec<OwnedRecord> {
    for (record, place) in records.iter_mut().zip(places) {
        record.at = Stamp {
            iface: record.at.iface,
            ..place.at
        };
    }
    records
}

/// Numbers the frames anew.
fn numbered(mut records: Vec<OwnedRecord>) -> Vec<OwnedRecord> {
    for (frame, record) in (1..).zip(&mut records) {
        record.at.frame = frame;
    }
    records
}
