//! What an answer says of its reason: by what the request lacked, by the catalogue, by the status alone.

use super::verdict_of;
use crate::attempt::Leg;
use crate::http::{RequestHead, Version};
use crate::judge::structure::{Edge, Fault, name_of, says};
use crate::judge::trial::{Outcome, Trial};
use crate::judge::{Confidence, Finding, FindingId, Row, Scene, Verdict};
use crate::websocket::is_valid_key;

/// What the answer of a leg says: by what the request lacked, by the rows of the catalogue, by the status alone.
pub(super) fn of_answer(trial: &Trial<'_>, at: usize) -> Outcome {
    let Some((leg, scene)) = trial.leg(at).zip(trial.scene(at)) else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let Some(status) = leg.status() else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let mut findings: Vec<Finding> = trial
        .catalogue
        .answers(&scene)
        .filter_map(|row| by_row(row, &scene, at))
        .chain(by_relayed_answer(trial, at))
        .collect();
    if let Some((id, evidence)) = lacking(leg) {
        // The request itself tells why; a row that says the same brings its words.
        let known = findings.iter().position(|finding| finding.id == id);
        let mut finding = match known {
            Some(index) => findings.remove(index),
            None => trial.finding(
                Fault {
                    id,
                    evidence: Vec::new(),
                },
                at,
                Confidence::Certain,
            ),
        };
        finding.confidence = Confidence::Certain;
        finding.evidence.insert(0, evidence);
        findings.insert(0, finding);
    }
    if findings.is_empty() {
        let (id, confidence) = by_status(status, leg);
        let fault = Fault::new(id, answer_line(leg));
        let mut finding = trial.finding(fault, at, confidence);
        finding.confidence = confidence;
        findings.push(finding);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    // That a peer minds the case of a word is thought of only where nothing else explains the answer.
    if findings.len() > 1 {
        findings.retain(|finding| finding.id != FindingId::CaseSensitivePeer);
    }
    let rewritten = findings
        .first()
        .is_some_and(|finding| finding.id == FindingId::OriginRefused);
    let host_edge = trial
        .edges
        .iter()
        .find(|edge| edge.changes("host"))
        .filter(|_| rewritten);
    if let (Some(edge), Some(root)) = (host_edge, findings.first_mut()) {
        root.evidence.push(format!(
            "{}; {}",
            says(edge.outer, "Host"),
            says(edge.inner, "Host")
        ));
        let row = trial
            .scene(edge.to)
            .and_then(|scene| trial.catalogue.row_for(FindingId::OriginRefused, &scene));
        if let Some(row) = row {
            root.rule = Some(row.id.clone());
        }
    }
    let verdict = findings
        .first()
        .map_or(Verdict::Rejected, |root| verdict_of(root.id));
    let hop = host_edge.map(Edge::hop);
    Outcome::new(verdict, findings, hop)
}

/// What a row says of the answer on a leg, unless the request contradicts it.
fn by_row(row: &Row, scene: &Scene<'_>, at: usize) -> Option<Finding> {
    let id = row.finding(scene);
    is_possible(id, scene.leg).then(|| Finding {
        id,
        rule: Some(row.id.clone()),
        leg: at,
        confidence: row.confidence(),
        evidence: vec![answer_line(scene.leg)],
    })
}

/// What the rows say of how a hop passed that answer on: they ask for both answers.
fn by_relayed_answer(trial: &Trial<'_>, at: usize) -> Option<Finding> {
    let outer = trial.attempt.legs.get(at)?.parent?;
    let scene = trial.scene(outer)?;
    let row = trial.catalogue.relayed_answer(&scene)?;
    by_row(row, &scene, outer)
}

/// The answer in short: `10.0.0.9:80 answered 426 Upgrade Required`.
fn answer_line(leg: &Leg) -> String {
    let Some(head) = leg.answer_head() else {
        return name_of(leg);
    };
    let reason = if head.reason.is_empty() {
        String::new()
    } else {
        format!(" {}", head.reason)
    };
    let body = leg
        .body
        .as_ref()
        .filter(|body| !body.encoded)
        .map(|body| String::from_utf8_lossy(&body.bytes));
    let first = body
        .as_deref()
        .and_then(|body| body.lines().find(|line| !line.trim().is_empty()));
    let said = first
        .filter(|line| !line.trim_start().starts_with('<'))
        .map(|line| format!(": {}", line.trim()));
    // What a 426 asks for is the whole point of it.
    let wanted = leg
        .answer_field("upgrade")
        .filter(|_| head.status.0 == 426)
        .map(|wanted| format!(" with Upgrade: {wanted}"));
    format!(
        "{} answered {}{reason}{}{}",
        leg.connection().server,
        head.status.0,
        wanted.unwrap_or_default(),
        said.unwrap_or_default()
    )
}

/// Whether the request allows that finding: nobody is told that a field is missing which is there.
fn is_possible(id: FindingId, leg: &Leg) -> bool {
    let Some(offer) = leg.offer() else {
        return true;
    };
    let count = |name| leg.request_head().map_or(0, |head| head.fields.count(name));
    match id {
        FindingId::KeyMissing => offer.key.as_deref().is_none_or(str::is_empty),
        FindingId::KeyInvalid => offer.key.as_deref().is_some_and(|key| !is_valid_key(key)),
        FindingId::FieldDuplicated => ["sec-websocket-key", "sec-websocket-version", "origin"]
            .into_iter()
            .any(|name| count(name) > 1),
        FindingId::VersionUnsupported => offer.version.as_deref() != Some("13"),
        FindingId::OriginRefused => count("origin") > 0,
        FindingId::MethodNotAllowed => leg
            .request_head()
            .is_some_and(|head| &*head.method != "GET"),
        FindingId::HttpVersionDowngraded => leg
            .request_head()
            .is_some_and(|head| head.version == Version::Http10),
        FindingId::SubprotocolRequired => offer.subprotocols.is_empty(),
        // Who names several protocols is refused for that by a server which wants this one alone.
        FindingId::UpgradeMangled => !(offer.upgrade && names_several_protocols(leg)),
        _ => true,
    }
}

fn names_several_protocols(leg: &Leg) -> bool {
    let count = |head: &RequestHead| head.fields.elements("upgrade").count();
    leg.request_head().is_some_and(|head| count(head) > 1)
}

/// What a refused request lacks by RFC 6455 §4.1, apart from what a hop takes away.
fn lacking(leg: &Leg) -> Option<(FindingId, String)> {
    let (offer, head) = (leg.offer()?, leg.request_head()?);
    if !matches!(leg.status(), Some(400..=499 | 505)) {
        return None;
    }
    let refusal = leg.status();
    let count = |name| head.fields.count(name);
    if offer.upgrade
        && offer.connection
        && offer.key.as_deref().is_none_or(str::is_empty)
        && refusal == Some(400)
    {
        return Some((FindingId::KeyMissing, says(leg, "Sec-WebSocket-Key")));
    }
    let twice = ["Sec-WebSocket-Key", "Sec-WebSocket-Version"]
        .into_iter()
        .find(|name| count(name) > 1);
    if let Some(name) = twice.filter(|_| matches!(refusal, Some(400 | 426))) {
        return Some((
            FindingId::FieldDuplicated,
            format!("{}: {name} comes {} times", name_of(leg), count(name)),
        ));
    }
    if let Some(key) = offer
        .key
        .as_deref()
        .filter(|key| !is_valid_key(key) && refusal == Some(400))
    {
        return Some((
            FindingId::KeyInvalid,
            format!("{}: Sec-WebSocket-Key: {key}", name_of(leg)),
        ));
    }
    let version = offer.version.as_deref();
    if version != Some("13") && matches!(refusal, Some(400 | 426)) && offer.upgrade {
        return Some((
            FindingId::VersionUnsupported,
            says(leg, "Sec-WebSocket-Version"),
        ));
    }
    let by_method = match refusal {
        Some(400 | 404 | 405 | 501) => true,
        // cowboy says it so.
        Some(426) => offer.upgrade && offer.connection,
        _ => false,
    };
    if &*head.method != "GET" && by_method {
        return Some((
            FindingId::MethodNotAllowed,
            format!("{}: the method is {}", name_of(leg), head.method),
        ));
    }
    None
}

/// What a status means where nothing else is known (rules §11, fallback).
fn by_status(status: u16, leg: &Leg) -> (FindingId, Confidence) {
    let wants = leg
        .answer_field("upgrade")
        .map(|field| field.to_ascii_lowercase());
    let id = match status {
        200..=299 => return (FindingId::AnsweredWithoutUpgrade, Confidence::Certain),
        300..=399 => return (FindingId::Redirected, Confidence::Certain),
        400 => FindingId::BadRequest,
        401 | 407 => return (FindingId::Unauthorized, Confidence::Certain),
        403 | 451 => FindingId::Forbidden,
        404 | 410 => FindingId::NotFound,
        405 => FindingId::MethodNotAllowed,
        426 => match wants {
            Some(wants) if !wants.contains("websocket") => {
                return (FindingId::ProtocolPolicy, Confidence::Certain);
            }
            _ => return (FindingId::UpgradeStripped, Confidence::Likely),
        },
        429 => return (FindingId::RateLimited, Confidence::Certain),
        503 if leg.answer_field("retry-after").is_some() => FindingId::RateLimited,
        500..=599 => FindingId::ServerError,
        _ => FindingId::Refused,
    };
    (id, Confidence::Guess)
}
