//! Why an opened WebSocket ended, and whose doing it was: from what its legs show and what others did.

mod codes;

use wscap::event::{Fact, FrameCounts, Frames};
use wscap::flow::{Direction, End};
use wscap::judge::JudgedClosing;

use crate::support::legs::{Ask, Script, ending, handshake, time};

const UP: Direction = Direction::ToServer;
const DOWN: Direction = Direction::ToClient;
const MINUTE: i64 = 60_000;

/// One WebSocket of a script: connections `outer` and `inner`, or one of them alone.
struct Ws {
    number: u64,
    opened: i64,
}

/// What is seen of a WebSocket.
#[derive(Clone, Copy, PartialEq)]
enum Sight {
    Both,
    ClientLeg,
    UpstreamLeg,
}

impl Ws {
    fn open(script: &mut Script, number: u64, opened: i64, sight: Sight, server: &str) -> Self {
        Self::open_as(script, (number, opened), sight, server, |ask| ask)
    }

    /// Opens it, with the request made into something else on every leg.
    fn open_as(
        script: &mut Script,
        (number, opened): (u64, i64),
        sight: Sight,
        server: &str,
        made: impl Fn(Ask) -> Ask,
    ) -> Self {
        let ws = Self { number, opened };
        let key = format!("{number:022}==");
        let server: &[(&str, &str)] = if server.is_empty() {
            &[]
        } else {
            &[("Server", server)]
        };
        let port = 20_000 + number;
        let outer = made(handshake(&format!("10.1.0.2:{port}"), "10.1.0.1:80").key(&key));
        let inner = made(handshake(&format!("10.2.0.1:{port}"), "10.2.0.2:8080").key(&key));
        let inner = inner.with("X-Forwarded-For", "10.1.0.2");
        if sight != Sight::UpstreamLeg {
            script.ask(ws.outer(), opened - 4, outer);
        }
        if sight != Sight::ClientLeg {
            script
                .ask(ws.inner(), opened - 3, inner)
                .switch(ws.inner(), opened - 2, &[]);
        }
        if sight != Sight::UpstreamLeg {
            script.switch(ws.outer(), opened, server);
        }
        ws
    }

    const fn outer(&self) -> u64 {
        self.number * 2
    }

    const fn inner(&self) -> u64 {
        self.number * 2 + 1
    }

    /// A frame that crosses both legs.
    fn text(&self, script: &mut Script, ms: i64, dir: Direction) -> &Self {
        let at = self.opened + ms;
        for conn in [self.outer(), self.inner()] {
            script.text(conn, at, dir);
        }
        self
    }

    /// FIN of one side, passed on by the hop, and the answers to it.
    fn fin(&self, script: &mut Script, ms: i64, dir: Direction) {
        let at = self.opened + ms;
        let (first, second) = match dir {
            UP => (self.outer(), self.inner()),
            DOWN => (self.inner(), self.outer()),
        };
        script.fin(first, at, dir).fin(second, at + 1, dir);
        script
            .fin(second, at + 2, dir.flip())
            .fin(first, at + 3, dir.flip());
    }

    /// The hop lets go of both sides.
    fn cut(&self, script: &mut Script, ms: i64) {
        let at = self.opened + ms;
        script.fin(self.outer(), at, DOWN).fin(self.inner(), at, UP);
        script
            .fin(self.outer(), at + 1, UP)
            .fin(self.inner(), at + 1, DOWN);
    }
}

/// One WebSocket alone, with what happens to it.
fn alone(sight: Sight, server: &str, happens: impl Fn(&mut Script, &Ws)) -> JudgedClosing {
    let mut script = Script::default();
    let ws = Ws::open(&mut script, 1, 10, sight, server);
    happens(&mut script, &ws);
    last(&script)
}

fn last(script: &Script) -> JudgedClosing {
    let (_, mut closings) = script.run_for(20_000);
    closings.sort_by_key(|judged| judged.closing.at);
    closings.pop().unwrap()
}

/// `KIND CODE BY / FINDING CONFIDENCE ROW`.
fn told(judged: &JudgedClosing) -> String {
    let root = judged.judgement.findings.first();
    let root = root.map_or_else(String::new, |root| {
        let row = root.rule.as_deref().unwrap_or("-");
        format!(" / {} {} {row}", root.id.name(), root.confidence.name())
    });
    format!("{}{root}", ending(&judged.judgement))
}

fn evidence(judged: &JudgedClosing) -> String {
    let findings = judged.judgement.findings.iter();
    findings
        .flat_map(|finding| finding.evidence.clone())
        .collect::<Vec<_>>()
        .join(" | ")
}

