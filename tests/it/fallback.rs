//! A WebSocket that could not be had, and with what its client goes on: one story (socket.io, `SockJS`, SignalR).
//!
//! socket.io and `SockJS` are recorded too. SignalR is not: its server would need .NET. Its requests are written here as
//! the client sends them (aspnetcore `HttpConnection.ts`, `LongPollingTransport.ts`; SignalR `jquery.signalR.transports.*`).

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use wscap::time::Timestamp;

use crate::support::conversation::Conversation;
use crate::support::files::{self, Packet};

const A: &str = "10.1.0.2";
const B: &str = "10.1.0.3";
const FIREFOX: &str = "User-Agent: Firefox\r\n";
/// Connection tokens as ASP.NET Core makes them.
const FIRST: &str = "jHPJfvZ8lRRcg3cTR_XlGA";
const SECOND: &str = "Zkz1cNnPYb0sW5yYbqT6Hw";
const REFUSED: &str = "400 Bad Request";

/// One request of a client on a connection of its own, and its answer; none where it is empty.
fn ask(ms: i64, client: &str, line: &str, fields: &str, answer: &str) -> Conversation {
    let start = Timestamp::from_secs(1_700_000_000, 0);
    let port = 40_000 + ms % 20_000;
    let conversation = Conversation::new()
        .endpoints(&format!("{client}:{port}"), "10.0.0.5:80")
        .start(start.after(Duration::from_millis(u64::try_from(ms).unwrap())))
        .client(format!(
            "{line} HTTP/1.1\r\nHost: app.example\r\n{FIREFOX}{fields}\r\n"
        ));
    if answer.is_empty() {
        return conversation;
    }
    let status = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
    conversation.server(status)
}

fn websocket(ms: i64, client: &str, target: &str, answer: &str) -> Conversation {
    websocket_via(ms, client, target, "", answer)
}

fn websocket_via(ms: i64, client: &str, target: &str, via: &str, answer: &str) -> Conversation {
    let fields = format!(
        "{via}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
    );
    ask(ms, client, &format!("GET {target}"), &fields, answer)
}

