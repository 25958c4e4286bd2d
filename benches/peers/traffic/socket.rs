//! One attempt to open a WebSocket, over one leg or two, and what is said once it is open.

use super::frame::{Sending, Source, control};
use super::heads::{self, Form};
use super::outcome::{Answer, BAD, Did, Hop};
use super::rng::Rng;
use super::truth::Class;
use super::wire::{ACK, CLIENT, Leg, POOL, PSH, Place, RST, SERVER, Wire};
use super::{DEFLATED, MICROS, MILLIS, NEVER, Profile, SECOND};

/// One attempt.
pub(crate) struct Socket {
    pub(crate) answer: Answer,
    pub(crate) hop: Option<Hop>,
    /// What its requests and answers say is drawn from it, so that two legs say the same.
    pub(crate) seed: u64,
    pub(crate) deflate: bool,
    upstream: Option<Box<Leg>>,
    stage: Stage,
    mid_stream: bool,
    /// Ends without a Close.
    abrupt: bool,
    /// Messages to come.
    left: u64,
    opened: u64,
    framed: bool,
    ended: bool,
    /// Who began the message or the Close under way.
    speaker: usize,
    sending: Option<Sending>,
    /// Fragments to come of the message under way.
    fragments: u64,
    unacked: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Request,
    Connect { asks: bool },
    Relay { asks: bool },
    Reply,
    Answer,
    Refused,
    Open,
    Closing,
}

impl Socket {
    pub(crate) fn new(profile: Profile, rng: &mut Rng) -> Self {
        let storm = profile == Profile::Storm;
        let bad = match profile {
            Profile::Storm => 500,
            Profile::Small | Profile::Big => 200,
            Profile::Idle | Profile::Steady => 0,
        };
        let mut answer = if rng.chance(bad) {
            rng.pick(BAD)
        } else {
            Answer::Good
        };
        let hop = (storm && rng.below(2) == 0).then(|| {
            let others = &[
                Did::Stripped,
                Did::Downgraded,
                Did::Refused,
                Did::Closed,
                Did::Auth,
            ];
            Hop {
                did: if rng.below(100) < 88 {
                    Did::Relayed
                } else {
                    rng.pick(others)
                },
                new_host: rng.below(4) == 0,
                lower_case: rng.below(4) == 0,
                forwarded: rng.below(4) != 0,
                marked: rng.below(2) == 0,
                other_address: rng.below(3) == 0,
            }
        });
        if let Some(hop) = hop {
            answer = match hop.did {
                Did::Relayed | Did::Downgraded | Did::Auth => Answer::Good,
                Did::Stripped => rng.pick(&[Answer::Status426, Answer::Status400]),
                Did::Refused => Answer::Status403,
                Did::Closed => Answer::Status502,
            };
        }
        let mid_stream = matches!(profile, Profile::Small | Profile::Big) && rng.chance(100);
        Self {
            answer,
            hop,
            seed: rng.next(),
            deflate: rng.below(4) == 0,
            upstream: None,
            stage: if mid_stream {
                Stage::Open
            } else {
                Stage::Request
            },
            mid_stream,
            abrupt: rng.chance(700),
            left: match profile {
                Profile::Small => 20 + rng.span(220),
                Profile::Big => 2 + rng.span(14),
                _ => 0,
            },
            opened: 0,
            framed: false,
            ended: false,
            speaker: CLIENT,
            sending: None,
            fragments: 0,
            unacked: 0,
        }
    }

    pub(crate) const fn is_mid_stream(&self) -> bool {
        self.mid_stream
    }

    fn class(&self) -> Class {
        match self.answer {
            _ if self.mid_stream => Class::MidStream,
            Answer::Good => Class::Good,
            _ => Class::Bad101,
        }
    }

