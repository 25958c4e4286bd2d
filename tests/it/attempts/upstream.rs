//! Upstream connections that fail, and what a gateway says of them.

use wscap::flow::Direction;
use wscap::judge::{Confidence, Verdict};

use super::{BACKEND, CLIENT, INNER, PROXY};
use crate::support::legs::{Script, findings, handshake, roles};

#[test]
fn a_refused_upstream_explains_the_502() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .refused(1, 1, INNER, BACKEND)
        .answer(0, 2, 502, &[("Server", "nginx/1.22.1")]);
    let judged = script.one();
    assert_eq!(findings(&judged)[0], "upstream_unreachable");
    assert_eq!(roles(&judged), "path+failed");
    assert_eq!(judged.judgement.findings[0].confidence, Confidence::Likely);
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

/// A mesh redirects what is sent on its own host to a loopback address, so that outer and inner client are one host.
#[test]
fn a_sidecar_on_loopback_is_next_to_what_its_host_opens() {
    let (client, sidecar) = ("10.2.0.1:50208", "127.0.0.1:15001");
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(client, sidecar))
        .ask(1, 2, handshake(INNER, BACKEND).stripped())
        .answer(1, 4, 426, &[])
        .answer(0, 5, 426, &[]);
    let judged = script.one();
    assert_eq!(findings(&judged)[0], "upgrade_stripped");
    assert_eq!(roles(&judged), "path+path");
    assert_eq!(judged.attempt.legs[1].adjacent, Some(true));

    let mut script = Script::default();
    script
        .ask(0, 0, handshake(client, sidecar))
        .refused(1, 1, INNER, BACKEND)
        .answer(0, 2, 503, &[("Server", "envoy")]);
    let judged = script.one();
    assert_eq!(findings(&judged)[0], "upstream_unreachable");
    assert_eq!(roles(&judged), "path+failed");
    assert_eq!(judged.attempt.legs[1].adjacent, Some(true));
}

#[test]
fn a_refused_upstream_is_not_joined_where_two_attempts_could_own_it() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(
            1,
            0,
            handshake("10.1.0.3:50000", "10.9.0.1:80").key("EBESExQVFhcYGRobHB0eHw=="),
        )
        .refused(2, 1, INNER, BACKEND)
        .answer(0, 2, 502, &[])
        .answer(1, 3, 502, &[]);
    for judged in script.run().0 {
        assert_eq!(roles(&judged), "path");
        assert!(judged.attempt.surroundings.is_ambiguous);
        assert_eq!(findings(&judged), ["server_error"]);
        assert_eq!(judged.judgement.findings[0].confidence, Confidence::Guess);
    }
}

#[test]
fn a_backend_that_hangs_up_is_named_by_the_hop_that_says_502() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND))
        .fin(1, 2, Direction::ToClient)
        .answer(0, 3, 502, &[("Server", "nginx/1.22.1")]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Rejected);
    assert_eq!(findings(&judged)[0], "upstream_closed");
    assert_eq!(judged.judgement.findings[0].confidence, Confidence::Proved);
}

#[test]
fn http10_that_is_hung_up_on_is_a_downgrade_not_a_dead_backend() {
    // websockets 13 to 16 answer HTTP/1.0 by a bare FIN (rules X02b).
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND).http10())
        .fin(1, 2, Direction::ToClient)
        .answer(0, 3, 502, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Downgraded);
    assert_eq!(
        findings(&judged)[..2],
        ["http_version_downgraded", "upstream_closed"]
    );
}

#[test]
fn http10_before_another_refusal_is_only_mentioned() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND).http10())
        .answer(1, 2, 403, &[])
        .answer(0, 3, 403, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Rejected);
    assert_eq!(findings(&judged).first(), Some(&"forbidden"));
    assert!(findings(&judged).contains(&"http_version_downgraded"));
}
