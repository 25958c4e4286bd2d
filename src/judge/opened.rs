//! Attempts that were answered 101: opened, opened with less than asked, or broken so that the client must refuse.

use crate::attempt::{Leg, unoffered_extension, unoffered_subprotocol};
use crate::judge::structure::{Fault, answers, name_of, says};
use crate::judge::trial::{Outcome, Trial};
use crate::judge::{Confidence, Finding, FindingId, Hop, Severity, Verdict};
use crate::websocket::{Accept, Extension};

/// Judges an attempt that opened: `ok`, or `downgraded` where less came of it than was asked.
pub(super) fn judge(trial: &Trial<'_>) -> Outcome {
    let mut found = trial.request_findings();
    // A hop that made a key of its own and answered rightly for it is a bridge (rules S16).
    found.retain(|(finding, _)| finding.id != FindingId::KeyChanged);
    found.extend(trial.http10());
    found.extend(lesser(trial));
    if found.is_empty() {
        return Outcome::new(Verdict::Ok, notes(trial), None);
    }
    let hop = found.first().and_then(|(_, hop)| hop.clone());
    let mut findings: Vec<Finding> = found.into_iter().map(|(finding, _)| finding).collect();
    findings.extend(shown_by_101(trial, &findings));
    findings.extend(notes(trial));
    Outcome {
        severity: Severity::Warning,
        ..Outcome::new(Verdict::Downgraded, findings, hop)
    }
}

/// Judges a 101 that no client may take (RFC 6455 §4.1): where a hop spoiled it, the hop; else who made it.
pub(super) fn judge_broken_101(trial: &Trial<'_>) -> Outcome {
    if let Some(fault) = switched_elsewhere(trial.outermost()) {
        let finding = trial.finding(fault, 0, Confidence::Certain);
        return Outcome::new(Verdict::Downgraded, vec![finding], None);
    }
    let mut found = trial.request_findings();
    for edge in &trial.edges {
        for fault in edge.response_faults() {
            found.push((
                trial.finding(fault, edge.from, edge.confidence()),
                Some(edge.hop()),
            ));
        }
    }
    found.retain(|(finding, _)| {
        finding.is_stripping() && !matches!(finding.id, FindingId::VersionStripped)
    });
    let broken = defects(trial.outermost());
    // The first edge whose inner answer is whole is where it broke; where none is, it came broken from the server.
    let verdict = if found.is_empty() {
        Verdict::Rejected
    } else {
        Verdict::Stripped
    };
    let hop = found.first().and_then(|(_, hop)| hop.clone());
    let mut findings: Vec<Finding> = found.into_iter().map(|(finding, _)| finding).collect();
    let is_from_server = findings.is_empty();
    for mut fault in broken {
        let passed = passed_on(trial, fault.id).filter(|_| is_from_server);
        let leg = match passed {
            Some((innermost, evidence)) => {
                fault.evidence.push(evidence);
                innermost
            }
            None => 0,
        };
        findings.push(trial.finding(fault, leg, Confidence::Certain));
    }
    for (finding, _) in lesser(trial) {
        findings.push(finding);
    }
    Outcome::new(verdict, findings, hop)
}

/// A 101 to another protocol that was asked for besides (RFC 9110 §7.8): the server may choose.
fn switched_elsewhere(leg: &Leg) -> Option<Fault> {
    let taken = leg.answer_field("upgrade")?;
    let asked = leg.request_head()?.fields.elements("upgrade");
    let is_offered = asked
        .into_iter()
        .any(|asked| asked.eq_ignore_ascii_case(taken.trim().as_bytes()));
    let is_other = leg.answer().is_some_and(|answer| !answer.upgrade);
    (is_other && is_offered).then(|| {
        let evidence = format!("{}; {}", says(leg, "Upgrade"), answers(leg, "Upgrade"));
        Fault::new(FindingId::AnsweredWithoutUpgrade, evidence)
    })
}

/// Where the accept of a 101 was wrong or missing behind the hop already: the leg it came from, and that the hop only
/// passed it on.
fn passed_on(trial: &Trial<'_>, id: FindingId) -> Option<(usize, String)> {
    if !matches!(id, FindingId::AcceptMismatch | FindingId::AcceptMissing) {
        return None;
    }
    let accept = |leg: &Leg| {
        let accept = leg.answer_field("sec-websocket-accept");
        accept.map(std::borrow::Cow::into_owned)
    };
    let index = *trial.path.last()?;
    let innermost = trial.leg(index)?;
    let is_same = innermost.status() == Some(101)
        && trial.path.len() > 1
        && accept(innermost) == accept(trial.outermost());
    is_same.then(|| {
        let (server, hop) = (
            innermost.connection().server,
            trial.outermost().connection().server,
        );
        (
            index,
            format!("{server} had answered so already; {hop} passed it on"),
        )
    })
}

