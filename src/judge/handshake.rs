//! The judgement of an attempt: is it whole, did it open, and if not, where did it break (spec: verdicts).

use std::time::Duration;

use crate::attempt::{Attempt, Leg, Protocol, Role};
use crate::flow::Direction;
use crate::http::Version;
use crate::judge::structure::{self, Edge, Fault};
use crate::judge::{
    Advice, Catalogue, Confidence, Finding, FindingGroup, FindingId, Hop, Judgement, Row, Scene,
    Severity, Verdict, opened, refused,
};

/// A client that leaves sooner than this did not wait in vain: a page left, a component mounted twice.
const PATIENCE: Duration = Duration::from_secs(1);

/// Judges an attempt.
pub fn attempt(attempt: &Attempt, catalogue: &Catalogue) -> Judgement {
    let trial = Trial {
        attempt,
        catalogue,
        edges: structure::edges(attempt),
        path: attempt.path().collect(),
    };
    let outcome = match &attempt.protocol {
        Protocol::WebSocket => trial.websocket(),
        Protocol::Other(_) | Protocol::None => trial.other_protocol(),
    };
    trial.conclude(outcome)
}

/// An attempt under judgement.
pub(super) struct Trial<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) catalogue: &'a Catalogue,
    pub(super) edges: Vec<Edge<'a>>,
    /// Indices of the `path` legs, outermost first.
    pub(super) path: Vec<usize>,
}

/// What a trial comes to.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Root cause first; notes only where the verdict is `ok`.
    pub(super) findings: Vec<Finding>,
    pub(super) hop: Option<Hop>,
    pub(super) severity: Severity,
}

impl Outcome {
    pub(super) fn new(verdict: Verdict, findings: Vec<Finding>, hop: Option<Hop>) -> Self {
        let severity = match verdict {
            Verdict::Ok => Severity::Info,
            Verdict::Stripped | Verdict::Downgraded | Verdict::Rejected => Severity::Error,
            Verdict::Abandoned | Verdict::Unknown => Severity::Warning,
        };
        Self {
            verdict,
            findings,
            hop,
            severity,
        }
    }
}

