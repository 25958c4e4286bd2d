//! Whole records through the [`Dissector`].

use super::*;
use crate::dissect::Dissector;
use crate::event::Health;
use crate::record::{LinkType, Record};

/// A raw IPv4 packet of a connection between 10.0.0.1:40000 and 10.0.0.2:80.
fn packet(dir: Direction, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = if dir == C { (1, 2) } else { (2, 1) };
    let (sport, dport) = if dir == C {
        (40_000_u16, 80_u16)
    } else {
        (80, 40_000)
    };
    let len = u16::try_from(40 + payload.len()).unwrap();
    let mut wire = vec![0x45, 0];
    wire.extend(len.to_be_bytes());
    wire.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, src, 10, 0, 0, dst]);
    wire.extend(sport.to_be_bytes());
    wire.extend(dport.to_be_bytes());
    wire.extend(seq.to_be_bytes());
    wire.extend(ack.to_be_bytes());
    wire.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    wire.extend(payload);
    wire
}

const SYN: u8 = 2;
const ACK: u8 = 0x10;

/// A handshake, then one frame two seconds later.
fn conversation() -> Vec<(i64, Vec<u8>)> {
    let (c, s) = (
        u32::try_from(UPGRADE.len()).unwrap(),
        u32::try_from(SWITCH.len()).unwrap(),
    );
    vec![
        (0, packet(C, SYN, 99, 0, b"")),
        (1, packet(S, SYN | ACK, 999, 100, b"")),
        (2, packet(C, ACK, 100, 1000, UPGRADE.as_bytes())),
        (60, packet(S, ACK, 1000, 100 + c, SWITCH.as_bytes())),
        (
            2060,
            packet(S, ACK, 1000 + s, 100 + c, &frame(S, 0x81, b"hi")),
        ),
    ]
}

fn run(live: bool, records: &[(i64, Vec<u8>)]) -> (Vec<Event>, Health) {
    let mut dissector = Dissector::new(&Limits::default(), live);
    let mut events = Vec::new();
    for (n, (ms, data)) in records.iter().enumerate() {
        let at = Stamp {
            ts: Timestamp::from_nanos(ms * 1_000_000),
            frame: n as u64 + 1,
            ..Stamp::default()
        };
        let wire_len = u32::try_from(data.len()).unwrap();
        dissector.push(
            &Record {
                at,
                link: LinkType::RAW,
                wire_len,
                data,
            },
            &mut events,
        );
    }
    dissector.finish(&mut events);
    (events, dissector.health())
}

#[test]
fn facts_ticks_and_health_come_in_the_order_of_time() {
    let (events, health) = run(false, &conversation());
    let words: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Conn { at, fact, .. } => format!("{}:{}", at.frame, word(fact)),
            Event::Tick(ts) => format!("tick{}", ts.as_nanos() / 1_000_000),
            Event::Health(health) => format!("health({})", health.packets),
            Event::Interface { .. } => "interface".into(),
            Event::Shed => "shed".into(),
        })
        .collect();
    assert_eq!(
        words.join(" "),
        "tick0 3:request0(/ws) tick60 4:response0(101,Ok) tick2060 health(5) 5:frames(0,1) 5:ended(CaptureOver) health(5)"
    );
    assert_eq!(
        (health.packets, health.connections, health.plain_http),
        (5, 1, 0)
    );
    assert_eq!(
        health.bytes,
        conversation()
            .iter()
            .map(|(_, data)| data.len() as u64)
            .sum::<u64>()
    );
    assert_eq!(health.now.map(Timestamp::as_nanos), Some(2_060_000_000));
    assert_eq!(health.first.map(Timestamp::as_nanos), Some(0));
}

