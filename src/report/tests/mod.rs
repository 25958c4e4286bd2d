//! What both reports say of the same hand-made input.

mod again;
mod keys;

use std::sync::Arc;

use super::json::JsonReport;
use super::mask::Mask;
use super::sanitize::clean;
use super::text::TextReport;
use super::{Item, Only, Options, Verbosity};
use crate::event::Health;
use crate::judge::{
    Advice, Confidence, FindingId, Hop, JudgedAttempt, JudgedClosing, Kind, Party, Verdict,
};
use crate::limits::{Limit, Limits};
use crate::record::LinkType;
use crate::tally::Tally;
use crate::tally::example::{
    self, at, behind_tls, closing, end, finding, forbidden, healthy, opened, stripped,
};

/// What is told in one run.
#[derive(Default)]
struct Run {
    attempts: Vec<Arc<JudgedAttempt>>,
    closings: Vec<Arc<JudgedClosing>>,
    health: Health,
}

fn options() -> Options {
    Options {
        utc: true,
        files: vec!["incident.pcapng".to_owned()],
        ..Options::default()
    }
}

impl Run {
    fn tally(&self) -> Tally {
        let mut tally = Tally::new(&Limits::default());
        self.attempts
            .iter()
            .for_each(|judged| tally.attempt(judged));
        self.closings
            .iter()
            .for_each(|judged| tally.closing(judged));
        tally.health(&self.health);
        tally
    }

