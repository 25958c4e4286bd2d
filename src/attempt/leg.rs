//! One exchange on one connection, and what became of the connection.

use crate::attempt::TcpEnd;
use crate::event::{Connection, Request, Response};
use crate::flow::ConnId;
use crate::stream::End;
use crate::time::{Stamp, Timestamp};

/// What one connection showed of one exchange.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Which connection.
    pub conn: ConnId,
    /// Its endpoints and what was seen of its start.
    pub connection: Connection,
    /// The request, with the stamp of the record that completes its head.
    pub request: Option<(Stamp, Request)>,
    /// The final answer, likewise.
    pub response: Option<(Stamp, Response)>,
    /// How the content of the answer begins.
    pub body: Option<BodyStart>,
    /// What was lost of it.
    pub gaps: Gaps,
    /// How it ended, up to the time the attempt was decided.
    pub end: LegEnd,
}

/// The first bytes of the content of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyStart {
    /// At most 256 bytes.
    pub bytes: Box<[u8]>,
    /// The content ended within them.
    pub whole: bool,
    /// Compressed, so the bytes say nothing.
    pub encoded: bool,
}

/// What was lost of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Bytes that are, or may be, part of the request head.
    pub request: bool,
    /// Bytes that are, or may be, part of the response head.
    pub response: bool,
    /// Bytes of the frames or of the content.
    pub later: bool,
    /// Only one direction of the connection was ever seen.
    pub one_sided: bool,
}

/// How the connection of a leg came to its end so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegEnd {
    /// The first FIN or RST of either side.
    pub first: Option<TcpEnd>,
    /// How the connection was left.
    pub how: Option<End>,
}

impl Leg {
    /// First byte of the request; else of the response; else the SYN.
    pub fn started(&self) -> Timestamp {
        self.request
            .as_ref()
            .map(|(_, request)| request.started.ts)
            .or_else(|| {
                self.response
                    .as_ref()
                    .map(|(_, response)| response.started.ts)
            })
            .or_else(|| self.connection.syn.map(|syn| syn.ts))
            .unwrap_or_default()
    }

    /// Final status, where there is one.
    pub fn status(&self) -> Option<u16> {
        self.response
            .as_ref()?
            .1
            .head
            .as_ref()
            .map(|head| head.status.0)
    }
}
