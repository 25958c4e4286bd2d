//! What the analyzing thread does with each event: joins, judges, sums up, reports, and remembers what to exit with.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::attempt::{Assembler, Output, Protocol};
use crate::cli::{Config, Watch, say};
use crate::event::{Event, Fact, Health};
use crate::judge::{self, Catalogue, JudgedAttempt, JudgedClosing};
use crate::report::Report;
use crate::tally::{Snapshot, Tally};
use crate::time::Timestamp;

/// How long to look before saying that there is nothing but ciphertext.
const PATIENCE: Duration = Duration::from_secs(5);

/// Outputs that are told together when the capture is over.
const AT_ONCE: usize = 64;

/// Everything behind the channel.
pub(super) struct Analysis<'a, W: Write> {
    config: &'a Config,
    catalogue: &'a Catalogue,
    live: bool,
    assembler: Assembler,
    outputs: Vec<Output>,
    judged: Vec<Judged>,
    tally: Tally,
    /// Where each is told as it comes; with a screen, nowhere.
    report: Option<Report<W>>,
    health: Health,
    began: Option<Timestamp>,
    now: Timestamp,
    told: Option<Timestamp>,
    /// HTTP/1 was seen, or it was said that there is none: nothing more to say about it.
    hinted: bool,
    matched: bool,
    /// Standard output is closed: nobody reads.
    muted: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// `--fail-on` matched.
    pub(super) matched: bool,
    /// The last state of the capture.
    pub(super) health: Health,
    /// All that was summed up, where it was not reported yet.
    pub(super) snapshot: Option<Arc<Snapshot>>,
}

/// What is to be summed up and told; a judged one with whether `--only` lets it through.
enum Judged {
    Attempt(Arc<JudgedAttempt>, bool),
    Closing(Arc<JudgedClosing>, bool),
    /// Boxed, for it is rare and large.
    Other(Box<Output>),
}

/// Whether `--only` lets an attempt through: as for `--fail-on`, but who asks for `ok` wants to see what is.
pub(super) fn shows(only: &Watch, judged: &JudgedAttempt) -> bool {
    let is_websocket = judged.attempt.protocol == Protocol::WebSocket;
    only.attempt(&judged.judgement) || (is_websocket && only.names(judged.judgement.verdict))
}

impl<'a, W: Write> Analysis<'a, W> {
    pub(super) fn new(
        config: &'a Config,
        catalogue: &'a Catalogue,
        live: bool,
        report: Option<Report<W>>,
    ) -> Self {
        Self {
            config,
            catalogue,
            live,
            assembler: Assembler::new(&config.limits),
            outputs: Vec::new(),
            judged: Vec::new(),
            // JSON has told each of them.
            tally: match report {
                Some(Report::Json(_)) => Tally::new(&config.limits).without_recent(),
                _ => Tally::new(&config.limits),
            },
            // The text report, and the screen, say it themselves.
            hinted: !live || config.output.quiet || !config.output.json,
            report,
            health: Health::default(),
            began: None,
            now: Timestamp::MIN,
            told: None,
            matched: false,
            muted: false,
        }
    }

