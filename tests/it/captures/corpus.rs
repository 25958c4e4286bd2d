//! Captures of other projects, held against what is known of them.

mod frames;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{of_type, parse};

/// Captures of other projects, where the variable `WSCAP_CORPUS` names a folder with them and their `truth.json`.
#[test]
fn captures_of_other_projects_yield_what_is_known_of_them() {
    let Ok(folder) = std::env::var("WSCAP_CORPUS") else {
        println!("skipped: WSCAP_CORPUS is not set");
        return;
    };
    let folder = PathBuf::from(folder);
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap();
    let mut wrong = String::new();
    let mut files = 0;
    let mut streams = 0;
    for known in truth.as_array().unwrap() {
        let name = known["file"].as_str().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
            .args(["--json", "-r"])
            .arg(folder.join(name))
            .output()
            .unwrap();
        files += 1;
        let code = output.status.code();
        if !matches!(code, Some(0 | 2)) {
            let _ = writeln!(
                wrong,
                "{name}: exit {code:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            continue;
        }
        let lines = parse(&output.stdout);
        streams += frames::check(&folder.join(name), known, &lines, &mut wrong);
        if known["group"] == "ws" {
            check_websocket(name, known, &lines, &mut wrong);
            continue;
        }
        let attempts = of_type(&lines, "attempt");
        let websocket = attempts
            .iter()
            .filter(|attempt| attempt["protocol"] == "websocket")
            .count();
        if websocket != 0 {
            let _ = writeln!(
                wrong,
                "{name}: {websocket} WebSocket attempts where there is none"
            );
        }
    }
    assert!(wrong.is_empty(), "{files} files read:\n{wrong}");
    println!("{files} files of other projects, {streams} streams with frames, all as known");
}

fn check_websocket(name: &str, known: &Value, lines: &[Value], wrong: &mut String) {
    let attempts = of_type(lines, "attempt");
    let legs: BTreeMap<u64, &Value> = attempts
        .iter()
        .flat_map(|attempt| attempt["legs"].as_array().unwrap())
        .filter_map(|leg| Some((leg["tcp_stream"].as_u64()?, leg)))
        .collect();
    for stream in known["streams"].as_array().unwrap() {
        let number = stream["tcp_stream"].as_u64().unwrap();
        for upgrade in stream["upgrades"].as_array().into_iter().flatten() {
            if upgrade["is_websocket"] != true {
                continue;
            }
            let Some(leg) = legs.get(&number) else {
                let _ = writeln!(wrong, "{name}: no leg for stream {number}");
                continue;
            };
            let mut same = |what: &str, got: &Value, want: &Value| {
                if got != want {
                    let _ = writeln!(
                        wrong,
                        "{name} stream {number}: {what} is {got}, known is {want}"
                    );
                }
            };
            same("key", &leg["request"]["key"], &upgrade["key"]);
            same(
                "status",
                &leg["response"]["status"],
                &upgrade["response"]["status"],
            );
            if let Some(ok) = upgrade["accept_ok"]
                .as_bool()
                .filter(|_| upgrade["response"]["status"] == 101)
            {
                same(
                    "accept",
                    &leg["response"]["accept"],
                    &Value::from(if ok { "ok" } else { "wrong" }),
                );
            }
        }
    }
    let codes = |list: Vec<i64>| {
        let mut list = list;
        list.sort_unstable();
        list
    };
    let known_codes = codes(
        known["upgrade"]["close"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|close| close["code"].as_i64().unwrap_or(-1))
            .collect(),
    );
    let seen_closes: u64 = of_type(lines, "closing")
        .iter()
        .flat_map(|closing| closing["legs"].as_array().unwrap().iter())
        .map(|leg| {
            ["client", "server"]
                .iter()
                .map(|side| leg["frames"][*side]["close"].as_u64().unwrap())
                .sum::<u64>()
        })
        .sum();
    if seen_closes != known_codes.len() as u64 {
        let _ = writeln!(
            wrong,
            "{name}: {seen_closes} Close frames, known are {}",
            known_codes.len()
        );
    }
    for closing in of_type(lines, "closing") {
        let first = closing["wire_code"].as_i64().unwrap_or(-1);
        if !known_codes.is_empty() && !known_codes.contains(&first) {
            let _ = writeln!(
                wrong,
                "{name}: closed by {first}, known are {known_codes:?}"
            );
        }
    }
}
