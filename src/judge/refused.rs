//! Attempts that were not answered 101: who refused, and why.
//!
//! What a hop took away comes first, then what the request lacked, then what the answer says of itself, then its status
//! alone.

mod answer;
mod behind;

use self::answer::of_answer;
use self::behind::{
    answered_by_itself, broken_101_behind, explains, fault_before_leaving, what_is_behind,
};
use crate::attempt::{Leg, Role};
use crate::judge::structure::{self, Fault};
use crate::judge::trial::{Outcome, Trial};
use crate::judge::{Confidence, Finding, FindingGroup, FindingId, Hop, Verdict};

/// Judges an attempt that did not get a 101.
pub(super) fn judge(trial: &Trial<'_>) -> Outcome {
    let mut requests = trial.request_findings();
    // A lone leg without any WebSocket field may be what it seems: a plain request (engine.io by its target alone).
    let structural = requests
        .iter()
        .position(|(finding, _)| finding.is_stripping());
    let http10 = trial.http10();
    if let Some(first) = structural {
        requests.swap(0, first);
        let hop = requests.first().and_then(|(_, hop)| hop.clone());
        let mut findings: Vec<Finding> = requests.into_iter().map(|(finding, _)| finding).collect();
        findings.extend(http10.map(|(finding, _)| finding));
        findings.extend(refusal(trial).findings);
        return Outcome::new(Verdict::Stripped, findings, hop);
    }
    if let Some((finding, hop)) = &http10
        && trial.leg(finding.leg).is_some_and(refuses_http10)
    {
        let mut findings = vec![finding.clone()];
        findings.extend(refusal(trial).findings);
        return Outcome::new(Verdict::Downgraded, findings, hop.clone());
    }
    let outermost = trial.outermost();
    if outermost.client_left_first() {
        let mut abandoned = trial.abandoned();
        let Some((finding, hop)) = fault_before_leaving(trial) else {
            return abandoned;
        };
        abandoned.findings.insert(0, finding);
        return Outcome::new(Verdict::Rejected, abandoned.findings, Some(hop));
    }
    let mut outcome = refusal(trial);
    outcome.findings.extend(http10.map(|(finding, _)| finding));
    outcome
}

/// Answers that a server gives to HTTP/1.0 itself (spec: downgraded).
fn refuses_http10(leg: &Leg) -> bool {
    matches!(leg.status(), Some(400 | 426 | 505)) || leg.server_left_first()
}

/// Who refused what arrived, and why.
fn refusal(trial: &Trial<'_>) -> Outcome {
    let at = refusing_leg(trial);
    let Some(leg) = trial.leg(at) else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    if let Some(outcome) = auth_refused(trial, at) {
        return outcome;
    }
    if let Some(outcome) = broken_101_behind(trial, at) {
        return outcome;
    }
    let behind = what_is_behind(trial, at);
    if let Some((finding, hop)) = behind.clone().filter(|_| explains(leg)) {
        let mut findings = vec![finding];
        findings.extend(of_answer(trial, at).findings);
        return Outcome::new(Verdict::Rejected, findings, Some(hop));
    }
    let mut outcome = match (leg.status(), leg.response.is_some()) {
        (Some(_), _) => of_answer(trial, at),
        (None, true) => {
            let evidence = format!(
                "{} answered with bytes that are no HTTP",
                leg.connection().server
            );
            alone(trial, at, FindingId::NotHttp, Confidence::Certain, evidence)
        }
        (None, false) => no_answer(trial, at),
    };
    if behind.is_none() && outcome.hop.is_none() && trial.path.first() == Some(&at) {
        answered_by_itself(trial, at, &mut outcome);
    }
    outcome.findings.extend(behind.map(|(finding, _)| finding));
    outcome
}

/// The leg whose server made the answer: the innermost one that brought the answer the client got.
fn refusing_leg(trial: &Trial<'_>) -> usize {
    let mut path = trial.path.iter().copied();
    let mut at = path.next().unwrap_or_default();
    let mut status = trial.leg(at).and_then(Leg::status);
    for next in path {
        let inner = trial.leg(next).and_then(Leg::status);
        if status.is_none() || inner != status {
            break;
        }
        at = next;
        status = inner;
    }
    at
}

/// A sub-request asked whether the client may, and was told no (spec: `auth_refused`).
fn auth_refused(trial: &Trial<'_>, at: usize) -> Option<Outcome> {
    let status = trial.leg(at)?.status()?;
    let (index, node) = trial.attempt.legs.iter().enumerate().find(|(_, node)| {
        node.role == Role::Auth
            && match node.leg.status() {
                Some(200..=299) | None => false,
                // nginx turns what its auth_request cannot pass on into a 500.
                Some(300..=399) => status == 500 || node.leg.status() == Some(status),
                Some(refused) => refused == status,
            }
    })?;
    let refused = node.leg.status().unwrap_or_default();
    let evidence = format!(
        "{} answered {refused} to the sub-request, the client got {status}",
        node.leg.connection().server
    );
    let fault = Fault::new(FindingId::AuthRefused, evidence);
    let mut findings = vec![trial.finding(fault, index, Confidence::Certain)];
    findings.extend(of_answer(trial, at).findings);
    let asking = trial.leg(at)?;
    let (inward, outward) = asking.facing(&node.leg);
    let hop = Hop {
        inward: Some(inward),
        outward: Some(outward),
        software: structure::software(asking, Some(&node.leg)),
        adjacent: node.adjacent,
    };
    Some(Outcome::new(Verdict::Rejected, findings, Some(hop)))
}

/// The server closed, reset, or stayed silent.
fn no_answer(trial: &Trial<'_>, at: usize) -> Outcome {
    let Some(leg) = trial.leg(at) else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let server = leg.connection().server;
    let (id, evidence) = match leg.end.first {
        Some(end) if end.reset => (
            FindingId::ResetBeforeAnswer,
            format!("{server} sent RST instead of an answer"),
        ),
        Some(_) => (
            FindingId::ClosedBeforeAnswer,
            format!("{server} sent FIN instead of an answer"),
        ),
        None => (FindingId::Unanswered, format!("{server} never answered")),
    };
    alone(trial, at, id, Confidence::Certain, evidence)
}

fn alone(
    trial: &Trial<'_>,
    at: usize,
    id: FindingId,
    confidence: Confidence,
    evidence: String,
) -> Outcome {
    let fault = Fault::new(id, evidence);
    Outcome::new(
        verdict_of(id),
        vec![trial.finding(fault, at, confidence)],
        None,
    )
}

fn verdict_of(id: FindingId) -> Verdict {
    match id.group() {
        FindingGroup::Stripped => Verdict::Stripped,
        FindingGroup::Downgraded => Verdict::Downgraded,
        _ => Verdict::Rejected,
    }
}
