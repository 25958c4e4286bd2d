//! What must be told of frames, from the frames themselves: the plainest reading of RFC 6455 §5 that there is.

use std::collections::BTreeMap;

use wscap::event::{FrameCounts, ViolationKind as Kind};
use wscap::flow::Direction;
use wscap::time::Stamp;
use wscap::websocket::RoundTrips;

use super::wire::Frame;
use crate::support::conversation::Who;

/// More breaches of one kind by one side are not told.
const MOST_TOLD: usize = 16;
/// Pings of one side among which a pong may find its own.
const REMEMBERED: usize = 4;

/// What is told of a WebSocket, by whoever tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) counts: [FrameCounts; 2],
    pub(super) largest: [u64; 2],
    /// Side, offset of the frame, kind, number of the packet.
    pub(super) violations: Vec<(Direction, u64, Kind, u64)>,
    pub(super) closes: Vec<Said>,
    /// The pings of each side that got a pong.
    pub(super) answered: [RoundTrips; 2],
}

/// A Close.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    pub(super) dir: Direction,
    pub(super) code: Option<u16>,
    pub(super) reason: String,
    /// Its body is none.
    pub(super) broken: bool,
    pub(super) frame: u64,
}

/// A segment with bytes of one side's stream of frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    pub(super) who: Who,
    /// Up to where the stream has come with it.
    pub(super) to: u64,
    pub(super) at: Stamp,
}

pub(super) fn direction(who: Who) -> Direction {
    match who {
        Who::Client => Direction::ToServer,
        Who::Server => Direction::ToClient,
    }
}

/// One side on its way.
#[derive(Default)]
struct Side {
    /// Frames of which the header was read, and those that are over.
    begun: usize,
    over: usize,
    /// Bytes of the message that is not whole.
    message: Option<u64>,
    closed: bool,
    /// Those that wait for a pong, the first of them with its number.
    pings: BTreeMap<usize, (Vec<u8>, Stamp)>,
    pinged: usize,
    answered: usize,
    told: BTreeMap<Kind, usize>,
}

/// Reads the frames of client and server in the order of the segments that carry them.
pub(super) fn story(sides: [&[Frame]; 2], deflates: bool, trips: &[Trip]) -> Story {
    let mut model = Model {
        deflates,
        sides: Default::default(),
        story: Story::default(),
    };
    let layout = sides.map(places);
    for trip in trips {
        let me = trip.who as usize;
        loop {
            let side = &model.sides[me];
            // Each frame is over before the next one begins.
            if side.over < side.begun {
                if layout[me][side.over].end > trip.to {
                    break;
                }
                model.end(trip, &sides[me][side.over], layout[me][side.over].start);
            } else {
                let next = layout[me].get(side.begun);
                let Some(place) = next.filter(|place| place.shown <= trip.to) else {
                    break;
                };
                model.begin(trip, &sides[me][side.begun], place.start);
            }
        }
    }
    for (side, counts) in model.sides.iter().zip(&mut model.story.counts) {
        counts.pings_unanswered = (side.pinged - side.answered) as u64;
    }
    model.story.violations.sort_unstable();
    model.story
}

/// Where a frame begins, is known for what it is, and ends.
struct Place {
    start: u64,
    shown: u64,
    end: u64,
}

fn places(frames: &[Frame]) -> Vec<Place> {
    let mut at = 0_u64;
    let place = |frame: &Frame| {
        let start = at;
        at = at.saturating_add(frame.header().len() as u64 + frame.payload.len() as u64);
        Place {
            start,
            shown: start + frame.shown_by() as u64,
            end: (start + frame.header().len() as u64).saturating_add(frame.len()),
        }
    };
    frames.iter().map(place).collect()
}

struct Model {
    deflates: bool,
    sides: [Side; 2],
    story: Story,
}

impl Model {
    fn begin(&mut self, trip: &Trip, frame: &Frame, start: u64) {
        let me = trip.who as usize;
        self.sides[me].begun += 1;
        for kind in self.breaches(trip.who, frame) {
            self.breach(trip, start, kind);
        }
        let side = &mut self.sides[me];
        side.closed |= frame.opcode == 8;
        if !frame.is_control() {
            let before = side.message.filter(|_| frame.opcode == 0);
            let announced = before.unwrap_or(0).saturating_add(frame.len());
            side.message = Some(announced);
            let largest = &mut self.story.largest[me];
            *largest = announced.max(*largest);
        }
        let counts = &mut self.story.counts[me];
        *match frame.opcode {
            0 => &mut counts.continuation,
            1 => &mut counts.text,
            2 => &mut counts.binary,
            8 => &mut counts.close,
            9 => &mut counts.ping,
            10 => &mut counts.pong,
            _ => &mut counts.other,
        } += 1;
        counts.bytes = counts.bytes.saturating_add(frame.len());
    }

