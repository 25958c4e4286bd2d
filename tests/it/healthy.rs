//! Crowds of healthy attempts, as a busy proxy host sees them: nobody is accused, and each is counted once. With broken
//! ones among them: each of those is found, with its hop.
#![allow(
    clippy::too_many_arguments,
    reason = "who asks whom for what, and when"
)]

use std::collections::BTreeMap;

use wscap::attempt::Role;
use wscap::flow::{Direction, End};
use wscap::judge::{JudgedAttempt, Severity, Verdict};

use crate::support::crowd::{Crowd, Fate, SITES, Site};
use crate::support::legs::{Ask, findings, roles};

const TO_SERVER: Direction = Direction::ToServer;
const TO_CLIENT: Direction = Direction::ToClient;

/// The key that RFC 6455 prints.
const SAMPLE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const DEFLATE: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");
/// A working day.
const HOURS: i64 = 8 * 3_600_000;

/// Builds one attempt, or a few that belong together, from that time on.
type Build = fn(&mut Crowd, i64);

const HEALTHY: &[Build] = &[
    direct,
    through_a_proxy,
    through_a_proxy,
    upstream_leg_alone,
    upstream_leg_alone,
    three_hops,
    proxies_on_one_host,
    asked_first,
    asked_first_unseen_parent,
    mirrored,
    retried,
    retried_unseen_parent,
    refused_then_second,
    forward_auth,
    given_up_leg_left_open,
    left_before_the_answer,
    mounted_twice,
    credentials,
    redirected,
    probed,
    probed_through_a_proxy,
    deflate_declined,
    frame_aware_gateway,
    h2c_ignored,
    plain_get_told_to_upgrade,
];

const BROKEN: &[Build] = &[
    stripped,
    stripped_unseen_parent,
    stripped_by_the_second_hop,
    refused_by_the_backend,
    closed_by_the_backend,
];

#[test]
fn a_crowd_of_healthy_attempts_accuses_nobody() {
    let mut all = Tally::default();
    for (seed, skew) in [
        (1, None),
        (2, None),
        (3, Some(60)),
        (4, Some(-60)),
        (5, None),
    ] {
        all.add(&crowd(seed, skew, 2_100, &[]));
    }
    println!("{all}");
    assert!(all.attempts >= 10_000);
    assert!(all.wrong.is_empty(), "{all}");
}

#[test]
fn the_broken_ones_in_a_crowd_are_all_found() {
    let mut all = Tally::default();
    for (seed, skew) in [(11, None), (12, Some(60)), (13, Some(-60))] {
        all.add(&crowd(seed, skew, 1_000, BROKEN));
    }
    println!("{all}");
    assert!(all.broken >= 500);
    assert!(all.wrong.is_empty(), "{all}");
}

/// What came of crowds.
#[derive(Default)]
struct Tally {
    attempts: usize,
    broken: usize,
    found: usize,
    closings: usize,
    wrong: BTreeMap<String, (usize, String)>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.broken += other.broken;
        self.found += other.found;
        self.closings += other.closings;
        for (what, (count, example)) in &other.wrong {
            let known = self.wrong.entry(what.clone()).or_default();
            known.0 += count;
            known.1.clone_from(example);
        }
    }

    fn wrong(&mut self, what: String, example: String) {
        let known = self.wrong.entry(what).or_insert((0, example));
        known.0 += 1;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} attempts, {} closings, {} broken of which {} found",
            self.attempts, self.closings, self.broken, self.found
        )?;
        for (what, (count, example)) in &self.wrong {
            writeln!(f, "{count} × {what}\n      {example}")?;
        }
        Ok(())
    }
}

/// One capture: so many buildings within some seconds, then what is left of them until evening.
fn crowd(seed: u64, skew: Option<i64>, size: i64, broken: &[Build]) -> Tally {
    let mut crowd = Crowd::new(seed, skew);
    for n in 0..size {
        let t = 1_000 + n * 6_000 / size;
        let build = if !broken.is_empty() && n % 4 == 0 {
            crowd.rng.pick(broken)
        } else {
            crowd.rng.pick(HEALTHY)
        };
        build(&mut crowd, t);
    }
    check(&crowd)
}

