//! Ends by the thousand, as a deploy, a broken release or an ordinary day brings them: what is read of them, and that it
//! agrees with what is counted.

use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::Value;
use wscap::time::Timestamp;
use wscap::websocket::accept_for;

use crate::support::conversation::{Conversation, Who};
use crate::support::files::{self, Packet};

/// A plain terminal.
const COLUMNS: usize = 80;

/// WebSockets that end in one way.
struct Crowd {
    sockets: u32,
    route: &'static str,
    offered: &'static str,
    agreed: &'static str,
    by: Who,
    /// Payload of the Close; none of TCP's ends without one.
    close: Option<Vec<u8>>,
    /// When the first of them ends, in milliseconds, and how long until the last does.
    at_ms: u64,
    over_ms: u64,
    /// Whether each comes back a moment later, and stays.
    reconnects: bool,
}

fn crowd(sockets: u32, route: &'static str, by: Who, code: u16, over_ms: u64) -> Crowd {
    Crowd {
        sockets,
        route,
        offered: "",
        agreed: "",
        by,
        close: Some(code.to_be_bytes().to_vec()),
        at_ms: 5_000,
        over_ms,
        reconnects: false,
    }
}

fn frame(who: Who, first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    match who {
        Who::Client => [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat(),
        Who::Server => [&[first, len], payload].concat(),
    }
}

/// Opens one WebSocket, which says hello both ways.
fn opened(n: u32, crowd: &Crowd, at_ms: u64) -> Conversation {
    let key = BASE64.encode(&[&n.to_be_bytes()[..], &at_ms.to_be_bytes(), b"wscp"].concat());
    let protocol = |names: &str| match names {
        "" => String::new(),
        names => format!("Sec-WebSocket-Protocol: {names}\r\n"),
    };
    let asks = format!(
        "GET {} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
        crowd.route,
        protocol(crowd.offered)
    );
    let says = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{}\r\n",
        accept_for(&key),
        protocol(crowd.agreed)
    );
    let client = format!(
        "10.1.{}.{}:{}",
        n / 200 % 200,
        n % 200 + 1,
        20_000 + at_ms % 40_000
    );
    let start = Timestamp::from_secs(1_700_000_000, 0).after(Duration::from_millis(at_ms));
    Conversation::new()
        .start(start)
        .pace(Duration::from_micros(50))
        .endpoints(&client, "10.0.0.5:80")
        .client(asks)
        .server(says)
        .client(frame(Who::Client, 0x81, b"hello"))
        .server(frame(Who::Server, 0x81, b"hello"))
}

fn conversations(all: &[Crowd]) -> Vec<Conversation> {
    let mut conversations = Vec::new();
    let mut n = 0;
    for crowd in all {
        for index in 0..crowd.sockets {
            n += 1;
            let last = u64::from(crowd.sockets.max(2) - 1);
            let ends = crowd.at_ms + crowd.over_ms * u64::from(index) / last;
            let begins = u64::from(n % 1_000);
            let open = opened(n, crowd, begins).wait(Duration::from_millis(ends - begins));
            conversations.push(match &crowd.close {
                Some(body) => match crowd.by {
                    Who::Client => open.client(frame(Who::Client, 0x88, body)).server(frame(
                        Who::Server,
                        0x88,
                        body,
                    )),
                    Who::Server => open.server(frame(Who::Server, 0x88, body)).client(frame(
                        Who::Client,
                        0x88,
                        body,
                    )),
                }
                .fin(Who::Server)
                .fin(Who::Client),
                None => open.fin(crowd.by).fin(crowd.by.peer()),
            });
            if crowd.reconnects {
                conversations.push(opened(n, crowd, ends + 1_000));
            }
        }
    }
    conversations
}

/// The report as text, and its lines.
struct Told {
    text: String,
    lines: Vec<Value>,
}

