//! What a connection speaks, by the first bytes of one direction.

use crate::flow::Direction;
use crate::http::{Kind, begins, begins_surely, empty_lines};

/// What first bytes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// More bytes are needed to tell.
    Undecided,
    /// HTTP/1, and which of its messages.
    Http1(Kind),
    /// HTTP/2 by prior knowledge (RFC 9113 §3.4).
    Http2,
    /// A TLS record.
    Tls,
    /// A PROXY protocol preface; the protocol proper comes behind it.
    Proxy,
    /// A SOCKS greeting; the tunnelled protocol comes after a few messages.
    Socks,
    /// None of these.
    Other,
}

const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// PROXY protocol §2.1 and §2.2.
pub(super) const PROXY_V1: &[u8] = b"PROXY ";
pub(super) const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Looks at the first bytes that one side sent.
pub(super) fn first_bytes(bytes: &[u8]) -> Protocol {
    for (magic, protocol) in [
        (PROXY_V2, Protocol::Proxy),
        (PROXY_V1, Protocol::Proxy),
        (HTTP2, Protocol::Http2),
    ] {
        match starts_with(bytes, magic) {
            Some(true) => return protocol,
            Some(false) => {}
            None => return Protocol::Undecided,
        }
    }
    match *bytes {
        [20..=23] | [20..=23, 3] => return Protocol::Undecided,
        [20..=23, 3, 0..=4, ..] => return Protocol::Tls,
        [4, 1, ..] => return Protocol::Socks,
        [5, methods, ref list @ ..] if methods > 0 && list.len() == usize::from(methods) => {
            return Protocol::Socks;
        }
        _ => {}
    }
    let line = bytes.get(empty_lines(bytes)..).unwrap_or_default();
    match begins(Kind::Response, line) {
        Some(true) => return Protocol::Http1(Kind::Response),
        None => return Protocol::Undecided,
        Some(false) => {}
    }
    match (begins(Kind::Request, line), request_line(line)) {
        (Some(false), _) | (_, Some(false)) => Protocol::Other,
        (Some(true), Some(true)) => Protocol::Http1(Kind::Request),
        _ => Protocol::Undecided,
    }
}

/// The message that bytes at the start of a segment begin, in a connection whose beginning was not seen.
pub(super) fn joined(bytes: &[u8]) -> Option<Kind> {
    if begins_surely(Kind::Response, bytes) {
        Some(Kind::Response)
    } else if begins_surely(Kind::Request, bytes) && request_line(bytes) != Some(false) {
        Some(Kind::Request)
    } else {
        None
    }
}

/// Whether these bytes can be a TLS record within a connection whose beginning was not seen (RFC 8446 §5.1).
pub(super) fn is_tls_record(bytes: &[u8]) -> bool {
    const MOST: u16 = (1 << 14) + 2048;
    match *bytes {
        [20..=23, 3, 1..=4, high, low, ..] => {
            matches!(u16::from_be_bytes([high, low]), 1..=MOST)
        }
        _ => false,
    }
}

/// Whether bytes of that direction can only come from the other side.
pub(super) fn is_reversed(dir: Direction, bytes: &[u8]) -> bool {
    const SERVER_HELLO: u8 = 2;
    const CLIENT_HELLO: u8 = 1;
    let from_server = match *bytes {
        [22, 3, _, _, _, CLIENT_HELLO, ..] => false,
        [22, 3, _, _, _, SERVER_HELLO, ..] => true,
        _ => match joined(bytes) {
            Some(kind) => kind == Kind::Response,
            None if bytes.starts_with(HTTP2) => false,
            None => return false,
        },
    };
    from_server == (dir == Direction::ToServer)
}

/// Whether a request line ends in an HTTP version, so that it is not one of the many protocols that begin with a word;
/// `None` while its end is not there.
fn request_line(bytes: &[u8]) -> Option<bool> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes.get(..end)?.trim_ascii_end();
    Some(line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"))
}

fn starts_with(bytes: &[u8], magic: &[u8]) -> Option<bool> {
    if bytes.len() >= magic.len() {
        Some(bytes.starts_with(magic))
    } else if magic.starts_with(bytes) {
        None
    } else {
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_of_many_protocols() {
        let is = first_bytes;
        assert_eq!(is(b"GET /x HTTP/1.1\r\n"), Protocol::Http1(Kind::Request));
        assert_eq!(
            is(b"\r\nBREW /x HTTP/1.0\n"),
            Protocol::Http1(Kind::Request)
        );
        assert_eq!(is(b"HTTP/1.1 200 OK"), Protocol::Http1(Kind::Response));
        assert_eq!(is(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Protocol::Http2);
        assert_eq!(is(b"\x16\x03\x01\x02\x00"), Protocol::Tls);
        assert_eq!(is(b"PROXY TCP4"), Protocol::Proxy);
        assert_eq!(is(b"\r\n\r\n\0\r\nQUIT\n\x21"), Protocol::Proxy);
        assert_eq!(is(b"\x05\x01\x00"), Protocol::Socks);
        for other in [
            &b"EHLO example.com\r\n"[..],
            b"SSH-2.0-OpenSSH\r\n",
            b"OPTIONS sip:a SIP/2.0\r\n",
            b"220 mail ESMTP\r\n",
            b"\0\0\0\x01",
            b"RFB 003.008\n",
        ] {
            assert_eq!(is(other), Protocol::Other, "{other:?}");
        }
    }

    #[test]
    fn every_beginning_is_undecided_until_it_is_told() {
        for whole in [
            &b"GET /x HTTP/1.1\r\n"[..],
            b"HTTP/1.",
            b"\x16\x03\x01",
            b"PROXY ",
            PROXY_V2,
            HTTP2,
        ] {
            for cut in 0..whole.len() {
                assert_eq!(
                    first_bytes(&whole[..cut]),
                    Protocol::Undecided,
                    "{:?}",
                    &whole[..cut]
                );
            }
            assert_ne!(first_bytes(whole), Protocol::Undecided);
        }
    }

    #[test]
    fn bytes_that_betray_who_sent_them() {
        use Direction::{ToClient, ToServer};
        assert!(is_reversed(ToServer, b"HTTP/1.1 101 x\r\n"));
        assert!(is_reversed(ToClient, b"GET / HTTP/1.1\r\n"));
        assert!(is_reversed(ToServer, b"\x16\x03\x03\0\x50\x02"));
        assert!(!is_reversed(ToClient, b"HTTP/1.1 101 x\r\n"));
        assert!(!is_reversed(ToServer, b"\x81\x05Hello"));
    }
}
