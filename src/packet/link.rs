//! Link layers: what a record begins with, and the tags and labels that stand between Ethernet and IP.

use crate::packet::Rest;
use crate::record::LinkType;
use crate::time::Stamp;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const TRANSPARENT_ETHERNET: u16 = 0x6558;
pub(super) const PPP: u16 = 0x880b;

const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_QINQ: [u16; 3] = [0x9100, 0x9200, 0x9300];
const MACSEC: u16 = 0x88e5;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
/// 802.1ah, provider backbone bridges: a tag of four bytes, then the customer's frame.
const BACKBONE: u16 = 0x88e7;
/// Cisco `FabricPath`: two bytes behind the type, then the frame.
const FABRIC_PATH: u16 = 0x8903;
/// Cisco VN-Tag: four bytes of tag, then the type of what follows.
const VN_TAG: u16 = 0x8926;
const PPPOE_SESSION: u16 = 0x8864;
/// Linux: an 802.2 frame; stands where the protocol of a cooked header does.
const LINUX_802_2: u16 = 0x0004;
/// Types below this are lengths of 802.3 frames.
const LARGEST_LENGTH: u16 = 1500;

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linked {
    /// An Ethernet header.
    Ethernet,
    /// What this `EtherType` stands for.
    EtherType(u16),
    /// A PPP protocol number, perhaps behind address and control bytes.
    Ppp,
    /// A stack of MPLS labels.
    Mpls,
    /// An IP header of whichever version.
    Ip,
    /// Something that carries no TCP, or nothing that is read here.
    Foreign,
}

/// Whether records of this link type are read.
pub(super) const fn is_read(link: LinkType) -> bool {
    matches!(
        link,
        LinkType::NULL
            | LinkType::ETHERNET
            | LinkType::PPP
            | LinkType::PPP_HDLC
            | LinkType::PPP_ETHER
            | LinkType::RAW_BSD
            | LinkType::RAW_OPENBSD
            | LinkType::RAW
            | LinkType::LOOP
            | LinkType::LINUX_SLL
            | LinkType::LINUX_SLL2
            | LinkType::NFLOG
            | LinkType::IPV4
            | LinkType::IPV6
    )
}

/// The first layer of a record. `None` where the link type is not read, or its header is cut.
pub(super) fn enter<'a>(
    link: LinkType,
    rest: Rest<'a>,
    at: &mut Stamp,
) -> Option<(Linked, Rest<'a>)> {
    match link {
        LinkType::ETHERNET => Some((Linked::Ethernet, rest)),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => Some((Linked::Ip, rest)),
        LinkType::IPV4 => Some((Linked::EtherType(IPV4), rest)),
        LinkType::IPV6 => Some((Linked::EtherType(IPV6), rest)),
        LinkType::NULL | LinkType::LOOP => loopback(rest),
        LinkType::PPP => Some((Linked::Ppp, rest)),
        LinkType::PPP_HDLC => hdlc(rest),
        LinkType::PPP_ETHER => pppoe(rest),
        LinkType::LINUX_SLL => cooked_v1(rest),
        LinkType::LINUX_SLL2 => cooked_v2(rest, at),
        LinkType::NFLOG => nflog(rest),
        _ => None,
    }
}

/// One layer further down. `None` where its header is cut or cannot be.
pub(super) fn next(layer: Linked, rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    match layer {
        Linked::Ethernet => {
            let (&[.., t0, t1], rest) = rest.take::<14>()?;
            Some((Linked::EtherType(u16::from_be_bytes([t0, t1])), rest))
        }
        Linked::EtherType(number) => ether_type(number, rest),
        Linked::Ppp => ppp(rest),
        Linked::Mpls => mpls(rest),
        Linked::Ip | Linked::Foreign => Some((layer, rest)),
    }
}

fn ether_type(number: u16, rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    match number {
        VLAN | SERVICE_VLAN => tagged(rest),
        _ if OLD_QINQ.contains(&number) => tagged(rest),
        BACKBONE => Some((Linked::Ethernet, rest.skip(4)?)),
        FABRIC_PATH => Some((Linked::Ethernet, rest.skip(2)?)),
        VN_TAG => tagged(rest.skip(2)?),
        MACSEC => macsec(rest),
        MPLS | MPLS_MULTICAST => Some((Linked::Mpls, rest)),
        PPPOE_SESSION => pppoe(rest),
        PPP => Some((Linked::Ppp, rest)),
        TRANSPARENT_ETHERNET => Some((Linked::Ethernet, rest)),
        0..=LARGEST_LENGTH => llc(rest),
        _ => Some((Linked::Foreign, rest)),
    }
}

/// 802.1Q: two bytes of tag, then the type of what follows.
fn tagged(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[_, _, t0, t1], rest) = rest.take::<4>()?;
    Some((Linked::EtherType(u16::from_be_bytes([t0, t1])), rest))
}

/// 802.1AE: a frame that is authenticated but not encrypted can be read. The check value behind it is cut off by IP.
fn macsec(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    const SCI: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    let (&[control, ..], rest) = rest.take::<6>()?;
    if control & (ENCRYPTED | CHANGED) != 0 {
        return Some((Linked::Foreign, rest));
    }
    let rest = if control & SCI == 0 {
        rest
    } else {
        rest.skip(8)?
    };
    let (&[t0, t1], rest) = rest.take::<2>()?;
    Some((Linked::EtherType(u16::from_be_bytes([t0, t1])), rest))
}

