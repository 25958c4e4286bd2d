//! JSON lines (`--json`): one object a line, keys as documented in `docs/output.md`, none ever renamed.
//!
//! The types here are for writing only: their keys are a contract, the types of the rooms are not.

mod address;
mod attempt;
mod closing;
mod summary;
mod time;
mod value;

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use self::address::Address;
use self::value::{Json, Library, List, Plain, Text, object};

use crate::event::Health;
use crate::judge::{Finding, Hop, JudgedAttempt, JudgedClosing, Meaning};
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::report::{Item, Options};
use crate::tally::Snapshot;
use crate::time::Timestamp;

/// The form of the lines.
const VERSION: u16 = 1;

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
        self.lines.write(attempt::Line {
            judged,
            page: attempt::Page {
                mask: &mask,
                names: &self.names,
                target: target.as_ref(),
            },
        })
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
        let mask = &mask;
        self.lines.write(closing::Line { judged, mask })
    }

    /// Writes the state of the capture.
    pub fn health(&mut self, health: &Health, now: Timestamp) -> io::Result<()> {
        let line = summary::HealthLine::new(health, Some(now));
        self.lines.write(Library(line))
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
                self.lines.write(summary::GroupLine::new(group, &mask))?;
            }
        }
        for route in &snapshot.routes {
            let line = summary::RouteLine::new(route, &mask);
            self.lines.write(Library(line))?;
        }
        let health = summary::HealthLine::new(&snapshot.health, snapshot.now);
        self.lines.write(Library(health))?;
        self.lines
            .write(Library(summary::SummaryLine::new(snapshot)))?;
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
    fn write(&mut self, line: impl Json) -> io::Result<()> {
        // A line is written whole, so that a reader never sees half of one.
        self.buffer.clear();
        line.write(&mut self.buffer);
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

/// A value from the network, as far as it may be shown.
#[derive(Clone, Copy, Debug)]
struct Shown<'a, T, F> {
    mask: &'a Mask,
    value: T,
    by: F,
}

/// What the mask lets through of a value.
fn shown<T, F>(mask: &Mask, value: Option<T>, by: F) -> Option<Shown<'_, T, F>> {
    value.map(|value| Shown { mask, value, by })
}

impl<T: AsRef<str>, F: for<'t> Fn(&Mask, &'t str) -> Cow<'t, str>> Json for Shown<'_, T, F> {
    fn write(self, out: &mut Vec<u8>) {
        Text((self.by)(self.mask, self.value.as_ref())).write(out);
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug)]
struct HopJson<'a> {
    hop: &'a Hop,
    mask: &'a Mask,
}

impl Json for HopJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { hop, mask } = self;
        object!(out, {
            "in": hop.inward.map(Address),
            "out": hop.outward.map(Address),
            "software": shown(mask, hop.software.as_deref(), Mask::words),
            "adjacent": hop.adjacent,
        });
    }
}

/// What a code means to the application that sends it.
#[derive(Clone, Copy, Debug)]
struct MeaningJson<'a>(&'a Meaning);

impl Json for MeaningJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self(meaning) = self;
        object!(out, {
            "of": Text(&meaning.of),
            "name": Text(&meaning.name),
            "text": Text(&meaning.text),
            "fix": List(meaning.fix.iter().map(Text)),
            "known_by": Text(&meaning.known_by),
        });
    }
}

/// One named fact.
#[derive(Clone, Copy, Debug)]
struct FindingJson<'a> {
    finding: &'a Finding,
    mask: &'a Mask,
}

impl Json for FindingJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { finding, mask } = self;
        let evidence = finding.evidence.iter();
        object!(out, {
            "id": Plain(finding.id.name()),
            "rule": finding.rule.as_deref().map(Text),
            "leg": finding.leg,
            "confidence": Plain(finding.confidence.name()),
            "evidence": List(evidence.map(|text| Text(mask.words(text)))),
        });
    }
}
