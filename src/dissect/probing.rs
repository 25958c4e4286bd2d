//! A connection of which it is not known yet what it speaks.

use crate::dissect::connection::{Feed, Speaks, Turn};
use crate::dissect::exchange::Exchanges;
use crate::dissect::hunt::Hunt;
use crate::dissect::link::Link;
use crate::dissect::preface::{self, NotRead};
use crate::dissect::probe::{self, Protocol};
use crate::event::Fact;
use crate::flow::{Both, Direction};
use crate::http::{Buffer, Kind};
use crate::limits::Limit;

/// First bytes, until they tell.
#[derive(Debug, Default)]
pub(super) struct Probing {
    kept: Both<Buffer>,
    /// The beginning was not seen, or led nowhere that is known: looks at the start of every segment.
    joined: Option<Box<Hunt>>,
}

impl Probing {
    /// The next bytes of one direction. `this` comes into being with the first byte that must be kept.
    pub(super) fn data(
        this: &mut Option<Box<Self>>,
        link: &mut Link<'_>,
        dir: Direction,
        bytes: &[u8],
        at_segment_start: bool,
    ) -> Turn {
        if let Some(probing) = this {
            if probing.joined.is_some() {
                return probing.joined(link, dir, bytes, at_segment_start);
            }
            if !probing.kept.get(dir).is_empty() {
                return probing.kept(link, dir, bytes);
            }
        }
        let turn = decide(link, dir, bytes);
        match turn {
            Decision::Protocol(speaks) => Turn::Become {
                speaks,
                before: this
                    .as_mut()
                    .map_or_else(Vec::new, |probing| probing.take(link)),
                rest: Some(0),
            },
            Decision::Behind(from) => Turn::Become {
                speaks: Speaks::Probing(this.take()),
                before: Vec::new(),
                rest: Some(from),
            },
            Decision::Undecided => this.get_or_insert_default().keep(link, dir, bytes),
            Decision::Join => {
                let probing = this.get_or_insert_default();
                probing.clear(link);
                probing.joined = Some(Box::default());
                probing.joined(link, dir, bytes, at_segment_start)
            }
        }
    }

    /// More bytes of a direction of which some are kept.
    fn kept(&mut self, link: &mut Link<'_>, dir: Direction, bytes: &[u8]) -> Turn {
        if let turn @ Turn::Become { .. } = self.keep(link, dir, bytes) {
            return turn;
        }
        let kept = std::mem::take(self.kept.get_mut(dir));
        let decision = decide(link, dir, kept.bytes());
        *self.kept.get_mut(dir) = kept;
        let speaks = match decision {
            Decision::Undecided => return Turn::Done,
            Decision::Protocol(speaks) => speaks,
            Decision::Behind(from) => {
                let bytes = self.kept.get_mut(dir).take(link.budget);
                let rest = bytes.get(from..).unwrap_or_default().to_vec();
                return Turn::Become {
                    speaks: Speaks::Probing(Some(Box::new(std::mem::take(self)))),
                    before: vec![Feed::owned(dir, rest)],
                    rest: None,
                };
            }
            Decision::Join => Speaks::Probing(Some(Box::new(Self {
                joined: Some(Box::default()),
                ..Self::default()
            }))),
        };
        Turn::Become {
            speaks,
            before: self.take(link),
            rest: None,
        }
    }

    fn keep(&mut self, link: &mut Link<'_>, dir: Direction, bytes: &[u8]) -> Turn {
        let kept = self.kept.get_mut(dir);
        let fits = (kept.len() + bytes.len()) as u64 <= link.limits.head_bytes;
        if fits && kept.append(bytes, link.budget) {
            return Turn::Done;
        }
        link.reached(if fits {
            Limit::buffered_bytes_total
        } else {
            Limit::head_bytes
        });
        Turn::become_opaque()
    }

