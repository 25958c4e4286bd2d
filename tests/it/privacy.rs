//! What must not come out: secrets of the handshakes, data of the frames, and characters that a terminal obeys.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use wscap::time::Timestamp;
use wscap::websocket::accept_for;

use crate::contract::shape;
use crate::support::conversation::{Conversation, Who};
use crate::support::files::{self, Packet};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

/// Stands wherever no option lets it out.
pub(crate) const NEVER: &str = "CANARYNEVER";
/// Stands where `--no-redact` lets it out: queries, userinfo, tokens among subprotocols.
pub(crate) const MASKED: &str = "CANARYMASKED";

/// What a terminal obeys, or what changes how others are shown; as text and as bytes that are none.
const HOSTILE: &str = "\x1b[31m\u{9b}2J\u{202e}\u{2066}\u{200b}\x07\x08\x7f";

const OPTIONS: &[&[&str]] = &[
    &["--color", "never"],
    &["--color", "never", "-v", "--utc"],
    &["--color", "never", "-v", "--no-redact"],
    &["--json"],
    &["--json", "-v"],
    &["--json", "--no-redact"],
];

/// A request with a secret wherever one may stand.
fn secret_request(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Origin: https://me:{MASKED}1@app.example\r\n\
         Sec-WebSocket-Protocol: chat, bearer.{MASKED}2, access_token, {MASKED}3\r\n\
         Cookie: sid={NEVER}1; {NEVER}2\r\nCOOKIE: {NEVER}3\r\nAuthorization: Bearer {NEVER}4\r\n\
         Proxy-Authorization: Basic {NEVER}5\r\nX-Api-Key: {NEVER}6\r\nX-Auth-Token: {NEVER}7\r\n\
         Referer: https://app.example/page?code={MASKED}4\r\n\
         X-Original-URI: /ws?ticket={MASKED}5\r\nX-Forwarded-For: 192.0.2.1\r\n{more}\r\n"
    )
}

fn target() -> String {
    format!("/ws?token={MASKED}6&{MASKED}7#{MASKED}8")
}

fn absolute() -> String {
    format!("http://me:{MASKED}9@app.example/ws?token={MASKED}6")
}

fn switching(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSet-Cookie: sid={NEVER}8; Path=/\r\n{more}\r\n",
        accept_for(KEY)
    )
}

