//! Attempts that were not answered 101: who refused, and why.
//!
//! What a hop took away comes first, then what the request lacked, then what the answer says of itself, then its status
//! alone.

use crate::attempt::{Leg, Role};
use crate::judge::handshake::{Outcome, Trial, closed_without_answer, is_stripping};
use crate::judge::opened;
use crate::judge::structure::{self, Edge, Fault, name_of, says};
use crate::judge::{Backing, Confidence, Finding, FindingGroup, FindingId, Hop, Verdict};
use crate::websocket::is_valid_key;

/// Judges an attempt that did not get a 101.
pub(super) fn judge(trial: &Trial<'_>) -> Outcome {
    let mut requests = trial.request_findings();
    // A lone leg without any WebSocket field may be what it seems: a plain request (engine.io by its target alone).
    let structural = requests
        .iter()
        .position(|(finding, _)| is_stripping(finding));
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
        return trial.abandoned();
    }
    let mut outcome = refusal(trial);
    outcome.findings.extend(http10.map(|(finding, _)| finding));
    outcome
}

/// Answers that a server gives to HTTP/1.0 itself (spec: downgraded).
fn refuses_http10(leg: &Leg) -> bool {
    matches!(leg.status(), Some(400 | 426 | 505)) || closed_without_answer(leg)
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
                leg.connection.server
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

/// A hop that passes other handshakes on in clear passed this one nowhere: it answered by itself.
fn answered_by_itself(trial: &Trial<'_>, at: usize, outcome: &mut Outcome) {
    let around = &trial.attempt.surroundings;
    let Some(leg) = trial.leg(at).filter(|leg| leg.status().is_some()) else {
        return;
    };
    if !around.hop_passes_others || around.lossy || leg.gaps.response {
        return;
    }
    let evidence = format!(
        "{} passed other handshakes on, and this one nowhere",
        leg.connection.server
    );
    let fault = Fault {
        id: FindingId::AnsweredByProxy,
        evidence: vec![evidence],
    };
    outcome
        .findings
        .push(trial.finding(fault, at, Confidence::Likely));
    outcome.hop = Some(Hop {
        inward: Some(leg.connection.server),
        outward: None,
        software: structure::software(leg, None),
        adjacent: None,
    });
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
        node.leg.connection.server
    );
    let fault = Fault {
        id: FindingId::AuthRefused,
        evidence: vec![evidence],
    };
    let mut findings = vec![trial.finding(fault, index, Confidence::Certain)];
    findings.extend(of_answer(trial, at).findings);
    let asking = trial.leg(at)?;
    let hop = Hop {
        inward: Some(asking.connection.server),
        outward: Some(node.leg.connection.client),
        software: structure::software(asking, Some(&node.leg)),
        adjacent: node.adjacent,
    };
    Some(Outcome::new(Verdict::Rejected, findings, Some(hop)))
}

/// The server answered 101, but none that may be passed on; the hop was right to refuse it (rules X08, X16).
fn broken_101_behind(trial: &Trial<'_>, at: usize) -> Option<Outcome> {
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
        let fault = Fault {
            id,
            evidence: vec![evidence],
        };
        findings.push(trial.finding(fault, edge.to, edge.confidence()));
    }
    findings.extend(of_answer(trial, at).findings);
    Some(Outcome::new(Verdict::Rejected, findings, None))
}

/// What the leg behind the refusing hop shows, where it is not the same answer.
fn what_is_behind(trial: &Trial<'_>, at: usize) -> Option<(Finding, Hop)> {
    let leg = trial.leg(at)?;
    if let Some(edge) = trial.edges.iter().find(|edge| edge.from == at) {
        let (id, evidence) = unlike(edge)?;
        let fault = Fault {
            id,
            evidence: vec![evidence],
        };
        return Some((trial.finding(fault, edge.to, edge.confidence()), edge.hop()));
    }
    let (index, failed) = trial
        .attempt
        .legs
        .iter()
        .enumerate()
        .find(|(_, node)| node.role == Role::Failed && node.parent == Some(at))?;
    let how = match failed.leg.end.how {
        Some(crate::flow::End::Refused) => "refused the connection",
        Some(crate::flow::End::Unanswered) => "did not answer the connection",
        _ => "closed the connection before a request",
    };
    let fault = Fault {
        id: FindingId::UpstreamUnreachable,
        evidence: vec![format!(
            "{} {how} of {}",
            failed.leg.connection.server, failed.leg.connection.client.addr
        )],
    };
    let hop = Hop {
        inward: Some(leg.connection.server),
        outward: Some(failed.leg.connection.client),
        software: structure::software(leg, None),
        adjacent: failed.adjacent,
    };
    let finding = Finding {
        leg: index,
        ..trial.finding(fault, at, Confidence::Likely)
    };
    Some((finding, hop))
}

