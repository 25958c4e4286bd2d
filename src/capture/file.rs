//! One capture file, pcap or pcapng, plain or packed, walked over record by record without libpcap.
//!
//! Frames are numbered as Wireshark numbers them in that file, before any filter. A file that is cut or broken is read
//! up to there, and a [`Notice`] says so.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::classic::{self, Classic};
use super::decompress::Packing;
use super::pcapng::Pcapng;
use super::steady::Steady;
use super::walk::{Meta, Step};
use super::window::Window;
use super::{Error, Notice};
use crate::record::Record;
use crate::time::Timestamp;

/// Records that are handed on at once, at most.
const BLOCK: usize = 32;

/// What `-r` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `-`.
    Stdin,
    /// A path.
    Path(PathBuf),
}

impl Input {
    /// As users know it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => String::from("standard input"),
            Self::Path(path) => path.to_string_lossy().into_owned(),
        }
    }
}

/// A file that is open but of which nothing was read: opening may need root, reading must not have it.
pub(crate) struct Opened {
    name: String,
    raw: Box<dyn Read + Send>,
    /// Somebody writes it while it is read: a pipe, or standard input, which may be one.
    comes: bool,
    stop: Arc<AtomicBool>,
}

impl Opened {
    /// Opens without reading.
    pub(crate) fn open(input: &Input, stop: &Arc<AtomicBool>) -> Result<Self, Error> {
        let name = input.name();
        let (raw, comes): (Box<dyn Read + Send>, _) = match input {
            Input::Stdin => {
                let input = io::stdin();
                let stop = Arc::clone(stop);
                (Box::new(Waiting { input, stop }), true)
            }
            Input::Path(path) => {
                let (file, kind) = File::open(path)
                    .and_then(|file| {
                        let kind = file.metadata()?;
                        Ok((file, kind))
                    })
                    .map_err(|error| explain(&name, error))?;
                if kind.is_dir() {
                    return Err(Error::Directory(name));
                }
                if kind.is_file() {
                    (Box::new(file), false)
                } else {
                    let stop = Arc::clone(stop);
                    (Box::new(Waiting { input: file, stop }), true)
                }
            }
        };
        Ok(Self {
            name,
            raw,
            comes,
            stop: Arc::clone(stop),
        })
    }

    /// What a test brings.
    #[cfg(test)]
    pub(crate) fn reader(raw: Box<dyn Read + Send>) -> Self {
        Self {
            name: String::from("a test"),
            raw,
            comes: false,
            stop: Arc::default(),
        }
    }

    /// Reads the first bytes to see what it is.
    pub(crate) fn begin(self, source: u16) -> Result<FileSource, Error> {
        let Self {
            name,
            raw,
            comes,
            stop,
        } = self;
        let mut window = Window::new(raw);
        let fill = |window: &mut Window| {
            window
                .fill(classic::HEADER)
                .map_err(|error| explain(&name, error))
        };
        fill(&mut window)?;
        if let Some(packing) = Packing::of(window.bytes()) {
            let seen = window.bytes().to_vec();
            let rest = std::mem::replace(&mut window, Window::new(Box::new(io::empty())));
            window = Window::new(packing.unpack(seen, rest.into_rest()));
            fill(&mut window)?;
        }
        let bytes = window.bytes();
        let walk = if Pcapng::is(bytes) {
            Walk::Pcapng(Pcapng::default())
        } else if let Some(walk) = Classic::new(bytes) {
            window.consume(classic::HEADER);
            Walk::Classic(walk)
        } else if stop.load(Ordering::Relaxed) {
            // Interrupted before the first byte came: no packets, and no fault of the file.
            Walk::Pcapng(Pcapng::default())
        } else if bytes.is_empty() {
            return Err(Error::Empty(name));
        } else {
            let looks = looks_like(bytes).to_owned();
            return Err(Error::NotACapture { name, looks });
        };
        Ok(FileSource {
            name,
            source,
            window,
            walk,
            frames: 0,
            head: None,
            clocks: Vec::new(),
            told: false,
            over: false,
            comes,
            stop,
            notices: Vec::new(),
        })
    }
}

/// A file at one of its records.
pub(crate) struct FileSource {
    name: String,
    source: u16,
    window: Window,
    walk: Walk,
    frames: u64,
    head: Option<Meta>,
    /// The clock of each interface.
    clocks: Vec<Steady>,
    /// It was said that one of them is wrong.
    told: bool,
    over: bool,
    /// As of [`Opened`].
    comes: bool,
    stop: Arc<AtomicBool>,
    notices: Vec<Notice>,
}

#[derive(Debug)]
enum Walk {
    Classic(Classic),
    Pcapng(Pcapng),
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// At a record.
    Ready,
    /// It must be read from to go on.
    Dry,
    /// At its end.
    Over,
}

