//! The judgement of a closing: how an opened WebSocket ended, who ended it, and whose fault it was (RFC 6455 §7).
//!
//! A code says what an endpoint thinks; FIN and RST say what happened; which leg went first says who did it.

mod abnormal;
mod changed;
mod code;
mod frames;
mod meaning;

use self::abnormal::{is_unused, tcp_party};
use self::code::kind_of;
use crate::attempt::{Closing, ClosingLeg, SeenClose};
use crate::flow::{Direction, is_host_reached};
use crate::judge::{
    Catalogue, ClosingJudgement, ClosingScene, Confidence, Finding, FindingId, Hop, Kind, Party,
    Severity,
};
use crate::websocket::CloseCode;

/// Judges how an opened WebSocket ended.
pub fn closing(closing: &Closing, catalogue: &Catalogue) -> ClosingJudgement {
    let Some(outermost) = closing.legs.first() else {
        return open(closing);
    };
    let first_close = first_close(closing);
    let by_tcp = tcp_party(closing);
    let unused = first_close.is_none() && is_unused(closing, outermost);
    let changed = changed::find(&closing.legs);
    // Another hop may have said something to the client after all.
    let is_unseen =
        outermost.closes.is_empty() && changed.as_ref().is_some_and(|changed| changed.is_unseen);
    let is_own = changed.as_ref().is_some_and(|changed| changed.is_own);
    let (kind, by) = match first_close {
        // The outermost leg decides: its client has no part in that Close.
        Some((_, close)) if is_unseen => {
            let by = match close.dir {
                Direction::ToClient => closed_by(closing, close),
                Direction::ToServer => by_tcp,
            };
            (Kind::Abnormal, by)
        }
        Some((_, close)) if is_own => (kind_of(close), Party::Proxy),
        Some((_, close)) => (kind_of(close), closed_by(closing, close)),
        None if closing.still_open => (Kind::Open, Party::Unknown),
        None if unused => (Kind::Unused, Party::Client),
        None if may_hide_more(closing) => (Kind::Abnormal, Party::Unknown),
        None => (Kind::Abnormal, by_tcp),
    };
    // On the wire of the outermost leg there was none.
    let wire_code = first_close
        .filter(|_| !is_unseen)
        .and_then(|(_, close)| close.close.code)
        .map(|code| code.0);
    let code = match kind {
        Kind::Open => None,
        _ if first_close.is_none() || is_unseen => Some(CloseCode::ABNORMAL.0),
        _ => wire_code.or(Some(CloseCode::NO_STATUS.0)),
    };
    let reason = first_close
        .map(|(_, close)| close.close.reason.clone())
        .filter(|reason| !reason.is_empty());
    let mut trial = Trial {
        closing,
        outermost,
        kind,
        by,
        code,
        catalogue,
        findings: Vec::new(),
        hop: None,
    };
    // An end that answers a breach of the protocol is the symptom; the frame before it is the cause.
    if let Some(offender) = trial.offender(wire_code) {
        trial.violations(Some(offender));
    }
    if let Some(evidence) = trial.engine_io_ping() {
        trial.find(FindingId::PingTimeout, 0, Confidence::Likely, evidence);
    }
    // What the client got instead of the Close is worth more than what the Close said.
    let is_withheld =
        is_unseen && first_close.is_some_and(|(_, close)| close.dir == Direction::ToClient);
    let (before, after) = if is_withheld {
        (changed, None)
    } else {
        (None, changed)
    };
    trial.changed(before);
    if kind == Kind::Abnormal && !is_withheld {
        trial.abnormal();
    } else {
        trial.by_code(first_close);
    }
    trial.illegal_answers(first_close);
    trial.changed(after);
    trial.violations(None);
    let is_known = trial.by_own_row(first_close);
    let severity = match kind {
        // What has a row of the user's own is worth a look.
        _ if is_known => Severity::Warning,
        Kind::Normal | Kind::Application | Kind::Unused | Kind::Open => Severity::Info,
        Kind::Abnormal => Severity::Warning,
        Kind::Fault | Kind::Illegal => Severity::Error,
    };
    let Trial { findings, hop, .. } = trial;
    let advice = findings.first().map_or_else(Default::default, |root| {
        catalogue.advice_on(root, hop.as_ref(), false)
    });
    ClosingJudgement {
        meaning: meaning::of(closing, kind, wire_code, catalogue),
        kind,
        severity,
        wire_code,
        code,
        by,
        reason,
        findings,
        hop,
        advice,
    }
}