    fn text(&self, options: Options) -> String {
        let mut out = Vec::new();
        let mut report = TextReport::new(&mut out, options);
        self.attempts
            .iter()
            .for_each(|judged| report.attempt(judged).unwrap());
        self.closings
            .iter()
            .for_each(|judged| report.closing(judged).unwrap());
        report.finish(&self.tally().snapshot()).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn json(&self, options: Options) -> String {
        let mut out = Vec::new();
        let mut report = JsonReport::new(&mut out, options);
        report.interface(0, 0, "eth0");
        self.attempts
            .iter()
            .for_each(|judged| report.attempt(judged).unwrap());
        self.closings
            .iter()
            .for_each(|judged| report.closing(judged).unwrap());
        report.health(&self.health, at(10)).unwrap();
        report.finish(&self.tally().snapshot()).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn three_stripped() -> Run {
    Run {
        attempts: (0..3)
            .map(|n| stripped(n + 7, 50_208, i64::try_from(n).unwrap() * 1_000))
            .collect(),
        health: healthy(48_213),
        ..Run::default()
    }
}

fn mixed_closings() -> Run {
    let clean = (0..5_000).map(|n| closing(n, Kind::Normal, Some(1000), Party::Client));
    let clean = clean.map(Arc::new);
    let mut idle = closing(1, Kind::Abnormal, Some(1006), Party::Proxy);
    idle.judgement.findings = vec![finding(
        FindingId::IdleTimeout,
        0,
        Confidence::Likely,
        &["both sides were closed after 60.0 s without a byte from the backend"],
    )];
    idle.judgement.hop = Some(Hop {
        inward: Some(end("10.0.0.5:80")),
        ..Hop::default()
    });
    idle.judgement.advice = Advice {
        cause: Some("proxy_read_timeout of nginx is 60 s unless set.".to_owned()),
        fix: example::text(&["proxy_read_timeout 1h;"]).into(),
        wont_help: example::text(&["TCP keep-alive"]).into(),
    };
    let mut fault = closing(2, Kind::Fault, Some(1010), Party::Client);
    fault.judgement.reason = Some("need \x1b[31mpermessage-deflate".into());
    fault.judgement.findings = vec![finding(
        FindingId::ExtensionRequired,
        0,
        Confidence::Certain,
        &[],
    )];
    let open = closing(3, Kind::Open, None, Party::Unknown);
    Run {
        attempts: vec![opened(1, "/ws/feed"), opened(2, "/ws/feed")],
        closings: clean.chain([idle, fault, open].map(Arc::new)).collect(),
        health: healthy(90_000),
    }
}

fn lossy() -> Run {
    let mut health = healthy(1_000);
    health.kernel_drops = 120;
    (health.gaps, health.gap_bytes) = (3, 4_500);
    (health.tls_connections, health.http2_connections) = (31, 2);
    health.one_sided_connections = 1;
    health.unknown_links.insert(LinkType(105), 9);
    health.reached.count(Limit::head_bytes);
    let mut judged = JudgedAttempt::clone(&forbidden(1));
    judged.judgement.verdict = Verdict::Unknown;
    judged.judgement.findings = vec![finding(
        FindingId::CaptureIncomplete,
        0,
        Confidence::Certain,
        &["1,448 bytes of the answer are missing"],
    )];
    judged.attempt.surroundings.lossy = true;
    Run {
        attempts: vec![Arc::new(judged)],
        health,
        ..Run::default()
    }
}

#[test]
fn text_of_each_situation() {
    insta::assert_snapshot!("stripped_on_two_legs", three_stripped().text(options()));
    let lone = |judged| Run {
        attempts: vec![judged],
        health: healthy(40),
        ..Run::default()
    };
    insta::assert_snapshot!("stripped_behind_tls", lone(behind_tls(1)).text(options()));
    insta::assert_snapshot!("refused_on_one_leg", lone(forbidden(1)).text(options()));
    insta::assert_snapshot!("closings_mixed", mixed_closings().text(options()));
    insta::assert_snapshot!("lossy_capture", lossy().text(options()));
    let mut nothing = Run {
        health: healthy(4_000),
        ..Run::default()
    };
    nothing.health.tls_connections = 31;
    insta::assert_snapshot!("nothing_but_tls", nothing.text(options()));
    insta::assert_snapshot!("no_packets", Run::default().text(options()));
}

#[test]
fn live_repeats_are_folded() {
    let live = Options {
        files: Vec::new(),
        live: true,
        ..options()
    };
    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, live.clone());
    for n in 0..400 {
        let judged = stripped(n, 50_000, i64::try_from(n).unwrap() * 100);
        report.attempt(&judged).unwrap();
    }
    report.attempt(&opened(500, "/ws/feed")).unwrap();
    let mut health = healthy(10);
    health.kernel_drops = 7;
    report.health(&health, at(60_000)).unwrap();
    let text = String::from_utf8(out).unwrap();
    insta::assert_snapshot!("live", text);

    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, live);
    let mut health = healthy(10);
    health.tls_connections = 31;
    report.health(&health, at(10_000)).unwrap();
    report.health(&health, at(20_000)).unwrap();
    insta::assert_snapshot!("live_blind", String::from_utf8(out).unwrap());
}

#[test]
fn a_crowd_of_plain_ends_is_one_line_live_and_a_few_are_none() {
    let live = Options {
        files: Vec::new(),
        live: true,
        ..options()
    };
    let ended = |report: &mut TextReport<&mut Vec<u8>>, ms: i64, code: u16, route: &str| {
        let mut judged = closing(1, Kind::Normal, Some(code), Party::Server);
        judged.closing.at = at(ms);
        judged.closing.target = route.into();
        report.closing(&judged).unwrap();
    };
    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, live);
    // A deploy: 2,000 within 2 s; and once more a minute later, with some strays between them.
    for minute in 0..2 {
        for n in 0..2_000 {
            ended(&mut report, minute * 60_000 + n, 1001, "/live");
        }
        ended(&mut report, minute * 60_000 + 30_000, 1001, "/live");
    }
    // Whoever goes on all day is no event: one in a second.
    for n in 0..120 {
        ended(&mut report, 100_000 + n * 1_000, 1000, "/feed");
    }
    report.health(&healthy(10), at(400_000)).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        text,
        "03:04:05 closed     api.example.com /live  1001 Going Away, by server: 2,000 within 1.9 s\n\
         03:05:05 closed     api.example.com /live  1001 Going Away, by server: 2,000 within 1.9 s\n"
    );
}

#[test]
fn only_what_is_asked_for_is_shown_and_counts_stay_whole() {
    let mut run = three_stripped();
    run.attempts.push(forbidden(20));
    let only = Only::new(|item| match item {
        Item::Attempt(judged) => judged.judgement.verdict == Verdict::Rejected,
        Item::Closing(_) => false,
    });
    let options = Options {
        only: Some(only),
        ..options()
    };
    let text = run.text(options.clone());
    assert!(
        text.contains("REJECTED") && !text.contains("STRIPPED"),
        "{text}"
    );
    assert!(
        text.contains("4 attempts:") && text.contains("3 stripped"),
        "{text}"
    );
    assert_eq!(run.json(options).matches("\"type\":\"group\"").count(), 1);
}

