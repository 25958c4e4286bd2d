//! Community ID version 1: one name for a connection in the tools of many vendors
//! (<https://github.com/corelight/community-id-spec>).

use std::net::IpAddr;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::flow::Endpoint;

/// The seed that all who want to compare leave at zero.
const SEED: [u8; 2] = [0, 0];
/// Protocol number of TCP, then a byte of padding.
const TCP: [u8; 2] = [6, 0];

/// `1:` and the base64 of a SHA-1.
pub(super) type CommunityId = [u8; 30];

/// The Community ID of a TCP connection.
pub(super) fn community_id(a: Endpoint, b: Endpoint) -> CommunityId {
    let (low, high) = if order(a) <= order(b) { (a, b) } else { (b, a) };
    let mut hash = Sha1::new();
    let (from, to) = (low.port.to_be_bytes(), high.port.to_be_bytes());
    let [seed, tcp, from, to] = [SEED, TCP, from, to];
    match (low.addr, high.addr) {
        // One piece where that is as simple as it is common.
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            let (low, high) = (low.octets(), high.octets());
            let ([low, low_rest], [high, high_rest]) = (halves(low), halves(high));
            let pieces = [seed, low, low_rest, high, high_rest, tcp, from, to];
            hash.update(pieces.as_flattened());
        }
        (low, high) => {
            hash.update(seed);
            for addr in [low, high] {
                match addr {
                    IpAddr::V4(addr) => hash.update(addr.octets()),
                    IpAddr::V6(addr) => hash.update(addr.octets()),
                }
            }
            for part in [tcp, from, to] {
                hash.update(part);
            }
        }
    }
    let mut id = *b"1:0000000000000000000000000000";
    if let Some((_, digest)) = id.split_at_mut_checked("1:".len()) {
        BASE64.encode_mut(&hash.finalize(), digest);
    }
    id
}

const fn halves([first, second, third, fourth]: [u8; 4]) -> [[u8; 2]; 2] {
    [[first, second], [third, fourth]]
}

/// The smaller end comes first; addresses compare as their bytes do.
fn order(end: Endpoint) -> (IpAddr, u16) {
    (end.addr, end.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_specification() {
        for (a, b, id) in [
            (
                ("128.232.110.120", 34855),
                ("66.35.250.204", 80),
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            ),
            (
                ("10.0.0.1", 10),
                ("10.0.0.2", 20),
                "1:9j2Dzwrw7T9E+IZi4b4IVT66HBI=",
            ),
            (
                ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                ("2607:f8b0:400c:c03::1a", 25),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
        ] {
            let end = |(addr, port): (&str, u16)| Endpoint::new(addr.parse().unwrap(), port);
            assert_eq!(community_id(end(a), end(b)), id.as_bytes());
            assert_eq!(community_id(end(b), end(a)), id.as_bytes());
        }
    }
}
