//! The report for people: the answer first, one idea a line, the evidence beside the claim, the fix ready to paste.

mod block;
mod closings;
mod health;
mod live;
mod overview;
mod page;
mod table;

use std::io::{self, Write};
use std::time::Duration;

use crate::event::Health;
use crate::judge::{JudgedAttempt, JudgedClosing, Kind};
use crate::report::mask::Mask;
use crate::report::{Item, Options, Verbosity};
use crate::report::{facts, words};
use crate::tally::{Example, GroupKey, Outcome, Snapshot};
use crate::time::Timestamp;

use live::Folds;
use page::Page;
use words::{Clock, Paint, count};

pub(crate) use block::{Told, evidence, place};
pub(crate) use health::{in_short, losses_and_limits, nothing_seen};
pub(crate) use live::closing_words;
pub(crate) use table::{Row, lines as table_lines};

/// Groups that get a block; more than that nobody reads.
const MOST_BLOCKS: usize = 20;

/// Writes text: lines as things happen when live, the report at the end.
#[derive(Debug)]
pub struct TextReport<W> {
    out: W,
    options: Options,
    clock: Clock,
    folds: Folds,
    attempts: u64,
    told: Said,
}

/// What the live report has said about the capture.
#[derive(Debug, Default)]
struct Said {
    drops: u64,
    blind: bool,
}

/// What every part of the report looks at.
#[derive(Debug)]
struct View<'a> {
    options: &'a Options,
    clock: &'a Clock,
    paint: Paint,
    snapshot: &'a Snapshot,
}

/// How long to look before saying that there is nothing but ciphertext.
const PATIENCE: Duration = Duration::from_secs(5);

impl<W: Write> TextReport<W> {
    /// Writes to `out`. Asks the system for its time zone now, while it may be asked.
    pub fn new(out: W, options: Options) -> Self {
        let clock = Clock::new(options.utc);
        Self {
            out,
            options,
            clock,
            folds: Folds::default(),
            attempts: 0,
            told: Said::default(),
        }
    }

    /// An attempt was decided.
    pub fn attempt(&mut self, judged: &JudgedAttempt) -> io::Result<()> {
        self.attempts = self.attempts.saturating_add(1);
        if !self.tells_lines() {
            return Ok(());
        }
        let mask = Mask::of_attempt(self.options.redact, &judged.attempt);
        let paint = Paint(self.options.color);
        let key = GroupKey::of_attempt(judged);
        let start = live::attempt_start(judged, &key, &mask, paint);
        let now = facts::latest(&judged.attempt);
        if self.folds_lines() {
            self.due(now, false)?;
            if !self.folds.is_new(key, now, || start.clone()) {
                return Ok(());
            }
        }
        let time = self.clock.time(judged.attempt.outermost().started());
        self.line(&format!(
            "{time} {start}  {}",
            live::attempt_end(judged, &mask)
        ))
    }

    /// An opened WebSocket ended.
    pub fn closing(&mut self, judged: &JudgedClosing) -> io::Result<()> {
        if !self.tells_lines() {
            return Ok(());
        }
        let mask = Mask::of_closing(self.options.redact, &judged.closing);
        let key = GroupKey::of_closing(judged);
        let kind = judged.judgement.kind;
        let is_plain = matches!(kind, Kind::Normal | Kind::Unused | Kind::Open);
        if is_plain && self.folds_lines() {
            // What was open at the end is no event.
            if kind == Kind::Normal {
                self.due(judged.closing.at, false)?;
                let start = || live::crowd_start(judged, &key, &mask);
                self.folds
                    .count_plain(key.clone(), judged.closing.at, start);
            }
            return Ok(());
        }
        let start = live::closing_start(judged, &key, &mask, Paint(self.options.color));
        let now = judged.closing.at;
        if self.folds_lines() {
            self.due(now, false)?;
            if !self.folds.is_new(key, now, || start.clone()) {
                return Ok(());
            }
        }
        let time = self.clock.time(now);
        self.line(&format!("{time} {start}  {}", live::closing_end(judged)))
    }