    /// Bytes of a connection whose beginning is not known.
    fn joined(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        bytes: &[u8],
        at_segment_start: bool,
    ) -> Turn {
        if at_segment_start {
            if let Some(kind) = probe::joined(bytes) {
                if (kind == Kind::Request) != (dir == Direction::ToServer) && !link.swap_roles() {
                    return Turn::Done;
                }
                let dir = match kind {
                    Kind::Request => Direction::ToServer,
                    Kind::Response => Direction::ToClient,
                };
                let http = Exchanges::new(link, true);
                return Turn::Become {
                    speaks: Speaks::Http1(Box::new(http)),
                    before: vec![Feed::owned(dir, bytes.to_vec())],
                    rest: None,
                };
            }
            if probe::is_tls_record(bytes) {
                return Turn::Become {
                    speaks: Speaks::Tls(Box::default()),
                    before: Vec::new(),
                    rest: Some(0),
                };
            }
        }
        let hunt = self.joined.get_or_insert_default();
        let mut rest = bytes;
        let found = hunt.data(dir, &mut rest, at_segment_start);
        hunt.settle(link);
        let Some(found) = found else {
            return Turn::Done;
        };
        let mut hunt = std::mem::take(&mut **hunt);
        let mut dir = dir;
        if (found.is_masked() == Some(true)) != (dir == Direction::ToServer) {
            if !link.swap_roles() {
                hunt.give_up(link.budget);
                return Turn::Done;
            }
            hunt.swap();
            dir = dir.flip();
        }
        let mut socket = hunt.catch(link, dir, *found);
        socket.data(link, dir, rest, false);
        Turn::Become {
            speaks: Speaks::WebSocket(Box::new(socket)),
            before: Vec::new(),
            rest: None,
        }
    }

    /// Lost bytes of one direction.
    pub(super) fn gap(&mut self, link: &mut Link<'_>, dir: Direction, len: u64) {
        self.clear(link);
        self.joined.get_or_insert_default().gap(dir, len);
    }

    /// Lets go of what is held: it counts as lost.
    pub(super) fn give_up(&mut self, link: &mut Link<'_>) {
        for dir in [Direction::ToServer, Direction::ToClient] {
            let kept = self.kept.get(dir).len() as u64;
            if kept > 0 {
                self.kept.get_mut(dir).clear(link.budget);
                self.joined.get_or_insert_default().gap(dir, kept);
            }
        }
        if let Some(hunt) = &mut self.joined {
            hunt.give_up(link.budget);
        }
    }

    /// Gives back all that is held.
    pub(super) fn finish(&mut self, link: &mut Link<'_>) {
        self.clear(link);
        if let Some(hunt) = &mut self.joined {
            hunt.give_up(link.budget);
        }
    }

    fn clear(&mut self, link: &mut Link<'_>) {
        self.kept.to_server.clear(link.budget);
        self.kept.to_client.clear(link.budget);
    }

    /// Hands out what is kept of both directions, the client's first.
    fn take(&mut self, link: &mut Link<'_>) -> Vec<Feed> {
        [Direction::ToServer, Direction::ToClient]
            .into_iter()
            .map(|dir| Feed::owned(dir, self.kept.get_mut(dir).take(link.budget)))
            .filter(|feed| !feed.bytes.is_empty())
            .collect()
    }
}

/// What first bytes mean for a connection.
enum Decision {
    Undecided,
    Protocol(Speaks),
    /// The protocol comes behind a preface of so many bytes.
    Behind(usize),
    /// Any segment may begin something that is known.
    Join,
}

fn decide(link: &mut Link<'_>, dir: Direction, bytes: &[u8]) -> Decision {
    // Without its SYN the beginning of a connection is not its beginning.
    let joined = link.conn.syn.is_none() && link.conn.syn_ack.is_none();
    match probe::first_bytes(bytes) {
        Protocol::Undecided if !joined => Decision::Undecided,
        Protocol::Http1(_) if !joined => {
            Decision::Protocol(Speaks::Http1(Box::new(Exchanges::new(link, false))))
        }
        Protocol::Http2 => {
            link.counts.http2 += 1;
            link.tell(Fact::Http2);
            Decision::Protocol(Speaks::Opaque)
        }
        Protocol::Tls if !joined => Decision::Protocol(Speaks::Tls(Box::default())),
        Protocol::Proxy if dir == Direction::ToServer => match preface::parse(bytes) {
            Ok(preface) => {
                if preface.client.is_some() {
                    link.conn.state.origin_mut().proxied_for = preface.client;
                }
                Decision::Behind(preface.len)
            }
            Err(NotRead::Partial) => Decision::Undecided,
            Err(NotRead::Malformed) => Decision::Protocol(Speaks::Opaque),
        },
        Protocol::Socks => Decision::Join,
        _ if joined => Decision::Join,
        _ => Decision::Protocol(Speaks::Opaque),
    }
}
