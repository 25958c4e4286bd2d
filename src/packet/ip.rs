//! IPv4 and IPv6 headers, with the extension headers of IPv6 (RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::Rest;

pub(super) const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6: u8 = 41;
pub(super) const GRE: u8 = 47;
pub(super) const ETHER_IP: u8 = 97;
pub(super) const MPLS: u8 = 137;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// Extension headers that are followed in one packet; real ones have three or four at most.
const EXTENSIONS: usize = 12;

/// What of an IP header matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// What it carries, behind all extension headers.
    pub(super) protocol: u8,
    pub(super) ttl: u8,
    pub(super) id: u16,
}

/// Whether an IP packet carries all of its datagram.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inner {
    Whole,
    Fragment(Fragment),
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// In bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
}

/// Reads an IPv4 header; padding behind the packet is cut off.
#[inline]
pub(super) fn v4(rest: Rest<'_>) -> Option<(Header, Inner, Rest<'_>)> {
    let (head, _) = rest.take::<20>()?;
    let &[
        first,
        _,
        l0,
        l1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = head;
    let header_len = usize::from(first & 0x0f).saturating_mul(4);
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    if first >> 4 != 4 || header_len < 20 {
        return None;
    }
    // Zero where the sending host lets its network card cut the segment (TSO): then the frame says how long it is.
    let packet = if total == 0 { rest } else { rest.limit(total) };
    let rest = packet.skip(header_len)?;
    let fragment = u16::from_be_bytes([f0, f1]);
    let id = u16::from_be_bytes([i0, i1]);
    let header = Header {
        src: Ipv4Addr::new(s0, s1, s2, s3).into(),
        dst: Ipv4Addr::new(d0, d1, d2, d3).into(),
        protocol,
        ttl,
        id,
    };
    if fragment & 0x3fff != 0 {
        let inner = Inner::Fragment(Fragment {
            id: u32::from(id),
            offset: (fragment & 0x1fff).wrapping_shl(3),
            more: fragment & 0x2000 != 0,
        });
        return Some((header, inner, rest));
    }
    extensions(header, rest)
}

/// Reads an IPv6 header and its extension headers.
#[inline]
pub(super) fn v6(rest: Rest<'_>) -> Option<(Header, Inner, Rest<'_>)> {
    let (&[first, _, _, _, l0, l1, next, hops], rest) = rest.take::<8>()?;
    let (src, rest) = rest.take::<16>()?;
    let (dst, rest) = rest.take::<16>()?;
    if first >> 4 != 6 {
        return None;
    }
    // Zero for a jumbogram (RFC 2675), or where the network card is to cut the segment.
    let rest = match usize::from(u16::from_be_bytes([l0, l1])) {
        0 => rest,
        len => rest.limit(len),
    };
    let header = Header {
        src: Ipv6Addr::from(*src).into(),
        dst: Ipv6Addr::from(*dst).into(),
        protocol: next,
        ttl: hops,
        id: 0,
    };
    extensions(header, rest)
}

#[inline]
fn extensions(header: Header, rest: Rest<'_>) -> Option<(Header, Inner, Rest<'_>)> {
    if header.protocol == TCP {
        return Some((header, Inner::Whole, rest));
    }
    pass_extensions(header, rest)
}

/// Passes over extension headers (RFC 8200 §4), and over the authentication header, which IPv4 has too (RFC 4302).
fn pass_extensions(mut header: Header, mut rest: Rest<'_>) -> Option<(Header, Inner, Rest<'_>)> {
    for _ in 0..EXTENSIONS {
        let len = match header.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 if header.src.is_ipv6() => {
                let (&[_, len], _) = rest.take::<2>()?;
                usize::from(len).saturating_add(1).saturating_mul(8)
            }
            AUTHENTICATION => {
                let (&[_, len], _) = rest.take::<2>()?;
                usize::from(len).saturating_add(2).saturating_mul(4)
            }
            FRAGMENT if header.src.is_ipv6() => {
                let (&[next, _, o0, o1, i0, i1, i2, i3], after) = rest.take::<8>()?;
                let field = u16::from_be_bytes([o0, o1]);
                header.protocol = next;
                // Offset 0 and no more: the whole datagram, an "atomic fragment" (RFC 6946).
                if field & 0xfff9 != 0 {
                    let inner = Inner::Fragment(Fragment {
                        id: u32::from_be_bytes([i0, i1, i2, i3]),
                        offset: field & 0xfff8,
                        more: field & 1 != 0,
                    });
                    return Some((header, inner, after));
                }
                rest = after;
                continue;
            }
            _ => break,
        };
        let (&[next], _) = rest.take::<1>()?;
        header.protocol = next;
        rest = rest.skip(len)?;
    }
    Some((header, Inner::Whole, rest))
}