fn answer(status: &str, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nSet-Cookie: sid={NEVER}9\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A frame; that of a client is masked with zeros, so that its payload stands in the file as it is.
fn frame(who: Who, first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    assert!(len < 126);
    let mut bytes = match who {
        Who::Client => vec![first, 0x80 | len, 0, 0, 0, 0],
        Who::Server => vec![first, len],
    };
    bytes.extend(payload);
    bytes
}

fn close(who: Who, code: u16, reason: &str) -> Vec<u8> {
    frame(
        who,
        0x88,
        &[&code.to_be_bytes()[..], reason.as_bytes()].concat(),
    )
}

/// A connection to the proxy (`0`) or from it to its backend (`1`); each pair has ports and times of its own.
fn leg(pair: u16, hop: usize) -> Conversation {
    let (client, server, ms) = match hop {
        0 => ("10.1.0.2", "10.1.0.1:80", 0),
        _ => ("10.1.0.1", "10.2.0.2:8080", 5),
    };
    let start = Timestamp::from_secs(1_700_000_000 + i64::from(pair) * 60, ms * 1_000_000);
    Conversation::new()
        .endpoints(&format!("{client}:{}", 40_000 + pair), server)
        .start(start)
        .pace(Duration::from_micros(200))
}

/// All packets in the order of time.
pub(crate) fn capture(conversations: &[Conversation]) -> Vec<Packet> {
    let mut packets: Vec<Packet> = conversations
        .iter()
        .flat_map(Conversation::records)
        .map(|record| (u64::try_from(record.at.ts.as_nanos()).unwrap(), record.data))
        .collect();
    packets.sort_by_key(|(at, _)| *at);
    packets
}

/// Everything that a handshake with secrets can come to.
pub(crate) fn secrets() -> Vec<Conversation> {
    let request = secret_request(&target(), "");
    let echo = format!(
        "Cannot GET {}: bad token {MASKED}6\nCookie: sid={NEVER}1\nAuthorization: Bearer {NEVER}4\n{}{NEVER}10",
        target(),
        "and so on ".repeat(30)
    );
    let refused = answer("403 Forbidden", "", &echo);
    let stripped = format!(
        "GET {} HTTP/1.0\r\nHost: backend\r\nConnection: close\r\nSec-WebSocket-Key: {KEY}\r\n\
         X-Session-Token: {MASKED}10\r\nCookie: {NEVER}1\r\n\r\n",
        target()
    );
    let opened = |pair| {
        leg(pair, 0)
            .client(secret_request(&absolute(), ""))
            .server(switching(&format!(
                "Sec-WebSocket-Protocol: bearer.{MASKED}2\r\n"
            )))
            .client(frame(Who::Client, 0x81, format!("{NEVER}11").as_bytes()))
            .server(frame(Who::Server, 0x82, format!("{NEVER}12").as_bytes()))
            .client(frame(Who::Client, 0x89, format!("{NEVER}13").as_bytes()))
            .server(frame(Who::Server, 0x8a, format!("{NEVER}13").as_bytes()))
            .server(frame(Who::Server, 0x85, format!("{NEVER}14").as_bytes()))
    };
    vec![
        // Refused, with an echo of all.
        leg(1, 0).client(&request).server(&refused).close(),
        // Stripped on the way, so that the fields are compared.
        leg(2, 0)
            .client(&request)
            .server(answer("426 Upgrade Required", "", &echo))
            .close(),
        leg(2, 1)
            .client(stripped)
            .server(answer("426 Upgrade Required", "", &echo))
            .close(),
        // Redirected, then refused: a try, and the last one.
        leg(3, 0)
            .client(&request)
            .server(answer(
                "302 Found",
                &format!("Location: https://me:{MASKED}9@login.example/?next={MASKED}6\r\n"),
                "",
            ))
            .close(),
        leg(4, 0)
            .client(&request)
            .server(answer(
                "401 Unauthorized",
                &format!("WWW-Authenticate: Bearer realm=\"x\", nonce=\"{NEVER}15\"\r\n"),
                &echo,
            ))
            .client(request.replace("token=", "again="))
            .server(&refused)
            .close(),
        // Opened; closed with a reason that quotes the token, and one without any.
        opened(5)
            .server(close(Who::Server, 1008, &format!("bad token {MASKED}6")))
            .client(close(Who::Client, 1008, ""))
            .close(),
        opened(6).rst(Who::Server),
        // Secrets that are folded, or named in an odd way.
        leg(7, 0)
            .client(secret_request(
                &target(),
                &format!("Cookie: a=b;\r\n {NEVER}16\r\nCookie : {NEVER}17\r\n"),
            ))
            .server(&refused)
            .close(),
        // No WebSocket at all.
        leg(8, 0)
            .client(format!(
                "GET /{NEVER}18?{NEVER}19 HTTP/1.1\r\nHost: app.example\r\n\r\n"
            ))
            .server(answer("200 OK", "", &format!("{NEVER}20")))
            .close(),
    ]
}

/// Hostile characters wherever a string is read.
pub(crate) fn hostile() -> Vec<Conversation> {
    let request = |field: &str, target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nVia: 1.1 proxy\r\n{field}\r\n"
        )
    };
    let mut all = Vec::new();
    let fields = [
        "Host",
        "Origin",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "X-Forwarded-For",
        "X-Request-ID",
        "User-Agent",
        "Via",
    ];
    let mut pair = 100;
    let mut next = || {
        pair += 1;
        pair
    };
    // With bytes that RFC 9110 allows in a field, and with all of them.
    for text in [HOSTILE, "a\u{202e}\u{85}b"] {
        for field in fields {
            all.push(
                leg(next(), 0)
                    .client(request(&format!("{field}: {text}\r\n"), "/ws"))
                    .server(answer("400 Bad Request", "", "no"))
                    .close(),
            );
        }
        for target in [format!("/ws{text}"), format!("http://{text}/ws")] {
            all.push(
                leg(next(), 0)
                    .client(request("", &target))
                    .server(answer("404 Not Found", "", "no"))
                    .close(),
            );
        }
        for (status, field) in [
            (format!("403 {text}"), String::new()),
            ("403 Forbidden".into(), format!("Server: {text}\r\n")),
            ("302 Found".into(), format!("Location: {text}\r\n")),
            (
                "401 Unauthorized".into(),
                format!("WWW-Authenticate: {text}\r\n"),
            ),
            (
                "426 Upgrade Required".into(),
                format!("Upgrade: {text}\r\n"),
            ),
        ] {
            all.push(
                leg(next(), 0)
                    .client(request("", "/ws"))
                    .server(answer(&status, &field, &format!("no{text}")))
                    .close(),
            );
        }
        all.push(
            leg(next(), 0)
                .client(request("", "/ws"))
                .server(switching(&format!("Sec-WebSocket-Protocol: {text}\r\n")))
                .server(close(Who::Server, 1011, text))
                .close(),
        );
        all.push(
            leg(next(), 0)
                .client(request("", "/ws"))
                .server(switching(""))
                .server(close(Who::Server, 4000, &format!("a\r\nb{text}")))
                .close(),
        );
        // What is no UTF-8 at all.
        all.push(
            leg(next(), 0)
                .client(request("", "/ws"))
                .server(switching(""))
                .server(frame(Who::Server, 0x88, b"\x03\xf3\xff\x9b31m\x1b"))
                .close(),
        );
        // Through a forward proxy of that name.
        all.push(
            leg(next(), 0)
                .client(format!(
                    "CONNECT {text}:80 HTTP/1.1\r\nHost: {text}\r\n\r\n"
                ))
                .server("HTTP/1.1 200 OK\r\n\r\n")
                .client(request("", "/ws"))
                .server(answer("400 Bad Request", "", "no"))
                .close(),
        );
        // Lines between, as a server log would not survive them.
        let inner = leg(next(), 0).client(request(&format!("X-A: {text}\r\n"), "/ws"));
        all.push(inner.server(format!("{text}\r\n\r\n")).close());
    }
    all
}

