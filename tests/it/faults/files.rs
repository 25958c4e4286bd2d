//! Files that change while they are read, readers that are slow, and signals at any time.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::clock::opened;
use crate::cli::{Dir, WSCAP};
use crate::support::files::{self, Packet};

/// More than fits into a pipe and the channel behind it.
const CLIENTS: u16 = 4_000;

struct Big {
    dir: Dir,
    path: PathBuf,
    packets: Vec<Packet>,
}

impl Big {
    fn new() -> Self {
        let dir = Dir::new();
        let packets = opened(CLIENTS);
        let path = dir.file("c.pcap", &files::pcap(1, &packets));
        Self { dir, path, packets }
    }

    /// Reads it with nobody who takes the output, so that it waits in the middle.
    fn stuck(&self) -> Child {
        let child = Command::new(WSCAP)
            .args(["--json", "-r"])
            .arg(&self.path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        thread::sleep(Duration::from_secs(2));
        child.unwrap()
    }
}

/// What came of it: its code, all lines, which are whole, and what it said.
fn end(mut child: Child) -> (Option<i32>, Vec<Value>, String) {
    let mut told = child.stderr.take().unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with('\n'), "the last line is whole");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let mut stderr = String::new();
    told.read_to_string(&mut stderr).unwrap();
    (output.status.code(), lines, stderr)
}

fn packets(lines: &[Value]) -> usize {
    let summary = lines.last().unwrap();
    assert_eq!(summary["type"], "summary");
    usize::try_from(summary["health"]["packets"].as_u64().unwrap()).unwrap()
}

fn verdicts(lines: &[Value], which: &str) -> usize {
    let attempts = lines.iter().filter(|line| line["type"] == "attempt");
    attempts.filter(|line| line["verdict"] == which).count()
}

#[test]
fn a_reader_that_is_slow_gets_everything() {
    let big = Big::new();
    let (code, lines, told) = end(big.stuck());
    assert_eq!((code, &*told), (Some(0), ""));
    assert_eq!(packets(&lines), big.packets.len());
    assert_eq!(verdicts(&lines, "ok"), usize::from(CLIENTS));
}

#[test]
fn a_file_that_is_cut_while_it_is_read_ends_there() {
    let big = Big::new();
    let child = big.stuck();
    let file = OpenOptions::new().write(true).open(&big.path).unwrap();
    file.set_len(0).unwrap();
    let (code, lines, told) = end(child);
    assert_eq!(code, Some(0), "{told}");
    let read = packets(&lines);
    assert!(0 < read && read < big.packets.len(), "{read} packets");
    let all = lines
        .iter()
        .filter(|line| line["type"] == "attempt")
        .count();
    let blameless = verdicts(&lines, "ok") + verdicts(&lines, "unknown");
    assert_eq!(blameless, all, "nobody is accused of what was cut off");
    assert!(told.is_empty() || told.contains("cut off"), "{told}");
}

#[test]
fn a_file_that_grows_is_read_to_where_it_ends_by_then() {
    for (half, says) in [(0, ""), (7, "cut off in the middle of a packet")] {
        let big = Big::new();
        let child = big.stuck();
        let more = files::pcap(1, &big.packets[..17]);
        let mut file = OpenOptions::new().append(true).open(&big.path).unwrap();
        // Without a header of its own.
        file.write_all(&more[24..]).unwrap();
        file.write_all(&more[24..24 + half]).unwrap();
        drop(file);
        let (code, lines, told) = end(child);
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(packets(&lines), big.packets.len() + 17);
        // What was appended bears the times of the beginning.
        assert!(told.contains("too early") && told.contains(says), "{told}");
    }
}

#[test]
fn a_file_that_is_rotated_away_is_read_to_its_end() {
    let big = Big::new();
    let child = big.stuck();
    fs::rename(&big.path, big.dir.path("c.pcap.1")).unwrap();
    fs::write(&big.path, "another").unwrap();
    let (code, lines, told) = end(child);
    assert_eq!((code, &*told), (Some(0), ""));
    assert_eq!(packets(&lines), big.packets.len());
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([name, &id]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_signal_in_the_middle_prints_the_summary_of_what_was_read() {
    let big = Big::new();
    for name in ["-INT", "-TERM", "-HUP"] {
        let child = big.stuck();
        signal(&child, name);
        thread::sleep(Duration::from_millis(100));
        let (code, lines, told) = end(child);
        assert_eq!((code, &*told), (Some(0), ""), "{name}");
        let read = packets(&lines);
        assert!(0 < read && read < big.packets.len(), "{name}: {read}");
    }
}

/// From its first moment to its last.
#[test]
fn a_signal_at_any_time_leaves_whole_lines() {
    let big = Big::new();
    for (n, name) in (0..24).zip(["-INT", "-TERM", "-HUP"].into_iter().cycle()) {
        let out = big.dir.path("out");
        let mut child = Command::new(WSCAP)
            .args(["--json", "-r"])
            .arg(&big.path)
            .stdout(fs::File::create(&out).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(n * n * 2));
        // It may have ended by itself.
        let _ = Command::new("kill")
            .args([name, &child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        let status = child.wait().unwrap();
        let text = fs::read_to_string(&out).unwrap();
        if text.is_empty() {
            // Before it listens for signals nothing was read.
            assert!(status.code().is_none(), "{n}: {status}");
            continue;
        }
        assert_eq!(status.code(), Some(0), "{n}");
        assert!(text.ends_with('\n'), "{n}");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        packets(&lines.collect::<Vec<_>>());
    }
}
