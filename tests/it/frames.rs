//! What is told of frames, held against a second reading of the same frames: a model of RFC 6455 §5 that knows nothing
//! of packets, and packets that know nothing of frames.

mod any;
mod heard;
mod model;
mod travel;
mod wire;

use std::env;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use self::heard::listen;
use crate::support::conversation::Who;

/// Close frames of a leg that are sure to be kept.
const CLOSES_KEPT: usize = 4;

/// So many cases, or as many as `PROPTEST_CASES` says.
fn config(cases: u32) -> Config {
    let asked = env::var("PROPTEST_CASES").ok();
    Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/it/frames.proptest-regressions",
        ))),
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
        let mut end = heard.end.unwrap();
        // Of a flood of them not all are kept: an answer behind it may be missed.
        if journey.story.closes.len() > CLOSES_KEPT {
            end.echoed = journey.end.echoed;
        }
        prop_assert_eq!(end, journey.end);
        prop_assert_eq!(heard.gaps, [0, 0]);
    }
}
