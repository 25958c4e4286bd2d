//! What TCP does on one connection: handshake, acknowledgments, resets, and which bytes are new (RFC 9293 §3).

mod half;
mod scene;

use std::time::Duration;

use self::half::{Half, Resent, SYN_DATA};
pub(super) use self::scene::Scene;
use crate::limits::{Budget, Limit, Limits};
use crate::packet::{Flags, Segment};
use crate::stream::conn::{Conn, Side};
use crate::stream::copies::Recent;
use crate::stream::reassembler::{Arrival, Reassembler};
use crate::stream::seq;
use crate::stream::{End, StreamItem};
use crate::time::{Stamp, Timestamp};

/// An acknowledgment further ahead of all that was seen is not believed.
const ACK_AHEAD: i64 = 16 << 20;
/// A RST may be so far from the sequence number that is expected.
const RST_NEAR: u64 = 1 << 20;
/// A SYN that comes again so much later was sent again: systems wait a second for the answer (RFC 6298 §2).
const SYN_AGAIN: Duration = Duration::from_millis(500);
/// Bytes that are sent again for so long, at least so often, and nothing comes back.
const STALLED_FOR: Duration = Duration::from_secs(15);
const STALLED_TIMES: u8 = 3;

/// What TCP shows of a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Connection {
    low: Half,
    high: Half,
    /// Something other than a SYN, or a RST that answers it, was seen.
    opened: bool,
    /// The room above was told something, so that the roles are settled.
    told: bool,
    /// Whose data comes first is the client: neither a SYN nor the ports say it.
    roles_open: bool,
    /// One bit for each interface in [`Conn::seen_on`] that was told as a copy.
    copied: u8,
    /// The last acknowledgment of the side that alone was seen so far.
    last_ack: Option<u32>,
    /// A RST that waits for the bytes before it: who sent it, at which offset, and since when.
    reset: Option<(Side, u64, Timestamp)>,
}

impl Connection {
    /// A connection whose roles the first byte of data settles, or that has them already.
    pub(super) fn new(roles_open: bool) -> Self {
        Self {
            roles_open,
            ..Self::default()
        }
    }

    /// A connection that is open, with its two sides: sequence number of the first byte, bytes sent, bytes acknowledged, and
    /// whether its SYN was seen. Nothing is missing, waits or ends.
    pub(super) fn quietly([low, high]: [([u32; 3], bool); 2], told: bool) -> Self {
        Self {
            low: Half::quietly(low.0, low.1),
            high: Half::quietly(high.0, high.1),
            opened: true,
            told,
            ..Self::default()
        }
    }

    /// The numbers of its sides, if they are no larger than usual.
    pub(super) fn quiet(&self) -> Option<[[u32; 3]; 2]> {
        Some([self.low.quiet()?, self.high.quiet()?])
    }

    /// Whether the room above was told something.
    pub(super) const fn has_told(&self) -> bool {
        self.told
    }

    /// Whether the SYN of a side was seen.
    pub(super) const fn has_syn(&self, side: Side) -> bool {
        self.halves(side).0.syn
    }

