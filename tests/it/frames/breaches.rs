//! Each breach of RFC 6455 by each side: where it stands, in which packet it came, and that the walk goes on behind it.

use std::collections::BTreeSet;

use wscap::event::ViolationKind as Kind;
use wscap::flow::Direction;

use super::heard::listen;
use super::model::direction;
use super::travel::Travel;
use super::wire::{Form, Frame, stream};
use crate::support::conversation::Who;

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
const SIDES: [Who; 2] = [Who::Client, Who::Server];

/// Every kind there is; a new one fails here until it is among the rows.
const fn listed(kind: Kind) -> Kind {
    match kind {
        Kind::Unmasked
        | Kind::Masked
        | Kind::Rsv
        | Kind::Opcode
        | Kind::Control
        | Kind::Continuation
        | Kind::Length
        | Kind::AfterClose
        | Kind::CloseBody
        | Kind::Http => kind,
    }
}

/// Frames of which some are a breach, by their places.
struct Row {
    sides: &'static [Who],
    deflates: &'static [bool],
    frames: Vec<Frame>,
    breaches: &'static [(usize, Kind)],
}

fn row(frames: Vec<Frame>, breaches: &'static [(usize, Kind)]) -> Row {
    Row {
        sides: &SIDES,
        deflates: &[false, true],
        frames,
        breaches,
    }
}

/// As they are written here, frames have the mask that their side should use.
fn rows() -> Vec<Row> {
    let text = || Frame::new(1, "x");
    let begun = |frame: Frame| Frame {
        fin: false,
        ..frame
    };
    let bits = |rsv, frame: Frame| Frame { rsv, ..frame };
    let form = |form, frame: Frame| Frame { form, ..frame };
    let ping = |len: usize| Frame::new(9, vec![b'p'; len]);
    vec![
        row(vec![text()], &[]),
        row(vec![begun(text()), ping(125), Frame::new(0, "y")], &[]),
        row(
            vec![begun(text()), begun(Frame::new(0, "")), Frame::new(0, "")],
            &[],
        ),
        Row {
            deflates: &[false],
            ..row(vec![bits(4, text())], &[(0, Kind::Rsv)])
        },
        Row {
            deflates: &[true],
            ..row(vec![bits(4, text())], &[])
        },
        row(vec![bits(6, text())], &[(0, Kind::Rsv)]),
        row(vec![bits(1, Frame::new(2, "x"))], &[(0, Kind::Rsv)]),
        row(vec![bits(4, ping(1))], &[(0, Kind::Rsv)]),
        row(
            vec![begun(text()), bits(4, Frame::new(0, "y"))],
            &[(1, Kind::Rsv)],
        ),
        row(vec![Frame::new(3, "x")], &[(0, Kind::Opcode)]),
        row(vec![Frame::new(7, "")], &[(0, Kind::Opcode)]),
        row(vec![Frame::new(11, "x")], &[(0, Kind::Opcode)]),
        row(vec![Frame::new(15, "x")], &[(0, Kind::Opcode)]),
        row(vec![begun(ping(1))], &[(0, Kind::Control)]),
        row(vec![ping(126)], &[(0, Kind::Control)]),
        row(vec![Frame::new(10, vec![0; 70_000])], &[(0, Kind::Control)]),
        row(vec![Frame::new(0, "x")], &[(0, Kind::Continuation)]),
        row(vec![begun(text()), text()], &[(1, Kind::Continuation)]),
        row(
            vec![text(), Frame::new(0, ""), text()],
            &[(1, Kind::Continuation)],
        ),
        row(vec![form(Form::Two, text())], &[(0, Kind::Length)]),
        row(vec![form(Form::Eight, text())], &[(0, Kind::Length)]),
        row(
            vec![
                form(Form::Two, Frame::new(2, vec![1; 126])),
                form(Form::Eight, Frame::new(2, vec![1; 65_535])),
            ],
            &[(1, Kind::Length)],
        ),
        row(vec![form(Form::Eight, Frame::new(2, vec![1; 65_536]))], &[]),
        row(
            vec![Frame::new(8, [3]), text()],
            &[(0, Kind::CloseBody), (1, Kind::AfterClose)],
        ),
        row(
            vec![Frame::new(8, b"\x03\xe8\xc3(")],
            &[(0, Kind::CloseBody)],
        ),
        row(vec![Frame::new(8, "\u{3}\u{0}ö")], &[]),
        row(
            vec![Frame::new(8, ""), Frame::new(8, "")],
            &[(1, Kind::AfterClose)],
        ),
        row(
            vec![begun(bits(2, form(Form::Two, Frame::new(12, "x"))))],
            &[
                (0, Kind::Rsv),
                (0, Kind::Opcode),
                (0, Kind::Control),
                (0, Kind::Length),
            ],
        ),
    ]
}

/// Rows with frames whose mask is the breach.
fn masks() -> [Row; 2] {
    let text = || Frame::new(1, "x");
    [
        Row {
            sides: &[Who::Client],
            ..row(
                vec![text(), text()],
                &[(0, Kind::Unmasked), (1, Kind::Unmasked)],
            )
        },
        Row {
            sides: &[Who::Server],
            ..row(vec![text().masked(KEY)], &[(0, Kind::Masked)])
        },
    ]
}

fn right(who: Who, frame: Frame) -> Frame {
    frame.masked(KEY.filter(|_| who == Who::Client))
}