fn told(all: &[Crowd]) -> Told {
    let mut packets: Vec<Packet> = conversations(all)
        .iter()
        .flat_map(Conversation::records)
        .map(|record| (u64::try_from(record.at.ts.as_nanos()).unwrap(), record.data))
        .collect();
    packets.sort_by_key(|(at, _)| *at);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.pcap"), files::pcap(1, &packets)).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
            .args(args)
            .args(["-r", "c.pcap"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let json = run(&["--json"]);
    let lines = json.lines().map(|line| serde_json::from_str(line).unwrap());
    Told {
        text: run(&["--utc"]),
        lines: lines.collect(),
    }
}

impl Told {
    fn of(&self, what: &str) -> Vec<&Value> {
        let all = self.lines.iter();
        all.filter(|line| line["type"] == what).collect()
    }

    /// The section of the closings, which fits a plain terminal.
    fn section(&self) -> &str {
        let from = self.text.find("CLOSINGS").unwrap();
        let to = self.text[from..].find("\nLATENCY").unwrap();
        let section = &self.text[from..from + to];
        for line in section.lines() {
            let is_command = line.contains("tshark ") || line.starts_with("              ");
            assert!(is_command || line.chars().count() <= COLUMNS, "{line}");
        }
        section
    }

    /// `kind code by route: count` of the groups of closings; they add up to what the summary and the lines count.
    fn groups(&self) -> Vec<String> {
        let closings = self.of("closing");
        let groups = self.of("group");
        let groups = groups.iter().filter(|group| group["verdict"].is_null());
        let n = |value: &Value| value.as_u64().unwrap_or_default();
        let summary = self.of("summary")[0];
        let sum = |table: &Value| table.as_object().unwrap().values().map(n).sum::<u64>();
        assert_eq!(closings.len() as u64, sum(&summary["closings"]));
        let coded = closings.iter().filter(|line| !line["code"].is_null());
        assert_eq!(coded.count() as u64, sum(&summary["close_codes"]));
        assert_eq!(
            groups.clone().map(|group| n(&group["count"])).sum::<u64>(),
            closings.len() as u64
        );
        let name = |group: &Value| {
            let text = |key: &str| group[key].as_str().unwrap_or("-").to_owned();
            let (code, count) = (n(&group["code"]), n(&group["count"]));
            let (kind, by, route) = (text("kind"), text("by"), text("route"));
            format!("{kind} {code} {by} {route}: {count}")
        };
        groups.map(|group| name(group)).collect()
    }
}

#[test]
fn a_shutdown_of_thousands_is_one_line() {
    let told = told(&[crowd(5_000, "/live", Who::Server, 1001, 2_000)]);
    assert_eq!(
        told.section(),
        "CLOSINGS   5,000 WebSockets:   5,000 normal (1001)\n\n  \
         1001 Going Away: 5,000 on app.example /live, ended by the server within 2.0 s\n"
    );
    assert_eq!(told.groups(), ["normal 1001 server /live: 5000"]);
}

#[test]
fn clients_that_leave_one_by_one_are_one_line_with_the_time_it_took() {
    let told = told(&[crowd(5_000, "/live", Who::Client, 1000, 240_000)]);
    assert_eq!(
        told.section(),
        "CLOSINGS   5,000 WebSockets:   5,000 normal (1000)\n\n  \
         1000 Normal Closure: 5,000 on app.example /live,\n          ended by the clients over 4 min 0 s\n"
    );
    assert_eq!(told.groups(), ["normal 1000 client /live: 5000"]);
}

#[test]
fn a_restart_is_one_block_and_those_who_came_back_one_line() {
    let told = told(&[Crowd {
        reconnects: true,
        ..crowd(300, "/live", Who::Server, 1012, 1_500)
    }]);
    let section = told.section();
    let heads: Vec<&str> = section.lines().filter(|line| is_head(line)).collect();
    assert_eq!(
        heads,
        [
            "  1012 Service Restart: 300 on app.example /live,",
            "  still open: 300 on app.example /live",
        ]
    );
    assert!(
        section.contains("  ended by the server within 1.5 s\n          service_restart, certain   first 22:13:25, last 22:13:26"),
        "{section}"
    );
    assert!(section.lines().count() < 20, "{section}");
    assert_eq!(
        told.groups(),
        ["fault 1012 server /live: 300", "open 0 unknown /live: 300"]
    );
}

/// The first line of a group, with or without what follows.
fn is_head(line: &str) -> bool {
    let labels = ["Seen", "Why", "Fix", "Won't", "See", "More"];
    let text = line.strip_prefix("  ").unwrap_or_default();
    !text.is_empty()
        && !text.starts_with(' ')
        && !labels.iter().any(|label| text.starts_with(label))
}

fn mixed() -> Vec<Crowd> {
    let (client, server) = (Who::Client, Who::Server);
    vec![
        crowd(40, "/a", client, 1000, 60_000),
        crowd(30, "/b", server, 1000, 60_000),
        crowd(20, "/c", server, 1001, 500),
        crowd(10, "/d", client, 1001, 60_000),
        crowd(9, "/e", server, 1011, 60_000),
        crowd(8, "/f", server, 1008, 60_000),
        Crowd {
            close: None,
            ..crowd(7, "/g", server, 0, 60_000)
        },
        crowd(6, "/h", server, 4321, 60_000),
        Crowd {
            offered: "graphql-transport-ws",
            agreed: "graphql-transport-ws",
            ..crowd(5, "/i", server, 4403, 60_000)
        },
        crowd(4, "/j", client, 2_999, 60_000),
        Crowd {
            close: Some(Vec::new()),
            ..crowd(3, "/k", client, 0, 60_000)
        },
    ]
}

#[test]
fn of_a_mixed_day_the_worst_comes_first_and_the_rest_has_a_line_each() {
    let told = told(&mixed());
    let section = told.section();
    let heads = section.lines().filter(|line| is_head(line));
    let heads: Vec<&str> = heads
        .map(|line| line.split(',').next().unwrap().trim())
        .collect();
    assert_eq!(
        heads,
        [
            "1011 Internal Error: 9 on app.example /e",
            "1008 Policy Violation: 8 on app.example /f",
            "2999: 4 on app.example /j",
            "1006 Abnormal Closure: 7 on app.example /g",
            "4321: 6 on app.example /h",
            "4403 Forbidden (graphql-ws): 5 on app.example /i",
            "1000 Normal Closure: 40 on app.example /a",
            "1000 Normal Closure: 30 on app.example /b",
            "1001 Going Away: 20 on app.example /c",
            "1001 Going Away: 10 on app.example /d",
            "1005 No Status Rcvd: 3 on app.example /k",
        ]
    );
    let (_, plain) = section.split_once("  1000 Normal Closure: 40").unwrap();
    for clutter in ["Why", "Fix", "See", "More", "Seen"] {
        assert!(!plain.contains(clutter), "{plain}");
    }
    let first_line = section
        .split("\n\n")
        .next()
        .unwrap()
        .replace("\n         ", "  ");
    for part in [
        "142 WebSockets:",
        "103 normal (1000, 1001, 1005)",
        "11 by the application (4321, 4403)",
        "17 fault (1008, 1011)",
        "7 abnormal (1006)",
        "4 illegal code (2999)",
    ] {
        assert!(first_line.contains(part), "{part}: {first_line}");
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("text__mixed_day", section);
    });
    assert_eq!(told.groups().len(), 11);
}

#[test]
fn more_groups_than_anyone_reads_are_counted_not_shown() {
    const ROUTES: [&str; 20] = [
        "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l", "/m", "/n", "/o",
        "/p", "/q", "/r", "/s", "/t",
    ];
    let all = ROUTES.map(|route| crowd(2, route, Who::Client, 1000, 1_000));
    let told = told(&all);
    let section = told.section();
    assert_eq!(section.matches("1000 Normal Closure").count(), 15);
    assert!(
        section.ends_with("  and 5 groups more, see --json\n"),
        "{section}"
    );
}

/// What a code of the app means, and how that is known, is told where the handshake shows whose it is, and nowhere else.
#[test]
fn a_code_of_the_app_is_told_as_whose_it_is() {
    let by = |route, offered, agreed, code| Crowd {
        offered,
        agreed,
        ..crowd(1, route, Who::Server, code, 0)
    };
    let graphql = "graphql-transport-ws";
    for (crowd, title, known_by) in [
        (
            by("/g", graphql, graphql, 4401),
            "4401 Unauthorized (graphql-ws)",
            "the subprotocol graphql-transport-ws",
        ),
        // Refused for what it offered.
        (
            by("/g", "graphql-ws", "", 4406),
            "4406 Subprotocol not acceptable (subscriptions-transport-ws)",
            "the subprotocol graphql-ws",
        ),
        (
            by("/app/key1?protocol=7&client=js", "", "", 4001),
            "4001 App key unknown (Pusher protocol)",
            "the target /app/*?protocol=",
        ),
        (
            by("/connection/websocket", "", "", 3500),
            "3500 Invalid token (Centrifugo)",
            "the target /connection/websocket",
        ),
        (
            by("/ws", "", "", 3003),
            "3003 Forbidden",
            "the registry of IANA",
        ),
    ] {
        let told = told(&[crowd]);
        let section = told.section();
        assert!(section.contains(&format!("\n  {title}:")), "{section}");
        assert!(
            section.contains(&format!("Known by {known_by}.")),
            "{section}"
        );
        let meaning = &told.of("closing")[0]["meaning"];
        assert_eq!(meaning["known_by"], known_by);
        let (name, of) = (
            meaning["name"].as_str().unwrap(),
            meaning["of"].as_str().unwrap(),
        );
        assert!(title.contains(name) && (title.contains(of) || of == "IANA registry"));
        assert!(!meaning["fix"].as_array().unwrap().is_empty());
        let mut groups = told.of("group").into_iter();
        assert_eq!(
            &groups.find(|group| group["kind"] == "application").unwrap()["meaning"],
            meaning
        );
    }
    for crowd in [
        by("/ws", "", "", 4401),
        by("/app/key1", "", "", 4001),
        // Another subprotocol was agreed than the one that has that code.
        by("/ws", "chat, graphql-transport-ws", "chat", 4401),
        // The protocol is known, and has no such code.
        by("/g", graphql, graphql, 4321),
    ] {
        let told = told(&[crowd]);
        assert!(told.of("closing")[0]["meaning"].is_null());
        let section = told.section();
        assert!(section.contains("This is the app's own code:"), "{section}");
        assert!(section.contains("More    wscap explain 4"), "{section}");
        assert!(!section.contains("graphql"), "{section}");
    }
}

/// One route, one code, two applications: neither is told of the other's ends.
#[test]
fn one_code_of_two_applications_is_two_groups() {
    let by = |sockets, agreed| Crowd {
        offered: agreed,
        agreed,
        ..crowd(sockets, "/ws", Who::Server, 4401, 1_000)
    };
    let told = told(&[
        by(3, "graphql-transport-ws"),
        by(2, "graphql-ws"),
        by(4, ""),
    ]);
    let heads = told.section().lines().filter(|line| is_head(line));
    let heads: Vec<&str> = heads
        .map(|line| line.split(" on ").next().unwrap().trim())
        .collect();
    assert_eq!(
        heads,
        [
            "4401: 4",
            "4401 Unauthorized (graphql-ws): 3",
            "4401 Unauthorized (subscriptions-transport-ws): 2",
        ]
    );
    assert_eq!(told.groups().len(), 3);
}
