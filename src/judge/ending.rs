//! The judgement of a closing: how an opened WebSocket ended, who ended it, and whose fault it was (RFC 6455 §7).
//!
//! A code says what an endpoint thinks; FIN and RST say what happened; which leg went first says who did it.

use std::time::Duration;

use crate::attempt::{Closing, ClosingLeg, SeenClose};
use crate::event::ViolationKind;
use crate::flow::Direction;
use crate::flow::End;
use crate::judge::{
    Catalogue, ClosingJudgement, ClosingScene, Confidence, Finding, FindingId, Hop, Kind, Party,
    Severity,
};
use crate::time::Timestamp;
use crate::websocket::CloseCode;

/// A client that opens and leaves within this time without a frame is a health probe.
const PROBE: Duration = Duration::from_secs(1);
/// Sockets that one hop ends together from this many on were ended by a reload.
const RELOAD: u32 = 4;
/// An end that follows a large message within this time was caused by it.
const CRASH: Duration = Duration::from_secs(1);
/// A hop that lets go of both sides after so long a silence did so because of it.
const SILENT: Duration = Duration::from_secs(2);
/// A message is large from this size on.
const LARGE: u64 = 64 * 1024;

/// Judges how an opened WebSocket ended.
pub fn closing(closing: &Closing, catalogue: &Catalogue) -> ClosingJudgement {
    let Some(outermost) = closing.legs.first() else {
        return open(closing);
    };
    let first_close = first_close(closing);
    let by_tcp = tcp_party(closing);
    let unused = first_close.is_none() && is_unused(closing, outermost);
    let (kind, by) = match first_close {
        // Where one direction is missing the other side may have been first.
        Some((_, close)) if closing.legs.iter().all(|leg| leg.one_sided) => {
            (kind_of(close), Party::Unknown)
        }
        Some((_, close)) => (kind_of(close), sender(close.dir)),
        None if closing.still_open => (Kind::Open, Party::Unknown),
        None if unused => (Kind::Unused, Party::Client),
        None => (Kind::Abnormal, by_tcp),
    };
    let wire_code = first_close
        .and_then(|(_, close)| close.close.code)
        .map(|code| code.0);
    let code = match kind {
        Kind::Open => None,
        _ if first_close.is_none() => Some(CloseCode::ABNORMAL.0),
        _ => wire_code.or(Some(CloseCode::NO_STATUS.0)),
    };
    let reason = first_close
        .map(|(_, close)| close.close.reason.clone())
        .filter(|reason| !reason.is_empty());
    let mut trial = Trial {
        closing,
        outermost,
        kind,
        by,
        code,
        catalogue,
        findings: Vec::new(),
        hop: None,
    };
    // A Close that complains of the protocol is the symptom; the frame before it is the cause.
    let complains = matches!(wire_code, Some(1002 | 1007));
    if complains {
        trial.violations();
    }
    trial.by_code(first_close);
    if kind == Kind::Abnormal {
        trial.abnormal();
    }
    trial.changed();
    if !complains {
        trial.violations();
    }
    let severity = match kind {
        Kind::Normal | Kind::Application | Kind::Unused | Kind::Open => Severity::Info,
        Kind::Abnormal => Severity::Warning,
        Kind::Fault | Kind::Illegal => Severity::Error,
    };
    let Trial { findings, hop, .. } = trial;
    let advice = findings.first().map_or_else(Default::default, |root| {
        let row = root
            .rule
            .as_ref()
            .and_then(|id| catalogue.rows().iter().find(|row| row.id == *id));
        catalogue.advice(
            root.id,
            row,
            hop.as_ref().and_then(|hop| hop.software.as_deref()),
        )
    });
    ClosingJudgement {
        kind,
        severity,
        wire_code,
        code,
        by,
        reason,
        findings,
        hop,
        advice,
    }
}

