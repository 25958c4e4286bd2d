//! What is broken on purpose.

use super::TO_CLIENT;
use super::parts::{arrives, arrives_encrypted, ask, passed_on, relay, takes};
use super::situations::asks_whether_it_may;
use crate::support::crowd::{Crowd, Fate, SITES};

pub(super) fn stripped(c: &mut Crowd, t: i64) {
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

pub(super) fn refuses(c: &mut Crowd, conns: &[u64], t: i64) {
    let status = c.rng.pick(&[400, 426, 404, 200]);
    let took = takes(c);
    relay(c, conns, t + took, |c, conn, t| {
        c.answer(conn, t, status, &[]);
        c.body(conn, t, "no");
        c.hang_up(conn, t + 2, TO_CLIENT);
    });
}

pub(super) fn stripped_unseen_parent(c: &mut Crowd, t: i64) {
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

pub(super) fn stripped_by_the_second_hop(c: &mut Crowd, t: i64) {
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

pub(super) fn refused_by_the_backend(c: &mut Crowd, t: i64) {
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

pub(super) fn closed_by_the_backend(c: &mut Crowd, t: i64) {
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

pub(super) fn broken(
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
