//! An open WebSocket: both directions as frames, counted, and held against RFC 6455.

mod asleep;
mod control;
mod noted;
mod side;

pub(super) use self::asleep::Asleep;
use self::side::{Side, Sync};
use crate::dissect::link::Link;
use crate::dissect::pings::Pings;
use crate::dissect::sync::{self, Candidate, Proof};
use crate::event::{Fact, FrameCounts, Frames, GapOver, Largest, Violation, ViolationKind};
use crate::flow::{Both, Direction};
use crate::time::Timestamp;
use crate::websocket::{
    Answer, Close, FrameHeader, FrameStep, FrameWalker, Opcode, Passing, Rsv as Bits,
};

/// A connection after its 101.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Socket {
    sides: Both<Side>,
    rsv: Rsv,
    /// Since the last [`Fact::Frames`]; nothing while the socket is silent, as most of many are.
    since: Option<Box<Frames>>,
    pings: Option<Box<Pings>>,
    /// The first frame of the client was told.
    named: bool,
    /// A side began its first message, which is told with the next frames.
    untold: bool,
    /// Violations told of each side and kind.
    told: Both<[u8; KINDS]>,
    /// Taken from the budget for the places where frames may go on.
    charged: u64,
}

/// Which reserved bits the extensions of this leg give a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rsv {
    /// None.
    No,
    /// RSV1 on the first frame of a message (RFC 7692 §6).
    Compressed,
    /// Not known: nobody is accused.
    Unknown,
}

/// What came of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// No frame but a Close.
    Nothing,
    /// Frames, but none that begins a message.
    Control,
    /// A message, or its beginning.
    Message,
}

/// Where a frame begins: on which side, and how far behind the head of the handshake.
type Place = (Direction, u64);

/// Frames behind a guessed boundary until it is believed: by chance one in fifty is such as an endpoint sends.
const UNPROVEN: u8 = 12;
const KINDS: usize = 10;
/// Facts about one kind of violation by one side, and about its Close frames: a flood of them stays bounded.
const MOST_TOLD: u8 = 16;

impl Rsv {
    /// As agreed in a 101.
    pub(super) fn agreed(answer: &Answer) -> Self {
        let deflates = |name: &str| name.eq_ignore_ascii_case("permessage-deflate");
        match &*answer.extensions {
            [] => Self::No,
            all if all.iter().all(|extension| deflates(&extension.name)) => Self::Compressed,
            _ => Self::Unknown,
        }
    }

    /// The bits that the first frame of a message may have.
    const fn of_data(self) -> Bits {
        match self {
            Self::No => Bits(0),
            Self::Compressed => Bits(Bits::RSV1),
            Self::Unknown => Bits::ALL,
        }
    }

    /// The bits that nothing allows on this frame.
    fn breach(self, header: &FrameHeader) -> bool {
        let begins = matches!(header.opcode, Opcode::TEXT | Opcode::BINARY);
        match self {
            Self::Compressed if begins => header.rsv.0 & !Bits::RSV1 != 0,
            Self::No | Self::Compressed => header.rsv.0 != 0,
            Self::Unknown => false,
        }
    }
}

impl Socket {
    /// Right behind the heads of the handshake.
    pub(super) fn opened(rsv: Rsv) -> Self {
        Self {
            sides: Both::default(),
            rsv,
            since: None,
            pings: None,
            named: false,
            untold: false,
            told: Both::default(),
            charged: 0,
        }
    }

    /// Joined in the middle: no boundary is known.
    pub(super) fn joined() -> Self {
        let mut socket = Self::opened(Rsv::Unknown);
        socket.lose(Direction::ToServer);
        socket.lose(Direction::ToClient);
        socket
    }

    /// Does not know the boundaries of one direction.
    pub(super) fn lose(&mut self, dir: Direction) {
        self.sides.get_mut(dir).sync = Sync::Lost(None);
    }

