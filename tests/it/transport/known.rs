//! What is wrong and known to be: each with its reason, so that anything new fails.

use std::collections::BTreeSet;

/// A capture, what was done to it, what came of it, each by a part of its words; and why that is so.
const WEAKNESSES: &[(&str, &str, &str, &str)] = &[
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
        "handshake/http_after_101_socketio",
        "only the first 1",
        "`ok - 101 hop - path+path, close abnormal 1006 by server / opened_then_closed",
        "likewise: the capture ends before the outer copy",
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
];

/// The place of a weakness in the list.
pub(super) fn known(capture: &str, how: &str, what: &str) -> Option<usize> {
    WEAKNESSES
        .iter()
        .position(|(of, done, said, _)| capture == *of && how.contains(done) && what.contains(said))
}

/// Those that did not show: they are no weaknesses any more, and have to go.
pub(super) fn overcome(seen: &BTreeSet<usize>) -> Vec<String> {
    let all = (0..).zip(WEAKNESSES);
    let left = all.filter(|(place, _)| !seen.contains(place));
    left.map(|(_, (of, done, ..))| format!("{of} {done}: is known to be wrong, and is not"))
        .collect()
}
