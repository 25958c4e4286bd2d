//! The situations that tests tell apart.

use std::sync::Arc;
use std::time::Duration;

use super::{KEY, at, attempt, diff, end, finding, judged, leg, stamp, text};
use crate::attempt::{Closing, ClosingLeg, Neighbours, SeenClose, TcpEnd};
use crate::event::{FrameCounts, Health, Largest};
use crate::flow::{Direction, End};
use crate::http::Version;
use crate::judge::{
    Advice, Change, ClosingJudgement, Confidence, FindingId, Hop, JudgedAttempt, JudgedClosing,
    Kind, Message, Party, Severity, Verdict,
};
use crate::websocket::{Close, CloseCode};

const HANDSHAKE: &[(&str, &str)] = &[
    ("Host", "api.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
    ("Origin", "https://example.com"),
];

/// Stripped by a proxy, both legs in sight; `port` tells clients apart.
pub(crate) fn stripped(id: u64, port: u16, ms: i64) -> Arc<JudgedAttempt> {
    let outer = leg(3, &format!("10.1.0.2:{port}"), "10.0.0.5:80")
        .get(4, ms, "/ws/1234?token=CANARY0", Version::Http11, HANDSHAKE)
        .answer(9, ms + 5, 426, &[("Server", "nginx/1.22.1")])
        .body(b"Upgrade Required", false);
    let inner = leg(4, "10.0.1.5:41830", "10.0.1.9:8080")
        .get(
            6,
            ms + 1,
            "/ws/1234?token=CANARY0",
            Version::Http10,
            &[
                ("Host", "backend"),
                ("Connection", "close"),
                ("Sec-WebSocket-Key", KEY),
            ],
        )
        .answer(8, ms + 4, 426, &[]);
    let mut judged = judged(
        attempt(id, vec![outer.outer(), inner.inner()]),
        Verdict::Stripped,
        vec![
            finding(
                FindingId::UpgradeStripped,
                1,
                Confidence::Proved,
                &[
                    "Upgrade: websocket is in the request of 10.1.0.2 and not in the one of 10.0.1.5",
                ],
            ),
            finding(
                FindingId::HttpVersionDowngraded,
                1,
                Confidence::Proved,
                &["GET /ws/1234?token=CANARY0 HTTP/1.0"],
            ),
        ],
    );
    let judgement = &mut judged.judgement;
    judgement.findings[0].rule = Some("S01".into());
    judgement.hop = Some(Hop {
        inward: Some(end("10.0.0.5:80")),
        outward: Some(end("10.0.1.5:41830")),
        software: Some("nginx/1.22.1".into()),
        adjacent: Some(true),
    });
    judgement.diff = vec![
        diff(
            Message::Request,
            "version",
            Change::Changed,
            Some("HTTP/1.1"),
            Some("HTTP/1.0"),
        ),
        diff(
            Message::Request,
            "host",
            Change::Changed,
            Some("api.example.com"),
            Some("backend"),
        ),
        diff(
            Message::Request,
            "upgrade",
            Change::Removed,
            Some("websocket"),
            None,
        ),
        diff(
            Message::Request,
            "connection",
            Change::Changed,
            Some("Upgrade"),
            Some("close"),
        ),
    ];
    judgement.advice = Advice {
        cause: Some("nginx passes neither Upgrade nor Connection on unless told to.".to_owned()),
        fix: text(&[
            "in the location that proxies /ws, then nginx -s reload",
            "    proxy_http_version 1.1;",
            "    proxy_set_header Upgrade $http_upgrade;",
            "    proxy_set_header Connection \"upgrade\";",
        ])
        .into(),
        wont_help: text(&["longer timeouts, another client library, CORS or Origin settings"])
            .into(),
    };
    Arc::new(judged)
}

/// The upstream leg alone; the client's is TLS.
pub(crate) fn behind_tls(id: u64) -> Arc<JudgedAttempt> {
    let lone = leg(7, "10.0.1.5:41830", "10.0.1.9:8080")
        .get(
            6,
            0,
            "/ws",
            Version::Http10,
            &[
                ("Host", "backend"),
                ("Connection", "close"),
                ("Sec-WebSocket-Key", KEY),
                ("X-Real-IP", "10.1.0.2"),
            ],
        )
        .answer(8, 3, 400, &[("Server", "Werkzeug")])
        .body(b"Can \"Upgrade\" only to \"WebSocket\".", false);
    let mut attempt = attempt(id, vec![lone.outer()]);
    attempt.surroundings.client_leg_encrypted = true;
    let evidence = &["no Upgrade, Connection: close, HTTP/1.0, yet Sec-WebSocket-Key is there"];
    let finding = finding(FindingId::UpgradeStripped, 0, Confidence::Certain, evidence);
    let mut judged = judged(attempt, Verdict::Stripped, vec![finding]);
    judged.judgement.hop = Some(Hop {
        outward: Some(end("10.0.1.5:41830")),
        ..Hop::default()
    });
    Arc::new(judged)
}

/// Refused with 403, seen on the client's leg alone.
pub(crate) fn forbidden(id: u64) -> Arc<JudgedAttempt> {
    let lone = leg(9, "10.1.0.2:50300", "10.0.0.5:80")
        .get(20, 0, "/admin", Version::Http11, HANDSHAKE)
        .answer(22, 12, 403, &[])
        .fin(20);
    let evidence = &["403 Forbidden to a request that is whole"];
    let finding = finding(FindingId::Forbidden, 0, Confidence::Guess, evidence);
    let mut judged = judged(
        attempt(id, vec![lone.outer()]),
        Verdict::Rejected,
        vec![finding],
    );
    judged.judgement.advice.cause = Some("The server does not let this client in.".to_owned());
    Arc::new(judged)
}

/// It opened.
pub(crate) fn opened(id: u64, target: &str) -> Arc<JudgedAttempt> {
    let lone = leg(11, "10.1.0.2:50400", "10.0.0.5:80")
        .get(30, 0, target, Version::Http11, HANDSHAKE)
        .answer(
            32,
            4,
            101,
            &[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ],
        );
    Arc::new(judged(
        attempt(id, vec![lone.outer()]),
        Verdict::Ok,
        Vec::new(),
    ))
}

/// An end of an opened WebSocket.
pub(crate) fn closing(attempt: u64, kind: Kind, code: Option<u16>, by: Party) -> JudgedClosing {
    let closes = code
        .filter(|&code| code != 1006 && code != 1005)
        .map(|code| SeenClose {
            dir: Direction::ToServer,
            at: stamp(99, 65_000),
            close: Close {
                code: Some(CloseCode(code)),
                reason: "".into(),
                reason_invalid: false,
                malformed: false,
            },
            received: Largest::default(),
            receiving: 0,
        });
    let mut leg = ClosingLeg {
        leg: 0,
        client: end("10.1.0.2:50400"),
        server: end("10.0.0.5:80"),
        handshake: Arc::default(),
        marks: Vec::new(),
        opened_at: at(5),
        closes: closes.into_iter().collect(),
        tcp_ends: std::iter::once(TcpEnd {
            dir: Direction::ToClient,
            at: at(65_001),
            reset: false,
        })
        .collect(),
        ended: Some(End::Fin),
        client_frames: FrameCounts {
            text: 1,
            close: 1,
            messages: 1,
            bytes: 125,
            ..FrameCounts::default()
        },
        server_frames: FrameCounts::default(),
        rtt: Default::default(),
        began: [Some(at(5_000)), None],
        ping_waits: [None; 2],
        last_bytes: [Some(at(5_000)), None],
        largest: [
            Largest {
                bytes: 125,
                ..Largest::default()
            },
            Largest::default(),
        ],
        latest: [0; 2],
        unfinished: [0; 2],
        violations: Vec::new(),
        retransmitting: None,
        lossy: false,
        blind: [false; 2],
        torn: [false; 2],
        one_sided: false,
    };
    leg.rtt[0]
        .extend([(20_000, 700), (40_000, 300)].map(|(ms, us)| (at(ms), Duration::from_micros(us))));
    let severity = match kind {
        Kind::Fault | Kind::Illegal => Severity::Error,
        Kind::Abnormal => Severity::Warning,
        _ => Severity::Info,
    };
    JudgedClosing {
        closing: Closing {
            attempt,
            at: at(65_000),
            opened_at: at(5),
            host: Some("api.example.com".into()),
            target: "/ws/feed".into(),
            legs: vec![leg],
            failed_upstream: Vec::new(),
            neighbours: Neighbours::default(),
            seen_until: at(70_000),
            still_open: kind == Kind::Open,
            lossy: false,
        },
        judgement: ClosingJudgement {
            kind,
            severity,
            wire_code: code.filter(|&code| code != 1006 && code != 1005),
            code,
            by,
            reason: None,
            meaning: None,
            findings: Vec::new(),
            hop: None,
            advice: Advice::default(),
        },
    }
}

/// A capture that lost nothing.
pub(crate) fn healthy(packets: u64) -> Health {
    Health {
        packets,
        bytes: packets * 100,
        connections: packets / 10,
        first: Some(at(0)),
        now: Some(at(156_000)),
        ..Health::default()
    }
}
