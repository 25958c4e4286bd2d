//! One connection, from its first byte to its end: which protocol its bytes are, and what TCP says of it.

use std::borrow::Cow;

use crate::dissect::exchange::Exchanges;
use crate::dissect::link::Link;
use crate::dissect::probe;
use crate::dissect::probing::Probing;
use crate::dissect::socket::Socket;
use crate::dissect::tls::Tls;
use crate::event::Fact;
use crate::flow::{Direction, End, Endpoint};
use crate::stream::{Rank, StreamItem};

/// What is kept of a connection beside what TCP shows.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) speaks: Speaks,
    /// Where its bytes come from, if not from the client of TCP.
    pub(super) origin: Option<Box<Origin>>,
    /// Something but plain exchanges was told of it.
    pub(super) reported: bool,
    /// Client and server are the other way round than the table thinks.
    pub(super) swapped: bool,
    /// Something was seen of it.
    pub(super) seen: bool,
    /// It carried bytes.
    pub(super) has_bytes: bool,
    pub(super) first_fin: Option<Direction>,
    /// Its SYN was told as waiting.
    pub(super) waits: bool,
}

/// Who stands behind a connection.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) proxied_for: Option<Endpoint>,
    pub(super) through: Option<Box<str>>,
}

/// What a connection speaks.
#[derive(Debug)]
pub(super) enum Speaks {
    /// Not known yet.
    Probing(Option<Box<Probing>>),
    /// HTTP/1, up to and with an upgrade that waits for its answer.
    Http1(Box<Exchanges>),
    /// WebSocket.
    WebSocket(Box<Socket>),
    /// TLS, whose first message is being collected.
    Tls(Box<Tls>),
    /// Nothing that is read: HTTP/2, TLS behind its hello, other protocols, or over a limit.
    Opaque,
}

/// Bytes that a state has yet to read.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) dir: Direction,
    pub(super) bytes: Vec<u8>,
    /// Lost behind them.
    pub(super) lost: u64,
}

/// How a state goes on.
#[derive(Debug)]
pub(super) enum Turn {
    /// In itself; all bytes were read.
    Done,
    /// As another state.
    Become {
        /// Which.
        speaks: Speaks,
        /// What it reads first.
        before: Vec<Feed>,
        /// Where in the present bytes it goes on then.
        rest: Option<usize>,
    },
}

impl Turn {
    /// Nothing more is read.
    pub(super) const fn become_opaque() -> Self {
        Self::Become {
            speaks: Speaks::Opaque,
            before: Vec::new(),
            rest: None,
        }
    }
}

impl Feed {
    pub(super) const fn owned(dir: Direction, bytes: Vec<u8>) -> Self {
        Self {
            dir,
            bytes,
            lost: 0,
        }
    }
}

/// Bytes that wait for the state that is to read them.
struct Waiting<'a> {
    dir: Direction,
    bytes: Cow<'a, [u8]>,
    /// Lost behind them.
    lost: u64,
    /// They begin a segment.
    starts: bool,
}

impl<'a> Waiting<'a> {
    const fn present(dir: Direction, bytes: &'a [u8], starts: bool) -> Self {
        Self {
            dir,
            bytes: Cow::Borrowed(bytes),
            lost: 0,
            starts,
        }
    }

    /// What is left of them from there on.
    fn after(self, from: usize) -> Self {
        let bytes = match self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(from..).unwrap_or_default()),
            Cow::Owned(bytes) => Cow::Owned(bytes.get(from..).unwrap_or_default().to_vec()),
        };
        Self {
            bytes,
            starts: self.starts && from == 0,
            ..self
        }
    }
}

impl From<Feed> for Waiting<'_> {
    fn from(feed: Feed) -> Self {
        Self {
            dir: feed.dir,
            bytes: Cow::Owned(feed.bytes),
            lost: feed.lost,
            starts: true,
        }
    }
}

impl Default for Speaks {
    fn default() -> Self {
        Self::Probing(None)
    }
}

impl Connection {
    /// A direction as the table calls it, with the roles as they were read.
    pub(super) const fn direction(&self, dir: Direction) -> Direction {
        if self.swapped { dir.flip() } else { dir }
    }

    /// Bytes passed by.
    pub(super) const fn has_passed(&mut self) {
        self.has_bytes = true;
    }

