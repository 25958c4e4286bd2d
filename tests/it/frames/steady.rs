//! The usual on an open WebSocket, many times over: nothing is allocated for it, but for one place
//! where it is summed up.

use allocation_counter::measure;
use wscap::dissect::Dissector;
use wscap::event::Event;
use wscap::limits::Limits;
use wscap::record::Record;

use super::travel::Travel;
use super::wire::Frame;

const KEY: Option<[u8; 4]> = Some([9, 8, 7, 6]);
/// Messages of each side.
const MESSAGES: usize = 1_000;

#[test]
fn messages_and_acknowledgments_allocate_nothing() {
    let client = vec![Frame::new(1, [b'a'; 200]).masked(KEY); MESSAGES];
    let server = vec![Frame::new(2, [0; 700]); MESSAGES];
    let travel = Travel {
        coalesced: false,
        ..Travel::plain()
    };
    let owned = travel.of([&client, &server]).records;
    let records: Vec<Record<'_>> = owned.iter().map(|owned| owned.record()).collect();
    assert!(records.len() > 2 * MESSAGES, "{} packets", records.len());
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
    // What passed is summed up every 255 messages: there is one place for that. While this is not optimized a connection is
    // folded up in between, and opened for it.
    let sums = 2 * MESSAGES / 255;
    let most = if cfg!(debug_assertions) { 3 * sums } else { 1 };
    assert!(allocated <= most as u64, "{allocated} allocations");
    assert!(
        steady > records.len() * 9 / 10 && ticks > 0 && told > 0,
        "{steady} packets, {ticks} ticks, {told} blocks that told something"
    );
}