impl FileSource {
    /// Moves to the next record unless it stands at one. Reads only if it may, since that can block.
    pub(crate) fn advance(&mut self, may_read: bool) -> State {
        if self.head.is_some() {
            return State::Ready;
        }
        while !self.over {
            match self.walk.step(self.window.bytes()) {
                Step::Record(meta) => {
                    let ts = match self.told_time(&meta, may_read) {
                        Ok(ts) => ts,
                        Err(state) => return state,
                    };
                    self.frames += 1;
                    self.head = Some(Meta { ts, ..meta });
                    return State::Ready;
                }
                Step::Skip { total, counts } => {
                    let here = self.window.bytes().len() as u64;
                    if total > here && !may_read {
                        return State::Dry;
                    }
                    self.skip(total);
                    self.frames += u64::from(counts && !self.over);
                }
                Step::Need(need) => {
                    if self.window.ended() {
                        if !self.window.bytes().is_empty() {
                            self.cut();
                        }
                        self.over = true;
                    } else if may_read {
                        if let Err(error) = self.window.fill(need) {
                            self.fail(&error);
                        }
                    } else {
                        return State::Dry;
                    }
                }
                Step::Corrupt(reason) => self.broken(reason),
            }
        }
        State::Over
    }

    /// The time of a record as it is to be told; an error if that cannot be said without reading.
    fn told_time(&mut self, meta: &Meta, may_read: bool) -> Result<Timestamp, State> {
        let at = usize::from(meta.iface);
        if self.clocks.len() <= at {
            self.clocks.resize_with(at + 1, Steady::default);
        }
        let is_leap = |clock: &Steady| clock.is_leap(meta.ts);
        let next = if self.clocks.get(at).is_some_and(is_leap) {
            self.time_behind(meta.total, may_read)?
        } else {
            None
        };
        let clock = self.clocks.get_mut(at);
        let told = clock.map_or(meta.ts, |clock| clock.time(meta.ts, next));
        if told != meta.ts && !self.told {
            self.told = true;
            self.notices.push(Notice::ClockSet {
                name: self.name.clone(),
                frame: self.frames + 1,
                by: meta.ts.since(told).max(told.since(meta.ts)),
                back: meta.ts < told,
            });
        }
        Ok(told)
    }

    /// The time of the record that comes right behind so many bytes, if one does.
    fn time_behind(&mut self, total: usize, may_read: bool) -> Result<Option<Timestamp>, State> {
        loop {
            let rest = self.window.bytes().get(total..).unwrap_or_default();
            let need = match self.walk.peek(rest) {
                Some(Step::Record(next)) => return Ok(Some(next.ts)),
                Some(Step::Need(need)) => total.saturating_add(need),
                _ => return Ok(None),
            };
            if self.window.ended() {
                return Ok(None);
            }
            if !may_read {
                return Err(State::Dry);
            }
            if let Err(error) = self.window.fill(need) {
                self.fail(&error);
                return Ok(None);
            }
        }
    }