    /// Takes a segment. Returns how the connection ended, if it did.
    pub(super) fn segment<S, F>(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        recent: &mut Recent,
        scene: &mut Scene<'_, S, F>,
    ) -> Option<End>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let flags = segment.flags;
        let usual = segment.usual();
        if flags.has(Flags::RST) {
            if recent.is_copy(&usual, &segment.at, scene.now) {
                return None;
            }
            recent.remember(&usual, &segment.at, scene.now);
            return self.rst(side, segment, scene);
        }
        let len = (segment.payload.len() as u64).saturating_add(u64::from(segment.missing));
        let offset = self.learn(side, segment, len)?;
        let fin = flags.has(Flags::FIN);
        let takes = len.saturating_add(u64::from(fin));
        let end = offset.saturating_add_unsigned(takes);
        let (me, peer) = self.halves_mut(side);
        let known = end <= me.sent.cast_signed();
        if takes > 0 || flags.has(Flags::SYN) {
            if known && recent.is_copy(&usual, &segment.at, scene.now) {
                self.seen_on(segment.at.iface, true, scene);
                return None;
            }
            recent.remember(&usual, &segment.at, scene.now);
        }
        me.seen = true;
        // Who is heard from is not the silent peer of a stall.
        peer.resent = Resent::default();
        if peer.seen {
            scene.conn.both_ways = true;
        }
        self.seen_on(segment.at.iface, false, scene);
        if flags.has(Flags::SYN) {
            if !self.syn(side, segment, scene) {
                return None;
            }
        } else if !self.opened && fin && !flags.has(Flags::ACK) {
            return Some(End::Unanswered);
        } else {
            self.opened = true;
        }
        if flags.has(Flags::ACK) {
            self.last_ack = (!scene.conn.both_ways).then_some(segment.ack);
            self.ack(side, segment.ack, scene);
        }
        if known && takes <= 1 && !fin {
            self.probed(side, segment, end, scene);
        }
        if takes == 1 && fin && self.ends_now(side, offset) {
            self.fin(side, scene);
        } else if takes > 0 {
            self.data(side, segment, offset, scene);
            if known {
                self.resent(side, end, scene);
            }
        }
        self.end_of(scene)
    }

    /// Time has passed: skips holes. Returns how the connection ended, if it did.
    pub(super) fn expire<S, F>(&mut self, scene: &mut Scene<'_, S, F>) -> Option<End>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let one_sided = !scene.conn.both_ways;
        for side in scene.conn.sides() {
            self.stream(side, scene, |stream, out| stream.expire(one_sided, out));
            self.stalls(side, STALLED_FOR, scene);
        }
        if let Some((side, _, since)) = self.reset
            && since.after(scene.limits.span(Limit::hole_acked)) <= scene.now
        {
            return Some(End::Rst(scene.conn.dir(side)));
        }
        self.end_of(scene)
    }

    /// Hands on what waits behind holes, for nothing more will come. Returns an end that this brings to light.
    pub(super) fn flush<S, F>(&mut self, scene: &mut Scene<'_, S, F>) -> Option<End>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        if self.low.stream.has_hole() || self.high.stream.has_hole() {
            for side in scene.conn.sides() {
                self.stream(side, scene, Reassembler::flush);
            }
        }
        match self.reset {
            Some((side, ..)) => Some(End::Rst(scene.conn.dir(side))),
            None => self.end_of(scene),
        }
    }

    /// When [`Connection::expire`] has something to do.
    pub(super) fn deadline(&self, limits: &Limits, both_ways: bool) -> Option<Timestamp> {
        let waits = |half: &Half| half.resent.times >= STALLED_TIMES || half.stream.has_hole();
        if self.reset.is_none() && !waits(&self.low) && !waits(&self.high) {
            return None;
        }
        let reset = self
            .reset
            .map(|(.., since)| since.after(limits.span(Limit::hole_acked)));
        let low = self.low.stream.deadline(limits, !both_ways);
        let high = self.high.stream.deadline(limits, !both_ways);
        let stalls = |half: &Half| {
            let again = &half.resent;
            let waits = again.times >= STALLED_TIMES && !again.told;
            waits.then(|| again.since.after(STALLED_FOR))
        };
        let (low_stalls, high_stalls) = (stalls(&self.low), stalls(&self.high));
        let all = [reset, low, high, low_stalls, high_stalls];
        all.into_iter().flatten().min()
    }

    /// The next sequence number and the last acknowledgment of both sides, where nothing is missing, waits or ends, so that
    /// what is usual may go the short way.
    pub(super) fn ways(&self) -> Option<[(u32, u32); 2]> {
        let is_quiet = self.opened && !self.roles_open && self.reset.is_none();
        if !is_quiet || !self.low.is_quiet() || !self.high.is_quiet() {
            return None;
        }
        let (low, high) = (self.low.start?, self.high.start?);
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
        let number = |start: u32, offset: u64| start.wrapping_add(offset as u32);
        Some([
            (number(low, self.low.sent), number(high, self.high.acked)),
            (number(high, self.high.sent), number(low, self.low.acked)),
        ])
    }

    /// Takes in what passed by on one side: its next sequence number and its last acknowledgment. How many bytes did.
    pub(super) fn land(&mut self, side: Side, next: u32, acked: u32) -> u64 {
        let (me, peer) = self.halves_mut(side);
        let (Some(start), Some(peer_start)) = (me.start, peer.start) else {
            return 0;
        };
        let to = seq::offset(next, start, me.sent).max(0).cast_unsigned();
        let acked = seq::offset(acked, peer_start, peer.acked)
            .max(0)
            .cast_unsigned();
        peer.acked = peer.acked.max(acked);
        peer.stream.pass_acknowledged(acked);
        let passed = to.saturating_sub(me.sent);
        if passed > 0 {
            me.sent = to;
            me.stream.pass(to);
        }
        passed
    }

    /// Takes in bytes that are the next ones and are told, as [`Connection::land`] does. The offset of the first.
    pub(super) fn tell(&mut self, side: Side, next: u32, acked: u32) -> u64 {
        self.told = true;
        let from = self.halves(side).0.sent;
        self.land(side, next, acked);
        from
    }

    /// Whether bytes wait behind a hole.
    pub(super) fn is_waiting(&self) -> bool {
        self.low.stream.is_waiting() || self.high.stream.is_waiting()
    }

    /// No more than a SYN was seen.
    pub(super) const fn is_half_open(&self) -> bool {
        !self.opened
    }

    /// Sequence numbers of both sides' first bytes.
    pub(super) const fn starts(&self) -> [Option<u32>; 2] {
        [self.low.start, self.high.start]
    }

    const fn halves(&self, side: Side) -> (&Half, &Half) {
        match side {
            Side::Low => (&self.low, &self.high),
            Side::High => (&self.high, &self.low),
        }
    }

    const fn halves_mut(&mut self, side: Side) -> (&mut Half, &mut Half) {
        match side {
            Side::Low => (&mut self.low, &mut self.high),
            Side::High => (&mut self.high, &mut self.low),
        }
    }

    /// A SYN, or the answer to one; false where it answers another.
    fn syn<S, F>(&mut self, side: Side, segment: &Segment<'_>, scene: &mut Scene<'_, S, F>) -> bool
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let (_, peer) = self.halves(side);
        let behind = segment.seq.wrapping_add(1);
        if !segment.flags.has(Flags::ACK) {
            let Some(first) = scene.conn.syn else {
                scene.conn.comes_to(side, behind);
                scene.conn.syn = Some(segment.at);
                if !self.told {
                    (scene.conn.client, scene.conn.server) = (segment.src, segment.dst);
                    self.roles_open = false;
                }
                return true;
            };
            let again = segment.src == scene.conn.client && scene.now.since(first.ts) >= SYN_AGAIN;
            if again && self.is_half_open() {
                (scene.sink)(scene.conn, segment.at, StreamItem::SynWaits, scene.budget);
            }
            return true;
        }
        if peer
            .start
            .is_some_and(|start| segment.ack.wrapping_sub(start) > SYN_DATA)
        {
            return false;
        }
        self.opened = true;
        if scene.conn.syn_ack.is_none() {
            scene.conn.comes_to(side, behind);
            scene.conn.syn_ack = Some(segment.at);
            self.told = true;
            (scene.sink)(scene.conn, segment.at, StreamItem::SynAck, scene.budget);
        }
        true
    }

    fn ack<S, F>(&mut self, side: Side, ack: u32, scene: &Scene<'_, S, F>) {
        let (me, peer) = self.halves_mut(side);
        let Some(start) = peer.start else { return };
        let sent = peer.sent.max(peer.stream.next());
        let to = seq::offset(ack, start, sent);
        // Instead of a SYN-ACK there may come an acknowledgment of an earlier connection (RFC 9293 §3.5.1).
        let is_answer = me.syn || !peer.syn;
        let ahead = if is_answer { ACK_AHEAD } else { 0 };
        if to > peer.acked.cast_signed() && to.saturating_sub(sent.cast_signed()) <= ahead {
            peer.acked = to.cast_unsigned();
            // Of a side that the capture does not show at all, every byte is missing, and none is worth a word.
            // And where a keep-alive probe came first, its byte was sent long before.
            let is_probed = to == 1 && !peer.syn && peer.stream.is_untouched();
            if peer.seen && !is_probed {
                peer.stream.acknowledge(peer.acked, scene.now);
            }
        }
    }

    fn data<S, F>(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        offset: i64,
        scene: &mut Scene<'_, S, F>,
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        // What comes before the stream is a keep-alive probe, or was sent before the capture began.
        let before = usize::try_from(offset.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let arrival = Arrival {
            start: offset.max(0).cast_unsigned(),
            bytes: segment.payload.get(before..).unwrap_or_default(),
            missing: u64::from(segment.missing)
                .saturating_sub(before.saturating_sub(segment.payload.len()) as u64),
            starts: before == 0,
        };
        let end = offset
            .saturating_add_unsigned(segment.payload.len() as u64)
            .saturating_add(i64::from(segment.missing));
        let fin = segment.flags.has(Flags::FIN);
        let (me, _) = self.halves_mut(side);
        me.sent = me
            .sent
            .max(end.saturating_add(i64::from(fin)).max(0).cast_unsigned());
        self.stream(side, scene, |stream, out| {
            stream.push(arrival, out);
            if fin && let Ok(end) = u64::try_from(end) {
                stream.finish_at(end, out);
            }
        });
    }

    /// Bytes that were seen before came again, and were no copy.
    fn resent<S, F>(&mut self, side: Side, end: i64, scene: &mut Scene<'_, S, F>)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let (me, _) = self.halves_mut(side);
        if end <= me.acked.cast_signed() || !scene.conn.both_ways {
            return;
        }
        me.resent.again(scene.now);
        self.stalls(side, STALLED_FOR, scene);
    }

    /// A side asks whether the other is still there: the last byte once more, or none (RFC 9293 §3.8.4).
    fn probed<S, F>(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        end: i64,
        scene: &Scene<'_, S, F>,
    ) {
        let (me, peer) = self.halves_mut(side);
        let behind = me.sent.cast_signed();
        let is_probe = match segment.payload.len() {
            0 => end == behind.saturating_sub(1) && end >= 0,
            1 => end == behind && end <= me.acked.cast_signed(),
            _ => false,
        };
        if is_probe && segment.missing == 0 && peer.seen {
            me.resent.again(scene.now);
        }
    }

    /// Tells of bytes that nobody acknowledges, once they have been sent again and again for so long.
    fn stalls<S, F>(&mut self, side: Side, for_so_long: Duration, scene: &mut Scene<'_, S, F>)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let (me, _) = self.halves_mut(side);
        let resent = &mut me.resent;
        let is_stalled = resent.times >= STALLED_TIMES
            // As the deadline has it: where time ends, no span is left to be waited for.
            && resent.since.after(for_so_long) <= scene.now
            && !resent.told;
        if is_stalled {
            resent.told = true;
            self.told = true;
            let dir = scene.conn.dir(side);
            // Time may have told it, and not the last packet.
            let at = Stamp {
                ts: scene.now,
                ..scene.at
            };
            let item = StreamItem::Retransmitting { dir };
            (scene.sink)(scene.conn, at, item, scene.budget);
        }
    }

    /// RFC 9293 §3.10.7: a RST counts if it answers the SYN, or lies in the window; here, near it.
    fn rst<S, F>(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        scene: &mut Scene<'_, S, F>,
    ) -> Option<End>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let is_half_open = self.is_half_open();
        let (me, peer) = self.halves_mut(side);
        let answers = peer.start.is_none_or(|start| {
            !segment.flags.has(Flags::ACK) || segment.ack.wrapping_sub(start) <= SYN_DATA
        });
        let offset = match me.start {
            Some(start) => seq::offset(segment.seq, start, me.stream.next()),
            None => 0,
        };
        let expected = me.sent.max(me.stream.next());
        let is_near = me.start.is_none() || expected.cast_signed().abs_diff(offset) <= RST_NEAR;
        let is_from_client = me.syn;
        if is_half_open {
            return match (is_from_client, answers) {
                (true, _) => is_near.then_some(End::Unanswered),
                (false, true) => {
                    // The answer counts as having been seen.
                    scene.conn.both_ways = true;
                    Some(End::Refused)
                }
                (false, false) => None,
            };
        }
        if !is_near {
            return None;
        }
        me.seen = true;
        peer.resent = Resent::default();
        if peer.seen {
            scene.conn.both_ways = true;
            // Who gives up after some tries without an answer does not wait for long.
            self.stalls(side, Duration::ZERO, scene);
        }
        let (me, _) = self.halves_mut(side);
        // Captures bring segments out of order: those before the RST are given a moment. What does not come then, of the
        // bytes before it or of those that it acknowledges, is lost.
        let offset = u64::try_from(offset).unwrap_or(0);
        me.stream.acknowledge(offset, scene.now);
        if segment.flags.has(Flags::ACK) {
            self.ack(side, segment.ack, scene);
        }
        self.reset = self.reset.or(Some((side, offset, scene.now)));
        self.end_of(scene)
    }

    fn end_of<S, F>(&self, scene: &Scene<'_, S, F>) -> Option<End> {
        if let Some((side, offset, _)) = self.reset {
            let (me, _) = self.halves(side);
            let reached = me
                .stream
                .next()
                .saturating_add(u64::from(me.stream.is_finished()));
            if reached >= offset && !self.is_waiting() {
                return Some(End::Rst(scene.conn.dir(side)));
            }
        }
        (self.low.stream.is_finished() && self.high.stream.is_finished()).then_some(End::Fin)
    }
}