    /// Takes the events of one message. False once there is no use in going on.
    pub(super) fn take(&mut self, events: impl IntoIterator<Item = Event>) -> io::Result<bool> {
        for event in events {
            self.look_at(&event);
            self.assembler.push(event, &mut self.outputs);
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        self.tell_all(&mut outputs)?;
        self.outputs = outputs;
        Ok(!self.muted || (!self.live && !self.config.fail_on.is_empty()))
    }

    /// Time, and whether there is a word to say about ciphertext.
    fn look_at(&mut self, event: &Event) {
        match event {
            Event::Conn {
                fact: Fact::Request(_) | Fact::Response(_) | Fact::Plain(_),
                ..
            } => self.hinted = true,
            Event::Tick(now) => {
                self.began.get_or_insert(*now);
                self.now = self.now.max(*now);
            }
            Event::Health(health) if !self.hinted => self.hint(health),
            _ => {}
        }
    }

    /// What is summed up so far.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// All events have come.
    pub(super) fn finish(mut self) -> io::Result<Outcome> {
        let last = Assembler::new(&self.config.limits);
        let mut assembler = std::mem::replace(&mut self.assembler, last);
        let mut each = Each {
            analysis: &mut self,
            some: Vec::new(),
            outcome: Ok(()),
        };
        assembler.finish(&mut each);
        each.tell();
        each.outcome?;
        drop(assembler);
        let mut snapshot = None;
        if !self.muted {
            let all = self.tally.snapshot();
            match self.report.as_mut().map(|report| report.finish(&all)) {
                None => snapshot = Some(all),
                Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Some(other) => other?,
            }
        }
        Ok(Outcome {
            matched: self.matched,
            health: self.health,
            snapshot,
        })
    }

    /// One step for all, then the next step for all: each is so much code that the processor would fetch it anew for every
    /// output.
    fn tell_all(&mut self, outputs: &mut Vec<Output>) -> io::Result<()> {
        let mut judged = std::mem::take(&mut self.judged);
        judged.extend(outputs.drain(..).map(|output| self.judge(output)));
        for one in &judged {
            match one {
                Judged::Attempt(attempt, _) => self.tally.attempt(attempt),
                Judged::Closing(closing, _) => self.tally.closing(closing),
                Judged::Other(output) => self.sum(output),
            }
        }
        for one in judged.drain(..) {
            match self.report(&one) {
                // Whoever reads has seen enough; but what is to be failed on may come yet.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.muted = true,
                other => other?,
            }
        }
        self.judged = judged;
        Ok(())
    }

    fn judge(&mut self, output: Output) -> Judged {
        let catalogue = self.catalogue;
        let (fail_on, only) = (&self.config.fail_on, &self.config.only);
        match output {
            Output::Attempt(attempt) => {
                let judgement = judge::attempt(&attempt, catalogue);
                self.matched |= fail_on.attempt(&judgement);
                let judged = Arc::new(JudgedAttempt { attempt, judgement });
                let wanted = only.is_empty() || shows(only, &judged);
                Judged::Attempt(judged, wanted)
            }
            Output::Closing(closing) => {
                let judgement = judge::closing(&closing, catalogue);
                self.matched |= fail_on.closing(&judgement);
                let wanted = only.is_empty() || only.closing(&judgement);
                let judged = Arc::new(JudgedClosing { closing, judgement });
                Judged::Closing(judged, wanted)
            }
            other => Judged::Other(Box::new(other)),
        }
    }

    fn sum(&mut self, output: &Output) {
        match output {
            Output::Health(health) => self.tally.health(health),
            Output::Interface {
                source,
                iface,
                name,
            } => self.tally.interface(*source, *iface, name),
            // Before the first packet there is no time to be told.
            Output::Progress { now, .. } if *now == Timestamp::MIN => {}
            &Output::Progress { now, pending, open } => self.tally.progress(now, pending, open),
            Output::Attempt(_) | Output::Closing(_) => {}
        }
    }

    fn report(&mut self, judged: &Judged) -> io::Result<()> {
        if let Judged::Other(output) = judged {
            return self.report_other(output);
        }
        let Some(report) = &mut self.report else {
            return Ok(());
        };
        match judged {
            Judged::Attempt(attempt, true) if !self.muted => report.attempt(attempt),
            Judged::Closing(closing, true) if !self.muted => report.closing(closing),
            _ => Ok(()),
        }
    }

    fn report_other(&mut self, output: &Output) -> io::Result<()> {
        match output {
            Output::Health(health) => {
                self.health = (**health).clone();
                return self.health_line();
            }
            Output::Interface {
                source,
                iface,
                name,
            } => {
                if let Some(report) = &mut self.report {
                    report.interface(*source, *iface, name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Live: in JSON a line every now and then. The text report looks at each for what must be said at once, and a word
    /// on standard error is for those who asked.
    fn health_line(&mut self) -> io::Result<()> {
        let output = &self.config.output;
        if !self.live || self.muted {
            return Ok(());
        }
        let Some(report) = &mut self.report else {
            return Ok(());
        };
        if !output.json {
            report.health(&self.health, self.now)?;
        }
        let last = *self.told.get_or_insert(self.now);
        if self.now.since(last) < output.stats_interval {
            return Ok(());
        }
        self.told = Some(self.now);
        if output.json {
            return report.health(&self.health, self.now);
        }
        if output.verbose > 0 {
            let health = &self.health;
            say(&format!(
                "{} packets, {} dropped, {} gaps, {} connections ({} TLS), {} facts not followed",
                health.packets,
                health.kernel_drops + health.iface_drops,
                health.gaps,
                health.connections,
                health.tls_connections,
                health.shed_events,
            ));
        }
        Ok(())
    }

    /// On the wrong side of the proxy there is only ciphertext: says so soon, and where to listen instead.
    fn hint(&mut self, health: &Health) {
        let sealed = health.tls_connections + health.http2_connections;
        let waited = self.began.is_some_and(|t| self.now.since(t) >= PATIENCE);
        if sealed == 0 || !waited {
            return;
        }
        self.hinted = true;
        say(&format!(
            "so far only {} TLS and {} HTTP/2 connections, which cannot be read.\n\
             Listen where it is clear, behind what ends TLS: the proxy's upstream side (often -i lo), the backend's\n\
             interface, or -i any with the backend's port as filter (tcp port 8080).",
            health.tls_connections, health.http2_connections
        ));
    }
}

/// Takes what is left at the end some at a time: of a large capture that may be very many.
struct Each<'a, 'b, W: Write> {
    analysis: &'b mut Analysis<'a, W>,
    some: Vec<Output>,
    outcome: io::Result<()>,
}

impl<W: Write> Each<'_, '_, W> {
    fn tell(&mut self) {
        if self.outcome.is_ok() {
            self.outcome = self.analysis.tell_all(&mut self.some);
        }
        self.some.clear();
    }
}

impl<W: Write> Extend<Output> for Each<'_, '_, W> {
    fn extend<T: IntoIterator<Item = Output>>(&mut self, outputs: T) {
        for output in outputs {
            self.some.push(output);
            if self.some.len() >= AT_ONCE {
                self.tell();
            }
        }
    }
}
