//! What a Close says, and what the legs behind it make of that.

use std::time::Duration;

use wscap::event::Largest;
use wscap::flow::End;
use wscap::judge::Confidence;
use wscap::time::Timestamp;

use super::{DOWN, MINUTE, Sight, UP, Ws, alone, evidence, frames, last, told};
use crate::support::legs::{Script, ending, handshake};

#[test]
fn the_message_that_broke_a_limit_is_told_from_both_sides() {
    let run = |largest: Largest, unfinished: u64| {
        let judged = alone(Sight::ClientLeg, "", |script, ws| {
            let sent = frames(|frames| {
                frames.client.text = 2;
                frames.largest[0] = largest;
                frames.unfinished[0] = unfinished;
            });
            script.fact(ws.outer(), ws.opened + 1_000, sent);
            // What comes behind the Close broke no limit of the past.
            let later = frames(|frames| frames.largest[0].bytes = 9_999_999);
            script
                .close(ws.outer(), ws.opened + 1_001, DOWN, b"\x03\xf1")
                .fact(ws.outer(), ws.opened + 1_002, later)
                .ended(ws.outer(), ws.opened + 1_010, End::Fin);
        });
        assert_eq!(
            told(&judged),
            "fault 1009 server / closed_too_big certain C09"
        );
        judged.judgement.findings[0].evidence[1..].join(" | ")
    };
    let largest = |bytes, before, compressed| Largest {
        bytes,
        before,
        compressed,
    };
    assert_eq!(
        run(largest(70_000, 500, false), 0),
        "the largest message to it had 70000 bytes; one of 500 bytes had been taken"
    );
    assert_eq!(
        run(largest(70_000, 0, false), 70_000),
        "the largest message to it had 70000 bytes, still on its way"
    );
    assert_eq!(
        run(largest(7, 0, true), 0),
        "the largest message to it had 7 bytes as compressed; unpacked it is larger, and that is what counts"
    );
    assert_eq!(run(largest(0, 0, false), 0), "");
}

#[test]
fn what_a_gateway_says_of_its_own_is_told_apart() {
    let at_both = |script: &mut Script, ws: &Ws| {
        ws.text(script, 100, DOWN);
    };
    // 1006 upstream becomes 1014.
    let judged = alone(Sight::Both, "", |script, ws| {
        at_both(script, ws);
        let at = ws.opened + 5_000;
        script
            .fin(ws.inner(), at, DOWN)
            .close(ws.outer(), at + 2, DOWN, b"\x03\xf6")
            .close(ws.outer(), at + 3, UP, b"\x03\xf6");
        script
            .fin(ws.outer(), at + 4, DOWN)
            .fin(ws.outer(), at + 5, UP)
            .fin(ws.inner(), at + 6, UP);
    });
    assert_eq!(told(&judged), "fault 1014 server / bad_gateway certain C14");
    assert!(
        evidence(&judged).contains("10.2.0.2:8080 ended its leg with FIN and no Close (1006); 10.1.0.1:80 made 1014 Bad Gateway of it"),
        "{}",
        evidence(&judged)
    );
    // 1001 of the server is kept to itself.
    let judged = alone(Sight::Both, "", |script, ws| {
        at_both(script, ws);
        let at = ws.opened + 5_000;
        script
            .close(ws.inner(), at, DOWN, b"\x03\xe9")
            .close(ws.inner(), at + 1, UP, b"\x03\xe9")
            .fin(ws.inner(), at + 2, DOWN)
            .fin(ws.inner(), at + 3, UP);
        script
            .fin(ws.outer(), at + 4, DOWN)
            .fin(ws.outer(), at + 5, UP);
    });
    assert_eq!(
        told(&judged),
        "abnormal 1006 server / close_changed proved C50"
    );
    assert_eq!(judged.judgement.wire_code, None, "none reached the client");
    assert!(judged.judgement.hop.is_some());
    // Both legs closed by the hop, as Caddy does on reload; the answers to it change nothing.
    let judged = alone(Sight::Both, "Caddy", |script, ws| {
        at_both(script, ws);
        let at = ws.opened + 5_000;
        script
            .close(ws.outer(), at, DOWN, b"\x03\xe9")
            .close(ws.inner(), at, UP, b"\x03\xe9")
            .close(ws.outer(), at + 3, UP, b"\x03\xe9")
            .close(ws.inner(), at + 2, DOWN, b"\x03\xe9");
        ws.cut(script, 5_010);
    });
    assert_eq!(
        told(&judged),
        "normal 1001 proxy / proxy_reloaded proved C06r"
    );
}

