//! The client's half of HTTP/1: requests are noted, and what follows one that may switch protocols is held.

use super::{Exchanges, broken};
use crate::dissect::connection::Turn;
use crate::dissect::link::Link;
use crate::dissect::pending::{LateHead, Method, Noted, Pending};
use crate::event::{Fact, Polling, Request};
use crate::flow::Direction;
use crate::http::{Framing, Keep, Piece, RequestHead, Step, Unread};
use crate::limits::Limit;
use crate::time::Stamp;
use crate::websocket::{self, Offer, Poll};

impl Exchanges {
    pub(super) fn client(&mut self, link: &mut Link<'_>, piece: &mut Piece<'_>) -> Turn {
        let whole = piece.bytes.len();
        loop {
            if self.must_hold() {
                self.held.add(link, piece.bytes);
                return Turn::Done;
            }
            if self.requests.is_seeking()
                && let Some(turn) = self.hunt(link, Direction::ToServer, piece, whole)
            {
                return turn;
            }
            let keep = Keep::Named(websocket::is_handshake_name);
            let into = (link.counts.blanks.request(), keep);
            match self.requests.step(piece, into, link.limits, link.budget) {
                Step::More => return Turn::Done,
                Step::Content(_) | Step::End | Step::Plain(_) => {}
                Step::Unread { head, started } => {
                    if head.framing() != Framing::NONE {
                        self.requests.begin_body(head.framing());
                    }
                    if !self.unread(link, &head, started) {
                        link.reached(Limit::pipelined_requests);
                        return Turn::become_opaque();
                    }
                }
                Step::Head { started } => {
                    let Some(mut request) = link.counts.blanks.request.take() else {
                        return Turn::Done;
                    };
                    request.started = started;
                    let framing = Framing::of_request(&request.head);
                    if framing != Framing::NONE {
                        self.requests.begin_body(framing);
                    }
                    if !self.request(link, request) {
                        link.reached(Limit::pipelined_requests);
                        return Turn::become_opaque();
                    }
                }
                Step::Broken { why, kept } => {
                    if let Some(turn) = broken(link, Direction::ToServer, why, kept, piece) {
                        return turn;
                    }
                }
            }
        }
    }

    pub(super) fn must_hold(&self) -> bool {
        self.pending.back().is_some_and(|last| last.blocks) && self.requests.is_between_messages()
    }

    /// Notes a request without a field of a handshake; false if too many wait.
    fn unread(&mut self, link: &mut Link<'_>, head: &Unread<'_>, started: Stamp) -> bool {
        let method = Method::of(head.method());
        if method == Method::Connect || websocket::is_target_of_library(head.target()) {
            let mut request = link.counts.blanks.request.take().unwrap_or_default();
            request.started = started;
            if head.read(&mut request.head).is_some() {
                return self.request(link, request);
            }
        }
        let Some(exchange) = self.begin(link) else {
            return false;
        };
        let mut pending = Pending::plain(exchange, method);
        let head = LateHead::Kept(head.keep());
        pending.note(link, Noted::late(head, started, link.at));
        self.pending.push_back(pending);
        true
    }

    /// Notes a request; false if too many wait.
    fn request(&mut self, link: &mut Link<'_>, mut request: Box<Request>) -> bool {
        let Some(exchange) = self.begin(link) else {
            return false;
        };
        let head = &request.head;
        let offer = Offer::of(head);
        let websocket = websocket::asks_for_websocket(head, &offer);
        let told = (websocket || head.fields.has_elements("upgrade"))
            .then(|| link.counts.waiting.place(head.target()));
        let method = Method::of(head.method.as_bytes());
        let authority = method.authority(head);
        let mut pending = Pending::plain(exchange, method);
        if let Some(place) = told {
            pending.told = told;
            pending.websocket = websocket;
            pending.blocks = true;
            request.exchange = exchange;
            request.connection = link.describe();
            pending.note(link, Noted::told(offer.key.clone(), authority));
            request.offer = offer;
            link.counts.waiting.begin(place);
            link.report_at(link.at, Fact::Request(request));
        } else {
            if let Some(polling) = polling(link, head, false) {
                link.tell(Fact::Polling(Box::new(polling)));
            }
            let head = LateHead::Read(Box::new(std::mem::take(&mut request.head)));
            let mut noted = Noted::late(head, request.started, link.at);
            noted.authority = authority;
            pending.note(link, noted);
            link.counts.blanks.request = Some(request);
        }
        self.pending.push_back(pending);
        true
    }

    /// The number of a request that begins to wait, if no more wait than may.
    fn begin(&mut self, link: &mut Link<'_>) -> Option<u32> {
        // A request that was lost and whose answer was seen before the loss was known leaves nothing to wait for.
        if matches!(self.pending.front(), Some(front) if front.method == Method::Lost)
            && self.pending.len() == 1
        {
            self.pending.clear();
        }
        if self.pending.len() as u64 >= link.limits.pipelined_requests {
            if link.conn.both_ways {
                return None;
            }
            // Of one direction alone no answers will come.
            if let Some(oldest) = self.pending.pop_front() {
                oldest.dismiss(link);
            }
        }
        let exchange = self.next;
        self.next = self.next.saturating_add(1);
        Some(exchange)
    }

    /// The upgrade was refused: what the client sent since is read as requests.
    pub(super) fn release(&mut self, link: &mut Link<'_>) -> Option<Turn> {
        let now = std::mem::replace(&mut link.at, self.held.last());
        let (bytes, lost) = self.held.take_bytes(link);
        let mut piece = Piece {
            bytes: &bytes,
            at: link.at,
            at_segment_start: true,
        };
        let turn = self.client(link, &mut piece);
        if lost > 0 {
            self.gap(link, Direction::ToServer, lost);
        }
        link.at = now;
        match turn {
            Turn::Done => None,
            turn @ Turn::Become { .. } => Some(turn),
        }
    }
}

/// A poll of a library that has, or may have, no WebSocket.
pub(super) fn polling(link: &Link<'_>, head: &RequestHead, is_refused: bool) -> Option<Polling> {
    let poll = Poll::of(head)?;
    let (client, _) = link.endpoints();
    let prefaced = || link.conn.state.origin.as_deref()?.proxied_for;
    let named = head.fields.forwarded_for();
    let named = named.or_else(|| prefaced().map(|client| client.addr));
    Some(Polling {
        client: named.unwrap_or(client.addr),
        poll,
        is_refused,
    })
}
