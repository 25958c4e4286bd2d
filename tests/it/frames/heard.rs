//! What wscap tells of packets that carry one WebSocket.

use std::collections::BTreeSet;

use wscap::attempt::{Assembler, Closing, Output};
use wscap::dissect::Dissector;
use wscap::event::{Event, Fact, FrameCounts, GapOver};
use wscap::flow::Direction;
use wscap::judge::{self, Catalogue, Kind, Party};
use wscap::limits::Limits;

use super::model::{Said, Story};
use crate::support::OwnedRecord;

/// Everything that is told of one connection.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) story: Story,
    pub(super) end: Option<Ending>,
    /// Lost bytes, over payloads and over what may hold headers.
    pub(super) gaps: [u64; 2],
    /// Facts in all, and the most bytes that were ever held.
    pub(super) facts: u64,
    pub(super) most_held: u64,
    pub(super) joined: bool,
}

/// Close frames of a leg that are sure to be kept.
const CLOSES_KEPT: usize = 4;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) kind: Kind,
    pub(super) wire_code: Option<u16>,
    pub(super) by: Party,
    /// Not asked where there are more than [`CLOSES_KEPT`]: an answer behind a flood of them may be missed.
    pub(super) echoed: Option<bool>,
    pub(super) lossy: bool,
}

pub(super) fn listen(records: &[OwnedRecord]) -> Heard {
    let limits = Limits::default();
    let mut dissector = Dissector::new(&limits, false);
    let mut assembler = Assembler::new(&limits);
    let (mut events, mut outputs) = (Vec::new(), Vec::new());
    let mut heard = Heard::default();
    for record in records {
        dissector.push(&record.record(), &mut events);
        heard.most_held = heard.most_held.max(dissector.budget().used());
        heard.pass_on(&mut events, &mut assembler, &mut outputs);
    }
    dissector.finish(&mut events);
    assert_eq!(dissector.budget().used(), 0);
    heard.pass_on(&mut events, &mut assembler, &mut outputs);
    assembler.finish(&mut outputs);
    heard.story.violations.sort_unstable();
    let closings = outputs.iter().filter_map(|output| match output {
        Output::Closing(closing) => Some(closing),
        _ => None,
    });
    for closing in closings {
        assert!(heard.end.is_none(), "one connection ends once");
        heard.end = Some(ending(closing, &heard.story));
    }
    heard
}

fn ending(closing: &Closing, story: &Story) -> Ending {
    let [leg] = &closing.legs[..] else {
        panic!("{} legs of one connection", closing.legs.len());
    };
    assert_eq!([leg.client_frames, leg.server_frames], story.counts);
    let judgement = judge::closing(closing, Catalogue::embedded());
    let kept: Vec<Direction> = leg.closes.iter().map(|close| close.dir).collect();
    assert!(kept.len() <= CLOSES_KEPT);
    Ending {
        kind: judgement.kind,
        wire_code: judgement.wire_code,
        by: judgement.by,
        echoed: echoed(kept, story.closes.len()),
        lossy: closing.lossy,
    }
}

/// Whether the first of these Close frames was answered, of so many in all.
pub(super) fn echoed(closes: impl IntoIterator<Item = Direction>, all: usize) -> Option<bool> {
    let sides: BTreeSet<Direction> = closes.into_iter().collect();
    (all <= CLOSES_KEPT).then_some(sides.len() == 2)
}

impl Heard {
    fn pass_on(
        &mut self,
        events: &mut Vec<Event>,
        assembler: &mut Assembler,
        outputs: &mut Vec<Output>,
    ) {
        for event in events.drain(..) {
            if let Event::Conn { at, fact, .. } = &event {
                self.take(at.frame, fact);
            }
            assembler.push(event, outputs);
        }
    }

    fn take(&mut self, frame: u64, fact: &Fact) {
        self.facts += 1;
        let story = &mut self.story;
        match fact {
            Fact::Frames(frames) => {
                story.counts[0].add(&frames.client);
                story.counts[1].add(&frames.server);
                story.largest = frames.largest.map(|largest| largest.bytes);
                story.answered.clone_from(&frames.answered);
            }
            Fact::Violation(wrong) => {
                let place = (wrong.dir, wrong.offset, wrong.kind, frame);
                story.violations.push(place);
            }
            Fact::Close { dir, close, alone } => {
                if let Some(len) = alone {
                    let counts = &mut story.counts[dir.index()];
                    counts.close += 1;
                    counts.bytes += u64::from(*len);
                }
                story.closes.push(Said {
                    dir: *dir,
                    code: close.code.map(|code| code.0),
                    reason: close.reason.to_string(),
                    broken: close.malformed || close.reason_invalid,
                    frame,
                });
            }
            Fact::Gap { over, len, .. } => {
                self.gaps[usize::from(!matches!(over, GapOver::Payload | GapOver::Snapped))] += len;
            }
            Fact::MidStream(_) => self.joined = true,
            _ => {}
        }
    }
}

impl Story {
    /// Without what depends on when each side's bytes came: of each side for itself.
    pub(super) fn timeless(&self) -> Self {
        let mut story = self.clone();
        story.answered = Default::default();
        for counts in &mut story.counts {
            counts.pings_unanswered = 0;
        }
        for violation in &mut story.violations {
            violation.3 = 0;
        }
        for close in &mut story.closes {
            close.frame = 0;
        }
        story.closes.sort_by_key(|close| close.dir);
        story
    }

    /// Whether nothing in it is beyond what really was: each count, breach and Close.
    pub(super) fn is_within(&self, truth: &Self) -> Result<(), String> {
        for (mine, most) in self.counts.iter().zip(&truth.counts) {
            let listed = |counts: &FrameCounts| {
                [
                    counts.text,
                    counts.binary,
                    counts.continuation,
                    counts.ping,
                    counts.pong,
                    counts.close,
                    counts.other,
                    counts.messages,
                    counts.bytes,
                ]
            };
            if listed(mine).iter().zip(listed(most)).any(|(a, b)| *a > b) {
                return Err(format!("more frames than there were: {mine:?} of {most:?}"));
            }
        }
        let place = |violation: &(Direction, u64, _, u64)| (violation.0, violation.1, violation.2);
        for violation in &self.violations {
            if !truth
                .violations
                .iter()
                .any(|v| place(v) == place(violation))
            {
                return Err(format!("no such breach: {violation:?}"));
            }
        }
        let said = |close: &Said| (close.dir, close.code);
        for close in &self.closes {
            if !truth.closes.iter().any(|other| said(other) == said(close)) {
                return Err(format!("no such Close: {close:?}"));
            }
        }
        Ok(())
    }
}
