//! The keys of the JSON lines, which users' scripts rely on: exactly these, in this order.

use serde_json::Value;

use super::*;
use crate::attempt::{EarlierTry, Protocol, Role};
use crate::judge::Severity;

const LEG: &[&str] = &[
    "parent",
    "role",
    "joined_by",
    "client",
    "server",
    "file",
    "seen_on",
    "also",
    "community_id",
    "tcp_stream",
    "redirected",
    "proxied_for",
    "through",
    "request",
    "response",
    "ended",
    "handshake_us",
];

const PERCENTILES: &[&str] = &["p50", "p90", "p99", "max", "count"];

/// Everything that has a line.
fn full() -> Run {
    let mut run = mixed_closings();
    let mut judged = JudgedAttempt::clone(&stripped(7, 50_208, 0));
    judged.attempt.tries = 2;
    judged.attempt.earlier_tries = vec![EarlierTry {
        time: at(-1_000),
        status: Some(401),
        target: "/ws?t=secret".into(),
        tcp_stream: Some(0),
        frame: 9,
        source: 0,
    }];
    run.attempts = vec![Arc::new(judged), opened(8, "/ws")];
    run.health.reached.count(Limit::groups);
    run
}

fn lines(run: &Run) -> Vec<Value> {
    let text = run.json(options());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn first<'a>(lines: &'a [Value], of: &str) -> &'a Value {
    lines.iter().find(|line| line["type"] == of).unwrap()
}

fn has(value: &Value, keys: &str) {
    let keys: Vec<&str> = keys.split_whitespace().collect();
    exactly(value, &keys);
}

