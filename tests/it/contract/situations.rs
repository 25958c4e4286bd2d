//! Situations that the specification names, one connection each, from packets to lines.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use wscap::time::Timestamp;
use wscap::websocket::accept_for;

use super::{Run, agreement, lines, shape, sums};
use crate::support::conversation::{Conversation, Who};
use crate::support::files::{self, Packet};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";
pub(super) const ASKS: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
pub(super) const KEYED: &str =
    "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\n";

fn start() -> Conversation {
    Conversation::new().start(Timestamp::from_secs(1_700_000_000, 0))
}

pub(super) fn get(fields: &str) -> String {
    format!("GET /ws HTTP/1.1\r\nHost: app.example\r\nVia: 1.1 edge\r\n{fields}\r\n")
}

/// A whole handshake with some fields more.
fn asked(more: &str) -> Conversation {
    start().client(get(&format!("{ASKS}{KEYED}{more}")))
}

pub(super) fn answer(status: &str, fields: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn switching(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n{ASKS}Sec-WebSocket-Accept: {}\r\n{more}\r\n",
        accept_for(KEY)
    )
}

pub(super) fn opened() -> Conversation {
    asked("").server(switching(""))
}

/// Both sides have talked.
pub(super) fn hello() -> Conversation {
    opened()
        .client(frame(Who::Client, 0x81, b"hello"))
        .server(frame(Who::Server, 0x81, b"hello"))
}

