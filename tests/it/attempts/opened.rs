//! What a 101 must hold, and what came of it.

use wscap::event::{Fact, Violation, ViolationKind};
use wscap::flow::Direction;
use wscap::judge::{Severity, Verdict};
use wscap::limits::Limits;

use super::{BACKEND, CLIENT, INNER, PROXY};
use crate::support::legs::{Script, findings, handshake};

#[test]
fn an_accept_for_another_key_is_refused_by_the_client() {
    let wrong = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", "x"),
    ];
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 2, 101, &wrong);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Rejected);
    assert_eq!(findings(&judged), ["accept_mismatch"]);
    assert!(
        script.run().1.is_empty(),
        "what never opened does not close"
    );
}

#[test]
fn an_accept_that_a_hop_removed_is_the_hops_fault() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND))
        .switch(1, 2, &[])
        .answer(
            0,
            3,
            101,
            &[("Upgrade", "websocket"), ("Connection", "Upgrade")],
        );
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Stripped);
    assert_eq!(findings(&judged)[0], "response_accept_stripped");
    assert_eq!(
        judged
            .judgement
            .hop
            .as_ref()
            .unwrap()
            .inward
            .unwrap()
            .to_string(),
        PROXY
    );
}

#[test]
fn it_opened_with_less_than_was_asked() {
    let offering =
        |client, server| handshake(client, server).with("Sec-WebSocket-Protocol", "chat");
    let mut none = Script::default();
    none.ask(0, 0, offering(CLIENT, PROXY)).switch(0, 2, &[]);
    assert_eq!(findings(&none.one()), ["subprotocol_not_selected"]);
    assert_eq!(none.one().judgement.severity, Severity::Warning);

    let mut stripped = Script::default();
    stripped
        .ask(0, 0, offering(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND))
        .switch(1, 2, &[])
        .switch(0, 3, &[]);
    let judged = stripped.one();
    assert_eq!(
        (judged.judgement.verdict, findings(&judged)),
        (Verdict::Downgraded, vec!["subprotocol_stripped"])
    );

    let deflate = ("Sec-WebSocket-Extensions", "permessage-deflate");
    let mut declined = Script::default();
    declined
        .ask(0, 0, handshake(CLIENT, PROXY).with(deflate.0, deflate.1))
        .switch(0, 2, &[]);
    assert_eq!(
        declined.one().judgement.verdict,
        Verdict::Ok,
        "a declined extension is normal"
    );
}

#[test]
fn a_gateway_that_agrees_an_extension_by_itself_took_nothing_away() {
    let deflate = ("Sec-WebSocket-Extensions", "permessage-deflate");
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY).with(deflate.0, deflate.1))
        .ask(1, 1, handshake(INNER, BACKEND))
        .switch(1, 2, &[])
        .switch(0, 3, &[deflate]);
    let judged = script.one();
    assert_eq!(
        (judged.judgement.verdict, findings(&judged)),
        (Verdict::Ok, vec!["bridged"])
    );
}

#[test]
fn http_text_after_the_101_is_a_refusal() {
    let mut script = Script::default();
    let violation = Violation {
        dir: Direction::ToClient,
        offset: 0,
        kind: ViolationKind::Http,
    };
    script
        .ask(
            0,
            0,
            handshake(CLIENT, PROXY).target("/socket.io/?EIO=3&transport=websocket"),
        )
        .switch(0, 2, &[])
        .fact(0, 3, Fact::Violation(violation))
        .fin(0, 4, Direction::ToClient);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Rejected);
    assert_eq!(
        findings(&judged),
        ["engine_version_mismatch", "http_after_101"]
    );
}

/// Where very many open at once, those that have are not kept for the second that their first frame may take: there is
/// room for who waits for an answer, or whose client does.
#[test]
fn in_a_crowd_what_has_opened_makes_room_for_what_waits() {
    let limits = Limits {
        undecided_bytes: 1 << 20,
        ..Limits::default()
    };
    let key = |n: u32| data_encoding::BASE64.encode(&u128::from(n).to_be_bytes());
    let from = |n: u32| format!("10.1.1.{}:{}", n / 200, 1_024 + n);
    let mut script = Script::default();
    for n in 0..20 {
        let (conn, ms) = (u64::from(n), i64::from(n));
        script.ask(conn, ms, handshake(&from(n), PROXY).key(&key(n)));
    }
    for n in 20..40 {
        let (outer, inner, ms) = (u64::from(n), u64::from(n) + 1_000, i64::from(n));
        script
            .ask(outer, ms, handshake(&from(n), PROXY).key(&key(n)))
            .ask(
                inner,
                ms,
                handshake(&format!("10.2.0.1:{}", 40_000 + n), BACKEND).key(&key(n)),
            )
            .switch(inner, ms + 1, &[]);
    }
    for n in 40..340 {
        let (conn, ms) = (u64::from(n), i64::from(n));
        script
            .ask(conn, ms, handshake(&from(n), PROXY).key(&key(n)))
            .switch(conn, ms + 1, &[]);
    }
    let decided = script.decided_within(&limits, 400);
    assert!((100..300).contains(&decided.len()), "{}", decided.len());
    for judged in &decided {
        assert_eq!(judged.judgement.verdict, Verdict::Ok, "{judged:?}");
        assert!(judged.attempt.outermost().connection().tcp_stream >= Some(40));
    }
    assert_eq!(script.decided_by(400).len(), 0, "where there is room");
}
