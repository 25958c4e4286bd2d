//! Each library by the requests that it sends, and ordinary requests that look like them.

use super::*;
use crate::http::Version;
use crate::websocket::{Offer, asks_for_websocket};

const TOKEN: &str = "jHPJfvZ8lRRcg3cTR_XlGA";

fn head(method: &str, target: &str, fields: &[(&str, &str)]) -> RequestHead {
    let host = [("Host", "app.example")];
    let lines = host.iter().chain(fields);
    RequestHead::new(
        method.to_owned(),
        target,
        Version::Http11,
        lines.map(|&(name, value)| (name, value.as_bytes())),
    )
}

fn poll(method: &str, target: &str) -> Option<Poll> {
    Poll::of(&head(method, target, &[]))
}

fn handshake(target: &str) -> Option<Traces> {
    Traces::of_handshake(&head("GET", target, &[]))
}

/// The name of the transport, and whether place and session are those of the handshake.
fn beside(method: &str, target: &str, asked: &str) -> Option<(&'static str, bool, bool)> {
    let (poll, asked) = (poll(method, target)?, handshake(asked)?);
    let is_there = poll.traces.library == asked.library && poll.traces.place == asked.place;
    let is_its = poll.traces.session == asked.session;
    Some((poll.by.name(), is_there, is_its))
}

#[test]
fn engine_io_names_its_transport_and_its_session() {
    let asked = "/socket.io/?EIO=4&transport=websocket&sid=abc";
    for (target, is_its) in [
        ("/socket.io/?EIO=4&transport=polling&t=1&sid=abc", true),
        ("/socket.io/?t=1&sid=abc&transport=polling&EIO=4", true),
        (
            "http://app.example/socket.io/?EIO=4&transport=polling&sid=abc",
            true,
        ),
        ("/socket.io/?EIO=4&transport=polling&t=1&sid=abd", false),
        ("/socket.io/?EIO=4&transport=polling&t=1", false),
    ] {
        for method in ["GET", "POST"] {
            let same = Some(("transport=polling", true, is_its));
            assert_eq!(beside(method, target, asked), same, "{target}");
        }
    }
    let elsewhere = "/other/?EIO=4&transport=polling&sid=abc";
    let there = beside("GET", elsewhere, asked).map(|(_, is_there, _)| is_there);
    assert_eq!(there, Some(false));
}

#[test]
fn sockjs_has_one_server_number_for_all_its_sessions() {
    let asked = "/echo/766/yfzjpajr/websocket";
    for (method, transport) in [
        ("POST", "xhr"),
        ("POST", "xhr_streaming"),
        ("POST", "xhr_send"),
        ("POST", "jsonp_send"),
        ("GET", "eventsource"),
        ("GET", "htmlfile"),
        ("GET", "jsonp"),
    ] {
        let target = format!("/echo/766/itwx4qbv/{transport}?t=1");
        assert_eq!(
            beside(method, &target, asked),
            Some((transport, true, true))
        );
        let other = format!("/echo/767/itwx4qbv/{transport}");
        assert_eq!(
            beside(method, &other, asked),
            Some((transport, true, false))
        );
    }
}

#[test]
fn both_signalrs_are_known_by_their_tokens() {
    let asked = format!("/hub?id={TOKEN}");
    let long = beside("GET", &format!("/hub?id={TOKEN}&_=1700000000000"), &asked);
    assert_eq!(long, Some(("long polling", true, true)));
    let events = head("GET", &asked, &[("Accept", "text/event-stream")]);
    let events = Poll::of(&events).map(|poll| (poll.by.name(), Some(poll.traces)));
    assert_eq!(events, Some(("server-sent events", handshake(&asked))));
    let negotiated = beside("POST", "/hub/negotiate?negotiateVersion=1", &asked);
    assert_eq!(negotiated, Some(("negotiate", true, false)));

    let asked = "/signalr/connect?transport=webSockets&connectionToken=a%2Bb&tid=1";
    for target in [
        "/signalr/connect?transport=serverSentEvents&connectionToken=a%2Bb&tid=2",
        "/signalr/poll?transport=longPolling&connectionToken=a%2Bb",
        "/signalr/connect?transport=foreverFrame&connectionToken=a%2Bb",
    ] {
        let seen = beside("GET", target, asked).map(|(_, is_there, is_its)| (is_there, is_its));
        assert_eq!(seen, Some((true, true)), "{target}");
    }
}

#[test]
fn ordinary_requests_are_no_polls() {
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/api/items?id=5"),
        ("GET", "/api/items?id=5&_=1700000000000"),
        ("GET", "/api/items?id=jHPJfvZ8lRRcg3cTR_XlGA"),
        ("GET", "/api/items?id=jHPJfvZ8lRRcg3cTR_XlGA&_=next"),
        ("GET", "/search?q=transport=polling"),
        ("GET", "/search?transport=polling"),
        ("GET", "/transport=polling/EIO=4"),
        ("GET", "/trips?transport=bus&EIO=4"),
        ("GET", "/signalr/poll?transport=longPolling"),
        ("OPTIONS", "/socket.io/?EIO=4&transport=polling"),
        ("GET", "/echo/info"),
        ("GET", "/xhr"),
        ("GET", "/echo/766/yfzjpajr/xhr"),
        ("POST", "/echo/766/yfzjpajr/eventsource"),
        ("POST", "/echo/7.6/yfzjpajr/xhr"),
        ("POST", "/echo//yfzjpajr/xhr"),
        ("GET", "/hub/negotiate?negotiateVersion=1"),
        ("GET", "/cable"),
        ("GET", "*"),
    ] {
        assert_eq!(poll(method, target), None, "{method} {target}");
    }
    for target in [
        "/ws",
        "/ws?id=5",
        "/ws?transport=bus",
        "/cable",
        "/websocket",
    ] {
        assert_eq!(handshake(target), None, "{target}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4000))]
    #[test]
    fn no_target_is_left_unread_that_would_have_told_something(
        get in proptest::bool::ANY,
        parts in proptest::collection::vec(proptest::prop_oneof![
            proptest::strategy::Just("/"), proptest::strategy::Just("?"), proptest::strategy::Just("&"),
            proptest::strategy::Just("http://a"), proptest::strategy::Just("EIO=4"),
            proptest::strategy::Just("transport=polling"), proptest::strategy::Just("transport=websocket"),
            proptest::strategy::Just("transport=longPolling"), proptest::strategy::Just("connectionToken=a"),
            proptest::strategy::Just("/1/2/xhr"), proptest::strategy::Just("/1/2/jsonp"),
            proptest::strategy::Just("/hub/negotiate"), proptest::strategy::Just("id=jHPJfvZ8lRRcg3cTR_XlGA"),
            proptest::strategy::Just("_=1"),
        ], 1..9),
    ) {
        let target = parts.concat();
        let method = if get { "GET" } else { "POST" };
        let head = head(method, &target, &[("Accept", "text/event-stream")]);
        let tells = Poll::of(&head).is_some() || asks_for_websocket(&head, &Offer::of(&head));
        proptest::prop_assert!(!tells || is_target_of_library(&target), "{}", target);
    }
}