#[test]
fn a_report_has_an_end() {
    let attempts = (0..60).map(|n| {
        let mut judged = JudgedAttempt::clone(&forbidden(n));
        judged.judgement.hop = Some(Hop {
            software: Some(format!("proxy {n}").into()),
            ..Hop::default()
        });
        Arc::new(judged)
    });
    let run = Run {
        attempts: attempts.collect(),
        health: healthy(1_000),
        ..Run::default()
    };
    let text = run.text(options());
    assert_eq!(text.matches("\nREJECTED").count(), 20);
    assert!(text.contains("and 40 groups more"), "{text}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for run in [three_stripped(), mixed_closings(), lossy()] {
        assert_eq!(run.text(options()), run.text(options()));
        assert_eq!(run.json(options()), run.json(options()));
    }
}

#[test]
fn colour_only_repeats_what_the_words_say() {
    let coloured = three_stripped().text(Options {
        color: true,
        ..options()
    });
    assert!(coloured.contains("\x1b[1;31mSTRIPPED"));
    let mut plain = coloured;
    for code in ["0", "1", "2", "1;31", "32", "33"] {
        plain = plain.replace(&format!("\x1b[{code}m"), "");
    }
    let lines = |text: &str| {
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&plain), lines(&three_stripped().text(options())));
}

#[test]
fn no_secret_and_no_control_character_gets_out() {
    let mut judged = JudgedAttempt::clone(&stripped(1, 50_000, 0));
    let request = &mut judged.attempt.legs[0].leg.request.as_mut().unwrap().1;
    request
        .head
        .ask_for("http://u:CANARY1@h/ws;s=CANARY2?token=CANARY3\x1b]0;#CANARY4");
    request.head.fields = example::fields(&[
        ("Host", "u:CANARY5@api.example.com\u{202e}"),
        ("Origin", "https://u:CANARY6@example.com"),
        ("Sec-WebSocket-Protocol", "chat, bearer.CANARY7"),
    ]);
    judged.judgement.findings[0].evidence = vec![
        "the target was /ws;s=CANARY2?token=CANARY3".to_owned(),
        "\u{9b}31m bearer.CANARY7 and CANARY6".to_owned(),
    ];
    judged.attempt.legs[0].leg.body = Some(crate::attempt::BodyStart {
        bytes: b"Cannot GET /ws?token=CANARY3 \x1b[2J".as_slice().into(),
        whole: true,
        encoded: false,
    });
    let run = Run {
        attempts: vec![Arc::new(judged)],
        health: healthy(10),
        ..Run::default()
    };
    for text in [run.text(options()), run.json(options())] {
        assert!(!text.contains("CANARY"), "{text}");
        let is_bad =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.chars().any(is_bad), "{text}");
    }
    let open = Options {
        redact: false,
        ..options()
    };
    assert!(run.json(open).contains("CANARY3"));
}

#[test]
fn verbose_tells_each_and_quiet_only_the_end() {
    let run = three_stripped();
    let with = |verbosity| {
        run.text(Options {
            verbosity,
            ..options()
        })
    };
    let verbose = with(Verbosity::Verbose);
    assert_eq!(
        verbose.matches(" stripped   api.example.com").count(),
        3,
        "{verbose}"
    );
    let quiet = with(Verbosity::Quiet);
    assert!(
        quiet.contains("STRIPPED") && !quiet.contains("HEALTH"),
        "{quiet}"
    );
}

