//! Why a capture could not be opened, each with what to do next, and what is to be said while it is read.

use std::fmt;
use std::io;
use std::time::Duration;

/// The capture could not be opened. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path names nothing.
    #[error("{0}: no such file\nLook for a typing error, or give `-` to read standard input.")]
    NotFound(String),
    /// The path names a directory.
    #[error("{0}: this is a directory\nName the files in it: wscap -r FILE -r FILE ...")]
    Directory(String),
    /// The file may not be read.
    #[error(
        "{0}: you may not read this file\nRun with sudo, or make it readable: sudo chmod a+r FILE"
    )]
    FilePermission(String),
    /// Zero bytes.
    #[error(
        "{0}: the file is empty\nA capture has at least a header: the tool that should have written it has not begun, or has failed."
    )]
    Empty(String),
    /// Neither pcap nor pcapng.
    #[error("{name}: not a capture file: {looks}")]
    NotACapture {
        /// As on the command line.
        name: String,
        /// What it looks like, and what to do.
        looks: String,
    },
    /// Any other error of the file system.
    #[error("{name}: cannot be read: {source}")]
    Read {
        /// As on the command line.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is no interface of that name.
    #[error("no interface is called {name}\nThere are: {there_are}  (wscap -D tells more)")]
    NoSuchInterface {
        /// As on the command line.
        name: String,
        /// The names there are.
        there_are: String,
    },
    /// The process may not capture.
    #[error(
        "{0}: no permission to capture\nRun with sudo, or allow it once: sudo setcap cap_net_raw,cap_net_admin=eip $(command -v wscap)"
    )]
    Permission(String),
    /// The interface cannot be opened for another reason.
    #[error(
        "{name}: cannot be captured on: {reason}\nIs it up? wscap -D shows all interfaces; -i any captures on all of them."
    )]
    Interface {
        /// As on the command line.
        name: String,
        /// What libpcap says.
        reason: String,
    },
    /// The filter is wrong.
    #[error(
        "the filter does not compile: {reason}\n  {filter}\n  {marker}\nman pcap-filter tells what filters look like, for example: tcp port 8080"
    )]
    Filter {
        /// The filter as it was typed.
        filter: String,
        /// Points at the word.
        marker: String,
        /// What libpcap says.
        reason: String,
    },
    /// Interfaces cannot be listed.
    #[error("the interfaces cannot be listed: {0}")]
    List(String),
}

/// Something that went wrong while reading; what was read before it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The file ends within a record.
    Truncated {
        /// The file.
        name: String,
        /// Frames before the end.
        frames: u64,
    },
    /// What comes after cannot be read.
    Corrupt {
        /// The file.
        name: String,
        /// Frames before it.
        frames: u64,
        /// Offset in the file, unpacked.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// An interface is gone for good.
    Vanished {
        /// The interface.
        name: String,
        /// What libpcap says.
        reason: String,
    },
    /// The clock by which a file was written was set, or some of its times are wrong.
    ClockSet {
        /// The file.
        name: String,
        /// The first packet.
        frame: u64,
        /// How far it is from what can be.
        by: Duration,
        /// It is too early, not too late.
        back: bool,
    },
    /// The clock of this host was set while it captured.
    HostClockSet {
        /// How far.
        by: Duration,
        /// Back, not forward.
        back: bool,
    },
    /// The filter has no meaning for packets of this link type.
    FilterUnfit {
        /// The link type.
        link: String,
        /// What libpcap says.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { name, frames } => write!(
                f,
                "{name}: cut off in the middle of a packet; analysed up to the last whole one, frame {frames}"
            ),
            Self::Corrupt {
                name,
                frames,
                offset,
                reason,
            } => write!(
                f,
                "{name}: broken at byte {offset}, after frame {frames}: {reason}; analysed up to there"
            ),
            Self::Vanished { name, reason } => {
                write!(f, "{name}: no longer captured on: {reason}")
            }
            Self::ClockSet {
                name,
                frame,
                by,
                back,
            } => write!(
                f,
                "{name}: the time of frame {frame} is {} s too {}: the clock was set, or is wrong; such times are told as if they went on evenly",
                by.as_secs(),
                if *back { "early" } else { "late" },
            ),
            Self::HostClockSet { by, back } => write!(
                f,
                "the clock of this host was set {} by {} ms; times are told as if it had not been",
                if *back { "back" } else { "forward" },
                by.as_millis(),
            ),
            Self::FilterUnfit { link, reason } => write!(
                f,
                "the filter cannot be applied to packets of {link}, so they are left out: {reason}"
            ),
        }
    }
}
