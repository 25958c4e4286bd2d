//! What happens to healthy attempts.

use wscap::flow::End;

use super::parts::{arrives, arrives_encrypted, ask, opens, passed_on, sub_request, takes};
use super::{DEFLATE, SAMPLE, TO_CLIENT, TO_SERVER};
use crate::support::crowd::{Crowd, Fate, SITES, Site};
use crate::support::legs::Ask;

pub(super) fn direct(c: &mut Crowd, t: i64) {
    c.begin("direct", Fate::Opens);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c.wish();
    let conn = ask(c, t, false, &client, site.backends[0], wish);
    let took = takes(c);
    opens(c, &[conn], t + took);
}

pub(super) fn through_a_proxy(c: &mut Crowd, t: i64) {
    c.begin("through a proxy", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let backend = c.rng.pick(&site.backends);
    let later = c.rng.range(1, 20);
    let inner = ask(c, t + later, true, site.inner, backend, passed);
    let took = takes(c);
    opens(c, &[outer, inner], t + later + took);
}

pub(super) fn upstream_leg_alone(c: &mut Crowd, t: i64) {
    c.begin("upstream leg alone", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let backend = c.rng.pick(&site.backends);
    let inner = ask(c, t, true, site.inner, backend, passed);
    let took = takes(c);
    opens(c, &[inner], t + took);
}

pub(super) fn three_hops(c: &mut Crowd, t: i64) {
    c.begin("three hops", Fate::Opens);
    let client = c.client(&SITES[0], false);
    let wish = c.wish();
    let outer = ask(c, t, false, &client, "10.0.3.1:80", wish.clone());
    let passed = passed_on(c, wish, &client);
    let middle = ask(c, t + 3, true, "10.0.3.1", "10.0.4.1:80", passed.clone());
    let backend = c.rng.pick(&["10.0.5.10:8080", "10.0.5.11:8080"]);
    let from = c.rng.pick(&["10.0.4.1", "10.0.5.1"]);
    let inner = ask(c, t + 6, true, from, backend, passed);
    let took = takes(c);
    opens(c, &[outer, middle, inner], t + 6 + took);
}

pub(super) fn proxies_on_one_host(c: &mut Crowd, t: i64) {
    c.begin("proxies on one host", Fate::Opens);
    let client = c.client(&SITES[0], false);
    let wish = c.wish();
    let outer = ask(c, t, false, &client, "10.0.6.1:80", wish.clone());
    let passed = passed_on(c, wish, &client);
    let middle = ask(c, t + 2, true, "10.0.6.1", "10.0.6.1:8081", passed.clone());
    if c.rng.once_in(2) {
        let sub = sub_request(c, passed.clone(), "/auth");
        let auth = ask(c, t + 4, true, "10.0.6.1", "10.0.6.20:9000", sub);
        c.answer(auth, t + 6, 204, &[]);
        c.hang_up(auth, t + 7, TO_CLIENT);
    }
    let inner = ask(c, t + 9, true, "10.0.6.1", "10.0.6.10:8080", passed);
    let took = takes(c);
    opens(c, &[outer, middle, inner], t + 9 + took);
}

pub(super) fn asked_first(c: &mut Crowd, t: i64) {
    c.begin("auth_request", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = asks_whether_it_may(c, t + 2, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    opens(c, &[outer, inner], after + took);
}

pub(super) fn asked_first_unseen_parent(c: &mut Crowd, t: i64) {
    c.begin("auth_request, parent unseen", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = asks_whether_it_may(c, t, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    opens(c, &[inner], after + took);
}

/// An auth sub-request and its answer; says when the proxy goes on.
pub(super) fn asks_whether_it_may(c: &mut Crowd, t: i64, site: &Site, passed: &Ask) -> i64 {
    let sub = sub_request(c, passed.clone(), "/auth");
    let status = c.rng.pick(&[200, 204]);
    let took = c.rng.range(1, 400);
    if c.rng.once_in(3) {
        c.ask_kept(t, took, site.inner, site.auth, sub, status);
    } else {
        let auth = ask(c, t, true, site.inner, site.auth, sub);
        c.answer(auth, t + took, status, &[]);
        c.hang_up(auth, t + took + 1, TO_CLIENT);
    }
    t + took + c.rng.range(1, 5)
}

pub(super) fn mirrored(c: &mut Crowd, t: i64) {
    c.begin("mirror", Fate::Opens);
    let site = c.rng.pick(SITES);
    let seen = c.rng.once_in(2);
    let (outer, wish, client) = if seen {
        let (outer, wish, client) = arrives(c, t, &site);
        (Some(outer), wish, client)
    } else {
        let (wish, client) = arrives_encrypted(c, t, &site);
        (None, wish, client)
    };
    let passed = passed_on(c, wish, &client);
    let sub = sub_request(c, passed.clone(), "/mirror");
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    let (from, to) = if c.rng.once_in(2) {
        site.mirror
    } else {
        (site.inner, site.auth)
    };
    let mirror = ask(c, t + 3, true, from, to, sub);
    let took = takes(c);
    if !c.rng.once_in(6) {
        // Before the 101, and long after it.
        let replies = t + 4 + c.rng.range(0, 2 * took + 10);
        let status = c.rng.pick(&[200, 204, 404, 426, 400, 502]);
        c.answer(mirror, replies, status, &[]);
        c.hang_up(mirror, replies + 1, TO_CLIENT);
    }
    let conns: Vec<u64> = outer.into_iter().chain([inner]).collect();
    opens(c, &conns, t + 3 + took);
}

pub(super) fn retried(c: &mut Crowd, t: i64) {
    c.begin("retried", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = first_upstream_fails(c, t + 2, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[outer, inner], after + took);
}

pub(super) fn retried_unseen_parent(c: &mut Crowd, t: i64) {
    c.begin("retried, parent unseen", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = first_upstream_fails(c, t, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[inner], after + took);
}

pub(super) fn first_upstream_fails(c: &mut Crowd, t: i64, site: &Site, passed: &Ask) -> i64 {
    let given_up = ask(c, t, true, site.inner, site.backends[0], passed.clone());
    let took = c.rng.range(1, 500);
    if c.rng.once_in(2) {
        c.answer(given_up, t + took, 503, &[]);
        c.body(given_up, t + took, "busy");
    }
    c.hang_up(given_up, t + took, TO_CLIENT);
    t + took + 2
}

pub(super) fn refused_then_second(c: &mut Crowd, t: i64) {
    c.begin("refused, then the second", Fate::Opens);
    let site = c.rng.pick(&SITES[..2]);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    c.refused(t + 1, site.inner, site.backends[0]);
    let inner = ask(c, t + 3, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[outer, inner], t + 3 + took);
}

pub(super) fn forward_auth(c: &mut Crowd, t: i64) {
    c.begin("forward_auth", Fate::Opens);
    let site = c.rng.pick(SITES);
    let seen = c.rng.once_in(2);
    let (outer, wish, client) = if seen {
        let (outer, wish, client) = arrives(c, t, &site);
        (Some(outer), wish, client)
    } else {
        let (wish, client) = arrives_encrypted(c, t, &site);
        (None, wish, client)
    };
    let passed = passed_on(c, wish, &client).with("X-Forwarded-For", &client);
    let whole = passed
        .clone()
        .target("/verify")
        .with("X-Forwarded-Method", "GET")
        .with("X-Forwarded-Uri", "/ws");
    let auth = ask(c, t + 2, true, site.inner, site.auth, whole);
    let took = c.rng.range(1, 300);
    c.answer(auth, t + 2 + took, 200, &[]);
    let after = t + 3 + took + c.rng.range(1, 5);
    let inner = ask(c, after, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    let conns: Vec<u64> = outer.into_iter().chain([inner]).collect();
    opens(c, &conns, after + took);
}

pub(super) fn given_up_leg_left_open(c: &mut Crowd, t: i64) {
    c.begin("given-up leg left open", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let given_up = ask(c, t + 1, true, site.inner, site.backends[0], passed.clone());
    let took = c.rng.range(1, 100);
    c.answer(given_up, t + 1 + took, 503, &[]);
    let inner = ask(c, t + 3 + took, true, site.inner, site.backends[1], passed);
    let more = takes(c);
    let over = opens(c, &[outer, inner], t + 3 + took + more);
    c.ended(given_up, over, End::Rst(TO_SERVER));
}

pub(super) fn left_before_the_answer(c: &mut Crowd, t: i64) {
    c.begin("left before the answer", Fate::Abandoned);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let leaves = t + c.rng.range(20, 3_000);
    if c.rng.once_in(2) {
        let passed = passed_on(c, wish, &client);
        let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
        c.fin(outer, leaves, TO_SERVER);
        if c.rng.once_in(2) {
            // HAProxy goes on as if nothing were.
            c.switch(inner, leaves + 50, &[]);
            c.switch(outer, leaves + 51, &[]);
            c.hang_up(inner, leaves + 60, TO_SERVER);
        } else {
            c.hang_up(inner, leaves + 1, TO_SERVER);
        }
        c.fin(outer, leaves + 60, TO_CLIENT);
        c.ended(outer, leaves + 60, End::Fin);
    } else {
        c.hang_up(outer, leaves, TO_SERVER);
    }
}

pub(super) fn mounted_twice(c: &mut Crowd, t: i64) {
    c.begin("mounted twice, first", Fate::Abandoned);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, true);
    let (first, second) = (c.wish().target("/ws"), c.wish().target("/ws"));
    let outer = ask(c, t, false, &client, site.front, first.clone());
    let passed = passed_on(c, first, &client);
    let inner = ask(c, t + 1, true, site.inner, site.backends[0], passed);
    c.hang_up(outer, t + 5, TO_SERVER);
    c.hang_up(inner, t + 6, TO_SERVER);

    c.begin("mounted twice, second", Fate::Opens);
    let outer = ask(c, t + 4, false, &client, site.front, second.clone());
    let passed = passed_on(c, second, &client);
    let inner = ask(c, t + 7, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    opens(c, &[outer, inner], t + 7 + took);
}

pub(super) fn credentials(c: &mut Crowd, t: i64) {
    c.begin("challenge, then credentials", Fate::Opens);
    let site = c.rng.pick(&SITES[..2]);
    let client = c.client(&site, true);
    let challenge = [("WWW-Authenticate", "Basic realm=x")];
    let wish = c.wish().with("Sec-WebSocket-Version", "13");
    let same_key = c.rng.once_in(2);
    let key = c.wish();
    let again = if same_key {
        wish.clone()
    } else {
        key.like(&wish)
    };
    let again = again.with("Authorization", "Basic eDp5");
    let outer = ask(c, t, false, &client, site.front, wish.clone());
    let behind = c.rng.once_in(2);
    let mut answered = t + 5;
    if behind {
        let passed = passed_on(c, wish, &client);
        let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
        c.answer(inner, answered - 1, 401, &challenge);
        c.hang_up(inner, answered, TO_CLIENT);
    }
    c.answer(outer, answered, 401, &challenge);
    answered += c.rng.range(2, 3_500);
    // The first try is only summed up.
    c.now_building().exchanges = 0;
    let second = if c.rng.once_in(2) {
        let from = c.from(&client);
        c.ask_again(outer, answered, &from, site.front, again.clone());
        outer
    } else {
        c.hang_up(outer, answered - 1, TO_SERVER);
        ask(c, answered, false, &client, site.front, again.clone())
    };
    let mut conns = vec![second];
    if behind {
        let passed = passed_on(c, again, &client);
        conns.push(ask(
            c,
            answered + 2,
            true,
            site.inner,
            site.backends[0],
            passed,
        ));
    }
    let took = c.rng.range(4, 900);
    opens(c, &conns, answered + took);
}

pub(super) fn redirected(c: &mut Crowd, t: i64) {
    c.begin("redirect followed", Fate::Opens);
    let site = c.rng.pick(&SITES[..2]);
    let client = c.client(&site, true);
    let wish = c.wish().target("/old");
    let next = if c.rng.once_in(2) {
        wish.clone()
    } else {
        c.wish().like(&wish)
    };
    let first = ask(c, t, false, &client, site.front, wish);
    c.answer(first, t + 3, 307, &[("Location", "/ws")]);
    c.hang_up(first, t + 4, TO_SERVER);
    c.now_building().exchanges = 0;
    let after = t + c.rng.range(6, 2_000);
    let second = ask(c, after, false, &client, site.front, next.target("/ws"));
    let took = c.rng.range(4, 900);
    opens(c, &[second], after + took);
}

pub(super) fn probed(c: &mut Crowd, t: i64) {
    let site = c.rng.pick(SITES);
    for n in 0..c.rng.range(1, 5) {
        c.begin("probe", Fate::Opens);
        let wish = probe(c);
        let from = if site.local { "127.0.0.1" } else { "10.9.9.9" };
        let conn = ask(c, t + n, false, from, site.backends[0], wish);
        c.switch(conn, t + n + 5, &[]);
        c.hang_up(conn, t + n + 6, TO_SERVER);
    }
}

pub(super) fn probed_through_a_proxy(c: &mut Crowd, t: i64) {
    let site = c.rng.pick(SITES);
    for n in 0..c.rng.range(1, 4) {
        c.begin("probe through a proxy", Fate::Opens);
        // Nothing but time joins its legs, and there are others.
        c.now_building().may_fall_apart = true;
        let wish = probe(c);
        let from = if site.local { "127.0.0.1" } else { "10.9.9.9" };
        let outer = ask(c, t + n, false, from, site.front, wish.clone());
        let inner = ask(c, t + n + 1, true, site.inner, site.backends[0], wish);
        c.switch(inner, t + n + 5, &[]);
        c.switch(outer, t + n + 6, &[]);
        c.hang_up(outer, t + n + 8, TO_SERVER);
        c.hang_up(inner, t + n + 9, TO_SERVER);
    }
}

pub(super) fn probe(c: &mut Crowd) -> Ask {
    c.wish()
        .key(SAMPLE)
        .target("/health")
        .with("Origin", "")
        .with("User-Agent", "probe")
}

pub(super) fn deflate_declined(c: &mut Crowd, t: i64) {
    c.begin("deflate declined", Fate::Opens);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c.wish().with(DEFLATE.0, DEFLATE.1);
    let outer = ask(c, t, false, &client, site.front, wish.clone());
    let passed = passed_on(c, wish, &client);
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    opens(c, &[outer, inner], t + 2 + took);
}

pub(super) fn frame_aware_gateway(c: &mut Crowd, t: i64) {
    c.begin("frame-aware gateway", Fate::Opens);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c.wish().with(DEFLATE.0, DEFLATE.1);
    let outer = ask(c, t, false, &client, site.front, wish.clone());
    let passed = passed_on(c, wish, &client).with(DEFLATE.0, "");
    let passed = if c.rng.once_in(2) {
        c.now_building().may_fall_apart = true;
        let own = c.wish();
        own.like(&passed)
    } else {
        passed
    };
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    c.switch(inner, t + 2 + took, &[]);
    c.switch(outer, t + 3 + took, &[DEFLATE]);
    let talks = t + 10 + took;
    c.first_frame(&[outer], talks);
    c.first_frame(&[inner], talks + 1);
    c.close(&[outer, inner], talks + 500, TO_SERVER, 1000);
}

pub(super) fn h2c_ignored(c: &mut Crowd, t: i64) {
    c.begin("h2c ignored", Fate::OtherProtocol);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c
        .wish()
        .key("")
        .with("Sec-WebSocket-Version", "")
        .with("Upgrade", "h2c")
        .with("Connection", "Upgrade, HTTP2-Settings");
    let conn = ask(c, t, false, &client, site.front, wish);
    let status = c.rng.pick(&[200, 404]);
    c.answer(conn, t + 4, status, &[]);
}

pub(super) fn plain_get_told_to_upgrade(c: &mut Crowd, t: i64) {
    c.begin("plain GET told to upgrade", Fate::OtherProtocol);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c
        .wish()
        .key("")
        .with("Sec-WebSocket-Version", "")
        .with("Upgrade", "")
        .with("Connection", "keep-alive");
    let conn = ask(c, t, false, &client, site.backends[0], wish);
    c.answer(conn, t + 1, 426, &[("Upgrade", "websocket")]);
}
