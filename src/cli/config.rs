//! What the command line means: inputs, limits, what to watch for, how to print.

use std::path::PathBuf;
use std::time::Duration;

use super::args::{Args, Command, When};
use super::watch::Watch;
use super::{Error, similar};
use crate::capture::{Identity, Input, Inputs, LiveOptions};
use crate::limits::{Limit, Limits};

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Analyse packets.
    Run(Box<Config>),
    /// List interfaces.
    ListInterfaces,
    /// Tell what is known.
    Explain {
        /// Of what; all there is if of nothing.
        words: Vec<String>,
        /// Files of the user's own rows.
        rules: Vec<PathBuf>,
        /// In so many columns.
        width: usize,
    },
    /// Print this, asked for by `--help` or `--version`.
    Print(String),
}

/// All that a run needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where packets come from.
    pub inputs: Inputs,
    /// Packet filter.
    pub filter: Option<String>,
    /// Files of the user's own rows of the catalogue.
    pub rules: Vec<PathBuf>,
    /// Ceilings.
    pub limits: Limits,
    /// Stop after so many packets.
    pub count: Option<u64>,
    /// Stop after so much time.
    pub duration: Option<Duration>,
    /// Exit 1 when seen.
    pub fail_on: Watch,
    /// Print only such; everything if empty.
    pub only: Watch,
    /// How to print.
    pub output: Output,
    /// Who to become when started as root.
    pub identity: Identity,
    /// Files and folders that the environment names as time zones.
    pub zones: Vec<PathBuf>,
}

/// How to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// JSON lines rather than text.
    pub json: bool,
    /// The full screen, with the text report behind it.
    pub tui: bool,
    /// The terminal has a light background.
    pub light: bool,
    /// Neither warnings nor lines while running.
    pub quiet: bool,
    /// How much more to say.
    pub verbose: u8,
    /// Colours; decided, no longer `auto`.
    pub color: bool,
    /// Hide secrets.
    pub redact: bool,
    /// UTC rather than local time.
    pub utc: bool,
    /// Live: how often a health line comes.
    pub stats_interval: Duration,
}

/// What the command line depends on besides its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `SUDO_UID` and `SUDO_GID`.
    pub sudo: Option<Identity>,
    /// `TZ` and `TZDIR`, which may name a file and a folder.
    pub zones: Vec<PathBuf>,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// Standard output is a terminal.
    pub terminal: bool,
    /// `TERM` names a terminal that can be drawn on.
    pub can_draw: bool,
    /// `COLORFGBG` says that the background is light.
    pub light: bool,
    /// Columns of the terminal, or what `COLUMNS` says.
    pub width: Option<usize>,
}

/// From words to meaning.
pub(crate) fn interpret(args: Args, around: &Surroundings) -> Result<Action, Error> {
    if let Some(Command::Explain { what, list, rules }) = args.command {
        let words = if list { Vec::new() } else { what };
        let width = around.width.unwrap_or(WIDTH);
        return Ok(Action::Explain {
            words,
            rules,
            width,
        });
    }
    if args.list {
        return Ok(Action::ListInterfaces);
    }
    let inputs = inputs(&args)?;
    let tui = tui(&args, &inputs, around)?;
    let filter = args.filter.join(" ");
    Ok(Action::Run(Box::new(Config {
        inputs,
        filter: (!filter.trim().is_empty()).then_some(filter),
        rules: args.rules,
        limits: limits(&args.limits)?,
        count: args.count,
        duration: args.duration,
        fail_on: Watch::parse("--fail-on", &args.fail_on)?,
        only: Watch::parse("--only", &args.only)?,
        output: Output {
            json: args.json,
            tui,
            light: around.light,
            quiet: args.quiet,
            verbose: args.verbose,
            color: match args.color {
                When::Auto => around.terminal && !around.no_color,
                When::Always => true,
                When::Never => false,
            },
            redact: !args.no_redact,
            utc: args.utc,
            stats_interval: args.stats_interval,
        },
        identity: around.sudo.unwrap_or(Identity::NOBODY),
        zones: around.zones.clone(),
    })))
}

/// Whether to open the full screen: asked for, or live where somebody looks at it.
fn tui(args: &Args, inputs: &Inputs, around: &Surroundings) -> Result<bool, Error> {
    let can_draw = around.terminal && around.can_draw;
    if args.tui && !can_draw {
        return Err(Error::NoScreen);
    }
    let is_live = matches!(inputs, Inputs::Live(..));
    let by_itself = is_live && can_draw && !args.no_tui && !args.json && !args.quiet;
    Ok(args.tui || by_itself)
}

fn inputs(args: &Args) -> Result<Inputs, Error> {
    match (&args.interfaces[..], &args.files[..]) {
        ([], []) => Err(Error::NoInput),
        ([], files) => {
            if files.iter().filter(|file| *file == "-").count() > 1 {
                return Err(Error::StdinTwice);
            }
            Ok(Inputs::Files(files.iter().map(input).collect()))
        }
        (names, []) => {
            let mut unique: Vec<String> = Vec::new();
            for name in names {
                if !unique.contains(name) {
                    unique.push(name.clone());
                }
            }
            let options = LiveOptions {
                snaplen: args.snaplen,
                buffer_mib: args.buffer,
            };
            Ok(Inputs::Live(unique, options))
        }
        _ => Err(Error::LiveAndFiles),
    }
}

fn input(file: &std::ffi::OsString) -> Input {
    if file == "-" {
        Input::Stdin
    } else {
        Input::Path(PathBuf::from(file))
    }
}

fn limits(words: &[String]) -> Result<Limits, Error> {
    let mut limits = Limits::default();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Error::LimitForm(word.clone()))?;
        let limit = Limit::from_name(name).ok_or_else(|| {
            let known = Limit::ALL.iter().map(|limit| limit.info().name);
            Error::UnknownWord {
                flag: "--limit",
                word: name.to_owned(),
                hint: similar::hint(name, known)
                    .unwrap_or_else(|| String::from("wscap --help lists the limits")),
            }
        })?;
        let value = value
            .replace('_', "")
            .parse()
            .ok()
            .filter(|&value| value > 0);
        limits.set(limit, value.ok_or_else(|| Error::LimitForm(word.clone()))?);
    }
    Ok(limits)
}