fn run(packets: &[Packet], options: &[&str]) -> (Output, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("name\x1b[31m\u{202e}.pcap");
    fs::write(&path, files::pcap(1, packets)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(options)
        .arg("-r")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = [output.stdout.clone(), output.stderr.clone()].concat();
    let said = String::from_utf8(said).expect("what is printed is UTF-8");
    (output, said)
}

/// Every line is fit to print; each line of JSON is one, with the keys it must have.
fn is_fit(output: &Output, said: &str, options: &[&str]) {
    for line in said.lines() {
        let unfit = line.chars().find(|&c| shape::is_unfit(c));
        assert!(unfit.is_none(), "{options:?}: {unfit:?} in {line:?}");
    }
    if options.contains(&"--json") {
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(shape::of_line(&line), Vec::<String>::new());
        }
    }
}

#[test]
fn no_secret_comes_out() {
    let packets = capture(&secrets());
    for options in OPTIONS {
        let (output, said) = run(&packets, options);
        is_fit(&output, &said, options);
        for line in said.lines() {
            assert!(!line.contains(NEVER), "{options:?}: {line}");
            let redacted = !options.contains(&"--no-redact");
            assert!(!redacted || !line.contains(MASKED), "{options:?}: {line}");
        }
        if options.contains(&"--json") {
            let attempts = said.matches("\"type\":\"attempt\"").count();
            assert!(attempts >= 6, "{attempts} attempts");
        }
    }
}

