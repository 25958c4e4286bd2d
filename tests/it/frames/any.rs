//! Frames and ways by chance.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::travel::{FIRST_PORT, TcpEnd, Travel};
use super::wire::{Form, Frame};
use crate::support::conversation::Who;

/// Codes of every kind, legal and not.
const CODES: &[u16] = &[
    0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1009, 1010, 1011, 1014, 1015, 1016,
    2999, 3000, 4999, 5000, 65_535,
];

/// Of pings and pongs: few, so that pongs find their pings.
const SHORT: &[&[u8]] = &[b"", b"a", b"b"];

pub(super) fn who() -> impl Strategy<Value = Who> + Clone {
    select(&[Who::Client, Who::Server])
}

/// Frames of a side, right and wrong.
pub(super) fn frames(who: Who) -> impl Strategy<Value = Vec<Frame>> {
    let lie = prop_oneof![
        Just(1 << 40),
        Just(1 << 63 | 5),
        Just(u64::MAX),
        1_u64..70_000
    ];
    (vec(frame(who), 0..14), option::weighted(0.1, lie)).prop_map(|(mut frames, lie)| {
        if let (Some(last), Some(lie)) = (frames.last_mut(), lie) {
            last.claim = Some(last.payload.len() as u64).map(|len| len.saturating_add(lie));
        }
        frames
    })
}

fn frame(who: Who) -> impl Strategy<Value = Frame> {
    let masks = who == Who::Client;
    let opcode = prop_oneof![
        3 => Just(0),
        3 => Just(1),
        3 => Just(2),
        2 => Just(8),
        3 => Just(9),
        3 => Just(10),
        1 => select(&[3, 4, 5, 6, 7, 11, 12, 13, 14, 15]),
    ];
    let rsv = prop_oneof![8 => Just(0), 2 => Just(4), 1 => 0_u8..8];
    let form = prop_oneof![8 => Just(Form::Shortest), 1 => Just(Form::Two), 1 => Just(Form::Eight)];
    let plain = (
        prop::bool::weighted(0.8),
        rsv,
        opcode,
        prop::bool::weighted(0.9),
        any::<[u8; 4]>(),
        form,
    );
    let plain = plain.prop_flat_map(move |(fin, rsv, opcode, is_right, mask, form)| {
        let mask = (is_right == masks).then_some(mask);
        payload(opcode).prop_map(move |payload| Frame {
            fin,
            rsv,
            opcode,
            mask,
            form,
            claim: None,
            payload,
        })
    });
    prop_oneof![30 => plain, 1 => like_http()]
}

/// A frame that begins as an HTTP answer does, but goes on otherwise.
fn like_http() -> impl Strategy<Value = Frame> {
    (0_usize..5).prop_map(|alike| {
        let mut payload = vec![b'x'; 0x54];
        payload[..alike].copy_from_slice(&b"TP/1."[..alike]);
        Frame {
            fin: false,
            rsv: 4,
            ..Frame::new(8, payload)
        }
    })
}

fn payload(opcode: u8) -> BoxedStrategy<Vec<u8>> {
    match opcode {
        8 => body().boxed(),
        9 | 10 => prop_oneof![
            4 => select(SHORT).prop_map(<[u8]>::to_vec),
            1 => Just(vec![7; 125]),
            1 => Just(vec![7; 126]),
        ]
        .boxed(),
        _ => content().boxed(),
    }
}

/// Of a Close, right and wrong.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let code = select(CODES).prop_map(|code| code.to_be_bytes().to_vec());
    let reason = prop_oneof![
        Just(b"bye".to_vec()),
        Just("auf Wiedersehen, schöne Grüße".into()),
        Just(b"\xff\xfe".to_vec()),
        Just(vec![b'r'; 123]),
        Just(vec![b'r'; 124]),
        Just(vec![0xc3; 300]),
    ];
    let long = (code.clone(), reason).prop_map(|(code, reason)| [code, reason].concat());
    prop_oneof![2 => Just(vec![]), 1 => Just(vec![3]), 4 => code, 4 => long]
}

/// Of any size that has a form of its own.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![
        20 => Just(0_usize),
        60 => 1_usize..126,
        20 => 126_usize..3_000,
        4 => 65_530_usize..65_542,
        1 => 200_000_usize..400_000,
    ];
    (len, any::<u8>(), any::<bool>()).prop_map(|(len, byte, counts)| {
        let step = u8::from(counts);
        (0..len)
            .scan(byte, |byte, _| {
                *byte = byte.wrapping_add(step);
                Some(*byte)
            })
            .collect()
    })
}

