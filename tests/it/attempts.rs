//! What belongs together, when it is decided, and what is thought of it: from hand-written events, without a packet.

mod endings;
mod leaving;
mod lost_fields;
mod opened;
mod shed;
mod upstream;

use wscap::flow::{Direction, End};
use wscap::judge::{Confidence, JudgedAttempt, Severity, Verdict};

use crate::support::legs::{Script, ending, findings, handshake, roles};

const CLIENT: &str = "10.1.0.2:50000";
const PROXY: &str = "10.1.0.1:80";
const INNER: &str = "10.2.0.1:40000";
const BACKEND: &str = "10.2.0.2:8080";

#[test]
fn a_hop_that_took_the_upgrade_away_is_proved_by_both_legs() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 5, handshake(INNER, BACKEND).stripped())
        .answer(1, 8, 426, &[])
        .answer(0, 10, 426, &[("Server", "nginx/1.22.1")]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Stripped);
    assert_eq!(
        findings(&judged)[..2],
        ["upgrade_stripped", "connection_stripped"]
    );
    assert_eq!(judged.judgement.findings[0].confidence, Confidence::Proved);
    assert_eq!(judged.judgement.findings[0].leg, 1);
    assert_eq!(judged.judgement.status, Some(426));
    let hop = judged.judgement.hop.as_ref().unwrap();
    assert_eq!(hop.inward.unwrap().to_string(), PROXY);
    assert_eq!(hop.outward.unwrap().to_string(), INNER);
    assert_eq!(hop.software.as_deref(), Some("nginx/1.22.1"));
    assert_eq!(
        hop.adjacent, None,
        "two addresses: another hop may lie between"
    );
    assert_eq!(roles(&judged), "path+path");
}

#[test]
fn an_auth_sub_request_with_the_same_key_is_not_accused() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(
            1,
            2,
            handshake(INNER, "10.2.0.3:9000").stripped().target("/auth"),
        )
        .answer(1, 4, 204, &[])
        .ask(2, 6, handshake("10.2.0.1:40001", BACKEND))
        .switch(2, 8, &[])
        .switch(0, 9, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Ok);
    assert_eq!(roles(&judged), "path+auth+path");
    assert_eq!(judged.attempt.legs[1].parent, Some(0));
}

#[test]
fn an_auth_sub_request_beside_its_sibling_without_a_parent_is_not_accused() {
    // The client leg is encrypted: only what nginx sends is in sight.
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(INNER, BACKEND).stripped().target("/auth"))
        .answer(0, 2, 200, &[])
        .ask(1, 4, handshake("10.2.0.1:40001", BACKEND))
        .switch(1, 6, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Ok);
    assert_eq!(roles(&judged), "path+auth");
}

#[test]
fn a_mirror_beside_the_path_is_not_accused() {
    for mirror in ["10.2.0.3:9000", "10.3.0.3:9000"] {
        let from = if mirror.starts_with("10.3") {
            "10.3.0.1:7"
        } else {
            "10.2.0.1:7"
        };
        let mut script = Script::default();
        script
            .ask(0, 0, handshake(CLIENT, PROXY))
            .ask(1, 2, handshake(INNER, BACKEND))
            .ask(2, 3, handshake(from, mirror).stripped().target("/mirror"))
            .switch(1, 6, &[])
            .switch(0, 7, &[])
            .answer(2, 9, 426, &[]);
        let judged = script.one();
        assert_eq!(judged.judgement.verdict, Verdict::Ok, "mirror at {mirror}");
        assert_eq!(roles(&judged), "path+path+mirror");
    }
}

#[test]
fn a_refused_auth_sub_request_is_the_root_cause() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(
            1,
            2,
            handshake(INNER, "10.2.0.3:9000").stripped().target("/auth"),
        )
        .answer(1, 4, 401, &[])
        .answer(0, 5, 401, &[("Server", "nginx")])
        .body(0, 5, "<html>401 Authorization Required</html>");
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Rejected);
    assert_eq!(findings(&judged)[0], "auth_refused");
    assert_eq!(roles(&judged), "path+auth");
}

#[test]
fn the_upstream_that_was_given_up_is_a_retry() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 2, handshake(INNER, "10.2.0.3:8080"))
        .answer(1, 4, 503, &[])
        .ask(2, 6, handshake("10.2.0.1:40001", BACKEND))
        .switch(2, 8, &[])
        .switch(0, 9, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Ok);
    assert_eq!(roles(&judged), "path+retry+path");
    assert_eq!(findings(&judged), ["upstream_retried"]);
}

