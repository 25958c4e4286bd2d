//! Addresses as text, IPv4 ones written by hand: there are two and more in every line.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::format::Plain;
use crate::flow::Endpoint;

/// Serialises as `1.2.3.4:80`; IPv6 in brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address(pub(super) Endpoint);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let IpAddr::V4(addr) = self.0.addr else {
            return serializer.collect_str(&self.0);
        };
        let mut text = Digits::default();
        for (octet, mark) in addr.octets().into_iter().zip(*b"...:") {
            text.number(octet.into());
            text.push(mark);
        }
        text.number(self.0.port);
        Plain(text).serialize(serializer)
    }
}

/// `255.255.255.255:65535` at most.
#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    text: [u8; 21],
    len: usize,
}

impl Digits {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn number(&mut self, number: u16) {
        let mut unit = match number {
            0..10 => 1,
            10..100 => 10,
            100..1_000 => 100,
            1_000..10_000 => 1_000,
            10_000.. => 10_000,
        };
        while unit > 0 {
            let [digit, ..] = (number / unit % 10).to_le_bytes();
            self.push(b'0' + digit);
            unit /= 10;
        }
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(end: Endpoint) -> String {
        let mut out = Vec::new();
        let format = super::super::format::Format::default();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, format);
        Address(end).serialize(&mut serializer).unwrap();
        String::from_utf8(out).unwrap()
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
