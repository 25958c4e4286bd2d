//! The budget is spent and this connection has held on for longest: what it gives up, and what is said of it then.

use super::*;
use crate::event::GapOver;

/// Nothing is held any more.
fn give_up(talk: &mut Talk) {
    assert!(talk.budget.used() > 0, "there is something to give up");
    talk.item(StreamItem::GiveUp);
    assert_eq!(talk.budget.used(), 0);
}

#[test]
fn part_of_a_request_is_a_lost_request() {
    let mut talk = Talk::new();
    talk.send(C, &UPGRADE.as_bytes()[..50]);
    give_up(&mut talk);
    talk.send(C, &UPGRADE.as_bytes()[50..])
        .send(S, SWITCH)
        .end(End::Fin);
    assert_eq!(talk.story(), "response0(101,Unknown) ended(Fin)");
}

#[test]
fn part_of_an_answer_is_a_gap_over_the_answer() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(S, &SWITCH.as_bytes()[..40]);
    give_up(&mut talk);
    let gap = talk.facts().into_iter().find_map(|fact| match fact {
        Fact::Gap { dir, len, over } => Some((dir, len, over)),
        _ => None,
    });
    assert_eq!(gap, Some((S, 40, GapOver::ResponseHead)));
    talk.send(S, &SWITCH.as_bytes()[40..]).end(End::Fin);
    assert!(!talk.story().contains("response"), "{}", talk.story());
}

#[test]
fn what_the_client_sent_ahead_is_a_gap_before_the_frames() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(C, frame(C, 0x81, b"early"));
    give_up(&mut talk);
    talk.send(C, frame(C, 0x81, b"too")).send(S, SWITCH);
    assert!(
        talk.story().contains("response0(101,Ok)"),
        "{}",
        talk.story()
    );
    assert!(talk.story().contains("gap(c,"), "{}", talk.story());
    talk.send(S, frame(S, 0x88, b"\x03\xe8")).end(End::Fin);
    assert!(talk.story().contains("close(s,1000)"), "{}", talk.story());
}

#[test]
fn a_request_that_waits_keeps_its_place() {
    let mut talk = Talk::new();
    talk.send(C, "GET /a HTTP/1.1\r\n\r\n").send(C, UPGRADE);
    give_up(&mut talk);
    talk.send(S, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .send(S, SWITCH)
        .end(End::Fin);
    assert_eq!(
        talk.story(),
        "request1(/ws) plain response1(101,Ok) ended(Fin)",
        "no answer went to the wrong request"
    );
}

#[test]
fn a_refusal_tells_what_there_was_of_its_content() {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE)
        .send(S, "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nnot ");
    give_up(&mut talk);
    talk.send(S, "here!").end(End::Fin);
    assert_eq!(
        talk.story(),
        "request0(/ws) response0(403) body(not …) ended(Fin)"
    );
}

#[test]
fn first_bytes_and_hellos() {
    let mut talk = Talk::new();
    talk.send(C, "PROXY TCP4 10.0.0.9");
    give_up(&mut talk);
    talk.send(C, UPGRADE).send(S, SWITCH).end(End::Fin);
    assert!(
        talk.story().contains("response0(101,Ok)"),
        "{}",
        talk.story()
    );
    let mut talk = Talk::new();
    talk.send(C, b"\x16\x03\x01\x02\x00\x01\x00\x01");
    give_up(&mut talk);
    assert_eq!(talk.counts.tls, 1);
    talk.end(End::Fin);
}

#[test]
fn places_where_frames_may_begin() {
    let frames = b"\x81\x81\x01\x02\x03\x04x".repeat(5);
    let open = [&frames[..], b"\x82\xfe\xff\xff"].concat();
    let mut talk = Talk::joined();
    talk.send(C, &open);
    give_up(&mut talk);
    talk.send(C, &frames);
    assert!(talk.story().contains("midstream"), "{}", talk.story());
    talk.end(End::Fin);
    // In a WebSocket that lost its step.
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(S, SWITCH).gap(C, 1);
    talk.send(C, b"\x82\xfe\x00\x88\x01\x02\x03\x04x");
    give_up(&mut talk);
    talk.send(C, &frames).end(End::Fin);
    assert!(talk.story().contains("frames("), "{}", talk.story());
}

#[test]
fn what_cannot_be_read_holds_nothing() {
    for first in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        b"\x17\x03\x03\x00\x20abc",
    ] {
        let mut talk = Talk::new();
        talk.send(C, first).send(S, [0; 1400]).send(C, [0; 1400]);
        assert_eq!(talk.budget.used(), 0, "{first:?}");
        talk.end(End::Fin);
    }
}