/// RFC 3032: labels until the one with the bottom-of-stack bit. What follows does not say what it is; the first nibble
/// tells IP from a pseudowire (RFC 4385 §3).
fn mpls(mut rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    loop {
        let (&[_, _, bottom, _], after) = rest.take::<4>()?;
        rest = after;
        if bottom & 1 != 0 {
            break;
        }
    }
    let holds_frame = |at: usize| {
        let number = rest.data.get(at..at.saturating_add(2));
        number.is_some_and(|number| matches!(number, [0x08 | 0x81, 0x00] | [0x86, 0xdd]))
    };
    match rest.data.first()? >> 4 {
        4 | 6 => Some((Linked::Ip, rest)),
        // Without a control word, where a type that is usual stands at its place.
        _ if holds_frame(12) => Some((Linked::Ethernet, rest)),
        0 => Some((Linked::Ethernet, rest.skip(4)?)),
        _ => Some((Linked::Foreign, rest)),
    }
}

/// RFC 2516 §4: version and type, code, session, length.
fn pppoe(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[_, code, ..], rest) = rest.take::<6>()?;
    let layer = if code == 0 {
        Linked::Ppp
    } else {
        Linked::Foreign
    };
    Some((layer, rest))
}

/// RFC 1661 §2; address and control may be left out, and the first byte of the number too (§6.5, §6.6).
fn ppp(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let rest = match rest.take::<2>()? {
        (&[0xff, 0x03], after) => after,
        _ => rest,
    };
    let (&[first], after) = rest.take::<1>()?;
    let (number, rest) = if first & 1 == 1 {
        (u16::from(first), after)
    } else {
        let (&[n0, n1], after) = rest.take::<2>()?;
        (u16::from_be_bytes([n0, n1]), after)
    };
    Some(match number {
        0x0021 => (Linked::EtherType(IPV4), rest),
        0x0057 => (Linked::EtherType(IPV6), rest),
        0x0281 | 0x0283 => (Linked::Mpls, rest),
        _ => (Linked::Foreign, rest),
    })
}

/// RFC 1662, or Cisco HDLC, which has an `EtherType` behind its two bytes.
fn hdlc(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    match rest.take::<2>()? {
        (&[0x0f | 0x8f, _], _) => tagged(rest),
        _ => Some((Linked::Ppp, rest)),
    }
}

/// 802.2, with or without the SNAP that names an `EtherType`.
fn llc(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    match rest.take::<3>()? {
        (&[0xaa, 0xaa, 0x03], after) => {
            let (&[o0, o1, o2, t0, t1], after) = after.take::<5>()?;
            let number = u16::from_be_bytes([t0, t1]);
            let layer = match [o0, o1, o2] {
                [0, 0, 0 | 0xf8] if number > LARGEST_LENGTH => Linked::EtherType(number),
                _ => Linked::Foreign,
            };
            Some((layer, after))
        }
        (&[0x06, 0x06, 0x03], after) => Some((Linked::EtherType(IPV4), after)),
        _ => Some((Linked::Foreign, rest)),
    }
}

/// A protocol family, in the byte order of who captured (NULL) or of the network (LOOP).
fn loopback(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&family, rest) = rest.take::<4>()?;
    let family = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
    // The number of IPv6 differs between systems: Linux, NetBSD, Windows, FreeBSD, macOS.
    let layer = match family {
        2 => Linked::EtherType(IPV4),
        10 | 23 | 24 | 26 | 28 | 30 => Linked::EtherType(IPV6),
        _ => Linked::Foreign,
    };
    Some((layer, rest))
}

fn cooked_v1(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[_, _, h0, h1, .., p0, p1], rest) = rest.take::<16>()?;
    let protocol = u16::from_be_bytes([p0, p1]);
    Some((cooked(u16::from_be_bytes([h0, h1]), protocol), rest))
}

fn cooked_v2<'a>(rest: Rest<'a>, at: &mut Stamp) -> Option<(Linked, Rest<'a>)> {
    let (&[p0, p1, _, _, i0, i1, i2, i3, h0, h1, ..], rest) = rest.take::<20>()?;
    let index = u32::from_be_bytes([i0, i1, i2, i3]);
    let room = Stamp::COOKED.wrapping_sub(1);
    at.iface = Stamp::COOKED | u16::try_from(index).unwrap_or(room).min(room);
    let hardware = u16::from_be_bytes([h0, h1]);
    Some((cooked(hardware, u16::from_be_bytes([p0, p1])), rest))
}

/// The protocol of a cooked header means an `EtherType`, except for hardware that has numbers of its own.
const fn cooked(hardware: u16, protocol: u16) -> Linked {
    const NETLINK: u16 = 824;
    match (hardware, protocol) {
        (NETLINK, _) => Linked::Foreign,
        (_, LINUX_802_2) => Linked::EtherType(0),
        (_, 0..=LARGEST_LENGTH) => Linked::Foreign,
        _ => Linked::EtherType(protocol),
    }
}

/// Netfilter log: attributes, one of them the packet. Their byte order is that of the host that captured.
fn nflog(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[_, version, _, _], rest) = rest.take::<4>()?;
    if version != 0 {
        return Some((Linked::Foreign, rest));
    }
    let packet =
        attribute(rest, u16::from_le_bytes).or_else(|| attribute(rest, u16::from_be_bytes))?;
    Some((Linked::Ip, packet))
}

/// The payload attribute of a netfilter log record.
fn attribute(mut rest: Rest<'_>, number: fn([u8; 2]) -> u16) -> Option<Rest<'_>> {
    const PAYLOAD: u16 = 9;
    loop {
        let (&[l0, l1, t0, t1], value) = rest.take::<4>()?;
        let len = usize::from(number([l0, l1]));
        let value_len = len.checked_sub(4)?;
        if number([t0, t1]) & 0x7fff == PAYLOAD {
            return Some(value.limit(value_len));
        }
        rest = rest.skip(len.checked_next_multiple_of(4)?)?;
    }
}
