//! What is told of frames, held against a second reading of the same frames: a model of RFC 6455 §5 that knows nothing
//! of packets, and packets that know nothing of frames.

mod any;
mod breaches;
mod heard;
mod joined;
mod lines;
mod lost;
mod model;
mod size;
mod steady;
mod travel;
mod wire;

use std::env;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use self::any::who;
use self::heard::listen;
use self::model::Story;
use self::travel::{TcpEnd, Travel};
use crate::lanes;
use crate::properties::within_reach;
use crate::support::conversation::Who;
use crate::support::{mischief, seed};

/// So many cases, or as many as `PROPTEST_CASES` says.
fn config(cases: u32) -> Config {
    let asked = env::var("PROPTEST_CASES").ok();
    Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/it/frames.proptest-regressions",
        ))),
        rng_seed: seed(),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(150))]

    /// Whatever the frames, and however they are cut and take turns: counts, breaches, pongs and the closing are those of
    /// the model.
    #[test]
    fn any_frames_are_told_as_they_are(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
    ) {
        let journey = travel.of([&client, &server]);
        let heard = listen(&journey.records);
        prop_assert_eq!(&heard.story, &journey.story);
        prop_assert_eq!(heard.end, Some(journey.end));
        prop_assert_eq!(heard.gaps, [0, 0]);
    }

    /// What passes by the short way is told as if each packet had gone the long way.
    #[test]
    fn both_ways_tell_the_same(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
    ) {
        let journey = travel.of([&client, &server]);
        let apart = lanes::apart(&journey.records);
        let (short, long) = (lanes::facts(&journey.records), lanes::facts(&apart));
        for (short, long) in short.iter().zip(&long) {
            prop_assert_eq!(short, long);
        }
        prop_assert_eq!(short.len(), long.len());
    }

    /// What RFC 6455 allows is never a breach, and is told whole.
    #[test]
    fn legal_frames_are_no_breach(
        (travel, client, server) in any::travel().prop_flat_map(|travel| {
            let deflates = travel.deflates;
            (Just(travel), any::legal(Who::Client, deflates), any::legal(Who::Server, deflates))
        }),
    ) {
        let journey = travel.of([&client, &server]);
        let heard = listen(&journey.records);
        prop_assert_eq!(&heard.story.violations, &[]);
        prop_assert_eq!(&heard.story, &journey.story);
        prop_assert_eq!(heard.end, Some(journey.end));
    }

    /// Packets that come twice, or bring bytes again, bring nothing new.
    #[test]
    fn what_comes_again_changes_nothing(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
        again in 0_usize..40,
        twice in vec(0_usize..1200, 0..60),
    ) {
        // A RST that comes again after the end is another connection's to ask about.
        let travel = Travel { segment_size: travel.segment_size.min(1448), ..travel };
        let journey = travel.of([&client, &server]);
        let records = mischief::duplicate(&mischief::overlap(&journey.records, again), &twice);
        let heard = listen(&records);
        let unnumbered = |story: &Story| {
            let mut story = story.clone();
            story.violations.iter_mut().for_each(|wrong| wrong.3 = 0);
            story.closes.iter_mut().for_each(|close| close.frame = 0);
            story
        };
        prop_assert_eq!(unnumbered(&heard.story), unnumbered(&journey.story));
        prop_assert_eq!(heard.gaps, [0, 0]);
    }

    /// Packets in another order bring the same of each side.
    #[test]
    fn another_order_changes_nothing_of_a_side(
        client in any::frames(Who::Client),
        server in any::frames(Who::Server),
        travel in any::travel(),
        first in who(),
        shuffle in vec(any::<u32>(), 400),
    ) {
        let travel = Travel {
            segment_size: travel.segment_size.min(1448),
            tcp_end: TcpEnd::Fin(first),
            ..travel
        };
        let journey = travel.of([&client, &server]);
        // The handshake keeps its place.
        let opened = 6.min(journey.records.len());
        let order = within_reach(journey.records.len() - opened, &shuffle);
        let order = order.iter().map(|place| place + opened);
        let order: Vec<usize> = (0..opened).chain(order).collect();
        let heard = listen(&mischief::reorder(&journey.records, &order));
        prop_assert_eq!(heard.story.timeless(), journey.story.timeless());
        prop_assert_eq!(heard.gaps, [0, 0]);
    }
}
