//! Where the parts of a capture file are, as far as they can be told: what is made to lie, to swap places and to grow has
//! to be found first. Unlike the readers under test it gives up on nothing and checks nothing.

use std::ops::Range;

/// A number in the file that says how long something is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) at: usize,
    /// Bytes: 1, 2 or 4.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

/// One packet with what stands around it.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Its header, or its whole block.
    pub(super) whole: Range<usize>,
    pub(super) data: Range<usize>,
    /// Where its time stands: eight bytes.
    pub(super) time: usize,
    pub(super) tcp: Option<Tcp>,
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub(super) struct Tcp {
    pub(super) ip: usize,
    pub(super) header: usize,
    pub(super) payload: Range<usize>,
    /// Both addresses and both ports, as they stand.
    pub(super) way: Vec<u8>,
    /// The same from the other side.
    pub(super) back: Vec<u8>,
}

/// A file, taken apart.
#[derive(Debug, Default)]
pub(super) struct Anatomy {
    pub(super) big_endian: bool,
    pub(super) is_pcapng: bool,
    pub(super) packets: Vec<Packet>,
    pub(super) lengths: Vec<Length>,
}

impl Anatomy {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut anatomy = Self::default();
        match bytes.get(..4) {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => {
                anatomy.is_pcapng = true;
                anatomy.big_endian = bytes.get(8) == Some(&0x1a);
                anatomy.pcapng(bytes);
            }
            Some([0xa1, 0xb2, ..]) => {
                anatomy.big_endian = true;
                anatomy.classic(bytes);
            }
            Some([0xd4 | 0x4d, 0xc3 | 0x3c, ..]) => anatomy.classic(bytes),
            _ => {}
        }
        anatomy
    }

    fn classic(&mut self, bytes: &[u8]) {
        let link = self.word(bytes, 20).unwrap_or_default();
        let mut at = 24;
        while let Some(len) = self.word(bytes, at + 8) {
            let data = at + 16..(at + 16).saturating_add(len as usize);
            if data.end > bytes.len() {
                break;
            }
            self.length(at + 8, 4, self.big_endian);
            self.length(at + 12, 4, self.big_endian);
            let whole = at..data.end;
            at = data.end;
            let time = whole.start;
            self.packet(bytes, (whole, data), time, link);
        }
    }

    fn pcapng(&mut self, bytes: &[u8]) {
        let mut links = Vec::new();
        let mut at = 0;
        while let (Some(kind), Some(len)) = (self.word(bytes, at), self.word(bytes, at + 4)) {
            let end = at.saturating_add(len as usize);
            if len < 12 || end > bytes.len() {
                break;
            }
            self.length(at + 4, 4, self.big_endian);
            self.length(end - 4, 4, self.big_endian);
            match kind {
                1 => {
                    links.push(self.half(bytes, at + 8).unwrap_or_default());
                    // The length of its first option.
                    self.length((at + 18).min(end - 2), 2, self.big_endian);
                }
                6 if len >= 32 => {
                    let iface = self.word(bytes, at + 8).unwrap_or_default() as usize;
                    let link = links.get(iface).copied().unwrap_or_default();
                    let kept = self.word(bytes, at + 20).unwrap_or_default() as usize;
                    let data = at + 28..(at + 28).saturating_add(kept).min(end - 4);
                    self.length(at + 20, 4, self.big_endian);
                    self.length(at + 24, 4, self.big_endian);
                    self.packet(bytes, (at..end, data), at + 12, link.into());
                }
                _ => {}
            }
            at = end;
        }
    }

    fn packet(
        &mut self,
        bytes: &[u8],
        (whole, data): (Range<usize>, Range<usize>),
        time: usize,
        link: u32,
    ) {
        let tcp = self.tcp(&bytes[..data.end], data.start, link);
        self.packets.push(Packet {
            whole,
            data,
            time,
            tcp,
        });
    }

    /// The segment that a packet holds, where no more than an Ethernet or a cooked header stands before IP.
    fn tcp(&mut self, bytes: &[u8], start: usize, link: u32) -> Option<Tcp> {
        let ip = start
            + match link {
                1 => 14,
                0 | 108 => 4,
                113 => 16,
                276 => 20,
                12 | 101 | 228 | 229 => 0,
                _ => return None,
            };
        let first = *bytes.get(ip)?;
        let (header, places, protocol) = match first >> 4 {
            4 => {
                self.length(ip, 1, true);
                self.length(ip + 2, 2, true);
                self.length(ip + 6, 2, true);
                let header = ip + usize::from(first & 15) * 4;
                (header, ip + 12..ip + 20, *bytes.get(ip + 9)?)
            }
            6 => {
                self.length(ip + 4, 2, true);
                (ip + 40, ip + 8..ip + 40, *bytes.get(ip + 6)?)
            }
            _ => return None,
        };
        if protocol != 6 {
            return None;
        }
        let offset = *bytes.get(header + 12)?;
        self.length(header + 12, 1, true);
        let end = match first >> 4 {
            4 => {
                ip + usize::from(u16::from_be_bytes([
                    *bytes.get(ip + 2)?,
                    *bytes.get(ip + 3)?,
                ]))
            }
            _ => {
                header
                    + usize::from(u16::from_be_bytes([
                        *bytes.get(ip + 4)?,
                        *bytes.get(ip + 5)?,
                    ]))
            }
        };
        let payload = header + usize::from(offset >> 4) * 4;
        let end = if end <= payload {
            bytes.len()
        } else {
            end.min(bytes.len())
        };
        if payload > end {
            return None;
        }
        let (src, dst) = bytes.get(places.clone())?.split_at(places.len() / 2);
        let ports = bytes.get(header..header + 4)?;
        Some(Tcp {
            ip,
            header,
            payload: payload..end,
            way: [src, dst, &ports[..2], &ports[2..]].concat(),
            back: [dst, src, &ports[2..], &ports[..2]].concat(),
        })
    }

    fn length(&mut self, at: usize, size: usize, big_endian: bool) {
        self.lengths.push(Length {
            at,
            size,
            big_endian,
        });
    }

    pub(super) fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        })
    }

    pub(super) fn put(&self, bytes: &mut [u8], at: usize, word: u32) {
        let word = if self.big_endian {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        };
        bytes[at..at + 4].copy_from_slice(&word);
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let half = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if self.big_endian {
            u16::from_be_bytes(half)
        } else {
            u16::from_le_bytes(half)
        })
    }
}
