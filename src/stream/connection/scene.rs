//! What a step on a connection works with, and how what it brings to light is told.

use super::Connection;
use crate::flow::Direction;
use crate::limits::{Budget, Limits};
use crate::stream::StreamItem;
use crate::stream::conn::{Conn, Counters, Side};
use crate::stream::reassembler::{Out, Piece, Reassembler};
use crate::time::{Stamp, Timestamp};

/// What a step on a connection works with.
pub(in crate::stream) struct Scene<'s, S, F> {
    pub(in crate::stream) now: Timestamp,
    pub(in crate::stream) at: Stamp,
    pub(in crate::stream) conn: &'s mut Conn<S>,
    pub(in crate::stream) limits: &'s Limits,
    pub(in crate::stream) counters: &'s mut Counters,
    pub(in crate::stream) budget: &'s mut Budget,
    pub(in crate::stream) sink: &'s mut F,
}

impl Connection {
    /// A step on the bytes of one side, with what comes out told as items.
    pub(super) fn stream<S, F>(
        &mut self,
        side: Side,
        scene: &mut Scene<'_, S, F>,
        step: impl FnOnce(&mut Reassembler, &mut Out<'_>),
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let half = match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        let start = half.start.unwrap_or_default();
        let Scene {
            conn,
            counters,
            sink,
            ..
        } = scene;
        let Counters {
            gaps,
            gap_bytes,
            overlaps,
            reached,
            ..
        } = &mut **counters;
        let mut tell = |at, piece: Piece<'_>, budget: &mut Budget| {
            self.told = true;
            // Who speaks first asks; a FIN says nothing of that.
            if std::mem::take(&mut self.roles_open)
                && piece != Piece::Fin
                && conn.dir(side) == Direction::ToClient
            {
                conn.flip();
            }
            let dir = conn.dir(side);
            // Sequence numbers wrap; an offset modulo 2^32 is what they count.
            #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
            let number = |offset: u64| start.wrapping_add(offset as u32);
            let item = match piece {
                Piece::Data {
                    offset,
                    bytes,
                    at_segment_start,
                } => {
                    conn.comes_to(side, number(offset.wrapping_add(bytes.len() as u64)));
                    StreamItem::Data {
                        dir,
                        offset,
                        bytes,
                        at_segment_start,
                    }
                }
                Piece::Gap { offset, len } => {
                    conn.comes_to(side, number(offset.wrapping_add(len)));
                    *gaps = gaps.saturating_add(1);
                    *gap_bytes = gap_bytes.saturating_add(len);
                    StreamItem::Gap { dir, offset, len }
                }
                Piece::Fin => StreamItem::Fin { dir },
                Piece::Differs => {
                    *overlaps = overlaps.saturating_add(1);
                    StreamItem::OverlapDiffers { dir }
                }
            };
            sink(conn, at, item, budget);
        };
        let mut out = Out {
            now: scene.now,
            at: scene.at,
            limits: scene.limits,
            budget: scene.budget,
            reached,
            tell: &mut tell,
        };
        step(&mut half.stream, &mut out);
    }

    /// Whether a FIN there ends a side of which everything was told.
    pub(super) fn ends_now(&self, side: Side, offset: i64) -> bool {
        let half = match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        };
        let next = half.stream.next();
        half.stream.is_quiet() && offset == next.cast_signed() && next >= half.sent
    }

    /// The FIN of such a side.
    pub(super) fn fin<S, F>(&mut self, side: Side, scene: &mut Scene<'_, S, F>)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let half = match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        half.stream.finish();
        half.sent = half.stream.next().saturating_add(1);
        self.told = true;
        self.roles_open = false;
        let item = StreamItem::Fin {
            dir: scene.conn.dir(side),
        };
        (scene.sink)(scene.conn, scene.at, item, scene.budget);
    }

    /// Remembers the interface; tells it once, if it shows a copy and is not the first.
    pub(super) fn seen_on<S, F>(&mut self, iface: u16, is_copy: bool, scene: &mut Scene<'_, S, F>)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(place) = scene.conn.seen_on.place(iface) else {
            return;
        };
        let bit = 1_u8 << (place % 8);
        if is_copy && place > 0 && self.copied & bit == 0 {
            self.copied |= bit;
            self.told = true;
            (scene.sink)(
                scene.conn,
                scene.at,
                StreamItem::SeenOn { iface },
                scene.budget,
            );
        }
    }
}
