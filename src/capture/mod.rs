//! Where packets come from: live interfaces or capture files, as [`Record`]s, with the passing of time as ticks.
//!
//! The only room that opens anything or looks at a clock. All inputs are opened before anything is read; in between
//! privileges are given up ([`drop_privileges`]) and with them whatever else is not needed ([`Open::confine`]). What is
//! read afterwards is hostile.

mod block;
mod classic;
mod clock;
mod confine;
mod decompress;
mod devices;
mod error;
mod file;
mod filter;
mod live;
mod merge;
mod pcapng;
mod privilege;
mod queue;
mod stats;
mod steady;
mod text;
mod walk;
mod window;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use confine::{Confined, Needs};
pub use devices::{Interface, interfaces};
pub use error::{Error, Notice};
pub use file::Input;
pub use live::LiveOptions;
pub use privilege::{Dropped, Identity, Kept, drop_privileges};
pub use text::{TextError, read_text};

use crate::record::Record;
use crate::time::Timestamp;
use confine::Held;
use file::Opened;
use filter::Filter;
use live::Live;
use merge::Files;

/// What to capture or to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// `-i`: interfaces.
    Live(Vec<String>, LiveOptions),
    /// `-r`: files.
    Files(Vec<Input>),
}

/// What a source hands on.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// Packets that follow each other.
    Records(&'a [Record<'a>]),
    /// Nothing came; live only.
    Tick(Timestamp),
    /// The name of an interface, before or soon after its first packet.
    Interface {
        /// Which `-r` or `-i`, from 0.
        source: u16,
        /// Its number in [`Stamp::iface`](crate::time::Stamp::iface).
        iface: u16,
        /// Its name.
        name: Box<str>,
    },
    /// Something went wrong; the rest goes on.
    Notice(Notice),
}

/// Inputs that are open but unread.
pub struct Open(Opening);

enum Opening {
    Live(Live),
    Files(Vec<Opened>, Option<Filter>),
}

/// Inputs that are being read.
pub struct Source(Reading);

enum Reading {
    Live(Live),
    Files(Files),
}

/// Opens all inputs and compiles the filter. Reads nothing of what strangers wrote.
///
/// Once `stop` is set, waiting for a pipe ends as if the pipe had ended.
pub fn open(inputs: &Inputs, filter: Option<&str>, stop: &Arc<AtomicBool>) -> Result<Open, Error> {
    Ok(Open(match inputs {
        Inputs::Live(names, options) => Opening::Live(Live::open(names, filter, options)?),
        Inputs::Files(inputs) => {
            let files = inputs.iter().map(|input| Opened::open(input, stop));
            let files = files.collect::<Result<_, _>>()?;
            Opening::Files(files, filter.map(Filter::new).transpose()?)
        }
    }))
}

/// A file that is read by what a test brings.
#[cfg(test)]
pub(crate) fn open_reader(raw: Box<dyn std::io::Read + Send>) -> Open {
    Open(Opening::Files(vec![Opened::reader(raw)], None))
}

impl Open {
    /// Takes from this thread, and from those it starts, what reading these inputs does not need.
    pub fn confine(&self, needs: &Needs) -> Confined {
        let held = match &self.0 {
            Opening::Live(live) => live.held(),
            Opening::Files(..) => Held::default(),
        };
        confine::confine(needs, &held)
    }

    /// Begins to read: looks at the first bytes of every file, to see that each is a capture.
    pub fn begin(self) -> Result<Source, Error> {
        Ok(Source(match self.0 {
            Opening::Live(live) => Reading::Live(live),
            Opening::Files(opened, filter) => {
                let files = opened.into_iter().zip(0..).map(|(file, n)| file.begin(n));
                Reading::Files(Files::new(files.collect::<Result<_, _>>()?, filter))
            }
        }))
    }
}

impl Source {
    /// Hands on what is there, waiting for a short time if it is nothing. False when there will be no more.
    pub fn read(&mut self, mut each: impl FnMut(Item<'_>)) -> bool {
        match &mut self.0 {
            Reading::Live(live) => live.read(&mut each),
            Reading::Files(files) => files.read(&mut each),
        }
    }

    /// Whether it comes from interfaces, which do not wait.
    pub const fn is_live(&self) -> bool {
        matches!(self.0, Reading::Live(_))
    }

    /// Whether packets come in their own time, so that each is to be told of at once; not those of a file, which are all there.
    pub fn comes(&self) -> bool {
        match &self.0 {
            Reading::Live(_) => true,
            Reading::Files(files) => files.come(),
        }
    }

    /// Packets that were dropped before they came here: by the kernel, and by the interfaces.
    pub fn drops(&self) -> (u64, u64) {
        match &self.0 {
            Reading::Live(live) => live.drops(),
            Reading::Files(files) => files.drops(),
        }
    }

    /// The end: hands on what it still holds, and reads the counters of the kernel once more.
    pub fn finish(&mut self, mut each: impl FnMut(Item<'_>)) {
        if let Reading::Live(live) = &mut self.0 {
            live.finish(&mut each);
        }
    }
}