#[test]
fn the_first_of_two_hops_that_both_pass_is_not_blamed_for_the_third() {
    // Client, load balancer, ingress, app: the ingress strips.
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake("10.1.0.1:4000", "10.2.0.1:80"))
        .ask(2, 2, handshake("10.2.0.1:5000", BACKEND).stripped())
        .answer(2, 3, 400, &[])
        .answer(1, 4, 400, &[])
        .answer(0, 5, 400, &[]);
    let judged = script.one();
    assert_eq!(roles(&judged), "path+path+path");
    let hop = judged.judgement.hop.as_ref().unwrap();
    assert_eq!(hop.inward.unwrap().to_string(), "10.2.0.1:80");
    assert_eq!(hop.adjacent, Some(true));
}

#[test]
fn a_chain_on_loopback_is_told_by_its_answers() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake("127.0.0.1:50000", "127.0.0.1:80"))
        .ask(1, 1, handshake("127.0.0.1:50001", "127.0.0.1:81"))
        .ask(2, 2, handshake("127.0.0.1:50002", "127.0.0.1:3000"))
        .switch(2, 3, &[])
        .switch(1, 4, &[])
        .switch(0, 5, &[]);
    let judged = script.one();
    assert_eq!(
        judged
            .attempt
            .legs
            .iter()
            .map(|node| node.parent)
            .collect::<Vec<_>>(),
        [None, Some(0), Some(1)]
    );
    assert_eq!(roles(&judged), "path+path+path");
}

#[test]
fn clocks_that_contradict_the_addresses_make_no_ring() {
    // Three files whose clocks differ by less than the slack: by address a ring, by time another order.
    let hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut script = Script::default();
        for (source, ms, host) in [(0, 0, order[0]), (1, 20, order[1]), (2, 40, order[2])] {
            let (client, server) = (hosts[host], hosts[(host + 1) % 3]);
            let ask = handshake(&format!("{client}:5000"), &format!("{server}:80"));
            script.ask_in(source, host as u64, ms, ask);
        }
        for conn in 0..3 {
            script.answer(conn, 100, 404, &[]);
        }
        let judged = script.one();
        assert_eq!(judged.attempt.legs.len(), 3, "{order:?}");
        assert_eq!(judged.attempt.legs[0].parent, None);
    }
}

#[test]
fn credentials_after_a_challenge_are_one_attempt() {
    let second = handshake("10.1.0.2:50001", PROXY).key("EBESExQVFhcYGRobHB0eHw==");
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 2, 401, &[("WWW-Authenticate", "Basic realm=x")])
        .ask(1, 900, second.with("Authorization", "Basic eDp5"))
        .switch(1, 902, &[])
        .text(1, 950, Direction::ToServer);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Ok);
    assert_eq!(judged.attempt.tries, 2);
    assert_eq!(judged.attempt.earlier_tries[0].status, Some(401));
}

#[test]
fn a_challenge_that_nobody_takes_up_stands_alone() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 2, 401, &[("WWW-Authenticate", "Basic realm=x")])
        // Six seconds later is another story.
        .ask(
            1,
            6_000,
            handshake("10.1.0.2:50001", PROXY).key("EBESExQVFhcYGRobHB0eHw=="),
        )
        .switch(1, 6_002, &[]);
    let (attempts, _) = script.run();
    let verdicts: Vec<_> = attempts
        .iter()
        .map(|judged| judged.judgement.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Rejected, Verdict::Ok]);
    assert_eq!(findings(&attempts[0])[0], "unauthorized");
}

#[test]
fn two_clients_behind_one_proxy_do_not_share_their_tries() {
    // Upstream legs only: the same address, and nothing says for whom.
    let from = |port: u16, key: &str| {
        handshake(&format!("10.2.0.1:{port}"), BACKEND)
            .key(key)
            .with("Via", "1.1 lb")
    };
    let mut script = Script::default();
    script
        .ask(0, 0, from(1, "EBESExQVFhcYGRobHB0eHw=="))
        .answer(0, 2, 401, &[("WWW-Authenticate", "Basic realm=x")])
        .ask(1, 100, from(2, "ICEiIyQlJicoKSorLC0uLw=="))
        .switch(1, 102, &[]);
    assert_eq!(
        script.run().0.len(),
        2,
        "a refusal must not vanish behind somebody else's success"
    );
}

#[test]
fn one_key_used_by_two_clients_at_once_joins_nothing() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake("10.1.0.3:50000", PROXY))
        .switch(0, 2, &[])
        .answer(1, 3, 403, &[]);
    let (attempts, _) = script.run();
    assert_eq!(attempts.len(), 2);
}