/// A closing under judgement.
struct Trial<'a> {
    closing: &'a Closing,
    outermost: &'a ClosingLeg,
    kind: Kind,
    by: Party,
    code: Option<u16>,
    catalogue: &'a Catalogue,
    findings: Vec<Finding>,
    hop: Option<Hop>,
}

impl Trial<'_> {
    fn find(&mut self, id: FindingId, leg: usize, confidence: Confidence, evidence: String) {
        let scene = self.scene();
        let rule = self
            .catalogue
            .closing_row(id, &scene)
            .map(|row| row.id.clone());
        self.findings.push(Finding {
            id,
            rule,
            leg,
            confidence,
            evidence: vec![evidence],
        });
    }

    fn scene(&self) -> ClosingScene<'_> {
        let closing = self.closing;
        let reason = first_close(closing).map_or("", |(_, close)| &*close.close.reason);
        ClosingScene {
            kind: self.kind,
            code: self.code,
            by: self.by,
            reason,
            age: closing.at.since(closing.opened_at),
            idle: idle(closing, None),
            server_idle: idle(closing, Some(Direction::ToClient)),
            software: self.outermost.software.as_deref(),
            marks: &self.outermost.marks,
        }
    }

    /// What the code of the first Close says.
    fn by_code(&mut self, first: Option<(usize, &SeenClose)>) {
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
        let said = match (&*close.close.reason, code.name()) {
            ("", Some(name)) => format!("{} sent {code} {name}", sender(close.dir).name()),
            ("", None) => format!("{} sent {code}", sender(close.dir).name()),
            (reason, _) => format!("{} sent {code}: {reason}", sender(close.dir).name()),
        };
        if !code.is_legal_on_wire() || (code.0 == 1010 && close.dir == Direction::ToClient) {
            self.find(FindingId::CloseCodeIllegal, leg, Confidence::Certain, said);
            return;
        }
        let id = match code.0 {
            1002 => FindingId::ClosedProtocolError,
            1003 => FindingId::ClosedUnsupported,
            1007 => FindingId::ClosedBadData,
            1008 => FindingId::ClosedPolicy,
            1009 => FindingId::ClosedTooBig,
            1010 => return self.extension_required(leg, said),
            1011 if close.close.reason.contains("ping timeout") => FindingId::PingTimeout,
            1011 => FindingId::ClosedInternalError,
            1012 => FindingId::ServiceRestart,
            1013 => FindingId::TryAgainLater,
            1014 => return self.bad_gateway(leg, said),
            _ => return,
        };
        self.find(id, leg, Confidence::Certain, said);
        if code.0 == 1009
            && let (Some(root), Some(sent)) = (
                self.findings.last_mut(),
                largest_towards(self.outermost, close.dir),
            )
        {
            root.evidence.push(format!(
                "the largest message it had received was {sent} bytes"
            ));
        }
    }

    /// 1010: what was asked, what was agreed, and on which leg it was lost.
    fn extension_required(&mut self, leg: usize, said: String) {
        let names = |list: &[crate::websocket::Extension]| -> String {
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
        {
            if outer.offered.len() > inner.offered.len() {
                evidence.push(format!("{} did not pass the offer on", outer.server));
                lost = lost.or(Some((outer, inner)));
            }
            if inner.agreed.len() > outer.agreed.len() {
                evidence.push(format!("{} did not pass the agreement back", outer.server));
                lost = lost.or(Some((outer, inner)));
            }
        }
        let legs = self.closing.legs.iter();
        let told = legs.map(|leg| {
            format!(
                "{}: asked {}, agreed {}",
                leg.server,
                names(&leg.offered),
                names(&leg.agreed)
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

    /// 1014: the upstream leg that failed, or that it is not in sight.
    fn bad_gateway(&mut self, leg: usize, said: String) {
        self.find(FindingId::BadGateway, leg, Confidence::Certain, said);
        let upstream = match self.closing.failed_upstream.as_slice() {
            [] if self.closing.legs.len() > 1 => {
                "the leg behind the gateway is in the capture, see its end".to_owned()
            }
            [] => "the leg behind the gateway is not in this capture".to_owned(),
            failed => {
                let told = failed.iter().map(|(server, how)| match how {
                    End::Refused => format!("{server} refused the gateway's connection"),
                    End::Unanswered => format!("{server} did not answer the gateway's connection"),
                    _ => format!("{server} closed the gateway's connection"),
                });
                told.collect::<Vec<_>>().join("; ")
            }
        };
        if let Some(root) = self.findings.last_mut() {
            root.evidence.push(upstream);
        }
        self.hop = Some(Hop {
            inward: Some(self.outermost.server),
            outward: self.closing.legs.get(1).map(|inner| inner.client),
            software: self.outermost.software.clone(),
            adjacent: None,
        });
    }

    /// No Close from either side: who let go first, and what the times say.
    fn abnormal(&mut self) {
        let closing = self.closing;
        let scene = self.scene();
        let (age, idle, server_idle) = (scene.age, scene.idle, scene.server_idle);
        let how = self.how_it_ended();
        if self.by == Party::Proxy {
            self.hop = closing
                .legs
                .get(1)
                .map(|inner| hop_between(self.outermost, inner));
        }
        if let Some((dir, _)) = closing.legs.iter().find_map(|leg| leg.retransmitting) {
            let gone = sender(dir.flip()).name();
            return self.find(
                FindingId::PeerVanished,
                0,
                Confidence::Certain,
                format!("{how}; the {gone} acknowledged nothing more"),
            );
        }
        if self.by == Party::Server && no_frames(self.outermost) {
            return self.find(
                FindingId::OpenedThenClosed,
                0,
                Confidence::Certain,
                format!("{how}, before any frame"),
            );
        }
        if self.by == Party::Proxy && closing.ended_together >= RELOAD {
            let others = closing.ended_together;
            return self.find(
                FindingId::ProxyReloaded,
                0,
                Confidence::Likely,
                format!("{how}, and {others} others within the same second"),
            );
        }
        if self.by == Party::Proxy && server_idle >= SILENT {
            let set = [server_idle, idle].into_iter().find(|&span| is_timer(span));
            let of = if set == Some(idle) && idle != server_idle {
                "either side"
            } else {
                "the server"
            };
            let silent = set.unwrap_or(server_idle).as_secs_f64();
            let confidence = if set.is_some() {
                Confidence::Likely
            } else {
                Confidence::Guess
            };
            let evidence = format!("{how}, {silent:.1} s after the last byte of {of}");
            return self.find(FindingId::IdleTimeout, 0, confidence, evidence);
        }
        if self.by == Party::Proxy && is_timer(age) {
            return self.find(
                FindingId::LifetimeLimit,
                0,
                Confidence::Likely,
                format!("{how}, {:.1} s after it had opened", age.as_secs_f64()),
            );
        }
        if self.by == Party::Server
            && idle < CRASH
            && self
                .outermost
                .largest_message
                .iter()
                .any(|&size| size >= LARGE)
        {
            let size = self
                .outermost
                .largest_message
                .iter()
                .max()
                .copied()
                .unwrap_or_default();
            return self.find(
                FindingId::PeerCrashed,
                0,
                Confidence::Likely,
                format!("{how}, right after a message of {size} bytes"),
            );
        }
        self.find(FindingId::AbnormalClosure, 0, Confidence::Certain, how);
    }

    fn how_it_ended(&self) -> String {
        let leg = self.closing.legs.iter().min_by_key(|leg| {
            leg.tcp_ends
                .first()
                .map_or(Timestamp::from_nanos(i64::MAX), |end| end.at)
        });
        match (self.by, leg.and_then(|leg| leg.tcp_ends.first())) {
            (Party::Proxy, _) => format!(
                "{} ended both sides by itself, without a Close",
                self.outermost.server
            ),
            (by, Some(end)) => format!(
                "{} sent {} without a Close",
                by.name(),
                if end.reset { "RST" } else { "FIN" }
            ),
            (_, None) => "it ended without a Close".to_owned(),
        }
    }

    /// Legs that ended in different ways: a gateway said something of its own.
    fn changed(&mut self) {
        let code = |leg: &ClosingLeg, dir: Direction| {
            leg.closes
                .iter()
                .find(|close| close.dir == dir)
                .map(|close| close.close.code)
        };
        let pairs = self
            .closing
            .legs
            .iter()
            .zip(self.closing.legs.iter().skip(1));
        let mut told = None;
        for (outer, inner) in pairs {
            for dir in [Direction::ToServer, Direction::ToClient] {
                if let (Some(a), Some(b)) = (code(outer, dir), code(inner, dir))
                    && a != b
                {
                    let text = |code: Option<CloseCode>| {
                        code.map_or_else(|| "no code".to_owned(), |code| code.to_string())
                    };
                    told = Some((
                        outer.leg,
                        format!("{} on the outer leg, {} on the inner one", text(a), text(b)),
                        hop_between(outer, inner),
                    ));
                }
            }
        }
        if let Some((leg, evidence, hop)) = told {
            self.find(FindingId::CloseChanged, leg, Confidence::Proved, evidence);
            self.hop.get_or_insert(hop);
        }
    }

    /// Frames that RFC 6455 forbids, in the order of its sections.
    fn violations(&mut self) {
        let mut found = Vec::new();
        for leg in &self.closing.legs {
            for seen in &leg.violations {
                let id = match seen.kind() {
                    ViolationKind::Unmasked => FindingId::FrameUnmasked,
                    ViolationKind::Masked => FindingId::FrameMasked,
                    ViolationKind::Rsv => self.rsv(),
                    ViolationKind::Opcode => FindingId::OpcodeReserved,
                    ViolationKind::Control => FindingId::ControlFrameInvalid,
                    ViolationKind::Continuation => FindingId::ContinuationUnexpected,
                    ViolationKind::Length => FindingId::LengthNotMinimal,
                    ViolationKind::AfterClose => FindingId::DataAfterClose,
                    ViolationKind::CloseBody => FindingId::CloseMalformed,
                    ViolationKind::Http => FindingId::HttpAfter101,
                };
                let more = if seen.count > 1 {
                    format!(", {} in all", seen.count)
                } else {
                    String::new()
                };
                let evidence = format!(
                    "sent by the {} on the leg to {}, in frame {} of the capture{more}",
                    sender(seen.first.dir).name(),
                    leg.server,
                    seen.at.frame
                );
                found.push((id, leg.leg, evidence));
            }
        }
        for (id, leg, evidence) in found {
            if !self.findings.iter().any(|finding| finding.id == id) {
                self.find(id, leg, Confidence::Certain, evidence);
            }
        }
    }

    /// A reserved bit on a leg that agreed no extension, while another leg did: the hop dropped the agreement.
    fn rsv(&self) -> FindingId {
        let agreed = |leg: &ClosingLeg| !leg.agreed.is_empty();
        let some = self.closing.legs.iter().any(agreed);
        let all = self.closing.legs.iter().all(agreed);
        if some && !all {
            FindingId::DeflateNotRelayed
        } else {
            FindingId::RsvUnexpected
        }
    }
}

fn open(closing: &Closing) -> ClosingJudgement {
    let kind = if closing.still_open {
        Kind::Open
    } else {
        Kind::Abnormal
    };
    ClosingJudgement {
        kind,
        severity: Severity::Info,
        wire_code: None,
        code: None,
        by: Party::Unknown,
        reason: None,
        findings: Vec::new(),
        hop: None,
        advice: crate::judge::Advice::default(),
    }
}

/// The first Close of the outermost leg that has one, with the index of that leg in the attempt.
fn first_close(closing: &Closing) -> Option<(usize, &SeenClose)> {
    closing
        .legs
        .iter()
        .find_map(|leg| leg.closes.first().map(|close| (leg.leg, close)))
}

fn kind_of(close: &SeenClose) -> Kind {
    match close.close.code {
        _ if close.close.malformed || close.close.reason_invalid => Kind::Illegal,
        None | Some(CloseCode(1000 | 1001)) => Kind::Normal,
        Some(CloseCode(3000..=4999)) => Kind::Application,
        Some(CloseCode(1002 | 1003 | 1007..=1014)) => Kind::Fault,
        Some(_) => Kind::Illegal,
    }
}

const fn sender(dir: Direction) -> Party {
    match dir {
        Direction::ToServer => Party::Client,
        Direction::ToClient => Party::Server,
    }
}

/// Who let go of TCP first. With two legs in sight the order tells: what a hop passes on was there before; what no one
/// brought it, it did by itself.
fn tcp_party(closing: &Closing) -> Party {
    let outermost = closing.legs.first();
    let innermost = closing.legs.last();
    let first = |leg: Option<&ClosingLeg>| leg.and_then(|leg| leg.tcp_ends.first()).copied();
    if closing.legs.len() > 1 {
        let client = first(outermost).filter(|end| end.dir == Direction::ToServer);
        let server = first(innermost).filter(|end| end.dir == Direction::ToClient);
        return match (client, server) {
            (Some(client), Some(server)) if client.at <= server.at => Party::Client,
            (_, Some(_)) => Party::Server,
            (Some(_), None) => Party::Client,
            (None, None) if first(outermost).is_some() || first(innermost).is_some() => {
                Party::Proxy
            }
            (None, None) => Party::Unknown,
        };
    }
    first(outermost).map_or(Party::Unknown, |end| sender(end.dir))
}

fn is_unused(closing: &Closing, outermost: &ClosingLeg) -> bool {
    let left = outermost.tcp_ends.first().is_some_and(|end| {
        end.dir == Direction::ToServer && end.at.since(closing.opened_at) <= PROBE
    });
    left && no_frames(outermost) && !closing.lossy
}

fn no_frames(leg: &ClosingLeg) -> bool {
    leg.client_frames.total() == 0 && leg.server_frames.total() == 0
}

/// Silence before the end: of both sides, or of one. On the innermost leg, for that is what a proxy's timer watches.
fn idle(closing: &Closing, of: Option<Direction>) -> Duration {
    let Some(leg) = closing.legs.last() else {
        return Duration::ZERO;
    };
    let [client, server] = leg.last_bytes;
    let last = match of {
        Some(Direction::ToClient) => server,
        Some(Direction::ToServer) => client,
        None => client.max(server),
    };
    closing.at.since(last.unwrap_or(closing.opened_at))
}

/// Timers are set to whole seconds. They fire a little late; nginx, which is lazy in setting them anew, up to 0.3 s
/// early. So much is allowed only around the values that are known defaults.
fn is_timer(span: Duration) -> bool {
    const DEFAULTS: &[u64] = &[30, 50, 60, 75, 100, 120, 300, 350, 600, 900, 1800, 3600];
    let near = |secs: u64, early: u64, late: u64| {
        let set = Duration::from_secs(secs);
        span + Duration::from_millis(early) >= set && span <= set + Duration::from_millis(late)
    };
    let whole = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    DEFAULTS.iter().any(|&secs| near(secs, 350, 500)) || (whole >= 2 && near(whole, 60, 60))
}

fn largest_towards(leg: &ClosingLeg, closer: Direction) -> Option<u64> {
    let [client, server] = leg.largest_message;
    let size = match closer {
        Direction::ToServer => server,
        Direction::ToClient => client,
    };
    (size > 0).then_some(size)
}

fn hop_between(outer: &ClosingLeg, inner: &ClosingLeg) -> Hop {
    Hop {
        inward: Some(outer.server),
        outward: Some(inner.client),
        software: outer
            .software
            .clone()
            .filter(|software| Some(software) != inner.software.as_ref()),
        adjacent: (outer.server.addr == inner.client.addr).then_some(true),
    }
}