    fn breaches(&self, who: Who, frame: &Frame) -> Vec<Kind> {
        let side = &self.sides[who as usize];
        let continues = frame.opcode == 0;
        let known = frame.rsv == 0
            || (self.deflates && frame.rsv == 4 && (frame.opcode == 1 || frame.opcode == 2));
        let out_of_turn =
            !frame.is_control() && !frame.is_reserved() && continues != side.message.is_some();
        let all = [
            (Kind::Unmasked, who == Who::Client && frame.mask.is_none()),
            (Kind::Masked, who == Who::Server && frame.mask.is_some()),
            (Kind::Rsv, !known),
            (Kind::Opcode, frame.is_reserved()),
            (
                Kind::Control,
                frame.is_control() && (!frame.fin || frame.len() > 125),
            ),
            (Kind::Continuation, out_of_turn),
            (Kind::Length, frame.is_long_winded()),
            (Kind::AfterClose, side.closed),
        ];
        all.into_iter()
            .filter(|(_, is)| *is)
            .map(|(kind, _)| kind)
            .collect()
    }

    fn breach(&mut self, trip: &Trip, start: u64, kind: Kind) {
        let told = self.sides[trip.who as usize].told.entry(kind).or_default();
        *told += 1;
        if *told <= MOST_TOLD {
            let place = (direction(trip.who), start, kind, trip.at.frame);
            self.story.violations.push(place);
        }
    }

    fn end(&mut self, trip: &Trip, frame: &Frame, start: u64) {
        let me = trip.who as usize;
        self.sides[me].over += 1;
        if !frame.is_control() {
            if frame.fin && self.sides[me].message.take().is_some() {
                self.story.counts[me].messages += 1;
            }
            return;
        }
        let is_small = frame.payload.len() <= 125;
        match frame.opcode {
            8 => self.close(trip, frame, start),
            9 if is_small => {
                let side = &mut self.sides[me];
                let ping = (frame.payload.clone(), trip.at);
                side.pings.insert(side.pinged, ping);
                side.pinged += 1;
                if side.pings.len() > REMEMBERED {
                    side.pings.pop_first();
                }
            }
            10 if is_small => self.pong(trip, frame),
            _ => {}
        }
    }

    /// The latest equal ping that waits has its answer, and with it those before.
    fn pong(&mut self, trip: &Trip, frame: &Frame) {
        let peer = &mut self.sides[1 - trip.who as usize];
        let equal = |ping: &(&usize, &(Vec<u8>, Stamp))| ping.1.0 == frame.payload;
        let Some((&number, &(_, at))) = peer.pings.iter().rev().find(equal) else {
            return;
        };
        peer.answered = number + 1;
        peer.pings = peer.pings.split_off(&(number + 1));
        let waited = trip.at.ts.since(at.ts);
        let answered = &mut self.story.answered[direction(trip.who.peer()).index()];
        answered.extend([(trip.at.ts.before(waited), waited)]);
    }

    fn close(&mut self, trip: &Trip, frame: &Frame, start: u64) {
        let body = &frame.payload[..frame.payload.len().min(125)];
        let is_whole = frame.payload.len() <= 125;
        let (code, reason) = match body {
            [a, b, reason @ ..] => (Some(u16::from_be_bytes([*a, *b])), reason),
            _ => (None, &[][..]),
        };
        let broken = body.len() == 1 || (is_whole && std::str::from_utf8(reason).is_err());
        if broken {
            self.breach(trip, start, Kind::CloseBody);
        }
        let dir = direction(trip.who);
        let before = self.story.closes.iter().filter(|said| said.dir == dir);
        if before.count() < MOST_TOLD {
            self.story.closes.push(Said {
                dir,
                code,
                reason: String::from_utf8_lossy(reason).into_owned(),
                broken,
                frame: trip.at.frame,
            });
        }
    }
}