    /// The state of the capture: said only where it means that something is not seen.
    pub fn health(&mut self, health: &Health, now: Timestamp) -> io::Result<()> {
        if !self.options.live || self.options.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.due(now, false)?;
        let time = self.clock.time(now);
        let drops = health.kernel_drops.saturating_add(health.iface_drops);
        if drops > self.told.drops {
            let new = count(drops - self.told.drops, "packet", "packets");
            self.told.drops = drops;
            self.line(&format!(
                "{time} LOST       {new} dropped: try -B 64, or a filter (port 80 or port 8080)"
            ))?;
        }
        if self.options.verbosity == Verbosity::Verbose {
            self.line(&format!("{time} health     {}", in_short(health)))?;
        }
        let hidden = health
            .tls_connections
            .saturating_add(health.http2_connections);
        let clear = self.attempts.saturating_add(health.plain_http);
        // The first connection may be encrypted by chance; after a while it is no chance.
        let looked = health
            .first
            .is_some_and(|first| now.since(first) >= PATIENCE);
        if hidden > 0 && clear == 0 && looked && !self.told.blind {
            self.told.blind = true;
            self.line(&format!(
                "{time} blind      {}",
                health::where_to_listen(health)
            ))?;
        }
        Ok(())
    }

    /// The report.
    pub fn finish(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        for line in self.folds.due(Timestamp::MIN, true, &self.clock) {
            self.out.write_all(format!("{line}\n").as_bytes())?;
        }
        let view = View {
            options: &self.options,
            clock: &self.clock,
            paint: Paint(self.options.color),
            snapshot,
        };
        let mut page = Page::default();
        if self.options.live || self.options.verbosity == Verbosity::Verbose {
            page.blank();
        }
        overview::head(&mut page, &view);
        overview::totals(&mut page, &view);
        blocks(&mut page, &view);
        if self.options.verbosity > Verbosity::Quiet {
            closings::closings(&mut page, &view);
            health::latency(&mut page, &view);
            health::health(&mut page, &view);
        }
        self.out.write_all(page.as_bytes())?;
        self.out.flush()
    }

    fn tells_lines(&self) -> bool {
        match self.options.verbosity {
            Verbosity::Quiet => false,
            Verbosity::Normal => self.options.live,
            Verbosity::Verbose => true,
        }
    }

    /// With `-v` every one has its line.
    fn folds_lines(&self) -> bool {
        self.options.verbosity == Verbosity::Normal
    }

    fn due(&mut self, now: Timestamp, at_end: bool) -> io::Result<()> {
        for line in self.folds.due(now, at_end, &self.clock) {
            self.line(&line)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        // A line is written whole, so that a reader never sees half of one.
        self.out
            .write_all(format!("{}\n", line.trim_end()).as_bytes())?;
        if self.options.by_line {
            self.out.flush()?;
        }
        Ok(())
    }
}

/// Errors first, then what is only a warning; among equals the largest first.
fn blocks(page: &mut Page, view: &View<'_>) {
    let mut broken: Vec<_> = view
        .snapshot
        .groups
        .iter()
        .filter_map(|group| match (&group.example, group.key.outcome) {
            (Example::Attempt(judged), Outcome::Attempt(_)) => Some((group, judged)),
            _ => None,
        })
        .collect();
    let all = broken.len();
    broken.retain(|(_, judged)| view.wants(Item::Attempt(judged)));
    if broken.len() < all {
        let hidden = u64::try_from(all - broken.len()).unwrap_or(u64::MAX);
        page.line(&format!(
            "  Left out by --only: {} of attempts.",
            count(hidden, "group", "groups")
        ));
    }
    broken.sort_by_key(|(_, judged)| std::cmp::Reverse(judged.judgement.severity));
    for (group, judged) in broken.iter().take(MOST_BLOCKS) {
        block::block(page, view, group, judged);
    }
    let more = broken.len().saturating_sub(MOST_BLOCKS);
    let folded = view
        .snapshot
        .groups
        .iter()
        .find(|group| group.key.outcome == Outcome::Folded);
    if more > 0 {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        page.blank();
        page.line(&format!(
            "and {} more, see --json",
            count(more, "group", "groups")
        ));
    }
    if let Some(group) = folded {
        page.blank();
        page.line(&format!(
            "and {} of groups that found no room (--limit groups=N)",
            count(group.count, "more", "more")
        ));
    }
}

impl View<'_> {
    fn wants(&self, item: Item<'_>) -> bool {
        self.options
            .only
            .as_ref()
            .is_none_or(|only| only.wants(item))
    }
}
