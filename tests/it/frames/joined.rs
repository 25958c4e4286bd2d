//! A WebSocket of which the capture has only the later part.

use proptest::prelude::*;

use super::any;
use super::config;
use super::heard::listen;
use super::lost::is_true;
use super::travel::{TcpEnd, Travel};
use super::wire::Frame;
use crate::support::conversation::Who;

proptest! {
    #![proptest_config(config(60))]

    /// Begun at any segment: no more is told than there was.
    #[test]
    fn what_is_joined_in_the_middle_is_told_in_part(
        client in any::talk(Who::Client),
        server in any::talk(Who::Server),
        travel in any::plausible_travel(),
        from in 0_usize..2_000,
    ) {
        let journey = travel.of([&client, &server]);
        let Some(carrier) = journey.carriers.get(from % journey.carriers.len().max(1)) else {
            return Ok(());
        };
        let heard = listen(&journey.records[carrier.place..]);
        is_true(&heard, &journey)?;
        prop_assert_eq!(&heard.story.violations, &[]);
    }
}

/// A talk as most have it, one frame a packet: wherever the capture begins, the WebSocket is found while there are
/// frames enough, and its Close is told.
#[test]
fn a_talk_is_found_from_any_frame_on() {
    let message = |n: u8| Frame::new(1, vec![b'a' + n % 26; 20 + usize::from(n)]);
    let mut key = [1_u8, 77, 130, 203];
    let mut client: Vec<Frame> = Vec::new();
    for n in 0..30 {
        key = key.map(|byte| byte.wrapping_mul(5).wrapping_add(n));
        client.push(message(n).masked(Some(key)));
    }
    client.push(Frame::new(8, 1001_u16.to_be_bytes()).masked(Some(key)));
    let mut server: Vec<Frame> = (0..30).map(message).collect();
    server.push(Frame::new(8, 1001_u16.to_be_bytes()));
    let travel = Travel {
        turns: vec![Who::Client, Who::Server],
        tcp_end: TcpEnd::Fin(Who::Server),
        ..Travel::plain()
    };
    let journey = travel.of([&client, &server]);
    assert_eq!(journey.carriers.len(), 62);
    for (n, carrier) in journey.carriers.iter().enumerate() {
        let heard = listen(&journey.records[carrier.place..]);
        is_true(&heard, &journey).unwrap();
        // Of either side three frames have to be left.
        let enough = n + 6 <= journey.carriers.len();
        assert!(heard.joined || !enough, "from {n}");
        if enough {
            let (left, told) = (62 - n, heard.story.counts.map(|counts| counts.total()));
            assert_eq!(told.iter().sum::<u64>(), left as u64, "from {n}: {told:?}");
            assert_eq!(heard.end.unwrap().wire_code, Some(1001));
        }
    }
}
