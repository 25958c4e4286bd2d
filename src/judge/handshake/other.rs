//! The judgement of an upgrade to something other than a WebSocket: never more than a note.

use crate::judge::trial::{Outcome, Trial};
use crate::judge::{Finding, FindingId, Severity, Verdict, structure};

impl Trial<'_> {
    pub(super) fn other_protocol(&self) -> Outcome {
        let leg = self.outermost();
        let told = |id, evidence: String| Finding::plain(id, 0, vec![evidence]);
        let asked = leg
            .request_field("upgrade")
            .map(|token| token.to_ascii_lowercase());
        let wanted = leg.answer_field("upgrade");
        let (verdict, findings) = match leg.status() {
            // What was asked for, nobody knows: it may well have been a WebSocket.
            Some(_) if leg.request.is_none() => (
                Verdict::Unknown,
                vec![told(
                    FindingId::CaptureIncomplete,
                    "the answer is in the capture, the request is not".into(),
                )],
            ),
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
}
