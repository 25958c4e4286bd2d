//! What the leg behind the refusing hop shows, or that there is none: whose doing an answer is.

use std::time::Duration;

use super::of_answer;
use crate::attempt::{Leg, Role};
use crate::flow::End;
use crate::judge::structure::{self, Edge, Fault};
use crate::judge::trial::{Outcome, Trial};
use crate::judge::{Confidence, Finding, FindingId, Hop, Verdict, opened};

/// An answer takes no longer to pass a hop, unless the hop keeps it.
const IN_PASSING: Duration = Duration::from_millis(100);

/// The server answered 101, but none that may be passed on; the hop was right to refuse it (rules X08, X16).
pub(super) fn broken_101_behind(trial: &Trial<'_>, at: usize) -> Option<Outcome> {
    let edge = trial.edges.iter().find(|edge| edge.from == at)?;
    if edge.inner.status() != Some(101) || edge.outer.status() == Some(101) {
        return None;
    }
    let defects = opened::defects(edge.inner);
    let evidence: Vec<String> = defects
        .into_iter()
        .flat_map(|defect| defect.evidence)
        .collect();
    if evidence.is_empty() {
        return None;
    }
    let fault = Fault {
        id: FindingId::Invalid101,
        evidence,
    };
    let mut findings = vec![trial.finding(fault, edge.to, Confidence::Certain)];
    if let Some((id, evidence)) = unlike(edge) {
        let fault = Fault::new(id, evidence);
        findings.push(trial.finding(fault, edge.to, edge.confidence()));
    }
    findings.extend(of_answer(trial, at).findings);
    Some(Outcome::new(Verdict::Rejected, findings, None))
}

/// What the leg behind the refusing hop shows, where it is not the same answer.
pub(super) fn what_is_behind(trial: &Trial<'_>, at: usize) -> Option<(Finding, Hop)> {
    let leg = trial.leg(at)?;
    if let Some(edge) = trial.edges.iter().find(|edge| edge.from == at) {
        let (id, evidence) = unlike(edge)?;
        let fault = Fault::new(id, evidence);
        return Some((trial.finding(fault, edge.to, edge.confidence()), edge.hop()));
    }
    let (index, failed) = trial
        .attempt
        .legs
        .iter()
        .enumerate()
        .find(|(_, node)| node.role == Role::Failed && node.parent == Some(at))?;
    let how = match failed.leg.end.how {
        Some(End::Refused) => "refused the connection",
        Some(End::Unanswered) => "did not answer the connection",
        _ => "closed the connection before a request",
    };
    let evidence = format!(
        "{} {how} of {}",
        failed.leg.connection().server,
        failed.leg.connection().client.addr
    );
    let fault = Fault::new(FindingId::UpstreamUnreachable, evidence);
    let (inward, outward) = leg.facing(&failed.leg);
    let hop = Hop {
        inward: Some(inward),
        outward: Some(outward),
        software: structure::software(leg, None),
        adjacent: failed.adjacent,
    };
    let finding = Finding {
        leg: index,
        ..trial.finding(fault, at, Confidence::Likely)
    };
    Some((finding, hop))
}

/// What went wrong behind a hop while the client still waited, so that it waited in vain; of the innermost hop.
pub(super) fn fault_before_leaving(trial: &Trial<'_>) -> Option<(Finding, Hop)> {
    let left = trial.outermost().end.first?.at;
    let in_vain = |index: usize| {
        let Some(leg) = trial.leg(index) else {
            return false;
        };
        // A connection is opened within a second, or its SYN is sent again (RFC 6298 §2).
        let (known, patience) = match leg.end.how {
            Some(End::Unanswered) => (leg.started(), Duration::from_secs(1)),
            _ => (leg.settled().unwrap_or_else(|| leg.started()), IN_PASSING),
        };
        known.after(patience) <= left
    };
    trial
        .path
        .iter()
        .rev()
        .filter_map(|&at| what_is_behind(trial, at))
        .find(|(finding, _)| in_vain(finding.leg))
}

/// How the inner leg ended, where its answer is not what the hop said.
fn unlike(edge: &Edge<'_>) -> Option<(FindingId, String)> {
    let inner = edge.inner;
    if inner.gaps.response || inner.gaps.one_sided {
        return None;
    }
    let server = inner.connection().server;
    match (inner.status(), edge.outer.status()) {
        (Some(inner), Some(outer)) if inner == outer => None,
        (Some(inner), outer) => {
            let got = outer.map_or_else(|| "nothing".into(), |outer| outer.to_string());
            Some((
                FindingId::AnswerNotRelayed,
                format!("{server} answered {inner}, the client got {got}"),
            ))
        }
        (None, _) if inner.response.is_some() => Some((
            FindingId::NotHttp,
            format!("{server} answered with bytes that are no HTTP"),
        )),
        // Who let go first was lost, or the answer was.
        (None, _) if inner.gaps.behind || inner.end.first.is_none() => None,
        (None, _) if inner.server_left_first() => {
            let how = inner
                .end
                .first
                .map_or("FIN", |end| if end.reset { "RST" } else { "FIN" });
            Some((
                FindingId::UpstreamClosed,
                format!("{server} took the request and closed by {how} without an answer"),
            ))
        }
        (None, _) => Some((FindingId::UpstreamNoAnswer, silence(inner))),
    }
}

/// Whether what lies behind explains the answer: a gateway's own 5xx, or no answer at all.
pub(super) fn explains(leg: &Leg) -> bool {
    leg.status().is_none_or(|status| status >= 500)
}

/// A hop that passes other handshakes on in clear passed this one nowhere: it answered by itself.
pub(super) fn answered_by_itself(trial: &Trial<'_>, at: usize, outcome: &mut Outcome) {
    let around = &trial.attempt.surroundings;
    let Some(leg) = trial.leg(at).filter(|leg| leg.status().is_some()) else {
        return;
    };
    let passed_on = trial.edges.iter().any(|edge| edge.from == at);
    if !around.hop_passes_others || passed_on || around.lossy || leg.gaps.response {
        return;
    }
    let evidence = format!(
        "{} passed other handshakes on, and this one nowhere",
        leg.connection().server
    );
    let fault = Fault::new(FindingId::AnsweredByProxy, evidence);
    outcome
        .findings
        .push(trial.finding(fault, at, Confidence::Likely));
    outcome.hop = Some(Hop {
        inward: Some(leg.connection().server),
        outward: None,
        software: structure::software(leg, None),
        adjacent: None,
    });
}

/// That a leg was never answered, and how long that was waited for.
fn silence(leg: &Leg) -> String {
    let server = leg.connection().server;
    let asked = leg.request.as_ref().map(|(at, _)| at.ts);
    match asked.zip(leg.end.first.map(|end| end.at)) {
        Some((asked, given_up)) => format!(
            "{server} took the request and had not answered {:.1} s later",
            given_up.since(asked).as_secs_f64()
        ),
        None => format!("{server} took the request and never answered"),
    }
}
