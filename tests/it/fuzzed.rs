//! What fuzzing found worth keeping, replayed: each input of `tests/fuzz/corpus` through its target.

pub(crate) mod targets;

use std::fs;
use std::path::Path;

use crate::contract::{self, shape};

/// Every target that has a corpus.
fn target(name: &str) -> fn(&[u8]) {
    match name {
        "file" => targets::file,
        "packet" => targets::packet,
        "fragments" => targets::fragments,
        "stream" => targets::stream,
        "http" => targets::http,
        "frames" => targets::frames,
        "capture" => capture,
        other => panic!("{other} is no target"),
    }
}

fn capture(bytes: &[u8]) {
    let Some(told) = targets::capture(bytes) else {
        return;
    };
    let wrong = contract::wrong(&told.json, told.packets, false);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let text = String::from_utf8(told.text).unwrap();
    let unfit = text.chars().find(|&c| c != '\n' && shape::is_unfit(c));
    assert_eq!(unfit, None);
}

#[test]
fn what_fuzzing_found_is_read_as_ever() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut replayed = 0;
    for name in [
        "file",
        "packet",
        "fragments",
        "stream",
        "http",
        "frames",
        "capture",
    ] {
        let run = target(name);
        let mut inputs: Vec<_> = fs::read_dir(folder.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        for path in inputs {
            let input = fs::read(&path).unwrap();
            // Said where it panics.
            println!("{}", path.display());
            run(&input);
            replayed += 1;
        }
    }
    assert!(replayed > 300, "only {replayed} inputs");
}