fn check(crowd: &Crowd) -> Tally {
    let (attempts, closings) = crowd.script.run();
    let mut tally = Tally {
        attempts: crowd.built.len(),
        closings: closings.len(),
        ..Tally::default()
    };
    // How many attempts came of each, and how many of its exchanges are in them.
    let mut seen = vec![(0, 0); crowd.built.len()];
    for judged in &attempts {
        let mut owners: Vec<usize> = judged
            .attempt
            .legs
            .iter()
            .filter_map(|node| crowd.owner(&node.leg))
            .collect();
        let legs = owners.len();
        let tries = judged.attempt.earlier_tries.iter();
        owners.extend(tries.filter_map(|one| crowd.owner_of_stream(one.tcp_stream?)));
        owners.sort_unstable();
        owners.dedup();
        let names: Vec<&str> = owners.iter().map(|&at| crowd.built[at].name).collect();
        if let [only] = owners[..] {
            seen[only].0 += 1;
            seen[only].1 += legs;
            look_at(&mut tally, crowd, only, judged);
        } else {
            tally.wrong(format!("mixed up: {}", names.join(" + ")), told(judged));
        }
    }
    for (built, (count, exchanges)) in crowd.built.iter().zip(seen) {
        if count == 0 || (count > 1 && !built.may_fall_apart) {
            tally.wrong(
                format!("{}: came out {count} times", built.name),
                String::new(),
            );
        } else if exchanges + built.late < built.exchanges {
            tally.wrong(
                format!("{}: a leg was swallowed", built.name),
                String::new(),
            );
        }
    }
    for judged in &closings {
        if judged.judgement.severity == Severity::Error {
            let id = judged.judgement.findings.first().map(|one| one.id.name());
            tally.wrong(format!("closing with {id:?}"), String::new());
        }
    }
    tally
}

fn look_at(tally: &mut Tally, crowd: &Crowd, at: usize, judged: &JudgedAttempt) {
    let built = &crowd.built[at];
    let judgement = &judged.judgement;
    let is_right = match &built.fate {
        Fate::Opens => judgement.verdict == Verdict::Ok,
        // Known weakness: with two clocks, and a 101 that was written after the client had left, the upstream leg may be
        // taken for the outer one: it waited longer, and nothing else tells them apart. Nobody is accused.
        Fate::Abandoned => {
            judgement.verdict == Verdict::Abandoned
                || (crowd.has_two_clocks() && judgement.verdict == Verdict::Ok)
        }
        Fate::OtherProtocol => judgement.severity == Severity::Info,
        Fate::Broken {
            verdict,
            finding,
            hop,
        } => {
            let named = judgement.hop.as_ref().map(|hop| {
                let side = |end: Option<wscap::flow::Endpoint>| end.map(|end| end.to_string());
                (
                    side(hop.inward).unwrap_or_default(),
                    hop.outward
                        .map(|end| end.addr.to_string())
                        .unwrap_or_default(),
                )
            });
            let wanted = hop.map(|(front, inner)| (front.to_owned(), inner.to_owned()));
            tally.broken += 1;
            let found = judgement.verdict.name() == *verdict
                && finding
                    .split(' ')
                    .any(|one| findings(judged).first() == Some(&one))
                && (wanted.is_none() || named == wanted);
            tally.found += usize::from(found);
            found
        }
    };
    if !is_right {
        tally.wrong(
            format!(
                "{}: {} {:?}",
                built.name,
                judgement.verdict.name(),
                findings(judged)
            ),
            told(judged),
        );
    }
    let stray = judged
        .attempt
        .legs
        .iter()
        .any(|node| node.role == Role::Failed)
        && built.name != "refused, then the second";
    if stray {
        tally.wrong(
            format!("{}: another's failed connection", built.name),
            told(judged),
        );
    }
}

