//! What is told of an open WebSocket.

use super::*;

#[test]
fn the_first_frame_of_either_side_is_told_at_once() {
    let mut talk = opened();
    talk.send(S, frame(S, 0x81, b"a"));
    assert_eq!(talk.story(), "used");
    // What the others are is told when that matters.
    talk.send(S, frame(S, 0x81, b"b"))
        .send(C, frame(C, 0x81, b"c"));
    assert_eq!(talk.story(), "used");
    assert_eq!(talk.conn.rank, Rank::WebSocket);
}

#[test]
fn pings_of_either_side_show_that_the_101_was_taken() {
    let mut talk = opened();
    talk.send(S, frame(S, 0x89, b""))
        .send(C, frame(C, 0x8a, b""));
    assert_eq!(talk.story(), "used used");
    talk.send(C, frame(C, 0x81, b"c"))
        .send(S, frame(S, 0x81, b"a"));
    assert_eq!(talk.story(), "used used used", "and the first message");
    assert_eq!(
        opened().send(C, frame(C, 0x88, b"")).story(),
        "frames(1,0) close(c,none)"
    );
}

#[test]
fn deltas_add_up_and_the_largest_message_stays() {
    let mut talk = opened();
    talk.send(S, frame(S, 0x01, &[0; 1000]))
        .send(S, frame(S, 0x80, &[0; 500]))
        .send(S, frame(S, 0x82, b"x"));
    talk.end(End::Rst(C));
    let facts = talk.facts();
    let mut sum = crate::event::FrameCounts::default();
    let mut largest = crate::event::Largest::default();
    for fact in &facts {
        if let Fact::Frames(frames) = fact {
            sum.add(&frames.server);
            largest = frames.largest[1];
        }
    }
    assert_eq!(
        (
            sum.text,
            sum.continuation,
            sum.binary,
            sum.messages,
            sum.bytes
        ),
        (1, 1, 1, 2, 1501)
    );
    assert_eq!((largest.bytes, largest.before), (1500, 0));
}

#[test]
fn http_text_after_the_101() {
    let mut talk = opened();
    talk.send(
        S,
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad",
    )
    .send(C, frame(C, 0x88, b""));
    assert_eq!(talk.story(), "Http(s,0) frames(1,0) close(c,none)");
}

