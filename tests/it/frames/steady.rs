//! The usual on an open WebSocket, many times over: nothing is allocated for it, but for one place
//! where it is summed up.

use allocation_counter::measure;
use wscap::dissect::Dissector;
use wscap::event::{Event, Fact};
use wscap::limits::Limits;
use wscap::record::Record;

use super::travel::Travel;
use super::wire::Frame;
use crate::support::conversation::Who;

const KEY: Option<[u8; 4]> = Some([9, 8, 7, 6]);
/// Messages of each side, or fragments.
const MESSAGES: usize = 1_000;

#[test]
fn messages_and_acknowledgments_allocate_nothing() {
    let client = vec![Frame::new(1, [b'a'; 200]).masked(KEY); MESSAGES];
    let server = vec![Frame::new(2, [0; 700]); MESSAGES];
    allocate_nothing(&client, &server, 255);
}

#[test]
fn nor_do_messages_in_fragments() {
    let fragments = |opcode, fin, len| Frame {
        fin,
        ..Frame::new(opcode, vec![b'a'; len])
    };
    let client = [(1, false), (0, false), (0, true)].into_iter().cycle();
    let client = client.map(|(opcode, fin)| fragments(opcode, fin, 200).masked(KEY));
    let server = [(2, false), (0, true)].into_iter().cycle();
    let server = server.map(|(opcode, fin)| fragments(opcode, fin, 700));
    let client: Vec<Frame> = client.take(MESSAGES).collect();
    let server: Vec<Frame> = server.take(MESSAGES).collect();
    allocate_nothing(&client, &server, 126);
}

fn allocate_nothing(client: &[Frame], server: &[Frame], at_once: usize) {
    let travel = Travel {
        coalesced: false,
        ..Travel::plain()
    };
    let owned = travel.of([client, server]).records;
    let records: Vec<Record<'_>> = owned.iter().map(|owned| owned.record()).collect();
    assert!(
        records.len() > 2 * (MESSAGES - 3),
        "{} packets",
        records.len()
    );
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::with_capacity(64);
    let (mut steady, mut ticks, mut told, mut allocated) = (0, 0, 0, 0);
    for records in records.chunks(32) {
        let measured = measure(|| dissector.push_all(records, &mut events));
        // The handshake, the first frame of either side, and each second the state of the capture.
        let tells = |event: &Event| !matches!(event, Event::Tick(_));
        if events.iter().any(tells) {
            assert!(measured.count_total > 0, "it counts");
            told += 1;
        } else {
            allocated += measured.count_total;
            steady += records.len();
            ticks += events.len();
        }
        events.clear();
    }
    // So many that passed are summed up at once, and there is one place for that. While this is not optimized a connection is
    // folded up in between, and opened for it.
    let sums = 2 * MESSAGES / at_once;
    let most = if cfg!(debug_assertions) { 3 * sums } else { 1 };
    assert!(allocated <= most as u64, "{allocated} allocations");
    assert!(
        steady > records.len() * 9 / 10 && ticks > 0 && told > 0,
        "{steady} packets, {ticks} ticks, {told} blocks that told something"
    );
}

#[test]
fn pings_that_are_answered_allocate_nothing_and_are_told_in_the_end() {
    let pings = (0..MESSAGES).map(|n| Frame::new(9, n.to_be_bytes()));
    let answers = (0..MESSAGES).map(|n| Frame::new(10, n.to_be_bytes()).masked(KEY));
    // The first frame of a side is told.
    let server: Vec<Frame> = [Frame::new(1, "a")].into_iter().chain(pings).collect();
    let first = Frame::new(1, "b").masked(KEY);
    let client: Vec<Frame> = [first].into_iter().chain(answers).collect();
    let travel = Travel {
        coalesced: false,
        turns: vec![Who::Server, Who::Client],
        ..Travel::plain()
    };
    let journey = travel.of([&client, &server]);
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::with_capacity(64);
    let (mut allocated, mut quiet) = (0, 0);
    for owned in &journey.records {
        let told = events.len();
        let measured = measure(|| dissector.push(&owned.record(), &mut events));
        if events.len() == told {
            allocated += measured.count_total;
            quiet += 1;
        }
        events.retain(|event| matches!(event, Event::Conn { .. }));
    }
    assert!(quiet > MESSAGES * 2, "{quiet} packets told nothing");
    // One place for what is counted, one for those that wait, and one for times, which grows to its size.
    assert!(allocated <= 17, "{allocated} allocations");
    dissector.finish(&mut events);
    let told = events.iter().filter_map(|event| match event {
        Event::Conn {
            fact: Fact::Frames(frames),
            ..
        } => Some(frames),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let all = MESSAGES as u64;
    assert_eq!(
        told.iter().map(|frames| frames.server.ping).sum::<u64>(),
        all
    );
    assert_eq!(
        told.iter().map(|frames| frames.client.pong).sum::<u64>(),
        all
    );
    let last = told.last().unwrap();
    assert_eq!(last.answered, journey.story.answered);
    assert_eq!(last.answered[1].count(), all);
    assert_eq!(
        (last.server.pings_unanswered, last.ping_waits),
        (0, [None; 2])
    );
}
