//! From the bytes of a record to one TCP segment: link layer, tunnels, IP with its fragments, TCP header.
//!
//! Knows nothing of connections: each record is read by itself, save for IP fragments, which wait for each other
//! (RFC 791 §3.2, RFC 8200 §4.5). Bytes that cannot be read are a [`Packet::NotDecoded`], never an error. Checksums are
//! not verified, for offload makes them wrong on the host that sends.

mod defrag;
mod ip;
mod link;
mod straight;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;

use crate::flow::Endpoint;
use crate::limits::{Budget, Limits, Reached};
use crate::packet::defrag::{Fragments, Place};
use crate::packet::ip::{Header, Inner};
use crate::packet::link::Linked;
use crate::record::{LinkType, Record};
use crate::time::{Stamp, Timestamp};

pub(crate) use straight::{segment as straight, usual};

/// Reads records one by one, and keeps the IP fragments that wait for each other.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    /// The datagram that was completed last; its segment borrows it.
    whole: Vec<u8>,
}

impl Decoder {
    /// A decoder that holds no fragment yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            whole: Vec::new(),
        }
    }

    /// Reads one record.
    #[inline]
    pub fn push<'a>(&'a mut self, record: &Record<'a>, budget: &mut Budget) -> Packet<'a> {
        match straight(record) {
            Some(segment) => Packet::Segment(segment),
            None => self.walk(record, budget),
        }
    }

    /// Reads one record layer by layer: what [`straight`] did not read.
    pub(crate) fn walk<'a>(&'a mut self, record: &Record<'a>, budget: &mut Budget) -> Packet<'a> {
        let rest = Rest::of(record);
        let mut at = record.at;
        let Some((layer, rest)) = link::enter(record.link, rest, &mut at) else {
            return Packet::NotDecoded(if link::is_read(record.link) {
                Undecoded::Headers
            } else {
                Undecoded::Link(record.link)
            });
        };
        let mut walk = Walk {
            at,
            depth: 0,
            guessed: false,
        };
        let (header, fragment, rest) = match walk.descend(layer, rest) {
            Step::Read(packet) => return packet,
            Step::Fragment(header, fragment, rest) => (header, fragment, rest),
        };
        let place = Place {
            source: at.source,
            iface: at.iface,
        };
        match self
            .fragments
            .push((header, fragment), place, rest, (at.ts, budget))
        {
            defrag::Outcome::Whole(datagram) => self.whole = datagram,
            defrag::Outcome::Waits => return Packet::Other,
            // The rest of it will not be put together, but a segment's head may be in its first fragment.
            defrag::Outcome::Cut => {
                return match walk.transport(&header, rest) {
                    Step::Read(packet) if fragment.offset == 0 => packet,
                    _ => Packet::Other,
                };
            }
        }
        // Fragments within a datagram that was itself in fragments are not put together: no network does that.
        match walk.transport(&header, Rest::whole(&self.whole)) {
            Step::Read(packet) => packet,
            Step::Fragment(..) => Packet::Other,
        }
    }

    /// Since when the oldest datagram waits for its fragments.
    pub fn oldest_holder(&mut self) -> Option<Timestamp> {
        self.fragments.oldest()
    }

    /// The budget is used up: drops the datagram that has waited for longest. False where nothing came of it.
    pub fn give_up(&mut self, budget: &mut Budget) -> bool {
        self.fragments.give_up(budget)
    }

    /// The capture is over: forgets all fragments and gives back what they were charged.
    pub fn finish(&mut self, budget: &mut Budget) {
        self.fragments.clear(budget);
    }

    /// The limits that were reached.
    pub const fn reached(&self) -> &Reached {
        self.fragments.reached()
    }
}

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

impl<'a> Segment<'a> {
    /// What the short way looks at.
    pub(crate) const fn usual(&self) -> Usual<'a> {
        Usual {
            seq: self.seq,
            ack: self.ack,
            ip_id: self.ip_id,
            flags: self.flags,
            ttl: self.ttl,
            payload: self.payload,
        }
    }
}

/// What is looked at of nearly every segment: all of it was captured, and its connection is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual<'a> {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) ip_id: u16,
    pub(crate) flags: Flags,
    pub(crate) ttl: u8,
    pub(crate) payload: &'a [u8],
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

/// How many headers of IP or Ethernet may stand within each other.
const DEPTH: u8 = 8;