/// Otherwise the canaries above would prove nothing.
#[test]
fn the_canaries_sing_where_they_may() {
    let packets = capture(&secrets());
    let (_, said) = run(&packets, &["--json", "--no-redact"]);
    for n in [1, 2, 3, 6, 7, 9] {
        assert!(said.contains(&format!("{MASKED}{n}")), "{n}");
    }
    let (_, said) = run(&packets, &["--color", "never", "-v", "--no-redact"]);
    assert!(said.contains(MASKED));
}

#[test]
fn nothing_that_a_terminal_obeys_comes_out() {
    let packets = capture(&hostile());
    for options in OPTIONS {
        let (output, said) = run(&packets, options);
        is_fit(&output, &said, options);
    }
    // Colours are the only escapes there ever are.
    let (_, said) = run(&packets, &["--color", "always", "-v"]);
    assert!(said.contains("\x1b["));
    let mut rest = &*said;
    while let Some(at) = rest.find('\x1b') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !matches!(c, '[' | ';' | '0'..='9'));
        assert!(
            rest.starts_with('[') && rest[end.unwrap()..].starts_with('m'),
            "{rest:.20}"
        );
    }
}

/// A value as long as a head may be, wherever one is shown.
#[test]
fn what_is_huge_is_cut_where_it_is_shown() {
    let huge = format!("{}{MASKED}", "A".repeat(20_000));
    let request = |field: &str, target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{field}\r\n"
        )
    };
    let fields = [
        "Host",
        "Origin",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "X-Forwarded-For",
        "X-Request-ID",
        "User-Agent",
        "Via",
    ];
    let mut all = Vec::new();
    for (pair, field) in (300..).zip(fields) {
        let request = request(&format!("{field}: {huge}\r\n"), "/ws");
        let answered = leg(pair, 0).client(request);
        all.push(answered.server(answer("403 No", "", &huge)).close());
    }
    for (pair, target) in (400..).zip([format!("/{huge}"), format!("/ws?{huge}")]) {
        let asked = leg(pair, 0).client(request("", &target));
        all.push(asked.server(answer("404 No", "", "no")).close());
    }
    for (pair, field) in (500..).zip(["Server", "Location", "WWW-Authenticate", "Upgrade"]) {
        let field = format!("{field}: {huge}\r\n");
        let asked = leg(pair, 0).client(request("", "/ws"));
        all.push(asked.server(answer("302 Found", &field, "no")).close());
    }
    let packets = capture(&all);
    for options in OPTIONS {
        let (output, said) = run(&packets, options);
        is_fit(&output, &said, options);
        let most = if options.contains(&"--json") {
            16_384
        } else {
            2_048
        };
        for line in said.lines() {
            assert!(
                line.len() <= most,
                "{options:?}: {} in {line:.200}",
                line.len()
            );
        }
    }
}

/// What the writer of a file says of itself comes from a stranger too.
#[test]
fn names_of_interfaces_in_a_file_are_fit_to_print() {
    let name = HOSTILE.repeat(4);
    let mut bytes = files::pcapng(&[], &[]);
    let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
    let len = u16::try_from(name.len()).unwrap();
    // if_name, then if_tsresol: nanoseconds.
    body.extend([2, 0]);
    body.extend(len.to_le_bytes());
    body.extend(name.as_bytes());
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([9, 0, 1, 0, 9, 0, 0, 0]);
    let total = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    bytes.extend([&[1, 0, 0, 0][..], &total, &body, &total].concat());
    let packets: Vec<_> = files::refused()
        .into_iter()
        .map(|packet| (0, packet))
        .collect();
    let only_packets = files::pcapng(&[], &packets);
    let header = files::pcapng(&[], &[]).len();
    bytes.extend(&only_packets[header..]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.pcapng");
    fs::write(&path, bytes).unwrap();
    for options in OPTIONS {
        let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
            .args(*options)
            .arg("-r")
            .arg(&path)
            .output()
            .unwrap();
        let said = [output.stdout.clone(), output.stderr.clone()].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("403"), "{said}");
        is_fit(&output, &said, options);
    }
}
