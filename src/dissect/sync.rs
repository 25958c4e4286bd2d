//! Taking up a direction again whose frame boundaries are not known: after a gap, or joined in the middle.
//!
//! A frame header is two bytes that many bytes could be. So a place counts as the start of a frame only if it begins a
//! segment and several headers in a row, each where the one before says, are such as an endpoint would send.

use crate::websocket::{Close, CloseCode, FrameHeader, FrameStep, FrameWalker, Opcode, Payload};

/// A place that may be the start of a frame, with what followed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    walker: FrameWalker,
    masked: Option<bool>,
    steps: Vec<FrameStep>,
    /// Bytes of Close frames among them.
    closes: usize,
    headers: usize,
    /// A frame ended where a segment did.
    aligned: bool,
    /// The last frame is a Close: nothing may follow it.
    closed: bool,
}

/// How sure a candidate has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A header did not fit.
    Refuted,
    /// Not yet.
    Pending,
    /// Two frames ended exactly with the segment.
    Short,
    /// Three headers fit.
    Chained,
}

/// Headers that must follow from each other.
const ENOUGH: usize = 3;
/// Beyond so many steps a candidate that is still unsure is none.
const MOST_STEPS: usize = 64;
/// No header that claims more is believed.
const SANE_LEN: u64 = 1 << 26;

impl Candidate {
    /// The first byte of a segment, `offset` bytes into the stream of frames.
    pub(super) const fn new(offset: u64) -> Self {
        Self {
            walker: FrameWalker::joined_at(offset),
            masked: None,
            steps: Vec::new(),
            closes: 0,
            headers: 0,
            aligned: false,
            closed: false,
        }
    }

    /// Reads on. Stops in front of what is left of `bytes` once there are enough headers.
    pub(super) fn push(&mut self, bytes: &mut &[u8]) -> Proof {
        self.aligned |= self.headers > 0 && self.walker.is_between_frames();
        while let Some(step) = self.walker.step(bytes) {
            if let FrameStep::Header {
                header,
                out_of_turn,
                ..
            } = &step
            {
                let masked = *self.masked.get_or_insert_with(|| header.mask.is_some());
                if *out_of_turn || self.closed || !is_plausible(header, masked) {
                    return Proof::Refuted;
                }
                self.closed = header.opcode == Opcode::CLOSE;
                self.headers += 1;
            }
            let is_http = matches!(step, FrameStep::Http { .. });
            if let FrameStep::Control { payload, .. } = &step {
                self.closes += payload.close.capacity();
                if self.closed && !is_sound(payload) {
                    return Proof::Refuted;
                }
            }
            self.steps.push(step);
            let is_full = self.steps.len() > MOST_STEPS;
            if self.headers >= ENOUGH && (self.aligned || is_full) {
                return Proof::Chained;
            }
            if is_http || is_full {
                return Proof::Refuted;
            }
        }
        self.aligned |= self.headers > 0 && self.walker.is_between_frames();
        if self.headers >= ENOUGH {
            Proof::Chained
        } else if self.headers == ENOUGH - 1 && self.walker.is_between_frames() {
            Proof::Short
        } else {
            Proof::Pending
        }
    }

    /// Jumps over lost bytes; false where the chain is broken by it.
    pub(super) fn skip(&mut self, len: u64) -> bool {
        self.headers > 0 && self.walker.skip(len)
    }

    /// Bytes that are allocated for it.
    fn allocated(&self) -> u64 {
        let steps = self.steps.capacity().saturating_mul(size_of::<FrameStep>());
        (size_of::<Self>() + steps).saturating_add(self.closes) as u64
    }

    /// Whether its frames are masked, as those of a client are.
    pub(super) const fn is_masked(&self) -> Option<bool> {
        self.masked
    }

    /// The headers that fit.
    pub(super) fn headers(&self) -> impl Iterator<Item = &FrameHeader> {
        self.steps.iter().filter_map(|step| match step {
            FrameStep::Header { header, .. } => Some(header),
            _ => None,
        })
    }

    /// Whether a frame ended where a segment did: random bytes hardly do that.
    pub(super) const fn is_aligned(&self) -> bool {
        self.aligned
    }

    /// What was found, and the walker behind it.
    pub(super) fn into_parts(self) -> (Vec<FrameStep>, FrameWalker) {
        (self.steps, self.walker)
    }
}

/// Whether a step is one that frames of an endpoint make. Behind a place that was only thought to be the start of a frame
/// whatever is not shows that it was none.
pub(super) fn fits(step: &FrameStep, masked: bool) -> bool {
    match step {
        FrameStep::Header {
            header,
            out_of_turn,
            ..
        } => !*out_of_turn && is_plausible(header, masked),
        FrameStep::Control {
            header, payload, ..
        } => header.opcode != Opcode::CLOSE || is_sound(payload),
        FrameStep::Message { .. } | FrameStep::Http { .. } => true,
    }
}