    /// Does what comes next, and says how long after it something else does; `None` where nothing more does.
    pub(crate) fn step(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> Option<u64> {
        match self.stage {
            Stage::Request => Some(self.ask(wire, leg)),
            Stage::Connect { asks } => Some(self.connect(wire, leg, asks)),
            Stage::Relay { asks } => Some(self.relay(wire, leg, asks)),
            Stage::Reply => Some(self.reply(wire)),
            Stage::Answer => Some(self.decide(wire, leg)),
            Stage::Refused => {
                wire.finish_leg(leg, CLIENT);
                None
            }
            Stage::Open => self.talk(wire, leg),
            Stage::Closing => {
                let peer = 1 - self.speaker;
                let code = (wire.rng.below(10) > 0).then_some(1000);
                self.close(wire, leg, peer, code);
                wire.finish_leg(leg, peer);
                if let Some(upstream) = &mut self.upstream {
                    wire.finish_leg(upstream, peer);
                }
                None
            }
        }
    }

    fn ask(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> u64 {
        let form = if self.answer == Answer::Stripped200 {
            Form::Cut11
        } else {
            Form::Sent
        };
        deliver(wire, leg, &heads::request(self, leg, form));
        wire.truth.pending += 1;
        let Some(hop) = self.hop else {
            self.stage = Stage::Answer;
            return match self.answer {
                Answer::Nothing => 3 * SECOND,
                _ => leg.rtt + wire.rng.span(3 * MILLIS),
            };
        };
        self.stage = Stage::Connect {
            asks: hop.did == Did::Auth,
        };
        wire.rng.range(30 * MICROS, 330 * MICROS)
    }

    /// The hop opens a connection of its own.
    fn connect(&mut self, wire: &mut Wire<'_>, leg: &Leg, asks: bool) -> u64 {
        let place = match self.hop {
            Some(hop) if hop.other_address => Place::OtherProxyAddress,
            _ => Place::ProxyToBackend,
        };
        let v6 = leg.v6 && wire.rng.below(2) == 0;
        let mut upstream = wire.leg("ws", v6, place);
        upstream.rtt = wire.rng.range(100 * MICROS, 2 * MILLIS);
        wire.connect(&mut upstream);
        let rtt = upstream.rtt;
        self.upstream = Some(Box::new(upstream));
        self.stage = Stage::Relay { asks };
        rtt
    }

    /// The hop passes the request on, or asks first.
    fn relay(&mut self, wire: &mut Wire<'_>, leg: &Leg, asks: bool) -> u64 {
        let form = match self.hop.map(|hop| hop.did) {
            _ if asks => Form::Asked,
            Some(Did::Stripped) => Form::Cut10,
            Some(Did::Downgraded) => Form::Passed10,
            _ => Form::Passed,
        };
        let request = heads::request(self, leg, form);
        let Some(upstream) = &mut self.upstream else {
            return NEVER;
        };
        wire.ack(upstream, CLIENT);
        deliver(wire, upstream, &request);
        if !asks {
            wire.truth.joined += 1;
            self.stage = Stage::Reply;
            return upstream.rtt + wire.rng.span(3 * MILLIS);
        }
        let allowed = wire
            .rng
            .pick(&["200 OK\r\nContent-Length: 0", "204 No Content"]);
        let answer = format!("HTTP/1.1 {allowed}\r\nServer: auth\r\nConnection: close\r\n\r\n");
        wire.stream(upstream, SERVER, answer.as_bytes());
        wire.finish_leg(upstream, SERVER);
        self.stage = Stage::Connect { asks: false };
        wire.rng.range(30 * MICROS, 230 * MICROS)
    }

    /// The backend answers the hop.
    fn reply(&mut self, wire: &mut Wire<'_>) -> u64 {
        let answer = heads::answer(self, &wire.pools, false);
        let Some(upstream) = &mut self.upstream else {
            return NEVER;
        };
        if self.hop.is_some_and(|hop| hop.did != Did::Closed) {
            wire.truth.legs_101 += u64::from(self.answer.is_101());
            wire.stream(upstream, SERVER, &answer);
        }
        if self.answer != Answer::Good {
            wire.finish_leg(upstream, SERVER);
        }
        self.stage = Stage::Answer;
        wire.rng.range(30 * MICROS, 230 * MICROS)
    }

    /// The client has its answer, or has waited enough.
    fn decide(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> u64 {
        let (name, verdict) = self.answer.names();
        wire.truth.pending -= 1;
        wire.truth.handshakes.add(name);
        match self.hop.map(|hop| hop.did.names()) {
            Some((name, verdict)) => {
                wire.truth.two_legged.add(name);
                wire.truth.attempts.add(verdict);
            }
            None => wire.truth.attempts.add(verdict),
        }
        self.stage = Stage::Refused;
        if self.answer == Answer::Nothing {
            return 1;
        }
        if self.answer.is_101() {
            self.stage = Stage::Open;
            self.opened = wire.now;
            wire.truth.legs_101 += 1;
            wire.truth.closings.of(self.class()).add("open");
            if self.answer != Answer::Good {
                self.left = self.left.min(2);
            }
        }
        let answer = heads::answer(self, &wire.pools, true);
        wire.stream(leg, SERVER, &answer);
        if matches!(wire.profile, Profile::Idle | Profile::Steady) {
            return NEVER;
        }
        leg.rtt / 2 + wire.rng.span(10 * MILLIS)
    }

    /// Open: the rest of a message, the next one, or the end.
    fn talk(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> Option<u64> {
        if self.sending.is_none() && self.fragments > 0 {
            self.fragments -= 1;
            let len = wire.rng.range(60, 1400);
            let from = self.speaker;
            self.begin(wire, from, (0, self.fragments == 0), len);
        }
        if self.sending.is_some() {
            return Some(self.burst(wire, leg));
        }
        if self.left > 0 {
            self.left -= 1;
            return Some(self.next(wire, leg));
        }
        if self.abrupt {
            self.vanish(wire, leg);
            return None;
        }
        let code = match wire.rng.below(100) {
            0..78 => Some(1000),
            78..88 => Some(1001),
            88..94 => Some(wire.rng.pick(&[1002, 1003, 1009, 1011, 1012, 4000])),
            _ => None,
        };
        self.speaker = wire.rng.below(2) as usize;
        self.close(wire, leg, self.speaker, code);
        self.stage = Stage::Closing;
        Some(leg.rtt)
    }

    /// A ping with its pong, some frames in one segment, or a message.
    fn next(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> u64 {
        if wire.rng.chance(300) {
            let from = usize::from(wire.rng.below(4) > 0);
            let payload = wire.rng.next().to_le_bytes();
            let payload = if wire.rng.below(2) == 0 {
                &payload[..]
            } else {
                &[]
            };
            self.control(wire, leg, (from, 9), payload);
            self.control(wire, leg, (1 - from, 10), payload);
            wire.ack(leg, from);
            return 1 + wire.rng.span(30 * MILLIS);
        }
        let small = wire.profile == Profile::Small;
        let from = usize::from(wire.rng.below(10) < if small { 6 } else { 9 });
        if small && wire.rng.chance(800) {
            let mut segment = Vec::new();
            for _ in 0..wire.rng.range(2, 4) {
                let len = wire.rng.range(20, 240);
                self.begin(wire, from, (1, true), len);
                segment.extend(self.fill(wire, usize::MAX));
            }
            wire.segment(leg, from, ACK | PSH, &segment);
            wire.ack(leg, 1 - from);
            return 1 + wire.rng.span(90 * MILLIS);
        }
        self.message(wire, from);
        self.burst(wire, leg)
    }

    /// One frame and its acknowledgment, in the middle of the silence.
    pub(crate) fn chat(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) {
        let from = usize::from(wire.rng.below(10) < 6);
        let len = wire.rng.range(121, 280);
        self.begin(wire, from, (1, true), len);
        let frame = self.fill(wire, usize::MAX);
        wire.segment(leg, from, ACK | PSH, &frame);
        wire.ack(leg, 1 - from);
    }

    /// Begins a message.
    fn message(&mut self, wire: &mut Wire<'_>, from: usize) {
        let rng = &mut wire.rng;
        let kind = rng.below(100);
        let mut len = if wire.profile == Profile::Big {
            let len = match kind {
                0..60 => rng.range(16 << 10, 64 << 10),
                60..90 => rng.range(64 << 10, 256 << 10),
                _ => rng.range(256 << 10, 1 << 20),
            };
            if from == CLIENT { len / 4 } else { len }
        } else {
            match kind {
                0..35 => rng.range(20, 120),
                35..85 => rng.range(121, 280),
                85..98 => rng.range(281, 1200),
                _ => rng.range(1201, 5000),
            }
        };
        if wire.profile == Profile::Small && self.deflate && rng.below(3) > 0 {
            let nth = rng.below(DEFLATED) as usize;
            let len = wire.pools.deflated[nth].len() as u64;
            wire.truth.frame(self.class(), 1);
            self.framed = true;
            let sending =
                Sending::new(from, (1, true), Source::Deflated(nth), len, wire.rng.next());
            self.sending = Some(sending);
            return;
        }
        if len > 200 && rng.chance(100) {
            self.fragments = rng.range(1, 3);
            len /= self.fragments + 1;
        }
        self.speaker = from;
        let opcode = if rng.below(5) == 0 { 2 } else { 1 };
        self.begin(wire, from, (opcode, self.fragments == 0), len);
    }

    /// Begins a frame.
    fn begin(&mut self, wire: &mut Wire<'_>, from: usize, (opcode, fin): (u8, bool), len: u64) {
        wire.truth.frame(self.class(), opcode);
        self.framed = true;
        let start = wire.rng.below(POOL - (1 << 20) - 64) as usize;
        let mask = wire.rng.next();
        self.sending = Some(Sending::new(
            from,
            (opcode, fin),
            Source::Text(start),
            len,
            mask,
        ));
    }

    /// The next bytes of the frame under way.
    fn fill(&mut self, wire: &Wire<'_>, room: usize) -> Vec<u8> {
        let mut part = Vec::new();
        if let Some(sending) = &mut self.sending {
            part = sending.next(&wire.pools, room);
            if sending.is_over() {
                self.sending = None;
            }
        }
        part
    }

    /// Some segments of the frame under way, every second of them acknowledged.
    fn burst(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) -> u64 {
        let big = wire.profile == Profile::Big;
        let from = self.sending.as_ref().map_or(CLIENT, Sending::from);
        let most = if big { wire.rng.range(2, 20) } else { 4 };
        let mut held: Option<Vec<u8>> = None;
        for _ in 0..most {
            if self.sending.is_none() {
                break;
            }
            let part = self.fill(wire, leg.segment_size());
            let flags = if self.sending.is_none() {
                ACK | PSH
            } else {
                ACK
            };
            match held.take() {
                Some(first) => wire.swapped(leg, from, [&first, &part], flags),
                None if self.sending.is_some() && wire.rng.chance(20) => {
                    held = Some(part);
                    continue;
                }
                None => wire.segment(leg, from, flags, &part),
            }
            self.unacked += 1;
            if self.unacked >= 2 {
                self.unacked = 0;
                wire.ack(leg, 1 - from);
            }
        }
        if let Some(part) = held {
            wire.segment(leg, from, ACK, &part);
        }
        if self.sending.is_some() {
            return leg.rtt / 2 + 1;
        }
        if self.fragments > 0 {
            return leg.rtt / 8 + 1;
        }
        if big {
            self.unacked = 0;
            wire.ack(leg, 1 - from);
        }
        1 + wire.rng.span(if big { 120 } else { 90 } * MILLIS)
    }

    /// A control frame on every leg, in the order in which they come by.
    fn control(
        &mut self,
        wire: &mut Wire<'_>,
        leg: &mut Leg,
        (from, opcode): (usize, u8),
        payload: &[u8],
    ) {
        let frame = control(from, opcode, payload, wire.rng.next());
        self.framed = true;
        wire.truth.frame(self.class(), opcode);
        let Some(upstream) = &mut self.upstream else {
            return wire.segment(leg, from, ACK | PSH, &frame);
        };
        wire.truth.frame(Class::Good, opcode);
        let order = if from == CLIENT {
            [leg, upstream]
        } else {
            [&mut **upstream, leg]
        };
        for leg in order {
            wire.segment(leg, from, ACK | PSH, &frame);
        }
    }

    fn close(&mut self, wire: &mut Wire<'_>, leg: &mut Leg, from: usize, code: Option<u16>) {
        self.end(
            wire,
            match code {
                None | Some(1000 | 1001) => "normal",
                Some(3000..) => "application",
                Some(_) => "fault",
            },
        );
        let mut payload = Vec::new();
        if let Some(code) = code {
            let reasons = [
                "",
                "",
                "bye",
                "going away",
                "server shutdown",
                "protocol error",
            ];
            payload.extend(code.to_be_bytes());
            payload.extend(wire.rng.pick(&reasons).bytes());
        }
        self.control(wire, leg, (from, 8), &payload);
    }

    /// FIN or RST without a Close.
    fn vanish(&mut self, wire: &mut Wire<'_>, leg: &mut Leg) {
        let resets = wire.rng.below(2) == 0;
        let first = if resets {
            wire.rng.below(2) as usize
        } else {
            CLIENT
        };
        let soon = wire.now - self.opened < SECOND;
        let unused = !self.framed && first == CLIENT && soon;
        self.end(wire, if unused { "unused" } else { "abnormal" });
        let mut legs = [Some(leg), self.upstream.as_deref_mut()];
        if first == SERVER && legs[1].is_some() {
            legs.swap(0, 1);
        }
        let [near, far] = legs;
        if let Some(near) = near {
            if resets {
                wire.segment(near, first, RST | ACK, &[]);
            } else {
                wire.finish_leg(near, first);
            }
        }
        if let Some(far) = far {
            wire.finish_leg(far, first);
        }
    }

    /// Counts how it ended, once.
    fn end(&mut self, wire: &mut Wire<'_>, how: &'static str) {
        if !std::mem::replace(&mut self.ended, true) {
            let closings = wire.truth.closings.of(self.class());
            closings.take("open");
            closings.add(how);
        }
    }
}

/// A request, in three of a hundred cases in two segments.
fn deliver(wire: &mut Wire<'_>, leg: &mut Leg, request: &[u8]) {
    let mut rest = request;
    if wire.rng.chance(300) {
        let at = wire.rng.range(10, request.len() as u64 - 10) as usize;
        wire.segment(leg, CLIENT, ACK | PSH, &request[..at]);
        wire.ack(leg, SERVER);
        rest = &request[at..];
    }
    wire.segment(leg, CLIENT, ACK | PSH, rest);
    wire.ack(leg, SERVER);
}
