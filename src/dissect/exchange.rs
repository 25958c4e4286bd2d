//! HTTP/1 on a connection: requests paired with their answers, up to an upgrade or a tunnel (RFC 9112 §9).

use std::collections::VecDeque;

use crate::dissect::connection::{Feed, Speaks, Turn};
use crate::dissect::content::Content;
use crate::dissect::hunt::Hunt;
use crate::dissect::link::Link;
use crate::dissect::pending::{Held, Late, Method, Pending};
use crate::dissect::socket::{Rsv, Socket};
use crate::event::{Fact, GapOver, Request, Response};
use crate::flow::Direction;
use crate::flow::End;
use crate::http::{
    Broken, Framing, Head, Kind, Lost, Piece, Reader, RequestHead, ResponseHead, Status, Step,
};
use crate::limits::Limit;
use crate::time::Stamp;
use crate::websocket::{self, Answer, Offer};

/// Both directions, and what waits between them.
#[derive(Debug)]
pub(super) struct Exchanges {
    requests: Reader,
    responses: Reader,
    pending: VecDeque<Pending>,
    /// Number of the next request.
    next: u32,
    held: Held,
    content: Option<Content>,
    interim: Vec<Status>,
    /// A head was lost, perhaps a 101: frames are looked for.
    hunt: Option<Box<Hunt>>,
}

/// Interim responses told of one exchange.
const MOST_INTERIM: usize = 8;

impl Exchanges {
    /// At the first byte of the connection, or joined in the middle.
    pub(super) fn new(link: &mut Link<'_>, joined: bool) -> Self {
        let mut new = Self {
            requests: Reader::new(Kind::Request),
            responses: Reader::new(Kind::Response),
            pending: VecDeque::new(),
            next: 0,
            held: Held::default(),
            content: None,
            interim: Vec::new(),
            hunt: None,
        };
        if joined {
            new.hunt = Some(Box::default());
            new.requests.seek(link.budget);
            new.responses.seek(link.budget);
        }
        new
    }

    /// Whether a handshake is in flight.
    pub(super) fn is_handshaking(&self) -> bool {
        self.pending.iter().any(|pending| pending.told)
    }

    /// The next bytes of one direction.
    pub(super) fn data(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        bytes: &[u8],
        at_segment_start: bool,
    ) -> Turn {
        let mut piece = Piece {
            bytes,
            at: link.at,
            at_segment_start,
        };
        match dir {
            Direction::ToServer => self.client(link, &mut piece),
            Direction::ToClient => self.server(link, &mut piece),
        }
    }

