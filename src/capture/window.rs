//! A growing window over what a reader yields: the bytes at hand, in one piece.

use std::io::{self, Read};

/// One read asks for this much: half of what a core caches by itself, beside what is looked at for each packet.
const CHUNK: usize = 256 * 1024;

/// Unread bytes of a reader, in one slice.
pub(crate) struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `start` in the (unpacked) file.
    offset: u64,
    ended: bool,
}

impl Window {
    /// Nothing is read yet.
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
        }
    }

    /// The bytes at hand.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The reader has nothing more.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Where in the (unpacked) file the bytes at hand begin.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets go of the first `count` bytes at hand.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset = self.offset.saturating_add(count as u64);
    }

    /// The reader behind the bytes at hand.
    pub(crate) fn into_rest(self) -> Box<dyn Read + Send> {
        self.input
    }

    /// Reads until `need` bytes are at hand or the reader ends.
    pub(crate) fn fill(&mut self, need: usize) -> io::Result<()> {
        while self.end - self.start < need && !self.ended {
            self.make_room();
            let Some(room) = self.buffer.get_mut(self.end..) else {
                return Ok(());
            };
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Moves what is left to the front, and grows only once the buffer is full: with what came, not with what a broken
    /// file promises.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_and_grows_with_what_comes() {
        let all: Vec<u8> = (0..CHUNK * 3).map(|n| n.to_le_bytes()[0]).collect();
        let mut window = Window::new(Box::new(io::Cursor::new(all.clone())));
        window.fill(CHUNK * 2).unwrap();
        assert_eq!(&window.bytes()[..CHUNK * 2], &all[..CHUNK * 2]);
        window.consume(CHUNK + 1);
        window.fill(usize::MAX).unwrap();
        assert_eq!(window.bytes(), &all[CHUNK + 1..]);
        assert!(window.ended());
        assert_eq!(window.offset(), CHUNK as u64 + 1);
    }
}
