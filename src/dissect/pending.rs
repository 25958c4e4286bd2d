//! Requests that wait for their answer, and what the client sent behind them.

use crate::dissect::connection::Feed;
use crate::dissect::link::Link;
use crate::dissect::waiting::Place;
use crate::event::Request;
use crate::flow::Direction;
use crate::http::{Buffer, Kept, RequestHead};
use crate::limits::Limit;
use crate::time::Stamp;
use crate::websocket::{Key, Offer};

/// A request that waits for its final answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) exchange: u32,
    /// What the framing of the answer depends on (RFC 9112 §6.3).
    pub(super) method: Method,
    /// Its request was told, and counts among those that wait, there.
    pub(super) told: Option<Place>,
    /// It asks for WebSocket.
    pub(super) websocket: bool,
    /// What follows cannot be read until it is answered.
    pub(super) blocks: bool,
    /// Nothing where there was no room for it, or where it had to be given up.
    pub(super) noted: Option<Noted>,
}

/// What is known of a request beside that it waits.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) key: Option<Key>,
    /// In case the answer makes it matter.
    pub(super) late: Option<Box<Late>>,
    /// Where a CONNECT leads.
    pub(super) authority: Option<Box<str>>,
}

/// What of a method matters to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Head,
    Connect,
    Other,
    /// The request itself was lost.
    Lost,
}

/// A request that is told only if its answer makes it matter.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) head: LateHead,
    pub(super) started: Stamp,
    pub(super) at: Stamp,
}

/// Its head.
#[derive(Debug)]
pub(super) enum LateHead {
    Read(Box<RequestHead>),
    /// It has neither a field of a handshake nor the target of a library.
    Kept(Kept),
}

/// Client bytes behind a request whose answer says what they are.
#[derive(Debug, Default)]
pub(super) struct Held {
    buffer: Buffer,
    /// Bytes behind those in the buffer that were lost, or for which there was no room.
    lost: u64,
    /// The record that brought the last of them.
    last: Stamp,
}

/// Where the server is not seen, so that an answer will hardly come, this part of the bytes is held.
const ONE_SIDED_PART: u64 = 16;
/// 16 bytes in Base64 (RFC 6455 §4.1).
const KEY: u64 = 24;
/// A host name and a port (RFC 1035 §2.3.4); what is longer is no authority, and is cut.
const LONGEST_AUTHORITY: usize = 261;

impl Pending {
    /// In place of requests that were lost.
    pub(super) const fn lost(exchange: u32) -> Self {
        Self {
            exchange,
            method: Method::Lost,
            told: None,
            websocket: false,
            blocks: false,
            noted: None,
        }
    }

    /// A request that was seen, and need not be told so far.
    pub(super) fn plain(exchange: u32, method: Method) -> Self {
        Self {
            method,
            blocks: method == Method::Connect,
            ..Self::lost(exchange)
        }
    }

    /// Keeps what is noted, if there is room.
    pub(super) fn note(&mut self, link: &mut Link<'_>, noted: Noted) {
        if link.budget.charge(noted.charged()) {
            self.noted = Some(noted);
        } else {
            link.reached(Limit::buffered_bytes_total);
        }
    }

    /// Gives back what was charged, with what was noted.
    pub(super) fn settle(self, link: &mut Link<'_>) -> Option<Noted> {
        if let Some(place) = self.told {
            link.counts.waiting.end(place);
        }
        let noted = self.noted?;
        link.budget.release(noted.charged());
        Some(noted)
    }

    /// The request, where it was not told and is still there, and when its head was whole. Nothing else is noted then.
    pub(super) fn take_late(&mut self, link: &mut Link<'_>) -> Option<(Box<Request>, Stamp)> {
        let noted = self.noted.take_if(|noted| noted.late.is_some())?;
        link.budget.release(noted.charged());
        let Late { head, started, at } = *noted.late?;
        let head = match head {
            LateHead::Read(head) => *head,
            LateHead::Kept(head) => head.read()?,
        };
        let request = Request {
            exchange: self.exchange,
            connection: link.describe(),
            started,
            offer: Offer::of(&head),
            head,
        };
        Some((Box::new(request), at))
    }

    /// Whether a handshake waits whose leg it may be, every field of it lost on the way.
    pub(super) fn may_be_leg(&self, link: &Link<'_>) -> bool {
        let late = self.noted.as_ref().and_then(|noted| noted.late.as_ref());
        let target = late.map(|late| match &late.head {
            LateHead::Read(head) => head.target(),
            LateHead::Kept(head) => head.target(),
        });
        target.is_some_and(|target| link.counts.waiting.any_for(target))
    }

