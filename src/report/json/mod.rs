//! JSON lines (`--json`): one object a line, keys as documented in `docs/output.md`, none ever renamed.
//!
//! The types here are for writing only: their keys are a contract, the types of the rooms are not.

mod address;
mod attempt;
mod closing;
mod format;
mod summary;
mod time;

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Serialize, Serializer};

use self::address::Address;
use self::format::{Format, Plain, Text, object};

use crate::event::Health;
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
        let format = Format::default();
        line.serialize(&mut serde_json::Serializer::with_formatter(
            &mut self.buffer,
            format,
        ))?;
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

/// A value as far as it may be shown.
type Shown<'a> = Text<Cow<'a, str>>;

/// Lines of text.
#[derive(Clone, Copy, Debug)]
struct Texts<'a>(&'a [String]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

object! {
    /// Who did it.
    #[derive(Debug)]
    struct HopJson<'a> {
        r#in: Option<Address>,
        out: Option<Address>,
        software: Option<Shown<'a>>,
        adjacent: Option<bool>,
    }
}

impl<'a> HopJson<'a> {
    fn new(hop: &'a Hop, mask: &Mask) -> Self {
        Self {
            r#in: hop.inward.map(Address),
            out: hop.outward.map(Address),
            software: hop
                .software
                .as_deref()
                .map(|software| Text(mask.words(software))),
            adjacent: hop.adjacent,
        }
    }
}

object! {
    /// What a code means to the application that sends it.
    #[derive(Debug)]
    struct MeaningJson<'a> {
        of: Text<&'a str>,
        name: Text<&'a str>,
        text: Text<&'a str>,
        fix: Texts<'a>,
        known_by: Text<&'a str>,
    }
}

impl<'a> MeaningJson<'a> {
    fn new(meaning: &'a Meaning) -> Self {
        Self {
            of: Text(&meaning.of),
            name: Text(&meaning.name),
            text: Text(&meaning.text),
            fix: Texts(&meaning.fix),
            known_by: Text(&meaning.known_by),
        }
    }
}

object! {
    /// One named fact.
    #[derive(Debug)]
    struct FindingJson<'a> {
        id: Plain<&'static str>,
        rule: Option<Text<&'a str>>,
        leg: usize,
        confidence: Plain<&'static str>,
        evidence: Vec<Shown<'a>>,
    }
}

impl<'a> FindingJson<'a> {
    fn new(finding: &'a Finding, mask: &Mask) -> Self {
        Self {
            id: Plain(finding.id.name()),
            rule: finding.rule.as_deref().map(Text),
            leg: finding.leg,
            confidence: Plain(finding.confidence.name()),
            evidence: finding
                .evidence
                .iter()
                .map(|text| Text(mask.words(text)))
                .collect(),
        }
    }
}
