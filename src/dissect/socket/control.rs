//! Control frames of an open WebSocket: what a Close says, and which pings wait for their pong.

use super::{MOST_TOLD, Place, Socket, Sync};
use crate::dissect::link::Link;
use crate::event::{Fact, GapOver, ViolationKind};
use crate::flow::Direction;
use crate::time::Timestamp;
use crate::websocket::{Close, Opcode, Whole};

impl Socket {
    /// Counts, checks and tells a control frame that came as a whole.
    pub(super) fn control(&mut self, link: &mut Link<'_>, dir: Direction, frame: &Whole<'_>) {
        let &Whole { header, offset, .. } = frame;
        let is_close = header.opcode == Opcode::CLOSE;
        self.name(link, dir, &header);
        self.check(link, (dir, offset), &header, false);
        let alone = u8::try_from(header.payload_len)
            .ok()
            .filter(|_| is_close && self.has_told_all(dir));
        if alone.is_none() {
            self.count(dir, &header);
        }
        if !is_close {
            self.heard(link.at.ts, dir);
        }
        if self.uses(dir, is_close) {
            self.take_up(link, dir);
        }
        if is_close {
            self.close(link, (dir, offset), (frame.close(), false), alone);
        } else if matches!(header.opcode, Opcode::PING | Opcode::PONG) {
            self.ping((dir, link.at.ts), header.opcode, frame.hash(), false);
        }
    }

    /// Whether a Close of that side is all that is new. What is lost changes more than it shows.
    fn has_told_all(&self, dir: Direction) -> bool {
        let sides = [&self.sides.to_server, &self.sides.to_client];
        self.since.is_none()
            && self.sides.get(dir).closes_told < MOST_TOLD
            && sides.iter().all(|side| matches!(side.sync, Sync::Known))
    }

    /// A frame of a side began; whether it is the first other than Close.
    pub(super) fn uses(&mut self, dir: Direction, is_close: bool) -> bool {
        !is_close && !std::mem::replace(&mut self.sides.get_mut(dir).used, true)
    }

    /// A side takes the WebSocket up. Once it has begun a message, the other settles nothing more.
    pub(super) fn take_up(&self, link: &mut Link<'_>, dir: Direction) {
        if !self.sides.get(dir.flip()).began {
            link.tell(Fact::Used);
        }
    }

    /// A ping or pong. Which of them wait is told with the frames, be it that none began since the last time.
    pub(super) fn ping(
        &mut self,
        (dir, at): (Direction, Timestamp),
        opcode: Opcode,
        hash: u64,
        past: bool,
    ) {
        match opcode {
            Opcode::PING => {
                self.since.get_or_insert_default();
                self.pings.get_or_insert_default().ping(dir, hash, at);
            }
            Opcode::PONG => {
                self.since.get_or_insert_default();
                if let Some(pings) = &mut self.pings {
                    if past {
                        pings.answer(dir, hash, at);
                    } else {
                        pings.pong(dir, hash, at);
                    }
                }
            }
            _ => {}
        }
    }

    /// A Close ended; what it says may be cut, and it may be `alone`, so that it was not counted.
    pub(super) fn close(
        &mut self,
        link: &mut Link<'_>,
        (dir, offset): Place,
        (close, is_cut): (Close, bool),
        alone: Option<u8>,
    ) {
        if close.malformed || close.reason_invalid {
            self.violation(link, (dir, offset), ViolationKind::CloseBody);
        }
        let told = &mut self.sides.get_mut(dir).closes_told;
        if *told >= MOST_TOLD {
            return;
        }
        *told += 1;
        self.flush(link);
        // A code that was lost is not the same as none.
        if close.code.is_some() || !is_cut {
            link.tell(Fact::Close { dir, close, alone });
        } else {
            // It is not told, so that the answer to it would be taken for the first.
            link.tell(Fact::Gap {
                dir,
                len: 0,
                over: GapOver::FrameHeader,
            });
        }
    }
}
