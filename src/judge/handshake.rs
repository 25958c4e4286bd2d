//! The judgement of an attempt: is it whole, did it open, and if not, where did it break (spec: verdicts).

mod fallback;
mod other;

use std::sync::Arc;
use std::time::Duration;

use crate::attempt::{Attempt, Leg, Node, Protocol, Role};
use crate::http::RequestHead;
use crate::judge::structure;
use crate::judge::trial::{Outcome, Trial};
use crate::judge::{
    Advice, Catalogue, Finding, FindingId, Judgement, Severity, Verdict, opened, refused,
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

impl Trial<'_> {
    fn websocket(&self) -> Outcome {
        if let Some(reason) = self.incomplete() {
            let finding = Finding::plain(FindingId::CaptureIncomplete, 0, vec![reason.into()]);
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
        let fell_back = self.fell_back(&outcome.findings);
        outcome.findings.extend(fell_back);
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
        let legs = &self.attempt.legs;
        let is_asking = |node: &Node| node.role == Role::Auth && node.leg.is_marked_auth();
        if legs.iter().all(is_asking) || (legs.len() == 1 && is_allowing(leg)) {
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
        if leg.gaps.behind && leg.server_left_first() {
            return Some(
                "what the client sent behind its request is missing: it may have left first",
            );
        }
        // Who asks after a SYN got its SYN-ACK: where that is missing, so may be all that its sender said.
        let unseen = !leg.accepted();
        if leg.gaps.one_sided
            || (unseen && (self.attempt.timed_out || leg.connection().syn.is_some()))
        {
            return Some("only the client's direction is in the capture");
        }
        if self.attempt.let_go {
            return Some(
                "so many handshakes were waiting that this one's answer was not waited for",
            );
        }
        self.attempt
            .cut_off
            .then_some("the capture ended before the answer")
    }

    /// Facts worth knowing that decide nothing.
    fn add_notes(&self, findings: &mut Vec<Finding>) {
        let mut note = |id, leg, evidence: String| {
            findings.push(Finding::plain(id, leg, vec![evidence]));
        };
        let legs = || self.attempt.legs.iter().enumerate();
        let answered = self.outermost().answered();
        let given_up = legs().find(|(_, node)| {
            matches!(node.role, Role::Retry | Role::Failed) && Some(node.leg.started()) < answered
        });
        // A gateway that opened towards its client has nothing behind it yet, and may never have.
        let went_on = legs().any(|(_, node)| node.role == Role::Path && node.parent.is_some());
        if let Some((index, node)) = given_up
            && self.outermost().opened()
            && went_on
        {
            note(
                FindingId::UpstreamRetried,
                index,
                format!(
                    "{} failed, another upstream was tried",
                    node.leg.connection().server
                ),
            );
        }
        let translated = legs().find(|(_, node)| !node.leg.also.is_empty());
        let copied = || legs().find(|(_, node)| node.leg.connection().seen_on.as_slice().len() > 1);
        if let Some((index, node)) = translated.or_else(copied) {
            note(FindingId::CopiesSeen, index, seen_again(&node.leg));
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
            let both_legs = self.path.len() > 1;
            self.catalogue.advice_on(root, hop.as_ref(), both_legs)
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
                waiting.connection().server
            ));
        }
        let finding = Finding::plain(FindingId::ClientGaveUp, 0, evidence);
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
}

/// "No Content" to what is left of a handshake is what auth services say to nginx's `auth_request`. A server of WebSockets
/// has no such answer; SignalR's long polling has (rule B66), to a target with its id.
fn is_allowing(leg: &Leg) -> bool {
    let lacks_upgrade = leg.offer().is_some_and(|offer| !offer.upgrade);
    let is_poll = leg
        .request_head()
        .and_then(RequestHead::query)
        .is_some_and(|query| query.split('&').any(|param| param.starts_with("id=")));
    leg.status() == Some(204) && lacks_upgrade && !is_poll
}

/// What was found once is not told again by weaker evidence, save where another row of the catalogue knows it: the answer
/// that confirms what structure has shown names the server that gave it.
fn once_each(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut told: Vec<(FindingId, Option<Arc<str>>)> = Vec::new();
    findings.retain(|finding| {
        let known = |(id, rule): &(FindingId, Option<Arc<str>>)| {
            *id == finding.id && (finding.rule.is_none() || *rule == finding.rule)
        };
        let is_new = !told.iter().any(known);
        told.push((finding.id, finding.rule.clone()));
        is_new
    });
    findings
}

/// Where else the packets of a leg were seen.
fn seen_again(leg: &Leg) -> String {
    let also: Vec<String> = leg
        .also
        .iter()
        .map(|view| format!("{} → {}", view.connection.client, view.connection.server))
        .collect();
    if also.is_empty() {
        let count = leg.connection().seen_on.as_slice().len();
        return format!("the packets of this leg were captured on {count} interfaces");
    }
    format!(
        "{} → {} was also seen as {}: one connection, its addresses translated",
        leg.connection().client,
        leg.connection().server,
        also.join(", ")
    )
}
