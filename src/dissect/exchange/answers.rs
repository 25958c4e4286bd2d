//! The server's half of HTTP/1: each answer meets its request, and a 101 or a tunnel ends the protocol.

use super::requests::polling;
use super::{Exchanges, broken};
use crate::dissect::connection::{Feed, Speaks, Turn};
use crate::dissect::content::Content;
use crate::dissect::link::Link;
use crate::dissect::pending::{LateHead, Method, Pending};
use crate::dissect::socket::{Rsv, Socket};
use crate::event::{Fact, PlainExchange, Response};
use crate::flow::Direction;
use crate::http::{Broken, Framing, Keep, Piece, Plain, ResponseHead, Status, Step};
use crate::websocket::{self, Answer, Key};

/// A plain exchange is told whole if its two heads are no larger, in bytes.
const LARGEST_PLAIN: u64 = 8 * 1024;
/// Interim responses told of one exchange.
const MOST_INTERIM: usize = 8;

/// What follows a final response.
#[derive(Clone, Copy)]
enum Then {
    /// Its content, which nobody looks at: it was plain.
    Nothing,
    /// Its content, the beginning of which is told.
    Content { exchange: u32, encoded: bool },
    /// Another protocol.
    Switch(Next),
}

/// What a 101 leads to.
#[derive(Clone, Copy)]
enum Next {
    WebSocket(Rsv),
    Http2,
    Other,
}

impl Next {
    fn of(head: &ResponseHead, answer: &Answer, asked: bool) -> Self {
        if websocket::switches_to_websocket(head, answer, asked) {
            Self::WebSocket(Rsv::agreed(answer))
        } else if head.fields.has_element("upgrade", "h2c") {
            Self::Http2
        } else {
            Self::Other
        }
    }
}

