//! How frames of both sides travel: where they are cut, how they take turns, and how the connection ends.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use wscap::judge::{Kind, Party};
use wscap::time::Timestamp;
use wscap::websocket::accept_for;

use super::heard::{Ending, echoed};
use super::model::{self, Story, Trip, direction};
use super::wire::{Frame, stream};
use crate::support::OwnedRecord;
use crate::support::conversation::{Conversation, Who};
use crate::support::mischief;

pub(super) const FIRST_PORT: u16 = 50_000;
/// As large as a segment is seen where a host puts several together.
const LARGE: usize = 60_000;
/// More packets than this say nothing that fewer do not.
const MANY: usize = 600;

/// The way of one WebSocket through the network.
#[derive(Clone, Debug)]
pub(super) struct Travel {
    /// Of the client: each has a key and a time of its own.
    pub(super) port: u16,
    /// `permessage-deflate` was agreed.
    pub(super) deflates: bool,
    /// The first bytes of the server come with its 101.
    pub(super) coalesced: bool,
    pub(super) segment_size: usize,
    /// Further cuts, each so many bytes behind the start of a frame; used over and over.
    pub(super) cuts: Vec<usize>,
    /// Who sends next, used over and over.
    pub(super) turns: Vec<Who>,
    pub(super) isn: (u32, u32),
    pub(super) tcp_end: TcpEnd,
    /// Bytes at the end of each side's stream that never come.
    pub(super) unsent: [usize; 2],
    /// Bytes that are no frames, behind all others: each a packet. Nothing of them is in the story.
    pub(super) then: Vec<(Who, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TcpEnd {
    None,
    /// This side first, then the other.
    Fin(Who),
    Rst(Who),
}

/// Packets, and what must be told of them.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    pub(super) records: Vec<OwnedRecord>,
    pub(super) story: Story,
    pub(super) end: Ending,
    /// Those of `records` that carry frames.
    pub(super) carriers: Vec<Carrier>,
}

/// A packet that carries bytes of frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// Among the records.
    pub(super) place: usize,
    /// It has nothing but payload of data frames.
    pub(super) is_mere_payload: bool,
}

impl Travel {
    /// Each frame in a segment of its own, the client's first.
    pub(super) fn plain() -> Self {
        Self {
            port: FIRST_PORT,
            deflates: false,
            coalesced: false,
            segment_size: LARGE,
            cuts: vec![0],
            turns: vec![Who::Client],
            isn: (1, 2),
            tcp_end: TcpEnd::None,
            unsent: [0; 2],
            then: Vec::new(),
        }
    }