    pub(super) fn origin_mut(&mut self) -> &mut Origin {
        self.origin.get_or_insert_default()
    }
}

/// Takes the next item of a connection.
pub(super) fn take(link: &mut Link<'_>, item: StreamItem<'_>) {
    let first = !std::mem::replace(&mut link.conn.state.seen, true);
    match item {
        StreamItem::SynAck => {
            link.conn.rank = link.conn.rank.max(Rank::Unknown);
            if std::mem::take(&mut link.conn.state.waits) {
                link.tell(Fact::Connected);
            }
        }
        StreamItem::SynWaits => {
            if !std::mem::replace(&mut link.conn.state.waits, true) {
                let connection = Box::new(link.describe());
                link.tell(Fact::Failed(connection, End::Unanswered));
            }
        }
        StreamItem::Data {
            dir,
            bytes,
            at_segment_start,
            ..
        } => {
            let mut dir = dir;
            if first
                && link.conn.syn.is_none()
                && link.conn.syn_ack.is_none()
                && probe::is_reversed(dir, bytes)
            {
                link.conn.flip();
                dir = dir.flip();
            }
            link.conn.state.has_bytes = true;
            let dir = link.direction(dir);
            drive(link, |speaks, link| {
                speaks.data(link, dir, bytes, at_segment_start)
            });
        }
        StreamItem::Gap { dir, len, .. } => {
            link.conn.state.has_bytes = true;
            let dir = link.direction(dir);
            drive(link, |speaks, link| speaks.gap(link, dir, len));
        }
        StreamItem::Fin { dir } => {
            let dir = link.direction(dir);
            link.conn.state.first_fin.get_or_insert(dir);
            drive(link, |speaks, link| speaks.fin(link, dir));
            if !link.conn.both_ways {
                link.tell_if_reported(Fact::OneSided);
            }
            link.tell_if_reported(Fact::Fin { dir });
        }
        StreamItem::Retransmitting { dir } => {
            // It may be the end: what came before it belongs to it.
            drive(link, Speaks::flush);
            let dir = link.direction(dir);
            link.tell_if_reported(Fact::Retransmitting { dir });
        }
        StreamItem::SeenOn { iface } => link.tell_if_reported(Fact::SeenOn { iface }),
        StreamItem::OverlapDiffers { .. } => {}
        StreamItem::GiveUp => drive(link, Speaks::give_up),
        StreamItem::End(how) => end(link, how),
    }
}

/// Lets the state act, apart from its connection, and sets how dear the connection is.
fn drive(link: &mut Link<'_>, act: impl FnOnce(Speaks, &mut Link<'_>) -> Speaks) {
    let speaks = std::mem::replace(&mut link.conn.state.speaks, Speaks::Opaque);
    let speaks = act(speaks, link);
    link.conn.rank = match &speaks {
        Speaks::WebSocket(_) if link.conn.syn.is_none() && !link.conn.both_ways => Rank::Joined,
        Speaks::WebSocket(_) => Rank::WebSocket,
        Speaks::Http1(http) if http.is_handshaking() => Rank::Handshaking,
        Speaks::Http1(_) => Rank::Idle,
        Speaks::Probing(_) | Speaks::Tls(_) | Speaks::Opaque => Rank::Unknown,
    };
    link.conn.state.speaks = speaks;
}

fn end(link: &mut Link<'_>, how: End) {
    let how = match how {
        End::Rst(dir) => End::Rst(link.direction(dir)),
        other => other,
    };
    let speaks = std::mem::replace(&mut link.conn.state.speaks, Speaks::Opaque);
    speaks.finish(link, Some(how));
    let both_ways = link.conn.both_ways;
    let state = &link.conn.state;
    let by_server = matches!(how, End::Fin | End::Rst(_))
        && state.first_fin.map_or_else(
            || how == End::Rst(Direction::ToClient),
            |fin| fin == Direction::ToClient,
        );
    let saw_start = link.conn.syn.is_some() && !state.has_bytes;
    if state.reported {
        link.tell(Fact::Ended { how, both_ways });
    } else if how == End::Unanswered && state.waits {
        // Told already.
    } else if matches!(how, End::Refused | End::Unanswered) || (saw_start && by_server) {
        let connection = Box::new(link.describe());
        link.tell(Fact::Failed(connection, how));
    }
}

