//! Frames that RFC 6455 forbids.

use super::{Trial, sender};
use crate::attempt::ClosingLeg;
use crate::event::ViolationKind;
use crate::judge::{Confidence, FindingId};

/// `dissect` tells so many breaches of one kind by one side, and no more.
const MOST_TOLD: u64 = 16;

impl Trial<'_> {
    /// Frames that RFC 6455 forbids, in the order of its sections.
    pub(super) fn violations(&mut self) {
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

/// `1 byte`, `12 bytes`.
fn bytes(n: u64) -> String {
    if n == 1 {
        "1 byte".into()
    } else {
        format!("{n} bytes")
    }
}