    /// Knows that the next byte of one direction begins its first frame.
    pub(super) fn find(&mut self, dir: Direction) {
        *self.sides.get_mut(dir) = Side::default();
    }

    /// Takes over a candidate, proven or not.
    pub(super) fn adopt(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        candidate: Candidate,
        proven: bool,
    ) {
        if proven {
            self.resume(link, dir, candidate);
        } else {
            self.sides.get_mut(dir).sync = Sync::Lost(Some(Box::new(candidate)));
            self.settle(link);
        }
    }

    /// The next bytes of one direction.
    pub(super) fn data(
        &mut self,
        link: &mut Link<'_>,
        dir: Direction,
        mut bytes: &[u8],
        at_segment_start: bool,
    ) {
        let side = self.sides.get(dir);
        // Bytes of a Close end a silence; they are no part of what went before it. Of a header that is not whole it is not
        // known whether it is one.
        if !side.closed && side.walker.is_within_payload() {
            self.heard(link.at.ts, dir);
        }
        match &self.sides.get(dir).sync {
            Sync::Stopped => return,
            Sync::Known => {}
            Sync::Lost(_) => {
                let candidate = self.search(dir, &mut bytes, at_segment_start);
                self.settle(link);
                let Some(candidate) = candidate else {
                    return;
                };
                self.resume(link, dir, *candidate);
            }
        }
        self.walk(link, dir, &mut bytes);
    }

    /// The frames of a direction that may pass by untold from here on: nothing is new about them.
    pub(super) fn passing(&self, dir: Direction) -> Option<Passing> {
        let side = self.sides.get(dir);
        let masked = dir == Direction::ToServer;
        let is_usual = matches!(side.sync, Sync::Known)
            && side.guessed == 0
            && !side.closed
            && (self.named || !masked || !side.began);
        let passing = is_usual.then(|| side.walker.passing()).flatten()?;
        Some(passing.with(masked, self.rsv.of_data(), &side.sizes()))
    }

    /// What came of this direction.
    pub(super) fn seen(&self, dir: Direction) -> Seen {
        let side = self.sides.get(dir);
        if side.began {
            Seen::Message
        } else if side.used {
            Seen::Control
        } else {
            Seen::Nothing
        }
    }

    /// The first frame of a direction passed by, of those that are taken in next.
    pub(super) fn began_by_the_way(&mut self, dir: Direction, at: Timestamp) {
        let side = self.sides.get_mut(dir);
        (side.began, side.used) = (true, true);
        self.named |= dir == Direction::ToServer;
        self.untold = true;
        self.began(at, dir);
    }

    /// Takes in the frames that passed by.
    pub(super) fn land(&mut self, dir: Direction, frames: &Passing, passed: u64, heard: Timestamp) {
        let side = self.sides.get_mut(dir);
        let messages = side.walker.land(frames, passed);
        if !frames.is_untouched() {
            side.latest = u64::from(frames.latest);
            side.is_largest = frames.is_largest();
            side.is_compressed = frames.is_compressed();
        }
        if let Some((bytes, before, compressed)) = frames.grew_to() {
            side.largest = Largest {
                bytes,
                before,
                compressed,
            };
        }
        let counts = self.counts(dir);
        counts.messages = counts.messages.saturating_add(messages);
        counts.text = counts.text.saturating_add(u64::from(frames.text));
        counts.binary = counts.binary.saturating_add(u64::from(frames.binary));
        let continuations = u64::from(frames.continuations());
        counts.continuation = counts.continuation.saturating_add(continuations);
        counts.bytes = counts.bytes.saturating_add(u64::from(frames.bytes));
        self.heard(heard, dir);
    }

    /// A side says something other than Close.
    fn heard(&mut self, at: Timestamp, dir: Direction) {
        let since = self.since.get_or_insert_default();
        if let Some(last) = since.last.get_mut(dir.index()) {
            *last = Some(at);
        }
    }

