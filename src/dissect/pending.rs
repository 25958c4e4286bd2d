//! Requests that wait for their answer, and what the client sent behind them.

use crate::dissect::connection::Feed;
use crate::dissect::link::Link;
use crate::flow::Direction;
use crate::http::{Buffer, RequestHead};
use crate::limits::Limit;
use crate::time::Stamp;

/// A request that waits for its final answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) exchange: u32,
    /// What the framing of the answer depends on (RFC 9112 §6.3).
    pub(super) method: Method,
    /// Its request was told.
    pub(super) told: bool,
    /// It asks for WebSocket.
    pub(super) websocket: bool,
    /// What follows cannot be read until it is answered.
    pub(super) blocks: bool,
    pub(super) key: Option<Box<str>>,
    /// In case the answer makes it matter.
    pub(super) late: Option<Box<Late>>,
    /// There was room for them.
    pub(super) kept: bool,
    /// Taken from the budget for them.
    pub(super) charged: u64,
}

/// What of a method matters to its answer.
#[derive(Debug)]
pub(super) enum Method {
    Head,
    /// With the authority of the tunnel.
    Connect(Box<str>),
    Other,
    /// The request itself was lost.
    Lost,
}

/// A request that is told only if its answer makes it matter.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) head: RequestHead,
    pub(super) started: Stamp,
    pub(super) at: Stamp,
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

/// Client bytes held on one connection at most.
const MOST_HELD: usize = 64 * 1024;
/// The same where the server is not seen, so that an answer will hardly come.
const MOST_HELD_ONE_SIDED: usize = 4 * 1024;
/// A host name and a port (RFC 1035 §2.3.4); what is longer is no authority, and is cut.
const LONGEST_AUTHORITY: usize = 261;

impl Pending {
    /// In place of requests that were lost.
    pub(super) const fn lost(exchange: u32) -> Self {
        Self {
            exchange,
            method: Method::Lost,
            told: false,
            websocket: false,
            blocks: false,
            key: None,
            late: None,
            kept: false,
            charged: 0,
        }
    }

    /// Keeps something of that size, if there is room.
    pub(super) fn keep(&mut self, link: &mut Link<'_>, size: u64, keep: impl FnOnce(&mut Self)) {
        if link.budget.charge(size) {
            self.charged = size;
            self.kept = true;
            keep(self);
        } else {
            link.reached(Limit::buffered_bytes_total);
        }
    }

    /// Gives back what was charged; the authority of a CONNECT.
    pub(super) fn settle(self, link: &mut Link<'_>) -> Option<Box<str>> {
        if self.told {
            link.counts.waiting = link.counts.waiting.saturating_sub(1);
        }
        link.budget.release(self.charged);
        match self.method {
            Method::Connect(authority) => Some(authority),
            _ => None,
        }
    }

    /// No answer will come.
    pub(super) fn dismiss(self, link: &mut Link<'_>) {
        if !self.told && !matches!(self.method, Method::Lost) {
            link.plain(None);
        }
        self.settle(link);
    }
}

impl Method {
    /// Of a request.
    pub(super) fn of(head: &RequestHead) -> Self {
        match &*head.method {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect(head.target.chars().take(LONGEST_AUTHORITY).collect()),
            _ => Self::Other,
        }
    }

    /// Its name, where it matters.
    pub(super) const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Head => Some("HEAD"),
            Self::Connect(_) => Some("CONNECT"),
            Self::Other | Self::Lost => None,
        }
    }
}

impl Held {
    /// Keeps more of them; what there is no room for counts as lost.
    pub(super) fn add(&mut self, link: &mut Link<'_>, bytes: &[u8]) {
        let most = if link.conn.both_ways {
            MOST_HELD
        } else {
            MOST_HELD_ONE_SIDED
        };
        self.last = link.at;
        let fits = self.lost == 0 && self.buffer.len().saturating_add(bytes.len()) <= most;
        if !fits || !self.buffer.append(bytes, link.budget) {
            if fits {
                link.reached(Limit::buffered_bytes_total);
            }
            self.lost = self.lost.saturating_add(bytes.len() as u64);
        }
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
