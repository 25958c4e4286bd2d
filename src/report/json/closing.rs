//! The line of a closing.

use super::time::Time;
use super::value::{Buffer, Json, List, Plain, Text, object};
use super::{FindingJson, HopJson, MeaningJson, VERSION, micros, millis};
use crate::attempt::ClosingLeg;
use crate::event::FrameCounts;
use crate::judge::JudgedClosing;
use crate::report::facts;
use crate::report::mask::{Kind, Mask};
use crate::time::Timestamp;
use crate::websocket::RoundTrips;

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) judged: &'a JudgedClosing,
    pub(super) mask: &'a Mask,
}

impl Json for Line<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { judged, mask } = self;
        let (closing, judgement) = (&judged.closing, &judged.judgement);
        let findings = &judgement.findings;
        let root = findings.first();
        let advice = &judgement.advice;
        object!(out, {
            "v": VERSION,
            "type": Plain("closing"),
            "attempt": closing.attempt,
            "time": Time(closing.at),
            "kind": Plain(judgement.kind.name()),
            "wire_code": judgement.wire_code,
            "code": judgement.code,
            "by": Plain(judgement.by.name()),
            "reason": Kind::Words.shown_if(mask, judgement.reason.as_deref()),
            "meaning": judgement.meaning.as_ref().map(MeaningJson),
            "severity": Plain(judgement.severity.name()),
            "age_ms": millis(closing.age()),
            "idle_ms": millis(closing.idle()),
            "hop": judgement.hop.as_ref().map(|hop| HopJson { hop, mask }),
            "finding": root.map(|finding| Plain(finding.id.name())),
            "confidence": root.map(|finding| Plain(finding.confidence.name())),
            "findings": List(findings.iter().map(|finding| FindingJson { finding, mask })),
            "cause": advice.cause.as_deref().map(Text),
            "fix": List(advice.fix.iter().map(Text)),
            "wont_help": List(advice.wont_help.iter().map(Text)),
            "legs": List(closing.legs.iter().map(|leg| LegJson { leg, at: closing.at })),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct LegJson<'a> {
    leg: &'a ClosingLeg,
    /// When the WebSocket ended.
    at: Timestamp,
}

impl Json for LegJson<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { leg, at } = self;
        let first = leg.closes.first();
        let (tcp_end, tcp_by) = facts::tcp_end(leg);
        let by = first.map(|close| close.dir).or(tcp_by);
        let echo = facts::echo(leg);
        object!(out, {
            "leg": leg.leg,
            "wire_code": first.and_then(|close| close.close.code).map(|code| code.0),
            "by": by.map(facts::side).map(Plain),
            "echoed": echo.is_some(),
            "echo_ms": echo.map(|(wait, _)| millis(wait)),
            "echo_code": echo.and_then(|(_, code)| code).map(|code| code.0),
            "tcp_end": Plain(tcp_end),
            "tcp_by": tcp_by.map(facts::side).map(Plain),
            "age_ms": millis(leg.end_or(at).since(leg.opened_at)),
            "idle_ms": millis(leg.idle_before(at)),
            "frames": Sides(leg),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct Sides<'a>(&'a ClosingLeg);

impl Json for Sides<'_> {
    fn write(self, out: &mut Buffer) {
        let Self(leg) = self;
        let [client_rtt, server_rtt] = &leg.rtt;
        object!(out, {
            "client": Frames { counts: &leg.client_frames, rtt: client_rtt },
            "server": Frames { counts: &leg.server_frames, rtt: server_rtt },
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct Frames<'a> {
    counts: &'a FrameCounts,
    rtt: &'a RoundTrips,
}

impl Json for Frames<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { counts, rtt } = self;
        object!(out, {
            "text": counts.text,
            "binary": counts.binary,
            "continuation": counts.continuation,
            "ping": counts.ping,
            "pong": counts.pong,
            "close": counts.close,
            "other": counts.other,
            "messages": counts.messages,
            "bytes": counts.bytes,
            "pings_unanswered": counts.pings_unanswered,
            "ping_rtt_us": rtt.middle().map(|p50| Rtt { p50: micros(p50), max: micros(rtt.longest()) }),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct Rtt {
    p50: u64,
    max: u64,
}

impl Json for Rtt {
    fn write(self, out: &mut Buffer) {
        object!(out, {
            "p50": self.p50,
            "max": self.max,
        });
    }
}