impl Speaks {
    /// The next bytes of one direction, through as many states as they lead.
    fn data(
        mut self,
        link: &mut Link<'_>,
        dir: Direction,
        mut bytes: &[u8],
        mut at_segment_start: bool,
    ) -> Self {
        loop {
            let Turn::Become {
                speaks,
                before,
                rest,
            } = self.turn(link, dir, bytes, at_segment_start)
            else {
                return self;
            };
            std::mem::replace(&mut self, speaks).finish(link, None);
            if !before.is_empty() {
                let mut waiting = Vec::new();
                let present = Waiting::present(dir, bytes, at_segment_start);
                waiting.extend(rest.map(|from| present.after(from)));
                waiting.extend(before.into_iter().rev().map(Waiting::from));
                return self.catch_up(link, waiting);
            }
            let Some(from) = rest else {
                return self;
            };
            at_segment_start &= from == 0;
            bytes = bytes.get(from..).unwrap_or_default();
            if bytes.is_empty() {
                return self;
            }
        }
    }

    /// Bytes that waited for the state, the last first.
    fn catch_up(mut self, link: &mut Link<'_>, mut waiting: Vec<Waiting<'_>>) -> Self {
        while let Some(next) = waiting.pop() {
            let turn = if next.bytes.is_empty() {
                Turn::Done
            } else {
                self.turn(link, next.dir, &next.bytes, next.starts)
            };
            match turn {
                Turn::Done if next.lost > 0 => self = self.gap(link, next.dir, next.lost),
                Turn::Done => {}
                Turn::Become {
                    speaks,
                    before,
                    rest,
                } => {
                    std::mem::replace(&mut self, speaks).finish(link, None);
                    waiting.extend(rest.map(|from| next.after(from)));
                    waiting.extend(before.into_iter().rev().map(Waiting::from));
                }
            }
        }
        self
    }

    fn turn(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        bytes: &[u8],
        at_segment_start: bool,
    ) -> Turn {
        match self {
            Self::Probing(probing) => Probing::data(probing, link, dir, bytes, at_segment_start),
            Self::Http1(http) => http.data(link, dir, bytes, at_segment_start),
            Self::WebSocket(socket) => {
                socket.data(link, dir, bytes, at_segment_start);
                Turn::Done
            }
            Self::Tls(tls) => tls.data(link, dir, bytes),
            Self::Opaque => Turn::Done,
        }
    }

    fn gap(mut self, link: &mut Link<'_>, dir: Direction, len: u64) -> Self {
        match &mut self {
            Self::Probing(probing) => probing.get_or_insert_default().gap(link, dir, len),
            Self::Http1(http) => http.gap(link, dir, len),
            Self::WebSocket(socket) => socket.gap(link, dir, len),
            Self::Tls(_) => {
                self.finish(link, None);
                return Self::Opaque;
            }
            Self::Opaque => {}
        }
        self
    }

    /// Lets go of all that is charged to the budget.
    fn give_up(mut self, link: &mut Link<'_>) -> Self {
        match &mut self {
            Self::Probing(Some(probing)) => probing.give_up(link),
            Self::Http1(http) => http.give_up(link),
            Self::WebSocket(socket) => socket.give_up(link),
            Self::Tls(_) => {
                self.finish(link, None);
                return Self::Opaque;
            }
            Self::Probing(None) | Self::Opaque => {}
        }
        self
    }

    /// Tells what was counted so far.
    fn flush(mut self, link: &mut Link<'_>) -> Self {
        if let Self::WebSocket(socket) = &mut self {
            socket.flush(link);
        }
        self
    }

    fn fin(mut self, link: &mut Link<'_>, dir: Direction) -> Self {
        match &mut self {
            Self::Http1(http) => http.fin(link, dir),
            Self::WebSocket(socket) => socket.flush(link),
            Self::Probing(_) | Self::Tls(_) | Self::Opaque => {}
        }
        self
    }

    /// Gives back all that is held: the connection ended, or speaks something else from now on.
    fn finish(self, link: &mut Link<'_>, how: Option<End>) {
        match self {
            Self::Probing(Some(mut probing)) => probing.finish(link),
            Self::Http1(mut http) => http.finish(link, how),
            Self::WebSocket(mut socket) => socket.finish(link),
            Self::Tls(tls) => tls.finish(link),
            Self::Probing(None) | Self::Opaque => {}
        }
    }
}
