//! What is wrong and known to be: each with its reason, so that anything new fails.

/// A capture, what was done to it, what came of it, each by a part of its words; and why that is so.
const WEAKNESSES: &[(&str, &str, &str, &str)] = &[
    (
        "handshake/backend_resets_behind_nginx",
        "without packet 11",
        "`rejected upstream_no_answer 502 hop -",
        "the RST was the last packet of its connection: nothing shows that it is missing",
    ),
    (
        "handshake/ok_nginx_mirror",
        "without the first 1",
        "`stripped upgrade_stripped 200 hop ->",
        "the capture begins between the requests of the path and of the mirror, which is left alone",
    ),
    (
        "handshake/socketio_2_client_4_server",
        "without packet 13",
        "`rejected invalid_101 400 hop -",
        "the HTTP text that follows the lost 101 is taken for the answer; it is refused all the same",
    ),
    (
        "handshake/socketio_2_client_4_server",
        "without packet 17",
        "`ok - 101 hop - ",
        "of the HTTP text that follows both 101, the outer copy is lost: it looks as if it opened",
    ),
];

pub(super) fn is_known(capture: &str, how: &str, what: &str) -> bool {
    WEAKNESSES.iter().any(|(of, done, said, _)| {
        capture.contains(of) && how.contains(done) && what.contains(said)
    })
}
