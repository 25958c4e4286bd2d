//! The same in the lines of `--json`: many WebSockets in one file, each held against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use wscap::event::{FrameCounts, ViolationKind as Kind};

use super::any;
use super::travel::{FIRST_PORT, Journey, TcpEnd, Travel};
use crate::support::conversation::Who;
use crate::support::files::{self, Packet};

#[test]
fn the_lines_say_what_the_frames_are() {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        any::frames(Who::Client),
        any::frames(Who::Server),
        any::travel(),
    );
    let mut journeys = BTreeMap::new();
    for n in 0..80 {
        let (client, server, travel) = strategy.new_tree(&mut runner).unwrap().current();
        let mut travel = Travel {
            port: FIRST_PORT + n,
            ..travel
        };
        let mut sides = [&client[..], &server];
        if n == 0 {
            // A probe.
            sides = [&[], &[]];
            travel.tcp_end = TcpEnd::Fin(Who::Client);
        }
        let journey = travel.of(sides);
        journeys.insert(format!("10.1.0.2:{}", travel.port), journey);
    }
    let packets: Vec<Packet> = journeys
        .values()
        .flat_map(|journey| &journey.records)
        .map(|record| {
            (
                u64::try_from(record.at.ts.as_nanos()).unwrap(),
                record.data.clone(),
            )
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("frames.pcap");
    std::fs::write(&path, files::pcap(1, &packets)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(["--json", "-r"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_type = |kind| lines.iter().filter(move |line| line["type"] == kind);
    let clients: BTreeMap<u64, &str> = of_type("attempt")
        .map(|line| {
            (
                line["id"].as_u64().unwrap(),
                line["legs"][0]["client"].as_str().unwrap(),
            )
        })
        .collect();
    let mut closings = 0;
    for closing in of_type("closing") {
        let client = clients[&closing["attempt"].as_u64().unwrap()];
        agree(client, closing, &journeys[client]);
        closings += 1;
    }
    assert_eq!(closings, journeys.len());
    let kinds: BTreeSet<_> = journeys.values().map(|journey| journey.end.kind).collect();
    assert_eq!(kinds.len(), 7, "a kind is missing: {kinds:?}");
}

fn agree(client: &str, closing: &Value, journey: &Journey) {
    let end = &journey.end;
    assert_eq!(closing["kind"], end.kind.name(), "{client}");
    assert_eq!(closing["wire_code"], Value::from(end.wire_code), "{client}");
    assert_eq!(closing["by"], end.by.name(), "{client}");
    let leg = &closing["legs"][0];
    if let Some(echoed) = end.echoed {
        assert_eq!(leg["echoed"], echoed, "{client}");
        assert_eq!(leg["echo_ms"].is_u64(), echoed, "{client}");
    }
    for (side, (counts, dir)) in ["client", "server"]
        .iter()
        .zip(journey.story.counts.iter().zip([0, 1]))
    {
        let told = &leg["frames"][*side];
        for (name, count) in named(counts) {
            assert_eq!(told[name], count, "{client}: {name} of the {side}");
        }
        let answered = &journey.story.answered[dir];
        let micros = u64::try_from(answered.longest().as_micros()).unwrap();
        let longest = (answered.count() > 0).then_some(micros);
        assert_eq!(
            told["ping_rtt_us"]["max"],
            Value::from(longest),
            "{client}: {side}"
        );
    }
    let breaches: BTreeSet<&str> = journey
        .story
        .violations
        .iter()
        .map(|wrong| finding(wrong.2))
        .collect();
    let ids: BTreeSet<&str> = BREACHES.iter().map(|kind| finding(*kind)).collect();
    let told: BTreeSet<&str> = closing["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .filter(|id| ids.contains(id))
        .collect();
    assert_eq!(told, breaches, "{client}");
}

const BREACHES: [Kind; 9] = [
    Kind::Unmasked,
    Kind::Masked,
    Kind::Rsv,
    Kind::Opcode,
    Kind::Control,
    Kind::Continuation,
    Kind::Length,
    Kind::AfterClose,
    Kind::CloseBody,
];

const fn finding(kind: Kind) -> &'static str {
    match kind {
        Kind::Unmasked => "frame_unmasked",
        Kind::Masked => "frame_masked",
        Kind::Rsv => "rsv_unexpected",
        Kind::Opcode => "opcode_reserved",
        Kind::Control => "control_frame_invalid",
        Kind::Continuation => "continuation_unexpected",
        Kind::Length => "length_not_minimal",
        Kind::AfterClose => "data_after_close",
        Kind::CloseBody => "close_malformed",
        Kind::Http => "http_after_101",
    }
}

fn named(counts: &FrameCounts) -> [(&'static str, u64); 10] {
    [
        ("text", counts.text),
        ("binary", counts.binary),
        ("continuation", counts.continuation),
        ("ping", counts.ping),
        ("pong", counts.pong),
        ("close", counts.close),
        ("other", counts.other),
        ("messages", counts.messages),
        ("bytes", counts.bytes),
        ("pings_unanswered", counts.pings_unanswered),
    ]
}
