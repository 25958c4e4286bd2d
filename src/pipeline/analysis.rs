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

/// Everything behind the channel.
pub(super) struct Analysis<'a, W: Write> {
    config: &'a Config,
    catalogue: &'a Catalogue,
    live: bool,
    assembler: Assembler,
    outputs: Vec<Output>,
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

    /// Takes one event. False once there is no use in going on.
    pub(super) fn take(&mut self, event: Event) -> io::Result<bool> {
        match &event {
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
        self.assembler.push(event, &mut self.outputs);
        self.outputs()
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
            outcome: Ok(()),
        };
        assembler.finish(&mut each);
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

    fn outputs(&mut self) -> io::Result<bool> {
        if !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                self.tell(output)?;
            }
            self.outputs = outputs;
        }
        Ok(!self.muted || (!self.live && !self.config.fail_on.is_empty()))
    }

    fn tell(&mut self, output: Output) -> io::Result<()> {
        match self.output(output) {
            // Whoever reads has seen enough; but what is to be failed on may come yet.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.muted = true;
                Ok(())
            }
            other => other,
        }
    }

    fn output(&mut self, output: Output) -> io::Result<()> {
        let catalogue = self.catalogue;
        let (fail_on, only) = (&self.config.fail_on, &self.config.only);
        match output {
            Output::Attempt(attempt) => {
                let judgement = judge::attempt(&attempt, catalogue);
                self.matched |= fail_on.attempt(&judgement);
                let judged = Arc::new(JudgedAttempt {
                    attempt: *attempt,
                    judgement,
                });
                let wanted = only.is_empty() || shows(only, &judged);
                self.tally.attempt(&judged);
                if let Some(report) = self.report.as_mut().filter(|_| wanted && !self.muted) {
                    report.attempt(&judged)?;
                }
            }
            Output::Closing(closing) => {
                let judgement = judge::closing(&closing, catalogue);
                self.matched |= fail_on.closing(&judgement);
                let wanted = only.is_empty() || only.closing(&judgement);
                let judged = Arc::new(JudgedClosing {
                    closing: *closing,
                    judgement,
                });
                self.tally.closing(&judged);
                if let Some(report) = self.report.as_mut().filter(|_| wanted && !self.muted) {
                    report.closing(&judged)?;
                }
            }
            Output::Health(health) => {
                self.tally.health(&health);
                self.health = *health;
                self.health_line()?;
            }
            Output::Interface {
                source,
                iface,
                name,
            } => {
                self.tally.interface(source, iface, &name);
                if let Some(report) = &mut self.report {
                    report.interface(source, iface, &name);
                }
            }
            // Before the first packet there is no time to be told.
            Output::Progress { now, .. } if now == Timestamp::MIN => {}
            Output::Progress { now, pending, open } => self.tally.progress(now, pending, open),
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

/// Takes what is left at the end one by one: of a large capture that may be very many.
struct Each<'a, 'b, W: Write> {
    analysis: &'b mut Analysis<'a, W>,
    outcome: io::Result<()>,
}

impl<W: Write> Extend<Output> for Each<'_, '_, W> {
    fn extend<T: IntoIterator<Item = Output>>(&mut self, outputs: T) {
        for output in outputs {
            if self.outcome.is_ok() {
                self.outcome = self.analysis.tell(output);
            }
        }
    }
}
