//! JSON lines (`--json`): one object a line, keys as documented in `docs/output.md`, none ever renamed.
//!
//! The types here are for writing only: their keys are a contract, the types of the rooms are not.

mod address;
mod attempt;
mod closing;
mod run;
mod summary;
mod time;
mod value;

use std::io::{self, Write};
use std::time::Duration;

use self::address::Address;
use self::value::{Buffer, Json, Library, List, Plain, Text, object};

use crate::event::Health;
use crate::http::{Fields, Found};
use crate::judge::{Finding, Hop, JudgedAttempt, JudgedClosing, Meaning};
use crate::report::mask::{Kind, Mask};
use crate::report::names::Names;
use crate::report::{Item, Options};
use crate::tally::{Snapshot, target_of};
use crate::time::Timestamp;

/// The form of the lines.
const VERSION: u16 = 1;

/// Writes JSON lines.
#[derive(Debug)]
pub struct JsonReport<W> {
    lines: Lines<W>,
    options: Options,
    names: Names,
    /// Of the line that is written.
    mask: Mask,
}

impl<W: Write> JsonReport<W> {
    /// Writes to `out`.
    pub fn new(out: W, options: Options) -> Self {
        Self {
            lines: Lines {
                out,
                by_line: options.by_line,
                buffer: Buffer::default(),
            },
            mask: Mask::new(options.redact),
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
        self.mask.set_attempt(&judged.attempt);
        self.lines.write(attempt::Line {
            judged,
            page: attempt::Page {
                mask: &self.mask,
                names: &self.names,
                target: target_of(judged.attempt.outermost()),
            },
        })
    }

    /// Writes how an opened WebSocket ended.
    pub fn closing(&mut self, judged: &JudgedClosing) -> io::Result<()> {
        let judgement = &judged.judgement;
        // What quotes nothing has nothing to hide.
        let quotes =
            judgement.reason.is_some() || judgement.hop.is_some() || !judgement.findings.is_empty();
        if quotes {
            self.mask.set_closing(&judged.closing);
        }
        let mask = &self.mask;
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
        self.lines.send()
    }
}

/// Where lines go.
#[derive(Debug)]
struct Lines<W> {
    out: W,
    by_line: bool,
    /// Whole lines: one, or some at a time.
    buffer: Buffer,
}

/// Bytes that are worth a write.
const ENOUGH: usize = 64 * 1024;

impl<W: Write> Lines<W> {
    fn write(&mut self, line: impl Json) -> io::Result<()> {
        self.buffer.begin_line();
        line.write(&mut self.buffer);
        self.buffer.push(b'\n');
        if self.by_line || self.buffer.bytes().len() >= ENOUGH {
            self.send()?;
        }
        Ok(())
    }

    /// Lines are written whole, so that a reader never sees half of one.
    fn send(&mut self) -> io::Result<()> {
        let sent = self.out.write_all(self.buffer.bytes());
        self.buffer.clear();
        sent?;
        self.out.flush()
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
struct Shown<'a, T> {
    mask: &'a Mask,
    value: T,
    kind: Kind,
}

impl Kind {
    /// What the mask lets through of a value.
    const fn shown<T>(self, mask: &Mask, value: T) -> Shown<'_, T> {
        Shown {
            mask,
            value,
            kind: self,
        }
    }

    /// The same where there is one.
    fn shown_if<T>(self, mask: &Mask, value: Option<T>) -> Option<Shown<'_, T>> {
        value.map(|value| self.shown(mask, value))
    }
}

impl<T: AsRef<str>> Json for Shown<'_, T> {
    #[expect(
        clippy::inline_always,
        reason = "the kind is known where it is written"
    )]
    #[inline(always)]
    fn write(self, out: &mut Buffer) {
        let (mask, value) = (self.mask, self.value.as_ref());
        match self.kind {
            Kind::Words => write_words(mask, value, out),
            Kind::Target => write_target(mask, value, out),
            Kind::Host => write_host(mask, value, out),
            Kind::Open => write_open(mask, value, out),
            Kind::Subprotocols | Kind::Secret => write_other(mask, value, self.kind, out),
        }
    }
}

/// The value of a field, as far as it may be shown.
#[derive(Clone, Debug)]
struct FieldJson<'a> {
    mask: &'a Mask,
    found: Found<'a>,
    kind: Kind,
}

impl Kind {
    /// What the mask lets through of the field of that name, where there is one.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is written"
    )]
    #[inline(always)]
    fn named<'a>(
        self,
        mask: &'a Mask,
        fields: impl Into<Option<&'a Fields>>,
        name: &'a str,
    ) -> Option<FieldJson<'a>> {
        let found = fields.into()?.found(name)?;
        let kind = self;
        Some(FieldJson { mask, found, kind })
    }
}

impl Json for FieldJson<'_> {
    #[expect(
        clippy::inline_always,
        reason = "the kind is known where it is written"
    )]
    #[inline(always)]
    fn write(self, out: &mut Buffer) {
        let Self { mask, found, kind } = self;
        match kind {
            Kind::Words => write_words_of(mask, found, out),
            _ => write_field(mask, found, kind, out),
        }
    }
}

// Each is one function for the many places that call it.

#[inline(never)]
fn write_words_of(mask: &Mask, found: Found<'_>, out: &mut Buffer) {
    write_words(mask, &found.value(), out);
}

#[inline(never)]
fn write_field(mask: &Mask, found: Found<'_>, kind: Kind, out: &mut Buffer) {
    kind.shown(mask, found.value()).write(out);
}

// Nearly all are shown as they are. Each is one function for the many places that call it.

fn write_words(mask: &Mask, value: &str, out: &mut Buffer) {
    if mask.is_quoted_in(value) || !out.put_plain(value) {
        out.look_closely();
        Text(mask.words(value)).write(out);
    }
}

#[inline(never)]
fn write_target(mask: &Mask, value: &str, out: &mut Buffer) {
    if let Some(shown) = mask.looked_at(value) {
        out.look_closely();
        Plain(shown).write(out);
    } else if !out.put_plain(value) {
        out.look_closely();
        Text(mask.target_closely(value)).write(out);
    }
}

#[inline(never)]
fn write_host(mask: &Mask, value: &str, out: &mut Buffer) {
    if !out.put_plain(value) && !out.put_clear(value) {
        out.look_closely();
        Text(mask.host(value)).write(out);
    }
}

#[inline(never)]
fn write_open(mask: &Mask, value: &str, out: &mut Buffer) {
    if !out.put_clear(value) {
        out.look_closely();
        Text(mask.open(value)).write(out);
    }
}

#[inline(never)]
fn write_other(mask: &Mask, value: &str, kind: Kind, out: &mut Buffer) {
    let is_shown = matches!(kind, Kind::Subprotocols) && out.put_subprotocols(value);
    if !is_shown {
        out.look_closely();
        Text(mask.value(kind, value)).write(out);
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug)]
struct HopJson<'a> {
    hop: &'a Hop,
    mask: &'a Mask,
}

impl Json for HopJson<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { hop, mask } = self;
        object!(out, {
            "in": hop.inward.map(Address),
            "out": hop.outward.map(Address),
            "software": Kind::Words.shown_if(mask, hop.software.as_deref()),
            "adjacent": hop.adjacent,
        });
    }
}

/// What a code means to the application that sends it.
#[derive(Clone, Copy, Debug)]
struct MeaningJson<'a>(&'a Meaning);

impl Json for MeaningJson<'_> {
    fn write(self, out: &mut Buffer) {
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
    fn write(self, out: &mut Buffer) {
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
