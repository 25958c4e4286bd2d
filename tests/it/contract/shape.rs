//! The keys of each type of line and the kind of each value, as the specification lists them.

use serde_json::Value;
use wscap::judge::FindingId;

/// Keys of an object with what their values are: `kind`, `kind?` where it may be null, `[kind]` for a list of them.
const OBJECTS: &[(&str, &str)] = &[
    (
        "attempt",
        "v:one type:text id:number time:time protocol:text? verdict:verdict finding:finding? confidence:confidence? \
         severity:severity host:text? target:text? status:status? hop:hop? findings:[found] cause:text? fix:[text] \
         wont_help:[text] tries:number earlier_tries:[try] ambiguous:bool legs:[leg] diff:[difference]",
    ),
    (
        "hop",
        "in:address? out:address? software:text? adjacent:bool?",
    ),
    (
        "found",
        "id:finding rule:rule? leg:number confidence:confidence evidence:[text]",
    ),
    (
        "try",
        "time:time status:status? target:text tcp_stream:number? frame:number",
    ),
    (
        "leg",
        "parent:number? role:role joined_by:joined_by? client:address server:address file:number? seen_on:[text] \
         also:[view] community_id:community tcp_stream:number? redirected:redirected? proxied_for:address? through:text? request:request? \
         response:response? ended:ended handshake_us:number?",
    ),
    ("redirected", "from:address tcp_stream:number?"),
    (
        "view",
        "client:address server:address file:number seen_on:[text] tcp_stream:number?",
    ),
    (
        "request",
        "frame:number time:time method:text target:text version:version host:text? upgrade:text? connection:text? \
         key:text? ws_version:text? extensions:text? subprotocols:text? origin:text? via:text? forwarded_for:text?",
    ),
    (
        "response",
        "frame:number time:time status:status? version:version? upgrade:text? connection:text? accept:accept? \
         extensions:text? subprotocol:text? server:text? body:text?",
    ),
    (
        "difference",
        "from:number to:number message:message field:text change:change was:text? is:text?",
    ),
    (
        "closing",
        "v:one type:text attempt:number time:time kind:kind wire_code:code? code:code? by:party reason:text? meaning:meaning? \
         severity:severity age_ms:number idle_ms:number hop:hop? finding:finding? confidence:confidence? \
         findings:[found] cause:text? fix:[text] wont_help:[text] legs:[end]",
    ),
    (
        "meaning",
        "of:text name:text text:text fix:[text] known_by:text",
    ),
    (
        "end",
        "leg:number wire_code:code? by:side? echoed:bool echo_ms:number? echo_code:code? tcp_end:ended tcp_by:side? age_ms:number idle_ms:number frames:sides",
    ),
    ("sides", "client:frames server:frames"),
    (
        "frames",
        "text:number binary:number continuation:number ping:number pong:number close:number other:number \
         messages:number bytes:number pings_unanswered:number ping_rtt_us:rtt?",
    ),
    ("rtt", "p50:number max:number"),
    (
        "group",
        "v:one type:text finding:finding? verdict:verdict? kind:kind? code:code? by:party? meaning:meaning? hop:hop? host:text? \
         route:text count:number share:share? first:time last:time example:number",
    ),
    (
        "route",
        "v:one type:text host:text? route:text attempts:verdicts latency_us:latency",
    ),
    (
        "health",
        "v:one type:text time:time? packets:number bytes:number kernel_drops:number iface_drops:number gaps:number \
         gap_bytes:number evictions:number shed_events:number tls_connections:number http2_connections:number \
         not_decoded:number limits_reached:counts",
    ),
    (
        "state",
        "time:time? packets:number bytes:number kernel_drops:number iface_drops:number gaps:number gap_bytes:number \
         evictions:number shed_events:number tls_connections:number http2_connections:number not_decoded:number \
         limits_reached:counts",
    ),
    (
        "summary",
        "v:one type:text attempts:verdicts other_protocols:number pending:number findings:counts statuses:counts \
         close_codes:counts closings:kinds plain_http:number latency_us:latency health:state",
    ),
    (
        "verdicts",
        "ok:number stripped:number downgraded:number rejected:number abandoned:number unknown:number",
    ),
    (
        "kinds",
        "normal:number application:number fault:number abnormal:number illegal:number unused:number open:number",
    ),
    (
        "latency",
        "connect:spread handshake:spread refusal:spread proxy:spread pong_client:spread pong_server:spread",
    ),
    (
        "spread",
        "p50:number p90:number p99:number max:number count:number",
    ),
];

/// Values that are one of a few words.
const WORDS: &[(&str, &str)] = &[
    (
        "verdict",
        "ok stripped downgraded rejected abandoned unknown",
    ),
    ("confidence", "proved certain likely guess"),
    ("severity", "error warning info"),
    ("role", "path auth mirror retry failed"),
    ("joined_by", "key request_id bytes time"),
    ("version", "HTTP/1.0 HTTP/1.1 HTTP/2"),
    ("accept", "ok wrong missing"),
    ("ended", "fin rst refused timeout open evicted unknown"),
    ("message", "request response"),
    ("change", "removed added renamed changed"),
    (
        "kind",
        "normal application fault abnormal illegal unused open",
    ),
    ("party", "client server proxy unknown"),
    ("side", "client server"),
];

