//! Frames cut in every way, by the examples of RFC 6455 §5.7 and by chance.

use super::*;
use proptest::prelude::*;

fn walk(pieces: &[&[u8]]) -> Vec<FrameStep> {
    let mut walker = FrameWalker::new();
    let mut steps = Vec::new();
    for &piece in pieces {
        let mut bytes = piece;
        while let Some(step) = walker.step(&mut bytes) {
            let stop = matches!(step, FrameStep::Http { .. });
            steps.push(step);
            if stop {
                return steps;
            }
        }
        assert!(bytes.is_empty());
    }
    steps
}

fn opcodes(steps: &[FrameStep]) -> Vec<u8> {
    steps
        .iter()
        .filter_map(|step| match step {
            FrameStep::Header { header, .. } => Some(header.opcode.0),
            _ => None,
        })
        .collect()
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 6455 §5.7, one after the other: text, masked text, two fragments, ping, masked pong, 256 and 64 Ki bytes.
    let mut wire = vec![];
    wire.extend_from_slice(b"\x81\x05Hello");
    wire.extend_from_slice(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    wire.extend_from_slice(b"\x01\x03Hel\x80\x02lo");
    wire.extend_from_slice(b"\x89\x05Hello\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    wire.extend_from_slice(b"\x82\x7e\x01\x00");
    wire.extend_from_slice(&[0; 256]);
    wire.extend_from_slice(b"\x82\x7f\0\0\0\0\0\x01\0\0");
    wire.extend_from_slice(&vec![0; 65536]);
    let steps = walk(&[&wire]);
    assert_eq!(opcodes(&steps), [1, 1, 1, 0, 9, 10, 2, 2]);
    let lens: Vec<u64> = steps
        .iter()
        .filter_map(|step| match step {
            FrameStep::Message { len } => Some(*len),
            _ => None,
        })
        .collect();
    assert_eq!(lens, [5, 5, 5, 256, 65536]);
    let hashes: Vec<u64> = steps
        .iter()
        .filter_map(|step| match step {
            FrameStep::Control { payload, .. } => Some(payload.hash),
            _ => None,
        })
        .collect();
    assert!(
        hashes.len() == 2 && hashes[0] == hashes[1],
        "masked or not, Hello is Hello"
    );
    assert!(!steps.iter().any(|step| matches!(
        step,
        FrameStep::Header {
            out_of_turn: true,
            ..
        }
    )));
    let ones: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(walk(&ones), steps);
}

#[test]
fn a_close_is_unmasked_wherever_it_is_cut() {
    let wire = b"\x88\x86\x01\x02\x03\x04\x02\xf0cxd\x66";
    for cut in 0..wire.len() {
        let steps = walk(&[&wire[..cut], &wire[cut..]]);
        match &steps[..] {
            [
                _,
                FrameStep::Control {
                    payload, offset: 0, ..
                },
            ] => {
                assert_eq!(payload.close, b"\x03\xf2`\x7ce\x64");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn fragments_out_of_turn() {
    let turns = |wire: &[u8]| -> Vec<bool> {
        walk(&[wire])
            .iter()
            .filter_map(|step| match step {
                FrameStep::Header { out_of_turn, .. } => Some(*out_of_turn),
                _ => None,
            })
            .collect()
    };
    assert_eq!(
        turns(b"\x01\x00\x89\x00\x80\x00"),
        [false; 3],
        "a ping between fragments"
    );
    assert_eq!(turns(b"\x80\x00\x81\x00"), [true, false]);
    assert_eq!(turns(b"\x01\x00\x81\x00\x81\x00"), [false, true, false]);
}

#[test]
fn http_in_the_place_of_a_frame_is_seen_in_any_pieces() {
    let wire = b"\x81\x01aHTTP/1.1 400 Bad Request";
    for cut in 0..wire.len() {
        assert_eq!(
            walk(&[&wire[..cut], &wire[cut..]]).last(),
            Some(&FrameStep::Http { offset: 3 })
        );
    }
}

#[test]
fn a_frame_that_only_begins_like_http_is_read_as_one() {
    let mut wire = b"HTTP!".to_vec();
    wire.resize(2 + 0x54, b'x');
    wire.extend_from_slice(b"\x81\x00");
    let whole = walk(&[&wire]);
    assert_eq!(opcodes(&whole), [8, 1]);
    let ones: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(walk(&ones), whole);
}

#[test]
fn a_gap_in_a_payload_loses_no_frame() {
    let mut walker = FrameWalker::new();
    let mut bytes = &b"\x82\x0aabc"[..];
    while walker.step(&mut bytes).is_some() {}
    assert!(!walker.skip(8));
    assert!(walker.skip(7));
    assert!(walker.is_between_frames());
    let mut bytes = &b"\x81\x00"[..];
    assert_eq!(
        walker.step(&mut bytes),
        Some(FrameStep::Message { len: 10 })
    );
    assert!(matches!(
        walker.step(&mut bytes),
        Some(FrameStep::Header { offset: 12, .. })
    ));
    while walker.step(&mut bytes).is_some() {}
    assert!(
        !walker.skip(1),
        "what is lost between frames may hold frames"
    );
}

#[test]
fn of_an_endless_close_no_more_than_a_close_is_kept() {
    let wire = [
        b"\x88\x7f\x7f\xff\xff\xff\xff\xff\xff\xff".as_slice(),
        &[7; 4000],
    ]
    .concat();
    let mut walker = FrameWalker::new();
    let mut bytes = &wire[..];
    while walker.step(&mut bytes).is_some() {}
    let frame = walker.frame.unwrap();
    let control = frame.control.unwrap();
    assert!(control.payload.cut && control.payload.close.len() == 125);
}

/// Frames as any endpoint may send them.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frame = (
        any::<bool>(),
        0u8..11,
        any::<Option<[u8; 4]>>(),
        prop_oneof![0usize..130, Just(300), Just(70_000)],
    );
    proptest::collection::vec(frame, 1..8).prop_map(|frames| {
        let mut wire = Vec::new();
        for (fin, opcode, mask, len) in frames {
            wire.push(u8::from(fin) << 7 | opcode);
            let bit = u8::from(mask.is_some()) << 7;
            match len {
                0..126 => wire.push(bit | u8::try_from(len).unwrap()),
                126..0x1_0000 => {
                    wire.push(bit | 0x7E);
                    wire.extend(u16::try_from(len).unwrap().to_be_bytes());
                }
                _ => {
                    wire.push(bit | 0x7F);
                    wire.extend((len as u64).to_be_bytes());
                }
            }
            wire.extend(mask.into_iter().flatten());
            wire.extend(std::iter::repeat_n(b'x', len));
        }
        wire
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_pieces_read_the_same(wire in frames(), size in 1usize..3000) {
        let whole = walk(&[&wire]);
        let pieces: Vec<&[u8]> = wire.chunks(size).collect();
        prop_assert_eq!(walk(&pieces), whole);
    }

    #[test]
    fn any_bytes_read_the_same(wire in proptest::collection::vec(any::<u8>(), 0..300), size in 1usize..9) {
        let whole = walk(&[&wire]);
        let pieces: Vec<&[u8]> = wire.chunks(size).collect();
        prop_assert_eq!(walk(&pieces), whole);
    }
}

/// What the steps of some pieces say of control frames, and the walker behind them; whole frames at once or not.
fn controls(pieces: &[&[u8]], at_once: bool) -> (Vec<(FrameHeader, u64, String)>, FrameWalker) {
    let mut walker = FrameWalker::new();
    let mut said = Vec::new();
    for &piece in pieces {
        let mut bytes = piece;
        loop {
            if at_once && let Some(whole) = walker.control(&mut bytes) {
                let says = match whole.header.opcode {
                    Opcode::CLOSE => format!("{:?}", whole.close()),
                    _ => whole.hash().to_string(),
                };
                said.push((whole.header, whole.offset, says));
                continue;
            }
            match walker.step(&mut bytes) {
                Some(FrameStep::Control {
                    header,
                    offset,
                    payload,
                }) => {
                    let says = match header.opcode {
                        Opcode::CLOSE => format!("{:?}", Close::parse(&payload.close)),
                        _ => payload.hash.to_string(),
                    };
                    said.push((header, offset, says));
                }
                Some(FrameStep::Http { .. }) => return (said, walker),
                Some(_) => {}
                None => break,
            }
        }
    }
    (said, walker)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_control_frame_says_the_same_at_once_or_in_steps(
        frames in proptest::collection::vec((0u8..16, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..130)), 0..6),
        cuts in proptest::collection::vec(0usize..400, 0..3),
        http in any::<bool>(),
    ) {
        let mut wire = Vec::new();
        for (opcode, bits, payload) in &frames {
            wire.push(opcode | bits & 0xF0);
            let masked = bits << 7;
            let len = u8::try_from(payload.len()).unwrap();
            match len {
                ..0x7E => wire.push(masked | len),
                _ => wire.extend_from_slice(&[masked | 0x7E, 0, len]),
            }
            if masked != 0 {
                wire.extend_from_slice(&[*bits, 2, 3, 4]);
            }
            wire.extend_from_slice(payload);
        }
        if http {
            wire.extend_from_slice(b"HTTP/1.1 500 Oh");
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(wire.len())).collect();
        cuts.extend([0, wire.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &wire[two[0]..two[1]]).collect();
        prop_assert_eq!(controls(&pieces, true), controls(&pieces, false));
    }
}