#[test]
fn a_key_of_two_clients_leaves_each_the_leg_that_names_it() {
    let inner = |port: u16, client: &str| {
        handshake(&format!("10.2.0.1:{port}"), BACKEND).with("X-Forwarded-For", client)
    };
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 0, handshake("10.1.0.3:50000", PROXY))
        .ask(2, 1, inner(1, "10.1.0.2").stripped())
        .ask(3, 2, inner(2, "10.1.0.3"))
        .answer(2, 3, 426, &[])
        .answer(0, 4, 426, &[])
        .switch(3, 5, &[])
        .switch(1, 6, &[]);
    let (attempts, _) = script.run();
    let told = |judged: &JudgedAttempt| {
        let client = judged.attempt.outermost().connection().client.to_string();
        (client, judged.judgement.verdict, judged.attempt.legs.len())
    };
    let mut all: Vec<_> = attempts.iter().map(told).collect();
    all.sort();
    assert_eq!(
        all,
        [
            (CLIENT.to_owned(), Verdict::Stripped, 2),
            ("10.1.0.3:50000".to_owned(), Verdict::Ok, 2)
        ]
    );
}

#[test]
fn an_answer_whose_direction_is_not_captured_was_not_kept_back() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND))
        .switch(1, 2, &[])
        .fin_unseen_server(0, 150)
        // Something else goes on, so that the connection is not taken for over.
        .ask(
            2,
            9_000,
            handshake("10.1.0.9:1", PROXY).key("EBESExQVFhcYGRobHB0eHw=="),
        )
        .switch(2, 9_001, &[]);
    let (attempts, _) = script.run();
    assert_eq!(attempts[0].judgement.verdict, Verdict::Unknown);
    assert!(attempts[0].judgement.hop.is_none());
}

#[test]
fn the_sample_key_of_the_rfc_joins_nothing() {
    let sample = "dGhlIHNhbXBsZSBub25jZQ==";
    let mut script = Script::default();
    for n in 0..3 {
        script.ask(
            n,
            0,
            handshake(&format!("10.1.0.2:{}", 50_000 + n), PROXY).key(sample),
        );
    }
    for n in 0..3 {
        script.switch(n, 2, &[]);
    }
    assert_eq!(script.run().0.len(), 3);
}

#[test]
fn two_clients_at_once_are_not_joined_by_time() {
    // One waits while the other is refused: at the same server, and at a proxy that asks for somebody under TLS.
    for (from, to) in [("10.1.0.3:50000", PROXY), ("10.1.0.1:40000", BACKEND)] {
        let mut script = Script::default();
        script
            .ask(0, 0, handshake(CLIENT, PROXY))
            .ask(1, 5, handshake(from, to).key("EBESExQVFhcYGRobHB0eHw=="))
            .answer(1, 20, 403, &[])
            .answer(0, 200, 403, &[]);
        let (attempts, _) = script.run();
        assert_eq!(attempts.len(), 2, "{from} to {to}");
    }
}

#[test]
fn an_upstream_leg_whose_clock_is_ahead_stays_the_inner_one() {
    let mut script = Script::default();
    script
        .ask_in(1, 1, 0, handshake(INNER, BACKEND))
        .ask(0, 60, handshake(CLIENT, PROXY))
        .fin(1, 90, Direction::ToClient)
        .answer(0, 200, 502, &[]);
    let judged = script.one();
    assert_eq!(findings(&judged)[0], "upstream_closed");
    assert_eq!(
        judged.attempt.legs[0].leg.connection().server.to_string(),
        PROXY
    );
}

#[test]
fn a_try_that_is_decided_late_still_takes_in_the_one_before() {
    let second = handshake("10.1.0.2:50001", PROXY).key("EBESExQVFhcYGRobHB0eHw==");
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 2, 401, &[("WWW-Authenticate", "Basic realm=x")])
        // Answered in time, and nothing is said for a second.
        .ask(1, 4_000, second)
        .switch(1, 4_900, &[]);
    let (attempts, _) = script.run_for(5_000);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].attempt.tries, 2);
}

#[test]
fn the_same_key_again_after_it_was_decided_is_a_new_attempt() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 2, 404, &[])
        .ask(1, 2_000, handshake("10.1.0.2:50001", PROXY))
        .answer(1, 2_002, 404, &[]);
    assert_eq!(script.run().0.len(), 2);
}

#[test]
fn a_leg_that_comes_late_is_no_attempt_of_its_own() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND))
        .switch(1, 2, &[])
        .switch(0, 3, &[])
        .text(0, 4, Direction::ToServer)
        .ask(
            2,
            400,
            handshake("10.2.0.1:7", "10.2.0.3:9000")
                .stripped()
                .target("/mirror"),
        )
        .answer(2, 410, 426, &[]);
    assert_eq!(roles(&script.one()), "path+path");
}