/// A handshake whose 101 comes at 60 ms, then a frame of each side. How often it is told at once that a side began, and what the
/// client did with; and all frames.
fn first_frames(at: [i64; 2]) -> ((usize, usize), Vec<crate::event::Frames>) {
    let mut records = conversation();
    records.truncate(4);
    let (c, s) = (UPGRADE.len(), SWITCH.len());
    let (c, s) = (
        u32::try_from(c).unwrap() + 100,
        u32::try_from(s).unwrap() + 1000,
    );
    let (asks, says) = (frame(C, 0x82, b"abc"), frame(S, 0x81, b"hi"));
    let behind = s + u32::try_from(says.len()).unwrap();
    records.push((at[0], packet(S, ACK, s, c, &says)));
    records.push((at[1], packet(C, ACK, c, behind, &asks)));
    let (mut dissector, mut events) = (Dissector::new(&Limits::default(), false), Vec::new());
    for (frame, (ms, data)) in (1..).zip(&records) {
        let at = Stamp {
            ts: Timestamp::from_nanos(ms * 1_000_000),
            frame,
            ..Stamp::default()
        };
        let wire_len = u32::try_from(data.len()).unwrap();
        let link = LinkType::RAW;
        dissector.push(
            &Record {
                at,
                link,
                wire_len,
                data,
            },
            &mut events,
        );
    }
    let frames = |events: &[Event]| {
        let all = events.iter().filter_map(|event| match event {
            Event::Conn {
                fact: Fact::Frames(frames),
                ..
            } => Some((**frames).clone()),
            _ => None,
        });
        all.collect::<Vec<_>>()
    };
    assert!(frames(&events).is_empty());
    let count = |is: fn(&Fact) -> bool| {
        let facts = events.iter();
        facts
            .filter(|event| matches!(event, Event::Conn { fact, .. } if is(fact)))
            .count()
    };
    let at_once = (
        count(|fact| matches!(fact, Fact::Used)),
        count(|fact| matches!(fact, Fact::FirstBytes { .. })),
    );
    dissector.finish(&mut events);
    (at_once, frames(&events))
}

#[test]
fn a_first_frame_that_settles_nothing_passes_by_and_is_told_in_the_end() {
    let ms = |ms: i64| Some(Timestamp::from_nanos(ms * 1_000_000));
    for (at, at_once) in [
        ([200, 300], (1, 1)),
        ([2_059, 2_060], (1, 0)),
        ([2_060, 9_000], (0, 0)),
    ] {
        let (told, all) = first_frames(at);
        assert_eq!(told, at_once, "{at:?}");
        let mut began = [None; 2];
        let (mut client, mut server) = Default::default();
        for frames in &all {
            crate::event::FrameCounts::add(&mut client, &frames.client);
            crate::event::FrameCounts::add(&mut server, &frames.server);
            for (mine, seen) in began.iter_mut().zip(frames.began) {
                *mine = mine.or(seen);
            }
        }
        assert_eq!(began, [ms(at[1]), ms(at[0])]);
        assert_eq!((client.binary, client.messages, client.bytes), (1, 1, 3));
        assert_eq!((server.text, server.messages, server.bytes), (1, 1, 2));
        let last = all.last().unwrap();
        assert_eq!(last.last, [ms(at[1]), ms(at[0])]);
        assert_eq!(last.largest.map(|largest| largest.bytes), [3, 2]);
    }
}

#[test]
fn wireshark_has_no_number_for_a_live_connection() {
    for live in [true, false] {
        let (events, _) = run(live, &conversation());
        let stream = events.iter().find_map(|event| match event {
            Event::Conn {
                fact: Fact::Request(request),
                ..
            } => Some(request.connection.tcp_stream),
            _ => None,
        });
        assert_eq!(stream, Some((!live).then_some(0)));
    }
}

#[test]
fn what_cannot_be_decoded_is_counted() {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for link in [LinkType(105), LinkType(105), LinkType::RAW] {
        let at = Stamp::default();
        dissector.push(
            &Record {
                at,
                link,
                wire_len: 3,
                data: b"\x45\0\0",
            },
            &mut events,
        );
    }
    let health = dissector.health();
    assert_eq!(health.not_decoded, 3);
    assert_eq!(health.unknown_links.get(&LinkType(105)), Some(&2));
}

#[test]
fn a_file_and_its_time_alone_move_the_timers() {
    let mut records = conversation();
    records.truncate(3);
    let (_, quiet) = run(false, &records);
    assert_eq!(quiet.reached.iter().count(), 0);
    let mut dissector = Dissector::new(&Limits::default(), true);
    let mut events = Vec::new();
    dissector.tick(Timestamp::from_nanos(0), &mut events);
    dissector.tick(Timestamp::from_nanos(10), &mut events);
    dissector.tick(Timestamp::from_nanos(60_000_000), &mut events);
    assert!(
        matches!(events[..], [Event::Tick(_), Event::Tick(_)]),
        "{events:?}"
    );
}

proptest! {
    #[test]
    fn any_loss_is_no_panic_and_holds_the_budget(keep in proptest::collection::vec(any::<bool>(), 5), cut in 0usize..200) {
        let records: Vec<_> = conversation()
            .into_iter()
            .zip(keep)
            .filter(|(_, keep)| *keep)
            .map(|((ms, mut data), _)| { data.truncate(40 + cut); (ms, data) })
            .collect();
        let (events, _) = run(false, &records);
        prop_assert!(matches!(events.last(), Some(Event::Health(_))));
    }
}
