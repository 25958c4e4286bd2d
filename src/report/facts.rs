//! Small facts that both reports read out of legs and closings.

use std::time::Duration;

use crate::attempt::{Attempt, ClosingLeg, Leg, Protocol, TcpEnd};
use crate::flow::{Direction, End};
use crate::judge::{Finding, JudgedAttempt, Verdict};
use crate::time::{Stamp, Timestamp};
use crate::websocket::CloseCode;

/// The token of the protocol that was asked for; `None` where nothing was.
pub(crate) fn protocol(attempt: &Attempt) -> Option<&str> {
    match &attempt.protocol {
        Protocol::WebSocket => Some("websocket"),
        Protocol::Other(token) => Some(token),
        Protocol::None => None,
    }
}

/// The root cause of an attempt; one that opened whole has none, whatever notes it bears.
pub(crate) fn root(judged: &JudgedAttempt) -> Option<&Finding> {
    let judgement = &judged.judgement;
    (judgement.verdict != Verdict::Ok)
        .then(|| judgement.findings.first())
        .flatten()
}

/// Where a leg was first seen: its request, else its answer, else its SYN.
pub(crate) fn stamp(leg: &Leg) -> Option<Stamp> {
    let request = leg.request.as_ref().map(|(at, _)| *at);
    let response = leg.response.as_ref().map(|(at, _)| *at);
    request
        .or(response)
        .or_else(|| leg.connection().syn)
        .or_else(|| leg.connection().syn_ack)
}

/// Wireshark's streams that hold its packets: two where the client was redirected.
pub(crate) fn streams(leg: &Leg) -> impl Iterator<Item = u32> {
    let answers = leg
        .connection()
        .redirected
        .and_then(|other| other.tcp_stream);
    leg.connection().tcp_stream.into_iter().chain(answers)
}

/// How a leg ended, in the words of the output.
pub(crate) fn ended(leg: &Leg) -> &'static str {
    if leg.end.unseen {
        return "unknown";
    }
    ending(leg.end.how, leg.end.first.as_ref())
}

/// How the connection of a closing ended, and who ended it.
pub(crate) fn tcp_end(leg: &ClosingLeg) -> (&'static str, Option<Direction>) {
    let first = leg.tcp_ends.first();
    let by = first.map(|end| end.dir).or(match leg.ended {
        Some(End::Rst(dir)) => Some(dir),
        _ => None,
    });
    (ending(leg.ended, first), by)
}

fn ending(how: Option<End>, first: Option<&TcpEnd>) -> &'static str {
    match (how, first) {
        (Some(End::Refused), _) => "refused",
        (Some(End::Rst(_)), None) | (_, Some(TcpEnd { reset: true, .. })) => "rst",
        (Some(End::Fin), _) | (_, Some(TcpEnd { reset: false, .. })) => "fin",
        (Some(End::Unanswered), _) | (Some(End::Idle), None) => "timeout",
        (Some(End::Evicted), None) => "evicted",
        (Some(End::Replaced), None) => "unknown",
        (Some(End::CaptureOver) | None, None) => "open",
    }
}

/// Who sends in that direction.
pub(crate) const fn side(dir: Direction) -> &'static str {
    match dir {
        Direction::ToServer => "client",
        Direction::ToClient => "server",
    }
}

/// From one side's Close to the other's, and what that says: mostly the same code.
pub(crate) fn echo(leg: &ClosingLeg) -> Option<(Duration, Option<CloseCode>)> {
    let first = leg.closes.first()?;
    let answer = leg.closes.iter().find(|close| close.dir != first.dir)?;
    Some((answer.at.ts.since(first.at.ts), answer.close.code))
}

/// The latest moment that an attempt shows: when it could be decided at the earliest.
pub(crate) fn latest(attempt: &Attempt) -> Timestamp {
    let leg = attempt.outermost();
    let answered = leg.response.as_ref().map(|(at, _)| at.ts);
    let ended = leg.end.first.map(|end| end.at);
    answered.max(ended).unwrap_or_default().max(leg.started())
}

/// Whether bytes of the body are text that a person can read.
pub(crate) fn text_body(leg: &Leg) -> Option<&str> {
    let body = leg.body.as_ref().filter(|body| !body.encoded)?;
    let bytes = body.bytes.get(..body.bytes.len().min(256))?;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The cut at 256 bytes may go through a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    // Most have nothing but printable ASCII, save line breaks.
    let is_usual = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    let is_binary = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x1b');
    let is_text = || text.bytes().all(is_usual) || !text.chars().any(is_binary);
    (!text.is_empty() && is_text()).then_some(text)
}