/// The way through the headers of one record.
struct Walk {
    at: Stamp,
    depth: u8,
    /// A port number alone said that there is a tunnel, so what cannot be read is no fault of the capture.
    guessed: bool,
}

/// Where the walk came to its end.
enum Step<'a> {
    Read(Packet<'a>),
    Fragment(Header, ip::Fragment, Rest<'a>),
}

impl Walk {
    /// From a layer down to TCP, to a fragment, or to what is not read.
    fn descend<'a>(&mut self, mut layer: Linked, mut rest: Rest<'a>) -> Step<'a> {
        loop {
            let version = match layer {
                Linked::Ip => match rest.data.first() {
                    Some(first) => first >> 4,
                    None => return self.unreadable(),
                },
                Linked::EtherType(link::IPV4) => 4,
                Linked::EtherType(link::IPV6) => 6,
                Linked::Foreign => return Step::Read(Packet::Other),
                other => {
                    if other == Linked::Ethernet {
                        self.depth = self.depth.saturating_add(1);
                    }
                    if self.depth > DEPTH {
                        return Step::Read(Packet::Other);
                    }
                    let Some(next) = link::next(other, rest) else {
                        return self.unreadable();
                    };
                    (layer, rest) = next;
                    continue;
                }
            };
            return self.internet(version, rest);
        }
    }

    /// An IP header, and what stands in it.
    fn internet<'a>(&mut self, version: u8, rest: Rest<'a>) -> Step<'a> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH {
            return Step::Read(Packet::Other);
        }
        let read = match version {
            4 => ip::v4(rest),
            6 => ip::v6(rest),
            _ => None,
        };
        match read {
            Some((header, Inner::Whole, rest)) => self.transport(&header, rest),
            Some((header, Inner::Fragment(fragment), rest)) => {
                Step::Fragment(header, fragment, rest)
            }
            None => self.unreadable(),
        }
    }

    /// What IP carries: TCP, or a tunnel with another layer in it.
    fn transport<'a>(&mut self, header: &Header, rest: Rest<'a>) -> Step<'a> {
        if header.protocol == ip::TCP {
            return match tcp::segment(self.at, header, rest) {
                Some(segment) => Step::Read(Packet::Segment(segment)),
                None => self.unreadable(),
            };
        }
        match tunnel::enter(header.protocol, rest) {
            tunnel::Entry::Inside {
                layer,
                rest,
                by_port,
            } => {
                self.guessed |= by_port;
                self.descend(layer, rest)
            }
            tunnel::Entry::None => Step::Read(Packet::Other),
            tunnel::Entry::Broken => self.unreadable(),
        }
    }

    const fn unreadable<'a>(&self) -> Step<'a> {
        Step::Read(if self.guessed {
            Packet::Other
        } else {
            Packet::NotDecoded(Undecoded::Headers)
        })
    }
}

/// What is left to read of a record: captured bytes, and how many more were on the wire behind them.
#[derive(Clone, Copy, Debug)]
struct Rest<'a> {
    data: &'a [u8],
    cut: usize,
}

impl<'a> Rest<'a> {
    #[inline]
    const fn of(record: &Record<'a>) -> Self {
        Self {
            data: record.data,
            cut: (record.wire_len as usize).saturating_sub(record.data.len()),
        }
    }

    const fn whole(data: &'a [u8]) -> Self {
        Self { data, cut: 0 }
    }

    /// The next `N` bytes, and what comes behind them.
    #[inline]
    fn take<const N: usize>(self) -> Option<(&'a [u8; N], Self)> {
        let (head, data) = self.data.split_first_chunk()?;
        Some((
            head,
            Self {
                data,
                cut: self.cut,
            },
        ))
    }

    /// What comes behind the next `n` bytes.
    #[inline]
    fn skip(self, n: usize) -> Option<Self> {
        let data = self.data.get(n..)?;
        Some(Self {
            data,
            cut: self.cut,
        })
    }

    /// The first `len` bytes, where a header says that there are so many: what stands behind them is padding, and what
    /// is not there was cut off.
    #[inline]
    fn limit(self, len: usize) -> Self {
        match self.data.get(..len) {
            Some(data) => Self { data, cut: 0 },
            None => Self {
                data: self.data,
                cut: len.saturating_sub(self.data.len()),
            },
        }
    }

    /// Length on the wire.
    const fn wire_len(self) -> usize {
        self.data.len().saturating_add(self.cut)
    }
}
