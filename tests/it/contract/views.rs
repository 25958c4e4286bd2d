//! What is the same connection under other addresses, and what only looks like it.

use std::time::Duration;

use wscap::time::Timestamp;

use super::situations::{ASKS, KEYED, answer, frame, get, run, switching, told};
use crate::support::conversation::{Conversation, Who};

const CLIENT: &str = "10.0.0.1:40000";
const PUBLISHED: &str = "10.0.0.9:80";
const BEHIND: &str = "172.17.0.2:8080";

fn between(client: &str, server: &str) -> Conversation {
    let start = Timestamp::from_secs(1_700_000_000, 0);
    Conversation::new().endpoints(client, server).start(start)
}

fn request() -> String {
    get(&format!("{ASKS}{KEYED}"))
}

/// A whole handshake, some words and the end.
fn talk(conversation: Conversation) -> Conversation {
    conversation
        .client(request())
        .server(switching(""))
        .client(frame(Who::Client, 0x81, b"hello"))
        .server(frame(Who::Server, 0x81, b"hello"))
        .client(frame(Who::Client, 0x88, b"\x03\xe8"))
        .server(frame(Who::Server, 0x88, b"\x03\xe8"))
        .close()
}

#[test]
fn the_clock_of_another_file_makes_no_second_attempt_of_a_view() {
    for late in [0, 5, 80, 400, 3_000] {
        let start = Timestamp::from_secs(1_700_000_000, late * 1_000_000);
        let views = [
            talk(between(CLIENT, PUBLISHED).isn(7_000, 90)),
            talk(between(CLIENT, BEHIND).isn(7_000, 90).start(start)),
        ];
        let run = run("views", &views);
        let said = told(&run, "attempt", &["verdict", "status", "tries"]);
        assert_eq!(said, "ok 101 1", "{late} ms: {:#}", run.lines[0]);
        let closing = told(&run, "closing", &["kind", "code", "by"]);
        assert_eq!(closing, "normal 1000 client", "{late} ms");
        let legs = run.lines[0]["legs"].as_array().unwrap();
        assert_eq!(legs.len(), 1, "{late} ms");
        assert_eq!(legs[0]["server"], PUBLISHED);
    }
}

#[test]
fn views_joined_in_the_middle_are_one_websocket() {
    let words = |conversation: Conversation| {
        let mut conversation = conversation.mid_stream();
        for _ in 0..6 {
            conversation = conversation
                .client(frame(Who::Client, 0x81, b"hello"))
                .server(frame(Who::Server, 0x81, b"hello"));
        }
        conversation.close()
    };
    let views = [
        words(between(CLIENT, PUBLISHED).isn(u32::MAX - 20, 90)),
        words(between("10.0.0.8:41000", BEHIND).isn(u32::MAX - 20, 90)),
    ];
    let run = run("in the middle", &views);
    let said = told(&run, "attempt", &["verdict", "finding"]);
    assert_eq!(said, "unknown capture_incomplete");
    assert_eq!(run.lines[0]["legs"][0]["also"][0]["server"], BEHIND);
    let frames = &run
        .lines
        .iter()
        .find(|line| line["type"] == "closing")
        .unwrap()["legs"][0]["frames"];
    assert_eq!(frames["server"]["text"], 6, "{frames}");
}

#[test]
fn what_only_looks_like_a_view_is_not_taken_for_one() {
    let refused = answer("403 Forbidden", "", "");
    let ask = |conversation: Conversation, request: &str| {
        conversation.client(request).server(&refused).close()
    };
    let other = "10.0.0.2:40000";
    for (name, conversations, attempts, legs) in [
        (
            "two clients with one number and two requests",
            [
                ask(between(CLIENT, PUBLISHED).isn(7_000, 90), &request()),
                ask(
                    between(other, PUBLISHED).isn(7_000, 90),
                    &request().replace("/ws", "/xs").replace("AAECAw", "ABECAw"),
                ),
            ],
            2,
            1,
        ),
        (
            "a key that is used again, on a connection of its own",
            [
                ask(between(CLIENT, PUBLISHED).isn(7_000, 90), &request()),
                ask(
                    between("10.0.0.1:40001", PUBLISHED)
                        .isn(8_000, 4_000_000_000)
                        .start(Timestamp::from_secs(1_700_000_000, 50_000_000)),
                    &request(),
                ),
            ],
            1,
            2,
        ),
        (
            "a proxy that passes on what it gets, byte for byte",
            [
                between(CLIENT, PUBLISHED)
                    .isn(7_000, 90)
                    .client(request())
                    .wait(Duration::from_millis(20))
                    .server(&refused)
                    .close(),
                ask(
                    between("10.0.0.9:5000", BEHIND)
                        .isn(3_000_000_000, 70_000_000)
                        .start(Timestamp::from_secs(1_700_000_000, 6_000_000)),
                    &request(),
                ),
            ],
            1,
            2,
        ),
        (
            "a server whose numbers are others",
            [
                ask(between(CLIENT, PUBLISHED).isn(7_000, 90), &request()),
                ask(between(other, BEHIND).isn(7_000, 2_000_000_000), &request()),
            ],
            1,
            2,
        ),
    ] {
        let run = run(name, &conversations);
        let told = run.lines.iter().filter(|line| line["type"] == "attempt");
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), attempts, "{name}: {:#}", run.lines[0]);
        for attempt in told {
            let all = attempt["legs"].as_array().unwrap();
            assert_eq!(all.len(), legs, "{name}: {attempt:#}");
            assert!(all.iter().all(|leg| leg["also"] == serde_json::json!([])));
        }
    }
}
