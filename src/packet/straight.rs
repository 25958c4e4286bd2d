//! The way that nearly every record goes, in one look at fixed places: Ethernet, IP without options, TCP, all of it
//! captured. What is anything else, or has anything in between, is walked over layer by layer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Flags, Segment, Usual, ip, link};
use crate::flow::{Endpoint, Ends};
use crate::record::{LinkType, Record};

const ETHERNET: usize = 14;
const V4: usize = 20;
const V6: usize = 40;
const TCP: usize = 20;
/// More fragments, and the offset; above them is the bit that forbids any.
const FRAGMENT_BITS: u32 = 14;

/// Takes the ends of the segment of a record, and what the short way looks at of it, if it went this way.
#[inline]
pub(crate) fn usual<'a>(record: &Record<'a>, take: impl FnOnce(Ends, Usual<'a>)) {
    look(record, |ends, usual, _| take(ends, usual));
}

/// The segment of a record, if it went this way.
#[inline]
pub(crate) fn segment<'a>(record: &Record<'a>) -> Option<Segment<'a>> {
    look(record, |ends, usual, tcp| {
        let (src, dst) = ends.endpoints();
        Segment {
            at: record.at,
            src,
            dst,
            seq: usual.seq,
            ack: usual.ack,
            flags: usual.flags,
            window: u16::from_be_bytes([tcp[14], tcp[15]]),
            ttl: usual.ttl,
            ip_id: usual.ip_id,
            payload: usual.payload,
            missing: 0,
        }
    })
}

/// What `take` makes of a segment: of its ends, what is usual, and the TCP header. Each way calls it where it found these, for
/// the ends of one are a quarter of those of the other, and nearly all records go by that one.
#[inline]
fn look<'a, T>(
    record: &Record<'a>,
    take: impl FnOnce(Ends, Usual<'a>, &[u8; TCP]) -> T,
) -> Option<T> {
    if record.link != LinkType::ETHERNET {
        return None;
    }
    let head: &[u8; ETHERNET] = record.data.first_chunk()?;
    match u16::from_be_bytes([head[12], head[13]]) {
        link::IPV4 => v4(record.data, take),
        link::IPV6 => v6(record.data, take),
        _ => None,
    }
}

#[inline]
fn v4<'a, T>(data: &'a [u8], take: impl FnOnce(Ends, Usual<'a>, &[u8; TCP]) -> T) -> Option<T> {
    let all: &[u8; ETHERNET + V4 + TCP] = data.first_chunk()?;
    let (_, all) = all.split_first_chunk::<ETHERNET>()?;
    let (ip, tcp) = all.split_first_chunk::<V4>()?;
    let is_usual = ip[0] == 0x45
        && u16::from_be_bytes([ip[6], ip[7]]).trailing_zeros() >= FRAGMENT_BITS
        && ip[9] == ip::TCP;
    if !is_usual {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let tcp: &[u8; TCP] = tcp.first_chunk()?;
    let payload = behind(data, ETHERNET + V4, ETHERNET + len, tcp)?;
    let ends = Ends::v4(
        (Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]), src_port(tcp)),
        (Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]), dst_port(tcp)),
    );
    let id = u16::from_be_bytes([ip[4], ip[5]]);
    Some(take(ends, Usual::new(tcp, (ip[8], id), payload), tcp))
}

#[inline(never)]
fn v6<'a, T>(data: &'a [u8], take: impl FnOnce(Ends, Usual<'a>, &[u8; TCP]) -> T) -> Option<T> {
    let all: &[u8; ETHERNET + V6 + TCP] = data.first_chunk()?;
    let (_, all) = all.split_first_chunk::<ETHERNET>()?;
    let (ip, tcp) = all.split_first_chunk::<V6>()?;
    if ip[0] >> 4 != 6 || ip[6] != ip::TCP {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    let tcp: &[u8; TCP] = tcp.first_chunk()?;
    let payload = behind(data, ETHERNET + V6, ETHERNET + V6 + len, tcp)?;
    let (_, ends) = ip.split_first_chunk::<8>()?;
    let (src, dst) = ends.split_first_chunk::<16>()?;
    let end = |addr: &[u8; 16], port| Endpoint::new(IpAddr::V6(Ipv6Addr::from(*addr)), port);
    let ends = Ends::new(
        end(src, src_port(tcp)),
        end(dst.first_chunk()?, dst_port(tcp)),
    );
    Some(take(ends, Usual::new(tcp, (ip[7], 0), payload), tcp))
}

const fn src_port(tcp: &[u8; TCP]) -> u16 {
    u16::from_be_bytes([tcp[0], tcp[1]])
}

const fn dst_port(tcp: &[u8; TCP]) -> u16 {
    u16::from_be_bytes([tcp[2], tcp[3]])
}

/// What is behind the TCP header, up to the end of the packet. A length of 0 says that the frame tells it instead: then
/// there is no room for the header here, and the walk looks.
#[inline]
fn behind<'a>(data: &'a [u8], start: usize, end: usize, tcp: &[u8; TCP]) -> Option<&'a [u8]> {
    let header_len = usize::from(tcp[12] >> 4) * 4;
    if header_len < TCP {
        return None;
    }
    data.get(start + header_len..end)
}

impl<'a> Usual<'a> {
    #[inline]
    const fn new(tcp: &[u8; TCP], (ttl, ip_id): (u8, u16), payload: &'a [u8]) -> Self {
        Self {
            seq: u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]),
            ack: u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]]),
            ip_id,
            flags: Flags(tcp[13]),
            ttl,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decoder, Packet};
    use super::*;
    use crate::limits::{Budget, Limits};
    use crate::time::Stamp;

    /// The walk says the same of whatever goes straight: every byte of both kinds of packet, changed.
    #[test]
    fn it_agrees_with_the_walk() {
        let v4 = [
            &[0; 12][..],
            &[8, 0, 0x45, 0, 0, 44, 1, 2, 0x40, 0, 64, 6, 0, 0],
            &[
                10, 0, 0, 1, 10, 0, 0, 2, 4, 5, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8,
            ],
            &[0x50, 0x18, 9, 9, 0, 0, 0, 0, b'a', b'b', b'c', b'd', 0, 0],
        ]
        .concat();
        let mut v6 = [&[0; 12][..], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 6, 63]].concat();
        v6.extend((0..32).chain([4, 5, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8]));
        v6.extend([0x50, 0x18, 9, 9, 0, 0, 0, 0, b'a', b'b', b'c', b'd', 0, 0]);
        let mut straight = 0;
        for packet in [v4, v6] {
            for at in 0..packet.len() {
                for to in 0..=u8::MAX {
                    let mut data = packet.clone();
                    data[at] = to;
                    for cut in [0, 1, 3] {
                        let data = &data[..data.len() - cut];
                        let record = Record {
                            at: Stamp::default(),
                            link: LinkType::ETHERNET,
                            wire_len: u32::try_from(packet.len()).unwrap(),
                            data,
                        };
                        let Some(segment) = segment(&record) else {
                            continue;
                        };
                        straight += 1;
                        let mut decoder = Decoder::new(&Limits::default());
                        let walked = decoder.walk(&record, &mut Budget::new(1 << 20));
                        assert!(matches!(walked, Packet::Segment(other)
                            if format!("{other:?}") == format!("{segment:?}")));
                    }
                }
            }
        }
        assert!(straight > 50_000, "{straight}");
    }
}