/// Looks for the place where the frames of a direction go on. Hands out a candidate that `accept` takes, with `bytes`
/// moved behind what it read; else `place` holds the one to go on with.
pub(super) fn search(
    place: &mut Option<Box<Candidate>>,
    offset: u64,
    bytes: &mut &[u8],
    at_segment_start: bool,
    accept: impl Fn(&Candidate, Proof) -> bool,
) -> Option<Box<Candidate>> {
    let mut pending = None;
    // A place whose first frame never seems to end must not hide a better one: both are tried.
    let fresh = at_segment_start.then(|| Box::new(Candidate::new(offset)));
    for mut candidate in [place.take(), fresh].into_iter().flatten() {
        let mut rest = *bytes;
        let proof = candidate.push(&mut rest);
        if accept(&candidate, proof) {
            *bytes = rest;
            return Some(candidate);
        }
        if proof != Proof::Refuted && rest.is_empty() {
            pending = pending.or(Some(candidate));
        }
    }
    *place = pending;
    None
}

/// Bytes that are allocated for some places.
pub(super) fn allocated<'a>(places: impl IntoIterator<Item = Option<&'a Candidate>>) -> u64 {
    places.into_iter().flatten().map(Candidate::allocated).sum()
}

/// Whether an endpoint would send such a header.
fn is_plausible(header: &FrameHeader, masked: bool) -> bool {
    let opcode = header.opcode;
    let begins = matches!(opcode, Opcode::TEXT | Opcode::BINARY);
    // RSV1 marks a compressed message on its first frame (RFC 7692 §6.1); nothing else is in use.
    let rsv_fits = header.rsv.0 == 0 || (header.rsv.0 == 4 && begins);
    let control_fits = !opcode.is_control() || (header.fin && header.payload_len <= 125);
    // A status code has two bytes (RFC 6455 §5.5.1).
    let close_fits = opcode != Opcode::CLOSE || header.payload_len != 1;
    let says_something = header.fin || header.payload_len > 0;
    header.mask.is_some() == masked
        && !opcode.is_reserved()
        && rsv_fits
        && control_fits
        && close_fits
        && says_something
        && !header.length_not_minimal
        && header.payload_len <= SANE_LEN
}

/// Whether a Close says what an endpoint may say. Random bytes hardly do, and a Close is not to be invented.
fn is_sound(close: &Payload) -> bool {
    let said = Close::parse(&close.close);
    let is_legal = said.code.is_none_or(CloseCode::is_legal_on_wire);
    is_legal && !said.malformed && (close.cut || !said.reason_invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prove(pieces: &[&[u8]]) -> Proof {
        let mut candidate = Candidate::new(0);
        let mut proof = Proof::Pending;
        for &piece in pieces {
            proof = candidate.push(&mut &*piece);
            if proof == Proof::Refuted {
                return proof;
            }
        }
        proof
    }

    #[test]
    fn three_headers_or_two_that_end_with_the_segment() {
        let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".as_slice();
        assert_eq!(prove(&[frame]), Proof::Pending);
        assert_eq!(prove(&[frame, frame]), Proof::Short);
        assert_eq!(prove(&[&[frame, frame].concat()]), Proof::Short);
        assert_eq!(
            prove(&[&[frame, frame, &frame[..3]].concat()]),
            Proof::Pending
        );
        assert_eq!(
            prove(&[&[frame, frame, &frame[..7]].concat()]),
            Proof::Chained
        );
        assert_eq!(prove(&[frame, frame, frame]), Proof::Chained);
        assert_eq!(
            prove(&[frame, b"\x81\x00"]),
            Proof::Refuted,
            "masked, then not"
        );
        assert_eq!(prove(&[b"\x00\x00\x00\x00\x00\x00"]), Proof::Refuted);
        assert_eq!(
            prove(&[b"\x81\x00\x80\x00\x80\x00"]),
            Proof::Refuted,
            "continues nothing"
        );
    }

    #[test]
    fn other_protocols_do_not_chain() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
            b"\x17\x03\x03\x00\x20\x81\x00\x81\x00\x81\x00",
            b"\x82\xa5\x63\x6f\x6e\x6e\x65\x63\x74\xc3\xa5\x70\x72\x6f\x78\x79\xc2",
            b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00\x82\x01\x02\x03\x04",
            b"\x00\x00\x00\x2a\x00\x00\x00\x01\x00\x00\x00\x00",
            b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(matches!(prove(&[bytes]), Proof::Refuted | Proof::Pending), "{bytes:?}");
        }
    }
}