fn frames(change: impl FnOnce(&mut Frames)) -> Fact {
    let mut frames = Frames::default();
    change(&mut frames);
    Fact::Frames(Box::new(frames))
}

/// What is seen, what the Server field says, who lets go (the hop, if nobody), after how long a silence of the server in
/// milliseconds; and what it is.
const SILENCES: &[(Sight, &str, Option<Direction>, i64, &str)] = &[
    (
        Sight::Both,
        "nginx/1.22.1",
        None,
        60_010,
        "abnormal 1006 proxy / idle_timeout likely C06a",
    ),
    (
        Sight::Both,
        "nginx/1.22.1",
        None,
        3_010,
        "abnormal 1006 proxy / idle_timeout likely C06i",
    ),
    (
        Sight::Both,
        "nginx/1.22.1",
        None,
        5_370,
        "abnormal 1006 proxy / abnormal_closure certain C06p",
    ),
    (
        Sight::Both,
        "",
        Some(DOWN),
        5_370,
        "abnormal 1006 server / abnormal_closure certain C06s",
    ),
    (
        Sight::Both,
        "",
        Some(DOWN),
        60_010,
        "abnormal 1006 server / idle_timeout guess C06i",
    ),
    (
        Sight::Both,
        "",
        Some(UP),
        60_010,
        "abnormal 1006 client / abnormal_closure certain C06k",
    ),
    (
        Sight::Both,
        "",
        Some(UP),
        7_300,
        "abnormal 1006 client / abnormal_closure certain C06k",
    ),
    (
        Sight::UpstreamLeg,
        "",
        Some(UP),
        60_010,
        "abnormal 1006 client / idle_timeout likely C06a",
    ),
    (
        Sight::UpstreamLeg,
        "",
        Some(UP),
        7_000,
        "abnormal 1006 client / abnormal_closure certain C06k",
    ),
    (
        Sight::UpstreamLeg,
        "",
        Some(DOWN),
        7_000,
        "abnormal 1006 server / abnormal_closure certain C06s",
    ),
    (
        Sight::ClientLeg,
        "nginx/1.22.1",
        Some(DOWN),
        60_010,
        "abnormal 1006 server / idle_timeout likely C06a",
    ),
    (
        Sight::ClientLeg,
        "",
        Some(DOWN),
        60_010,
        "abnormal 1006 server / idle_timeout guess C06i",
    ),
    (
        Sight::ClientLeg,
        "nginx/1.22.1",
        Some(DOWN),
        7_000,
        "abnormal 1006 server / abnormal_closure certain C06s",
    ),
];

/// Of very many that are open nobody is to keep what is told at the end of the capture until it was told of all.
#[test]
fn one_that_is_left_open_is_told_once_the_capture_is_over_for_each_of_its_connections() {
    let mut script = Script::default();
    let silent = Ws::open(&mut script, 1, 10, Sight::Both, "");
    let closing = Ws::open(&mut script, 2, 20, Sight::ClientLeg, "");
    script
        .close(closing.outer(), MINUTE, DOWN, b"\x03\xe9")
        .ended(closing.outer(), MINUTE + 1, End::CaptureOver)
        .ended(silent.inner(), MINUTE + 2, End::CaptureOver);
    assert!(
        script.closed_by(MINUTE + 2).is_empty(),
        "one leg is left, and one Close waits"
    );
    script.ended(silent.outer(), MINUTE + 3, End::CaptureOver);
    let told = script.closed_by(MINUTE + 3);
    assert_eq!(told.len(), 1, "nothing is to be waited for");
    assert_eq!(ending(&told[0].judgement), "open - unknown");
    let (_, all) = script.run();
    let attempts: Vec<u64> = all.iter().map(|judged| judged.closing.attempt).collect();
    assert_eq!(attempts, [1, 2], "and not once more");
}

#[test]
fn a_silence_is_a_timer_only_where_a_hop_may_have_one() {
    for &(sight, server, by, silence, expected) in SILENCES {
        let judged = alone(sight, server, |script, ws| {
            ws.text(script, 1_000, DOWN);
            match by {
                Some(dir) => ws.fin(script, 1_000 + silence, dir),
                None => ws.cut(script, 1_000 + silence),
            }
        });
        assert_eq!(
            told(&judged),
            expected,
            "{silence} ms by {by:?} with {server:?}"
        );
    }
}

