//! The end of a capture in which very many WebSockets are open: it is told bit by bit, so that nobody has to keep what is
//! told of all of them.

use std::time::Duration;

use wscap::dissect::Dissector;
use wscap::event::{Event, Fact};
use wscap::flow::End;
use wscap::limits::Limits;
use wscap::time::Timestamp;

use crate::support::conversation::Conversation;

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const OPEN: u16 = 3_000;
/// What may be told at once: far less than of all that are open.
const AT_ONCE: usize = 256;

#[test]
fn the_end_of_many_open_websockets_is_told_bit_by_bit() {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for nth in 0..OPEN {
        let talk = Conversation::new()
            .endpoints(&format!("10.0.0.1:{}", 10_000 + nth), "10.0.0.2:80")
            .start(Timestamp::from_secs(1_700_000_000, 0).after(Duration::from_millis(nth.into())))
            .client(ASK)
            .server(ANSWER);
        for record in talk.records() {
            dissector.push(&record.record(), &mut events);
        }
    }
    let (mut ended, mut calls) = (Vec::new(), 0);
    loop {
        events.clear();
        let has_more = dissector.finish_some(&mut events);
        assert!(events.len() <= AT_ONCE, "{} at once", events.len());
        calls += 1;
        for event in &events {
            if let Event::Conn {
                conn,
                fact: Fact::Ended { how, .. },
                ..
            } = event
            {
                assert_eq!(*how, End::CaptureOver);
                ended.push(conn.0);
            }
        }
        if !has_more {
            break;
        }
    }
    assert!(calls > usize::from(OPEN) / AT_ONCE, "{calls} calls");
    assert_eq!(ended.len(), usize::from(OPEN));
    assert!(ended.is_sorted(), "in the order of their numbers");
    assert!(
        matches!(events.last(), Some(Event::Health(_))),
        "and last the state of the capture"
    );
}