fn exactly(value: &Value, keys: &[&str]) {
    let mut expected: Vec<&str> = keys.to_vec();
    let mut found: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_line_has_exactly_its_keys() {
    let lines = lines(&full());
    assert!(lines.iter().all(|line| line["v"] == 1));

    let attempt = first(&lines, "attempt");
    has(
        attempt,
        "v type id time protocol verdict finding confidence severity host target status hop findings cause fix \
         wont_help tries earlier_tries ambiguous legs diff",
    );
    has(&attempt["hop"], "in out software adjacent");
    has(&attempt["findings"][0], "id rule leg confidence evidence");
    has(
        &attempt["earlier_tries"][0],
        "time status target tcp_stream frame",
    );
    exactly(&attempt["legs"][0], LEG);
    has(
        &attempt["legs"][0]["request"],
        "frame time method target version host upgrade connection key ws_version extensions subprotocols origin via \
         forwarded_for",
    );
    has(
        &attempt["legs"][0]["response"],
        "frame time status version upgrade connection accept extensions subprotocol server body",
    );
    has(&attempt["diff"][0], "from to message field change was is");

    let closing = first(&lines, "closing");
    has(
        closing,
        "v type attempt time kind wire_code code by reason meaning severity age_ms idle_ms hop finding confidence findings \
         cause fix wont_help legs",
    );
    has(
        &closing["legs"][0],
        "leg wire_code by echoed echo_ms echo_code tcp_end tcp_by age_ms idle_ms frames",
    );
    for side in ["client", "server"] {
        has(
            &closing["legs"][0]["frames"][side],
            "text binary continuation ping pong close other messages bytes pings_unanswered ping_rtt_us",
        );
    }
    has(
        &closing["legs"][0]["frames"]["client"]["ping_rtt_us"],
        "p50 max",
    );

    has(
        first(&lines, "group"),
        "v type finding verdict kind code by meaning hop host route count share first last example",
    );
    let route = first(&lines, "route");
    has(route, "v type host route attempts latency_us");
    let health = "time packets bytes kernel_drops iface_drops gaps gap_bytes evictions shed_events tls_connections \
                  http2_connections not_decoded limits_reached";
    has(first(&lines, "health"), &format!("v type {health}"));
    let summary = first(&lines, "summary");
    has(
        summary,
        "v type attempts other_protocols pending findings statuses close_codes closings plain_http latency_us health",
    );
    has(&summary["health"], health);
    for of in [route, summary] {
        has(
            &of["attempts"],
            "ok stripped downgraded rejected abandoned unknown",
        );
        has(
            &of["latency_us"],
            "connect handshake refusal proxy pong_client pong_server",
        );
        exactly(&of["latency_us"]["proxy"], PERCENTILES);
    }
    has(
        &summary["closings"],
        "normal application fault abnormal illegal unused open",
    );
    assert_eq!(lines.last().unwrap()["type"], "summary");
}

#[test]
fn keys_stand_in_the_order_of_the_specification() {
    let json = full().json(options());
    let attempt = json.lines().next().unwrap();
    let places = LEG.map_places(attempt);
    assert!(places.is_sorted(), "{attempt}");
    assert!(attempt.starts_with(
        "{\"v\":1,\"type\":\"attempt\",\"id\":7,\"time\":\"2026-01-02T03:04:05.000000000Z\",\"protocol\":\"websocket\",\
         \"verdict\":\"stripped\",\"finding\":\"upgrade_stripped\",\"confidence\":\"proved\",\"severity\":\"error\","
    ));
}

trait Places {
    fn map_places(&self, text: &str) -> Vec<usize>;
}

impl Places for [&str] {
    fn map_places(&self, text: &str) -> Vec<usize> {
        let legs = text.find("\"legs\":").unwrap();
        let place = |key: &&str| {
            text.get(legs..)
                .unwrap()
                .find(&format!("\"{key}\":"))
                .unwrap()
        };
        self.iter().map(place).collect()
    }
}

#[test]
fn values_are_what_the_specification_says() {
    let lines = lines(&full());
    let attempt = first(&lines, "attempt");
    let (outer, inner) = (&attempt["legs"][0], &attempt["legs"][1]);
    assert_eq!(attempt["target"], "/ws/1234?token=***");
    assert_eq!(attempt["status"], 426);
    assert_eq!(attempt["hop"]["in"], "10.0.0.5:80");
    assert_eq!(attempt["findings"][0]["rule"], "S01");
    assert_eq!(attempt["findings"][1]["rule"], Value::Null);
    assert_eq!(attempt["earlier_tries"][0]["target"], "/ws?t=***");
    assert_eq!(
        (&outer["parent"], &outer["joined_by"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&inner["parent"], &inner["joined_by"]),
        (&0.into(), &"key".into())
    );
    assert_eq!(outer["seen_on"][0], "eth0");
    assert_eq!(outer["file"], 0);
    assert_eq!(outer["handshake_us"], 5_000);
    assert_eq!(outer["response"]["accept"], Value::Null);
    assert_eq!(outer["response"]["body"], "Upgrade Required");
    assert_eq!(outer["request"]["key"], example::KEY);
    assert_eq!(inner["request"]["version"], "HTTP/1.0");
    assert_eq!(inner["request"]["upgrade"], Value::Null);
    assert_eq!(outer["ended"], "open");

    let ok = lines.iter().find(|line| line["verdict"] == "ok").unwrap();
    for key in ["finding", "confidence", "hop", "cause"] {
        assert_eq!(ok[key], Value::Null, "{key}");
    }
    assert_eq!(ok["fix"], Value::Array(Vec::new()));
    assert_eq!(ok["legs"][0]["response"]["accept"], "ok");

    let closing = first(&lines, "closing");
    assert_eq!(
        (&closing["age_ms"], &closing["idle_ms"]),
        (&64_995.into(), &60_000.into())
    );
    assert_eq!(closing["legs"][0]["by"], "client");
    assert_eq!(closing["legs"][0]["echoed"], false);
    assert_eq!(
        (
            &closing["legs"][0]["tcp_end"],
            &closing["legs"][0]["tcp_by"]
        ),
        (&"fin".into(), &"server".into())
    );
    assert_eq!(
        closing["legs"][0]["frames"]["client"]["ping_rtt_us"]["p50"],
        300
    );
    assert_eq!(
        closing["legs"][0]["frames"]["server"]["ping_rtt_us"],
        Value::Null
    );

    let groups: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "group")
        .collect();
    assert_eq!(groups[0]["verdict"], Value::Null);
    assert_eq!(
        (&groups[0]["kind"], &groups[0]["code"]),
        (&"normal".into(), &1_000.into())
    );
    let stripped = groups
        .iter()
        .find(|group| group["verdict"] == "stripped")
        .unwrap();
    assert_eq!(
        (&stripped["route"], &stripped["share"]),
        (&"/ws/*".into(), &1.0.into())
    );
    assert_eq!(first(&lines, "health")["limits_reached"]["groups"], 1);
}

#[test]
fn other_protocols_and_none() {
    let mut other = JudgedAttempt::clone(&forbidden(1));
    other.attempt.protocol = Protocol::Other("h2c\x1b".into());
    other.judgement.severity = Severity::Info;
    let mut none = other.clone();
    none.attempt.protocol = Protocol::None;
    none.attempt.legs[0].role = Role::Path;
    none.attempt.legs[0].leg.request = None;
    let run = Run {
        attempts: vec![Arc::new(other), Arc::new(none)],
        ..Run::default()
    };
    let lines = lines(&run);
    assert_eq!(lines[0]["protocol"], "h2c\u{fffd}");
    for key in ["protocol", "target", "host"] {
        assert_eq!(lines[1][key], Value::Null);
    }
    assert_eq!(lines[1]["legs"][0]["handshake_us"], Value::Null);
    assert_eq!(lines.last().unwrap()["other_protocols"], 2);
}

#[test]
fn bodies_that_are_no_text_are_null() {
    for (bytes, encoded, shown) in [
        (&b"\x00\x01"[..], false, None),
        (b"gzip", true, None),
        (b"\xff\xfe", false, None),
        (b"", false, None),
        (b"Gr\xc3", false, Some("Gr")),
        (b"a\nb", false, Some("a b")),
    ] {
        let mut judged = JudgedAttempt::clone(&forbidden(1));
        judged.attempt.legs[0].leg.body = Some(crate::attempt::BodyStart {
            bytes: bytes.into(),
            whole: true,
            encoded,
        });
        let run = Run {
            attempts: vec![Arc::new(judged)],
            ..Run::default()
        };
        let lines = lines(&run);
        assert_eq!(lines[0]["legs"][0]["response"]["body"].as_str(), shown);
    }
}