#[test]
fn a_client_that_only_listens_is_no_silence() {
    for by in [None, Some(DOWN)] {
        let judged = alone(Sight::Both, "nginx/1.22.1", |script, ws| {
            ws.text(script, 500, UP);
            for tenth in 1..=201 {
                ws.text(script, 500 + tenth * 300, DOWN);
            }
            // 60.5 s after the client's last byte, 0.2 s after the server's.
            match by {
                Some(dir) => ws.fin(script, 61_000, dir),
                None => ws.cut(script, 61_450),
            }
        });
        let root = judged.judgement.findings[0].id.name();
        assert_eq!(root, "abnormal_closure", "{by:?}: {}", evidence(&judged));
    }
}

#[test]
fn a_hop_may_count_the_servers_bytes_alone() {
    let judged = alone(Sight::Both, "nginx/1.22.1", |script, ws| {
        ws.text(script, 1_000, DOWN);
        for second in 1..=60 {
            ws.text(script, second * 1_000 + 500, UP);
        }
        ws.cut(script, 61_020);
    });
    assert_eq!(
        told(&judged),
        "abnormal 1006 proxy / idle_timeout likely C06i"
    );
    assert_eq!(
        evidence(&judged),
        "10.1.0.1:80 ended both sides by itself, without a Close, 60.0 s after the last byte of the server"
    );
}

#[test]
fn a_busy_one_that_is_cut_at_a_round_age_had_a_lifetime() {
    let busy = |script: &mut Script, ws: &Ws, age: i64| {
        for tenth in 1..age / 300 {
            ws.text(script, tenth * 300, if tenth % 2 == 0 { UP } else { DOWN });
        }
        ws.cut(script, age);
    };
    let capped = alone(Sight::Both, "Caddy", |script, ws| busy(script, ws, 30_010));
    assert_eq!(
        told(&capped),
        "abnormal 1006 proxy / lifetime_limit likely C06j"
    );
    let round = alone(Sight::Both, "Caddy", |script, ws| busy(script, ws, 37_010));
    assert_eq!(
        told(&round),
        "abnormal 1006 proxy / lifetime_limit guess C06j"
    );
    let odd = alone(Sight::Both, "Caddy", |script, ws| busy(script, ws, 31_380));
    assert_eq!(
        told(&odd),
        "abnormal 1006 proxy / abnormal_closure certain C06p"
    );
}

#[test]
fn load_balancers_in_front_are_known_by_their_marks() {
    for (name, value, silence, busy, row) in [
        (
            "X-Amzn-Trace-Id",
            "Root=1-2",
            60_100,
            false,
            "idle_timeout likely C06c",
        ),
        (
            "CF-Ray",
            "8f-FRA",
            100_200,
            false,
            "idle_timeout likely C06d",
        ),
        (
            "Via",
            "1.1 google",
            30_050,
            true,
            "lifetime_limit likely C06e",
        ),
        (
            "X-Amzn-Trace-Id",
            "Root=1-2",
            41_700,
            false,
            "abnormal_closure certain C06k",
        ),
    ] {
        let mut script = Script::default();
        let ws = Ws::open_as(&mut script, (1, 10), Sight::Both, "nginx", |ask| {
            ask.with(name, value)
                .with("X-Forwarded-For", "198.51.100.7")
        });
        if busy {
            for tenth in 1..100 {
                ws.text(&mut script, tenth * 300, DOWN);
            }
        } else {
            ws.text(&mut script, 1, DOWN);
        }
        ws.fin(&mut script, silence, UP);
        assert_eq!(
            told(&last(&script)),
            format!("abnormal 1006 client / {row}"),
            "{name}"
        );
    }
}

#[test]
fn the_same_silence_at_other_times_is_a_timer() {
    let run = |spans: &[i64]| {
        let mut script = Script::default();
        for (number, &span) in (1_i64..).zip(spans) {
            let ws = Ws::open(
                &mut script,
                number.cast_unsigned(),
                number * 17_000,
                Sight::ClientLeg,
                "",
            );
            ws.text(&mut script, number * 310, DOWN);
            ws.fin(&mut script, number * 310 + span, DOWN);
        }
        told(&last(&script))
    };
    let by_server = "abnormal 1006 server /";
    assert_eq!(
        run(&[45_010, 45_090, 45_030]),
        format!("{by_server} idle_timeout likely C06i")
    );
    assert_eq!(
        run(&[45_010, 12_700, 3_900, 45_030, 33_330, 45_020]),
        format!("{by_server} abnormal_closure certain C06s"),
        "two of five others are no rule"
    );
    assert_eq!(
        run(&[45_010, 45_030]),
        format!("{by_server} abnormal_closure certain C06s"),
        "once is chance"
    );
}