pub(super) fn frame(who: Who, first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    match who {
        Who::Client => [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat(),
        Who::Server => [&[first, len], payload].concat(),
    }
}

pub(super) fn close(who: Who, code: u16) -> Vec<u8> {
    frame(who, 0x88, &code.to_be_bytes())
}

pub(super) fn run(name: &str, conversations: &[Conversation]) -> Run {
    let mut packets: Vec<Packet> = conversations
        .iter()
        .flat_map(Conversation::records)
        .map(|record| (u64::try_from(record.at.ts.as_nanos()).unwrap(), record.data))
        .collect();
    packets.sort_by_key(|(at, _)| *at);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.pcap");
    std::fs::write(&path, files::pcap(1, &packets)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(["--json", "-r"])
        .arg(&path)
        .output()
        .unwrap();
    let run = Run {
        lines: lines(&output.stdout),
        packets: packets.len() as u64,
    };
    let mut wrong = shape::of_bytes(&output.stdout);
    wrong.extend(run.lines.iter().flat_map(shape::of_line));
    wrong.extend(agreement::of(&run));
    wrong.extend(sums::of(&run));
    assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{:#}", run.lines[0]);
    run
}

/// `protocol verdict finding status severity` of the attempt, `-` for null; empty without one.
pub(super) fn told(run: &Run, of: &str, keys: &[&str]) -> String {
    let told = |line: &Value| {
        let words: Vec<String> = keys
            .iter()
            .map(|key| match &line[*key] {
                Value::Null => "-".into(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect();
        words.join(" ")
    };
    let all: Vec<String> = run
        .lines
        .iter()
        .filter(|line| line["type"] == of)
        .map(told)
        .collect();
    all.join(", ")
}

const OK: &str = "websocket ok - 101 info";

pub(super) type Table = Vec<(&'static str, Conversation, &'static str)>;

/// Runs each, and compares what is told of it.
pub(super) fn hold(table: Table, of: &str, keys: &[&str]) {
    let mut wrong = Vec::new();
    for (name, conversation, expected) in table {
        let said = told(&run(name, &[conversation]), of, keys);
        if said != expected {
            wrong.push(format!("{name}: {said}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn verdicts(table: Table) {
    hold(
        table,
        "attempt",
        &["protocol", "verdict", "finding", "status", "severity"],
    );
}

/// To each request its answer, then both sides end.
fn exchange(request: &str, response: &str) -> Conversation {
    start().client(request).server(response).close()
}

#[test]
fn what_opened_is_ok() {
    let full = get(&format!("{ASKS}{KEYED}"));
    let with = |from: &str, to: &str| exchange(&full.replace(from, to), &switching(""));
    let proxied = format!("PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n{full}");
    let challenge = answer(
        "401 Unauthorized",
        "WWW-Authenticate: Basic realm=x\r\n",
        "",
    );
    verdicts(vec![
        ("as it should be", opened().close(), OK),
        (
            "in other case",
            with("Upgrade: websocket", "upgrade: WebSocket"),
            OK,
        ),
        (
            "two lines",
            with(
                "Connection: Upgrade",
                "CONNECTION: keep-alive\r\nConnection: upgrade",
            ),
            OK,
        ),
        (
            "in a list",
            with("Upgrade: websocket", "Upgrade: h2c, websocket"),
            OK,
        ),
        ("version 8", with("Version: 13", "Version: 8"), OK),
        (
            "after 100",
            asked("")
                .server("HTTP/1.1 100 Continue\r\n\r\n")
                .server(switching(""))
                .close(),
            OK,
        ),
        (
            "deflate declined",
            asked("Sec-WebSocket-Extensions: permessage-deflate\r\n")
                .server(switching(""))
                .close(),
            OK,
        ),
        (
            "challenged",
            asked("")
                .server(challenge)
                .client(&full)
                .server(switching(""))
                .close(),
            OK,
        ),
        (
            "IPv6",
            opened()
                .endpoints("[2001:db8::1]:40000", "[2001:db8::2]:80")
                .close(),
            OK,
        ),
        (
            "through a forward proxy",
            start()
                .client("CONNECT app.example:80 HTTP/1.1\r\nHost: a\r\n\r\n")
                .server("HTTP/1.1 200 OK\r\n\r\n")
                .client(&full)
                .server(switching(""))
                .close(),
            OK,
        ),
        (
            "behind a PROXY preface",
            exchange(&proxied, &switching("")),
            OK,
        ),
        (
            "joined before the request",
            opened().mid_stream().close(),
            OK,
        ),
    ]);
}

#[test]
fn what_opened_with_less_or_not_at_all_is_named() {
    let http10 = get(&format!("{ASKS}{KEYED}")).replace("HTTP/1.1", "HTTP/1.0");
    let wrong = switching("").replace("Accept: ", "Accept: A");
    let missing = format!("HTTP/1.1 101 X\r\n{ASKS}\r\n");
    let to = |response: &str| asked("").server(response).close();
    verdicts(vec![
        (
            "a page",
            to(&answer("200 OK", "", "<html>")),
            "websocket downgraded answered_without_upgrade 200 error",
        ),
        (
            "no subprotocol",
            asked("Sec-WebSocket-Protocol: chat\r\n")
                .server(switching(""))
                .close(),
            "websocket downgraded subprotocol_not_selected 101 warning",
        ),
        (
            "HTTP/1.0",
            exchange(&http10, &switching("")),
            "websocket downgraded http_version_downgraded 101 warning",
        ),
        (
            "HTTP/1.0, 505",
            exchange(&http10, &answer("505 X", "", "")),
            "websocket downgraded http_version_downgraded 505 error",
        ),
        (
            "HTTP/1.0, 403",
            exchange(&http10, &answer("403 X", "", "")),
            "websocket rejected forbidden 403 error",
        ),
        (
            "HTTP/1.0, FIN",
            start().client(&http10).fin(Who::Server).fin(Who::Client),
            "websocket downgraded http_version_downgraded - error",
        ),
        (
            "wrong accept",
            to(&wrong),
            "websocket rejected accept_mismatch 101 error",
        ),
        (
            "no accept",
            to(&missing),
            "websocket rejected accept_missing 101 error",
        ),
        (
            "a subprotocol",
            to(&switching("Sec-WebSocket-Protocol: x\r\n")),
            "websocket rejected subprotocol_not_offered 101 error",
        ),
        (
            "an extension",
            to(&switching("Sec-WebSocket-Extensions: x\r\n")),
            "websocket rejected extension_not_offered 101 error",
        ),
        (
            "HTTP after the 101",
            asked("")
                .server(switching(""))
                .server("HTTP/1.1 400 Bad Request\r\n\r\n")
                .close(),
            "websocket rejected http_after_101 101 error",
        ),
        (
            "no Upgrade",
            exchange(&get(KEYED), &answer("426 X", "", "")),
            "websocket stripped upgrade_stripped 426 error",
        ),
        (
            "no Connection",
            exchange(
                &get(&format!("Upgrade: websocket\r\n{KEYED}")),
                &answer("400 X", "", ""),
            ),
            "websocket stripped connection_stripped 400 error",
        ),
        (
            "engine.io",
            exchange(
                &get("").replace("/ws", "/socket.io/?EIO=4&transport=websocket"),
                &answer("400 X", "", ""),
            ),
            "websocket stripped upgrade_stripped 400 error",
        ),
        (
            "101 to what lacks all",
            exchange(&get(""), &switching("")),
            "websocket stripped upgrade_stripped 101 error",
        ),
    ]);
}

#[test]
fn every_refusal_has_its_name() {
    let to = |status: &str, fields: &str| asked("").server(answer(status, fields, "")).close();
    let bare = |fields: &str| {
        exchange(
            &get(&format!("{ASKS}Sec-WebSocket-Version: 13\r\n{fields}")),
            &answer("400 X", "", ""),
        )
    };
    let version = get(&format!("{ASKS}{}", KEYED.replace("13", "99")));
    verdicts(vec![
        (
            "301",
            to("301 X", "Location: /ws/\r\n"),
            "websocket rejected redirected 301 error",
        ),
        (
            "400",
            to("400 X", ""),
            "websocket rejected bad_request 400 error",
        ),
        (
            "401",
            to("401 X", ""),
            "websocket rejected unauthorized 401 error",
        ),
        (
            "403",
            to("403 X", ""),
            "websocket rejected forbidden 403 error",
        ),
        (
            "404",
            to("404 X", ""),
            "websocket rejected not_found 404 error",
        ),
        (
            "405",
            to("405 X", ""),
            "websocket rejected method_not_allowed 405 error",
        ),
        (
            "418",
            to("418 X", ""),
            "websocket rejected refused 418 error",
        ),
        (
            "429",
            to("429 X", ""),
            "websocket rejected rate_limited 429 error",
        ),
        (
            "500",
            to("500 X", ""),
            "websocket rejected server_error 500 error",
        ),
        (
            "policy",
            to("426 X", "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n"),
            "websocket rejected protocol_policy 426 error",
        ),
        (
            "version",
            exchange(
                &version,
                &answer("426 X", "Sec-WebSocket-Version: 13\r\n", ""),
            ),
            "websocket rejected version_unsupported 426 error",
        ),
        (
            "no key",
            bare(""),
            "websocket rejected key_missing 400 error",
        ),
        (
            "a short key",
            bare("Sec-WebSocket-Key: abc\r\n"),
            "websocket rejected key_invalid 400 error",
        ),
        (
            "no HTTP",
            asked("").server("SSH-2.0-OpenSSH_9.2\r\n").close(),
            "websocket rejected not_http - error",
        ),
        (
            "FIN",
            asked("").fin(Who::Server).fin(Who::Client),
            "websocket rejected closed_before_answer - error",
        ),
        (
            "RST",
            asked("").rst(Who::Server),
            "websocket rejected reset_before_answer - error",
        ),
        (
            "silence",
            asked("").wait(Duration::from_secs(301)).close(),
            "websocket rejected unanswered - error",
        ),
    ]);
}

#[test]
fn who_left_or_still_waits_is_not_refused() {
    let (short, long) = (Duration::from_millis(300), Duration::from_secs(2));
    let late = asked("")
        .wait(short)
        .fin(Who::Client)
        .server(switching(""))
        .fin(Who::Server);
    verdicts(vec![
        (
            "left at once",
            asked("").wait(short).close(),
            "websocket abandoned client_gave_up - info",
        ),
        (
            "left",
            asked("").wait(long).close(),
            "websocket abandoned client_gave_up - warning",
        ),
        (
            "left with RST",
            asked("").wait(long).rst(Who::Client),
            "websocket abandoned client_gave_up - warning",
        ),
        (
            "a late 101",
            late,
            "websocket abandoned client_gave_up - info",
        ),
        (
            "waiting",
            asked(""),
            "websocket unknown capture_incomplete - warning",
        ),
    ]);
}

#[test]
fn other_protocols_are_told_by_their_token_and_are_no_trouble() {
    let h2c =
        get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n");
    let tls = get("Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n");
    let plain = |status: &str, fields: &str| exchange(&get(""), &answer(status, fields, ""));
    verdicts(vec![
        (
            "ignored",
            exchange(&h2c, &answer("200 OK", "", "")),
            "h2c ok - 200 info",
        ),
        (
            "taken",
            exchange(
                &h2c,
                "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            ),
            "h2c ok - 101 info",
        ),
        (
            "refused",
            exchange(&h2c, &answer("403 X", "", "")),
            "h2c rejected refused 403 info",
        ),
        (
            "another wanted",
            exchange(&tls, &answer("426 X", "Upgrade: HTTP/2.0\r\n", "")),
            "TLS/1.2 rejected protocol_policy 426 info",
        ),
        (
            "nothing asked",
            plain("426 X", "Upgrade: websocket\r\n"),
            "- rejected upgrade_required 426 info",
        ),
        (
            "nothing asked, policy",
            plain("426 X", "Upgrade: TLS/1.2\r\n"),
            "- rejected protocol_policy 426 info",
        ),
        (
            "as Apache always says",
            plain("200 OK", "Upgrade: h2,h2c\r\n"),
            "",
        ),
        ("a page", plain("200 OK", ""), ""),
    ]);
}