#[test]
fn a_tunnel_that_passes_everything_on_is_not_accused_of_changing_it() {
    let hold = |name: &str, expected: &str, happens: &dyn Fn(&mut Script, &Ws, i64)| {
        let judged = alone(Sight::Both, "", |script, ws| {
            ws.text(script, 100, DOWN);
            happens(script, ws, ws.opened + 5_000);
        });
        let findings = judged.judgement.findings.iter();
        assert!(
            findings
                .clone()
                .all(|finding| finding.id.name() != "close_changed"),
            "{name}: {}",
            evidence(&judged)
        );
        assert_eq!(ending(&judged.judgement), expected, "{name}");
    };
    hold(
        "both close at once",
        "normal 1000 client",
        &|script, ws, at| {
            script
                .close(ws.outer(), at, UP, b"\x03\xe8")
                .close(ws.inner(), at, DOWN, b"\x03\xe9")
                .close(ws.inner(), at + 1, UP, b"\x03\xe8")
                .close(ws.outer(), at + 1, DOWN, b"\x03\xe9");
            ws.cut(script, 5_010);
        },
    );
    // nginx lets the client go before its answer comes: that one stands on the client's leg alone.
    hold(
        "the answer comes late",
        "normal 1000 server",
        &|script, ws, at| {
            script
                .close(ws.inner(), at, DOWN, b"\x03\xe8")
                .fin(ws.inner(), at, DOWN)
                .close(ws.outer(), at + 1, DOWN, b"\x03\xe8")
                .fin(ws.outer(), at + 1, DOWN)
                .fin(ws.inner(), at + 1, UP)
                .close(ws.outer(), at + 30, UP, b"\x03\xe8")
                .fin(ws.outer(), at + 30, UP);
        },
    );
    // The client's Close goes under in its own RST.
    hold(
        "a reset behind the Close",
        "normal 1001 client",
        &|script, ws, at| {
            script
                .close(ws.outer(), at, UP, b"\x03\xe9")
                .ended(ws.outer(), at, End::Rst(UP))
                .fin(ws.inner(), at + 1, UP)
                .fin(ws.inner(), at + 2, DOWN);
        },
    );
    hold(
        "the server was gone already",
        "normal 1000 client",
        &|script, ws, at| {
            script
                .fin(ws.inner(), at, DOWN)
                .close(ws.outer(), at, UP, b"\x03\xe8")
                .fin(ws.outer(), at + 1, DOWN)
                .fin(ws.inner(), at + 1, UP)
                .fin(ws.outer(), at + 2, UP);
        },
    );
}

#[test]
fn all_will_come_back_at_once_after_a_restart() {
    let mut script = Script::default();
    for number in 1..=40_i64 {
        let ws = Ws::open(
            &mut script,
            number.cast_unsigned(),
            number * 100,
            Sight::ClientLeg,
            "",
        );
        let at = 10_000 + number;
        script
            .text(ws.outer(), 9_000, DOWN)
            .close(ws.outer(), at, DOWN, b"\x03\xf4")
            .close(ws.outer(), at + 1, UP, b"\x03\xf4")
            .ended(ws.outer(), at + 2, End::Fin);
    }
    let judged = last(&script);
    assert_eq!(
        told(&judged),
        "fault 1012 server / service_restart certain C12"
    );
    assert!(
        evidence(&judged).contains("it closed this one, and 39 others within the same second"),
        "{}",
        evidence(&judged)
    );
    assert_eq!(judged.judgement.findings[0].confidence, Confidence::Certain);
}

#[test]
fn days_of_pings_leave_a_small_and_even_sample() {
    let judged = alone(Sight::ClientLeg, "", |script, ws| {
        let pings = frames(|frames| {
            let trips = (1..=5_000_u32).map(|ping| {
                let sent = i64::from(ping) * 1_000_000_000;
                let waited = Duration::from_micros(u64::from(ping));
                (Timestamp::from_nanos(sent), waited)
            });
            frames.answered[DOWN.index()].extend(trips);
        });
        script.fact(ws.outer(), ws.opened + 5_000 * MINUTE / 60, pings);
        ws.fin(script, 5_001 * 1_000, DOWN);
    });
    let trips = &judged.closing.legs[0].rtt[DOWN.index()];
    assert_eq!(
        (trips.count(), trips.longest()),
        (5_000, Duration::from_millis(5))
    );
    let middle = trips.middle().unwrap().as_micros();
    assert!((2_000..3_000).contains(&middle), "{middle}");
    assert!(trips.sample().count() <= 32);
}

#[test]
fn the_upstream_that_a_gateway_could_not_open_is_found() {
    let run = |others: u64| {
        let mut script = Script::default();
        let ws = Ws::open(&mut script, 1, 100, Sight::ClientLeg, "");
        for other in 0..=others {
            let upstream = handshake(
                &format!("10.2.0.1:{}", 40_000 + other),
                &format!("10.2.0.{}:8080", 2 + other),
            );
            let key = format!("{:022}==", 500 + other);
            let conn = 900 + other;
            script
                .ask(conn, 110, upstream.key(&key))
                .answer(conn, 120, 503, &[])
                .ended(conn, 121, End::Fin);
        }
        script
            .close(ws.outer(), 130, DOWN, b"\x03\xf6")
            .close(ws.outer(), 131, UP, b"\x03\xf6")
            .ended(ws.outer(), 132, End::Fin);
        last(&script).judgement.findings[0].evidence[1].clone()
    };
    assert_eq!(
        run(0),
        "10.2.0.2:8080 answered 503 to the gateway's handshake"
    );
    assert_eq!(
        run(1),
        "the leg behind the gateway is not in this capture",
        "which of two, nobody knows"
    );
}

#[test]
fn an_answer_with_a_code_that_must_not_be_sent_is_told() {
    let run = |answer: &'static [u8]| {
        let judged = alone(Sight::ClientLeg, "", |script, ws| {
            script
                .close(ws.outer(), ws.opened + 100, UP, b"\x03\xe8")
                .close(ws.outer(), ws.opened + 101, DOWN, answer)
                .ended(ws.outer(), ws.opened + 102, End::Fin);
        });
        told(&judged)
    };
    assert_eq!(run(b"\x03\xe8"), "normal 1000 client");
    assert_eq!(
        run(b"\x03\xee"),
        "normal 1000 client / close_code_illegal certain -"
    );
}
