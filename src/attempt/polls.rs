//! Who polls: the latest requests of libraries that went on without WebSocket, for the attempts after which they did.
//!
//! Bounded; what falls out of it is only a hint less.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::attempt::{FellBack, Leg};
use crate::event::Polling;
use crate::hash::HashMap;
use crate::time::Timestamp;
use crate::websocket::{Library, Traces, Transport};

/// How long a poll counts (spec: within 60 s).
const WINDOW: Duration = Duration::from_secs(60);
/// Sessions and clients kept.
const MOST: usize = 8192;
/// Of each, so many of the latest requests are kept.
const EACH: usize = 8;

/// Who polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// A session, by whoever. The server number of `SockJS` is one of a thousand, and says nothing without its client.
    Session(Library, u64, u64, Option<(IpAddr, u64)>),
    /// A client that begins anew, by its address and its `User-Agent`.
    Anew(Library, u64, IpAddr, u64),
}

/// How one of them polled.
#[derive(Debug, Default)]
struct Polled {
    latest: VecDeque<(Timestamp, Transport)>,
    /// What was refused: there is no going on with it.
    refused: Vec<Transport>,
}

/// The memory of polls.
#[derive(Debug, Default)]
pub(super) struct Polls {
    seen: HashMap<Who, Polled>,
    /// In the order in which they were first seen, or found still at it.
    oldest: VecDeque<(Timestamp, Who)>,
}

impl Who {
    fn session(traces: &Traces, client: IpAddr) -> Option<Self> {
        let session = traces.session?;
        let whose = (traces.library == Library::SockJs).then_some((client, traces.agent));
        Some(Self::Session(traces.library, traces.place, session, whose))
    }

    const fn anew(traces: &Traces, client: IpAddr) -> Self {
        Self::Anew(traces.library, traces.place, client, traces.agent)
    }
}

impl Polled {
    /// What was asked for and is not known to be refused, the latest last.
    fn served(&self) -> impl DoubleEndedIterator<Item = &(Timestamp, Transport)> {
        let is_served = |by| !self.refused.contains(by);
        self.latest.iter().filter(move |(_, by)| is_served(by))
    }
}

impl Polls {
    /// Remembers a poll, or that it was refused.
    pub(super) fn add(&mut self, polling: &Polling, now: Timestamp) {
        let (client, poll) = (polling.client, &polling.poll);
        let session = Who::session(&poll.traces, client);
        let anew = Who::anew(&poll.traces, client);
        if polling.is_refused {
            self.refused(session.unwrap_or(anew), poll.by);
            return;
        }
        let is_new = match session {
            Some(who) => self.note(who, poll.by, now) && poll.traces.library == Library::SignalR,
            None => true,
        };
        if is_new {
            self.note(anew, poll.by, now);
        }
    }

    fn refused(&mut self, who: Who, by: Transport) {
        if let Some(seen) = self.seen.get_mut(&who)
            && !seen.refused.contains(&by)
        {
            seen.refused.push(by);
        }
    }

    /// Remembers it of one of them; true if nothing was known of that one.
    fn note(&mut self, who: Who, by: Transport, now: Timestamp) -> bool {
        let is_new = !self.seen.contains_key(&who);
        if is_new {
            self.make_room(now);
            self.oldest.push_back((now, who));
        }
        let seen = self.seen.entry(who).or_default();
        if seen.latest.len() >= EACH {
            seen.latest.pop_front();
        }
        seen.latest.push_back((now, by));
        is_new
    }

    /// Forgets who was silent for long, and where there is no room the one who is known for longest.
    fn make_room(&mut self, now: Timestamp) {
        while let Some(&(since, who)) = self.oldest.front() {
            let is_full = self.oldest.len() >= MOST;
            if !is_full && now.since(since) <= WINDOW {
                return;
            }
            self.oldest.pop_front();
            let last = self.seen.get(&who).and_then(|seen| seen.latest.back());
            if !is_full && last.is_some_and(|&(last, _)| now.since(last) <= WINDOW) {
                self.oldest.push_back((now, who));
            } else {
                self.seen.remove(&who);
            }
        }
    }

