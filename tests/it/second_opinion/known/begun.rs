//! Messages that were begun and never ended.

use super::{Known, Row};

pub(super) const BEGUN: Known = Known {
    reason: "the end came within a message: wscap counts a frame by its head, tshark one that is whole",
    rows: ROWS,
};

/// File and tcp.stream.
macro_rules! begun {
    ($(($file:literal, $stream:literal)),* $(,)?) => {
        &[$((concat!("close/", $file), $stream, "binary of client", "1", "-")),*]
    };
}

const ROWS: &[Row] = begun![
    ("backend_destroys_within_a_large_message.pcap", 0),
    ("backend_destroys_within_a_large_message_haproxy.pcapng", 0),
    ("backend_destroys_within_a_large_message_haproxy.pcapng", 1),
    ("backend_dies_within_a_large_message.pcap", 0),
    ("backend_dies_within_a_large_message_nginx.pcapng", 0),
    ("backend_dies_within_a_large_message_nginx.pcapng", 1),
    ("client_leaves_within_a_message.pcap", 0),
    ("client_leaves_within_a_message_nginx.pcapng", 0),
    ("client_leaves_within_a_message_nginx.pcapng", 1),
    ("client_resets_within_a_message_haproxy.pcapng", 0),
    ("client_resets_within_a_message_haproxy.pcapng", 1),
    ("idle_nginx_send_timeout.pcapng", 0),
    ("idle_nginx_send_timeout.pcapng", 1),
];
