//! An attempt under judgement: what every judge of it looks at, and what comes of it.

use crate::attempt::{Attempt, Leg, Node, Role};
use crate::http::Version;
use crate::judge::structure::{self, Edge, Fault};
use crate::judge::{Catalogue, Confidence, Finding, FindingId, Hop, Scene, Severity, Verdict};

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
        let failed = |child: &&Node| child.parent == Some(index) && child.role == Role::Failed;
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

    /// The faults of the requests on the path, with the hop that made each; a lone fault of the outermost leg included.
    pub(super) fn request_findings(&self) -> Vec<(Finding, Option<Hop>)> {
        let mut found = Vec::new();
        let outermost = self.outermost();
        for fault in structure::lone_faults(outermost) {
            let encrypted = self.attempt.surroundings.client_leg_encrypted;
            let confidence = structure::lone_confidence(outermost, encrypted);
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
    fn hop_before(&self, leg: &Leg, confidence: Confidence) -> Option<Hop> {
        let encrypted = self.attempt.surroundings.client_leg_encrypted;
        let is_proxy = leg.proxy_mark().is_some() || encrypted || confidence >= Confidence::Certain;
        is_proxy.then(|| Hop {
            outward: Some(leg.connection().client),
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
        let fault = Fault::new(
            FindingId::HttpVersionDowngraded,
            format!(
                "{}: the request line says HTTP/1.0",
                structure::name_of(leg)
            ),
        );
        Some((self.finding(fault, index, confidence), hop))
    }
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