/// As most say it: no byte of it begins a frame, and it is not the same over and over.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![8 => 0_usize..126, 4 => 126_usize..3_000, 1 => 60_000_usize..70_000];
    (len, any::<u32>()).prop_map(|(len, seed)| {
        let mut number = seed | 1;
        let letter = |_| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + u8::try_from((number >> 16) % 26).unwrap()
        };
        (0..len).map(letter).collect()
    })
}

/// Frames of a side as RFC 6455 has them: messages whole and in fragments, pings and pongs between, a Close at the end.
pub(super) fn legal(who: Who, deflates: bool) -> impl Strategy<Value = Vec<Frame>> {
    lawful(who, deflates, content().boxed())
}

/// The same with words for payloads.
pub(super) fn talk(who: Who) -> impl Strategy<Value = Vec<Frame>> {
    lawful(who, false, text().boxed())
}

fn lawful(
    who: Who,
    deflates: bool,
    content: BoxedStrategy<Vec<u8>>,
) -> impl Strategy<Value = Vec<Frame>> {
    let control = (select(&[9_u8, 10]), select(SHORT).prop_map(<[u8]>::to_vec));
    let fragment = (content, option::weighted(0.3, control));
    let message = (
        select(&[1_u8, 2]),
        any::<bool>(),
        vec(fragment, 1..4),
        any::<[u8; 4]>(),
    );
    let codes = select(&[
        1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999,
    ]);
    let close = option::of(option::of((codes, select(&["", "bye", "schöne Grüße"]))));
    (vec(message, 0..6), close).prop_map(move |(messages, close)| {
        let mut frames = Vec::new();
        let mut key = 0x3b_u8;
        let mut push = |frame: Frame, mask: Option<[u8; 4]>| {
            key = key.wrapping_mul(5).wrapping_add(17);
            let mask = mask.map(|mask| mask.map(|byte| byte ^ key));
            frames.push(frame.masked(mask.filter(|_| who == Who::Client)));
        };
        for (opcode, compressed, fragments, mask) in messages {
            let last = fragments.len() - 1;
            for (n, (payload, control)) in fragments.into_iter().enumerate() {
                let opcode = if n == 0 { opcode } else { 0 };
                let frame = Frame {
                    fin: n == last,
                    rsv: if n == 0 && compressed && deflates {
                        4
                    } else {
                        0
                    },
                    ..Frame::new(opcode, payload)
                };
                push(frame, Some(mask));
                if let Some((opcode, payload)) = control {
                    push(Frame::new(opcode, payload), Some(mask));
                }
            }
        }
        if let Some(body) = close {
            let body = body.map(|(code, why)| [&code.to_be_bytes()[..], why.as_bytes()].concat());
            push(Frame::new(8, body.unwrap_or_default()), Some([1, 2, 3, 4]));
        }
        frames
    })
}

/// A way that loses nothing.
pub(super) fn travel() -> impl Strategy<Value = Travel> {
    let size = prop_oneof![
        2 => Just(1_usize),
        2 => 2_usize..9,
        2 => 9_usize..200,
        2 => Just(1448),
        2 => Just(60_000),
    ];
    let number = prop_oneof![
        any::<u32>(),
        (0_u32..4_000).prop_map(|back| u32::MAX - back)
    ];
    let end = prop_oneof![
        Just(TcpEnd::None),
        who().prop_map(TcpEnd::Fin),
        who().prop_map(TcpEnd::Rst)
    ];
    let unsent = prop_oneof![6 => Just(0_usize), 1 => 1_usize..200];
    (
        any::<(bool, bool)>(),
        size,
        vec(0_usize..17, 1..9),
        vec(who(), 1..20),
        (number.clone(), number),
        end,
        [unsent.clone(), unsent],
    )
        .prop_map(
            |((deflates, coalesced), segment_size, cuts, turns, isn, tcp_end, unsent)| Travel {
                port: FIRST_PORT,
                deflates,
                coalesced,
                segment_size,
                cuts,
                turns,
                isn,
                tcp_end,
                unsent,
                then: Vec::new(),
            },
        )
}

/// A way with segments such as endpoints make: where every byte begins a segment, frames are found where none are.
pub(super) fn plausible_travel() -> impl Strategy<Value = Travel> {
    travel().prop_map(|travel| Travel {
        deflates: false,
        segment_size: travel.segment_size.max(40),
        ..travel
    })
}
