//! The README shows what the program says.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_screen_in_the_readme_is_what_the_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let block = readme
        .split("```")
        .nth(1)
        .expect("the first block is a screen");
    let (command, shown) = block.trim_start().split_once('\n').unwrap();
    let words = command
        .strip_prefix("$ wscap ")
        .expect("it begins with the command");
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(words.split(' '))
        .current_dir(root)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim_end(),
        shown.trim_end()
    );
}

#[test]
fn every_capture_and_document_that_the_readme_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let named: Vec<&str> = readme
        .split(['(', ')', ' ', '\n', '`'])
        .filter(|word| {
            word.starts_with("captures/") || word.starts_with("docs/") || word.starts_with(".ci/")
        })
        .collect();
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        assert!(
            root.join(name).exists(),
            "the README names {name}, which is not there"
        );
    }
}