    /// How the client of a handshake that came to nothing went on. `is_behind` says that its own address is hidden by a
    /// proxy, so that many may share the one that is seen.
    pub(super) fn after(&self, leg: &Leg, is_behind: bool) -> Option<FellBack> {
        let head = leg.request_head()?;
        let traces = Traces::of_handshake(head)?;
        let failed = leg.settled().unwrap_or_else(|| leg.started());
        let prefaced = || Some(leg.connection().proxied_for?.addr);
        let named = head.fields.forwarded_for().or_else(prefaced);
        let views = || leg.pairs().map(|(client, _)| client.addr);
        let clients = || {
            let unnamed = views().filter(|_| named.is_none());
            named.into_iter().chain(unnamed)
        };
        let mut before = None;
        for client in clients() {
            let Some(seen) = Who::session(&traces, client).and_then(|who| self.seen.get(&who))
            else {
                continue;
            };
            let after = seen.served().filter(|&&(at, _)| at >= failed);
            if let Some(&(at, by)) = after.min_by_key(|&&(at, _)| at) {
                return Some(FellBack {
                    by,
                    after: Some(at.since(failed)),
                    same_session: true,
                });
            }
            // Only socket.io begins so, and asks for WebSocket later. Its long poll may wait for longer than anybody waits
            // for what follows a refusal.
            let is_near = |at: Timestamp| failed.since(at) <= WINDOW;
            let near = seen.served().rev().find(|&&(at, _)| is_near(at));
            let begins_so = traces.library == Library::EngineIo && leg.answered().is_some();
            before = before.or_else(|| near.filter(|_| begins_so));
        }
        let is_its_own = named.is_some() || !is_behind;
        let anew = clients()
            .filter(|_| is_its_own)
            .find_map(|client| self.began_after(&traces, client, failed));
        anew.or_else(|| {
            before.map(|&(_, by)| FellBack {
                by,
                after: None,
                same_session: true,
            })
        })
    }

    /// A session that the same client began after the failure.
    fn began_after(&self, traces: &Traces, client: IpAddr, failed: Timestamp) -> Option<FellBack> {
        let seen = self.seen.get(&Who::anew(traces, client))?;
        let mut later: Vec<_> = seen.served().filter(|&&(at, _)| at >= failed).collect();
        later.sort_by_key(|&&(at, _)| at);
        // SignalR negotiates first: a session that is new to the capture alone may be anybody's.
        let mut begun = traces.library != Library::SignalR;
        let first = later.into_iter().find(|&&(_, by)| match by {
            Transport::Negotiation => {
                begun = true;
                false
            }
            Transport::Named(_) => begun,
        });
        first.map(|&(at, by)| FellBack {
            by,
            after: Some(at.since(failed)),
            same_session: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::Poll;

    const BY: Transport = Transport::Named("transport=polling");

    fn poll(session: u64, is_refused: bool) -> Polling {
        Polling {
            client: IpAddr::from([10, 0, 0, 1]),
            poll: Poll {
                traces: Traces {
                    library: Library::EngineIo,
                    place: 1,
                    session: Some(session),
                    agent: 2,
                },
                by: BY,
            },
            is_refused,
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs, 0)
    }

    #[test]
    fn of_a_flood_of_sessions_the_latest_are_kept() {
        let mut polls = Polls::default();
        for session in 0..3 * MOST as u64 {
            polls.add(&poll(session, false), at(1));
            polls.add(&poll(session, true), at(1));
            assert!(polls.seen.len() <= MOST && polls.oldest.len() == polls.seen.len());
        }
        let is_known = |session| {
            let traces = poll(session, false).poll.traces;
            let who = Who::session(&traces, IpAddr::from([10, 0, 0, 1]));
            who.is_some_and(|who| polls.seen.contains_key(&who))
        };
        assert!(!is_known(0) && is_known(3 * MOST as u64 - 1));
    }

    #[test]
    fn one_session_costs_the_same_however_often_it_polls() {
        let mut polls = Polls::default();
        for _ in 0..10_000 {
            polls.add(&poll(1, false), at(1));
            polls.add(&poll(1, true), at(1));
        }
        let kept = polls
            .seen
            .values()
            .next()
            .map(|seen| (seen.latest.len(), seen.refused.len()));
        assert_eq!((polls.seen.len(), kept), (1, Some((EACH, 1))));
    }

    #[test]
    fn who_is_silent_is_forgotten_and_who_is_not_is_kept() {
        let mut polls = Polls::default();
        polls.add(&poll(1, false), at(0));
        polls.add(&poll(2, false), at(0));
        polls.add(&poll(2, false), at(50));
        polls.add(&poll(3, false), at(100));
        assert_eq!(polls.seen.len(), 2);
        polls.add(&poll(4, false), at(500));
        assert_eq!(polls.seen.len(), 1);
        // Time that steps back forgets nobody.
        polls.add(&poll(5, false), at(0));
        assert_eq!(polls.seen.len(), 2);
    }
}