/// A closing under judgement.
struct Trial<'a> {
    closing: &'a Closing,
    outermost: &'a ClosingLeg,
    kind: Kind,
    by: Party,
    code: Option<u16>,
    catalogue: &'a Catalogue,
    findings: Vec<Finding>,
    hop: Option<Hop>,
}

impl Trial<'_> {
    fn find(&mut self, id: FindingId, leg: usize, confidence: Confidence, evidence: String) {
        let scene = self.scene();
        let rule = self
            .catalogue
            .closing_row(id, &scene)
            .map(|row| row.id.clone());
        self.findings.push(Finding {
            id,
            rule,
            leg,
            confidence,
            evidence: vec![evidence],
        });
    }

    fn scene(&self) -> ClosingScene<'_> {
        let closing = self.closing;
        let reason = first_close(closing).map_or("", |(_, close)| &*close.close.reason);
        ClosingScene {
            kind: self.kind,
            code: self.code,
            by: self.by,
            at_hop: self.is_hop(),
            ends: self.ends_of_hop(),
            engine_io: self.engine_io_ping().is_some(),
            version: closing.legs.last().and_then(|leg| leg.handshake.version),
            reason,
            age: closing.age(),
            idle: closing.idle(),
            server_idle: closing.server_idle(),
            software: match &self.hop {
                Some(hop) => hop.software.as_deref(),
                None => self.outermost.handshake.software.as_deref(),
            },
            marks: &self.outermost.marks,
        }
    }
}

fn open(closing: &Closing) -> ClosingJudgement {
    let kind = if closing.still_open {
        Kind::Open
    } else {
        Kind::Abnormal
    };
    ClosingJudgement {
        kind,
        severity: Severity::Info,
        wire_code: None,
        code: None,
        by: Party::Unknown,
        reason: None,
        meaning: None,
        findings: Vec::new(),
        hop: None,
        advice: crate::judge::Advice::default(),
    }
}

/// The first Close, with the index in the attempt of the outermost leg that has it. Where both sides close at once, each
/// leg has its own first: the one that was sent first counts.
fn first_close(closing: &Closing) -> Option<(usize, &SeenClose)> {
    let firsts = closing.legs.iter().filter_map(|leg| leg.closes.first());
    let first = firsts.min_by_key(|close| close.at.ts)?;
    let same = |close: &&SeenClose| close.dir == first.dir && close.close.code == first.close.code;
    closing
        .legs
        .iter()
        .find_map(|leg| leg.closes.iter().find(same).map(|close| (leg.leg, close)))
}

/// Who sent the first Close. Where the other side may have sent one before that is not in the capture, another leg that
/// shows the same Close may know.
fn closed_by(closing: &Closing, first: &SeenClose) -> Party {
    let code = first.close.code;
    let mut same: Vec<(&ClosingLeg, &SeenClose)> = closing
        .legs
        .iter()
        .filter_map(|leg| {
            let close = leg.closes.first()?;
            (close.close.code == code).then_some((leg, close))
        })
        .collect();
    same.sort_by_key(|(_, close)| close.at.ts);
    let is_sure = |(leg, close): &(&ClosingLeg, &SeenClose)| {
        let both = leg.closes.iter().any(|other| other.dir != close.dir);
        both || !leg.may_hide(close.dir.flip())
    };
    let mut sure = same.into_iter().filter(is_sure);
    sure.next()
        .map_or(Party::Unknown, |(_, close)| sender(close.dir))
}

/// No Close was seen, but there may have been one: nobody can be said to have ended it without.
fn may_hide_more(closing: &Closing) -> bool {
    let sides = [Direction::ToServer, Direction::ToClient];
    let hides = |leg: &ClosingLeg| sides.into_iter().any(|dir| leg.may_hide_end(dir));
    closing.legs.iter().any(hides)
}

const fn sender(dir: Direction) -> Party {
    match dir {
        Direction::ToServer => Party::Client,
        Direction::ToClient => Party::Server,
    }
}

fn hop_between(outer: &ClosingLeg, inner: &ClosingLeg) -> Hop {
    let (said, passed_on) = (&outer.handshake, &inner.handshake);
    Hop {
        inward: Some(outer.server),
        outward: Some(inner.client),
        // It may only have passed on what the inner leg said, even where the 101 of that one is not there.
        software: (said.software != passed_on.software && passed_on.accept.is_some())
            .then(|| said.software.clone())
            .flatten(),
        adjacent: is_host_reached(inner.client.addr, outer.client, outer.server).then_some(true),
    }
}
