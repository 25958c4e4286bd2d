//! What conditions ask about, read from a leg.

use serde::Deserialize;

use crate::attempt::Leg;
use crate::event::Request;
use crate::flow::{Direction, End};
use crate::http::Fields;
use crate::websocket::Accept;

/// Whether a request is a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    Whole,
    Stripped,
}

/// What is with `Sec-WebSocket-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    Missing,
    Invalid,
    Valid,
}

/// How the host in `Origin` relates to `Host`, ports aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    Same,
    Other,
}

/// What came of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// There is no such leg in sight.
    None,
    /// Its connection never came about.
    Refused,
    /// The server sent FIN before an answer.
    Closed,
    /// The server sent RST before an answer.
    Reset,
    /// The client left before an answer.
    Left,
    /// No answer, and nobody ended it.
    Silent,
    /// An answer came.
    Answered,
    /// Bytes are missing where the answer should be, or where the client may have left.
    Lost,
}

/// `Sec-WebSocket-Accept` of a 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AcceptIs {
    Ok,
    Wrong,
    Missing,
}

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        let offer = &request.offer;
        if offer.upgrade && offer.connection && offer.key.is_some() {
            Self::Whole
        } else {
            Self::Stripped
        }
    }
}

impl Key {
    pub(super) fn of(request: &Request) -> Self {
        match &request.offer.key {
            None => Self::Missing,
            Some(key) if key.is_valid() => Self::Valid,
            Some(_) => Self::Invalid,
        }
    }
}

impl Origin {
    /// `None` where either field is missing, or Origin is `null`.
    pub(super) fn of(fields: &Fields) -> Option<Self> {
        let origin = fields.value("origin")?;
        let host = fields.value("host")?;
        let (_, origin) = origin.split_once("://")?;
        Some(
            if without_port(origin).eq_ignore_ascii_case(without_port(&host)) {
                Self::Same
            } else {
                Self::Other
            },
        )
    }
}

impl Fate {
    pub(super) fn of(leg: &Leg) -> Self {
        if leg.response.is_some() {
            return Self::Answered;
        }
        if leg.gaps.response || leg.gaps.behind || leg.gaps.one_sided {
            return Self::Lost;
        }
        match (leg.end.first, leg.end.how) {
            (_, Some(End::Refused | End::Unanswered)) => Self::Refused,
            (Some(end), _) => match (end.dir, end.reset) {
                (Direction::ToServer, _) => Self::Left,
                (Direction::ToClient, true) => Self::Reset,
                (Direction::ToClient, false) => Self::Closed,
            },
            (None, Some(End::Rst(Direction::ToClient))) => Self::Reset,
            (None, Some(End::Rst(Direction::ToServer))) => Self::Left,
            (None, _) => Self::Silent,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::None => "not in sight",
            Self::Refused => "connection refused or unanswered",
            Self::Closed => "FIN before an answer",
            Self::Reset => "RST before an answer",
            Self::Left => "the client leaves before an answer",
            Self::Silent => "silence",
            Self::Answered => "an answer",
            Self::Lost => "lost",
        }
    }
}

impl AcceptIs {
    pub(super) fn of(accept: Option<Accept>) -> Option<Self> {
        match accept? {
            Accept::Ok => Some(Self::Ok),
            Accept::Wrong => Some(Self::Wrong),
            Accept::Missing => Some(Self::Missing),
            Accept::Unknown => None,
        }
    }
}

/// `[::1]:80` and `[::1]` are the same host, as are `a:80` and `a`.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}
