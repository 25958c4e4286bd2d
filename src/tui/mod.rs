//! The full screen: drawn from immutable snapshots, steered by keys.
//!
//! It knows what was judged and nothing of packets. It asks for a snapshot when it has room for one, at most ten times a
//! second, and draws what came; so no key can slow the capture, and no flood of packets can freeze a key. The words, the
//! masking and the cleaning are those of the report. Besides `capture` the only room that looks at a clock: to know when
//! the next picture is due, and for nothing else.

mod action;
mod app;
mod canvas;
mod filter;
mod ladder;
mod lists;
mod over;
mod sixteen;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod view;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event};

pub use app::Setup;
pub use terminal::give_back;

use crate::tally::Snapshot;
use app::{App, Effect};
use terminal::Taken;

/// Between two pictures of what comes in.
const FRAME: Duration = Duration::from_millis(100);
/// Keys taken before the picture is drawn anew.
const KEYS: usize = 64;

/// What the screen is told while it runs.
#[derive(Clone, Debug)]
pub enum Update {
    /// How things stand.
    Snapshot(Arc<Snapshot>),
    /// How things stand at the end: nothing more will come.
    Ended(Arc<Snapshot>),
    /// Something to be said to the user.
    Notice(String),
}

/// What the terminal has to say: a key, a new size.
#[derive(Clone, Debug)]
pub struct Heard(Event);

/// Waits for what the terminal says next. For a thread of its own: half of a key's bytes, or a terminal that has hung up,
/// may keep it for ever.
pub fn listen() -> io::Result<Heard> {
    event::read().map(Heard)
}

/// Where the screen gets its pictures and its keys from.
pub trait Feed {
    /// The terminal is ours: keys may be read from now on.
    fn begin(&mut self) -> io::Result<()>;
    /// What the terminal says, waited for so long.
    fn input(&mut self, wait: Duration) -> Option<Heard>;
    /// There is room for a snapshot.
    fn ask(&mut self);
    /// What has come, if anything has.
    fn next(&mut self) -> Option<Update>;
    /// Whether to end now.
    fn is_over(&self) -> bool;
}

/// Takes the terminal over until the user quits or the feed is over.
pub fn run(setup: Setup, empty: Arc<Snapshot>, feed: &mut impl Feed) -> io::Result<()> {
    let mut taken = terminal::take(setup.report.color)?;
    feed.begin()?;
    let mut app = App::new(setup, empty);
    let mut pace = Pace::new(now());
    loop {
        while let Some(update) = feed.next() {
            app.update(update);
            pace.came();
        }
        if feed.is_over() || terminal::is_lost() {
            return Ok(());
        }
        if pace.is_due(now()) {
            let size = taken.terminal.size()?;
            app.resize(size.width.into(), size.height.into());
            taken.terminal.draw(|frame| view::draw(&app, frame))?;
            pace.drawn(now());
            if !app.frozen && !app.ended {
                feed.ask();
            }
        }
        let mut input = feed.input(pace.rest(now()));
        for _ in 0..KEYS {
            let Some(Heard(event)) = &input else { break };
            match app.event(event) {
                Some(Effect::Quit) => return Ok(()),
                Some(Effect::Copy(text)) => Taken::copy(&text)?,
                Some(Effect::Mouse(on)) => Taken::mouse(on)?,
                None => {}
            }
            pace.pressed();
            input = feed.input(Duration::ZERO);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "when the next picture is due is told by a clock; nothing that is shown depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

/// When to draw: what comes in at most once in a [`FRAME`], what a key did at once.
#[derive(Debug)]
struct Pace {
    drawn: Instant,
    came: bool,
    pressed: bool,
}

impl Pace {
    const fn new(now: Instant) -> Self {
        Self {
            drawn: now,
            came: false,
            // The first picture is due.
            pressed: true,
        }
    }

    const fn came(&mut self) {
        self.came = true;
    }

    const fn pressed(&mut self) {
        self.pressed = true;
    }

    fn is_due(&self, now: Instant) -> bool {
        self.pressed || (self.came && now.duration_since(self.drawn) >= FRAME)
    }

    const fn drawn(&mut self, now: Instant) {
        (self.drawn, self.came, self.pressed) = (now, false, false);
    }

    /// How long to wait for a key. Never longer than a frame: what comes in does not wake us.
    fn rest(&self, now: Instant) -> Duration {
        if self.came {
            FRAME.saturating_sub(now.duration_since(self.drawn))
        } else {
            FRAME
        }
    }
}

#[cfg(test)]
mod pace_tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_at_once_and_a_flood_ten_times_a_second() {
        let start = now();
        let mut pace = Pace::new(start);
        assert!(pace.is_due(start));
        pace.drawn(start);
        let mut frames = 0;
        for ms in 0..1_000 {
            let at = start + Duration::from_millis(ms);
            pace.came();
            if pace.is_due(at) {
                frames += 1;
                pace.drawn(at);
            }
            assert!(pace.rest(at) <= FRAME);
        }
        assert!(frames <= 10, "{frames}");
        pace.pressed();
        assert!(pace.is_due(start + Duration::from_secs(1)));
    }
}
