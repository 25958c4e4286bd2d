//! The `wscap` command.

use std::io::{self, Write as _};
use std::panic;
use std::process::ExitCode;

use anyhow::Result;
use wscap::cli::{self, Action, Surroundings};
use wscap::judge::explain;
use wscap::pipeline::{self, Exit};
use wscap::report::sanitize::clean;

/// What one thread allocates for a head the other frees: the system's allocator takes a lock for each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MATCHED: u8 = 1;
const FAILED: u8 = 2;

fn main() -> ExitCode {
    // A panic has told its story by then; what is left is not to look like success or like a match.
    match panic::catch_unwind(run) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) if is_closed(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            cli::say(&error.to_string());
            ExitCode::from(FAILED)
        }
        Err(_) => ExitCode::from(FAILED),
    }
}

fn run() -> Result<ExitCode> {
    let around = Surroundings::of_this_process();
    match cli::parse(std::env::args_os(), &around)? {
        Action::Run(config) => Ok(match pipeline::run(&config)? {
            Exit::Fine => ExitCode::SUCCESS,
            Exit::Matched => ExitCode::from(MATCHED),
        }),
        Action::ListInterfaces => print(&cli::interfaces()?),
        Action::Explain {
            words,
            rules,
            width,
        } => {
            let catalogue = pipeline::catalogue(&rules)?;
            let page = explain::explain(&words, &catalogue, width)?;
            // Own rows may ask for any bytes, and the page says which.
            let lines = page.lines().map(|line| clean(line, usize::MAX) + "\n");
            print(&lines.collect::<String>())
        }
        Action::Print(text) => print(&text),
    }
}

fn print(text: &str) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(pipeline::Error::Write)?;
    Ok(ExitCode::SUCCESS)
}

/// Nobody reads any more: no fault of ours.
fn is_closed(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(pipeline::Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe
    )
}