impl<'a> Trial<'a> {
    pub(super) fn outermost(&self) -> &'a Leg {
        self.attempt.outermost()
    }

    pub(super) fn leg(&self, index: usize) -> Option<&'a Leg> {
        self.attempt.legs.get(index).map(|node| &node.leg)
    }

    /// A leg with its neighbours, as the catalogue sees it.
    pub(super) fn scene(&self, index: usize) -> Option<Scene<'a>> {
        let node = self.attempt.legs.get(index)?;
        let outer = node.parent.and_then(|parent| self.leg(parent));
        let inner = self
            .attempt
            .legs
            .iter()
            .find(|child| child.parent == Some(index) && child.role == Role::Path)
            .map(|child| &child.leg);
        let failed = |child: &&crate::attempt::Node| {
            child.parent == Some(index) && child.role == Role::Failed
        };
        Some(Scene {
            leg: &node.leg,
            outer,
            inner,
            upstream_failed: self.attempt.legs.iter().any(|child| failed(&child)),
            software: outer.and_then(|outer| software_ref(outer, &node.leg)),
        })
    }

    /// A finding, with the row of the catalogue that knows more of it.
    pub(super) fn finding(&self, fault: Fault, leg: usize, confidence: Confidence) -> Finding {
        let row = self
            .scene(leg)
            .and_then(|scene| self.catalogue.row_for(fault.id, &scene));
        Finding {
            id: fault.id,
            rule: row.map(|row| row.id.clone()),
            leg,
            confidence,
            evidence: fault.evidence,
        }
    }

    fn websocket(&self) -> Outcome {
        if let Some(reason) = self.incomplete() {
            let finding = Finding {
                id: FindingId::CaptureIncomplete,
                rule: None,
                leg: 0,
                confidence: Confidence::Certain,
                evidence: vec![reason.into()],
            };
            return Outcome::new(Verdict::Unknown, vec![finding], None);
        }
        let outermost = self.outermost();
        let mut outcome = if outermost.opened() {
            opened::judge(self)
        } else if outermost.status() == Some(101) && !outermost.client_left_first() {
            opened::judge_broken_101(self)
        } else {
            refused::judge(self)
        };
        self.add_notes(&mut outcome.findings);
        outcome
    }

    /// What is missing of the handshake, where that is so much that nobody may be accused.
    fn incomplete(&self) -> Option<&'static str> {
        let leg = self.outermost();
        if leg.request.is_none() && leg.response.is_some() {
            return Some("the answer is in the capture, the request is not");
        }
        if leg.request.is_none() || leg.gaps.request {
            return Some("the request is not in the capture, or only a part of it");
        }
        if self
            .attempt
            .legs
            .iter()
            .all(|node| node.role == Role::Auth && node.leg.is_marked_auth())
        {
            return Some(
                "only a sub-request of a proxy is in the capture, not the handshake itself",
            );
        }
        if leg.response.is_some() {
            return None;
        }
        if leg.gaps.response {
            return Some("bytes are missing where the answer should be");
        }
        if leg.gaps.one_sided || (self.attempt.timed_out && leg.connection.syn_ack.is_none()) {
            return Some("only the client's direction is in the capture");
        }
        self.attempt
            .cut_off
            .then_some("the capture ended before the answer")
    }

    /// Facts worth knowing that decide nothing.
    fn add_notes(&self, findings: &mut Vec<Finding>) {
        let mut note = |id, leg, evidence: String| {
            findings.push(Finding {
                id,
                rule: None,
                leg,
                confidence: Confidence::Certain,
                evidence: vec![evidence],
            });
        };
        let legs = || self.attempt.legs.iter().enumerate();
        let answered = self.outermost().answered();
        let given_up = legs().find(|(_, node)| {
            matches!(node.role, Role::Retry | Role::Failed) && Some(node.leg.started()) < answered
        });
        if let Some((index, node)) = given_up
            && self.outermost().opened()
        {
            note(
                FindingId::UpstreamRetried,
                index,
                format!(
                    "{} failed, another upstream was tried",
                    node.leg.connection.server
                ),
            );
        }
        if let Some((index, node)) = legs().find(|(_, node)| node.leg.connection.seen_on.len() > 1)
        {
            let count = node.leg.connection.seen_on.len();
            note(
                FindingId::CopiesSeen,
                index,
                format!("the packets of this leg were captured on {count} interfaces"),
            );
        }
        let outermost = self.outermost();
        if let (Some((asked, _)), Some(answered)) = (&outermost.request, outermost.answered()) {
            let took = answered.since(asked.ts);
            if took >= Duration::from_secs(3) && outermost.opened() {
                note(
                    FindingId::HandshakeSlow,
                    0,
                    format!("the answer took {:.1} s", took.as_secs_f64()),
                );
            }
        }
    }

    fn other_protocol(&self) -> Outcome {
        let leg = self.outermost();
        let told = |id, evidence| Finding {
            id,
            rule: None,
            leg: 0,
            confidence: Confidence::Certain,
            evidence: vec![evidence],
        };
        let asked = leg
            .request_field("upgrade")
            .map(|token| token.to_ascii_lowercase());
        let wanted = leg.answer_field("upgrade");
        let (verdict, findings) = match leg.status() {
            None if self.incomplete().is_some() || leg.response.is_some() => (
                Verdict::Unknown,
                vec![told(
                    FindingId::CaptureIncomplete,
                    "the answer is not in the capture".into(),
                )],
            ),
            None if leg.client_left_first() => (Verdict::Abandoned, Vec::new()),
            None => (
                Verdict::Rejected,
                vec![told(
                    FindingId::ClosedBeforeAnswer,
                    "closed without an answer".into(),
                )],
            ),
            Some(426) => {
                let other = wanted.as_ref().filter(|wanted| {
                    let wanted = wanted.to_ascii_lowercase();
                    !wanted.contains("websocket")
                        && asked
                            .as_ref()
                            .is_none_or(|asked| !wanted.contains(asked.as_str()))
                });
                match other {
                    Some(_) => (
                        Verdict::Rejected,
                        vec![told(
                            FindingId::ProtocolPolicy,
                            structure::answers(leg, "Upgrade"),
                        )],
                    ),
                    None if asked.is_none() => (
                        Verdict::Rejected,
                        vec![told(
                            FindingId::UpgradeRequired,
                            structure::answers(leg, "Upgrade"),
                        )],
                    ),
                    None => (
                        Verdict::Rejected,
                        vec![told(FindingId::Refused, "answered 426".into())],
                    ),
                }
            }
            Some(status @ (400 | 403 | 501 | 505)) => (
                Verdict::Rejected,
                vec![told(FindingId::Refused, format!("answered {status}"))],
            ),
            Some(_) => (Verdict::Ok, Vec::new()),
        };
        Outcome {
            severity: Severity::Info,
            ..Outcome::new(verdict, findings, None)
        }
    }

    fn conclude(&self, outcome: Outcome) -> Judgement {
        let Outcome {
            verdict,
            findings,
            hop,
            severity,
        } = outcome;
        let findings = once_each(findings);
        let root = findings.first().filter(|_| verdict != Verdict::Ok);
        let advice = root.map_or_else(Advice::default, |root| {
            let row = root.rule.as_ref().and_then(|id| self.row(id));
            let software = hop.as_ref().and_then(|hop| hop.software.as_deref());
            self.catalogue.advice(root.id, row, software)
        });
        let left = self.outermost().client_left_first();
        Judgement {
            verdict,
            severity,
            diff: structure::differences(&self.edges),
            status: self.outermost().status().filter(|_| !left),
            findings,
            hop,
            advice,
        }
    }

    fn row(&self, id: &str) -> Option<&'a Row> {
        self.catalogue.rows().iter().find(|row| &*row.id == id)
    }

    /// The client went away before an answer came; no leg has shown a fault.
    pub(super) fn abandoned(&self) -> Outcome {
        let leg = self.outermost();
        let asked = leg
            .request
            .as_ref()
            .map(|(at, _)| at.ts)
            .unwrap_or_default();
        let waited = leg
            .end
            .first
            .map(|end| end.at.since(asked))
            .unwrap_or_default();
        let who = if leg.proxy_mark().is_some() {
            "the proxy left: by its own timeout or because its client did, the capture cannot tell"
        } else {
            "the client left"
        };
        let after = if waited < PATIENCE {
            format!("{} ms", waited.as_millis())
        } else {
            format!("{:.1} s", waited.as_secs_f64())
        };
        let mut evidence = vec![format!(
            "{who}, {after} after it had asked and before any answer"
        )];
        if let Some(waiting) = self
            .path
            .last()
            .filter(|_| self.path.len() > 1)
            .and_then(|&last| self.leg(last))
        {
            evidence.push(format!(
                "{} had not answered either",
                waiting.connection.server
            ));
        }
        let finding = Finding {
            id: FindingId::ClientGaveUp,
            rule: None,
            leg: 0,
            confidence: Confidence::Certain,
            evidence,
        };
        let severity = if waited < PATIENCE {
            Severity::Info
        } else {
            Severity::Warning
        };
        Outcome {
            severity,
            ..Outcome::new(Verdict::Abandoned, vec![finding], None)
        }
    }

    /// The faults of the requests on the path, with the hop that made each; a lone fault of the outermost leg included.
    pub(super) fn request_findings(&self) -> Vec<(Finding, Option<Hop>)> {
        let mut found = Vec::new();
        let outermost = self.outermost();
        let confidence =
            structure::lone_confidence(outermost, self.attempt.surroundings.client_leg_encrypted);
        for fault in structure::lone_faults(outermost) {
            found.push((
                self.finding(fault, 0, confidence),
                self.hop_before(outermost, confidence),
            ));
        }
        for edge in &self.edges {
            for fault in edge.request_faults() {
                let confidence = edge.confidence_of(&fault);
                found.push((self.finding(fault, edge.to, confidence), Some(edge.hop())));
            }
        }
        found
    }

    /// The hop that sent the outermost leg in sight, where it is sure that there is one.
    pub(super) fn hop_before(&self, leg: &Leg, confidence: Confidence) -> Option<Hop> {
        let encrypted = self.attempt.surroundings.client_leg_encrypted;
        let is_proxy = leg.proxy_mark().is_some() || encrypted || confidence >= Confidence::Certain;
        is_proxy.then(|| Hop {
            outward: Some(leg.connection.client),
            ..Hop::default()
        })
    }

    /// The first `path` leg whose request line says HTTP/1.0, with the hop that lowered it.
    pub(super) fn http10(&self) -> Option<(Finding, Option<Hop>)> {
        let index = self.path.iter().copied().find(|&index| {
            self.leg(index)
                .and_then(Leg::request_head)
                .is_some_and(|head| head.version == Version::Http10)
        })?;
        let leg = self.leg(index)?;
        let edge = self
            .edges
            .iter()
            .find(|edge| edge.to == index && edge.lowers_version());
        let confidence = edge.map_or_else(
            || structure::lone_confidence(leg, self.attempt.surroundings.client_leg_encrypted),
            Edge::confidence,
        );
        let hop = edge.map_or_else(|| self.hop_before(leg, confidence), |edge| Some(edge.hop()));
        let fault = Fault {
            id: FindingId::HttpVersionDowngraded,
            evidence: vec![format!(
                "{}: the request line says HTTP/1.0",
                structure::name_of(leg)
            )],
        };
        Some((self.finding(fault, index, confidence), hop))
    }
}

/// What was found once is not told again by weaker evidence: of each finding the first stays.
fn once_each(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut told = Vec::new();
    findings.retain(|finding| {
        let is_new = !told.contains(&finding.id);
        told.push(finding.id);
        is_new
    });
    findings
}

/// Whether the finding says that a hop took something away.
pub(super) fn is_stripping(finding: &Finding) -> bool {
    finding.id.group() == FindingGroup::Stripped
}

/// The server ended the leg without a byte of an answer.
pub(super) fn closed_without_answer(leg: &Leg) -> bool {
    leg.response.is_none()
        && leg
            .end
            .first
            .is_some_and(|end| end.dir == Direction::ToClient)
}

/// The `Server` field of the outer answer, unless it was only passed on.
fn software_ref<'a>(outer: &'a Leg, inner: &'a Leg) -> Option<&'a str> {
    let server = |leg: &'a Leg| leg.answer_head()?.fields.first("server");
    let field = server(outer)?;
    let passed_on = server(inner).is_some_and(|passed| passed.value == field.value);
    if passed_on {
        None
    } else {
        std::str::from_utf8(field.value).ok()
    }
}
