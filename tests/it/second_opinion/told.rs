//! What wscap says of a file.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Facts, OPCODES};

pub(super) fn facts(file: &Path) -> Facts {
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(["--json", "--no-redact", "-r"])
        .arg(file)
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 2)),
        "{}: {:?}",
        file.display(),
        output.status
    );
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let attempts: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "attempt")
        .collect();
    let mut facts = Facts::default();
    for attempt in &attempts {
        for leg in list(&attempt["legs"]) {
            of_leg(leg, &mut facts);
        }
        for earlier in list(&attempt["earlier_tries"]) {
            let frame = earlier["frame"].as_u64().unwrap();
            let stream = earlier["tcp_stream"].as_u64().unwrap();
            facts.brief.insert((stream, frame));
            facts.put(stream, format!("target of {frame}"), &earlier["target"]);
            facts.put(stream, format!("status of {frame}"), &earlier["status"]);
        }
    }
    for closing in lines.iter().filter(|line| line["type"] == "closing") {
        let attempt = attempts
            .iter()
            .find(|attempt| attempt["id"] == closing["attempt"])
            .unwrap();
        for end in list(&closing["legs"]) {
            let at = usize::try_from(end["leg"].as_u64().unwrap()).unwrap();
            let stream = attempt["legs"][at]["tcp_stream"].as_u64().unwrap();
            of_end(stream, end, &mut facts);
        }
    }
    facts
}

fn of_leg(leg: &Value, facts: &mut Facts) {
    let stream = leg["tcp_stream"].as_u64().unwrap();
    facts.streams.insert(stream);
    facts
        .clients
        .insert(stream, leg["client"].as_str().unwrap().to_owned());
    let (request, response) = (&leg["request"], &leg["response"]);
    let Some(frame) = request["frame"].as_u64() else {
        if let Some(frame) = response["frame"].as_u64() {
            facts.put(stream, format!("status in {frame}"), &response["status"]);
        }
        return;
    };
    facts.put(stream, format!("client of {frame}"), &leg["client"]);
    facts.put(stream, format!("method of {frame}"), &request["method"]);
    facts.put(stream, format!("target of {frame}"), &request["target"]);
    facts.put(stream, format!("status of {frame}"), &response["status"]);
    facts.put(stream, format!("answer to {frame}"), &response["frame"]);
}

fn of_end(stream: u64, end: &Value, facts: &mut Facts) {
    let mut closes = 0;
    for side in ["client", "server"] {
        let frames = &end["frames"][side];
        closes += frames["close"].as_u64().unwrap();
        for name in OPCODES.iter().map(|(_, name)| *name).chain(["other"]) {
            if frames[name] != 0 {
                facts.put(stream, format!("{name} of {side}"), &frames[name]);
            }
        }
    }
    if closes > 0 {
        let code = end["wire_code"]
            .as_u64()
            .map_or_else(|| "empty".to_owned(), |code| code.to_string());
        let by = end["by"].as_str().unwrap();
        facts.said.insert(
            (stream, "first close".to_owned()),
            format!("{code} of {by}"),
        );
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}
