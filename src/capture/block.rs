//! Packets of a live capture that are handed on together: with many connections open, what is found by one packet is waited
//! for together with what is found by the next.
//!
//! The kernel's buffer is lent for one packet at a time, so these are copied. Large ones are not: that would cost more.

use super::Item;
use crate::record::Record;

/// Packets in a block.
const MOST: usize = 32;
/// What is larger goes as it is.
const SMALL: usize = 512;

/// Copies of packets, in their order.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Without their bytes, and how many these are.
    packets: Vec<(Record<'static>, usize)>,
    bytes: Vec<u8>,
}

impl Block {
    /// Takes the next packet, and hands on what is enough.
    pub(crate) fn push(&mut self, record: &Record<'_>, each: &mut impl FnMut(Item<'_>)) {
        if record.data.len() > SMALL {
            self.hand_on(each);
            each(Item::Records(&[*record]));
            return;
        }
        let without = Record {
            at: record.at,
            link: record.link,
            wire_len: record.wire_len,
            data: &[],
        };
        self.packets.push((without, record.data.len()));
        self.bytes.extend_from_slice(record.data);
        if self.packets.len() == MOST {
            self.hand_on(each);
        }
    }

    /// Hands on what there is.
    pub(crate) fn hand_on(&mut self, each: &mut impl FnMut(Item<'_>)) {
        if self.packets.is_empty() {
            return;
        }
        let mut records = [Record::default(); MOST];
        let mut rest = &*self.bytes;
        for (record, (packet, len)) in records.iter_mut().zip(&self.packets) {
            let (data, behind) = rest.split_at_checked(*len).unwrap_or_default();
            *record = Record { data, ..*packet };
            rest = behind;
        }
        each(Item::Records(
            records.get(..self.packets.len()).unwrap_or_default(),
        ));
        self.packets.clear();
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stamp;

    /// Packets of these lengths, as they are handed on: the lengths of each block.
    fn blocks(lens: &[usize]) -> Vec<Vec<usize>> {
        let all: Vec<u8> = (0..=u8::MAX).cycle().take(70_000).collect();
        let mut block = Block::default();
        let (mut blocks, mut frame) = (Vec::new(), 0);
        let mut take = |item: Item<'_>| {
            let Item::Records(records) = item else {
                panic!("packets and nothing else: {item:?}");
            };
            for record in records {
                frame += 1;
                assert_eq!(record.at.frame, frame, "in their order");
                assert_eq!(record.wire_len, 70_000);
                let start = usize::try_from(frame).unwrap();
                assert_eq!(record.data, &all[start..start + record.data.len()]);
            }
            blocks.push(records.iter().map(|record| record.data.len()).collect());
        };
        for (len, frame) in lens.iter().zip(1..) {
            let start = usize::try_from(frame).unwrap();
            let record = Record {
                at: Stamp {
                    frame,
                    ..Stamp::default()
                },
                wire_len: 70_000,
                data: &all[start..start + len],
                ..Record::default()
            };
            block.push(&record, &mut take);
        }
        block.hand_on(&mut take);
        block.hand_on(&mut take);
        blocks
    }

    #[test]
    fn all_go_on_in_their_order_and_large_ones_alone() {
        assert_eq!(blocks(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(blocks(&[60, 0, 61]), [vec![60, 0, 61]]);
        assert_eq!(
            blocks(&[SMALL, SMALL + 1, 65_000, 60]),
            [vec![SMALL], vec![SMALL + 1], vec![65_000], vec![60]]
        );
        let many = blocks(&[60; 2 * MOST + 1]);
        assert_eq!(
            many.iter().map(Vec::len).collect::<Vec<_>>(),
            [MOST, MOST, 1]
        );
    }
}
