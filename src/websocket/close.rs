//! Close frames and their status codes (RFC 6455 §5.5.1, §7.4, and the IANA registry of close codes).

use std::fmt;

/// Status code of a Close frame, as it was on the wire or as an endpoint's API reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

/// What a Close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Status code; `None` where the body is empty, which an API reports as 1005.
    pub code: Option<CloseCode>,
    /// The reason, at most 123 bytes, with U+FFFD for what is no UTF-8.
    pub reason: Box<str>,
    /// The reason was not UTF-8.
    pub reason_invalid: bool,
    /// The body is one byte long, which is no code (RFC 6455 §5.5.1).
    pub malformed: bool,
}

impl Close {
    /// Reads the unmasked payload of a Close frame.
    pub fn parse(payload: &[u8]) -> Self {
        let (code, reason) = match payload.split_first_chunk() {
            Some((code, reason)) => (Some(CloseCode(u16::from_be_bytes(*code))), reason),
            None => (None, &[][..]),
        };
        let (reason, reason_invalid) = match std::str::from_utf8(reason) {
            Ok(reason) => (reason.into(), false),
            Err(_) => (String::from_utf8_lossy(reason).into(), true),
        };
        Self {
            code,
            reason,
            reason_invalid,
            malformed: payload.len() == 1,
        }
    }
}

impl CloseCode {
    /// No status code in the Close frame; said by an API, never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// The connection ended without a Close frame; said by an API, never on the wire.
    pub const ABNORMAL: Self = Self(1006);

    /// Its name in the IANA registry, where it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1000 => "Normal Closure",
            1001 => "Going Away",
            1002 => "Protocol error",
            1003 => "Unsupported Data",
            1004 => "Reserved",
            1005 => "No Status Rcvd",
            1006 => "Abnormal Closure",
            1007 => "Invalid frame payload data",
            1008 => "Policy Violation",
            1009 => "Message Too Big",
            1010 => "Mandatory Extension",
            1011 => "Internal Error",
            1012 => "Service Restart",
            1013 => "Try Again Later",
            1014 => "Bad Gateway",
            1015 => "TLS handshake",
            3000 => "Unauthorized",
            3003 => "Forbidden",
            3008 => "Timeout",
            _ => return None,
        })
    }

    /// Whether an endpoint may put it into a Close frame (RFC 6455 §7.4.1, §7.4.2).
    pub const fn is_legal_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_every_length() {
        assert_eq!(Close::parse(&[]).code, None);
        assert!(Close::parse(&[3]).malformed);
        let close = Close::parse(b"\x03\xf2permessage-deflate");
        assert_eq!(
            (close.code, &*close.reason),
            (Some(CloseCode(1010)), "permessage-deflate")
        );
        assert!(Close::parse(b"\x03\xe8\xff").reason_invalid);
    }
}
