//! Judgements and snapshots made readable: JSON lines for programs, a report for people.
//!
//! Knows what was judged and writes it to the given `Write`; looks at no clock, all times are of the packets. Whatever
//! comes from the network is masked and made fit to print on its way out, see [`mask`] and [`sanitize`].

mod community;
pub(crate) mod facts;
pub mod json;
pub mod mask;
mod names;
pub mod phrase;
pub mod sanitize;
mod scan;
#[cfg(test)]
mod tests;
pub mod text;
pub(crate) mod ticket;
pub(crate) mod words;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::event::Health;
use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::tally::{Example, Snapshot};
use crate::time::Timestamp;

/// How to report.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hide query values, userinfo and tokens; off with `--no-redact`.
    pub redact: bool,
    /// UTC in the text rather than local time.
    pub utc: bool,
    /// Repeat in colour what the words say.
    pub color: bool,
    /// Files of the command line by their number; empty when live.
    pub files: Vec<String>,
    /// Print each attempt once it is decided.
    pub live: bool,
    /// Each line is to be seen at once.
    pub by_line: bool,
    /// How much to say.
    pub verbosity: Verbosity,
    /// What to print, where not all (`--only`). Lines that the caller holds back need not be asked for; the groups of the
    /// text report are.
    pub only: Option<Only>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            redact: true,
            utc: false,
            color: false,
            files: Vec::new(),
            live: false,
            by_line: false,
            verbosity: Verbosity::default(),
            only: None,
        }
    }
}

/// How much to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// The totals and what is broken (`-q`).
    Quiet,
    /// The report.
    #[default]
    Normal,
    /// A line for each attempt and closing as well (`-v`).
    Verbose,
}

/// Decides what is printed.
#[derive(Clone)]
pub struct Only(Arc<dyn Fn(Item<'_>) -> bool + Send + Sync>);

/// One thing that may be printed.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// An attempt.
    Attempt(&'a JudgedAttempt),
    /// A closing.
    Closing(&'a JudgedClosing),
}

/// A report in one of its forms.
#[derive(Debug)]
pub enum Report<W> {
    /// JSON lines.
    Json(json::JsonReport<W>),
    /// Text.
    Text(text::TextReport<W>),
}

impl<W: Write> Report<W> {
    /// An interface got its name.
    pub fn interface(&mut self, source: u16, iface: u16, name: &str) {
        match self {
            Self::Json(report) => report.interface(source, iface, name),
            // The snapshot has them.
            Self::Text(_) => {}
        }
    }

    /// An attempt was decided.
    pub fn attempt(&mut self, judged: &JudgedAttempt) -> io::Result<()> {
        match self {
            Self::Json(report) => report.attempt(judged),
            Self::Text(report) => report.attempt(judged),
        }
    }

    /// An opened WebSocket ended.
    pub fn closing(&mut self, judged: &JudgedClosing) -> io::Result<()> {
        match self {
            Self::Json(report) => report.closing(judged),
            Self::Text(report) => report.closing(judged),
        }
    }

    /// The state of the capture at that time.
    pub fn health(&mut self, health: &Health, now: Timestamp) -> io::Result<()> {
        match self {
            Self::Json(report) => report.health(health, now),
            Self::Text(report) => report.health(health, now),
        }
    }

    /// The end: all that was summed up.
    pub fn finish(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        match self {
            Self::Json(report) => report.finish(snapshot),
            Self::Text(report) => report.finish(snapshot),
        }
    }
}

impl Only {
    /// Prints what `wanted` says.
    pub fn new(wanted: impl Fn(Item<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(wanted))
    }

    /// Whether to print it.
    pub fn wants(&self, item: Item<'_>) -> bool {
        (self.0)(item)
    }
}

impl fmt::Debug for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Only")
    }
}

impl<'a> Item<'a> {
    /// The first member of a group.
    pub fn of(example: &'a Example) -> Self {
        match example {
            Example::Attempt(judged) => Self::Attempt(judged),
            Example::Closing(judged) => Self::Closing(judged),
        }
    }
}