#[test]
fn other_protocols_are_told_apart_and_never_severe() {
    let upgrade = |token: &str| {
        handshake(CLIENT, PROXY)
            .key("")
            .with("Sec-WebSocket-Version", "")
            .with("Upgrade", token)
    };
    let mut ignored = Script::default();
    ignored.ask(0, 0, upgrade("h2c")).answer(0, 2, 200, &[]);
    let judged = ignored.one();
    assert_eq!(
        (judged.judgement.verdict, judged.judgement.severity),
        (Verdict::Ok, Severity::Info)
    );

    let mut policy = Script::default();
    policy.ask(0, 0, handshake(CLIENT, PROXY)).answer(
        0,
        2,
        426,
        &[("Upgrade", "TLS/1.2, HTTP/1.1")],
    );
    let judged = policy.one();
    assert_eq!(
        (judged.judgement.verdict, findings(&judged)),
        (Verdict::Rejected, vec!["protocol_policy"])
    );
}

#[test]
fn a_lone_leg_without_upgrade_is_certain_only_where_a_proxy_or_browser_sent_it() {
    let cases = [
        (
            handshake(INNER, BACKEND).stripped(),
            426,
            Confidence::Certain,
        ),
        (
            handshake(INNER, BACKEND)
                .with("Upgrade", "")
                .with("User-Agent", "Mozilla/5.0"),
            400,
            Confidence::Certain,
        ),
        (
            handshake(INNER, BACKEND)
                .with("Upgrade", "")
                .with("Connection", ""),
            426,
            Confidence::Likely,
        ),
        // It may be a sub-request or a mirror.
        (
            handshake(INNER, BACKEND).stripped(),
            403,
            Confidence::Likely,
        ),
        (
            handshake(INNER, BACKEND).stripped(),
            200,
            Confidence::Likely,
        ),
    ];
    for (ask, status, confidence) in cases {
        let mut script = Script::default();
        script.ask(0, 0, ask).answer(0, 2, status, &[]);
        let judged = script.one();
        assert_eq!(judged.judgement.verdict, Verdict::Stripped);
        assert_eq!(
            (
                findings(&judged)[0],
                judged.judgement.findings[0].confidence
            ),
            ("upgrade_stripped", confidence)
        );
    }
}

#[test]
fn closings_say_who_and_how() {
    let open = |script: &mut Script| {
        script
            .ask(0, 0, handshake(CLIENT, PROXY))
            .ask(1, 1, handshake(INNER, BACKEND))
            .switch(1, 2, &[])
            .switch(0, 3, &[])
            .text(1, 10, Direction::ToClient)
            .text(0, 11, Direction::ToClient);
    };
    let (to_server, to_client) = (Direction::ToServer, Direction::ToClient);

    let mut normal = Script::default();
    open(&mut normal);
    normal
        .close(0, 100, to_server, b"\x03\xe8bye")
        .close(1, 101, to_server, b"\x03\xe8bye");
    normal
        .close(1, 102, to_client, b"\x03\xe8")
        .close(0, 103, to_client, b"\x03\xe8");
    assert_eq!(ending(&normal.run().1[0].judgement), "normal 1000 client");

    let mut silent = Script::default();
    open(&mut silent);
    silent
        .fin(1, 500, to_client)
        .fin(0, 501, to_client)
        .fin(0, 502, to_server)
        .fin(1, 503, to_server);
    let (_, closings) = silent.run();
    assert_eq!(ending(&closings[0].judgement), "abnormal 1006 server");

    let mut proxy = Script::default();
    open(&mut proxy);
    proxy
        .fin(0, 60_010, to_client)
        .fin(1, 60_010, to_server)
        .fin(0, 60_020, to_server)
        .fin(1, 60_020, to_client);
    let judgement = &proxy.run().1[0].judgement;
    assert_eq!(ending(judgement), "abnormal 1006 proxy");
    assert_eq!(judgement.findings[0].id.name(), "idle_timeout");

    let mut probe = Script::default();
    probe
        .ask(0, 0, handshake(CLIENT, PROXY))
        .switch(0, 2, &[])
        .fin(0, 3, to_server)
        .ended(0, 4, End::Fin);
    assert_eq!(ending(&probe.run().1[0].judgement), "unused 1006 client");

    let mut still = Script::default();
    open(&mut still);
    assert_eq!(
        ending(&still.run_for(86_400_000).1[0].judgement),
        "open - unknown"
    );
}
