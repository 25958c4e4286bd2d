//! The command line: what was typed (`args`), and what it means (`config`).
//!
//! The only room that reads the environment.

mod args;
mod config;
mod duration;
mod interfaces;
mod say;
mod similar;
mod watch;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use config::{Action, Config, Output, Surroundings};
pub use interfaces::interfaces;
pub use say::say;
pub use watch::Watch;

use crate::capture::Identity;
use args::Args;

/// The command line cannot be understood. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `-i` nor `-r`.
    #[error(
        "nothing to read from. Either\n  sudo wscap -i any            live, on this host (wscap -D lists interfaces)\n  wscap -r capture.pcapng      a capture file, - for stdin\nwscap --help tells the rest"
    )]
    NoInput,
    /// Both.
    #[error("-i with -r: either listen to interfaces or read files, not both at once")]
    LiveAndFiles,
    /// `-r -` twice.
    #[error("-r - can be given once only: there is one standard input")]
    StdinTwice,
    /// `--tui` without a terminal.
    #[error(
        "--tui needs a terminal on standard output, and a TERM that can be drawn on\nwithout --tui the same is printed as text; --json is for programs"
    )]
    NoScreen,
    /// A word that is not known.
    #[error("{flag}: {word} is not known here\n{hint}")]
    UnknownWord {
        /// Of which flag.
        flag: &'static str,
        /// As typed.
        word: String,
        /// What to do.
        hint: String,
    },
    /// A limit that cannot be read.
    #[error(
        "--limit {0}: write it as NAME=VALUE, with a number above 0; wscap --help lists the limits"
    )]
    LimitForm(String),
    /// What clap has to say.
    #[error("{0}")]
    Usage(String),
}

/// Understands the command line; reads nothing else.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    around: &Surroundings,
) -> Result<Action, Error> {
    match Args::try_parse_from(words) {
        Ok(args) => config::interpret(args, around),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Action::Print(error.render().to_string()))
            }
            _ => Err(Error::Usage(usage(&error))),
        },
    }
}

/// Clap's message without its heading and its long usage: what is wrong, and where to look.
fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (what, _) = text.split_once("\n\nUsage:").unwrap_or((text, ""));
    let (what, _) = what
        .split_once("\n\nFor more information")
        .unwrap_or((what, ""));
    // What looks like a flag is one: nobody is told how to make a filter of it.
    let lines: Vec<&str> = what
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.contains("tip: to pass"))
        .collect();
    format!("{}\nwscap --help tells more", lines.join("\n"))
}

impl Surroundings {
    /// Of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_this_process() -> Self {
        let id = |name| std::env::var(name).ok()?.parse().ok();
        let sudo = id("SUDO_UID")
            .zip(id("SUDO_GID"))
            .map(|(uid, gid)| Identity { uid, gid })
            .filter(|identity| identity.uid != 0);
        let zones = ["TZ", "TZDIR"].into_iter().filter_map(std::env::var_os);
        let zones = zones.filter_map(|zone| zone.into_string().ok());
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let background = std::env::var("COLORFGBG").unwrap_or_default();
        let background = background.rsplit(';').next().map(str::to_owned);
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            width: terminal.or(columns),
            sudo,
            zones: zones
                .map(|zone| PathBuf::from(zone.trim_start_matches(':')))
                .collect(),
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            terminal: io::stdout().is_terminal(),
            can_draw: std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb"),
            light: matches!(background.as_deref(), Some("7" | "15")),
        }
    }
}
