//! The line of a closing.

use super::format::{Plain, Text, object};
use super::time::Time;
use super::{FindingJson, HopJson, MeaningJson, Shown, Texts, micros, millis};
use crate::attempt::{ClosingLeg, RoundTrips};
use crate::event::FrameCounts;
use crate::judge::JudgedClosing;
use crate::report::facts;
use crate::report::mask::Mask;
use crate::time::Timestamp;

object! {
    #[derive(Debug)]
    pub(super) struct Line<'a> {
        v: u8,
        r#type: Plain<&'static str>,
        attempt: u64,
        time: Time,
        kind: Plain<&'static str>,
        wire_code: Option<u16>,
        code: Option<u16>,
        by: Plain<&'static str>,
        reason: Option<Shown<'a>>,
        meaning: Option<MeaningJson<'a>>,
        severity: Plain<&'static str>,
        age_ms: u64,
        idle_ms: u64,
        hop: Option<HopJson<'a>>,
        finding: Option<Plain<&'static str>>,
        confidence: Option<Plain<&'static str>>,
        findings: Vec<FindingJson<'a>>,
        cause: Option<Text<&'a str>>,
        fix: Texts<'a>,
        wont_help: Texts<'a>,
        legs: Vec<LegJson>,
    }
}

object! {
    #[derive(Debug)]
    struct LegJson {
        leg: usize,
        wire_code: Option<u16>,
        by: Option<Plain<&'static str>>,
        echoed: bool,
        echo_ms: Option<u64>,
        echo_code: Option<u16>,
        tcp_end: Plain<&'static str>,
        tcp_by: Option<Plain<&'static str>>,
        age_ms: u64,
        idle_ms: u64,
        frames: Sides,
    }
}

object! {
    #[derive(Debug)]
    struct Sides {
        client: Frames,
        server: Frames,
    }
}

object! {
    #[derive(Debug)]
    struct Frames {
        text: u64,
        binary: u64,
        continuation: u64,
        ping: u64,
        pong: u64,
        close: u64,
        other: u64,
        messages: u64,
        bytes: u64,
        pings_unanswered: u64,
        ping_rtt_us: Option<Rtt>,
    }
}

object! {
    #[derive(Debug)]
    struct Rtt {
        p50: u64,
        max: u64,
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(judged: &'a JudgedClosing, mask: &Mask) -> Self {
        let (closing, judgement) = (&judged.closing, &judged.judgement);
        let root = judgement.findings.first();
        Self {
            v: 1,
            r#type: Plain("closing"),
            attempt: closing.attempt,
            time: Time(closing.at),
            kind: Plain(judgement.kind.name()),
            wire_code: judgement.wire_code,
            code: judgement.code,
            by: Plain(judgement.by.name()),
            reason: judgement
                .reason
                .as_deref()
                .map(|reason| Text(mask.words(reason))),
            meaning: judgement.meaning.as_ref().map(MeaningJson::new),
            severity: Plain(judgement.severity.name()),
            age_ms: millis(closing.age()),
            idle_ms: millis(closing.idle()),
            hop: judgement.hop.as_ref().map(|hop| HopJson::new(hop, mask)),
            finding: root.map(|finding| Plain(finding.id.name())),
            confidence: root.map(|finding| Plain(finding.confidence.name())),
            findings: judgement
                .findings
                .iter()
                .map(|finding| FindingJson::new(finding, mask))
                .collect(),
            cause: judgement.advice.cause.as_deref().map(Text),
            fix: Texts(&judgement.advice.fix),
            wont_help: Texts(&judgement.advice.wont_help),
            legs: closing
                .legs
                .iter()
                .map(|leg| LegJson::new(leg, closing.at))
                .collect(),
        }
    }
}

impl LegJson {
    fn new(leg: &ClosingLeg, at: Timestamp) -> Self {
        let first = leg.closes.first();
        let (tcp_end, tcp_by) = facts::tcp_end(leg);
        let echo = facts::echo(leg);
        let [client_rtt, server_rtt] = &leg.rtt;
        Self {
            leg: leg.leg,
            wire_code: first.and_then(|close| close.close.code).map(|code| code.0),
            by: first
                .map(|close| close.dir)
                .or(tcp_by)
                .map(facts::side)
                .map(Plain),
            echoed: echo.is_some(),
            echo_ms: echo.map(|(wait, _)| millis(wait)),
            echo_code: echo.and_then(|(_, code)| code).map(|code| code.0),
            tcp_end: Plain(tcp_end),
            tcp_by: tcp_by.map(facts::side).map(Plain),
            age_ms: millis(leg.end_or(at).since(leg.opened_at)),
            idle_ms: millis(leg.idle_before(at)),
            frames: Sides {
                client: Frames::new(&leg.client_frames, client_rtt),
                server: Frames::new(&leg.server_frames, server_rtt),
            },
        }
    }
}

impl Frames {
    fn new(counts: &FrameCounts, rtt: &RoundTrips) -> Self {
        Self {
            text: counts.text,
            binary: counts.binary,
            continuation: counts.continuation,
            ping: counts.ping,
            pong: counts.pong,
            close: counts.close,
            other: counts.other,
            messages: counts.messages,
            bytes: counts.bytes,
            pings_unanswered: counts.pings_unanswered,
            ping_rtt_us: rtt.middle().map(|middle| Rtt {
                p50: micros(middle),
                max: micros(rtt.longest()),
            }),
        }
    }
}
