//! What attempts are made of.

use super::{HOURS, TO_CLIENT, TO_SERVER};
use crate::support::crowd::{Crowd, Site};
use crate::support::legs::Ask;

pub(super) fn ask(c: &mut Crowd, t: i64, inner: bool, from: &str, to: &str, wish: Ask) -> u64 {
    let from = c.from(from);
    c.ask(t, inner, &from, to, wish)
}

/// A client asks the proxy in clear.
pub(super) fn arrives(c: &mut Crowd, t: i64, site: &Site) -> (u64, Ask, String) {
    let client = c.client(site, false);
    let wish = c.wish();
    let outer = ask(c, t, false, &client, site.front, wish.clone());
    (outer, wish, client)
}

/// Likewise under TLS, of which only the beginning is seen, if that.
pub(super) fn arrives_encrypted(c: &mut Crowd, t: i64, site: &Site) -> (Ask, String) {
    let client = c.client(site, false);
    if c.rng.once_in(2) {
        c.encrypted(t - 20, &client, site.front);
    }
    (c.wish(), client)
}

/// What a proxy makes of it: some say for whom they ask, some rewrite the host.
pub(super) fn passed_on(c: &mut Crowd, wish: Ask, client: &str) -> Ask {
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
pub(super) fn sub_request(c: &mut Crowd, passed: Ask, target: &str) -> Ask {
    let sub = passed.stripped().target(target);
    if target == "/auth" && c.rng.once_in(2) {
        sub.with("X-Original-URI", "/ws")
    } else {
        sub
    }
}

/// How long a backend thinks: mostly a moment, at times seconds.
pub(super) fn takes(c: &mut Crowd) -> i64 {
    if c.rng.once_in(5) {
        c.rng.range(500, 4_000)
    } else {
        c.rng.range(2, 80)
    }
}

/// From the innermost leg outwards; says when the outermost has it.
pub(super) fn relay(
    c: &mut Crowd,
    conns: &[u64],
    t: i64,
    mut what: impl FnMut(&mut Crowd, u64, i64),
) -> i64 {
    let mut at = t;
    for &conn in conns.iter().rev() {
        what(c, conn, at);
        at += c.rng.range(1, 4);
    }
    at
}

/// It opens, lives and ends; says when.
pub(super) fn opens(c: &mut Crowd, conns: &[u64], t: i64) -> i64 {
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