    fn client(&mut self, link: &mut Link<'_>, piece: &mut Piece<'_>) -> Turn {
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
            match self.requests.step(piece, link.limits, link.budget) {
                Step::More => return Turn::Done,
                Step::Content(_) | Step::End => {}
                Step::Head { head, started, .. } => {
                    let Head::Request(head) = head else {
                        return Turn::Done;
                    };
                    self.requests.begin_body(Framing::of_request(&head));
                    if !self.request(link, head, started) {
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

    fn must_hold(&self) -> bool {
        self.pending.back().is_some_and(|last| last.blocks) && self.requests.is_between_messages()
    }

    /// Notes a request; false if too many wait.
    fn request(&mut self, link: &mut Link<'_>, head: RequestHead, started: Stamp) -> bool {
        // A request that was lost and whose answer was seen before the loss was known leaves nothing to wait for.
        if matches!(self.pending.front(), Some(front) if matches!(front.method, Method::Lost))
            && self.pending.len() == 1
        {
            self.pending.clear();
        }
        if self.pending.len() as u64 >= link.limits.pipelined_requests {
            if link.conn.both_ways {
                return false;
            }
            // Of one direction alone no answers will come.
            if let Some(oldest) = self.pending.pop_front() {
                oldest.dismiss(link);
            }
        }
        let exchange = self.next;
        self.next = self.next.saturating_add(1);
        let offer = Offer::of(&head);
        let websocket = websocket::asks_for_websocket(&head, &offer);
        let told = websocket || head.fields.elements("upgrade").next().is_some();
        let method = Method::of(&head);
        let mut pending = Pending {
            exchange,
            blocks: told || matches!(method, Method::Connect(_)),
            method,
            told,
            websocket,
            key: None,
            late: None,
            kept: false,
            charged: 0,
        };
        if told {
            pending.keep(
                link,
                offer.key.as_ref().map_or(0, |key| key.len() as u64),
                |pending| {
                    pending.key.clone_from(&offer.key);
                },
            );
            let request = Request {
                exchange,
                connection: link.describe(),
                started,
                head,
                offer,
            };
            link.report_at(link.at, Fact::Request(Box::new(request)));
        } else {
            let at = link.at;
            pending.keep(link, head.allocated(), |pending| {
                pending.late = Some(Box::new(Late { head, started, at }));
            });
        }
        self.pending.push_back(pending);
        true
    }

    fn server(&mut self, link: &mut Link<'_>, piece: &mut Piece<'_>) -> Turn {
        let whole = piece.bytes.len();
        let starts_segment = piece.at_segment_start;
        loop {
            if self.responses.is_seeking()
                && let Some(turn) = self.hunt(link, Direction::ToClient, piece, whole)
            {
                return turn;
            }
            match self.responses.step(piece, link.limits, link.budget) {
                Step::More => return Turn::Done,
                Step::Content(part) => Content::add(&mut self.content, link, part),
                Step::End => Content::end(&mut self.content, link, true),
                Step::Head { head, started, .. } => {
                    let Head::Response(head) = head else {
                        return Turn::Done;
                    };
                    self.hunt = None;
                    let rest = whole.saturating_sub(piece.bytes.len());
                    if let Some(turn) = self.response(link, &head, started, rest) {
                        return turn;
                    }
                }
                Step::Broken { why, kept } => {
                    let begins_so = kept > 0 || (starts_segment && piece.bytes.len() == whole);
                    let awaited = self.pending.front().is_some_and(|front| front.told);
                    if why == Broken::Malformed && begins_so && awaited {
                        self.no_http(link);
                        return Turn::become_opaque();
                    }
                    if let Some(turn) = broken(link, Direction::ToClient, why, kept, piece) {
                        return turn;
                    }
                }
            }
        }
    }

    /// Out of step, so that a 101 may have been lost: looks for frames.
    fn hunt(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        piece: &mut Piece<'_>,
        whole: usize,
    ) -> Option<Turn> {
        let hunt = self.hunt.as_mut()?;
        let mut bytes = piece.bytes;
        let found = hunt.data(dir, &mut bytes, piece.at_segment_start)?;
        if found.is_masked() != Some(dir == Direction::ToServer) {
            return None;
        }
        let hunt = *self.hunt.take()?;
        let mut socket = hunt.catch(link, dir, *found);
        if self.must_hold() {
            // What the client sent behind its request begins with a frame.
            socket.find(Direction::ToServer);
        }
        Some(Turn::Become {
            speaks: Speaks::WebSocket(Box::new(socket)),
            before: self.held.take(link),
            rest: Some(whole.saturating_sub(bytes.len())),
        })
    }

    /// A response; the turn to take if the connection changes its protocol with it.
    fn response(
        &mut self,
        link: &mut Link<'_>,
        head: &ResponseHead,
        started: Stamp,
        rest: usize,
    ) -> Option<Turn> {
        Content::end(&mut self.content, link, false);
        let status = head.status.0;
        if matches!(status, 100 | 102..=199) {
            if self.interim.len() < MOST_INTERIM {
                self.interim.push(head.status);
            }
            self.responses.begin_body(Framing::NONE);
            return None;
        }
        let pending = self.pending.pop_front();
        let method = pending.as_ref().and_then(|pending| pending.method.name());
        let framing = Framing::of_response(head, method);
        self.responses.begin_body(framing);
        let told = self.answer(link, pending.as_ref(), head, started);
        self.interim.clear();
        if let Some(exchange) = told
            && status != 101
            && method != Some("HEAD")
        {
            self.content = Content::begin(link, exchange, head, framing);
        }
        let asked = pending.as_ref().is_some_and(|pending| pending.websocket);
        let held_back = pending.as_ref().is_some_and(|pending| pending.blocks);
        let tunnel = pending.and_then(|pending| pending.settle(link));
        match (status, tunnel) {
            (101, _) => Some(self.switch(link, head, asked, rest)),
            (200..=299, Some(authority)) => {
                link.conn.state.origin_mut().through = Some(authority);
                Some(Turn::Become {
                    speaks: Speaks::default(),
                    before: self.held.take(link),
                    rest: Some(rest),
                })
            }
            _ if held_back => self.release(link),
            _ => None,
        }
    }

    /// Tells a final response, and its request if that was not yet; the number of the exchange, unless it is plain.
    fn answer(
        &mut self,
        link: &mut Link<'_>,
        pending: Option<&Pending>,
        head: &ResponseHead,
        started: Stamp,
    ) -> Option<u32> {
        let told = pending.is_some_and(|pending| pending.told);
        let lost = pending.is_none_or(|pending| matches!(pending.method, Method::Lost));
        let matters = matches!(head.status.0, 101 | 426)
            || (lost && websocket::bears_websocket_field(&head.fields));
        if !told && !matters {
            if !lost {
                link.plain();
            }
            return None;
        }
        let exchange = pending.map_or(self.next, |pending| pending.exchange);
        if pending.is_none() {
            self.next = self.next.saturating_add(1);
        }
        // Without its key an accept cannot be called wrong.
        let known = pending.filter(|pending| pending.told && pending.kept);
        let mut offer = known.map(|pending| Offer {
            key: pending.key.clone(),
            ..Offer::default()
        });
        if let Some(late) = pending.and_then(|pending| pending.late.as_deref()) {
            let connection = link.describe();
            let request = Request {
                exchange,
                connection,
                started: late.started,
                head: late.head.clone(),
                offer: offer.insert(Offer::of(&late.head)).clone(),
            };
            link.report_at(late.at, Fact::Request(Box::new(request)));
        }
        let connection = (!link.conn.state.reported).then(|| link.describe());
        let response = Response {
            exchange,
            connection,
            started,
            answer: Answer::of(head, offer.as_ref()),
            head: Some(head.clone()),
            interim: std::mem::take(&mut self.interim),
        };
        link.report_at(link.at, Fact::Response(Box::new(response)));
        Some(exchange)
    }

    /// The server answers an upgrade with bytes that are no HTTP.
    fn no_http(&mut self, link: &mut Link<'_>) {
        let Some(pending) = self.pending.pop_front() else {
            return;
        };
        let response = Response {
            exchange: pending.exchange,
            connection: None,
            started: link.at,
            head: None,
            answer: Answer::default(),
            interim: std::mem::take(&mut self.interim),
        };
        pending.settle(link);
        link.tell(Fact::Response(Box::new(response)));
    }

    /// After a 101.
    fn switch(
        &mut self,
        link: &mut Link<'_>,
        head: &ResponseHead,
        asked: bool,
        rest: usize,
    ) -> Turn {
        let answer = Answer::of(head, None);
        if !websocket::switches_to_websocket(head, &answer, asked) {
            if head.fields.has_element("upgrade", "h2c") {
                link.counts.http2 += 1;
            }
            return Turn::become_opaque();
        }
        let mut socket = Socket::opened(Rsv::agreed(&answer));
        // A client that was out of step, or whose frames were taken for the start of a request.
        if self.requests.is_seeking() {
            socket.lose(Direction::ToServer);
        }
        let mut before = self.held.take(link);
        let kept = self.requests.seek(link.budget);
        if !kept.is_empty() {
            before.insert(0, Feed::owned(Direction::ToServer, kept));
        }
        Turn::Become {
            speaks: Speaks::WebSocket(Box::new(socket)),
            before,
            rest: Some(rest),
        }
    }

    /// The upgrade was refused: what the client sent since is read as requests.
    fn release(&mut self, link: &mut Link<'_>) -> Option<Turn> {
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

    /// Lost bytes of one direction.
    pub(super) fn gap(&mut self, link: &mut Link<'_>, dir: Direction, len: u64) {
        let over = match dir {
            Direction::ToServer if self.must_hold() => {
                self.held.lose(len);
                GapOver::RequestHead
            }
            Direction::ToServer => match self.requests.skip(len, link.budget) {
                Lost::Content => GapOver::Body,
                Lost::Nothing => GapOver::RequestHead,
                Lost::Head => {
                    self.hunt.get_or_insert_default();
                    self.pending.push_back(Pending::lost(self.next));
                    self.next = self.next.saturating_add(1);
                    GapOver::RequestHead
                }
            },
            Direction::ToClient => {
                Content::end(&mut self.content, link, false);
                match self.responses.skip(len, link.budget) {
                    Lost::Content => GapOver::Body,
                    Lost::Head | Lost::Nothing => {
                        self.hunt.get_or_insert_default();
                        GapOver::ResponseHead
                    }
                }
            }
        };
        if let Some(hunt) = &mut self.hunt {
            hunt.gap(dir, len);
        }
        link.tell_if_reported(Fact::Gap { dir, len, over });
        if dir == Direction::ToServer && self.pending.len() as u64 > link.limits.pipelined_requests
        {
            self.pending.pop_back();
        }
    }

    /// One side has nothing more to send.
    pub(super) fn fin(&mut self, link: &mut Link<'_>, dir: Direction) {
        if dir == Direction::ToClient {
            Content::finish(&mut self.content, link);
        }
    }

    /// Gives back all that is held; the connection is over, or is read no more.
    pub(super) fn finish(&mut self, link: &mut Link<'_>, how: Option<End>) {
        match how {
            Some(End::Fin) => Content::finish(&mut self.content, link),
            _ => Content::end(&mut self.content, link, false),
        }
        self.requests.seek(link.budget);
        self.responses.seek(link.budget);
        self.held.take_bytes(link);
        for pending in std::mem::take(&mut self.pending) {
            pending.dismiss(link);
        }
    }
}

/// What follows from a head that cannot be read; what is left of the piece belongs to it.
fn broken(
    link: &mut Link<'_>,
    dir: Direction,
    why: Broken,
    kept: usize,
    piece: &Piece<'_>,
) -> Option<Turn> {
    let limit = match why {
        Broken::Malformed => return None,
        Broken::TooLarge => Limit::head_bytes,
        Broken::TooManyFields => Limit::header_fields,
        Broken::NoRoom => Limit::buffered_bytes_total,
    };
    link.reached(limit);
    let over = match dir {
        Direction::ToServer => GapOver::RequestHead,
        Direction::ToClient => GapOver::ResponseHead,
    };
    let len = (kept + piece.bytes.len()) as u64;
    link.tell_if_reported(Fact::Gap { dir, len, over });
    (why != Broken::NoRoom).then(Turn::become_opaque)
}
