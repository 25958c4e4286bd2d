//! Frames that RFC 6455 forbids.

use std::time::Duration;

use super::{Trial, sender};
use crate::attempt::{ClosingLeg, SeenViolation};
use crate::event::ViolationKind;
use crate::flow::Direction;
use crate::judge::{Confidence, FindingId, Kind, Party};

/// `dissect` tells so many breaches of one kind by one side, and no more.
const MOST_TOLD: u64 = 16;
/// An end that follows a breach within this time was caused by it.
const AT_ONCE: Duration = Duration::from_secs(1);

impl Trial<'_> {
    /// The side that broke the rules right before the other ended it, or that the other complains of. What came with the
    /// sender's own Close or behind it is no reason for an end.
    pub(super) fn offender(&self, wire_code: Option<u16>) -> Option<Direction> {
        let ender = match self.by {
            Party::Client => Direction::ToServer,
            Party::Server => Direction::ToClient,
            Party::Proxy | Party::Unknown => return None,
        };
        let complains = matches!(wire_code, Some(1002 | 1007));
        let is_fault = matches!(self.kind, Kind::Fault | Kind::Abnormal);
        let is_reason = |seen: &SeenViolation| {
            let just_before = self.closing.at.since(seen.at.ts) <= AT_ONCE;
            let of_itself = matches!(
                seen.kind(),
                ViolationKind::AfterClose | ViolationKind::CloseBody
            );
            seen.first.dir != ender && !of_itself && (complains || (is_fault && just_before))
        };
        let mut violations = self.closing.legs.iter().flat_map(|leg| &leg.violations);
        violations.any(is_reason).then(|| ender.flip())
    }

    /// Frames that RFC 6455 forbids, in the order of its sections; those that went one way, or all.
    pub(super) fn violations(&mut self, of: Option<Direction>) {
        let mut found = Vec::new();
        for leg in &self.closing.legs {
            let wanted = |seen: &&SeenViolation| of.is_none_or(|of| seen.first.dir == of);
            for seen in leg.violations.iter().filter(wanted) {
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
                let more = match seen.count {
                    0 | 1 => String::new(),
                    // No more of one kind are told.
                    MOST_TOLD.. => format!(", {MOST_TOLD} or more in all"),
                    count => format!(", {count} in all"),
                };
                let evidence = format!(
                    "sent by the {} on the leg to {}, in frame {} of the capture, {} behind the handshake{more}",
                    sender(seen.first.dir).name(),
                    leg.server,
                    seen.at.frame,
                    bytes(seen.first.offset)
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
        let agreed = |leg: &ClosingLeg| !leg.handshake.agreed.is_empty();
        let some = self.closing.legs.iter().any(agreed);
        let all = self.closing.legs.iter().all(agreed);
        if some && !all {
            FindingId::DeflateNotRelayed
        } else {
            FindingId::RsvUnexpected
        }
    }
}

/// `1 byte`, `12 bytes`.
fn bytes(n: u64) -> String {
    if n == 1 {
        "1 byte".into()
    } else {
        format!("{n} bytes")
    }
}
