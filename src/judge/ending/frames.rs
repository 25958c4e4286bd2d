//! Frames that RFC 6455 forbids.

use super::{Trial, sender};
use crate::attempt::ClosingLeg;
use crate::event::ViolationKind;
use crate::judge::{Confidence, FindingId};

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
