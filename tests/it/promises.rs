//! The threat model names the tests that hold its promises: they are there, and are run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every test in a folder that is not left out.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
            continue;
        }
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (at, mark) in text.match_indices("#[test]") {
            let rest = &text[at + mark.len()..];
            // The name comes after any other attribute; strategies of `proptest` follow it within the brackets.
            let (between, after) = rest.split_once("fn ").unwrap();
            let name: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !between.contains("#[ignore") {
                found.insert(name);
            }
        }
    }
}

#[test]
fn each_promise_of_the_threat_model_has_tests_and_they_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    tests(&root.join("tests"), &mut there);
    tests(&root.join("src"), &mut there);
    assert!(there.len() > 300, "{} tests", there.len());
    let page = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let (_, promises) = page.split_once("## What it promises\n").unwrap();
    let (promises, _) = promises.split_once("\n## ").unwrap();
    let rows: Vec<&str> = promises
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() > 20, "{} promises", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [promise, held_by] = cells[..] else {
            panic!("two cells: {row}");
        };
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing holds: {promise}");
        for name in names {
            assert!(there.contains(name), "{name} is no test, of: {promise}");
        }
    }
}
