//! Requests, answers, and what lies between them.

use super::*;
use crate::event::GapOver;
use crate::http::Version;

fn told(client: &str, server: &str) -> String {
    let mut talk = Talk::new();
    talk.send(C, client).send(S, server).end(End::Fin);
    talk.story()
}

#[test]
fn plain_traffic_is_counted_and_no_more() {
    let get = "GET / HTTP/1.1\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(told(get, ok), "plain");
    assert_eq!(
        told(&[get, get].concat(), &[ok, ok].concat()),
        "plain plain",
        "pipelined"
    );
    assert_eq!(told(get, ""), "plain", "never answered");
    assert_eq!(
        told(
            "HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            &["HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", ok].concat()
        ),
        "plain plain"
    );
    assert_eq!(
        told(get, "HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\n\r\nhi"),
        "plain",
        "Apache says it always"
    );
}

/// Only that can be its leg, with every field lost.
#[test]
fn a_plain_exchange_is_kept_while_a_handshake_waits_that_asks_for_the_same() {
    let story = |target: &str, answer: &str| {
        let mut asks = Talk::new();
        asks.send(C, UPGRADE).send(S, answer);
        let mut other = Talk::new();
        other.counts = std::mem::take(&mut asks.counts);
        other
            .send(C, format!("GET {target} HTTP/1.1\r\n\r\n"))
            .send(S, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            .story()
    };
    assert_eq!(story("/ws", ""), "plain(/ws)");
    assert_eq!(story("http://a/ws", ""), "plain(http://a/ws)");
    assert_eq!(story("/ws", SWITCH), "plain", "it waits no more");
    // A few may fall on its place.
    let is_kept = |n: &u32| story(&format!("/{n}"), "") != "plain";
    assert!((0..20).filter(is_kept).count() < 5);
}

#[test]
fn what_makes_a_request_matter() {
    for fields in [
        "Upgrade: WebSocket",
        "Upgrade: h2c, websocket",
        "sec-websocket-version: 13",
        "Upgrade: h2c",
        "Upgrade: TLS/1.0",
    ] {
        let head = format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n");
        assert_eq!(
            told(&head, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            "request0(/) response0(404) body() ended(Fin)"
        );
    }
    let polling = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\r\n";
    assert!(told(polling, "").starts_with("request0"));
    assert_eq!(
        told("GET /?transport=websocket HTTP/1.1\r\n\r\n", ""),
        "plain"
    );
}

#[test]
fn a_request_that_only_its_answer_makes_matter_comes_late() {
    let get = "GET / HTTP/1.1\r\n\r\n";
    assert_eq!(
        told(
            get,
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 1\r\n\r\nx"
        ),
        "request0(/) response0(426) body(x) ended(Fin)"
    );
    let mut talk = Talk::new();
    talk.send(C, get);
    let sent = talk.now;
    talk.send(S, SWITCH);
    match &talk.events[0] {
        Event::Conn {
            at,
            fact: Fact::Request(request),
            ..
        } => {
            assert_eq!(
                (at.ts.as_nanos(), request.started.ts.as_nanos()),
                (sent, sent)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(talk.counts.plain, 0);
    talk.end(End::Fin);
}

#[test]
fn an_answer_without_its_request_stands_alone() {
    let mut talk = Talk::joined();
    talk.send(S, SWITCH).send(S, frame(S, 0x81, b"x"));
    assert_eq!(talk.story(), "response0(101,Unknown) used");
    match &talk.facts()[0] {
        Fact::Response(response) => assert!(response.connection.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_before_the_101_and_with_it() {
    let early = [UPGRADE.as_bytes(), &frame(C, 0x81, b"a")].concat();
    let mut talk = Talk::new();
    talk.send(C, &early).send(C, frame(C, 0x81, b"b"));
    assert_eq!(talk.story(), "request0(/ws)");
    talk.send(S, [SWITCH.as_bytes(), &frame(S, 0x82, b"c")].concat());
    talk.end(End::Fin);
    assert_eq!(
        talk.story(),
        "request0(/ws) response0(101,Ok) used frames(2,1) ended(Fin)"
    );
}

#[test]
fn what_follows_a_refused_upgrade_is_another_request() {
    let mut talk = Talk::new();
    talk.send(C, [UPGRADE, UPGRADE].concat());
    talk.send(
        S,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    );
    talk.send(S, SWITCH).end(End::Fin);
    assert_eq!(
        talk.story(),
        "request0(/ws) response0(401) request1(/ws) body() response1(101,Ok) ended(Fin)"
    );
    match &talk.facts()[1] {
        Fact::Response(response) => assert_eq!(response.interim.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tunnel_of_a_forward_proxy() {
    let mut talk = Talk::new();
    talk.send(
        C,
        "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n",
    );
    talk.send(
        S,
        "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n",
    );
    talk.send(C, UPGRADE).send(S, SWITCH).end(End::Fin);
    assert_eq!(
        talk.story(),
        "plain request0(/ws) response0(101,Ok) ended(Fin)"
    );
    match &talk.facts()[1] {
        Fact::Request(request) => assert_eq!(
            request.connection.through.as_deref(),
            Some("example.com:80")
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        told(
            "CONNECT a:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"
        ),
        "plain plain"
    );
}

#[test]
fn a_tunnel_whose_beginning_was_lost() {
    let connect = "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n";
    let established = "HTTP/1.1 200 Connection established\r\n\r\n";
    let mut talk = Talk::new();
    talk.send(C, connect).send(C, UPGRADE);
    talk.gap(S, established.len() as u64);
    talk.send(S, SWITCH).end(End::Fin);
    let story = talk.story();
    assert!(
        story.contains("request1(/ws)") && story.contains("response1(101,Ok)"),
        "the 101 does not answer the CONNECT: {story}"
    );
    let mut talk = Talk::joined();
    talk.send(S, established).send(C, UPGRADE).send(S, SWITCH);
    let story = talk.story();
    assert!(
        story.contains("response0(101,Ok)"),
        "a tunnel has no content: {story}"
    );
}

#[test]
fn the_content_of_a_refusal() {
    let chunked = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\n\r\n";
    assert_eq!(
        told(UPGRADE, chunked),
        "request0(/ws) response0(400) body(hello world) ended(Fin)"
    );
    let until_close = "HTTP/1.0 403 No\r\n\r\nbecause";
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(S, until_close).fin(S);
    assert_eq!(
        talk.story(),
        "request0(/ws) response0(403) body(because) fin(s)"
    );
    match &talk.facts()[1] {
        Fact::Response(response) => {
            assert_eq!(response.head.as_ref().unwrap().version, Version::Http10);
        }
        other => panic!("{other:?}"),
    }
    let long = format!(
        "HTTP/1.1 400 x\r\nContent-Length: 300\r\n\r\n{}",
        "y".repeat(300)
    );
    let start = format!("body({}…)", "y".repeat(256));
    assert!(told(UPGRADE, &long).contains(&start));
    let mut talk = Talk::new();
    talk.send(C, UPGRADE)
        .send(S, "HTTP/1.1 400 x\r\nContent-Length: 9\r\n\r\nabc")
        .gap(S, 6);
    talk.send(C, UPGRADE).send(S, SWITCH);
    assert_eq!(
        talk.story(),
        "request0(/ws) response0(400) body(abc…) gap(s,6,Body) request1(/ws) response1(101,Ok)"
    );
}

#[test]
fn bytes_that_are_no_http() {
    assert_eq!(
        told(UPGRADE, "\x15\x03\x01\0\x02"),
        "request0(/ws) response0(0) ended(Fin)"
    );
    assert_eq!(
        told("GET / HTTP/1.1\r\n\r\n", "\x15\x03\x01\0\x02"),
        "plain"
    );
}

#[test]
fn a_101_to_another_protocol_is_not_read() {
    let h2c = "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n";
    let mut talk = Talk::new();
    talk.send(C, h2c)
        .send(S, "HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04\0")
        .end(End::Fin);
    assert_eq!(
        (talk.story().as_str(), talk.counts.http2),
        ("request0(/) response0(101,Missing) ended(Fin)", 1)
    );
}

#[test]
fn gaps_in_heads_and_contents() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE)
        .gap(S, 100)
        .send(S, "half a line\r\n\r\n")
        .send(S, "HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n");
    talk.end(End::Fin);
    assert_eq!(
        talk.story(),
        "request0(/ws) gap(s,100,ResponseHead) response0(400) body() ended(Fin)"
    );
    let mut talk = Talk::new();
    talk.send(C, "GET / HTTP/1.1\r\nA: ").gap(C, 50);
    talk.send(S, "HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n");
    talk.send(C, UPGRADE).send(S, SWITCH);
    assert_eq!(
        talk.story(),
        "request1(/ws) response1(101,Ok)",
        "the 400 belongs to what was lost"
    );
}

#[test]
fn a_lost_request_whose_loss_is_known_late_waits_for_nothing() {
    let mut talk = Talk::new();
    let get = "GET / HTTP/1.1\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    talk.send(C, get).send(S, ok).send(S, ok).gap(C, 50);
    talk.send(C, UPGRADE).send(S, SWITCH);
    assert_eq!(talk.story(), "plain request2(/ws) response2(101,Ok)");
}

#[test]
fn a_lost_101_is_found_by_its_frames() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE)
        .gap(S, 129)
        .send(C, frame(C, 0x81, b"x"));
    for _ in 0..3 {
        talk.send(S, frame(S, 0x81, b"hello"));
    }
    assert_eq!(
        talk.facts()
            .iter()
            .filter(|fact| matches!(
                fact,
                Fact::Gap {
                    over: GapOver::ResponseHead,
                    ..
                }
            ))
            .count(),
        1
    );
    assert!(talk.story().contains("midstream"), "{}", talk.story());
    talk.send(C, frame(C, 0x88, b"\x03\xe8")).end(End::Fin);
    assert!(talk.story().contains("close(c,1000)"), "{}", talk.story());
}

#[test]
fn limits_end_the_reading() {
    let many = "GET / HTTP/1.1\r\n\r\n".repeat(17);
    let mut talk = Talk::new();
    talk.send(C, &many).send(C, UPGRADE).end(End::Fin);
    assert_eq!(talk.counts.plain, 16);
    let mut talk = Talk::new();
    talk.conn.both_ways = false;
    talk.send(C, &many).send(C, UPGRADE);
    assert!(
        talk.story().contains("request17"),
        "one side alone has no answers to wait for"
    );
    let mut talk = Talk::new();
    talk.send(C, UPGRADE);
    for _ in 0..100 {
        talk.send(C, [0; 1000]);
    }
    assert!(talk.budget.used() <= 128 * 1024);
    talk.send(S, SWITCH).end(End::Fin);
    assert!(talk.story().contains("gap(c,"), "{}", talk.story());
}

#[test]
fn a_poor_budget_is_kept() {
    let mut talk = Talk::new();
    talk.budget = Budget::new(600);
    talk.send(C, "GET / HTTP/1.1\r\nA:")
        .send(C, "b\r\n\r\n")
        .send(S, "HTTP/1.1 ")
        .send(S, "200 OK\r\n\r\n");
    talk.end(End::Fin);
}

#[test]
fn the_key_decides_the_accept_of_its_own_exchange() {
    let other = UPGRADE.replace(KEY, "AQIDBAUGBwgJCgsMDQ4PEA==");
    assert!(told(&other, SWITCH).contains("response0(101,Wrong)"));
    assert!(
        told(UPGRADE, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n")
            .contains("response0(101,Missing)")
    );
}

#[test]
fn without_room_for_the_key_no_accept_is_called_wrong() {
    // A key as it should be costs nothing; this one is longer than any.
    let long = UPGRADE.replace(KEY, &KEY.repeat(2));
    for (asks, accept) in [(&*long, "Unknown"), (UPGRADE, "Ok")] {
        let mut talk = Talk::new();
        talk.budget = Budget::new(0);
        talk.send(C, asks).send(S, SWITCH).end(End::Fin);
        assert_eq!(
            talk.story(),
            format!("request0(/ws) response0(101,{accept}) ended(Fin)")
        );
    }
}

#[test]
fn a_request_held_behind_another_keeps_its_time() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(C, UPGRADE);
    let sent = talk.now;
    talk.send(S, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    let at = talk.events.iter().find_map(|event| match event {
        Event::Conn {
            at,
            fact: Fact::Request(request),
            ..
        } if request.exchange == 1 => Some(*at),
        _ => None,
    });
    assert_eq!(at.map(|at| at.ts.as_nanos()), Some(sent));
}

#[test]
fn an_answer_without_a_request_has_one_number_with_its_content() {
    let mut talk = Talk::joined();
    talk.send(S, "HTTP/1.1 426 x\r\nContent-Length: 1\r\n\r\nx");
    assert!(matches!(talk.facts()[1], Fact::Body { exchange: 0, .. }));
    talk.end(End::Fin);
}

#[test]
fn a_poll_is_told_when_it_is_asked_and_again_where_it_is_refused() {
    let poll = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let no = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(told(poll, ok), "polling(transport=polling) plain");
    assert_eq!(
        told(poll, no),
        "polling(transport=polling) polling(transport=polling,refused) plain"
    );
    let mut talk = Talk::new();
    talk.send(C, poll);
    assert_eq!(
        talk.story(),
        "polling(transport=polling)",
        "it may wait long"
    );
}

#[test]
fn a_poll_has_the_client_that_its_proxy_names() {
    for (field, client) in [
        ("X-Forwarded-For: 192.0.2.7, 192.0.2.8", Some("192.0.2.8")),
        ("X-Real-IP: 192.0.2.9", Some("192.0.2.9")),
        ("X-Forwarded-For: unknown", None),
    ] {
        let mut talk = Talk::new();
        let poll = format!("GET /?EIO=4&transport=polling HTTP/1.1\r\n{field}\r\n\r\n");
        talk.send(C, &poll);
        let Some(Fact::Polling(polling)) = talk.facts().into_iter().next() else {
            panic!("{}", talk.story());
        };
        let direct = talk.conn.client.addr.to_string();
        assert_eq!(polling.client.to_string(), client.unwrap_or(&direct));
    }
}
