//! HTTP/1 on a connection: requests paired with their answers, up to an upgrade or a tunnel (RFC 9112 §9).

mod answers;
mod requests;

use std::collections::VecDeque;

use crate::dissect::connection::{Speaks, Turn};
use crate::dissect::content::Content;
use crate::dissect::hunt::Hunt;
use crate::dissect::link::Link;
use crate::dissect::pending::{Held, Method, Pending};
use crate::event::{Fact, GapOver};
use crate::flow::{Direction, End};
use crate::http::{Broken, Lost, Piece, Reader, Status};
use crate::limits::Limit;

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

impl Exchanges {
    /// At the first byte of the connection, or joined in the middle.
    pub(super) fn new(link: &mut Link<'_>, joined: bool) -> Self {
        let mut new = Self {
            requests: Reader::new(),
            responses: Reader::new(),
            // Few clients send a request before the last is answered.
            pending: VecDeque::with_capacity(1),
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
        self.pending.iter().any(|pending| pending.told.is_some())
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

    /// So many of the next bytes of a direction are content that nobody looks at.
    pub(super) const fn ahead(&self, dir: Direction) -> u64 {
        match dir {
            Direction::ToServer => self.requests.ahead(),
            Direction::ToClient if self.content.is_none() => self.responses.ahead(),
            Direction::ToClient => 0,
        }
    }

    /// Takes in so much content that passed by.
    pub(super) fn land(&mut self, dir: Direction, len: u64) {
        match dir {
            Direction::ToServer => self.requests.land(len),
            Direction::ToClient => self.responses.land(len),
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
        let found = hunt.data(dir, &mut bytes, piece.at_segment_start);
        hunt.settle(link);
        let found = found?;
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
                        self.lose_tunnel_answer(link);
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

    /// The answer to a CONNECT may be among lost bytes: what the client has sent since is read, and the next answer is
    /// not taken for that one.
    fn lose_tunnel_answer(&mut self, link: &mut Link<'_>) {
        let is_connect = |front: &Pending| front.method == Method::Connect;
        if !self.pending.front().is_some_and(is_connect) {
            return;
        }
        if let Some(connect) = self.pending.pop_front() {
            self.pending.push_front(Pending::lost(connect.exchange));
            connect.settle(link);
        }
        // What waits behind a CONNECT begins with a head: it leads to no other protocol before it is answered.
        if self.release(link).is_some() {
            self.requests.seek(link.budget);
        }
    }

    /// One side has nothing more to send.
    pub(super) fn fin(&mut self, link: &mut Link<'_>, dir: Direction) {
        if dir == Direction::ToClient {
            Content::finish(&mut self.content, link);
        }
    }

    /// Lets go of what is held. Parts of heads and what the client sent count as lost; of requests that wait is known that
    /// they do.
    pub(super) fn give_up(&mut self, link: &mut Link<'_>) {
        for (dir, kept) in [
            (Direction::ToServer, self.requests.kept()),
            (Direction::ToClient, self.responses.kept()),
        ] {
            if kept > 0 {
                self.gap(link, dir, kept);
            }
        }
        Content::end(&mut self.content, link, false);
        self.held.give_up(link);
        for pending in &mut self.pending {
            pending.give_up(link);
        }
        if let Some(hunt) = &mut self.hunt {
            hunt.give_up(link.budget);
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
        if let Some(hunt) = &mut self.hunt {
            hunt.give_up(link.budget);
        }
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
