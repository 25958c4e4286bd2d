//! A second opinion: tshark reads the same files, and every difference is explained in the table of `known.rs`.

mod known;
mod told;
mod tshark;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use known::KNOWN;

/// Opcodes by the names that the output has for them.
const OPCODES: &[(u64, &str)] = &[
    (0, "continuation"),
    (1, "text"),
    (2, "binary"),
    (8, "close"),
    (9, "ping"),
    (10, "pong"),
];

/// What is said of one file.
#[derive(Debug, Default)]
struct Facts {
    /// By stream and the name of what is said: `status of 4` is that of the request in frame 4,
    /// `status in 4` that of an answer without a request.
    said: BTreeMap<(u64, String), String>,
    streams: BTreeSet<u64>,
    /// Who opened each stream.
    clients: BTreeMap<u64, String>,
    /// Stream and frame of requests of which only target and status are told.
    brief: BTreeSet<(u64, u64)>,
}

impl Facts {
    /// Says nothing where nothing was seen.
    fn put(&mut self, stream: u64, what: String, value: &Value) {
        let value = match value {
            Value::Null => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.streams.insert(stream);
        self.said.insert((stream, what), value);
    }
}

/// One thing on which the two do not agree; `-` is what one of them does not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    file: String,
    stream: u64,
    what: String,
    wscap: String,
    tshark: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "(\"{}\", {}, \"{}\", \"{}\", \"{}\"),",
            self.file, self.stream, self.what, self.wscap, self.tshark
        )
    }
}

/// What both were asked about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    files: usize,
    streams: usize,
    requests: usize,
    statuses: usize,
    frames: u64,
    closes: usize,
}

#[test]
fn tshark_sees_the_same_in_the_recorded_captures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut files = Vec::new();
    for part in ["handshake", "close", "transport"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let name = entry.unwrap().file_name();
            files.push(format!("{part}/{}", name.to_string_lossy()));
        }
    }
    files.sort();
    let Some(counts) = compare(&folder, &files) else {
        return;
    };
    assert!(counts.files > 100 && counts.requests > 200 && counts.frames > 500);
}

#[test]
fn tshark_sees_the_same_in_captures_of_other_projects() {
    let Ok(folder) = env::var("WSCAP_CORPUS") else {
        println!("skipped: WSCAP_CORPUS is not set");
        return;
    };
    let folder = PathBuf::from(folder);
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap();
    let files: Vec<String> = truth
        .as_array()
        .unwrap()
        .iter()
        .map(|known| known["file"].as_str().unwrap().to_owned())
        .collect();
    compare(&folder, &files);
}

/// Without tshark nothing is compared, nothing fails, and it is said.
#[test]
fn where_tshark_is_missing_it_is_said() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("second_opinion::tshark_sees_the_same_in_the_recorded_captures")
        .env("PATH", "")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("skipped: tshark is not installed"), "{text}");
}

/// Asks both about each file, and holds the differences against the table. `None` where tshark cannot be asked.
fn compare(folder: &Path, files: &[String]) -> Option<Counts> {
    if let Some(why) = tshark::why_not() {
        println!("skipped: {why}");
        return None;
    }
    let settings = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Counts::default(), BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let path = folder.join(name);
                    let ours = told::facts(&path);
                    let theirs = tshark::facts(&path, settings.path(), &ours);
                    let (counts, differences) = &mut *found.lock().unwrap();
                    counts.add(&ours, &theirs);
                    differences.extend(differ(name, &ours, &theirs));
                }
            });
        }
    });
    let (counts, differences) = found.into_inner().unwrap();
    let explained: BTreeSet<Difference> = KNOWN
        .iter()
        .flat_map(known::Known::rows)
        .filter(|row| files.contains(&row.file))
        .collect();
    let mut wrong = String::new();
    for new in differences.difference(&explained) {
        let _ = writeln!(wrong, "not explained: {new}");
    }
    for gone in explained.difference(&differences) {
        let _ = writeln!(wrong, "no difference any more: {gone}");
    }
    assert!(
        wrong.is_empty(),
        "(file, stream, what, wscap, tshark)\n{wrong}{counts:?}"
    );
    println!("{counts:?}, {} differences:", differences.len());
    for known in KNOWN {
        let here = known.rows().filter(|row| files.contains(&row.file)).count();
        if here > 0 {
            println!("{here} because {}", known.reason);
        }
    }
    Some(counts)
}

fn differ(file: &str, ours: &Facts, theirs: &Facts) -> Vec<Difference> {
    let keys: BTreeSet<_> = ours.said.keys().chain(theirs.said.keys()).collect();
    keys.into_iter()
        .filter(|key| ours.said.get(*key) != theirs.said.get(*key))
        .filter(|(stream, what)| {
            let of_brief = ours.brief.iter().any(|(its, frame)| {
                its == stream
                    && ["client of", "method of", "answer to"]
                        .iter()
                        .any(|name| *what == format!("{name} {frame}"))
            });
            !of_brief
        })
        .map(|key| {
            let value = |facts: &Facts| {
                facts
                    .said
                    .get(key)
                    .cloned()
                    .unwrap_or_else(|| "-".to_owned())
            };
            Difference {
                file: file.to_owned(),
                stream: key.0,
                what: key.1.clone(),
                wscap: value(ours),
                tshark: value(theirs),
            }
        })
        .collect()
}

impl Counts {
    fn add(&mut self, ours: &Facts, theirs: &Facts) {
        let keys: BTreeSet<_> = ours.said.keys().chain(theirs.said.keys()).collect();
        let of = |name: &str| {
            keys.iter()
                .filter(|(_, what)| what.starts_with(name))
                .count()
        };
        self.files += 1;
        self.streams += ours.streams.union(&theirs.streams).count();
        self.requests += of("target of ");
        self.statuses += of("status of ") + of("status in ");
        self.closes += of("first close");
        self.frames += theirs
            .said
            .iter()
            .filter(|((_, what), _)| what.ends_with(" of client") || what.ends_with(" of server"))
            .map(|(_, count)| count.parse::<u64>().unwrap_or(0))
            .sum::<u64>();
    }
}
