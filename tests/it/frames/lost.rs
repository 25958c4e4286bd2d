//! Bytes that the capture has not: what is still told is true.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use wscap::event::ViolationKind;
use wscap::judge::{Kind, Party};

use super::any;
use super::config;
use super::heard::{Ending, Heard, listen};
use super::model::Story;
use super::travel::{Journey, Travel};
use crate::support::conversation::Who;
use crate::support::mischief;

/// Bytes before the payload of a packet.
const HEADERS: usize = 54;

/// Nothing that is told goes beyond the truth, and nobody is blamed for an end that he did not make.
pub(super) fn is_true(heard: &Heard, journey: &Journey) -> Result<(), TestCaseError> {
    heard
        .story
        .is_within(&journey.story)
        .map_err(TestCaseError::fail)?;
    let Some(end) = &heard.end else { return Ok(()) };
    let truth = &journey.end;
    prop_assert!(
        end.by == Party::Unknown || end.by == truth.by,
        "{end:?} {truth:?}"
    );
    let closed =
        |ending: &Ending| !matches!(ending.kind, Kind::Abnormal | Kind::Unused | Kind::Open);
    if closed(truth) && !closed(end) {
        prop_assert_eq!(end.by, Party::Unknown);
        prop_assert!(end.kind != Kind::Unused);
    }
    prop_assert!(closed(truth) || !closed(end));
    let told = journey
        .story
        .closes
        .iter()
        .any(|close| close.code == end.wire_code);
    prop_assert!(end.wire_code.is_none() || told, "{end:?}");
    Ok(())
}

/// Without what only whole control frames show.
fn of_headers(story: &Story) -> Story {
    let mut story = story.timeless();
    story
        .violations
        .retain(|wrong| wrong.2 != ViolationKind::CloseBody);
    for close in &mut story.closes {
        close.reason.clear();
        close.broken = false;
    }
    story
}

proptest! {
    #![proptest_config(config(100))]

    /// Of each packet the first bytes are kept, and frames begin packets: no frame is missed.
    #[test]
    fn a_snap_length_costs_no_frame(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
        length in 20_usize..60,
    ) {
        let travel = Travel { cuts: vec![0], coalesced: false, segment_size: 60_000, unsent: [0; 2], ..travel };
        let journey = travel.of([&client, &server]);
        let mut records = journey.records.clone();
        let mut lost = 0;
        for carrier in &journey.carriers {
            let data = &mut records[carrier.place].data;
            lost += data.len().saturating_sub(HEADERS + length);
            data.truncate(HEADERS + length);
        }
        let heard = listen(&records);
        prop_assert_eq!(of_headers(&heard.story), of_headers(&journey.story));
        let end = heard.end.unwrap();
        prop_assert_eq!(end.wire_code, journey.end.wire_code);
        // Of a frame that was to be longer than what came it is not known, once bytes of it are missing, that it did not end.
        let may_have_ended = [&client, &server].into_iter().any(|frames| frames.last().is_some_and(|last| last.claim.is_some()));
        let is_open = lost > 0 && may_have_ended && end.by == Party::Unknown;
        prop_assert!(end.by == journey.end.by || is_open, "{:?} {:?}", end, journey.end);
        prop_assert_eq!((end.echoed, end.lossy), (journey.end.echoed, lost > 0));
        prop_assert_eq!(heard.gaps, [lost as u64, 0]);
    }

    /// Packets are lost that hold nothing but payload: no frame is missed.
    #[test]
    fn lost_payload_costs_no_frame(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
        places in vec(any::<bool>(), 1..30),
    ) {
        let travel = Travel { segment_size: travel.segment_size.clamp(20, 1448), unsent: [0; 2], ..travel };
        let journey = travel.of([&client, &server]);
        let payload = journey.carriers.iter().filter(|carrier| carrier.is_mere_payload);
        let lost = payload.zip(places.iter().cycle()).filter(|(_, lost)| **lost);
        let lost: Vec<usize> = lost.map(|(carrier, _)| carrier.place).collect();
        let heard = listen(&mischief::lose(&journey.records, &lost));
        prop_assert_eq!(heard.story.timeless(), journey.story.timeless());
        prop_assert_eq!(heard.gaps[1], 0);
        let end = heard.end.unwrap();
        prop_assert_eq!(end.lossy, !lost.is_empty());
    }

    /// Any packets behind the handshake are lost, or cut: fewer frames, but none that was not there, no breach, no
    /// Close that was not sent.
    #[test]
    fn lost_headers_invent_nothing(
        client in any::talk(Who::Client),
        server in any::talk(Who::Server),
        travel in any::plausible_travel(),
        lost in prop_oneof![vec(0_usize..400, 0..4), vec(0_usize..400, 4..80)],
        snap in prop_oneof![3 => Just(usize::MAX), 1 => 60_usize..200],
    ) {
        let travel = Travel { coalesced: false, ..travel };
        let journey = travel.of([&client, &server]);
        let places: BTreeSet<usize> = lost.iter().map(|place| place + 7).collect();
        let places: Vec<usize> = places.into_iter().collect();
        let mut records = mischief::lose(&journey.records, &places);
        let tail = records.split_off(7.min(records.len()));
        records.extend(mischief::truncate(&tail, snap));
        is_true(&listen(&records), &journey)?;
    }
}
