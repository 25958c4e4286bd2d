//! What the kernel dropped: 32-bit counters that wrap, widened so that the totals never do.

/// Totals of one capture handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drops {
    kernel: Wide,
    iface: Wide,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wide {
    total: u64,
    last: u32,
}

impl Wide {
    fn update(&mut self, now: u32) {
        self.total += u64::from(now.wrapping_sub(self.last));
        self.last = now;
    }
}

impl Drops {
    /// Takes in what libpcap reports now; must be called more often than the counters wrap.
    pub(crate) fn update(&mut self, stat: pcap::Stat) {
        self.kernel.update(stat.dropped);
        self.iface.update(stat.if_dropped);
    }

    /// By the kernel because its buffer was full, and by the interface.
    pub(crate) const fn totals(&self) -> (u64, u64) {
        (self.kernel.total, self.iface.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_past_32_bits() {
        let mut drops = Drops::default();
        for dropped in [u32::MAX - 1, 3, 3, 10] {
            drops.update(pcap::Stat {
                received: 0,
                dropped,
                if_dropped: 7,
            });
        }
        assert_eq!(drops.totals(), (u64::from(u32::MAX) + 11, 7));
    }
}