#[test]
fn many_at_one_moment_are_a_reload_or_a_crash_unless_a_timer_runs_out_for_all() {
    let run = |sight, server, by: Option<Direction>, same_silence: Option<i64>| {
        let mut script = Script::default();
        for number in 1..=8_i64 {
            let opened = 100 + number * if same_silence.is_some() { 3 } else { 1_370 };
            let ws = Ws::open(&mut script, number.cast_unsigned(), opened, sight, server);
            ws.text(&mut script, 100, DOWN);
            let end = match same_silence {
                Some(silence) => 100 + silence,
                None => 40_000 - opened + number * 20,
            };
            match by {
                Some(dir) => ws.fin(&mut script, end, dir),
                None => ws.cut(&mut script, end),
            }
        }
        told(&last(&script))
    };
    let (both, client, upstream) = (Sight::Both, Sight::ClientLeg, Sight::UpstreamLeg);
    for (sight, server, by, same, expected) in [
        (
            both,
            "nginx",
            None,
            None,
            "proxy / proxy_reloaded likely C06f",
        ),
        (
            both,
            "nginx",
            None,
            Some(3_020),
            "proxy / idle_timeout likely C06i",
        ),
        (
            both,
            "nginx",
            None,
            Some(3_420),
            "proxy / proxy_reloaded likely C06f",
        ),
        (
            both,
            "nginx",
            Some(DOWN),
            None,
            "server / peer_crashed likely C06g",
        ),
        (
            both,
            "nginx",
            Some(UP),
            None,
            "client / abnormal_closure certain C06k",
        ),
        (
            upstream,
            "",
            Some(UP),
            None,
            "client / proxy_reloaded likely C06f",
        ),
        (
            upstream,
            "",
            Some(DOWN),
            None,
            "server / peer_crashed likely C06g",
        ),
        (
            client,
            "nginx",
            Some(DOWN),
            None,
            "server / abnormal_closure certain C06s",
        ),
        (
            client,
            "",
            Some(DOWN),
            None,
            "server / peer_crashed likely C06g",
        ),
    ] {
        let judged = run(sight, server, by, same);
        assert_eq!(
            judged,
            format!("abnormal 1006 {expected}"),
            "{by:?} {same:?} {server}"
        );
    }
}

#[test]
fn who_waits_in_vain_for_a_pong_and_leaves_did_so_because_of_it() {
    let run = |pinger: Direction, ender: Direction, waited: i64| {
        let judged = alone(Sight::Both, "", |script, ws| {
            ws.text(script, 1_000, UP);
            let ping = frames(|frames| {
                let counts = match pinger {
                    UP => &mut frames.client,
                    DOWN => &mut frames.server,
                };
                counts.ping = 1;
                counts.pings_unanswered = 1;
                frames.ping_waits[pinger.index()] = Some(time(ws.opened + 2_000));
                frames.last[pinger.index()] = Some(time(ws.opened + 2_000));
            });
            for conn in [ws.outer(), ws.inner()] {
                script.fact(conn, ws.opened + 2_000, ping.clone());
            }
            ws.fin(script, 2_000 + waited, ender);
        });
        let root = &judged.judgement.findings[0];
        (root.id.name(), evidence(&judged))
    };
    assert_eq!(
        run(DOWN, DOWN, 7_500),
        (
            "ping_timeout",
            "server sent FIN without a Close, 7.5 s after a ping of its own that got no pong"
                .into()
        )
    );
    assert_eq!(run(UP, UP, 7_500).0, "ping_timeout");
    assert_eq!(
        run(DOWN, UP, 7_500).0,
        "abnormal_closure",
        "the other side left"
    );
    assert_eq!(run(DOWN, DOWN, 700).0, "abnormal_closure", "too soon");
}

#[test]
fn a_server_that_goes_amid_a_message_crashed_on_it() {
    let amid = |script: &mut Script, ws: &Ws| {
        let sent = frames(|frames| {
            frames.client = FrameCounts {
                binary: 1,
                bytes: 2_000_000,
                ..FrameCounts::default()
            };
            frames.unfinished[0] = 2_000_000;
            frames.last[0] = Some(time(ws.opened + 1_000));
        });
        for conn in [ws.outer(), ws.inner()] {
            script.fact(conn, ws.opened + 1_000, sent.clone());
        }
    };
    let judged = alone(Sight::Both, "", |script, ws| {
        amid(script, ws);
        ws.fin(script, 1_030, DOWN);
    });
    assert_eq!(
        told(&judged),
        "abnormal 1006 server / peer_crashed likely C06g"
    );
    assert!(evidence(&judged).ends_with("in the middle of a message of 2000000 bytes to it"));
    let left = alone(Sight::Both, "", |script, ws| {
        amid(script, ws);
        ws.fin(script, 1_030, UP);
    });
    assert_eq!(
        told(&left),
        "abnormal 1006 client / abnormal_closure certain C06k"
    );
}