/// As Werkzeug writes it once the handler of the WebSocket has ended.
#[test]
fn http_text_after_a_close_is_no_second_answer() {
    let mut talk = opened();
    talk.send(C, frame(C, 0x88, b""))
        .send(S, frame(S, 0x88, b""))
        .send(S, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let story = talk.story();
    assert!(
        story.contains("AfterClose(s,2)") && !story.contains("Http("),
        "{story}"
    );
}

#[test]
fn violations_are_told_with_their_place() {
    let mut talk = opened();
    talk.send(C, frame(S, 0x81, b"ab"))
        .send(S, frame(C, 0x81, b"ab"));
    talk.send(S, frame(S, 0xc1, b""))
        .send(S, frame(S, 0x83, b""))
        .send(S, frame(S, 0x09, b""))
        .send(S, frame(S, 0x80, b""));
    talk.send(S, b"\x82\x7e\0\x01x")
        .send(S, frame(S, 0x88, b"\x03"))
        .send(S, frame(S, 0x81, b""));
    talk.send(S, frame(S, 0x88, b"\x03\xe8\xff"));
    let violations: Vec<String> = talk
        .facts()
        .iter()
        .filter(|f| matches!(f, Fact::Violation(_)))
        .map(word)
        .collect();
    assert_eq!(
        violations.join(" "),
        "Unmasked(c,0) Masked(s,0) Rsv(s,8) Opcode(s,10) Control(s,12) Continuation(s,14) Length(s,16) \
         CloseBody(s,21) AfterClose(s,24) AfterClose(s,26) CloseBody(s,26)"
    );
}

#[test]
fn a_flood_of_violations_is_bounded() {
    let mut talk = opened();
    for _ in 0..1000 {
        talk.send(C, frame(S, 0xf3, b""));
    }
    let told = talk
        .facts()
        .iter()
        .filter(|f| matches!(f, Fact::Violation(_)))
        .count();
    assert_eq!(told, 3 * 16);
}

#[test]
fn rsv1_is_right_where_this_leg_agreed_on_it() {
    let compressed = frame(S, 0xc1, b"x");
    let rsv = |extensions: &str, wire: &[u8]| {
        let mut talk = Talk::new();
        let switch = SWITCH.replace("\r\n\r\n", &format!("\r\n{extensions}\r\n\r\n"));
        talk.send(C, UPGRADE).send(S, switch).send(S, wire);
        talk.story().contains("Rsv")
    };
    let pmd = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
    assert!(rsv("X: y", &compressed));
    assert!(!rsv(pmd, &compressed));
    assert!(rsv(pmd, &frame(S, 0xe1, b"x")), "RSV2");
    assert!(
        rsv(pmd, &frame(S, 0xc9, b"x")),
        "a ping is never compressed"
    );
    assert!(!rsv(
        "Sec-WebSocket-Extensions: permessage-deflate, x-own",
        &frame(S, 0xf9, b"x")
    ));
}

#[test]
fn a_gap_in_a_payload_is_arithmetic() {
    let mut talk = opened();
    let wire = [frame(S, 0x82, &[7; 3000]), frame(S, 0x88, b"\x03\xe8")].concat();
    talk.send(S, &wire[..100])
        .gap(S, 2800)
        .send(S, &wire[2900..]);
    assert_eq!(
        talk.story(),
        "used frames(0,1) gap(s,2800,Payload) frames(0,1) close(s,1000)"
    );
}

#[test]
fn after_a_gap_over_a_header_nothing_is_invented() {
    let mut talk = opened();
    talk.gap(S, 10).send(S, frame(S, 0x88, b"\x03\xe8"));
    assert_eq!(talk.story(), "gap(s,10,FrameHeader)");
    let mut talk = opened();
    talk.gap(S, 10)
        .send(S, b"tail of a frame")
        .send(S, frame(S, 0x81, b"a"))
        .send(S, frame(S, 0x81, b"b"));
    assert_eq!(
        talk.story(),
        "gap(s,10,FrameHeader) frames(0,2)",
        "two that end with the segment"
    );
    talk.send(S, frame(S, 0x88, b"\x03\xe9"));
    assert!(talk.story().ends_with("close(s,1001)"));
    let mut talk = opened();
    let three = [
        frame(C, 0x81, b"a"),
        frame(C, 0x81, b"b"),
        frame(C, 0x88, b"\x03\xe8"),
    ]
    .concat();
    talk.gap(C, 10);
    talk.piece(C, &three, false);
    assert_eq!(
        talk.story(),
        "gap(c,10,FrameHeader)",
        "not at the start of a segment"
    );
    talk.send(S, frame(S, 0x81, b"x")).send(C, &three);
    assert!(talk.story().ends_with("close(c,1000)"), "{}", talk.story());
    let mut talk = opened();
    talk.gap(S, 10).send(S, &three);
    assert_eq!(
        talk.story(),
        "gap(s,10,FrameHeader)",
        "a server does not mask"
    );
}

#[test]
fn a_close_whose_code_was_cut_off_is_not_an_empty_one() {
    let mut talk = opened();
    talk.send(S, b"\x88\x05").gap(S, 5).end(End::CaptureOver);
    assert!(!talk.story().contains("close"), "{}", talk.story());
    let mut talk = opened();
    talk.send(S, b"\x88\x05\x03\xe9").gap(S, 3);
    assert!(talk.story().ends_with("close(s,1001)"), "{}", talk.story());
}

#[test]
fn joined_in_the_middle() {
    let mut talk = Talk::joined();
    talk.send(C, frame(C, 0x81, b"one"))
        .send(S, frame(S, 0x81, b"two"))
        .send(C, frame(C, 0x81, b"three"));
    assert_eq!(talk.story(), "");
    talk.send(S, frame(S, 0x81, b"four"))
        .send(C, frame(C, 0x81, b"five"))
        .send(S, frame(S, 0x88, b"\x03\xe8"));
    assert!(
        talk.story().starts_with("midstream frames(3,0) "),
        "{}",
        talk.story()
    );
    talk.end(End::Fin);
    assert!(talk.story().contains("close(s,1000)"), "{}", talk.story());
    let mut sum = crate::event::FrameCounts::default();
    for fact in talk.facts() {
        if let Fact::Frames(frames) = fact {
            sum.add(&frames.server);
        }
    }
    assert_eq!((sum.text, sum.close), (2, 1));
}

/// Payload may look like frames for a while.
#[test]
fn a_boundary_that_was_guessed_accuses_nobody() {
    let mut talk = Talk::joined();
    for _ in 0..4 {
        talk.send(C, frame(C, 0x81, b"x"));
    }
    talk.send(C, frame(C, 0xf3, b"y"))
        .send(C, frame(S, 0x81, b"y"))
        .send(C, frame(C, 0x88, b"z"));
    for _ in 0..3 {
        talk.send(C, frame(C, 0x82, b"x"));
    }
    talk.end(End::Fin);
    let mut sum = crate::event::FrameCounts::default();
    for fact in talk.facts() {
        assert!(!matches!(fact, Fact::Violation(_) | Fact::Close { .. }));
        if let Fact::Frames(frames) = fact {
            sum.add(&frames.client);
        }
    }
    assert_eq!((sum.text, sum.binary, sum.total()), (4, 3, 7));
}

#[test]
fn a_guess_that_many_frames_bear_out_is_as_good_as_known() {
    let mut talk = Talk::joined();
    for _ in 0..16 {
        talk.send(C, frame(C, 0x81, b"x"));
    }
    talk.send(C, frame(C, 0x88, b"\x03\xee"));
    talk.end(End::Fin);
    assert!(
        talk.story().contains("close(c,1006)"),
        "an illegal code is told, {}",
        talk.story()
    );
}

#[test]
fn what_breaks_the_agreement_is_no_boundary() {
    let rsv = |gap: u64| {
        let mut talk = opened();
        talk.send(S, frame(S, 0x81, b"x"));
        if gap > 0 {
            talk.gap(S, gap);
        }
        for _ in 0..4 {
            talk.send(S, frame(S, 0xc1, b"x"));
        }
        talk.end(End::Fin);
        talk.story().contains("Rsv")
    };
    assert!(rsv(0) && !rsv(9));
}

#[test]
fn joined_with_the_roles_wrong() {
    let mut talk = Talk::joined();
    for _ in 0..3 {
        talk.send(S, frame(C, 0x82, b"from the client"));
    }
    match &talk.facts()[0] {
        Fact::MidStream(connection) => assert_eq!(connection.client.port, 80),
        other => panic!("{other:?}"),
    }
    assert!(talk.story().contains("frames(3,0)"));
}

#[test]
fn other_protocols_never_become_websockets() {
    let mut talk = Talk::joined();
    talk.send(C, b"\x01\x02\x03\x04");
    for _ in 0..10 {
        talk.send(S, frame(S, 0x81, b"x"));
    }
    assert_eq!(
        talk.story(),
        "",
        "the client speaks, and not in masked frames"
    );
    let mut talk = Talk::new();
    for _ in 0..10 {
        talk.send(C, frame(C, 0x81, b"x"));
    }
    assert_eq!(
        talk.story(),
        "",
        "its beginning was seen, and there was no handshake"
    );
}

#[test]
fn pongs_are_timed() {
    let mut talk = opened();
    talk.send(S, frame(S, 0x89, b"1"))
        .send(C, frame(C, 0x8a, b"1"));
    talk.send(S, frame(S, 0x89, b"2")).end(End::Fin);
    let last = talk.facts().into_iter().rev().find_map(|fact| match fact {
        Fact::Frames(frames) => Some(frames),
        _ => None,
    });
    let last = last.unwrap();
    let [client, server] = &last.answered;
    assert_eq!((client.count(), server.count()), (0, 1));
    assert_eq!(server.longest().as_millis(), 1);
    assert_eq!(last.server.pings_unanswered, 1);
}

/// A client that answers behind its Close, in two segments with the Close of the server in between.
#[test]
fn a_pong_counts_when_it_is_whole() {
    let mut talk = opened();
    talk.send(S, frame(S, 0x89, b"12"))
        .send(C, frame(C, 0x88, b"\x03\xe8"));
    let pong = frame(C, 0x8a, b"12");
    let (begins, rest) = pong.split_at(7);
    talk.send(C, begins)
        .send(S, frame(S, 0x88, b"\x03\xe8"))
        .send(C, rest)
        .end(End::Fin);
    let facts = talk.facts();
    let mut frames = facts.iter().filter_map(|fact| match fact {
        Fact::Frames(frames) => Some(frames.server.pings_unanswered),
        _ => None,
    });
    assert_eq!(frames.next_back(), Some(0), "{}", talk.story());
}

#[test]
fn a_capture_that_cuts_every_head_still_follows_the_frames() {
    // As `-s 96` does: the heads are cut, the frames are short.
    let mut talk = Talk::new();
    talk.send(C, &UPGRADE.as_bytes()[..30]).gap(C, 120);
    talk.send(S, &SWITCH.as_bytes()[..30]).gap(S, 99);
    for _ in 0..3 {
        talk.send(S, frame(S, 0x81, b"hello"))
            .send(C, frame(C, 0x81, b"hello"));
    }
    talk.send(S, frame(S, 0x88, b"\x03\xe9")).end(End::Fin);
    assert!(talk.story().starts_with("midstream"), "{}", talk.story());
    assert!(talk.story().contains("close(s,1001)"), "{}", talk.story());
}

#[test]
fn a_message_is_counted_when_it_ends() {
    for size in [1, 3, 100] {
        let mut talk = opened();
        for piece in frame(S, 0x81, b"hello").chunks(size) {
            talk.send(S, piece);
        }
        talk.end(End::CaptureOver);
        assert_eq!(talk.story(), "used frames(0,1) ended(CaptureOver)");
        let messages: u64 = talk
            .facts()
            .iter()
            .map(|fact| match fact {
                Fact::Frames(frames) => frames.server.messages,
                _ => 0,
            })
            .sum();
        assert_eq!(messages, 1);
    }
}

#[test]
fn a_close_whose_end_was_lost_was_sent_when_it_began() {
    let close = frame(S, 0x88, b"\x03\xe8bye");
    let (seen, lost) = close.split_at(close.len() - 1);
    let mut talk = opened();
    talk.send(S, seen);
    let began = talk.now;
    talk.send(C, frame(C, 0x88, b"")).gap(S, lost.len() as u64);
    let closes: Vec<_> = talk
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Conn {
                at,
                fact: Fact::Close { dir, .. },
                ..
            } => Some((*dir, at.ts.as_nanos())),
            _ => None,
        })
        .collect();
    assert_eq!(closes, [(C, began + 1_000_000), (S, began)]);
}
