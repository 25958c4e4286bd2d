//! Addresses as text, IPv4 ones written by hand: there are two and more in every line.

use std::net::{IpAddr, Ipv6Addr};

use super::value::{Buffer, Json};
use crate::flow::Endpoint;

/// Written as `1.2.3.4:80`; IPv6 in brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address(pub(super) Endpoint);

impl Json for Address {
    fn write(self, out: &mut Buffer) {
        let Endpoint { addr, port } = self.0;
        let addr = match addr {
            IpAddr::V4(addr) => addr,
            IpAddr::V6(addr) => {
                out.put_v6(addr);
                port.write(out);
                return out.push(b'"');
            }
        };
        // Room for what is longest: a quotation mark, and four numbers of three digits with a mark behind each.
        let mut text = [b'"'; 1 + 4 * 4];
        let mut len = 1;
        for (octet, mark) in addr.octets().into_iter().zip(*b"...:") {
            let [digits @ .., count] = OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
            let rest = text.get_mut(len..).unwrap_or_default();
            if let Some(place) = rest.first_chunk_mut() {
                *place = digits;
            }
            if let Some(place) = rest.get_mut(usize::from(count)) {
                *place = mark;
            }
            len += usize::from(count) + 1;
        }
        out.put(text.get(..len).unwrap_or_default());
        port.write(out);
        out.push(b'"');
    }
}

/// IPv6 addresses of late as the library writes them, each in its place: of servers and hops there are few, and it takes its
/// time.
#[derive(Clone, Debug)]
pub(super) struct Known(Box<[(Ipv6Addr, String)]>);

/// How many are kept.
const PLACES: usize = 256;

impl Default for Known {
    fn default() -> Self {
        let addr = Ipv6Addr::UNSPECIFIED;
        Self(vec![(addr, written(addr)); PLACES].into())
    }
}

impl Known {
    /// What stands in front of a port.
    pub(super) fn quoted(&mut self, addr: Ipv6Addr) -> &str {
        let [.., before, last] = addr.octets();
        let place = usize::from(before) * 31 + usize::from(last);
        let Some((known, text)) = self.0.get_mut(place % PLACES) else {
            return "";
        };
        if *known != addr {
            *known = addr;
            *text = written(addr);
        }
        text
    }
}

fn written(addr: Ipv6Addr) -> String {
    format!("\"[{addr}]:")
}

/// The digits of each number that a byte can be, from the first place on, and how many they are.
#[expect(
    clippy::indexing_slicing,
    reason = "by the compiler, over its own length"
)]
const OCTETS: [[u8; 4]; 256] = {
    let mut table = [[0; 4]; 256];
    let mut octet: u8 = 0;
    loop {
        let [hundreds, tens, ones] = [octet / 100, octet / 10 % 10, octet % 10];
        let [hundreds, tens, ones] = [b'0' + hundreds, b'0' + tens, b'0' + ones];
        table[octet as usize] = match octet {
            0..=9 => [ones, 0, 0, 1],
            10..=99 => [tens, ones, 0, 2],
            100.. => [hundreds, tens, ones, 3],
        };
        let Some(next) = octet.checked_add(1) else {
            break table;
        };
        octet = next;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(end: Endpoint) -> String {
        let mut out = Buffer::default();
        Address(end).write(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn as_the_standard_library_says(addr: IpAddr, port: u16) {
            let end = Endpoint::new(addr, port);
            proptest::prop_assert_eq!(written(end), format!("\"{end}\""));
        }
    }

    proptest::proptest! {
        #[test]
        fn again_as_the_first_time(ends in proptest::collection::vec((0_u8..3, 0_u8..3), 0..40)) {
            let mut out = Buffer::default();
            let mut expected = Vec::new();
            for (first, last) in ends {
                let mut octets = [0; 16];
                (octets[0], octets[15]) = (first, last);
                let end = Endpoint::new(IpAddr::from(octets), 80);
                Address(end).write(&mut out);
                expected.push(format!("\"{end}\""));
            }
            let expected = expected.concat();
            proptest::prop_assert_eq!(out.bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn the_shortest_and_the_longest() {
        for (text, port) in [
            ("0.0.0.0", 0),
            ("255.255.255.255", 65_535),
            ("10.9.99.100", 1_000),
        ] {
            let end = Endpoint::new(text.parse().unwrap(), port);
            assert_eq!(written(end), format!("\"{text}:{port}\""));
        }
    }
}