    /// A side begins its first message.
    fn began(&mut self, at: Timestamp, dir: Direction) {
        let since = self.since.get_or_insert_default();
        if let Some(first) = since.began.get_mut(dir.index()) {
            *first = Some(at);
        }
    }

    /// Reads frames until the bytes are used up.
    fn walk(&mut self, link: &mut Link<'_>, dir: Direction, bytes: &mut &[u8]) {
        loop {
            let side = self.sides.get_mut(dir);
            if side.guessed == 0
                && let Some(frame) = side.walker.control(bytes)
            {
                self.control(link, dir, &frame);
                continue;
            }
            let Some(step) = side.walker.step(bytes) else {
                break;
            };
            let breaches = |step: &FrameStep| matches!(step, FrameStep::Header { header, .. } if self.rsv.breach(header));
            let fits = || sync::fits(&step, dir == Direction::ToServer) && !breaches(&step);
            if side.guessed > 0 && !fits() {
                // The place was no frame's after all: nobody is accused by what follows from it.
                let rest = std::mem::take(bytes).len() as u64;
                side.walker = FrameWalker::joined_at(side.walker.offset().saturating_add(rest));
                side.sync = Sync::Lost(None);
                return;
            }
            if matches!(step, FrameStep::Header { .. }) {
                side.guessed = side.guessed.saturating_sub(1);
            }
            let is_http = matches!(step, FrameStep::Http { .. });
            self.found(link, dir, step, false);
            if is_http {
                self.sides.get_mut(dir).sync = Sync::Stopped;
                return;
            }
        }
        let side = self.sides.get_mut(dir);
        if side.closed && side.walker.is_within_payload() {
            side.close_began.get_or_insert_with(|| Box::new(link.at));
        }
    }

    /// Looks for the place where the frames of a direction go on; a candidate that is proven.
    fn search(
        &mut self,
        dir: Direction,
        bytes: &mut &[u8],
        at_segment_start: bool,
    ) -> Option<Box<Candidate>> {
        let rsv = self.rsv;
        let side = self.sides.get_mut(dir);
        let offset = side.walker.offset();
        let Sync::Lost(place) = &mut side.sync else {
            return None;
        };
        side.walker = FrameWalker::joined_at(offset.saturating_add(bytes.len() as u64));
        let masked = dir == Direction::ToServer;
        sync::search(
            place,
            offset,
            bytes,
            at_segment_start,
            |candidate, proof| {
                matches!(proof, Proof::Chained | Proof::Short)
                    && candidate.is_masked() == Some(masked)
                    && !candidate.headers().any(|header| rsv.breach(header))
            },
        )
    }

    fn resume(&mut self, link: &mut Link<'_>, dir: Direction, candidate: Candidate) {
        let (steps, walker) = candidate.into_parts();
        let side = self.sides.get_mut(dir);
        side.walker = walker;
        side.sync = Sync::Known;
        side.guessed = UNPROVEN;
        // All frames of the chain are told together.
        let first = !std::mem::replace(&mut side.used, true);
        for step in steps {
            self.found(link, dir, step, true);
        }
        if first {
            self.flush_first(link);
        }
    }

