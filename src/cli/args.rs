//! What was typed, word for word. What it means is for `config.rs` to say.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use super::duration;
use crate::limits::Limit;

/// See why WebSockets break: names the hop that broke the handshake, and the line that fixes it.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "wscap",
    version,
    disable_help_subcommand = true,
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    max_term_width = 100,
    override_usage = "wscap -i IFACE [OPTIONS] [FILTER...]\n       wscap -r FILE  [OPTIONS] [FILTER...]\n       wscap explain WHAT...",
    after_help = after_help(),
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Live interface, repeatable; `any` for all
    #[arg(short = 'i', value_name = "IFACE", help_heading = "Input")]
    pub(crate) interfaces: Vec<String>,

    /// List interfaces with their addresses
    #[arg(short = 'D', help_heading = "Input")]
    pub(crate) list: bool,

    /// pcap or pcapng file, repeatable, .gz and .zst too; `-` for stdin
    #[arg(short = 'r', value_name = "FILE", help_heading = "Input")]
    pub(crate) files: Vec<OsString>,

    /// Packet filter as in tcpdump (man pcap-filter)
    #[arg(value_name = "FILTER", help_heading = "Input")]
    pub(crate) filter: Vec<String>,

    /// Stop after N packets
    #[arg(short = 'c', value_name = "N", help_heading = "Input", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Stop after T (10s, 5m, 1h30m), by the time of the packets
    #[arg(long, value_name = "T", help_heading = "Input", value_parser = duration::parse)]
    pub(crate) duration: Option<Duration>,

    /// Bytes of each packet to capture
    #[arg(short = 's', value_name = "BYTES", help_heading = "Input", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=16_777_216))]
    pub(crate) snaplen: u32,

    /// Kernel buffer of each interface, in MiB
    #[arg(short = 'B', value_name = "MIB", help_heading = "Input", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub(crate) buffer: u32,

    /// Change a limit (listed below), repeatable
    #[arg(long = "limit", value_name = "NAME=VALUE", help_heading = "Input")]
    pub(crate) limits: Vec<String>,

    /// Own rows for the catalogue of causes (docs/rules.md), repeatable
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) rules: Vec<PathBuf>,

    /// One JSON object a line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Full screen; the default when live on a terminal
    #[arg(
        long,
        overrides_with = "no_tui",
        conflicts_with = "json",
        help_heading = "Output"
    )]
    pub(crate) tui: bool,

    /// Lines of text, also when live on a terminal
    #[arg(long, overrides_with = "tui", help_heading = "Output")]
    pub(crate) no_tui: bool,

    /// Print only these attempts and closings (words below)
    #[arg(
        long,
        value_name = "WHAT,...",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub(crate) only: Vec<String>,

    /// Exit 1 when one of these was seen (words below)
    #[arg(
        long,
        value_name = "WHAT,...",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub(crate) fail_on: Vec<String>,

    /// Live: a health line every T
    #[arg(long, value_name = "T", default_value = "10s", help_heading = "Output", value_parser = duration::parse)]
    pub(crate) stats_interval: Duration,

    /// Only the report, no warnings and no lines while running
    #[arg(short = 'q', help_heading = "Output", conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more on stderr
    #[arg(short = 'v', help_heading = "Output", action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Colours
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: When,

    /// Show query strings, tokens and credentials in targets
    #[arg(long, help_heading = "Output")]
    pub(crate) no_redact: bool,

    /// Times in UTC, not local
    #[arg(long, help_heading = "Output")]
    pub(crate) utc: bool,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Output")]
    version: Option<bool>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// What a finding, HTTP status, close code or product is about; several side by side
    Explain {
        /// For example 426, 1006 or nginx
        #[arg(value_name = "WHAT", required_unless_present = "list")]
        what: Vec<String>,
        /// List all that can be explained
        #[arg(long)]
        list: bool,
        /// Own rows for the catalogue, repeatable
        #[arg(long, value_name = "FILE")]
        rules: Vec<PathBuf>,
    },
}

/// When to colour; `auto` is on a terminal, unless `NO_COLOR` is set.
// The values bear no doc comments: with them clap prints its long form of help, three times as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

fn after_help() -> String {
    let mut out = String::from(
        "\
WHAT: a verdict (ok stripped downgraded rejected abandoned unknown), close:KIND (normal application
fault abnormal illegal unused open), a finding (wscap explain --list), or any (whatever is broken)

Examples:
  sudo wscap -i any tcp port 8080        on a proxy host, its clear side
  wscap -r incident.pcapng               a report of a capture
  wscap -r incident.pcapng --tui         the same to browse
  wscap -r - < capture.pcap.gz           from a pipe, packed or not
  wscap -r test.pcap --fail-on any       in CI: exit 1 when something is broken
  wscap explain 426 1006 nginx           what it means, and what to do

Exit: 0 ran, 1 --fail-on matched, 2 could not run

Limits:\n",
    );
    for limit in Limit::ALL {
        let info = limit.info();
        let line = format!("  {:<34}{:>9} {}\n", info.name, info.default, info.unit);
        out.push_str(&line);
    }
    out.truncate(out.trim_end().len());
    out
}