    /// The packets of these frames of client and server.
    pub(super) fn of(&self, sides: [&[Frame]; 2]) -> Journey {
        let mut segments = [0, 1].map(|side| self.segments(sides[side], self.unsent[side]));
        for segments in &mut segments {
            segments.reverse();
        }
        let extension = if self.deflates {
            "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        } else {
            ""
        };
        let key = format!("AAECAwQFBgcICQoL{:05}Q==", self.port);
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extension}\r\n"
        );
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{extension}\r\n",
            accept_for(&key)
        );
        let mut answer = answer.into_bytes();
        // Packets with bytes that carry no frame.
        let mut handshake = 2;
        let mut order = Vec::new();
        let mut sent = [0_u64; 2];
        let first = segments[1].pop_if(|_| self.coalesced);
        if let Some(first) = first {
            sent[1] = first.len() as u64;
            order.push((Who::Server, sent[1]));
            answer.extend(first);
            handshake = 1;
        }
        let later = i64::from(self.port - FIRST_PORT) * 10;
        let mut talk = Conversation::new()
            .endpoints(&format!("10.1.0.2:{}", self.port), "10.0.0.5:80")
            .start(Timestamp::from_secs(1_700_000_000 + later, 0))
            .isn(self.isn.0, self.isn.1)
            .segment_size(usize::MAX)
            .pace(Duration::from_micros(50))
            .client(request)
            .server(answer);
        let mut turns = self.turns.iter().cycle();
        while segments.iter().any(|left| !left.is_empty()) {
            let turn = *turns.next().unwrap();
            let who = if segments[turn as usize].is_empty() {
                turn.peer()
            } else {
                turn
            };
            let bytes = segments[who as usize].pop().unwrap();
            sent[who as usize] += bytes.len() as u64;
            order.push((who, sent[who as usize]));
            talk = match who {
                Who::Client => talk.client(bytes),
                Who::Server => talk.server(bytes),
            };
        }
        for (who, bytes) in &self.then {
            talk = match who {
                Who::Client => talk.client(bytes),
                Who::Server => talk.server(bytes),
            };
        }
        let records = match self.tcp_end {
            TcpEnd::None => talk,
            TcpEnd::Fin(who) => talk.fin(who).fin(who.peer()),
            TcpEnd::Rst(who) => talk.rst(who),
        }
        .records();
        let has_bytes =
            |(_, record): &(usize, &OwnedRecord)| !mischief::segment(record).1.is_empty();
        let with_bytes = records.iter().enumerate().filter(has_bytes);
        let places: Vec<usize> = with_bytes.map(|(place, _)| place).skip(handshake).collect();
        assert!(places.len() >= order.len());
        let telling = sides.map(telling);
        let mut from = [0; 2];
        let mut carriers = Vec::new();
        let mut trips = Vec::new();
        for (&(who, to), &place) in order.iter().zip(&places) {
            let from = std::mem::replace(&mut from[who as usize], to);
            let at = records[place].at;
            trips.push(Trip { who, to, at });
            let tells = telling[who as usize]
                .iter()
                .any(|range| range.start < to && from < range.end);
            let with_head = self.coalesced && from == 0 && who == Who::Server;
            let is_mere_payload = !tells && !with_head;
            carriers.push(Carrier {
                place,
                is_mere_payload,
            });
        }
        let story = model::story(sides, self.deflates, &trips);
        let end = self.ending(&story);
        Journey {
            records,
            story,
            end,
            carriers,
        }
    }

    /// One side's stream, cut.
    fn segments(&self, frames: &[Frame], unsent: usize) -> Vec<Vec<u8>> {
        let bytes = stream(frames);
        let len = bytes.len().saturating_sub(unsent);
        let size = self.segment_size.max(len / MANY + 1).min(LARGE);
        let mut starts: BTreeSet<usize> = (0..len).step_by(size).collect();
        let mut at = 0;
        for (frame, cut) in frames.iter().zip(self.cuts.iter().cycle()) {
            starts.insert(at + cut);
            at += frame.header().len() + frame.payload.len();
        }
        let starts: Vec<usize> = starts.into_iter().filter(|start| *start < len).collect();
        let ends = starts.iter().skip(1).copied().chain([len]);
        let cut = starts.iter().zip(ends);
        cut.map(|(from, to)| bytes[*from..to].to_vec()).collect()
    }

    fn ending(&self, story: &Story) -> Ending {
        let first = story.closes.iter().min_by_key(|close| close.frame);
        let is_silent = story.counts.iter().all(|counts| counts.total() == 0);
        let party = |who| match who {
            Who::Client => Party::Client,
            Who::Server => Party::Server,
        };
        let (kind, by) = match (first, self.tcp_end) {
            (Some(close), _) => {
                let who = if close.dir == direction(Who::Client) {
                    Who::Client
                } else {
                    Who::Server
                };
                (kind_of(close.code, close.broken), party(who))
            }
            (None, TcpEnd::None) => (Kind::Open, Party::Unknown),
            (None, TcpEnd::Fin(Who::Client) | TcpEnd::Rst(Who::Client)) if is_silent => {
                (Kind::Unused, Party::Client)
            }
            (None, TcpEnd::Fin(who) | TcpEnd::Rst(who)) => (Kind::Abnormal, party(who)),
        };
        Ending {
            kind,
            wire_code: first.and_then(|close| close.code),
            by,
            echoed: echoed(
                story.closes.iter().map(|close| close.dir),
                story.closes.len(),
            ),
            lossy: false,
        }
    }
}

/// Where headers and control frames stand in a side's stream.
fn telling(frames: &[Frame]) -> Vec<Range<u64>> {
    let mut at = 0;
    let range = |frame: &Frame| {
        let start = at;
        at += (frame.header().len() + frame.payload.len()) as u64;
        if frame.is_control() {
            start..at
        } else {
            start..start + frame.shown_by() as u64
        }
    };
    frames.iter().map(range).collect()
}

fn kind_of(code: Option<u16>, is_broken: bool) -> Kind {
    match code {
        _ if is_broken => Kind::Illegal,
        None | Some(1000 | 1001) => Kind::Normal,
        Some(1002 | 1003 | 1007..1015) => Kind::Fault,
        Some(3000..5000) => Kind::Application,
        Some(_) => Kind::Illegal,
    }
}
