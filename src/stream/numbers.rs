//! `tcp.stream` as Wireshark counts it: in each file from 0, in the order of the first packet of each connection.

use std::collections::BTreeMap;

/// The next number of each source.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<u16, u32>);

/// The numbers of one connection: usually it is seen in one source only.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    last: Option<(u16, u32)>,
    /// Of other sources, where the same connection is in several.
    others: Box<[(u16, u32)]>,
}

impl Counters {
    fn next(&mut self, source: u16) -> u32 {
        let next = self.0.entry(source).or_default();
        let number = *next;
        *next = next.saturating_add(1);
        number
    }
}

impl Numbers {
    /// A number in one source.
    pub(super) fn only(source: u16, number: u32) -> Self {
        Self {
            last: Some((source, number)),
            others: Box::default(),
        }
    }

    /// The number in this source; the next free one at the first packet there.
    #[inline]
    pub(super) fn of(&mut self, source: u16, counters: &mut Counters) -> u32 {
        match self.last {
            Some((last, number)) if last == source => number,
            _ => self.elsewhere(source, counters),
        }
    }

    /// The same, in another source than that of the last packet.
    #[inline(never)]
    fn elsewhere(&mut self, source: u16, counters: &mut Counters) -> u32 {
        let known = self.others.iter().find(|(other, _)| *other == source);
        let number = match known {
            Some(&(_, number)) => number,
            None => counters.next(source),
        };
        if let Some(last) = self.last.replace((source, number)) {
            let mut others = std::mem::take(&mut self.others).into_vec();
            others.retain(|&(other, _)| other != source);
            others.push(last);
            self.others = others.into_boxed_slice();
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_one_number_in_each_source() {
        let mut counters = Counters::default();
        let (mut a, mut b) = (Numbers::default(), Numbers::default());
        assert_eq!(a.of(0, &mut counters), 0);
        assert_eq!(b.of(0, &mut counters), 1);
        assert_eq!(b.of(1, &mut counters), 0);
        assert_eq!(a.of(1, &mut counters), 1);
        for _ in 0..2 {
            assert_eq!(a.of(0, &mut counters), 0);
            assert_eq!(a.of(1, &mut counters), 1);
            assert_eq!(b.of(0, &mut counters), 1);
        }
    }
}
