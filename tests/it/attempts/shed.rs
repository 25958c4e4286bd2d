//! The analyzer could not follow, and some facts were shed: of whatever is missing, nobody is accused.

use std::collections::BTreeSet;

use wscap::flow::{Direction, End};

use super::{BACKEND, CLIENT, INNER, PROXY};
use crate::support::legs::{Script, ending, handshake};

const UP: Direction = Direction::ToServer;
const DOWN: Direction = Direction::ToClient;

/// What is said of a script: of each attempt its verdict and root cause, of each closing how it ended and why.
fn said(script: &Script) -> BTreeSet<String> {
    let (attempts, closings) = script.run();
    let root = |finding: Option<&wscap::judge::Finding>| finding.map_or("-", |f| f.id.name());
    let attempts = attempts.iter().map(|judged| {
        let judgement = &judged.judgement;
        let root = root(judgement.findings.first());
        format!("{} {root}", judgement.verdict.name())
    });
    let closings = closings.iter().map(|judged| {
        let root = root(judged.judgement.findings.first());
        format!("closed {} {root}", ending(&judged.judgement))
    });
    attempts.chain(closings).collect()
}

/// Sheds each run of facts there is, and says what is then said that is not among `may`.
fn wrong(script: &Script, may: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for from in 0..script.len() {
        for to in from + 1..=script.len() {
            for words in said(&script.shed(from..to)) {
                if !may.contains(&&*words) {
                    wrong.push(format!("{from}..{to}: {words}"));
                }
            }
        }
    }
    wrong
}

/// Both legs of one WebSocket, from the request to its end.
fn healthy() -> Script {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 2, handshake(INNER, BACKEND))
        .switch(1, 5, &[])
        .switch(0, 6, &[])
        .text(0, 50, UP)
        .text(1, 51, UP)
        .text(1, 60, DOWN)
        .text(0, 61, DOWN)
        .close(0, 9_000, UP, &[0x03, 0xe8])
        .close(1, 9_001, UP, &[0x03, 0xe8])
        .close(1, 9_002, DOWN, &[0x03, 0xe8])
        .close(0, 9_003, DOWN, &[0x03, 0xe8])
        .fin(1, 9_004, DOWN)
        .fin(0, 9_005, DOWN)
        .fin(0, 9_006, UP)
        .fin(1, 9_007, UP)
        .ended(0, 9_008, End::Fin)
        .ended(1, 9_009, End::Fin);
    script
}

#[test]
fn a_healthy_websocket_is_never_a_fault() {
    let may = [
        "ok -",
        "unknown capture_incomplete",
        "closed normal 1000 client -",
        "closed normal 1000 unknown -",
        "closed abnormal 1006 unknown capture_incomplete",
        "closed open - unknown -",
    ];
    let wrong = wrong(&healthy(), &may);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn who_is_asked_whether_the_client_may_is_never_taken_for_the_way_on() {
    let mut script = Script::default();
    let auth = handshake(INNER, "10.2.0.3:9000").stripped().target("/auth");
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 2, auth)
        .answer(1, 4, 204, &[])
        .ask(2, 6, handshake("10.2.0.1:40001", BACKEND))
        .switch(2, 8, &[])
        .switch(0, 9, &[])
        .text(0, 50, UP);
    let may = [
        "ok -",
        "unknown capture_incomplete",
        "closed open - unknown -",
    ];
    let wrong = wrong(&script, &may);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn who_is_refused_in_order_is_refused_or_nothing_is_known() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 2, handshake(INNER, BACKEND))
        .answer(1, 5, 403, &[])
        .answer(0, 6, 403, &[])
        .fin(1, 7, DOWN)
        .fin(0, 8, UP)
        .fin(1, 9, UP)
        .fin(0, 9, DOWN);
    let wrong = wrong(
        &script,
        &["rejected forbidden", "unknown capture_incomplete"],
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}
