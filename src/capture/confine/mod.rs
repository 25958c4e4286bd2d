//! What the process may still do once everything is open: hardly anything, so that whoever finds a fault in a parser has
//! found little else.
//!
//! Root and capabilities are gone by then ([`drop_privileges`](super::drop_privileges)). What is left is what any process
//! of that user may do, and that is taken away here: files by Landlock (`files`), system calls by seccomp (`calls`). Both
//! belong to the thread that asks for them and to those it starts, so they come before any thread. A kernel that has
//! neither is no reason not to run: what was done is told, and nothing more is promised.

mod calls;
mod files;

use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// What is still needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Times are told in a time zone, which is read from these, besides where they usually are.
    pub zones: Vec<PathBuf>,
    /// The terminal is drawn on, and asked for its size again and again.
    pub screen: bool,
}

/// What the open inputs need besides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Sockets that packets come from. Nothing is ever sent through them, which the kernel is told to see to.
    pub(crate) sockets: Vec<RawFd>,
    /// Interfaces whose counters libpcap reads.
    pub(crate) interfaces: Vec<String>,
    /// The names of interfaces are asked of the kernel while it runs.
    pub(crate) asks_names: bool,
}

/// What was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    files: Result<files::Done, String>,
    calls: Result<(), String>,
}

/// Takes everything else away. Cannot be taken back.
pub(crate) fn confine(needs: &Needs, held: &Held) -> Confined {
    // The other way round seccomp might forbid what Landlock needs.
    Confined {
        files: files::confine(needs, held),
        calls: calls::confine(needs, held),
    }
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.files {
            Ok(done) => writeln!(f, "confined by Landlock: {done}")?,
            Err(why) => writeln!(f, "not confined by Landlock: {why}")?,
        }
        match &self.calls {
            Ok(()) => f.write_str(
                "confined by seccomp: starts, traces and signals no process; connects nowhere, sends nothing",
            ),
            Err(why) => write!(f, "not confined by seccomp: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