/// How the inner leg ended, where its answer is not what the hop said.
fn unlike(edge: &Edge<'_>) -> Option<(FindingId, String)> {
    let inner = edge.inner;
    if inner.gaps.response || inner.gaps.one_sided {
        return None;
    }
    let server = inner.connection.server;
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
        (None, _) if closed_without_answer(inner) => {
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

/// That a leg was never answered, and how long that was waited for.
fn silence(leg: &Leg) -> String {
    let server = leg.connection.server;
    let asked = leg.request.as_ref().map(|(at, _)| at.ts);
    match asked.zip(leg.end.first.map(|end| end.at)) {
        Some((asked, given_up)) => format!(
            "{server} took the request and had not answered {:.1} s later",
            given_up.since(asked).as_secs_f64()
        ),
        None => format!("{server} took the request and never answered"),
    }
}

/// Whether what lies behind explains the answer: a gateway's own 5xx, or no answer at all.
fn explains(leg: &Leg) -> bool {
    leg.status().is_none_or(|status| status >= 500)
}

/// The server closed, reset, or stayed silent.
fn no_answer(trial: &Trial<'_>, at: usize) -> Outcome {
    let Some(leg) = trial.leg(at) else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let server = leg.connection.server;
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
    let fault = Fault {
        id,
        evidence: vec![evidence],
    };
    Outcome::new(
        verdict_of(id),
        vec![trial.finding(fault, at, confidence)],
        None,
    )
}

/// What the answer of a leg says: by what the request lacked, by the rows of the catalogue, by the status alone.
fn of_answer(trial: &Trial<'_>, at: usize) -> Outcome {
    let Some((leg, scene)) = trial.leg(at).zip(trial.scene(at)) else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let Some(status) = leg.status() else {
        return Outcome::new(Verdict::Rejected, Vec::new(), None);
    };
    let mut findings: Vec<Finding> = Vec::new();
    for row in trial.catalogue.answers(&scene) {
        let id = row.finding(&scene);
        if !is_possible(id, leg) {
            continue;
        }
        let confidence = if row.backing == Backing::Unverified {
            Confidence::Guess
        } else {
            Confidence::Likely
        };
        findings.push(Finding {
            id,
            rule: Some(row.id.clone()),
            leg: at,
            confidence,
            evidence: vec![answer_line(leg)],
        });
    }
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
        let fault = Fault {
            id,
            evidence: vec![answer_line(leg)],
        };
        let mut finding = trial.finding(fault, at, confidence);
        finding.confidence = confidence;
        findings.push(finding);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
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
        leg.connection.server,
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
            .is_some_and(|head| head.version == crate::http::Version::Http10),
        FindingId::SubprotocolRequired => offer.subprotocols.is_empty(),
        _ => true,
    }
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
    let twice = ["sec-websocket-key", "sec-websocket-version"]
        .into_iter()
        .find(|name| count(name) > 1);
    if let Some(name) = twice.filter(|_| refusal == Some(400)) {
        return Some((
            FindingId::FieldDuplicated,
            format!(
                "{}: {} comes {} times",
                name_of(leg),
                if name.ends_with("key") {
                    "Sec-WebSocket-Key"
                } else {
                    "Sec-WebSocket-Version"
                },
                count(name)
            ),
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
    if &*head.method != "GET" && matches!(refusal, Some(400 | 404 | 405 | 501)) {
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

fn verdict_of(id: FindingId) -> Verdict {
    match id.group() {
        FindingGroup::Stripped => Verdict::Stripped,
        FindingGroup::Downgraded => Verdict::Downgraded,
        _ => Verdict::Rejected,
    }
}
