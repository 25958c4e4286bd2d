//! Tunnels over IP and UDP: GRE with ERSPAN (also in UDP, RFC 8086), VXLAN and its GPE, GENEVE, GTP-U, IP in IP, `EtherIP`, MPLS.

use crate::packet::Rest;
use crate::packet::ip;
use crate::packet::link::{self, Linked};

const VXLAN_PORT: u16 = 4789;
const LINUX_VXLAN_PORT: u16 = 8472;
const VXLAN_GPE_PORT: u16 = 4790;
const GRE_PORT: u16 = 4754;
const GENEVE_PORT: u16 = 6081;
const GTP_USER_PORT: u16 = 2152;
const MPLS_PORT: u16 = 6635;

/// ERSPAN type II in GRE, and type I, which differs in having no sequence number.
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;

/// What an IP protocol leads to.
pub(super) enum Entry<'a> {
    /// A tunnel.
    Inside {
        layer: Linked,
        rest: Rest<'a>,
        /// Only the port says so: there may be something else in it.
        by_port: bool,
    },
    /// No tunnel.
    None,
    /// A tunnel whose header is cut, or cannot be.
    Broken,
}

/// Opens what an IP packet of this protocol carries, if that may hold another packet.
pub(super) fn enter(protocol: u8, rest: Rest<'_>) -> Entry<'_> {
    let inside = match protocol {
        ip::IPV4 => Some((Linked::EtherType(link::IPV4), rest)),
        ip::IPV6 => Some((Linked::EtherType(link::IPV6), rest)),
        ip::MPLS => Some((Linked::Mpls, rest)),
        ip::ETHER_IP => rest.skip(2).map(|rest| (Linked::Ethernet, rest)),
        ip::GRE => gre(rest),
        ip::UDP => {
            return match udp(rest) {
                Some((layer, rest)) => Entry::Inside {
                    layer,
                    rest,
                    by_port: true,
                },
                None => Entry::None,
            };
        }
        _ => return Entry::None,
    };
    match inside {
        Some((layer, rest)) => Entry::Inside {
            layer,
            rest,
            by_port: false,
        },
        None => Entry::Broken,
    }
}

/// Whether fragments of this protocol are worth being put together.
pub(super) const fn may_hold_tcp(protocol: u8) -> bool {
    matches!(
        protocol,
        ip::TCP | ip::UDP | ip::IPV4 | ip::IPV6 | ip::MPLS | ip::ETHER_IP | ip::GRE
    )
}

/// RFC 2784, RFC 2890; version 1 is PPTP's (RFC 2637 §4.1).
fn gre(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    let (&[f0, f1, p0, p1], rest) = rest.take::<4>()?;
    let flags = u16::from_be_bytes([f0, f1]);
    let protocol = u16::from_be_bytes([p0, p1]);
    let words = |mask: u16| usize::from(flags & mask != 0).saturating_mul(4);
    if flags & 0x0007 == 1 {
        // The key, payload length and call number, is always there.
        let options = words(SEQUENCE).saturating_add(words(ACKNOWLEDGMENT));
        return Some((Linked::EtherType(protocol), rest.skip(4)?.skip(options)?));
    }
    if flags & ROUTING != 0 {
        return Some((Linked::Foreign, rest));
    }
    let rest = rest
        .skip(words(CHECKSUM))?
        .skip(words(KEY))?
        .skip(words(SEQUENCE))?;
    match protocol {
        ERSPAN if flags & SEQUENCE == 0 => Some((Linked::Ethernet, rest)),
        ERSPAN => Some((Linked::Ethernet, rest.skip(8)?)),
        ERSPAN_III => erspan_iii(rest),
        // Frames of 802.3 length have no type of their own in GRE.
        0..=1500 => Some((Linked::Foreign, rest)),
        _ => Some((Linked::EtherType(protocol), rest)),
    }
}

/// draft-foschiano-erspan §4.3: twelve bytes, eight more where the last bit says so; a frame, or an IP packet.
fn erspan_iii(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[.., kind, subheader], rest) = rest.take::<12>()?;
    let rest = if subheader & 1 == 0 {
        rest
    } else {
        rest.skip(8)?
    };
    let layer = match kind >> 2 & 0x1f {
        0 => Linked::Ethernet,
        2 => Linked::Ip,
        _ => Linked::Foreign,
    };
    Some((layer, rest))
}

fn udp(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[_, _, d0, d1, ..], rest) = rest.take::<8>()?;
    match u16::from_be_bytes([d0, d1]) {
        VXLAN_PORT | LINUX_VXLAN_PORT => vxlan(rest),
        VXLAN_GPE_PORT => vxlan_gpe(rest),
        GRE_PORT => gre(rest),
        GENEVE_PORT => geneve(rest),
        GTP_USER_PORT => gtp(rest),
        MPLS_PORT => Some((Linked::Mpls, rest)),
        _ => None,
    }
}

/// RFC 7348 §5: the I flag must be set.
fn vxlan(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[flags, ..], rest) = rest.take::<8>()?;
    (flags & 0x08 != 0).then_some((Linked::Ethernet, rest))
}

/// draft-ietf-nvo3-vxlan-gpe §3.1: with the P flag, the last byte before the network's number names what follows.
fn vxlan_gpe(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[flags, _, _, next, ..], rest) = rest.take::<8>()?;
    let layer = match (flags & 0x0c, next) {
        (0x0c, 1) => Linked::EtherType(link::IPV4),
        (0x0c, 2) => Linked::EtherType(link::IPV6),
        (0x0c, 3) | (0x08, _) => Linked::Ethernet,
        _ => return None,
    };
    Some((layer, rest))
}

/// RFC 8926 §3.4: version 0, a length of options in words, the type of what follows.
fn geneve(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    let (&[first, _, p0, p1, ..], rest) = rest.take::<8>()?;
    if first & 0xc0 != 0 {
        return None;
    }
    let rest = rest.skip(usize::from(first & 0x3f).saturating_mul(4))?;
    Some((Linked::EtherType(u16::from_be_bytes([p0, p1])), rest))
}

/// 3GPP TS 29.281 §5.1: version 1, a G-PDU, with four more bytes if any of three flags is set, then extensions.
fn gtp(rest: Rest<'_>) -> Option<(Linked, Rest<'_>)> {
    const USER_DATA: u8 = 255;
    let (&[flags, kind, ..], mut rest) = rest.take::<8>()?;
    if flags & 0xf0 != 0x30 || kind != USER_DATA {
        return None;
    }
    if flags & 0x07 != 0 {
        let (&[_, _, _, mut extension], after) = rest.take::<4>()?;
        rest = after;
        // Without the E flag the byte means nothing.
        while extension != 0 && flags & 0x04 != 0 {
            let len = usize::from(*rest.data.first()?).saturating_mul(4);
            extension = *rest.data.get(len.checked_sub(1)?)?;
            rest = rest.skip(len)?;
        }
    }
    Some((Linked::Ip, rest))
}
