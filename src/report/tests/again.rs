//! What was written before is written again as it would be written anew.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;

use super::example::{attempt, judged, leg};
use crate::http::Version;
use crate::judge::{JudgedAttempt, Verdict};
use crate::report::Options;
use crate::report::json::JsonReport;

type Lines = Vec<(&'static str, &'static str)>;

/// Some field lines, few enough that heads come again; their values quote what targets hide, or have to be escaped.
fn lines(
    names: &'static [&'static str],
    values: &'static [&'static str],
) -> impl Strategy<Value = Lines> {
    let line = of((select(names), select(values)));
    vec(line, 0..4).prop_map(|lines| lines.into_iter().flatten().collect())
}

fn request() -> impl Strategy<Value = (&'static str, Lines)> {
    const NAMES: &[&str] = &[
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Protocol",
        "Origin",
        "Via",
        "Sec-WebSocket-Key",
    ];
    const VALUES: &[&str] = &[
        "websocket",
        "chat, bearer.SECRET1",
        "a \"b\"",
        "SECRET1",
        "https://me:SECRET1@a.example",
        "",
    ];
    let target = select(
        &[
            "/ws?token=SECRET1",
            "/ws",
            "/ws?a=websocket1&b",
            "/ws#x",
            "/a?EIO=4&SECRET1",
        ][..],
    );
    (target, lines(NAMES, VALUES))
}

fn answer() -> impl Strategy<Value = (u16, Lines, Option<&'static [u8]>)> {
    const NAMES: &[&str] = &[
        "Upgrade",
        "Connection",
        "Server",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ];
    const VALUES: &[&str] = &[
        "websocket",
        "websocket1",
        "nginx/1.25.5 SECRET1",
        "nginx/1.25.5 secret1",
        "Basic SECRET1",
        "\u{e4}",
    ];
    const BODIES: &[&[u8]] = &[
        b"no SECRET1",
        b"no websocket1 and no SECRET1",
        b"{\"cookie\": \"SECRET1\"}",
        b"no <a href=\"/x?a=SECRET1\">",
        b"\x00",
        b"\xff",
        b"",
        b"plain",
    ];
    let body = of(select(BODIES));
    (select(&[101, 400][..]), lines(NAMES, VALUES), body)
}

fn handshakes() -> impl Strategy<Value = Vec<JudgedAttempt>> {
    let one = ((request(), answer()), (request(), answer())).prop_map(|(outer, inner)| {
        let leg_of = |((target, asked), (status, said, body)): (_, (_, Lines, Option<_>))| {
            let asked: Lines = asked;
            let leg = leg(1, "10.1.0.2:50000", "10.0.0.5:80")
                .get(4, 0, target, Version::Http11, &asked)
                .answer(6, 1, status, &said);
            match body {
                Some(body) => leg.body(body, false),
                None => leg,
            }
        };
        let legs = vec![leg_of(outer).outer(), leg_of(inner).inner()];
        judged(attempt(1, legs), Verdict::Ok, Vec::new())
    });
    vec(one, 1..40)
}

fn written(all: &[JudgedAttempt], redact: bool) -> String {
    let mut out = Vec::new();
    let options = Options {
        redact,
        by_line: true,
        ..Options::default()
    };
    let mut report = JsonReport::new(&mut out, options);
    for judged in all {
        report.attempt(judged).unwrap();
    }
    drop(report);
    String::from_utf8(out).unwrap()
}

proptest::proptest! {
    #[test]
    fn lines_behind_others_are_what_each_is_alone(all in handshakes(), redact in any::<bool>()) {
        let alone: String = all
            .iter()
            .map(|judged| written(std::slice::from_ref(judged), redact))
            .collect();
        proptest::prop_assert_eq!(written(&all, redact), alone);
    }
}
