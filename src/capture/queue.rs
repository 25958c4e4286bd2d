//! Packets of one live interface that wait until those of the others, which may be older, have come.

use std::collections::VecDeque;

use crate::record::{LinkType, Record};
use crate::time::{Stamp, Timestamp};

/// More than this is not held back, whatever the order.
const MOST: usize = 4 * 1024 * 1024;

/// Packets in their order, their bytes in one piece.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    packets: VecDeque<Held>,
    bytes: Vec<u8>,
    /// Bytes before this belong to packets that are gone.
    gone: usize,
}

#[derive(Debug)]
struct Held {
    at: Stamp,
    link: LinkType,
    wire_len: u32,
    start: usize,
    len: usize,
}

impl Queue {
    /// Keeps a copy.
    pub(crate) fn push(&mut self, record: &Record<'_>) {
        // What is gone is cut off once it is the larger part, so that each byte is moved about once.
        if self.gone > self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            for held in &mut self.packets {
                held.start -= self.gone;
            }
            self.gone = 0;
        }
        self.packets.push_back(Held {
            at: record.at,
            link: record.link,
            wire_len: record.wire_len,
            start: self.bytes.len(),
            len: record.data.len(),
        });
        self.bytes.extend_from_slice(record.data);
    }

    /// When the next packet may go: now where too much is held.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let first = self.packets.front()?;
        Some(if self.bytes.len() - self.gone > MOST {
            Timestamp::MIN
        } else {
            first.at.ts
        })
    }

    /// Takes the next packet out.
    pub(crate) fn pop(&mut self) -> Option<Record<'_>> {
        let held = self.packets.pop_front()?;
        let end = held.start + held.len;
        self.gone = end;
        Some(Record {
            at: held.at,
            link: held.link,
            wire_len: held.wire_len,
            data: self.bytes.get(held.start..end).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Queue, nanos: i64, data: &[u8]) {
        queue.push(&Record {
            at: Stamp {
                ts: Timestamp::from_nanos(nanos),
                ..Stamp::default()
            },
            link: LinkType::ETHERNET,
            wire_len: 9,
            data,
        });
    }

    #[test]
    fn what_goes_in_comes_out_and_the_buffer_does_not_grow() {
        let mut queue = Queue::default();
        for n in 0..10_000_i64 {
            push(&mut queue, n, &n.to_le_bytes());
            if n >= 3 {
                assert_eq!(queue.due(), Some(Timestamp::from_nanos(n - 3)));
                assert_eq!(queue.pop().unwrap().data, (n - 3).to_le_bytes());
            }
        }
        assert!(queue.bytes.len() < 100);
        assert_eq!(std::iter::from_fn(|| queue.pop().map(|_| ())).count(), 3);
        assert_eq!(queue.due(), None);
    }

    #[test]
    fn too_much_is_not_held() {
        let mut queue = Queue::default();
        let large = vec![0; 1024 * 1024];
        for n in 0..5 {
            push(&mut queue, 7 + n, &large);
        }
        assert_eq!(queue.due(), Some(Timestamp::MIN));
        queue.pop().unwrap();
        assert_eq!(queue.due(), Some(Timestamp::from_nanos(8)));
    }
}