    /// Counts, checks and tells what the walker found. What is `past` says nothing about times.
    fn found(&mut self, link: &mut Link<'_>, dir: Direction, step: FrameStep, past: bool) {
        match step {
            FrameStep::Header {
                header,
                offset,
                out_of_turn,
                message_len,
            } => {
                self.name(link, dir, &header);
                self.sides.get_mut(dir).grow(&header, message_len);
                self.check(link, (dir, offset), &header, out_of_turn);
                self.count(dir, &header);
                let is_close = header.opcode == Opcode::CLOSE;
                if !is_close {
                    self.heard(link.at.ts, dir);
                }
                let is_data = !header.opcode.is_control() && !header.opcode.is_reserved();
                let side = self.sides.get_mut(dir);
                let begins = is_data && !std::mem::replace(&mut side.began, true);
                if begins && !past {
                    self.began(link.at.ts, dir);
                    self.untold = true;
                }
                let is_first = self.uses(dir, is_close) || begins;
                if is_first && !past {
                    self.take_up(link, dir);
                }
            }
            FrameStep::Message { .. } => {
                let counts = self.counts(dir);
                counts.messages = counts.messages.saturating_add(1);
            }
            FrameStep::Control {
                header,
                offset,
                payload,
            } => match header.opcode {
                Opcode::CLOSE => {
                    let mut close = Close::parse(&payload.close);
                    if payload.cut {
                        close.malformed &= header.payload_len == 1;
                        close.reason_invalid = false;
                    }
                    self.close(link, (dir, offset), (close, payload.cut), None);
                }
                opcode if !payload.cut => {
                    self.ping((dir, link.at.ts), opcode, payload.hash, past);
                }
                _ => {}
            },
            // WSGI servers write the answer of a handler that ended: after its Close, that opens nothing any less.
            FrameStep::Http { offset } if self.sides.get(dir).closed => {
                self.violation(link, (dir, offset), ViolationKind::AfterClose);
            }
            FrameStep::Http { offset } => self.violation(link, (dir, offset), ViolationKind::Http),
        }
    }

    /// Tells what identifies the first frame of the client, if it is masked at random (RFC 6455 §5.3).
    fn name(&mut self, link: &mut Link<'_>, dir: Direction, header: &FrameHeader) {
        if dir == Direction::ToClient || self.named {
            return;
        }
        self.named = true;
        if let Some(hash) = header.first_bytes() {
            link.tell(Fact::FirstBytes { hash });
        }
    }

    /// Holds a header against RFC 6455.
    fn check(
        &mut self,
        link: &mut Link<'_>,
        (dir, offset): Place,
        header: &FrameHeader,
        out_of_turn: bool,
    ) {
        use ViolationKind as Kind;
        let opcode = header.opcode;
        let is_control = opcode.is_control();
        let masks = dir == Direction::ToServer;
        let after_close = self.sides.get(dir).closed;
        let breaches = [
            (masks && header.mask.is_none(), Kind::Unmasked),
            (!masks && header.mask.is_some(), Kind::Masked),
            (self.rsv.breach(header), Kind::Rsv),
            (opcode.is_reserved(), Kind::Opcode),
            (
                is_control && (!header.fin || header.payload_len > 125),
                Kind::Control,
            ),
            (out_of_turn && !opcode.is_reserved(), Kind::Continuation),
            (header.length_not_minimal, Kind::Length),
            (after_close, Kind::AfterClose),
        ];
        for (_, kind) in breaches.into_iter().filter(|(is, _)| *is) {
            self.violation(link, (dir, offset), kind);
        }
        self.sides.get_mut(dir).closed |= opcode == Opcode::CLOSE;
    }

    /// Counts a frame, to be told with the others.
    fn count(&mut self, dir: Direction, header: &FrameHeader) {
        let counts = self.counts(dir);
        let count = match header.opcode {
            Opcode::TEXT => &mut counts.text,
            Opcode::BINARY => &mut counts.binary,
            Opcode::CONTINUATION => &mut counts.continuation,
            Opcode::PING => &mut counts.ping,
            Opcode::PONG => &mut counts.pong,
            Opcode::CLOSE => &mut counts.close,
            _ => &mut counts.other,
        };
        *count = count.saturating_add(1);
        counts.bytes = counts.bytes.saturating_add(header.payload_len);
    }

    fn violation(&mut self, link: &mut Link<'_>, (dir, offset): Place, kind: ViolationKind) {
        let Some(told) = self.told.get_mut(dir).get_mut(kind as usize) else {
            return;
        };
        if *told < MOST_TOLD {
            *told += 1;
            link.tell(Fact::Violation(Violation { dir, offset, kind }));
        }
    }