#[test]
fn every_breach_has_its_place_and_its_packet_and_the_walk_goes_on() {
    let mut seen: BTreeSet<Kind> = BTreeSet::new();
    let rows = rows().into_iter().map(|row| (row, true));
    for (row, masks) in rows.chain(masks().map(|row| (row, false))) {
        for (&who, &deflates) in row
            .sides
            .iter()
            .flat_map(|who| row.deflates.iter().map(move |d| (who, d)))
        {
            let mine = |frame: &Frame| {
                if masks {
                    right(who, frame.clone())
                } else {
                    frame.clone()
                }
            };
            let hello = right(who, Frame::new(2, vec![b'h'; 200]));
            let behind = [Frame::new(1, "ok"), Frame::new(9, "p"), Frame::new(10, "")];
            let before_close = |kind: &Kind| *kind != Kind::AfterClose;
            let closes = row.frames.iter().any(|frame| frame.opcode == 8);
            // What stands behind a Close is one breach more, and so is what a fragment is left open for.
            let open = row
                .frames
                .iter()
                .rfind(|frame| frame.opcode < 8)
                .is_some_and(|frame| !frame.fin);
            let mut frames = vec![hello];
            frames.extend(row.frames.iter().map(mine));
            if open {
                frames.push(right(who, Frame::new(0, "")));
            }
            let rest = frames.len();
            frames.extend(behind.map(|frame| right(who, frame)));
            frames.push(right(who, Frame::new(8, 1000_u16.to_be_bytes())));
            let mut sides: [&[Frame]; 2] = [&[], &[]];
            sides[who as usize] = &frames;
            let travel = Travel {
                deflates,
                ..Travel::plain()
            };
            let journey = travel.of(sides);
            let heard = listen(&journey.records);
            let place = |at: usize, kind: Kind| {
                let offset = stream(&frames[..at]).len() as u64;
                let packet = journey.records[journey.carriers[starts(&frames, at)].place]
                    .at
                    .frame;
                (direction(who), offset, kind, packet)
            };
            let mut expected: Vec<_> = row
                .breaches
                .iter()
                .map(|(at, kind)| place(at + 1, *kind))
                .collect();
            if closes {
                expected.extend((rest..frames.len()).map(|at| place(at, Kind::AfterClose)));
            }
            expected.sort_unstable();
            assert_eq!(
                heard.story.violations, expected,
                "{who:?} deflates {deflates} {:?}",
                row.frames
            );
            assert!(
                row.breaches
                    .iter()
                    .all(|(_, kind)| before_close(kind) || closes)
            );
            let counts = heard.story.counts[who as usize];
            assert_eq!(counts.total(), frames.len() as u64);
            assert_eq!(counts.bytes, frames.iter().map(Frame::len).sum::<u64>());
            seen.extend(row.breaches.iter().map(|(_, kind)| listed(*kind)));
        }
    }
    // HTTP has a test of its own.
    assert_eq!(seen.len() + 1, Kind::Http as usize + 1, "{seen:?}");
}

/// Which packet carries the first byte of a frame, where each begins one.
fn starts(frames: &[Frame], at: usize) -> usize {
    let packets = |frame: &Frame| (frame.header().len() + frame.payload.len()).div_ceil(60_000);
    frames[..at].iter().map(packets).sum()
}

/// HTTP where a frame should begin ends the walk of that side, and of that side alone.
#[test]
fn http_has_its_place_in_any_pieces() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
    for who in SIDES {
        for cut in 0..9 {
            let frames = [right(who, Frame::new(2, vec![0; 300]))];
            let peer = [
                right(who.peer(), Frame::new(1, "x")),
                right(who.peer(), Frame::new(1, "y")),
            ];
            let mut sides: [&[Frame]; 2] = [&frames, &peer];
            if who == Who::Server {
                sides.reverse();
            }
            let before = Travel::plain().of(sides);
            let pieces = [&answer[..cut], &answer[cut..]];
            let travel = Travel {
                then: pieces.map(|piece| (who, piece.to_vec())).to_vec(),
                ..Travel::plain()
            };
            let journey = travel.of(sides);
            let offset = stream(&frames).len() as u64;
            let heard = listen(&journey.records);
            // Known with the packet that brings the seventh byte; behind each piece comes an acknowledgment.
            let further = match cut {
                0 => 2,
                1..7 => 3,
                _ => 1,
            };
            let packet = before.records.len() as u64 + further;
            assert_eq!(
                heard.story.violations,
                [(direction(who), offset, Kind::Http, packet)]
            );
            assert_eq!(heard.story.counts, before.story.counts);
        }
    }
}

/// A tunnel that sends its frames without a mask: all are counted, the first is named.
#[test]
fn a_tunnel_without_masks_is_counted_to_its_end() {
    let client: Vec<Frame> = (0..100)
        .map(|n| Frame::new(2, vec![n; usize::from(n)]))
        .collect();
    let server: Vec<Frame> = (0..100).map(|n| Frame::new(2, vec![n; 3])).collect();
    let travel = Travel {
        turns: SIDES.to_vec(),
        ..Travel::plain()
    };
    let journey = travel.of([&client, &server]);
    let story = listen(&journey.records).story;
    for (counts, bytes) in story.counts.iter().zip([4950, 300]) {
        assert_eq!(
            (counts.binary, counts.messages, counts.total(), counts.bytes),
            (100, 100, 100, bytes)
        );
    }
    assert_eq!(story.violations.len(), 16);
    let first = journey.records[journey.carriers[0].place].at.frame;
    assert_eq!(
        story.violations[0],
        (Direction::ToServer, 0, Kind::Unmasked, first)
    );
    assert!(
        story
            .violations
            .iter()
            .all(|wrong| wrong.2 == Kind::Unmasked)
    );
}
