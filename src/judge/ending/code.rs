//! What the code of a Close says of the end (RFC 6455 §7.4).

use super::{Trial, hop_between, sender};
use crate::attempt::{ClosingLeg, FailedUpstream, SeenClose, UpstreamFailure};
use crate::event::Largest;
use crate::flow::{Direction, End};
use crate::judge::{Confidence, Finding, FindingId, Hop, Kind, Party};
use crate::websocket::{Accept, CloseCode, Extension};

impl Trial<'_> {
    /// What the code of the first Close says.
    pub(super) fn by_code(&mut self, first: Option<(usize, &SeenClose)>) {
        let Some((leg, close)) = first else { return };
        if close.close.malformed || close.close.reason_invalid {
            let what = if close.close.malformed {
                "a body of one byte"
            } else {
                "a reason that is no UTF-8"
            };
            self.find(
                FindingId::CloseMalformed,
                leg,
                Confidence::Certain,
                format!("the Close frame has {what}"),
            );
        }
        let Some(code) = close.close.code else { return };
        let said = || said(close);
        // The answer to a Close repeats its code: only where it was surely no answer it is the server's own.
        let is_illegal_1010 = code.0 == 1010 && self.by == Party::Server;
        if !code.is_legal_on_wire() || is_illegal_1010 {
            self.find(
                FindingId::CloseCodeIllegal,
                leg,
                Confidence::Certain,
                said(),
            );
            return;
        }
        let id = match code.0 {
            _ if tells_of_ping(&close.close.reason) => FindingId::PingTimeout,
            1002 => FindingId::ClosedProtocolError,
            1003 => FindingId::ClosedUnsupported,
            1007 => FindingId::ClosedBadData,
            1008 => FindingId::ClosedPolicy,
            1009 => FindingId::ClosedTooBig,
            1010 => return self.extension_required(leg, said()),
            1011 => FindingId::ClosedInternalError,
            1012 => FindingId::ServiceRestart,
            1013 => FindingId::TryAgainLater,
            1014 => return self.bad_gateway(leg, said()),
            _ => return,
        };
        self.find(id, leg, Confidence::Certain, said());
        let more = match id {
            FindingId::ClosedTooBig => too_big(close),
            FindingId::PingTimeout => self.ping_waited(close),
            FindingId::ServiceRestart | FindingId::TryAgainLater => self.storm(),
            _ => None,
        };
        if let Some(root) = self.findings.last_mut() {
            root.evidence.extend(more);
        }
    }

    /// Codes that must not be sent, in a Close behind the first.
    pub(super) fn illegal_answers(&mut self, first: Option<(usize, &SeenClose)>) {
        let told = first.and_then(|(_, close)| close.close.code);
        let is_new = |close: &&SeenClose| {
            let code = close.close.code;
            code != told && code.is_some_and(|code| !code.is_legal_on_wire())
        };
        let mut legs = self.closing.legs.iter();
        let found = legs.find_map(|leg| Some((leg.leg, leg.closes.iter().find(is_new)?)));
        if let Some((leg, close)) = found {
            self.find(
                FindingId::CloseCodeIllegal,
                leg,
                Confidence::Certain,
                said(close),
            );
        }
    }

    /// How long the closer's own ping had waited.
    fn ping_waited(&self, close: &SeenClose) -> Option<String> {
        let mut legs = self.closing.legs.iter();
        let since = legs.find_map(|leg| *leg.ping_waits.get(close.dir.index())?)?;
        let waited = close.at.ts.since(since).as_secs_f64();
        Some(format!(
            "its oldest ping without a pong was {waited:.1} s old"
        ))
    }

    /// Many at once: all of them will come back at once.
    fn storm(&self) -> Option<String> {
        let others = self.with_others();
        (!others.is_empty()).then(|| format!("it closed this one{others}"))
    }

    /// A Close that nothing else is known of may be known to the user's own rows. True if so.
    pub(super) fn by_own_row(&mut self, first: Option<(usize, &SeenClose)>) -> bool {
        let Some((leg, close)) = first.filter(|_| self.findings.is_empty()) else {
            return false;
        };
        if !self.catalogue.has_own_rows() {
            return false;
        }
        let finding = self
            .catalogue
            .own_closing_row(&self.scene())
            .and_then(|row| {
                Some(Finding {
                    id: *row.findings.first()?,
                    rule: Some(row.id.clone()),
                    leg,
                    confidence: row.confidence(),
                    evidence: vec![said(close)],
                })
            });
        let is_known = finding.is_some();
        self.findings.extend(finding);
        is_known
    }

    /// 1010: what was asked, what was agreed, and on which leg it was lost.
    fn extension_required(&mut self, leg: usize, said: String) {
        let names = |list: &[Extension]| -> String {
            if list.is_empty() {
                return "none".into();
            }
            list.iter()
                .map(|extension| &*extension.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.find(FindingId::ExtensionRequired, leg, Confidence::Certain, said);
        let mut evidence = Vec::new();
        let mut lost = None;
        for (outer, inner) in self
            .closing
            .legs
            .iter()
            .zip(self.closing.legs.iter().skip(1))
            .filter(|(outer, inner)| {
                outer.handshake.accept.is_some() && inner.handshake.accept.is_some()
            })
        {
            if outer.handshake.offered.len() > inner.handshake.offered.len() {
                evidence.push(format!("{} did not pass the offer on", outer.server));
                lost = lost.or(Some((outer, inner)));
            }
            if inner.handshake.agreed.len() > outer.handshake.agreed.len() {
                evidence.push(format!("{} did not pass the agreement back", outer.server));
                lost = lost.or(Some((outer, inner)));
            }
        }
        // Of a leg whose 101 was lost it is not known.
        let legs = self.closing.legs.iter();
        let told = legs
            .filter(|leg| leg.handshake.accept.is_some())
            .map(|leg| {
                format!(
                    "{}: asked {}, agreed {}",
                    leg.server,
                    names(&leg.handshake.offered),
                    names(&leg.handshake.agreed)
                )
            });
        evidence.splice(0..0, told);
        self.hop = lost.map(|(outer, inner)| hop_between(outer, inner));
        if let Some(root) = self.findings.last_mut() {
            root.evidence.extend(evidence);
            if lost.is_some() {
                root.confidence = Confidence::Proved;
            }
        }
    }

    /// 1014: what failed behind the gateway, or that it is not in sight.
    fn bad_gateway(&mut self, leg: usize, said: String) {
        self.find(FindingId::BadGateway, leg, Confidence::Certain, said);
        let mut upstream: Vec<String> = self.closing.failed_upstream.iter().map(failure).collect();
        let said_here = |leg: &&ClosingLeg| {
            leg.closes
                .iter()
                .any(|close| close.close.code == Some(CloseCode(1014)))
        };
        // A hop that passes on what the one behind it said is not the gateway.
        let gateway = self
            .closing
            .legs
            .iter()
            .rfind(said_here)
            .unwrap_or(self.outermost);
        let behind = self
            .closing
            .legs
            .iter()
            .find(|inner| inner.leg > gateway.leg);
        if let Some(inner) = behind.filter(|_| upstream.is_empty()) {
            upstream.push(end_of(inner));
        }
        if upstream.is_empty() {
            upstream.push("the leg behind the gateway is not in this capture".into());
        }
        if let Some(root) = self.findings.last_mut() {
            root.evidence.extend(upstream);
        }
        self.hop = Some(Hop {
            inward: Some(gateway.server),
            outward: behind.map(|inner| inner.client),
            software: gateway.handshake.software.clone(),
            adjacent: None,
        });
    }
}

/// `10.2.0.2:8080 refused the gateway's connection`.
fn failure(failed: &FailedUpstream) -> String {
    let FailedUpstream { server, how } = failed;
    match how {
        UpstreamFailure::Ended(End::Refused) => {
            format!("{server} refused the gateway's connection")
        }
        UpstreamFailure::Ended(End::Unanswered) => {
            format!("{server} did not answer the gateway's connection")
        }
        UpstreamFailure::Ended(_) => format!("{server} closed the gateway's connection"),
        UpstreamFailure::Refused(status) => {
            format!("{server} answered {status} to the gateway's handshake")
        }
    }
}

/// How the leg behind a gateway ended, which is why the gateway said 1014.
fn end_of(inner: &ClosingLeg) -> String {
    let server = inner.server;
    match inner.handshake.accept {
        Some(Accept::Wrong) => {
            return format!("{server} answered 101 with a wrong Sec-WebSocket-Accept");
        }
        Some(Accept::Missing) => {
            return format!("{server} answered 101 without Sec-WebSocket-Accept");
        }
        _ => {}
    }
    let mut closes = inner.closes.iter();
    let close = closes.find(|close| close.dir == Direction::ToClient);
    if let Some(close) = close {
        return format!("behind the gateway, {server} said {}", named(close));
    }
    match inner.tcp_ends.first() {
        Some(end) if end.dir == Direction::ToClient => {
            let how = if end.reset { "RST" } else { "FIN" };
            format!("behind the gateway, {server} sent {how} without a Close")
        }
        _ => format!("behind the gateway, nothing of {server} tells why"),
    }
}

/// `1011 Internal Error`.
pub(super) fn named(close: &SeenClose) -> String {
    let code = close.close.code;
    match (code, code.and_then(CloseCode::name)) {
        (Some(code), Some(name)) => format!("{code} {name}"),
        (Some(code), None) => code.to_string(),
        (None, _) => "a Close without a code".to_owned(),
    }
}

/// Who sent what: `server sent 1008 Policy Violation`.
fn said(close: &SeenClose) -> String {
    let who = sender(close.dir).name();
    let name = close.close.code.and_then(CloseCode::name);
    match (close.close.code, &*close.close.reason, name) {
        (None, ..) => format!("{who} sent a Close without a code"),
        (Some(code), "", Some(name)) => format!("{who} sent {code} {name}"),
        (Some(code), "", None) => format!("{who} sent {code}"),
        (Some(code), reason, _) => format!("{who} sent {code}: {reason}"),
    }
}

pub(super) fn kind_of(close: &SeenClose) -> Kind {
    match close.close.code {
        _ if close.close.malformed || close.close.reason_invalid => Kind::Illegal,
        None | Some(CloseCode(1000 | 1001)) => Kind::Normal,
        Some(CloseCode(3000..=4999)) => Kind::Application,
        Some(CloseCode(1002 | 1003 | 1007..=1014)) => Kind::Fault,
        Some(_) => Kind::Illegal,
    }
}

/// Libraries give it as the reason, under 1011, 1000 or a code of their own.
fn tells_of_ping(reason: &str) -> bool {
    const SHORTEST: &str = "no pong";
    // Most say nothing at all, or nothing of either.
    let names_one = |at: usize| {
        let rest = reason.as_bytes().get(at + 1..).unwrap_or_default();
        matches!(
            rest,
            [b'i' | b'I' | b'o' | b'O', b'n' | b'N', b'g' | b'G', ..]
        )
    };
    let mut begins = memchr::memchr2_iter(b'p', b'P', reason.as_bytes());
    if reason.len() < SHORTEST.len() || !begins.any(names_one) {
        return false;
    }
    let reason = reason.to_ascii_lowercase();
    [
        SHORTEST,
        "ping timeout",
        "ping timed out",
        "pong timeout",
        "missing pong",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

/// The message that broke the limit: the largest that the closer had been sent. Messages before it were taken, so that the
/// limit is told from both sides.
fn too_big(close: &SeenClose) -> Option<String> {
    let Largest {
        bytes,
        before,
        compressed,
    } = close.received;
    if bytes == 0 {
        return None;
    }
    let under_way = if close.receiving == bytes {
        ", still on its way"
    } else {
        ""
    };
    let compressed = if compressed {
        " as compressed; unpacked it is larger, and that is what counts"
    } else {
        ""
    };
    let before = match before {
        0 => String::new(),
        before => format!("; one of {before} bytes had been taken"),
    };
    Some(format!(
        "the largest message to it had {bytes} bytes{compressed}{under_way}{before}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// The glance at whether either word is there rules out nothing that has to be looked at.
        #[test]
        fn a_ping_is_heard_of_wherever_it_stands(
            reason in "(no |missing |ping|pong|PonG|po|p| ?timeout| timed out|é|[a-z ]{0,3}){0,6}",
        ) {
            let lower = reason.to_ascii_lowercase();
            let words = ["no pong", "ping timeout", "ping timed out", "pong timeout", "missing pong"];
            let expected = words.iter().any(|words| lower.contains(words));
            proptest::prop_assert_eq!(tells_of_ping(&reason), expected, "{}", reason);
        }
    }
}
