//! The one table of differences between wscap and tshark, each with its reason.

mod begun;
mod cut;

use super::Difference;

/// File, tcp.stream, what, what wscap says, what tshark says.
type Row = (&'static str, u64, &'static str, &'static str, &'static str);

pub(super) struct Known {
    /// In words that follow "because".
    pub(super) reason: &'static str,
    rows: &'static [Row],
}

impl Known {
    pub(super) fn rows(&self) -> impl Iterator<Item = Difference> {
        self.rows
            .iter()
            .map(|(file, stream, what, wscap, tshark)| Difference {
                file: (*file).to_owned(),
                stream: *stream,
                what: (*what).to_owned(),
                wscap: (*wscap).to_owned(),
                tshark: (*tshark).to_owned(),
            })
    }
}

pub(super) const KNOWN: &[Known] = &[
    Known {
        reason: "the server writes the head of an HTTP answer behind both Closes; tshark reads it as frames",
        rows: &[
            (
                "handshake/ok_flask_sock.pcap",
                0,
                "close of server",
                "1",
                "2",
            ),
            (
                "handshake/ok_flask_sock.pcap",
                0,
                "continuation of server",
                "-",
                "1",
            ),
            (
                "handshake/stripped_by_nginx_flask_sock.pcapng",
                9,
                "close of server",
                "1",
                "2",
            ),
            (
                "handshake/stripped_by_nginx_flask_sock.pcapng",
                9,
                "continuation of server",
                "-",
                "1",
            ),
        ],
    },
    Known {
        reason: "as in `socketio_2_client_4_server`: the text of an HTTP answer behind the 101 is no frame",
        rows: &[
            (
                "handshake/http_after_101_socketio.pcapng",
                0,
                "close of server",
                "-",
                "1",
            ),
            (
                "handshake/http_after_101_socketio.pcapng",
                0,
                "first close",
                "-",
                "21584 of server",
            ),
            (
                "handshake/http_after_101_socketio.pcapng",
                1,
                "close of server",
                "-",
                "1",
            ),
            (
                "handshake/http_after_101_socketio.pcapng",
                1,
                "first close",
                "-",
                "21584 of server",
            ),
        ],
    },
    Known {
        reason: "tshark hands what is in the tunnel of a CONNECT to the dissector of its port, 8080, and finds no HTTP there",
        rows: &[
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "answer to 11",
                "16",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "client of 11",
                "10.1.0.2:35114",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "close of client",
                "1",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "close of server",
                "1",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "first close",
                "1000 of client",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "method of 11",
                "GET",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "status of 11",
                "101",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "target of 11",
                "/live",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "text of client",
                "2",
                "-",
            ),
            (
                "handshake/ok_squid_tunnel.pcapng",
                0,
                "text of server",
                "2",
                "-",
            ),
        ],
    },
    Known {
        reason: "wscap tells of no answer that was sent to a client that had left, in frame 12",
        rows: &[
            (
                "handshake/client_left_unreachable_behind_haproxy.pcapng",
                0,
                "answer to 4",
                "-",
                "16",
            ),
            (
                "handshake/client_left_unreachable_behind_haproxy.pcapng",
                0,
                "status of 4",
                "-",
                "503",
            ),
        ],
    },
    Known {
        reason: "the answers bear other addresses, which make a stream of their own in tshark: wscap calls it `redirected`",
        rows: &[
            (
                "transport/redirected_on_lo.pcapng",
                0,
                "answer to 4",
                "16",
                "-",
            ),
            (
                "transport/redirected_on_lo.pcapng",
                0,
                "status of 4",
                "426",
                "-",
            ),
        ],
    },
    Known {
        reason: "it is the leg of stream 0 under other addresses: wscap tells of it once, and names this stream in `also`",
        rows: &[
            (
                "transport/translated_by_a_router.pcap",
                1,
                "answer to 8",
                "-",
                "11",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "client of 8",
                "-",
                "10.2.0.1:42382",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "close of client",
                "-",
                "1",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "close of server",
                "-",
                "1",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "first close",
                "-",
                "1000 of client",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "method of 8",
                "-",
                "GET",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "status of 8",
                "-",
                "101",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "target of 8",
                "-",
                "/live",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "text of client",
                "-",
                "2",
            ),
            (
                "transport/translated_by_a_router.pcap",
                1,
                "text of server",
                "-",
                "2",
            ),
        ],
    },
    Known {
        reason: "wscap tells of an earlier try by its outermost leg only, here stream 0",
        rows: &[
            (
                "handshake/challenged_then_opened.pcapng",
                1,
                "answer to 9",
                "-",
                "11",
            ),
            (
                "handshake/challenged_then_opened.pcapng",
                1,
                "client of 9",
                "-",
                "10.2.0.1:57850",
            ),
            (
                "handshake/challenged_then_opened.pcapng",
                1,
                "method of 9",
                "-",
                "GET",
            ),
            (
                "handshake/challenged_then_opened.pcapng",
                1,
                "status of 9",
                "-",
                "401",
            ),
            (
                "handshake/challenged_then_opened.pcapng",
                1,
                "target of 9",
                "-",
                "/live",
            ),
            (
                "handshake/redirected_and_followed.pcapng",
                1,
                "answer to 9",
                "-",
                "11",
            ),
            (
                "handshake/redirected_and_followed.pcapng",
                1,
                "client of 9",
                "-",
                "10.2.0.1:57828",
            ),
            (
                "handshake/redirected_and_followed.pcapng",
                1,
                "method of 9",
                "-",
                "GET",
            ),
            (
                "handshake/redirected_and_followed.pcapng",
                1,
                "status of 9",
                "-",
                "307",
            ),
            (
                "handshake/redirected_and_followed.pcapng",
                1,
                "target of 9",
                "-",
                "/live",
            ),
        ],
    },
    Known {
        reason: "wscap decides when the client leaves, in frame 11; the 101 comes 1.2 s later, to nobody",
        rows: &[
            (
                "handshake/client_left_before_late_101_haproxy.pcapng",
                0,
                "answer to 4",
                "-",
                "15",
            ),
            (
                "handshake/client_left_before_late_101_haproxy.pcapng",
                0,
                "status of 4",
                "-",
                "101",
            ),
            (
                "handshake/client_left_before_late_101_haproxy.pcapng",
                1,
                "answer to 8",
                "-",
                "13",
            ),
            (
                "handshake/client_left_before_late_101_haproxy.pcapng",
                1,
                "status of 8",
                "-",
                "101",
            ),
        ],
    },
    Known {
        reason: "the server writes the text of an HTTP 400 after its 101: tshark reads `HT` as the head of a Close and \
                 `TP` as its code, 21584; wscap judges the handshake rejected by that text, and tells no frames of a \
                 WebSocket that did not open, the Close with which the client answers among them",
        rows: &[
            (
                "handshake/socketio_2_client_4_server.pcapng",
                0,
                "close of client",
                "-",
                "1",
            ),
            (
                "handshake/socketio_2_client_4_server.pcapng",
                0,
                "close of server",
                "-",
                "1",
            ),
            (
                "handshake/socketio_2_client_4_server.pcapng",
                0,
                "first close",
                "-",
                "21584 of server",
            ),
            (
                "handshake/socketio_2_client_4_server.pcapng",
                1,
                "close of server",
                "-",
                "1",
            ),
            (
                "handshake/socketio_2_client_4_server.pcapng",
                1,
                "first close",
                "-",
                "21584 of server",
            ),
        ],
    },
    Known {
        reason: "tshark takes up WebSocket only where it saw the request too, and leaves these segments as data; of \
                 the same packets without the 101 (editcap -r FILE OUT 4-7), read as WebSocket, it says what wscap says",
        rows: &[
            (
                "transport/one_direction_only.pcap",
                0,
                "close of server",
                "1",
                "-",
            ),
            (
                "transport/one_direction_only.pcap",
                0,
                "first close",
                "1000 of server",
                "-",
            ),
            (
                "transport/one_direction_only.pcap",
                0,
                "text of server",
                "2",
                "-",
            ),
        ],
    },
    cut::HEADS,
    cut::FIRST_LINES,
    begun::BEGUN,
    cut::FRAMES,
    Known {
        reason: "the client's Close comes behind the server's RST, with which the connection was over",
        rows: &[(
            "close/1009_too_big_jetty.pcap",
            0,
            "close of client",
            "-",
            "1",
        )],
    },
    // Captures of other projects.
    Known {
        reason: "the client must refuse a 101 with a wrong accept, so it did not open, and wscap tells no frames",
        rows: &[(
            "zeek/wrong-accept-header.pcap",
            0,
            "ping of server",
            "-",
            "1",
        )],
    },
    Known {
        reason: "the server greets as SMTP does (`220 f`), and among that writes a 101 to h2c that nobody asked for; \
                 for wscap a stream that did not begin as HTTP is not HTTP",
        rows: &[(
            "sv/protocol-change-failed-event.pcap",
            0,
            "status in 8",
            "-",
            "101",
        )],
    },
];
