//! From the bytes of a record to one TCP segment: link layer, tunnels, IP with its fragments, TCP header.
//!
//! Knows nothing of connections: each record is read by itself, save for IP fragments, which wait for each other
//! (RFC 791 §3.2, RFC 8200 §4.5). Bytes that cannot be read are a [`Packet::NotDecoded`], never an error. Checksums are
//! not verified, for offload makes them wrong on the host that sends.

use crate::flow::Endpoint;
use crate::record::LinkType;
use crate::time::Stamp;

/// What a record held.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// A TCP segment, of the innermost IP header if there are tunnels.
    Segment(Segment<'a>),
    /// Read as far as it goes, and not TCP; or a fragment that waits for others.
    Other,
    /// Not readable as far as the transport layer.
    NotDecoded(Undecoded),
}

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecoded {
    /// A link type that is not read here.
    Link(LinkType),
    /// The capture cut the record within its headers, or the headers say what cannot be.
    Headers,
}

/// One TCP segment (RFC 9293 §3.1). Borrows the record, or the buffer in which its fragments were put together.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// When and where it was captured.
    pub at: Stamp,
    /// Sender.
    pub src: Endpoint,
    /// Receiver.
    pub dst: Endpoint,
    /// Sequence number of the first byte, or of the SYN.
    pub seq: u32,
    /// Acknowledgment number; means something only with [`Flags::ACK`].
    pub ack: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window as in the header, not scaled.
    pub window: u16,
    /// Time to live or hop limit of the innermost IP header: tells a forwarded copy from a retransmission.
    pub ttl: u8,
    /// IPv4 identification, 0 for IPv6: equal on a copy, new on a retransmission.
    pub ip_id: u16,
    /// The captured payload.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire behind `payload` and were cut off by the snap length.
    pub missing: u32,
}

/// The control bits of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number is valid.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;

    /// Whether all of `bits` are set.
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}