impl Exchanges {
    pub(super) fn server(&mut self, link: &mut Link<'_>, piece: &mut Piece<'_>) -> Turn {
        let whole = piece.bytes.len();
        let starts_segment = piece.at_segment_start;
        loop {
            if self.responses.is_seeking()
                && let Some(turn) = self.hunt(link, Direction::ToClient, piece, whole)
            {
                return turn;
            }
            // Of an answer that no attempt can have, its fields are nobody's.
            let is_plain = |front: &Pending| {
                front.told.is_none() && front.method != Method::Lost && !front.may_be_leg(link)
            };
            let keep = match self.pending.front() {
                Some(front) if self.responses.is_between_messages() && is_plain(front) => {
                    Keep::Nothing
                }
                _ => Keep::All,
            };
            let into = (link.counts.blanks.response(), keep);
            match self.responses.step(piece, into, link.limits, link.budget) {
                Step::More => return Turn::Done,
                Step::Unread { .. } => {}
                Step::Content(part) => Content::add(&mut self.content, link, part),
                Step::End => Content::end(&mut self.content, link, true),
                Step::Plain(plain) => {
                    if let Some(mut hunt) = self.hunt.take() {
                        hunt.give_up(link.budget);
                    }
                    let rest = whole.saturating_sub(piece.bytes.len());
                    if let Some(turn) = self.plain(link, plain, rest) {
                        return turn;
                    }
                }
                Step::Head { started } => {
                    let Some(mut response) = link.counts.blanks.response.take() else {
                        return Turn::Done;
                    };
                    response.started = started;
                    if let Some(mut hunt) = self.hunt.take() {
                        hunt.give_up(link.budget);
                    }
                    let rest = whole.saturating_sub(piece.bytes.len());
                    if let Some(turn) = self.response(link, response, rest) {
                        return turn;
                    }
                }
                Step::Broken { why, kept } => {
                    let begins_so = kept > 0 || (starts_segment && piece.bytes.len() == whole);
                    let awaited = self
                        .pending
                        .front()
                        .is_some_and(|front| front.told.is_some());
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

    /// A response; the turn to take if the connection changes its protocol with it.
    fn response(
        &mut self,
        link: &mut Link<'_>,
        response: Box<Response>,
        rest: usize,
    ) -> Option<Turn> {
        Content::end(&mut self.content, link, false);
        let head = response.head.as_ref()?;
        let status = head.status.0;
        if self.is_interim(head.status) {
            link.counts.blanks.response = Some(response);
            return None;
        }
        let mut pending = self.pending.pop_front();
        let method = pending.as_ref().and_then(|pending| pending.method.name());
        let framing = Framing::of_response(head, method);
        // A success without a length, to a request that was not seen, may have opened a tunnel: then there is no content.
        let is_lost = pending
            .as_ref()
            .is_none_or(|pending| pending.method == Method::Lost);
        if is_lost && framing == Framing::UntilClose && matches!(status, 200..=299) {
            self.responses.begin_body(Framing::NONE);
            self.responses.seek(link.budget);
        } else {
            self.responses.begin_body(framing);
        }
        let then = self.answer(link, pending.as_mut(), response);
        self.interim.clear();
        if let Then::Content { exchange, encoded } = then
            && method != Some("HEAD")
        {
            self.content = Content::begin(link, exchange, encoded, framing);
        }
        self.go_on(link, pending, (then, status), rest)
    }

    /// A response that no attempt can have, to the request that waits first; likewise.
    fn plain(&mut self, link: &mut Link<'_>, plain: Plain, rest: usize) -> Option<Turn> {
        let Plain { status, said } = plain;
        Content::end(&mut self.content, link, false);
        if self.is_interim(status) {
            return None;
        }
        let pending = self.pending.pop_front()?;
        let framing = Framing::of_answer(status, said, pending.method.name());
        self.responses.begin_body(framing);
        refused_poll(link, &pending, status);
        link.plain(None);
        self.interim.clear();
        self.go_on(link, Some(pending), (Then::Nothing, status.0), rest)
    }

    /// Notes an interim response; false if it is a final one.
    fn is_interim(&mut self, status: Status) -> bool {
        let is_interim = matches!(status.0, 100 | 102..=199);
        if is_interim {
            if self.interim.len() < MOST_INTERIM {
                self.interim.push(status);
            }
            self.responses.begin_body(Framing::NONE);
        }
        is_interim
    }

    /// What follows once a request has its answer.
    fn go_on(
        &mut self,
        link: &mut Link<'_>,
        pending: Option<Pending>,
        (then, status): (Then, u16),
        rest: usize,
    ) -> Option<Turn> {
        let held_back = pending.as_ref().is_some_and(|pending| pending.blocks);
        let method = pending.as_ref().and_then(|pending| pending.method.name());
        let noted = pending.and_then(|pending| pending.settle(link));
        match (then, method) {
            (Then::Switch(next), _) => Some(self.switch(link, next, rest)),
            (_, Some("CONNECT")) if matches!(status, 200..=299) => {
                link.conn.state.origin_mut().through = noted.and_then(|noted| noted.authority);
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

    /// Tells a final response, and its request if that was not yet.
    fn answer(
        &mut self,
        link: &mut Link<'_>,
        mut pending: Option<&mut Pending>,
        mut response: Box<Response>,
    ) -> Then {
        let Some(head) = &response.head else {
            return Then::Nothing;
        };
        let told = pending
            .as_ref()
            .is_some_and(|pending| pending.told.is_some());
        let asked = pending.as_ref().is_some_and(|pending| pending.websocket);
        let lost = pending
            .as_ref()
            .is_none_or(|pending| pending.method == Method::Lost);
        let matters = matches!(head.status.0, 101 | 426)
            || (lost && websocket::bears_websocket_field(&head.fields));
        if !told && !matters {
            if let Some(pending) = pending.filter(|_| !lost) {
                refused_poll(link, pending, head.status);
                if pending.may_be_leg(link) {
                    let exchange = plain_exchange(link, pending, response);
                    link.plain(exchange);
                    return Then::Nothing;
                }
                link.plain(None);
            }
            link.counts.blanks.response = Some(response);
            return Then::Nothing;
        }
        let exchange = pending
            .as_ref()
            .map_or(self.next, |pending| pending.exchange);
        if pending.is_none() {
            self.next = self.next.saturating_add(1);
        }
        // Without its key an accept cannot be called wrong.
        let noted = pending.as_ref().and_then(|pending| pending.noted.as_ref());
        let mut key = noted.filter(|_| told).map(|noted| noted.key.clone());
        let late = pending
            .as_mut()
            .filter(|_| !told)
            .and_then(|pending| pending.take_late(link));
        if let Some((request, at)) = late {
            key = Some(request.offer.key.clone());
            link.report_at(at, Fact::Request(request));
        }
        let key = key
            .as_ref()
            .map(|key| key.as_ref().map_or(&[][..], Key::as_bytes));
        let answer = Answer::to(head, key);
        let then = if head.status.0 == 101 {
            Then::Switch(Next::of(head, &answer, asked))
        } else {
            let encoded = Content::is_encoded(head);
            Then::Content { exchange, encoded }
        };
        let is_new = !link.conn.state.reported;
        response.exchange = exchange;
        response.connection = is_new.then(|| Box::new(link.describe()));
        response.answer = answer;
        response.interim = std::mem::take(&mut self.interim);
        response.behind = link.behind();
        link.report_at(link.at, Fact::Response(response));
        then
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
            behind: link.behind(),
        };
        pending.settle(link);
        link.tell(Fact::Response(Box::new(response)));
    }

    /// After a 101.
    fn switch(&mut self, link: &mut Link<'_>, next: Next, rest: usize) -> Turn {
        let rsv = match next {
            Next::WebSocket(rsv) => rsv,
            Next::Http2 => {
                link.counts.http2 += 1;
                return Turn::become_opaque();
            }
            Next::Other => return Turn::become_opaque(),
        };
        let mut socket = Socket::opened(rsv);
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
}

/// A poll that is refused: its library cannot go on that way either.
fn refused_poll(link: &mut Link<'_>, pending: &Pending, status: Status) {
    let asked = pending.noted.as_ref().and_then(|noted| noted.late.as_ref());
    let refused = asked.filter(|_| status.0 >= 400);
    // No poll is kept without having been read.
    if let Some(LateHead::Read(head)) = refused.map(|late| &late.head)
        && let Some(polling) = polling(link, head, true)
    {
        link.tell(Fact::Polling(Box::new(polling)));
    }
}

/// A plain exchange that may turn out to be the leg of an attempt: a hop that takes away every field leaves a plain GET.
fn plain_exchange(
    link: &mut Link<'_>,
    pending: &mut Pending,
    mut response: Box<Response>,
) -> Option<PlainExchange> {
    if pending.method != Method::Other {
        return None;
    }
    let (request, asked_at) = pending.take_late(link)?;
    let head = response.head.as_ref()?;
    let fields = request.head.allocated() + head.fields.allocated();
    if request.head.method != "GET" || fields > LARGEST_PLAIN {
        return None;
    }
    response.exchange = pending.exchange;
    response.connection = None;
    response.behind = link.behind();
    response.answer = Answer::of(head, None);
    response.interim = Vec::new();
    Some(PlainExchange {
        request,
        asked_at,
        response,
    })
}
