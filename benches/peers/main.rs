//! What wscap is held against: generated captures with the truth about them, a yardstick, a sender.
//!
//! The scripts `compare`, `growth`, `live` and `instructions` beside it run it; nothing of it is part of wscap.

// It ends where something goes wrong, and its numbers are small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod floor;
mod send;
mod traffic;

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use traffic::Profile;

const USAGE: &str = "\
usage: peers generate PROFILE BYTES OUT.pcap [SEED [CONCURRENCY]]   small, big, storm, idle or steady; prints the truth
       peers floor FILE.pcap                                        the least that must be done; prints its counts
       peers send FILE.pcap INTERFACE COUNT RATE                    packets, and packets a second; 0: as fast as it goes";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = match words[..] {
        ["generate", profile, bytes, out] => generate(profile, bytes, out, "1", ""),
        ["generate", profile, bytes, out, seed] => generate(profile, bytes, out, seed, ""),
        ["generate", profile, bytes, out, seed, concurrency] => {
            generate(profile, bytes, out, seed, concurrency)
        }
        ["floor", file] => floor::run(file).map_err(Into::into),
        ["send", file, interface, count, rate] => send(file, interface, count, rate),
        [] => Ok(USAGE.into()),
        _ => Err(USAGE.into()),
    };
    match said {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

type Said = Result<String, Box<dyn std::error::Error>>;

fn generate(profile: &str, bytes: &str, out: &str, seed: &str, concurrency: &str) -> Said {
    let profile = Profile::ALL
        .into_iter()
        .find(|known| known.name() == profile)
        .ok_or(USAGE)?;
    let concurrency = match concurrency {
        "" => profile.concurrency(),
        given => given.parse()?,
    };
    let mut file = BufWriter::with_capacity(1 << 20, File::create(out)?);
    let truth = traffic::generate(
        profile,
        bytes.parse()?,
        (seed.parse()?, concurrency),
        &mut file,
    )?;
    Ok(serde_json::to_string(&truth)?)
}

fn send(file: &str, interface: &str, count: &str, rate: &str) -> Said {
    Ok(send::run(file, interface, (count.parse()?, rate.parse()?))?)
}
