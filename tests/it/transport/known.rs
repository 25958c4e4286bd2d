//! What is wrong and known to be: each with its reason, so that anything new fails.

use std::collections::BTreeSet;

/// A capture, what was done to it, what came of it, each by a part of its words; and why that is so.
type Weakness = (&'static str, &'static str, &'static str, &'static str);

/// By the test that meets them.
const WEAKNESSES: &[(&str, &[Weakness])] = &[
    (
        "lossy",
        &[
            (
                "close/gateway_upstream_bad_101",
                "",
                "`rejected accept_mismatch 101 hop - path`",
                "the gateway's own handshake, seen alone: it was answered with a wrong accept",
            ),
            (
                "close/gateway_upstream_bad_101",
                "",
                "by server / bad_gateway hop 10.1.0.1:80>-",
                "of a gateway whose other leg is not known it can only be said where it is seen",
            ),
            (
                "close/gateway_upstream_bad_101",
                "",
                "by unknown / bad_gateway hop 10.1.0.1:80>-",
                "likewise",
            ),
            (
                "close/idle_nginx_upstream_leg_only",
                "",
                "close abnormal 1006 by client / idle_timeout hop -",
                "which of them shows a silence for the first time is another one where one is lost",
            ),
            (
                "handshake/ok_nginx_mirror_behind_tls",
                "",
                "`stripped upgrade_stripped 200 hop ->",
                "no parent is in sight, and of the leg of the path nothing is left: what a lone mirror says, at most likely",
            ),
            (
                "handshake/ok_nginx_next_upstream_behind_tls",
                "",
                "`rejected closed_before_answer 0 hop - path`",
                "no parent is in sight, and of the upstream that opened nothing is left: the other one did hang up",
            ),
            (
                "handshake/backend_resets_behind_nginx",
                "without packet 11",
                "`rejected upstream_no_answer 502 hop -",
                "the RST was the last packet of its connection: nothing shows that it is missing",
            ),
            (
                "handshake/backend_hangs_up_behind_nginx",
                "without packets from 11",
                "`rejected upstream_no_answer 502 hop -",
                "likewise: all that came behind the request is lost",
            ),
            (
                "handshake/backend_resets_behind_nginx",
                "without packets from 7",
                "`rejected upstream_unreachable 502 hop 10.1.0.1:80>",
                "the answer to the SYN is lost as well as the request: a RST is all that came back",
            ),
            (
                "handshake/backend_resets_behind_haproxy",
                "without packet 10",
                "`rejected upstream_no_answer 502 hop -",
                "likewise, behind HAProxy",
            ),
            (
                "handshake/backend_resets_behind_haproxy",
                "without packets from 6",
                "`rejected upstream_unreachable 502 hop 10.1.0.1:80>",
                "likewise: all but the RST that came back is lost",
            ),
            (
                "handshake/backend_hangs_up_behind_caddy",
                "without packets from 11",
                "`rejected upstream_no_answer 502 hop -",
                "likewise, behind Caddy",
            ),
            (
                "handshake/http10_hung_up_on_by_websockets15",
                "without packets from 11",
                "`rejected upstream_no_answer 502 hop -",
                "likewise: the FIN that answered HTTP/1.0 is lost",
            ),
            (
                "handshake/chain_key_replaced_by_first_haproxy",
                "without packet",
                "`rejected accept_mismatch 101 hop - path`",
                "only whole 101s join the leg to a chain with another key; the accept was wrong for this client in any case",
            ),
            (
                "handshake/chain_key_replaced_by_first_haproxy",
                "without 10.",
                "`rejected accept_mismatch 101 hop - path`",
                "likewise, where all answers of a leg are lost",
            ),
            (
                "handshake/chain_key_replaced_by_first_haproxy",
                "without packet",
                "`ok - 101 hop - path+path+",
                "likewise: the chain behind the hop, which opened",
            ),
            (
                "handshake/chain_key_replaced_by_first_haproxy",
                "without 10.",
                "`ok - 101 hop - path+path+",
                "likewise, where all answers of a leg are lost",
            ),
            (
                "handshake/ok_nginx_mirror_inherited",
                "without the first 1",
                "`downgraded answered_without_upgrade 200 hop -",
                "the capture begins between the requests of the path and of the mirror, which bears the whole handshake",
            ),
            (
                "handshake/http_after_101_socketio",
                "without packet",
                " 400 hop -",
                "the HTTP text that follows the lost 101 is taken for the answer; it is refused all the same",
            ),
            (
                "handshake/http_after_101_socketio",
                "without packet",
                "`ok - 101 hop - ",
                "of the HTTP text that follows both 101, the outer copy is lost: it looks as if it opened",
            ),
            (
                "handshake/ok_nginx_mirror",
                "without the first 1",
                "`stripped upgrade_stripped 200 hop ->",
                "the capture begins between the requests of the path and of the mirror, which is left alone",
            ),
            (
                "handshake/socketio_2_client_4_server",
                "without packet",
                " 400 hop -",
                "the HTTP text that follows the lost 101 is taken for the answer; it is refused all the same",
            ),
            (
                "handshake/socketio_2_client_4_server",
                "without packet",
                "`ok - 101 hop - ",
                "of the HTTP text that follows both 101, the outer copy is lost: it looks as if it opened",
            ),
            (
                "handshake/backend_silent_behind_haproxy",
                "without packets from 6 and redirected",
                "`rejected upstream_unreachable 504 hop 10.1.0.1:80>",
                "the answer to the SYN and all that the client acknowledged is lost: nothing shows that the rest is its other half",
            ),
        ],
    ),
    (
        "lossless",
        &[(
            "close/codes_to_tungstenite",
            "raced by 1",
            "close application 3000 by server",
            "both sides close in packets next to each other: whichever was captured first is the first",
        )],
    ),
    (
        "views",
        &[
            (
                "close/gateway_upstream_bad_101",
                "rewritten view first",
                "",
                "a gateway has a key of its own: whether its leg is joined by time hangs on what else is seen at that time",
            ),
            (
                "handshake/ok_same_key_two_clients",
                " view first",
                "`",
                "two clients with one key behind one address, and the view that hides them is seen first: taken for one client",
            ),
            (
                "handshake/ok_same_key_two_clients_forwarded",
                " view first",
                "`",
                "likewise, and X-Forwarded-For names an address that only the other view shows",
            ),
            (
                "transport/redirected_on_lo",
                "Destination ",
                "`stripped upgrade_stripped 426 hop 127.0.0.1:15001>10.2.0.1",
                "translated once more behind the redirection: the same is told, with another pair of its addresses",
            ),
            (
                "transport/redirected_on_lo",
                "rewritten view first",
                "path+",
                "the rewritten view alone hides that the listener is on loopback, so that less is known than with both",
            ),
            (
                "handshake/stripped_of_every_field_by_nginx",
                "rewritten view first",
                "426 hop ",
                "in the rewritten view X-Forwarded-For names nobody; with both views the legs are joined, rightly",
            ),
        ],
    ),
    (
        "one view whole",
        &[
            (
                "close/idle_haproxy_client_leg_only",
                "without packet",
                "/ abnormal_closure hop -`",
                "how often a silence was the same is counted as it was first seen, in the damaged view",
            ),
            (
                "close/idle_haproxy_upstream_leg_only",
                "without packet",
                "/ abnormal_closure hop -`",
                "likewise",
            ),
            (
                "close/idle_nginx_60s_upstream_leg_only",
                "without packet",
                "/ abnormal_closure hop -`",
                "likewise",
            ),
            (
                "close/idle_nginx_client_leg_only",
                "without packet",
                "/ abnormal_closure hop -`",
                "likewise",
            ),
            (
                "close/idle_timer_of_the_server",
                "without packet",
                "/ abnormal_closure hop -`",
                "likewise",
            ),
            (
                "close/idle_nginx_upstream_leg_only",
                "without packet",
                "close abnormal 1006 by client / ",
                "likewise, and which of them shows it first",
            ),
            (
                "handshake/stripped_by_nginx_sockjs",
                "without packet",
                "`stripped upgrade_stripped 400 hop - path+path`",
                "the content of the answer is lost in the view that was seen first: the row that knows it is not told",
            ),
            (
                "handshake/http_after_101_socketio",
                "without packet",
                "`ok - 101 hop - ",
                "likewise",
            ),
            (
                "handshake/ok_same_key_again",
                "Destination without packet",
                "is now `unknown capture_incomplete 101 hop - path",
                "the view that lost its request is joined to the earlier attempt with that key, which was decided without it",
            ),
            (
                "handshake/ok_squid_tunnel",
                "Source without packet",
                "`ok - 101 hop - path, close normal 1000 by client / - hop -, lossy` is new",
                "the view that lost bytes of the tunnel shows no request that it could be known by: it is told as an attempt of its own",
            ),
            (
                "handshake/socketio_2_client_4_server",
                "without packet",
                "`ok - 101 hop - ",
                "the view that lost the HTTP text behind the 101 was seen first, and nothing shows that it did",
            ),
            (
                "transport/redirected_on_lo",
                " without packet ",
                "is now `unknown capture_incomplete 426 hop - path`",
                "redirected and translated and a segment lost: the halves are not found to be one in the damaged view",
            ),
        ],
    ),
];

fn of(test: &str) -> &'static [Weakness] {
    let found = WEAKNESSES.iter().find(|(name, _)| *name == test);
    found.map_or(&[], |(_, weaknesses)| weaknesses)
}

/// The place of a weakness in the list of a test.
pub(super) fn known(test: &str, capture: &str, how: &str, what: &str) -> Option<usize> {
    of(test)
        .iter()
        .position(|(of, done, said, _)| capture == *of && how.contains(done) && what.contains(said))
}

/// Those of a test that did not show: they are no weaknesses any more, and have to go.
pub(super) fn overcome(test: &str, seen: &BTreeSet<usize>) -> Vec<String> {
    let all = (0..).zip(of(test));
    let left = all.filter(|(place, _)| !seen.contains(place));
    left.map(|(_, (of, done, ..))| format!("{of} {done}: is known to be wrong, and is not"))
        .collect()
}
