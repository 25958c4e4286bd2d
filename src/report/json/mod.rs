//! JSON lines (`--json`): one object a line, keys as documented in `docs/output.md`, none ever renamed.
//!
//! The types here are for writing only: their keys are a contract, the types of the rooms are not.

mod attempt;
mod closing;
mod summary;
mod time;

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::event::Health;
use crate::flow::Endpoint;
use crate::judge::{Finding, Hop, JudgedAttempt, JudgedClosing, Meaning};
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::report::{Item, Options};
use crate::tally::Snapshot;
use crate::time::Timestamp;

/// Writes JSON lines.
#[derive(Debug)]
pub struct JsonReport<W> {
    lines: Lines<W>,
    options: Options,
    names: Names,
}

impl<W: Write> JsonReport<W> {
    /// Writes to `out`.
    pub fn new(out: W, options: Options) -> Self {
        Self {
            lines: Lines {
                out,
                flush: options.live,
                buffer: Vec::new(),
            },
            options,
            names: Names::default(),
        }
    }

    /// An interface got its name.
    pub fn interface(&mut self, source: u16, iface: u16, name: &str) {
        self.names.set(source, iface, name);
    }

    /// Writes an attempt.
    pub fn attempt(&mut self, judged: &JudgedAttempt) -> io::Result<()> {
        let mask = Mask::of_attempt(self.options.redact, &judged.attempt);
        let target = attempt::Target::of(judged.attempt.outermost(), &mask);
        let line = attempt::Line::new(judged, &mask, &self.names, target.as_ref());
        self.lines.write(&line)
    }

    /// Writes how an opened WebSocket ended.
    pub fn closing(&mut self, judged: &JudgedClosing) -> io::Result<()> {
        let judgement = &judged.judgement;
        // What quotes nothing has nothing to hide.
        let quotes =
            judgement.reason.is_some() || judgement.hop.is_some() || !judgement.findings.is_empty();
        let mask = if quotes {
            Mask::of_closing(self.options.redact, &judged.closing)
        } else {
            Mask::new(self.options.redact)
        };
        self.lines.write(&closing::Line::new(judged, &mask))
    }

    /// Writes the state of the capture.
    pub fn health(&mut self, health: &Health, now: Timestamp) -> io::Result<()> {
        self.lines
            .write(&summary::HealthLine::new(health, Some(now)))
    }

    /// Writes groups, routes, the last state of the capture and the summary.
    pub fn finish(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mask = Mask::new(self.options.redact);
        for group in &snapshot.groups {
            let wanted = self
                .options
                .only
                .as_ref()
                .is_none_or(|only| only.wants(Item::of(&group.example)));
            if wanted {
                self.lines.write(&summary::GroupLine::new(group, &mask))?;
            }
        }
        for route in &snapshot.routes {
            self.lines.write(&summary::RouteLine::new(route, &mask))?;
        }
        self.lines
            .write(&summary::HealthLine::new(&snapshot.health, snapshot.now))?;
        self.lines.write(&summary::SummaryLine::new(snapshot))?;
        self.lines.out.flush()
    }
}

/// Where lines go.
#[derive(Debug)]
struct Lines<W> {
    out: W,
    flush: bool,
    buffer: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        // A line is written whole, so that a reader never sees half of one.
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        if self.flush {
            self.out.flush()?;
        }
        Ok(())
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// `1.2.3.4:80`; IPv6 in brackets.
#[derive(Clone, Copy, Debug)]
struct Address(Endpoint);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Who did it.
#[derive(Debug, Serialize)]
struct HopJson<'a> {
    r#in: Option<Address>,
    out: Option<Address>,
    software: Option<Cow<'a, str>>,
    adjacent: Option<bool>,
}

impl<'a> HopJson<'a> {
    fn new(hop: &'a Hop, mask: &Mask) -> Self {
        Self {
            r#in: hop.inward.map(Address),
            out: hop.outward.map(Address),
            software: hop.software.as_deref().map(|software| mask.words(software)),
            adjacent: hop.adjacent,
        }
    }
}

/// What a code means to the application that sends it.
#[derive(Debug, Serialize)]
struct MeaningJson<'a> {
    of: &'a str,
    name: &'a str,
    text: &'a str,
    fix: &'a [String],
    known_by: &'a str,
}

impl<'a> MeaningJson<'a> {
    fn new(meaning: &'a Meaning) -> Self {
        Self {
            of: &meaning.of,
            name: &meaning.name,
            text: &meaning.text,
            fix: &meaning.fix,
            known_by: &meaning.known_by,
        }
    }
}

/// One named fact.
#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    id: &'static str,
    rule: Option<&'a str>,
    leg: usize,
    confidence: &'static str,
    evidence: Vec<Cow<'a, str>>,
}

impl<'a> FindingJson<'a> {
    fn new(finding: &'a Finding, mask: &Mask) -> Self {
        Self {
            id: finding.id.name(),
            rule: finding.rule.as_deref(),
            leg: finding.leg,
            confidence: finding.confidence.name(),
            evidence: finding
                .evidence
                .iter()
                .map(|text| mask.words(text))
                .collect(),
        }
    }
}