#[test]
fn many_kinds_share_a_line_in_the_end() {
    let mut out = Vec::new();
    let live = Options {
        files: Vec::new(),
        live: true,
        ..options()
    };
    let mut report = TextReport::new(&mut out, live);
    for n in 0..3_000 {
        for _ in 0..2 {
            let mut judged = JudgedAttempt::clone(&forbidden(n));
            let request = &mut judged.attempt.legs[0].leg.request.as_mut().unwrap().1;
            let target = format!("/{}", "x".repeat(usize::try_from(n % 90).unwrap()));
            let host = format!("h{n}");
            let lines = [("Host", host.as_bytes())];
            request.head = crate::http::RequestHead::new(
                "GET",
                &target,
                crate::http::Version::Http11,
                lines.into_iter(),
            );
            report.attempt(&judged).unwrap();
        }
    }
    let lines = String::from_utf8(out).unwrap().lines().count();
    assert!(lines <= 1_100, "{lines}");
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_mask(text in ".{0,200}", name in "[a-z]{1,9}", least in 0_usize..40) {
        let mask = Mask::new(true);
        for shown in [mask.target(&text), mask.words(&text), mask.subprotocols(&text), mask.host(&text), mask.field(&name, &text)] {
            proptest::prop_assert!(!shown.chars().any(char::is_control));
            proptest::prop_assert!(shown.chars().count() <= 1_025);
        }
        proptest::prop_assert!(clean(&text, least).chars().count() <= least + 1);
        proptest::prop_assert!(crate::tally::template(&text).chars().count() <= 121);
    }

    #[test]
    fn a_value_in_a_query_never_shows(path in "(/[a-z0-9]{0,8}){1,4}", name in "[a-zA-Z_]{1,12}", secret in "[A-Z][A-Z0-9%._~+/-]{7,40}") {
        let mut judged = JudgedAttempt::clone(&forbidden(1));
        let target = format!("{path}?x=1&{name}={secret}");
        judged.attempt.legs[0].leg.request.as_mut().unwrap().1.head.ask_for(&target);
        let mask = Mask::of_attempt(true, &judged.attempt);
        let echo = format!("Cannot GET {target} ({secret})");
        for shown in [mask.target(&target), mask.words(&echo)] {
            proptest::prop_assert!(!shown.contains(&secret), "{shown}");
        }
    }
}

/// A chain of three with a refused upstream and an auth sub-request; the middle hop is not on one address.
fn chain() -> Run {
    use crate::attempt::{JoinedBy, LegEnd, Role};
    use crate::flow::End;
    let mut judged = JudgedAttempt::clone(&stripped(7, 50_208, 0));
    let leg = |stream, client: &str, server: &str| example::leg(stream, client, server);
    let mut last = judged.attempt.legs[1].clone();
    last.leg.connection_mut().client = end("10.0.1.9:5000");
    last.leg.connection_mut().server = end("[2001:db8::9]:9000");
    last.parent = Some(1);
    last.joined_by = Some(JoinedBy::Time);
    judged.attempt.legs.push(last);
    let mut failed = leg(8, "10.0.0.5:4000", "10.0.1.8:8080").inner();
    failed.role = Role::Failed;
    failed.leg.end = LegEnd {
        how: Some(End::Refused),
        ..LegEnd::default()
    };
    judged.attempt.legs.push(failed);
    let mut auth = leg(9, "10.0.0.5:4001", "10.0.2.2:9000")
        .answer(5, 1, 204, &[])
        .inner();
    auth.role = Role::Auth;
    judged.attempt.legs.push(auth);
    judged.judgement.hop.as_mut().unwrap().adjacent = None;
    judged.attempt.tries = 2;
    judged.attempt.earlier_tries = vec![crate::attempt::EarlierTry {
        time: at(-1_000),
        status: Some(401),
        target: "/ws".into(),
        tcp_stream: Some(0),
        frame: 1,
        source: 0,
    }];
    let mut left = JudgedAttempt::clone(&forbidden(8));
    left.attempt.legs[0].leg.response = None;
    left.judgement.status = None;
    left.judgement.verdict = Verdict::Abandoned;
    left.judgement.findings = vec![finding(
        FindingId::ClientGaveUp,
        0,
        Confidence::Certain,
        &["the client sent FIN after 3.0 s without an answer"],
    )];
    let mut other = JudgedAttempt::clone(&forbidden(9));
    other.attempt.protocol = crate::attempt::Protocol::Other("h2c".into());
    let mut noted = JudgedAttempt::clone(&opened(10, "/ws"));
    noted.judgement.findings = vec![finding(
        FindingId::UpstreamRetried,
        0,
        Confidence::Proved,
        &[],
    )];
    Run {
        attempts: [judged, left, other, noted].map(Arc::new).into(),
        health: healthy(500),
        ..Run::default()
    }
}

#[test]
fn text_of_a_chain() {
    let two_files = Options {
        files: vec!["front end.pcap".to_owned(), "back.pcapng".to_owned()],
        ..options()
    };
    insta::assert_snapshot!("chain_of_three", chain().text(two_files));
}