    /// Time of the record it stands at.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.head.map(|meta| meta.ts)
    }

    /// The record it stands at.
    pub(crate) fn record(&self) -> Option<Record<'_>> {
        let meta = self.head?;
        Some(meta.record(self.window.bytes(), (self.source, self.frames)))
    }

    /// Lets go of the record it stands at.
    pub(crate) fn consume(&mut self) {
        if let Some(meta) = self.head.take() {
            self.window.consume(meta.total);
        }
    }

    /// Hands on the records that come next, as many as are at hand and have nothing special about them. False where there
    /// are none, or it stands at a record.
    pub(crate) fn block(&mut self, each: impl FnOnce(&[Record<'_>])) -> bool {
        if self.head.is_some() || self.over {
            return false;
        }
        let bytes = self.window.bytes();
        let mut records = [Record::default(); BLOCK];
        let to = Block {
            records: &mut records,
            number: (self.source, self.frames),
            clocks: &mut self.clocks,
        };
        // Which of the two it is is asked once, and not for each record.
        let (count, rest) = match &mut self.walk {
            Walk::Classic(walk) => {
                let walk = *walk;
                to.fill(bytes, |bytes| walk.at_hand(bytes))
            }
            Walk::Pcapng(walk) => to.fill(bytes, |bytes| walk.at_hand(bytes)),
        };
        if count > 0 {
            self.frames += count as u64;
            each(records.get(..count).unwrap_or_default());
        }
        let passed = bytes.len() - rest.len();
        self.window.consume(passed);
        count > 0
    }

    /// Which `-r` it is.
    pub(crate) const fn source(&self) -> u16 {
        self.source
    }

    /// Whether it is written while it is read.
    pub(crate) const fn comes(&self) -> bool {
        self.comes
    }

    /// Whether there are names or notices to take.
    pub(crate) const fn has_news(&self) -> bool {
        let has_names = match &self.walk {
            Walk::Classic(_) => false,
            Walk::Pcapng(walk) => walk.has_names(),
        };
        has_names || !self.notices.is_empty()
    }

    /// Interface names since the last call.
    pub(crate) fn take_names(&mut self) -> Vec<(u16, Box<str>)> {
        match &mut self.walk {
            Walk::Classic(_) => Vec::new(),
            Walk::Pcapng(walk) => walk.take_names(),
        }
    }

    /// What is to be said since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Packets dropped while it was written, by kernel and by interface, as far as it says.
    pub(crate) fn drops(&self) -> (u64, u64) {
        match &self.walk {
            Walk::Classic(_) => (0, 0),
            Walk::Pcapng(walk) => walk.drops(),
        }
    }

    fn skip(&mut self, total: u64) {
        let mut left = total;
        while left > 0 && !self.over {
            let here = self.window.bytes().len() as u64;
            let now = usize::try_from(left.min(here)).unwrap_or_default();
            self.window.consume(now);
            left -= now as u64;
            if left > 0 {
                if let Err(error) = self.window.fill(1) {
                    self.fail(&error);
                } else if self.window.ended() && self.window.bytes().is_empty() {
                    self.cut();
                }
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            self.cut();
        } else {
            self.broken(error.to_string());
        }
    }

    fn cut(&mut self) {
        self.over = true;
        // Whoever stops the reading in the middle need not be told that it stopped in the middle.
        if !self.stop.load(Ordering::Relaxed) {
            self.notices.push(Notice::Truncated {
                name: self.name.clone(),
                frames: self.frames,
            });
        }
    }

    fn broken(&mut self, reason: String) {
        self.over = true;
        self.notices.push(Notice::Corrupt {
            name: self.name.clone(),
            frames: self.frames,
            offset: self.window.offset(),
            reason,
        });
    }
}

/// Where records that follow each other are put.
struct Block<'a, 'b> {
    records: &'a mut [Record<'b>; BLOCK],
    /// The file, and its records so far.
    number: (u16, u64),
    clocks: &'a mut [Steady],
}

impl<'b> Block<'_, 'b> {
    /// Puts the records there that stand at the beginning of the bytes, as far as they have nothing special about them.
    /// How many, and the bytes behind them.
    #[inline]
    fn fill(
        self,
        bytes: &'b [u8],
        mut at_hand: impl FnMut(&[u8]) -> Option<Meta>,
    ) -> (usize, &'b [u8]) {
        let (source, mut frame) = self.number;
        let mut rest = bytes;
        let mut count = 0;
        for record in self.records {
            let Some(meta) = at_hand(rest) else {
                break;
            };
            let clock = self.clocks.get_mut(usize::from(meta.iface));
            if !clock.is_some_and(|clock| clock.goes_on(meta.ts)) {
                break;
            }
            frame += 1;
            *record = meta.record(rest, (source, frame));
            rest = rest.get(meta.total..).unwrap_or_default();
            count += 1;
        }
        (count, rest)
    }
}

impl Walk {
    /// The packet that stands at the beginning of the bytes; nothing if it is something else.
    fn peek(&mut self, bytes: &[u8]) -> Option<Step> {
        match self {
            Self::Classic(walk) => Some(walk.step(bytes)),
            Self::Pcapng(walk) => walk.peek(bytes),
        }
    }

    fn step(&mut self, bytes: &[u8]) -> Step {
        match self {
            Self::Classic(walk) => walk.step(bytes),
            Self::Pcapng(walk) => walk.step(bytes),
        }
    }
}

/// A pipe or a terminal: waits for bytes in small steps, so that a stop is noticed, and then tells the end.
struct Waiting<T> {
    input: T,
    stop: Arc<AtomicBool>,
}

impl<T: Read + AsFd> Read for Waiting<T> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let step = PollTimeout::from(50_u8);
        while !self.stop.load(Ordering::Relaxed) {
            let mut fds = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
            match nix::poll::poll(&mut fds, step) {
                Ok(0) | Err(nix::errno::Errno::EINTR) => {}
                Ok(_) => return self.input.read(out),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

fn explain(name: &str, error: io::Error) -> Error {
    let name = name.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(name),
        io::ErrorKind::PermissionDenied => Error::FilePermission(name),
        io::ErrorKind::IsADirectory => Error::Directory(name),
        io::ErrorKind::UnexpectedEof => Error::NotACapture {
            name,
            looks: String::from("it is packed, and cut off before the first packet."),
        },
        _ => Error::Read {
            name,
            source: error,
        },
    }
}

/// What a file that is no capture seems to be, and what to do about it.
fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        _ if Classic::is(bytes) => "its header is cut off. Capture again, or fetch the whole file.",
        [0x1f, 0x8b, ..] => "it is packed twice. Unpack it once: gzip -d FILE",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is packed with xz. Unpack it first: xz -d FILE",
        [b'B', b'Z', b'h', ..] => "it is packed with bzip2. Unpack it first: bzip2 -d FILE",
        [0x04, 0x22, 0x4d, 0x18, ..] => "it is packed with lz4. Unpack it first: lz4 -d FILE",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive. Unpack it first: unzip FILE",
        [b's', b'n', b'o', b'o', b'p', 0, ..] => {
            "it is a snoop file. Convert it first: editcap -F pcapng FILE OUT.pcapng"
        }
        _ if bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) =>
        {
            "it is text. wscap reads what tcpdump -w or Wireshark saves: pcap and pcapng."
        }
        _ => {
            "wscap reads pcap and pcapng. Other formats can be converted: editcap -F pcapng FILE OUT.pcapng"
        }
    }
}
