//! How connections begin and end.

use super::*;
use crate::dissect::hello::tests::client_hello;

#[test]
fn tls_is_told_once_however_it_is_cut() {
    let hello = client_hello("example.com", &["h2"], 300);
    for cut in 0..hello.len() {
        let mut talk = Talk::new();
        talk.send(C, &hello[..cut])
            .send(C, &hello[cut..])
            .send(S, b"\x16\x03\x03\0\x04\x02\0\0\0")
            .send(C, b"\x17\x03\x03\0\x01x");
        talk.end(End::Fin);
        assert_eq!(
            (talk.story().as_str(), talk.counts.tls),
            ("tls(example.com)", 1),
            "{cut}"
        );
    }
    let mut talk = Talk::new();
    talk.send(C, &hello[..20]).end(End::CaptureOver);
    assert_eq!(talk.story(), "tls(-)");
    let mut talk = Talk::joined();
    talk.send(S, b"\x17\x03\x03\0\x05abcde")
        .end(End::CaptureOver);
    assert_eq!(talk.story(), "tls(-)");
}

#[test]
fn http2_is_counted() {
    let mut talk = Talk::new();
    talk.send(C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04")
        .send(S, "\0\0\0\x04")
        .end(End::Fin);
    assert_eq!((talk.story().as_str(), talk.counts.http2), ("http2", 1));
}

#[test]
fn a_proxy_preface_names_the_client() {
    let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.2 5555 80\r\n".to_vec();
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x02\x15\xb3\0\x50".to_vec();
    for preface in [v1, v2] {
        let wire = [&preface[..], UPGRADE.as_bytes()].concat();
        for size in [wire.len(), preface.len(), 1] {
            let mut talk = Talk::new();
            for piece in wire.chunks(size) {
                talk.send(C, piece);
            }
            match &talk.facts()[..] {
                [Fact::Request(request)] => {
                    let client = request.connection.proxied_for.unwrap();
                    assert_eq!(client.to_string(), "192.0.2.7:5555");
                }
                other => panic!("{other:?}"),
            }
            talk.end(End::Fin);
        }
    }
}

#[test]
fn other_protocols_are_silent() {
    for (client, server) in [
        ("", "SSH-2.0-x\r\n"),
        ("EHLO x\r\n", "220 mail\r\n"),
        ("\0\0\0\x01", ""),
    ] {
        let mut talk = Talk::new();
        talk.send(S, server)
            .send(C, client)
            .send(C, UPGRADE)
            .end(End::Fin);
        assert_eq!(talk.story(), "");
    }
}

#[test]
fn behind_a_socks_greeting() {
    let mut talk = Talk::new();
    talk.send(C, b"\x05\x01\0")
        .send(S, b"\x05\0")
        .send(C, b"\x05\x01\0\x01\x0a\0\0\x02\0\x50")
        .send(S, b"\x05\0\0\x01\x0a\0\0\x02\0\x50");
    talk.send(C, UPGRADE).send(S, SWITCH);
    assert_eq!(talk.story(), "request0(/ws) response0(101,Ok)");
}

#[test]
fn joined_within_a_response_that_the_table_took_for_the_clients() {
    let mut talk = Talk::joined();
    talk.send(C, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .send(C, UPGRADE)
        .send(S, UPGRADE);
    assert_eq!(talk.conn.client.port, 80, "flipped at its first item");
    let mut talk = Talk::joined();
    talk.send(C, "the rest of some content")
        .send(S, UPGRADE)
        .send(C, SWITCH);
    match &talk.facts()[0] {
        Fact::Request(request) => assert_eq!(request.connection.client.port, 80),
        other => panic!("{other:?}"),
    }
    assert_eq!(talk.story(), "request0(/ws) response0(101,Ok)");
    talk.end(End::Rst(C));
    assert!(talk.story().ends_with("ended(Rst(ToClient))"));
}

#[test]
fn connections_that_never_carried_a_byte() {
    let story = |act: &dyn Fn(&mut Talk), how| {
        let mut talk = Talk::new();
        act(&mut talk);
        talk.end(how);
        talk.story()
    };
    assert_eq!(story(&|_| {}, End::Refused), "failed(Refused)");
    let waits = |t: &mut Talk| {
        t.item(StreamItem::SynWaits);
        t.item(StreamItem::SynWaits);
    };
    assert_eq!(story(&waits, End::Unanswered), "failed(Unanswered)");
    assert_eq!(
        story(&waits, End::Refused),
        "failed(Unanswered) failed(Refused)"
    );
    let late = |t: &mut Talk| {
        waits(t);
        t.item(StreamItem::SynAck);
        t.send(C, UPGRADE);
    };
    assert_eq!(
        story(&late, End::Rst(S)),
        "failed(Unanswered) connected request0(/ws) ended(Rst(ToClient))"
    );
    assert_eq!(story(&|_| {}, End::Unanswered), "failed(Unanswered)");
    assert_eq!(story(&|_| {}, End::Rst(S)), "failed(Rst(ToClient))");
    assert_eq!(
        story(
            &|t| {
                t.fin(S).fin(C);
            },
            End::Fin
        ),
        "failed(Fin)"
    );
    assert_eq!(
        story(
            &|t| {
                t.fin(C).fin(S);
            },
            End::Fin
        ),
        "",
        "a health check"
    );
    assert_eq!(story(&|_| {}, End::Rst(C)), "");
    assert_eq!(story(&|_| {}, End::CaptureOver), "");
    assert_eq!(
        story(
            &|t| {
                t.send(C, "GET / HTTP/1.1\r\n\r\n").fin(S);
            },
            End::Fin
        ),
        "plain"
    );
}

#[test]
fn what_tcp_says_is_told_of_what_matters_only() {
    let mut talk = Talk::new();
    talk.item(StreamItem::SeenOn { iface: 2 });
    talk.send(C, "GET / HTTP/1.1\r\n\r\n");
    talk.item(StreamItem::Retransmitting { dir: C });
    talk.gap(S, 5);
    assert_eq!(talk.story(), "");
    let mut talk = opened();
    talk.item(StreamItem::SeenOn { iface: 2 });
    talk.item(StreamItem::Retransmitting { dir: C });
    assert_eq!(talk.story(), "seen_on(2) retransmitting(c)");
}
