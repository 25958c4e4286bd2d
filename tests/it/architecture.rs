//! The import law: data flows one way, and each crate stays in the room that needs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What every room may name.
const VOCABULARY: &[&str] = &["time", "flow", "record", "limits", "hash", "slab"];

/// A room, the rooms it may name besides the vocabulary and itself, and the crates it may name besides std.
type Law = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// In the order of the flow. A room names earlier ones only.
const LAWS: &[Law] = &[
    ("time", &[], &[]),
    ("flow", &[], &[]),
    ("record", &[], &[]),
    ("limits", &[], &[]),
    ("hash", &[], &["foldhash"]),
    ("slab", &[], &[]),
    ("packet", &[], &["etherparse"]),
    ("stream", &["packet"], &[]),
    ("http", &[], &["httparse", "memchr"]),
    ("websocket", &["http"], &["sha1", "data_encoding", "memchr"]),
    ("event", &["http", "websocket"], &[]),
    (
        "dissect",
        &["packet", "stream", "http", "websocket", "event"],
        &["memchr"],
    ),
    ("attempt", &["event", "http", "websocket"], &["arrayvec"]),
    (
        "judge",
        &["attempt", "event", "http", "websocket"],
        &["serde", "toml", "memchr"],
    ),
    (
        "tally",
        &["attempt", "judge", "event", "http", "websocket"],
        &["hdrhistogram"],
    ),
    (
        "report",
        &["attempt", "judge", "tally", "event", "http", "websocket"],
        &["serde", "serde_json", "jiff", "sha1", "data_encoding"],
    ),
    (
        // The screen says what the report says, in its words, masked and cleaned as it does.
        "tui",
        &[
            "attempt",
            "judge",
            "tally",
            "report",
            "event",
            "http",
            "websocket",
        ],
        &["ratatui", "data_encoding"],
    ),
    (
        "capture",
        &[],
        &[
            "pcap",
            "flate2",
            "ruzstd",
            "caps",
            "nix",
            "landlock",
            "seccompiler",
            "thiserror",
        ],
    ),
    (
        "cli",
        &["report", "capture", "judge", "attempt"],
        &["clap", "terminal_size", "thiserror"],
    ),
    (
        "pipeline",
        &[
            "dissect", "attempt", "judge", "tally", "capture", "report", "event", "cli", "tui",
        ],
        &["crossbeam_channel", "ctrlc", "rustix", "thiserror"],
    ),
    (
        "main",
        &["cli", "pipeline", "judge", "report"],
        &["anyhow", "wscap"],
    ),
];

/// Every crate that some room may name; a name of this list in another room breaks the law.
fn known_crates() -> BTreeSet<&'static str> {
    LAWS.iter()
        .flat_map(|(_, _, crates)| crates.iter().copied())
        .collect()
}

#[test]
fn rooms_name_only_what_comes_before_them() {
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for file in sources(Path::new("src")) {
        let room = room_of(&file);
        if room == "lib" {
            continue;
        }
        let Some((_, rooms, _)) = LAWS.iter().find(|(name, ..)| *name == room) else {
            broken.push(format!("{} stands in no room of the law", file.display()));
            continue;
        };
        seen.insert(room.clone());
        for named in names_after(&code_of(&file), "crate::") {
            let is_room = LAWS.iter().any(|(name, ..)| *name == named);
            let allowed =
                named == room || VOCABULARY.contains(&&*named) || rooms.contains(&&*named);
            if is_room && !allowed {
                broken.push(format!("{} names crate::{named}", file.display()));
            }
            if !is_room {
                broken.push(format!(
                    "{} names crate::{named}, which is no room",
                    file.display()
                ));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "the import law is broken:\n{}",
        broken.join("\n")
    );
    let missing: Vec<_> = LAWS
        .iter()
        .map(|(name, ..)| *name)
        .filter(|name| !seen.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "the law speaks of rooms that are not there: {missing:?}"
    );
}

#[test]
fn crates_stay_in_their_rooms() {
    let known = known_crates();
    let mut broken = Vec::new();
    for file in sources(Path::new("src")) {
        let room = room_of(&file);
        let Some((_, _, crates)) = LAWS.iter().find(|(name, ..)| *name == room) else {
            continue;
        };
        let code = code_of(&file);
        for name in known.iter().filter(|name| !crates.contains(*name)) {
            // `attempt::caps` would be another thing; a crate is named at the start of a path.
            let starts = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"')
            });
            if starts {
                broken.push(format!("{} names the crate {name}", file.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "crates outside their rooms:\n{}",
        broken.join("\n")
    );
}

#[test]
fn threads_and_channels_are_in_one_file() {
    for file in sources(Path::new("src")) {
        let code = code_of(&file);
        let threads = [
            "thread::spawn",
            "thread::Builder",
            "thread::scope",
            "Mutex<",
            "RwLock<",
            "mpsc::",
        ];
        for word in threads {
            assert!(
                room_of(&file) == "pipeline" || !code.contains(word),
                "{} uses {word}: threads and channels meet in pipeline.rs only",
                file.display()
            );
        }
    }
}

#[test]
fn every_room_says_what_it_is_for() {
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 20,
            "{} does not open with its purpose",
            file.display()
        );
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = path
                .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                .unwrap()
                .to_owned();
            found.extend(sources(&below));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `src/judge/verdict.rs` and `src/judge.rs` are both of the room `judge`.
fn room_of(file: &Path) -> String {
    let below = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let first = below.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The file without its comments and without its tests, which may build what they need.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    code.match_indices(prefix)
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}
