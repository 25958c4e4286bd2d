//! JSON lines (`--json`): one object a line, keys as documented in `docs/output.md`, none ever renamed.
//!
//! The types here are for writing only: their keys are a contract, the types of the rooms are not.

mod attempt;
mod closing;
mod summary;

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

use crate::event::Health;
use crate::flow::Endpoint;
use crate::judge::{Finding, Hop, JudgedAttempt, JudgedClosing};
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::report::{Item, Options};
use crate::tally::Snapshot;
use crate::time::Timestamp;

/// Writes JSON lines.
#[derive(Debug)]
pub struct JsonReport<W> {
    out: W,
    options: Options,
    names: Names,
    buffer: Vec<u8>,
}

impl<W: Write> JsonReport<W> {
    /// Writes to `out`.
    pub fn new(out: W, options: Options) -> Self {
        Self {
            out,
            options,
            names: Names::default(),
            buffer: Vec::new(),
        }
    }

    /// An interface got its name.
    pub fn interface(&mut self, source: u16, iface: u16, name: &str) {
        self.names.set(source, iface, name);
    }

    /// Writes an attempt.
    pub fn attempt(&mut self, judged: &JudgedAttempt) -> io::Result<()> {
        let mask = Mask::of_attempt(self.options.redact, &judged.attempt);
        let line = attempt::Line::new(judged, &mask, &self.names);
        self.line(&line)
    }

    /// Writes how an opened WebSocket ended.
    pub fn closing(&mut self, judged: &JudgedClosing) -> io::Result<()> {
        let mask = Mask::of_closing(self.options.redact, &judged.closing);
        self.line(&closing::Line::new(judged, &mask))
    }

    /// Writes the state of the capture.
    pub fn health(&mut self, health: &Health, now: Timestamp) -> io::Result<()> {
        self.line(&summary::HealthLine::new(health, Some(now)))
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
                self.line(&summary::GroupLine::new(group, &mask))?;
            }
        }
        for route in &snapshot.routes {
            self.line(&summary::RouteLine::new(route, &mask))?;
        }
        self.line(&summary::HealthLine::new(&snapshot.health, snapshot.now))?;
        self.line(&summary::SummaryLine::new(snapshot))?;
        self.out.flush()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        // A line is written whole, so that a reader never sees half of one.
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        if self.options.live {
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

/// RFC 3339, UTC, nine digits.
#[derive(Clone, Copy, Debug)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = Moment::from_nanosecond(i128::from(self.0.as_nanos())).unwrap_or_default();
        let parts = Offset::UTC.to_datetime(moment);
        serializer.collect_str(&format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
            parts.year(),
            parts.month(),
            parts.day(),
            parts.hour(),
            parts.minute(),
            parts.second(),
            parts.subsec_nanosecond()
        ))
    }
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
struct HopJson {
    r#in: Option<Address>,
    out: Option<Address>,
    software: Option<String>,
    adjacent: Option<bool>,
}

impl HopJson {
    fn new(hop: &Hop, mask: &Mask) -> Self {
        Self {
            r#in: hop.inward.map(Address),
            out: hop.outward.map(Address),
            software: hop.software.as_deref().map(|software| mask.words(software)),
            adjacent: hop.adjacent,
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
    evidence: Vec<String>,
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
