//! Legs without any field of the handshake: plain requests to look at.

use wscap::judge::Confidence;

use super::{BACKEND, CLIENT, PROXY};
use crate::support::legs::{Ask, Script, findings, handshake, roles};

/// A hop that takes every field leaves a plain GET, which is looked for while the handshake waits.
#[test]
fn a_leg_that_lost_every_field_is_joined_where_it_is_the_only_one_that_fits() {
    let bare = || handshake("10.1.0.1:41000", BACKEND).bare();
    let other_key = "EBESExQVFhcYGRobHB0eHw==";
    let tell = |act: &dyn Fn(&mut Script)| {
        let mut script = Script::default();
        script.ask(0, 0, handshake(CLIENT, PROXY));
        act(&mut script);
        script.answer(0, 9, 404, &[]);
        let (attempts, _) = script.run();
        let told: Vec<String> = attempts
            .iter()
            .map(|judged| {
                let several = judged.attempt.surroundings.is_ambiguous;
                let several = if several { " or another's" } else { "" };
                format!("{} {}{several}", roles(judged), findings(judged)[0])
            })
            .collect();
        told.join(", ")
    };
    let one = |times: (i64, i64), ask: Ask, status: u16| {
        tell(&|script| {
            script.plain(1, times, ask.clone(), status);
        })
    };
    let joined = "path+path upgrade_stripped";
    let alone = "path not_found";
    assert_eq!(one((2, 5), bare(), 404), joined);
    // Another answer; another target; another host in the middle; before the handshake, and after it.
    assert_eq!(one((2, 5), bare(), 200), alone);
    let elsewhere = || bare().target("/other");
    assert_eq!(one((2, 5), elsewhere(), 404), alone);
    let far = || bare().between("10.9.0.9:41000", BACKEND);
    assert_eq!(one((2, 5), far(), 404), alone);
    assert_eq!(one((-9, -5), bare(), 404), alone);
    // Not the hop's own address, but it names the client.
    let named = || far().with("X-Forwarded-For", "10.1.0.2");
    assert_eq!(one((2, 5), named(), 404), joined);
    // Two that fit, and two attempts that it fits.
    let two = |s: &mut Script| {
        s.plain(1, (2, 5), bare(), 404)
            .plain(2, (3, 6), bare(), 404);
    };
    let unclear = "path not_found or another's";
    assert_eq!(tell(&two), unclear);
    let contested = |s: &mut Script| {
        s.ask(3, 1, handshake("10.1.0.3:50000", PROXY).key(other_key))
            .plain(1, (2, 5), bare(), 404)
            .answer(3, 8, 404, &[]);
    };
    assert_eq!(tell(&contested), [unclear; 2].join(", "));
}

#[test]
fn a_request_id_joins_a_leg_that_lost_every_field_among_many() {
    let mut script = Script::default();
    let id = |number: u64| format!("id-{number}");
    for number in 0..20 {
        let client = format!("10.1.0.{}:50000", number + 2);
        let key = format!("{}==", &format!("{number:0>22}"));
        let ask = handshake(&client, PROXY).key(&key);
        script.ask(number, 0, ask.with("X-Request-ID", &id(number)));
    }
    for number in 0..20 {
        let bare = handshake(&format!("10.8.0.1:{}", 41000 + number), BACKEND).bare();
        let bare = bare.with("X-Request-ID", &id(number));
        script.plain(100 + number, (2, 5), bare, 200);
    }
    for number in 0..20 {
        script.answer(number, 9, 200, &[]);
    }
    let (attempts, _) = script.run();
    assert_eq!(attempts.len(), 20);
    for judged in &attempts {
        assert_eq!(roles(judged), "path+path");
        let inner = judged.attempt.legs[1].leg.conn;
        assert_eq!(inner.0, judged.attempt.legs[0].leg.conn.0 + 100);
        assert_eq!(judged.judgement.findings[0].confidence, Confidence::Proved);
    }
}

/// Envoy's `ext_authz` asks for the same target without a field of the handshake; what it refuses is no stripped handshake.
#[test]
fn who_is_asked_whether_the_client_may_is_not_taken_for_a_leg_that_lost_its_fields() {
    for status in [302, 401, 403] {
        let mut script = Script::default();
        script
            .ask(0, 0, handshake(CLIENT, PROXY))
            .plain(
                1,
                (2, 5),
                handshake("10.1.0.1:41000", BACKEND).bare(),
                status,
            )
            .answer(0, 9, status, &[]);
        let judged = script.one();
        assert_eq!(roles(&judged), "path");
        assert!(!findings(&judged).contains(&"upgrade_stripped"));
    }
}
