//! Who talks to whom: endpoints, the key of a connection, the two directions of its bytes, and its end.

use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One end of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IP address; an IPv4-mapped IPv6 address stays what it was on the wire.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint of this address and port.
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
    }
}

/// `10.0.0.5:80`, `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

/// The two endpoints of a connection, the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
}

impl FlowKey {
    /// The key of the connection between two endpoints, in whatever order they are given.
    pub fn new(a: Endpoint, b: Endpoint) -> Self {
        Self::ordered(a, b).0
    }

    /// The key, and whether the first endpoint is the low one.
    pub fn ordered(a: Endpoint, b: Endpoint) -> (Self, bool) {
        let in_order = is_in_order(&a, &b);
        let (low, high) = if in_order { (a, b) } else { (b, a) };
        (Self { low, high }, in_order)
    }

    /// The lower endpoint, and the higher one.
    pub const fn ends(&self) -> (Endpoint, Endpoint) {
        (self.low, self.high)
    }

    /// The endpoint at the other end from this one; `None` where this one is at neither.
    pub fn other(&self, end: Endpoint) -> Option<Endpoint> {
        if end == self.low {
            Some(self.high)
        } else {
            (end == self.high).then_some(self.low)
        }
    }
}

/// Whether the first endpoint is the low one.
#[inline]
pub(crate) fn is_in_order(a: &Endpoint, b: &Endpoint) -> bool {
    match (a.addr, b.addr) {
        // The usual cases, by numbers.
        (IpAddr::V4(x), IpAddr::V4(y)) => (x.to_bits(), a.port) <= (y.to_bits(), b.port),
        (IpAddr::V6(x), IpAddr::V6(y)) => (x.to_bits(), a.port) <= (y.to_bits(), b.port),
        _ => a <= b,
    }
}

/// The two ends of a segment, the sender first, in words that are quickly told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends {
    /// IPv4: the address above the port.
    V4(u64, u64),
    /// Any others.
    Other(Endpoint, Endpoint),
}

impl Ends {
    /// Of IPv4.
    #[inline]
    pub(crate) fn v4((src, src_port): (Ipv4Addr, u16), (dst, dst_port): (Ipv4Addr, u16)) -> Self {
        let word = |addr: Ipv4Addr, port| (u64::from(addr.to_bits()) << 16) | u64::from(port);
        Self::V4(word(src, src_port), word(dst, dst_port))
    }

    /// Of any two endpoints.
    #[inline]
    pub(crate) fn new(src: Endpoint, dst: Endpoint) -> Self {
        match (src.addr, dst.addr) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::v4((from, src.port), (to, dst.port)),
            _ => Self::Other(src, dst),
        }
    }

    /// As endpoints.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the address above the port"
    )]
    pub(crate) fn endpoints(self) -> (Endpoint, Endpoint) {
        let end = |word: u64| {
            let addr = Ipv4Addr::from_bits((word >> 16) as u32);
            Endpoint::new(addr.into(), word as u16)
        };
        match self {
            Self::V4(src, dst) => (end(src), end(dst)),
            Self::Other(src, dst) => (src, dst),
        }
    }

    /// Feeds a hasher with the key of the connection between them, and says whether the sender is the low one: in few
    /// words, where derived each byte of an address would be one.
    #[expect(clippy::inline_always, reason = "nearly all packets go this way")]
    #[inline(always)]
    pub(crate) fn feed(self, hasher: &mut impl Hasher) -> bool {
        match self {
            Self::V4(src, dst) => {
                hasher.write_u64(src.min(dst));
                hasher.write_u64(src.max(dst));
                src <= dst
            }
            Self::Other(src, dst) => feed_other(&src, &dst, hasher),
        }
    }
}

fn feed_other(src: &Endpoint, dst: &Endpoint, hasher: &mut impl Hasher) -> bool {
    let in_order = is_in_order(src, dst);
    let (low, high) = if in_order { (src, dst) } else { (dst, src) };
    for end in [low, high] {
        match end.addr {
            IpAddr::V4(addr) => hasher.write_u32(addr.to_bits()),
            IpAddr::V6(addr) => hasher.write_u128(addr.to_bits()),
        }
    }
    hasher.write_u64((u64::from(low.port) << 16) | u64::from(high.port));
    in_order
}

/// Number of a TCP connection in the order of first sight, over all sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Whether `addr` is an address of the host that `client` reached at `server`. Who is reached on a loopback address is on
/// the host of its client, whatever address that one has: so it is where a mesh redirects.
pub fn is_host_reached(addr: IpAddr, client: Endpoint, server: Endpoint) -> bool {
    addr == server.addr || (server.addr.is_loopback() && addr == client.addr)
}

/// Which way bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client, which opened the connection.
    ToServer,
    /// From the server.
    ToClient,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn flip(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 for bytes of the client, 1 for bytes of the server: the place in a pair.
    pub const fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides sent FIN.
    Fin,
    /// One side sent RST; which, by the way of its segment.
    Rst(Direction),
    /// The server answered the SYN by RST.
    Refused,
    /// SYNs without an answer until the connection was forgotten, or the client gave up.
    Unanswered,
    /// Silent for longer than the limit `idle_timeout`.
    Idle,
    /// Forgotten because there was no room.
    Evicted,
    /// A new SYN with the same addresses began another connection.
    Replaced,
    /// The capture ended first.
    CaptureOver,
}

/// The first eight interfaces on which packets of a connection were seen, the first first. In place, for every connection
/// has at least one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Interfaces {
    all: [u16; 8],
    len: u8,
}

impl Interfaces {
    /// One.
    pub(crate) fn only(iface: u16) -> Self {
        let mut one = Self::default();
        one.place(iface);
        one
    }

    /// Those that were seen.
    pub fn as_slice(&self) -> &[u16] {
        self.all.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The place of an interface, which is a new one if it was not seen yet; `None` beyond the eighth.
    pub(crate) fn place(&mut self, iface: u16) -> Option<usize> {
        let known = self.as_slice().iter().position(|&seen| seen == iface);
        known.or_else(|| {
            let place = usize::from(self.len);
            *self.all.get_mut(place)? = iface;
            self.len = self.len.saturating_add(1);
            Some(place)
        })
    }
}

impl fmt::Debug for Interfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// One value for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of the bytes that the client sent.
    pub to_server: T,
    /// Of the bytes that the server sent.
    pub to_client: T,
}

impl<T> Both<T> {
    /// The value of one direction.
    pub const fn get(&self, dir: Direction) -> &T {
        match dir {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    /// The value of one direction, to be changed.
    pub const fn get_mut(&mut self, dir: Direction) -> &mut T {
        match dir {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_from_both_ends() {
        let a = Endpoint::new("10.0.0.1".parse().unwrap(), 80);
        let b = Endpoint::new("::1".parse().unwrap(), 4000);
        assert_eq!(FlowKey::new(a, b), FlowKey::new(b, a));
        assert_eq!(b.to_string(), "[::1]:4000");
    }
}
