//! What `--json` promises, line by line: every line of every recorded capture has exactly the keys of its type, each
//! value is of its kind, and what one line says agrees with all the others.

mod agreement;
mod endings;
pub(crate) mod shape;
mod situations;
mod sums;
mod tries;
mod views;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::reader;

/// The lines of a file, and what else is known of it.
struct Run {
    lines: Vec<Value>,
    packets: u64,
}

#[test]
fn every_line_of_every_capture_is_as_promised() {
    let mut wrong = Vec::new();
    let files = captures();
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let bytes = written(file);
        let mut said = shape::of_bytes(&bytes);
        let run = Run {
            lines: lines(&bytes),
            packets: reader::read(file).packets.len() as u64,
        };
        said.extend(run.lines.iter().flat_map(shape::of_line));
        // What is not in shape cannot be compared.
        if said.is_empty() {
            said = [agreement::of(&run), sums::of(&run)].concat();
        }
        wrong.extend(said.into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(files.len() > 100, "only {} captures", files.len());
    assert!(wrong.is_empty(), "not as promised:\n{}", wrong.join("\n"));
}

/// What is not as promised in what `--json` wrote of so many packets; with the sums, where no limit was reached. How lines
/// agree with each other is not asked: where clocks lie, so do the spans between them.
pub(crate) fn wrong(json: &[u8], packets: u64, and_sums: bool) -> Vec<String> {
    let mut wrong = shape::of_bytes(json);
    let run = Run {
        lines: lines(json),
        packets,
    };
    wrong.extend(run.lines.iter().flat_map(shape::of_line));
    if wrong.is_empty() && and_sums {
        wrong = sums::of(&run);
    }
    wrong
}

/// The checks themselves: whatever is changed in a line that agrees with the others is noticed.
#[test]
fn what_does_not_agree_is_seen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let file = root.join("close/1010_extension_removed_by_haproxy.pcapng");
    let run = Run {
        lines: lines(&written(&file)),
        packets: reader::read(&file).packets.len() as u64,
    };
    let wrong = |run: &Run| [agreement::of(run), sums::of(run)].concat();
    assert_eq!(wrong(&run), Vec::<String>::new());
    for (of, place, value) in [
        ("attempt", "/id", json!(2)),
        ("attempt", "/verdict", json!("stripped")),
        ("attempt", "/finding", Value::Null),
        ("attempt", "/severity", json!("error")),
        ("attempt", "/status", json!(200)),
        ("attempt", "/tries", json!(2)),
        ("attempt", "/findings/0/leg", json!(2)),
        ("attempt", "/legs/0/parent", json!(1)),
        ("attempt", "/legs/1/joined_by", Value::Null),
        ("attempt", "/legs/1/role", json!("mirror")),
        ("attempt", "/diff/0/to", json!(0)),
        ("attempt", "/diff/0/change", json!("changed")),
        ("closing", "/attempt", json!(2)),
        ("closing", "/kind", json!("normal")),
        ("closing", "/code", json!(1011)),
        ("closing", "/finding", json!("ping_timeout")),
        ("closing", "/legs/0/leg", json!(7)),
        ("group", "/count", json!(2)),
        ("group", "/example", json!(7)),
        ("group", "/first", json!("2001-01-01T00:00:00.000000000Z")),
        ("route", "/attempts/downgraded", json!(2)),
        ("health", "/packets", json!(1)),
        ("summary", "/attempts/ok", json!(1)),
        ("summary", "/statuses/101", json!(0)),
        ("summary", "/findings/refused", json!(1)),
        ("summary", "/close_codes/1010", json!(2)),
        ("summary", "/other_protocols", json!(1)),
        ("summary", "/latency_us/proxy/p50", json!(9_999_999)),
    ] {
        let mut changed = Run {
            lines: run.lines.clone(),
            packets: run.packets,
        };
        let line = changed.lines.iter_mut().find(|line| line["type"] == of);
        let (parent, key) = place.rsplit_once('/').unwrap();
        line.unwrap().pointer_mut(parent).unwrap()[key] = value;
        assert!(!wrong(&changed).is_empty(), "{of}{place}");
    }
}

#[test]
fn the_list_of_findings_is_the_one_that_explain_prints() {
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(["explain", "--list"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for id in shape::findings() {
        assert!(listed.contains(&id), "{id} is not listed");
    }
}

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut all = Vec::new();
    for folder in ["handshake", "close", "transport"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        all.extend(entries.map(|entry| entry.unwrap().path()));
    }
    all.sort();
    all
}

fn written(file: &Path) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(["--json", "-r"])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", file.display());
    output.stdout
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}
