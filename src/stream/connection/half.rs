//! One side of a connection: where its stream begins, and which sequence numbers belong to it (RFC 9293 §3.4).

use super::Connection;
use crate::packet::{Flags, Segment};
use crate::stream::conn::Side;
use crate::stream::reassembler::Reassembler;
use crate::stream::seq;
use crate::time::Timestamp;

/// The largest window that TCP can have (RFC 7323 §2.3): nothing real is further ahead.
const LARGEST_WINDOW: i64 = 1 << 30;
/// An answer to a SYN acknowledges it, and at most so many bytes that came with it (TFO).
pub(super) const SYN_DATA: u32 = 0xffff;

/// One side, and the bytes that it sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Half {
    /// Sequence number of offset 0.
    pub(super) start: Option<u32>,
    /// Its SYN was seen, so that offset 0 is indeed the first byte.
    pub(super) syn: bool,
    /// Any segment of it was seen.
    pub(super) seen: bool,
    /// Behind the last byte or FIN that was seen, in order or not.
    pub(super) sent: u64,
    pub(super) acked: u64,
    pub(super) stream: Reassembler,
    pub(super) resent: Resent,
}

/// Bytes sent again since the peer was heard last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resent {
    pub(super) since: Timestamp,
    pub(super) times: u8,
    pub(super) told: bool,
}

impl Resent {
    /// Once more.
    pub(super) fn again(&mut self, now: Timestamp) {
        if self.times == 0 {
            self.since = now;
        }
        self.times = self.times.saturating_add(1);
    }
}

impl Half {
    /// A side that was seen, on which nothing is missing, waits or ends.
    pub(super) fn quietly([start, sent, acked]: [u32; 3], syn: bool) -> Self {
        let (sent, acked) = (u64::from(sent), u64::from(acked));
        Self {
            start: Some(start),
            syn,
            seen: true,
            sent,
            acked,
            stream: Reassembler::quietly(sent, acked),
            resent: Resent::default(),
        }
    }

    /// The numbers of such a side, if they are no larger than usual.
    pub(super) fn quiet(&self) -> Option<[u32; 3]> {
        Some([
            self.start?,
            u32::try_from(self.sent).ok()?,
            u32::try_from(self.acked).ok()?,
        ])
    }

    /// Nothing is missing, waits or ends.
    pub(super) fn is_quiet(&self) -> bool {
        self.seen
            && self.resent.times == 0
            && self.sent == self.stream.next()
            && self.stream.is_quiet()
    }

    /// The stream begins at this sequence number.
    fn restart(&mut self, start: u32) {
        self.start = Some(start);
        self.sent = 0;
        self.acked = 0;
        self.stream = Reassembler::default();
    }
}

impl Connection {
    /// Whether a segment is of this connection, that has another pair of addresses: it answers the side that alone was
    /// seen, or is answered by it. `seen` is that side, going by the endpoint that both pairs have.
    ///
    /// In the handshake that the SYN is acknowledged says it. Later the sequence number is to be the one that was
    /// acknowledged last, and the acknowledgment the next number of the other side, both to the byte: 64 bits and an
    /// endpoint do not agree by chance, while three agreements within a window, which is a part in thousands of the
    /// circle, would say less. Whoever could forge the one could forge the three. And it is known with the first
    /// segment, so that nothing need be told of a connection that is none.
    pub(in crate::stream) fn is_other_half(&self, seen: Side, segment: &Segment<'_>) -> bool {
        let (me, peer) = self.halves(seen);
        if !me.seen || peer.seen {
            return false;
        }
        let flags = segment.flags;
        let acknowledges_syn = me.syn && me.start == Some(segment.ack);
        match (flags.has(Flags::SYN), flags.has(Flags::ACK)) {
            (true, true) => acknowledges_syn,
            (true, false) => me.syn && peer.start == Some(segment.seq.wrapping_add(1)),
            (false, true) if flags.has(Flags::RST) && self.is_half_open() => acknowledges_syn,
            (false, true) => {
                #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
                let next = me.start.map(|start| start.wrapping_add(me.sent as u32));
                self.last_ack == Some(segment.seq) && next == Some(segment.ack)
            }
            (false, false) => false,
        }
    }

    /// The other pair of addresses has its ends in the other order.
    pub(in crate::stream) const fn exchange_sides(&mut self) {
        std::mem::swap(&mut self.low, &mut self.high);
        if let Some((side, ..)) = &mut self.reset {
            *side = side.other();
        }
    }

    /// A side begins with a SYN, behind which its first byte has this number.
    pub(in crate::stream) const fn begin(&mut self, side: Side, start: u32) {
        let (me, _) = self.halves_mut(side);
        me.start = Some(start);
        me.syn = true;
        me.seen = true;
    }

    /// Whether a segment with these addresses belongs to another connection than this one.
    pub(in crate::stream) fn begins_another(&self, side: Side, segment: &Segment<'_>) -> bool {
        if !segment.flags.has(Flags::SYN) {
            return false;
        }
        let (me, peer) = self.halves(side);
        let start = segment.seq.wrapping_add(1);
        if segment.flags.has(Flags::ACK) {
            // The SYN of the new one was not captured: neither number fits the old one.
            let other_start = me.syn && me.start != Some(start);
            let other_peer = peer
                .start
                .is_some_and(|peer| segment.ack.wrapping_sub(peer) > SYN_DATA);
            return other_start && other_peer;
        }
        match me.start {
            // The same number again is a retransmission.
            Some(known) => known != start,
            // Both sides may send a SYN at once (RFC 9293 §3.5, simultaneous open).
            None => !peer.syn,
        }
    }

    /// Where offset 0 is, and from that the offset of this segment's first byte. `None` where it cannot belong here.
    pub(super) fn learn(&mut self, side: Side, segment: &Segment<'_>, len: u64) -> Option<i64> {
        let syn = segment.flags.has(Flags::SYN);
        let ack = segment.flags.has(Flags::ACK);
        let begin = segment.seq.wrapping_add(u32::from(syn));
        let (me, peer) = self.halves_mut(side);
        if syn && !me.syn && me.start != Some(begin) {
            if !me.stream.is_untouched() {
                return None;
            }
            me.restart(begin);
        }
        me.syn |= syn;
        let start = *me.start.get_or_insert(begin);
        let mut offset = seq::offset(begin, start, me.stream.next());
        // A keep-alive probe came first, or a segment that overtook this one: the stream begins here.
        if !me.syn && len > 0 && me.stream.is_untouched() && (offset < 0 || offset == 1) {
            me.restart(begin);
            offset = 0;
        }
        // The other SYN was not captured, but what it began with is acknowledged here.
        if ack && (syn || me.syn) && peer.start.is_none() {
            peer.start = Some(segment.ack);
        }
        let ahead = offset.saturating_sub(me.stream.next().cast_signed());
        (ahead.saturating_abs() <= LARGEST_WINDOW).then_some(offset)
    }
}
