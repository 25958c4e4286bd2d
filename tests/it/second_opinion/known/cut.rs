//! What the snap length cut off.

use super::Known;

pub(super) const HEADS: Known = Known {
    reason: "the heads are cut off at 96 bytes, so tshark never learns of the WebSocket; of the packets after \
             them (editcap -r FILE OUT 15-32), read as WebSocket, it says what wscap says",
    rows: &[
        (
            "transport/snap_length_96.pcap",
            0,
            "close of client",
            "1",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            0,
            "close of server",
            "1",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            0,
            "first close",
            "1000 of client",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            0,
            "text of client",
            "2",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            0,
            "text of server",
            "2",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "close of client",
            "1",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "close of server",
            "1",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "first close",
            "1000 of client",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "text of client",
            "2",
            "-",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "text of server",
            "2",
            "-",
        ),
    ],
};

pub(super) const FIRST_LINES: Known = Known {
    reason: "wscap takes nothing from a head that is cut off, tshark its first line",
    rows: &[
        (
            "transport/snap_length_96.pcap",
            0,
            "status in 13",
            "-",
            "101",
        ),
        (
            "transport/snap_length_96.pcap",
            1,
            "status in 11",
            "-",
            "101",
        ),
    ],
};

pub(super) const FRAMES: Known = Known {
    reason: "the rest of a frame is cut off by the snap length, and tshark reads frames out of the middle of the next packet",
    rows: &[
        (
            "close/1009_three_megabytes_nginx.pcap",
            0,
            "other of client",
            "-",
            "1998",
        ),
        (
            "close/1009_three_megabytes_nginx.pcap",
            1,
            "other of client",
            "-",
            "2812",
        ),
    ],
};