fn attempts(conversations: &[Conversation], format: &[&str]) -> Vec<u8> {
    let records = conversations.iter().flat_map(Conversation::records);
    let mut packets: Vec<Packet> = records
        .map(|record| (u64::try_from(record.at.ts.as_nanos()).unwrap(), record.data))
        .collect();
    packets.sort_by_key(|(at, _)| *at);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.pcap");
    std::fs::write(&path, files::pcap(1, &packets)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(format)
        .arg("-r")
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Verdict and findings of the only attempt, and the first evidence of the fall-back.
fn told(conversations: &[Conversation]) -> (String, Option<String>) {
    let out = attempts(conversations, &["--json"]);
    let lines = String::from_utf8(out).unwrap();
    let mut found = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["type"] == "attempt");
    let attempt = found.next().unwrap();
    assert!(found.next().is_none(), "one attempt: {lines}");
    let findings = attempt["findings"].as_array().unwrap();
    let ids: Vec<&str> = findings
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    let fallen = findings
        .iter()
        .find(|finding| finding["id"] == "fell_back_to_polling");
    let said = fallen.map(|finding| {
        let sure = finding["confidence"].as_str().unwrap();
        let evidence = finding["evidence"][0].as_str().unwrap();
        let said = evidence.split(':').next().unwrap();
        format!("{sure}: {said}")
    });
    let verdict = attempt["verdict"].as_str().unwrap();
    (format!("{verdict} {}", ids.join(" ")), said)
}

fn fallen(conversations: &[Conversation]) -> Option<String> {
    told(conversations).1
}

fn engine(ms: i64, client: &str, sid: &str) -> Conversation {
    let sid = if sid.is_empty() {
        String::new()
    } else {
        format!("&sid={sid}")
    };
    let line = format!("GET /socket.io/?EIO=4&transport=polling{sid}");
    ask(ms, client, &line, "", "200 OK")
}

const ENGINE: &str = "/socket.io/?EIO=4&transport=websocket";

#[test]
fn socket_io_stays_with_the_session_it_began_with() {
    let asked = format!("{ENGINE}&sid=s1");
    let refused = || websocket(1_000, A, &asked, REFUSED);
    let (story, said) = told(&[
        engine(0, A, ""),
        engine(500, A, "s1"),
        refused(),
        engine(1_010, A, "s1"),
    ]);
    assert!(story.starts_with("rejected bad_request"), "{story}");
    assert!(story.ends_with(" fell_back_to_polling"), "{story}");
    let after =
        "certain: the same session went on with transport=polling within 8 ms of the answer";
    assert_eq!(said.as_deref(), Some(after));
    // The long poll was there before, and waits.
    let stays = "likely: the same session had begun with transport=polling and stays with it";
    assert_eq!(
        fallen(&[engine(500, A, "s1"), refused()]).as_deref(),
        Some(stays)
    );
    assert_eq!(fallen(&[engine(500, A, "s2"), refused()]), None);
    assert_eq!(fallen(&[refused()]), None);
}

#[test]
fn who_shares_an_address_is_told_apart() {
    let refused = || websocket(1_000, A, ENGINE, REFUSED);
    // Another client behind the same address goes on with a session of its own.
    assert_eq!(
        fallen(&[engine(500, A, "s2"), refused(), engine(1_010, A, "s2")]),
        None
    );
    let anew = "likely: the same client went on with transport=polling within 8 ms of the answer";
    assert_eq!(
        fallen(&[refused(), engine(1_010, A, "")]).as_deref(),
        Some(anew)
    );
    assert_eq!(fallen(&[engine(500, A, ""), refused()]), None, "before");
    assert_eq!(
        fallen(&[refused(), engine(1_010, B, "")]),
        None,
        "another address"
    );
    let opera = Conversation::new()
        .endpoints("10.1.0.2:51000", "10.0.0.5:80")
        .start(Timestamp::from_secs(1_700_000_001, 10_000_000))
        .client("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: app.example\r\nUser-Agent: Opera\r\n\r\n");
    assert_eq!(fallen(&[refused(), opera]), None, "another browser");
}

/// Behind a proxy all come from its address: the client is who it names, and where it names nobody only the session tells.
#[test]
fn behind_a_proxy_the_client_is_the_one_it_names() {
    let line = "GET /socket.io/?EIO=4&transport=polling";
    let via = |client| format!("X-Forwarded-For: {client}\r\n");
    let refused = || websocket_via(1_000, A, ENGINE, &via("192.0.2.7"), REFUSED);
    let poll = |fields: &str| ask(1_010, A, line, fields, "200 OK");
    assert!(fallen(&[refused(), poll(&via("192.0.2.7"))]).is_some());
    assert_eq!(fallen(&[refused(), poll(&via("192.0.2.8"))]), None);
    let unnamed = websocket_via(1_000, A, ENGINE, "Via: 1.1 edge\r\n", REFUSED);
    assert_eq!(fallen(&[unnamed, poll("Via: 1.1 edge\r\n")]), None);
}

#[test]
fn what_opened_or_cannot_be_polled_either_has_not_fallen_back() {
    let asked = format!("{ENGINE}&sid=s1");
    let accept = wscap::websocket::accept_for("AAECAwQFBgcICQoLDA0ODw==");
    let switching = format!(
        "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}"
    );
    let opened = websocket(1_000, A, &asked, &switching);
    let polls = [
        engine(500, A, "s1"),
        engine(990, A, "s1"),
        engine(1_010, A, "s1"),
    ];
    assert_eq!(
        told(&[&polls[..], &[opened]].concat()),
        ("ok ".to_owned(), None)
    );
    let line = "GET /socket.io/?EIO=4&transport=polling&sid=s1";
    let unknown = |ms| ask(ms, A, line, "", "400 Bad Request");
    let refused = websocket(1_000, A, &asked, REFUSED);
    assert_eq!(fallen(&[refused, unknown(1_010), unknown(1_100)]), None);
}

#[test]
fn who_gave_up_the_websocket_itself_and_polls_has_fallen_back() {
    let gave_up = websocket(1_000, A, ENGINE, "")
        .wait(Duration::from_secs(3))
        .close();
    let conversations = [gave_up, engine(4_100, A, "")];
    let (story, said) = told(&conversations);
    assert_eq!(story, "abandoned client_gave_up fell_back_to_polling");
    assert!(said.unwrap().ends_with("of its giving up"));
    let text = String::from_utf8(attempts(&conversations, &[])).unwrap();
    assert!(text.contains("Also    fell_back_to_polling"), "{text}");
}

#[test]
fn signalr_negotiates_anew_and_goes_on_with_what_is_left() {
    let refused = || websocket(1_000, A, &format!("/hub?id={FIRST}"), REFUSED);
    let negotiate = |ms| {
        ask(
            ms,
            A,
            "POST /hub/negotiate?negotiateVersion=1",
            "",
            "200 OK",
        )
    };
    let events = |ms, id| {
        let accept = "Accept: text/event-stream\r\n";
        ask(ms, A, &format!("GET /hub?id={id}"), accept, "200 OK")
    };
    let long = |ms, id| {
        ask(
            ms,
            A,
            &format!("GET /hub?id={id}&_=1700000001"),
            "",
            "200 OK",
        )
    };
    let (story, said) = told(&[
        negotiate(900),
        refused(),
        negotiate(1_010),
        events(1_020, SECOND),
    ]);
    assert!(story.ends_with(" fell_back_to_polling"), "{story}");
    let after =
        "likely: the same client went on with server-sent events within 18 ms of the answer";
    assert_eq!(said.as_deref(), Some(after));
    let by_polling = fallen(&[
        negotiate(900),
        refused(),
        negotiate(1_010),
        long(1_020, SECOND),
    ]);
    assert!(by_polling.unwrap().contains("long polling"));
    // Early versions went on with the id they had.
    assert!(
        fallen(&[refused(), long(1_020, FIRST)])
            .unwrap()
            .starts_with("certain")
    );
    // It negotiates again for the next try at WebSocket too.
    assert_eq!(fallen(&[negotiate(900), refused(), negotiate(1_010)]), None);
    // A neighbour behind the same address polled all the time.
    let neighbour = [
        long(500, SECOND),
        refused(),
        negotiate(1_010),
        long(1_020, SECOND),
    ];
    assert_eq!(fallen(&neighbour), None);
    assert_eq!(fallen(&[refused(), long(1_020, SECOND)]), None);
}

#[test]
fn classic_signalr_keeps_its_token() {
    let asked = "/signalr/connect?transport=webSockets&connectionToken=t%2B1&tid=4";
    let refused = websocket(1_000, A, asked, REFUSED);
    let line = "GET /signalr/connect?transport=serverSentEvents&connectionToken=t%2B1&tid=5";
    let said = fallen(&[refused, ask(1_010, A, line, "", "200 OK")]).unwrap();
    assert!(said.starts_with("certain: the same session went on with transport=serverSentEvents"));
}

/// Rules, row B66: the server sees no Upgrade, and serves the handshake as the first of the long polls.
#[test]
fn signalr_serves_a_stripped_handshake_as_a_long_poll() {
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nConnection: close\r\n";
    let asked = format!("GET /hub?id={FIRST}");
    for status in ["200 OK", "204 No Content"] {
        let (story, said) = told(&[ask(1_000, A, &asked, key, status)]);
        assert!(story.starts_with("stripped upgrade_stripped "), "{story}");
        assert!(story.ends_with(" fell_back_to_polling"), "{story}");
        assert!(said.unwrap().ends_with("and answered it as one"));
    }
}
