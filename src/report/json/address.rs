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
        out.push(b'"');
        for (octet, mark) in addr.octets().into_iter().zip(*b"...:") {
            u16::from(octet).write(out);
            out.push(mark);
        }
        port.write(out);
        out.push(b'"');
    }
}

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
