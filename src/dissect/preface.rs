//! The PROXY protocol, versions 1 and 2: who the client behind a load balancer is.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::probe::{PROXY_V1, PROXY_V2};
use crate::flow::Endpoint;

/// A preface read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preface {
    /// The client, unless the proxy speaks for itself or does not know.
    pub(super) client: Option<Endpoint>,
    /// Its length.
    pub(super) len: usize,
}

/// A preface that is not whole, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRead {
    /// More bytes are needed.
    Partial,
    /// It does not follow the grammar.
    Malformed,
}

/// The longest line of version 1, with its line end (§2.1).
const LONGEST_LINE: usize = 107;

/// Reads a preface, of which the first bytes were recognised.
pub(super) fn parse(bytes: &[u8]) -> Result<Preface, NotRead> {
    if bytes.starts_with(PROXY_V1) {
        parse_v1(bytes)
    } else if bytes.starts_with(PROXY_V2) {
        parse_v2(bytes).unwrap_or(Err(NotRead::Partial))
    } else {
        Err(NotRead::Malformed)
    }
}

fn parse_v1(bytes: &[u8]) -> Result<Preface, NotRead> {
    let Some(end) = memchr::memchr(b'\n', bytes.get(..LONGEST_LINE).unwrap_or(bytes)) else {
        return Err(if bytes.len() < LONGEST_LINE {
            NotRead::Partial
        } else {
            NotRead::Malformed
        });
    };
    let line = bytes.get(..end).unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| NotRead::Malformed)?;
    let mut words = line.trim_end().split(' ').skip(1);
    let client = match words.next() {
        Some("UNKNOWN") => None,
        Some("TCP4" | "TCP6") => {
            let addr = words.next().and_then(|word| word.parse().ok());
            let port = words.nth(1).and_then(|word| word.parse().ok());
            match (addr, port) {
                (Some(addr), Some(port)) => Some(Endpoint::new(addr, port)),
                _ => return Err(NotRead::Malformed),
            }
        }
        _ => return Err(NotRead::Malformed),
    };
    Ok(Preface {
        client,
        len: end + 1,
    })
}

/// `None` where bytes are missing.
fn parse_v2(bytes: &[u8]) -> Option<Result<Preface, NotRead>> {
    let rest = bytes.get(PROXY_V2.len()..)?;
    let (&[command, family, high, low], rest) = rest.split_first_chunk()?;
    if command >> 4 != 2 {
        return Some(Err(NotRead::Malformed));
    }
    let len = usize::from(u16::from_be_bytes([high, low]));
    let block = rest.get(..len)?;
    // LOCAL is 0: the proxy's own health check, whose addresses mean nothing.
    let client = match (command & 0xF, family >> 4) {
        (1, 1) => block.first_chunk().and_then(|addr: &[u8; 4]| {
            Some(Endpoint::new(
                IpAddr::V4(Ipv4Addr::from(*addr)),
                port(block, 8)?,
            ))
        }),
        (1, 2) => block.first_chunk().and_then(|addr: &[u8; 16]| {
            Some(Endpoint::new(
                IpAddr::V6(Ipv6Addr::from(*addr)),
                port(block, 32)?,
            ))
        }),
        _ => None,
    };
    Some(Ok(Preface {
        client,
        len: PROXY_V2.len() + 4 + len,
    }))
}

fn port(block: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*block.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        let addr: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(addr.ip(), addr.port())
    }

    #[test]
    fn version_1() {
        let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
        let preface = Preface {
            client: Some(endpoint("192.168.0.1:56324")),
            len: line.len(),
        };
        assert_eq!(parse(&[line.as_slice(), b"GET"].concat()), Ok(preface));
        for cut in PROXY_V1.len()..line.len() {
            assert_eq!(parse(&line[..cut]), Err(NotRead::Partial));
        }
        assert_eq!(parse(b"PROXY UNKNOWN\r\n").map(|p| p.client), Ok(None));
        assert_eq!(
            parse(b"PROXY TCP6 ::1 ::2 1 2\r\n").map(|p| p.client),
            Ok(Some(endpoint("[::1]:1")))
        );
        assert_eq!(parse(b"PROXY to the people\r\n"), Err(NotRead::Malformed));
        assert_eq!(
            parse(&[b"PROXY TCP4 ".as_slice(), &[b'1'; 100]].concat()),
            Err(NotRead::Malformed)
        );
    }

    #[test]
    fn version_2() {
        let v4 = [
            PROXY_V2,
            b"\x21\x11\x00\x0f\x0a\x01\x00\x02\x0a\x00\x00\x05\xc4\x20\x00\x50\x04\x00\x00",
        ]
        .concat();
        let preface = Preface {
            client: Some(endpoint("10.1.0.2:50208")),
            len: v4.len(),
        };
        assert_eq!(parse(&[&v4[..], b"GET"].concat()), Ok(preface));
        for cut in PROXY_V2.len()..v4.len() {
            assert_eq!(parse(&v4[..cut]), Err(NotRead::Partial));
        }
        let mut v6 = [PROXY_V2, b"\x21\x21\x00\x24"].concat();
        v6.extend([0; 15]);
        v6.extend([1]);
        v6.extend([0; 16]);
        v6.extend([0x12, 0x34, 0, 80]);
        assert_eq!(
            parse(&v6).map(|p| p.client),
            Ok(Some(endpoint("[::1]:4660")))
        );
        let local = [PROXY_V2, b"\x20\x00\x00\x00"].concat();
        assert_eq!(
            parse(&local),
            Ok(Preface {
                client: None,
                len: 16
            })
        );
        assert_eq!(
            parse(&[PROXY_V2, b"\x31\x11\0\0"].concat()),
            Err(NotRead::Malformed)
        );
    }
}
