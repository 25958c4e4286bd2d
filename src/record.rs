//! One captured packet as it came out of a file or a device, before anything is read in it.

use std::fmt;

use crate::time::Stamp;

/// What the capture hands to the core: bytes of one packet, perhaps cut off by the snap length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// When and where.
    pub at: Stamp,
    /// How the bytes begin.
    pub link: LinkType,
    /// Length of the packet on the wire; more than `data` holds where the capture cut it.
    pub wire_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// Link-layer header type, by its number in the registry of tcpdump.org.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a protocol family in the byte order of the host.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without the HDLC-like address and control bytes.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE` session header, then PPP.
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP on some BSDs.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP on OpenBSD.
    pub const RAW_OPENBSD: Self = Self(14);
    /// IPv4 or IPv6 without a link header.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: a protocol family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// Linux netfilter log.
    pub const NFLOG: Self = Self(239);
    /// IPv4 without a link header.
    pub const IPV4: Self = Self(228);
    /// IPv6 without a link header.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);

    /// Its usual name, where it has one that users meet.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            6 => "Token Ring",
            7 => "ARCNET",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "raw IP",
            50 => "PPP in HDLC-like framing",
            51 => "PPPoE",
            104 => "Cisco HDLC",
            105 => "802.11",
            107 => "Frame Relay",
            108 => "OpenBSD loopback",
            113 => "Linux cooked v1",
            119 => "802.11 with Prism header",
            127 => "802.11 with radiotap header",
            129 => "ARCNET on Linux",
            163 => "802.11 with AVS header",
            187 | 201 => "Bluetooth",
            189 | 220 => "USB",
            192 => "PPI",
            195 | 215 | 230 => "802.15.4",
            228 => "raw IPv4",
            229 => "raw IPv6",
            239 => "netfilter log",
            240 => "NetAnalyzer",
            253 => "netlink",
            276 => "Linux cooked v2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} (link type {})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}