    /// Lets go of what is noted, if that was charged.
    pub(super) fn give_up(&mut self, link: &mut Link<'_>) {
        if let Some(noted) = self.noted.take_if(|noted| noted.charged() > 0) {
            link.budget.release(noted.charged());
        }
    }

    /// No answer will come.
    pub(super) fn dismiss(self, link: &mut Link<'_>) {
        if self.told.is_none() && self.method != Method::Lost {
            link.plain(None);
        }
        self.settle(link);
    }
}

impl Noted {
    /// Of a request that was told, by its key.
    pub(super) fn told(key: Option<Key>, authority: Option<Box<str>>) -> Self {
        Self {
            key,
            late: None,
            authority,
        }
    }

    /// Of a request that may have to be told.
    pub(super) fn late(head: LateHead, started: Stamp, at: Stamp) -> Self {
        Self {
            key: None,
            late: Some(Box::new(Late { head, started, at })),
            authority: None,
        }
    }

    /// What the budget is charged for it. A key as RFC 6455 has it costs nothing: it is a part of the connection, so that
    /// no flood makes a handshake in flight lose its key.
    fn charged(&self) -> u64 {
        let key = self.key.as_ref();
        let key = key.map_or(0, |key| key.as_bytes().len() as u64);
        let authority = self.authority.as_ref();
        let authority = authority.map_or(0, |authority| authority.len() as u64);
        let late = self.late.as_ref().map(|late| {
            let head = match &late.head {
                LateHead::Read(head) => size_of::<RequestHead>() as u64 + head.allocated(),
                LateHead::Kept(head) => head.allocated(),
            };
            size_of::<Late>() as u64 + head
        });
        match (late, key, authority) {
            (None, ..=KEY, 0) => 0,
            (late, ..) => (size_of::<Self>() as u64)
                .saturating_add(key)
                .saturating_add(authority)
                .saturating_add(late.unwrap_or(0)),
        }
    }
}

impl Method {
    /// By its name.
    pub(super) const fn of(name: &[u8]) -> Self {
        match name {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }

    /// Where the request leads, if it asks for a tunnel.
    pub(super) fn authority(self, head: &RequestHead) -> Option<Box<str>> {
        (self == Self::Connect).then(|| head.target().chars().take(LONGEST_AUTHORITY).collect())
    }

    /// Its name, where it matters.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Head => Some("HEAD"),
            Self::Connect => Some("CONNECT"),
            Self::Other | Self::Lost => None,
        }
    }
}

impl Held {
    /// Keeps more of them; what there is no room for counts as lost.
    pub(super) fn add(&mut self, link: &mut Link<'_>, bytes: &[u8]) {
        let most = if link.conn.both_ways {
            link.limits.held_bytes
        } else {
            link.limits.held_bytes / ONE_SIDED_PART
        };
        self.last = link.at;
        let fits = self.buffer.len().saturating_add(bytes.len()) as u64 <= most;
        if self.lost > 0 || !fits || !self.buffer.append(bytes, link.budget) {
            if self.lost == 0 {
                link.reached(if fits {
                    Limit::buffered_bytes_total
                } else {
                    Limit::held_bytes
                });
            }
            self.lost = self.lost.saturating_add(bytes.len() as u64);
        }
    }

    /// Lets go of them: they count as lost.
    pub(super) fn give_up(&mut self, link: &mut Link<'_>) {
        self.lose(self.buffer.len() as u64);
        self.buffer.clear(link.budget);
    }

    /// Lost bytes among those that wait.
    pub(super) const fn lose(&mut self, len: u64) {
        self.lost = self.lost.saturating_add(len);
    }

    /// The record that brought the last of them.
    pub(super) const fn last(&self) -> Stamp {
        self.last
    }

    /// Hands them out, with how many were lost behind them.
    pub(super) fn take_bytes(&mut self, link: &mut Link<'_>) -> (Vec<u8>, u64) {
        let bytes = self.buffer.take(link.budget);
        (bytes, std::mem::take(&mut self.lost))
    }

    /// Hands them to the next protocol.
    pub(super) fn take(&mut self, link: &mut Link<'_>) -> Vec<Feed> {
        let (bytes, lost) = self.take_bytes(link);
        let mut feed = Feed::owned(Direction::ToServer, bytes);
        feed.lost = lost;
        if feed.bytes.is_empty() && feed.lost == 0 {
            Vec::new()
        } else {
            vec![feed]
        }
    }
}