/// What the client must refuse in a 101.
pub(super) fn defects(leg: &Leg) -> Vec<Fault> {
    let (Some(offer), Some(answer)) = (leg.offer(), leg.answer()) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut add = |id, evidence: String| {
        faults.push(Fault::new(id, evidence));
    };
    if leg.http_after_101 {
        let target = leg
            .request_head()
            .map(crate::http::RequestHead::target)
            .unwrap_or_default();
        if target.contains("EIO=3") || target.contains("EIO=2") {
            add(
                FindingId::EngineVersionMismatch,
                "the client speaks an older Engine.IO (EIO in its target)".into(),
            );
        }
        add(
            FindingId::HttpAfter101,
            format!(
                "{}: an HTTP answer follows the 101 where frames should be",
                name_of(leg)
            ),
        );
    }
    match answer.accept {
        Some(Accept::Wrong) => {
            let key = offer.key.as_deref().unwrap_or_default();
            let expected = crate::websocket::accept_for(key);
            add(
                FindingId::AcceptMismatch,
                format!(
                    "{}; for this key it must be {expected}",
                    answers(leg, "Sec-WebSocket-Accept")
                ),
            );
        }
        Some(Accept::Missing) => add(
            FindingId::AcceptMissing,
            answers(leg, "Sec-WebSocket-Accept"),
        ),
        Some(Accept::Ok | Accept::Unknown) | None => {}
    }
    if !answer.upgrade {
        add(FindingId::Invalid101, answers(leg, "Upgrade"));
    }
    if !answer.connection {
        add(FindingId::Invalid101, answers(leg, "Connection"));
    }
    if unoffered_subprotocol(offer, answer).is_some() {
        add(
            FindingId::SubprotocolNotOffered,
            format!(
                "{}; {}",
                says(leg, "Sec-WebSocket-Protocol"),
                answers(leg, "Sec-WebSocket-Protocol")
            ),
        );
    }
    if unoffered_extension(offer, answer).is_some() {
        add(
            FindingId::ExtensionNotOffered,
            format!(
                "{}; {}",
                says(leg, "Sec-WebSocket-Extensions"),
                answers(leg, "Sec-WebSocket-Extensions")
            ),
        );
    }
    faults
}

/// What was asked for and did not come, apart from the bare handshake; with the hop, where one took it.
fn lesser(trial: &Trial<'_>) -> Vec<(Finding, Option<Hop>)> {
    let mut found = Vec::new();
    let outermost = trial.outermost();
    for edge in &trial.edges {
        for fault in edge
            .offer_faults()
            .into_iter()
            .filter(|fault| fault.id != FindingId::ExtensionsAdded)
        {
            found.push((
                trial.finding(fault, edge.to, edge.confidence()),
                Some(edge.hop()),
            ));
        }
        for fault in edge.response_faults() {
            if matches!(
                fault.id,
                FindingId::ResponseExtensionsStripped | FindingId::ResponseSubprotocolStripped
            ) {
                found.push((
                    trial.finding(fault, edge.from, edge.confidence()),
                    Some(edge.hop()),
                ));
            }
        }
    }
    let lost = |(finding, _): &(Finding, Option<Hop>)| {
        matches!(
            finding.id,
            FindingId::SubprotocolStripped | FindingId::ResponseSubprotocolStripped
        )
    };
    let unanswered = matches!((outermost.offer(), outermost.answer()), (Some(offer), Some(answer))
        if !offer.subprotocols.is_empty() && answer.subprotocols.is_empty());
    if unanswered && !found.iter().any(lost) {
        let evidence = format!(
            "{}; {}",
            says(outermost, "Sec-WebSocket-Protocol"),
            answers(outermost, "Sec-WebSocket-Protocol")
        );
        let fault = Fault::new(FindingId::SubprotocolNotSelected, evidence);
        found.push((trial.finding(fault, 0, Confidence::Certain), None));
    }
    found
}

/// What else the rows about a 101 say of findings that the requests have shown.
fn shown_by_101(trial: &Trial<'_>, findings: &[Finding]) -> Vec<Finding> {
    let more = |finding: &Finding| {
        let scene = trial.scene(finding.leg)?;
        let row = trial.catalogue.opened_row(finding.id, &scene)?;
        Some(Finding {
            rule: Some(row.id.clone()),
            evidence: vec![format!(
                "{} answered with {} 101",
                scene.leg.connection().server,
                scene.leg.answer_head()?.version.name()
            )],
            ..finding.clone()
        })
    };
    findings.iter().filter_map(more).collect()
}

/// The extensions that an answer agrees.
fn agreed(leg: &Leg) -> Option<&[Extension]> {
    leg.answer().map(|answer| &*answer.extensions)
}

/// What is worth a note although it opened.
fn notes(trial: &Trial<'_>) -> Vec<Finding> {
    let mut notes = Vec::new();
    let mut note = |id, leg, evidence: String| {
        notes.push(trial.finding(Fault::new(id, evidence), leg, Confidence::Certain));
    };
    let outermost = trial.outermost();
    let version = outermost.offer().and_then(|offer| offer.version.as_deref());
    if version.is_some_and(|version| version != "13") {
        note(
            FindingId::LegacyProtocol,
            0,
            says(outermost, "Sec-WebSocket-Version"),
        );
    }
    for edge in &trial.edges {
        for fault in edge
            .offer_faults()
            .into_iter()
            .filter(|fault| fault.id == FindingId::ExtensionsAdded)
        {
            notes.push(trial.finding(fault, edge.to, edge.confidence()));
        }
        // Legs that agreed different things: the hop speaks WebSocket itself, frames need not be the same (rules P13).
        if agreed(edge.outer) != agreed(edge.inner)
            && agreed(edge.outer).is_some_and(|agreed| !agreed.is_empty())
        {
            let evidence = format!(
                "{}; {}",
                answers(edge.inner, "Sec-WebSocket-Extensions"),
                answers(edge.outer, "Sec-WebSocket-Extensions")
            );
            let fault = Fault::new(FindingId::Bridged, evidence);
            notes.push(trial.finding(fault, edge.to, edge.confidence()));
        }
    }
    notes
}
