//! Where the other half of a connection may be, that is seen under a second pair of addresses.
//!
//! A mesh that redirects what an application sends (iptables or nft `REDIRECT`) does so before the packet reaches `lo`,
//! and undoes it for the answers before these reach `lo` too: there the client speaks to the proxy's listener, and is
//! answered by the address that it dialled. Both halves have the client's endpoint, and each acknowledges the other.
//!
//! Two lists of fixed size say by an endpoint which connection it began, or was the first to be sent something on. They
//! hold hints, no more: what is found is compared with the connection itself, and the last to come takes the place. With
//! each stands a part of its endpoint's hash, so that hardly ever a connection is looked at for another's endpoint.
//! So the lists need no care when connections end, a flood cannot make them grow or slow, and who lets endpoints fall
//! together only hides a half, as if nobody looked for it.

use std::net::IpAddr;

use crate::flow::{Endpoint, FlowKey};
use crate::stream::numbers::Numbers;

/// Places in each list, as a power of two: an answer on `lo` comes within microseconds, so few are in between.
const BITS: u32 = 12;

/// The second pair of addresses under which a connection is seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Redirected {
    /// Where the answers seem to come from: what the client dialled.
    pub from: Endpoint,
    /// Wireshark's `tcp.stream` of this pair, which is a stream of its own there.
    pub tcp_stream: u32,
    pub(super) key: FlowKey,
    /// The client is the low end of one pair and the high end of the other.
    pub(super) crossed: bool,
    pub(super) numbers: Numbers,
}

/// The lists.
#[derive(Debug)]
pub(super) struct Halves {
    begun: Box<[Hint]>,
    addressed: Box<[Hint]>,
}

/// A connection, and what is left of the hash of the endpoint.
#[derive(Clone, Copy, Debug)]
struct Hint {
    print: u32,
    slot: u32,
}

impl Halves {
    pub(super) fn new() -> Self {
        let empty = || vec![Hint::NONE; 1 << BITS].into_boxed_slice();
        Self {
            begun: empty(),
            addressed: empty(),
        }
    }

    /// This endpoint sent the first segment that was seen of a connection.
    pub(super) fn begins(&mut self, endpoint: Endpoint, slot: u32) {
        set(&mut self.begun, endpoint, slot);
    }

    /// The first segment that was seen of a connection was for this endpoint, and was no SYN: the other half may follow.
    pub(super) fn is_addressed(&mut self, endpoint: Endpoint, slot: u32) {
        set(&mut self.addressed, endpoint, slot);
    }

    /// The connection that this endpoint may have begun.
    pub(super) fn begun_by(&self, endpoint: Endpoint) -> Option<u32> {
        get(&self.begun, endpoint)
    }

    /// The connection whose first segment this endpoint may have got.
    pub(super) fn addressed_to(&self, endpoint: Endpoint) -> Option<u32> {
        get(&self.addressed, endpoint)
    }

    /// What is found there is of no use any more. Most connections begin with a SYN, and look here for their answer in
    /// vain: they are to find the place empty.
    pub(super) fn clear_addressed(&mut self, endpoint: Endpoint) {
        set(&mut self.addressed, endpoint, Hint::NONE.slot);
    }
}

impl Hint {
    /// No connection.
    const NONE: Self = Self {
        print: 0,
        slot: u32::MAX,
    };
}

fn get(list: &[Hint], endpoint: Endpoint) -> Option<u32> {
    let (place, print) = place(endpoint);
    let hint = list.get(place)?;
    (hint.print == print && hint.slot != Hint::NONE.slot).then_some(hint.slot)
}

fn set(list: &mut [Hint], endpoint: Endpoint, slot: u32) {
    let (place, print) = place(endpoint);
    if let Some(place) = list.get_mut(place) {
        *place = Hint { print, slot };
    }
}

/// Fibonacci hashing: clients differ in few bits of their address, and count their ports up. The high bits are the place,
/// those below them tell endpoints apart that have the same.
#[expect(
    clippy::cast_possible_truncation,
    reason = "different bits of one hash"
)]
fn place(endpoint: Endpoint) -> (usize, u32) {
    let addr = match endpoint.addr {
        IpAddr::V4(addr) => u64::from(addr.to_bits()),
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    let mixed = (addr ^ (u64::from(endpoint.port) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = mixed >> (u64::BITS - BITS);
    (place as usize, (mixed >> (u32::BITS - BITS)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_place_of_another_is_not_taken_for_it() {
        let end = |n: u32| Endpoint::new(IpAddr::V4(n.into()), 80);
        let one = end(1);
        let other = (2..1 << 20)
            .map(end)
            .find(|end| place(*end).0 == place(one).0);
        let mut halves = Halves::new();
        halves.begins(one, 7);
        assert_eq!(halves.begun_by(one), Some(7));
        assert_eq!(halves.begun_by(other.unwrap()), None);
        halves.begins(other.unwrap(), 8);
        assert_eq!(halves.begun_by(one), None);
        halves.is_addressed(one, 9);
        assert_eq!(halves.addressed_to(one), Some(9));
        halves.clear_addressed(one);
        assert_eq!(halves.addressed_to(one), None);
    }
}
