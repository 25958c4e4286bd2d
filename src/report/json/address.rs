//! Addresses as text, IPv4 ones written by hand: there are two and more in every line.

use std::net::IpAddr;

use super::value::{Buffer, Json, Plain};
use crate::flow::Endpoint;

/// Written as `1.2.3.4:80`; IPv6 in brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address(pub(super) Endpoint);

impl Json for Address {
    fn write(self, out: &mut Buffer) {
        let Endpoint { addr, port } = self.0;
        let IpAddr::V4(addr) = addr else {
            return Plain(self.0.to_string()).write(out);
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
