//! What wscap tells of packets, in the words in which two tellings are compared.

use std::collections::BTreeSet;
use std::fmt;

use wscap::attempt::{Assembler, Output, Role};
use wscap::dissect::Dissector;
use wscap::event::Event;
use wscap::flow::{Endpoint, FlowKey};
use wscap::judge::{self, Catalogue, Finding, FindingId, Hop, Kind, Party, Verdict};
use wscap::limits::Limits;

use super::packets;
use crate::support::OwnedRecord;

/// What was told of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) verdict: Verdict,
    /// The root cause; of what is `ok` there is none.
    pub(super) finding: Option<FindingId>,
    pub(super) findings: Vec<FindingId>,
    pub(super) hop: Option<Hop>,
    pub(super) status: Option<u16>,
    pub(super) tries: u32,
    /// Outermost first.
    pub(super) roles: Vec<Role>,
    /// The connections of the legs.
    pub(super) flows: BTreeSet<FlowKey>,
    pub(super) closing: Option<Closed>,
}

/// What was told of how it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) kind: Kind,
    pub(super) code: Option<u16>,
    pub(super) by: Party,
    pub(super) finding: Option<FindingId>,
    pub(super) findings: Vec<FindingId>,
    pub(super) hop: Option<Hop>,
    /// It was told that bytes were lost; no part of what must be equal.
    pub(super) lossy: Lossy,
}

/// Whether loss was told of. All are equal, so that closings are compared without it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lossy(pub(super) bool);

impl PartialEq for Lossy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lossy {}

impl Told {
    /// Without the addresses, which are those of the view that came first.
    pub(super) fn nameless(&self) -> Self {
        let mut told = self.clone();
        told.flows.clear();
        told.hop = None;
        if let Some(closing) = &mut told.closing {
            closing.hop = None;
        }
        told
    }
}

/// Everything told of these packets, in the order of decision.
pub(super) fn tell(records: &[OwnedRecord]) -> Vec<Told> {
    let limits = Limits::default();
    let mut dissector = Dissector::new(&limits, false);
    let mut assembler = Assembler::new(&limits);
    let mut events: Vec<Event> = Vec::new();
    let mut outputs: Vec<Output> = Vec::new();
    for record in records {
        dissector.push(&record.record(), &mut events);
        for event in events.drain(..) {
            assembler.push(event, &mut outputs);
        }
    }
    dissector.finish(&mut events);
    for event in events.drain(..) {
        assembler.push(event, &mut outputs);
    }
    assembler.finish(&mut outputs);
    judged(outputs)
}

fn judged(outputs: Vec<Output>) -> Vec<Told> {
    let catalogue = Catalogue::embedded();
    let mut told: Vec<(u64, Told)> = Vec::new();
    for output in outputs {
        match output {
            Output::Attempt(attempt) => {
                let judgement = judge::attempt(&attempt, catalogue);
                let findings: Vec<FindingId> = ids(&judgement.findings);
                let root = findings.first().copied();
                let flow = |node: &wscap::attempt::Node| {
                    let connection = node.leg.connection();
                    // Of a client that was redirected, where only the answers are left.
                    FlowKey::new(
                        packets::undirected(connection.client),
                        packets::undirected(connection.server),
                    )
                };
                let one = Told {
                    verdict: judgement.verdict,
                    finding: root.filter(|_| judgement.verdict != Verdict::Ok),
                    findings,
                    hop: judgement.hop.map(undirected),
                    status: judgement.status,
                    tries: attempt.tries,
                    roles: attempt.legs.iter().map(|node| node.role).collect(),
                    flows: attempt.legs.iter().map(flow).collect(),
                    closing: None,
                };
                told.push((attempt.id, one));
            }
            Output::Closing(closing) => {
                let judgement = judge::closing(&closing, catalogue);
                let of = told.iter_mut().find(|(id, _)| *id == closing.attempt);
                of.unwrap().1.closing = Some(Closed {
                    kind: judgement.kind,
                    code: judgement.code,
                    by: judgement.by,
                    finding: judgement.findings.first().map(|finding| finding.id),
                    findings: ids(&judgement.findings),
                    hop: judgement.hop.map(undirected),
                    lossy: Lossy(closing.lossy),
                });
            }
            _ => {}
        }
    }
    told.into_iter().map(|(_, one)| one).collect()
}

fn undirected(hop: Hop) -> Hop {
    Hop {
        inward: hop.inward.map(packets::undirected),
        ..hop
    }
}

fn ids(findings: &[Finding]) -> Vec<FindingId> {
    // On how many interfaces it was seen is another matter.
    let ids = findings.iter().map(|finding| finding.id);
    ids.filter(|id| *id != FindingId::CopiesSeen).collect()
}

/// As in the table of `captures/README.md`.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(|role| role.name()).collect();
        write!(
            f,
            "{} {} {} hop {} {}",
            self.verdict.name(),
            self.finding.map_or("-", FindingId::name),
            self.status.unwrap_or_default(),
            place(self.hop.as_ref()),
            roles.join("+"),
        )?;
        if self.tries > 1 {
            write!(f, " after {} tries", self.tries)?;
        }
        match &self.closing {
            Some(closing) => write!(f, ", {closing}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "close {} {} by {} / {} hop {}{}",
            self.kind.name(),
            self.code.unwrap_or_default(),
            self.by.name(),
            self.finding.map_or("-", FindingId::name),
            place(self.hop.as_ref()),
            if self.lossy.0 { ", lossy" } else { "" },
        )
    }
}

fn place(hop: Option<&Hop>) -> String {
    let name = |end: Option<Endpoint>| end.map_or_else(|| "-".to_owned(), |end| end.to_string());
    hop.map_or_else(
        || "-".to_owned(),
        |hop| {
            let software = hop.software.as_deref().unwrap_or("-");
            format!("{}>{}/{software}", name(hop.inward), name(hop.outward))
        },
    )
}