fn told(judged: &JudgedAttempt) -> String {
    let legs = judged.attempt.legs.iter().map(|node| {
        let leg = &node.leg;
        format!(
            "{}→{} {:?} parent {:?} by {:?}",
            leg.connection.client,
            leg.connection.server,
            leg.status(),
            node.parent,
            node.joined_by
        )
    });
    let legs: Vec<String> = legs.collect();
    format!(
        "{}: {} hop {:?}",
        roles(judged),
        legs.join("; "),
        judged.judgement.hop
    )
}

// What happens to a healthy one.

fn direct(c: &mut Crowd, t: i64) {
    c.begin("direct", Fate::Opens);
    let site = c.rng.pick(SITES);
    let client = c.client(&site, false);
    let wish = c.wish();
    let conn = ask(c, t, false, &client, site.backends[0], wish);
    let took = takes(c);
    opens(c, &[conn], t + took);
}

fn through_a_proxy(c: &mut Crowd, t: i64) {
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

fn upstream_leg_alone(c: &mut Crowd, t: i64) {
    c.begin("upstream leg alone", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let backend = c.rng.pick(&site.backends);
    let inner = ask(c, t, true, site.inner, backend, passed);
    let took = takes(c);
    opens(c, &[inner], t + took);
}

fn three_hops(c: &mut Crowd, t: i64) {
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

fn proxies_on_one_host(c: &mut Crowd, t: i64) {
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

fn asked_first(c: &mut Crowd, t: i64) {
    c.begin("auth_request", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = asks_whether_it_may(c, t + 2, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    opens(c, &[outer, inner], after + took);
}

fn asked_first_unseen_parent(c: &mut Crowd, t: i64) {
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
fn asks_whether_it_may(c: &mut Crowd, t: i64, site: &Site, passed: &Ask) -> i64 {
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

fn mirrored(c: &mut Crowd, t: i64) {
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

fn retried(c: &mut Crowd, t: i64) {
    c.begin("retried", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = first_upstream_fails(c, t + 2, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[outer, inner], after + took);
}

fn retried_unseen_parent(c: &mut Crowd, t: i64) {
    c.begin("retried, parent unseen", Fate::Opens);
    let site = c.rng.pick(SITES);
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let after = first_upstream_fails(c, t, &site, &passed);
    let inner = ask(c, after, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[inner], after + took);
}

fn first_upstream_fails(c: &mut Crowd, t: i64, site: &Site, passed: &Ask) -> i64 {
    let given_up = ask(c, t, true, site.inner, site.backends[0], passed.clone());
    let took = c.rng.range(1, 500);
    if c.rng.once_in(2) {
        c.answer(given_up, t + took, 503, &[]);
        c.body(given_up, t + took, "busy");
    }
    c.hang_up(given_up, t + took, TO_CLIENT);
    t + took + 2
}

fn refused_then_second(c: &mut Crowd, t: i64) {
    c.begin("refused, then the second", Fate::Opens);
    let site = c.rng.pick(&SITES[..2]);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    c.refused(t + 1, site.inner, site.backends[0]);
    let inner = ask(c, t + 3, true, site.inner, site.backends[1], passed);
    let took = takes(c);
    opens(c, &[outer, inner], t + 3 + took);
}

fn forward_auth(c: &mut Crowd, t: i64) {
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

fn given_up_leg_left_open(c: &mut Crowd, t: i64) {
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

fn left_before_the_answer(c: &mut Crowd, t: i64) {
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

fn mounted_twice(c: &mut Crowd, t: i64) {
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

fn credentials(c: &mut Crowd, t: i64) {
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

fn redirected(c: &mut Crowd, t: i64) {
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

fn probed(c: &mut Crowd, t: i64) {
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

fn probed_through_a_proxy(c: &mut Crowd, t: i64) {
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

fn probe(c: &mut Crowd) -> Ask {
    c.wish()
        .key(SAMPLE)
        .target("/health")
        .with("Origin", "")
        .with("User-Agent", "probe")
}

fn deflate_declined(c: &mut Crowd, t: i64) {
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

fn frame_aware_gateway(c: &mut Crowd, t: i64) {
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

fn h2c_ignored(c: &mut Crowd, t: i64) {
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

fn plain_get_told_to_upgrade(c: &mut Crowd, t: i64) {
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

// What is broken on purpose.

fn stripped(c: &mut Crowd, t: i64) {
    let site = c.rng.pick(SITES);
    c.begin(
        "stripped",
        broken(
            "stripped",
            "upgrade_stripped",
            Some((site.front, site.inner)),
        ),
    );
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client).stripped();
    let passed = if c.rng.once_in(3) {
        let after = asks_whether_it_may(c, t + 1, &site, &passed);
        let inner = ask(c, after, true, site.inner, site.backends[0], passed);
        return refuses(c, &[outer, inner], after);
    } else {
        passed
    };
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    refuses(c, &[outer, inner], t + 2);
}

fn refuses(c: &mut Crowd, conns: &[u64], t: i64) {
    let status = c.rng.pick(&[400, 426, 404, 200]);
    let took = takes(c);
    relay(c, conns, t + took, |c, conn, t| {
        c.answer(conn, t, status, &[]);
        c.body(conn, t, "no");
        c.hang_up(conn, t + 2, TO_CLIENT);
    });
}

fn stripped_unseen_parent(c: &mut Crowd, t: i64) {
    let site = c.rng.pick(SITES);
    c.begin(
        "stripped, parent unseen",
        broken("stripped", "upgrade_stripped", Some(("", site.inner))),
    );
    let (wish, client) = arrives_encrypted(c, t, &site);
    let passed = passed_on(c, wish, &client).stripped();
    let inner = ask(c, t, true, site.inner, site.backends[0], passed);
    refuses(c, &[inner], t);
}

fn stripped_by_the_second_hop(c: &mut Crowd, t: i64) {
    c.begin(
        "stripped by the second hop",
        broken(
            "stripped",
            "upgrade_stripped",
            Some(("10.0.4.1:80", "10.0.4.1")),
        ),
    );
    let client = c.client(&SITES[0], false);
    let wish = c.wish();
    let outer = ask(c, t, false, &client, "10.0.3.1:80", wish.clone());
    let passed = passed_on(c, wish, &client);
    let middle = ask(c, t + 3, true, "10.0.3.1", "10.0.4.1:80", passed.clone());
    let inner = ask(
        c,
        t + 6,
        true,
        "10.0.4.1",
        "10.0.5.10:8080",
        passed.stripped(),
    );
    refuses(c, &[outer, middle, inner], t + 6);
}

fn refused_by_the_backend(c: &mut Crowd, t: i64) {
    let status = c.rng.pick(&[403, 502]);
    let finding = if status == 403 {
        // Where the proxy rewrites the host, that may be why.
        "forbidden origin_refused"
    } else {
        "server_error"
    };
    c.begin("refused by the backend", broken("rejected", finding, None));
    let site = c.rng.pick(SITES);
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    relay(c, &[outer, inner], t + 2 + took, |c, conn, t| {
        c.answer(conn, t, status, &[]);
        c.body(conn, t, "no");
        c.hang_up(conn, t + 2, TO_CLIENT);
    });
}

fn closed_by_the_backend(c: &mut Crowd, t: i64) {
    let site = c.rng.pick(SITES);
    c.begin(
        "closed by the backend",
        broken(
            "rejected",
            "upstream_closed",
            Some((site.front, site.inner)),
        ),
    );
    let (outer, wish, client) = arrives(c, t, &site);
    let passed = passed_on(c, wish, &client);
    let inner = ask(c, t + 2, true, site.inner, site.backends[0], passed);
    let took = takes(c);
    c.hang_up(inner, t + 2 + took, TO_CLIENT);
    c.answer(outer, t + 4 + took, 502, &[("Server", "nginx/1.22.1")]);
    c.hang_up(outer, t + 5 + took, TO_CLIENT);
}

fn broken(
    verdict: &'static str,
    finding: &'static str,
    hop: Option<(&'static str, &'static str)>,
) -> Fate {
    Fate::Broken {
        verdict,
        finding,
        hop,
    }
}

// What they are made of.

fn ask(c: &mut Crowd, t: i64, inner: bool, from: &str, to: &str, wish: Ask) -> u64 {
    let from = c.from(from);
    c.ask(t, inner, &from, to, wish)
}

/// A client asks the proxy in clear.
fn arrives(c: &mut Crowd, t: i64, site: &Site) -> (u64, Ask, String) {
    let client = c.client(site, false);
    let wish = c.wish();
    let outer = ask(c, t, false, &client, site.front, wish.clone());
    (outer, wish, client)
}

/// Likewise under TLS, of which only the beginning is seen, if that.
fn arrives_encrypted(c: &mut Crowd, t: i64, site: &Site) -> (Ask, String) {
    let client = c.client(site, false);
    if c.rng.once_in(2) {
        c.encrypted(t - 20, &client, site.front);
    }
    (c.wish(), client)
}

/// What a proxy makes of it: some say for whom they ask, some rewrite the host.
fn passed_on(c: &mut Crowd, wish: Ask, client: &str) -> Ask {
    let wish = wish.with("Connection", "upgrade");
    let wish = if c.rng.once_in(2) {
        wish.with("X-Forwarded-For", client)
    } else {
        wish
    };
    if c.rng.once_in(3) {
        wish.with("Host", "backend")
    } else {
        wish
    }
}

/// What nginx makes of it for a sub-request, with a mark or without.
fn sub_request(c: &mut Crowd, passed: Ask, target: &str) -> Ask {
    let sub = passed.stripped().target(target);
    if target == "/auth" && c.rng.once_in(2) {
        sub.with("X-Original-URI", "/ws")
    } else {
        sub
    }
}

/// How long a backend thinks: mostly a moment, at times seconds.
fn takes(c: &mut Crowd) -> i64 {
    if c.rng.once_in(5) {
        c.rng.range(500, 4_000)
    } else {
        c.rng.range(2, 80)
    }
}

/// From the innermost leg outwards; says when the outermost has it.
fn relay(c: &mut Crowd, conns: &[u64], t: i64, mut what: impl FnMut(&mut Crowd, u64, i64)) -> i64 {
    let mut at = t;
    for &conn in conns.iter().rev() {
        what(c, conn, at);
        at += c.rng.range(1, 4);
    }
    at
}

/// It opens, lives and ends; says when.
fn opens(c: &mut Crowd, conns: &[u64], t: i64) -> i64 {
    let at = relay(c, conns, t, |c, conn, t| c.switch(conn, t, &[]));
    let talks = at + c.rng.range(1, 3_000);
    match c.rng.range(0, 40) {
        // Nothing is said, and nothing ends.
        0..5 => at + 60_000,
        // Nothing is said for hours.
        5 => {
            c.first_frame(conns, at + HOURS);
            c.close(conns, at + HOURS + 100, TO_CLIENT, 1001);
            at + HOURS + 200
        }
        6..12 => {
            c.server_says(conns, talks);
            c.first_frame(conns, talks + 5);
            c.close(conns, talks + 900, TO_CLIENT, 1000);
            talks + 1_000
        }
        // Gone without a word.
        12..16 => {
            c.first_frame(conns, talks);
            for (n, &conn) in (0..).zip(conns) {
                c.hang_up(conn, talks + 700 + n, TO_SERVER);
            }
            talks + 800
        }
        _ => {
            c.first_frame(conns, talks);
            c.server_says(conns, talks + 5);
            let code = c.rng.pick(&[1000, 1000, 1001, 4000]);
            c.close(conns, talks + 600, TO_SERVER, code);
            talks + 700
        }
    }
}