/// What a finding may be called.
pub(crate) fn findings() -> Vec<&'static str> {
    FindingId::ALL.iter().map(|id| id.name()).collect()
}

/// What is wrong with the bytes themselves: UTF-8 in lines, with nothing that a terminal obeys.
pub(crate) fn of_bytes(bytes: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec!["no UTF-8".into()];
    };
    let mut wrong = Vec::new();
    if !text.ends_with('\n') {
        wrong.push("the last line does not end".into());
    }
    for line in text.lines() {
        if let Some(c) = line.chars().find(|&c| is_unfit(c)) {
            wrong.push(format!("{c:?} in {line}"));
        }
    }
    wrong
}

/// What is wrong with the keys of a line and with their values.
pub(crate) fn of_line(line: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match line["type"].as_str() {
        Some(kind @ ("attempt" | "closing" | "group" | "route" | "health" | "summary")) => {
            check(line, kind, kind, &mut wrong);
        }
        other => wrong.push(format!("a line of type {other:?}")),
    }
    wrong
}

/// Characters that a terminal obeys, or that change how others are shown.
pub(crate) fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn check(value: &Value, is: &str, path: &str, wrong: &mut Vec<String>) {
    if let Some(is) = is.strip_suffix('?') {
        if !value.is_null() {
            check(value, is, path, wrong);
        }
        return;
    }
    if let Some(is) = is.strip_prefix('[').and_then(|is| is.strip_suffix(']')) {
        match value.as_array() {
            Some(list) => {
                for (n, value) in list.iter().enumerate() {
                    check(value, is, &format!("{path}[{n}]"), wrong);
                }
            }
            None => wrong.push(format!("{path} is no list: {value}")),
        }
        return;
    }
    if let Some((_, keys)) = OBJECTS.iter().find(|(name, _)| *name == is) {
        object(value, keys, path, wrong);
    } else if !is_a(value, is) {
        wrong.push(format!("{path} is no {is}: {value}"));
    }
}

fn object(value: &Value, keys: &str, path: &str, wrong: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        wrong.push(format!("{path} is no object: {value}"));
        return;
    };
    let keys: Vec<(&str, &str)> = keys
        .split_whitespace()
        .map(|key| key.split_once(':').unwrap())
        .collect();
    for (key, is) in &keys {
        match object.get(*key) {
            Some(value) => check(value, is, &format!("{path}.{key}"), wrong),
            None => wrong.push(format!("{path} has no {key}")),
        }
    }
    for key in object.keys() {
        if !keys.iter().any(|(known, _)| known == key) {
            wrong.push(format!("{path} has {key}, which is not in the list"));
        }
    }
}

fn is_a(value: &Value, is: &str) -> bool {
    let text = value.as_str();
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == is) {
        return text.is_some_and(|text| words.split_whitespace().any(|word| word == text));
    }
    match is {
        "one" => value == 1,
        "bool" => value.is_boolean(),
        "number" => value.as_u64().is_some(),
        "share" => value
            .as_f64()
            .is_some_and(|share| (0.0..=1.0).contains(&share)),
        "status" => value.as_u64().is_some_and(|status| status <= 999),
        "code" => value.as_u64().is_some_and(|code| code <= 65_535),
        "counts" => value
            .as_object()
            .is_some_and(|counts| counts.values().all(|n| n.as_u64().is_some_and(|n| n > 0))),
        "text" => text.is_some_and(|text| !text.chars().any(is_unfit)),
        "finding" => text.is_some_and(|text| findings().contains(&text)),
        "rule" => text.is_some_and(|text| {
            text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        "address" => text.is_some_and(|text| text.parse::<std::net::SocketAddr>().is_ok()),
        "community" => text.is_some_and(|text| text.len() == 30 && text.starts_with("1:")),
        "time" => text.is_some_and(is_time),
        other => panic!("{other} is not told what it is"),
    }
}

/// RFC 3339, UTC, nine digits.
fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000000000Z";
    text.len() == FORM.len()
        && text
            .bytes()
            .zip(FORM.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
}

#[test]
fn what_is_not_in_shape_is_seen() {
    let line = serde_json::json!({"v": 1, "type": "route", "host": null, "route": 7, "more": 1,
        "attempts": {}, "latency_us": null});
    let wrong = of_line(&line).join("\n");
    for part in [
        "route.route is no text: 7",
        "route has more",
        "route.attempts has no ok",
        "route.latency_us is no object",
    ] {
        assert!(wrong.contains(part), "{part}\n{wrong}");
    }
    assert!(!is_time("2026-01-02T03:04:05Z") && is_time("2026-01-02T03:04:05.678901234Z"));
    assert!(!of_bytes(b"{\"a\":\"\x1b\"}\n").is_empty());
}