    /// Lost bytes of one direction.
    pub(super) fn gap(&mut self, link: &mut Link<'_>, dir: Direction, len: u64) {
        // Where something was lost before it, nobody would know whether it was the first.
        if self.untold {
            self.flush_first(link);
        }
        let side = self.sides.get_mut(dir);
        let over = match &mut side.sync {
            Sync::Known if side.walker.skip(len) => {
                // Bytes of the same packet came just now.
                let heard = self.since.as_ref();
                let heard = heard.and_then(|since| *since.last.get(dir.index())?);
                if heard == Some(link.at.ts) {
                    GapOver::Snapped
                } else {
                    GapOver::Payload
                }
            }
            Sync::Known => {
                let offset = side.walker.offset().saturating_add(len);
                side.walker = FrameWalker::joined_at(offset);
                side.sync = Sync::Lost(None);
                GapOver::FrameHeader
            }
            Sync::Lost(place) => {
                let offset = side.walker.offset().saturating_add(len);
                side.walker = FrameWalker::joined_at(offset);
                if !place.as_mut().is_some_and(|place| place.skip(len)) {
                    *place = None;
                }
                GapOver::FrameHeader
            }
            Sync::Stopped => GapOver::FrameHeader,
        };
        link.tell(Fact::Gap { dir, len, over });
        if matches!(over, GapOver::Payload | GapOver::Snapped) {
            let now = link.at;
            if over == GapOver::Payload
                && let Some(began) = self.sides.get_mut(dir).close_began.take()
            {
                link.at = *began;
            }
            // A frame may have ended with the gap.
            self.walk(link, dir, &mut &[][..]);
            link.at = now;
        }
    }

    /// Charges what the places allocate by now; they go where there is no room for them.
    fn settle(&mut self, link: &mut Link<'_>) {
        let places = [&self.sides.to_server.sync, &self.sides.to_client.sync];
        let now = sync::allocated(places.map(Sync::place));
        if !link.recharge(&mut self.charged, now) {
            self.give_up(link);
        }
    }

    /// Lets go of the places where frames may go on: others are looked for.
    pub(super) fn give_up(&mut self, link: &mut Link<'_>) {
        for dir in [Direction::ToServer, Direction::ToClient] {
            if let Sync::Lost(place) = &mut self.sides.get_mut(dir).sync {
                *place = None;
            }
        }
        link.budget.release(std::mem::take(&mut self.charged));
    }

    /// The connection is over, or is read no more.
    pub(super) fn finish(&mut self, link: &mut Link<'_>) {
        self.give_up(link);
        self.flush(link);
    }

    /// Tells the frames since the last time, if anything is new.
    pub(super) fn flush(&mut self, link: &mut Link<'_>) {
        let Some(mut since) = self.since.take() else {
            return;
        };
        self.untold = false;
        let sides = [&self.sides.to_server, &self.sides.to_client];
        since.largest = sides.map(|side| side.largest);
        since.latest = sides.map(|side| side.latest);
        since.unfinished = sides.map(|side| side.walker.unfinished());
        if let Some(pings) = &self.pings {
            since.client.pings_unanswered = pings.unanswered(Direction::ToServer);
            since.server.pings_unanswered = pings.unanswered(Direction::ToClient);
            let both = [Direction::ToServer, Direction::ToClient];
            since.ping_waits = both.map(|dir| pings.waits_since(dir));
            since.answered = both.map(|dir| pings.answered(dir).clone());
        }
        link.tell(Fact::Frames(since));
    }

    /// Tells of what a side began with before it is told what was lost.
    fn flush_first(&mut self, link: &mut Link<'_>) {
        let last = self.since.as_ref().map(|since| since.last);
        self.flush(link);
        self.since.get_or_insert_default().last = last.unwrap_or_default();
    }

    fn counts(&mut self, dir: Direction) -> &mut FrameCounts {
        let since = self.since.get_or_insert_default();
        match dir {
            Direction::ToServer => &mut since.client,
            Direction::ToClient => &mut since.server,
        }
    }
}
