//! What came after a WebSocket that could not be had: the client goes on without. It is told as a part of the story, and
//! decides nothing.

use std::time::Duration;

use crate::attempt::FellBack;
use crate::judge::trial::Trial;
use crate::judge::{Confidence, Finding, FindingId};

impl Trial<'_> {
    /// The note that the client fell back to polling.
    pub(super) fn fell_back(&self, found: &[Finding]) -> Option<Finding> {
        let served = self.served_as_poll(found);
        let seen = self.attempt.surroundings.fell_back;
        let seen = seen.filter(|_| !self.outermost().opened());
        let mut evidence: Vec<String> = seen.iter().map(|seen| self.said(seen)).collect();
        evidence.extend(served.map(|_| {
            "the server took the handshake itself for a long poll, and answered it as one"
                .to_owned()
        }));
        let confidence = match (&seen, served) {
            (Some(seen), _) if seen.same_session && seen.after.is_some() => Confidence::Certain,
            (Some(_), _) => Confidence::Likely,
            (None, served) => served?.confidence,
        };
        Some(Finding {
            confidence,
            ..Finding::plain(FindingId::FellBackToPolling, 0, evidence)
        })
    }

    /// A finding whose row says that the answer is that of a poll.
    fn served_as_poll<'f>(&self, found: &'f [Finding]) -> Option<&'f Finding> {
        let is_such = |finding: &&Finding| {
            let rule = finding.rule.as_ref();
            let row = rule.and_then(|id| self.catalogue.row(id));
            row.is_some_and(|row| row.findings.contains(&FindingId::FellBackToPolling))
        };
        found.iter().find(is_such)
    }

    fn said(&self, seen: &FellBack) -> String {
        let by = seen.by.name();
        let Some(after) = seen.after else {
            return format!(
                "the same session had begun with {by} and stays with it: it seems to work, slowly"
            );
        };
        let leg = self.outermost();
        let since = if leg.client_left_first() {
            "its giving up"
        } else if leg.answered().is_some() {
            "the answer"
        } else if leg.settled().is_some() {
            "the end of the connection"
        } else {
            "the request"
        };
        let whose = if seen.same_session {
            "session"
        } else {
            "client"
        };
        format!(
            "the same {whose} went on with {by} within {} of {since}: it seems to work, slowly",
            span(after)
        )
    }
}

/// Never less than it was.
fn span(of: Duration) -> String {
    if of < Duration::from_secs(1) {
        format!("{} ms", of.as_micros().div_ceil(1000).max(1))
    } else {
        format!("{:.1} s", of.as_secs_f64() + 0.05)
    }
}
