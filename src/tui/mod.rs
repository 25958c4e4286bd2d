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
    let mut pace = Pace::new();
    loop {
        while let Some(update) = feed.next() {
            app.update(update);
            pace.changed();
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
            pace.changed();
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

/// When to draw: at most once in a [`FRAME`], whatever comes in and however long a key is held down. What a key did is
/// drawn at once where the last picture is that old, else as soon as it is.
#[derive(Debug)]
struct Pace {
    /// The last picture; `None` before the first.
    drawn: Option<Instant>,
    /// Something is to be drawn.
    stale: bool,
}

impl Pace {
    const fn new() -> Self {
        Self {
            drawn: None,
            stale: true,
        }
    }

    /// Something came in, or a key was obeyed.
    const fn changed(&mut self) {
        self.stale = true;
    }

    fn is_due(&self, now: Instant) -> bool {
        self.stale && self.left(now).is_zero()
    }

    const fn drawn(&mut self, now: Instant) {
        (self.drawn, self.stale) = (Some(now), false);
    }

    /// How long to wait for a key. Never longer than a frame: what comes in does not wake us.
    fn rest(&self, now: Instant) -> Duration {
        if self.stale { self.left(now) } else { FRAME }
    }

    /// Until the next picture may be drawn.
    fn left(&self, now: Instant) -> Duration {
        self.drawn.map_or(Duration::ZERO, |drawn| {
            FRAME.saturating_sub(now.duration_since(drawn))
        })
    }
}

#[cfg(test)]
mod pace_tests {
    use super::*;

    /// Pictures drawn in a second in which that happens each millisecond.
    fn pictures(mut each: impl FnMut(&mut Pace, u64)) -> usize {
        let start = now();
        let mut pace = Pace::new();
        let mut pictures = 0;
        for ms in 0..1_000 {
            let at = start + Duration::from_millis(ms);
            each(&mut pace, ms);
            if pace.is_due(at) {
                pictures += 1;
                pace.drawn(at);
            }
            assert!(pace.rest(at) <= FRAME);
        }
        pictures
    }

    #[test]
    fn neither_a_flood_nor_a_key_held_down_draws_more_than_ten_times_a_second() {
        assert_eq!(pictures(|pace, _| pace.changed()), 10);
        // As a keyboard repeats, while pictures come in.
        let held = |pace: &mut Pace, ms: u64| {
            if ms.is_multiple_of(33) || ms.is_multiple_of(100) {
                pace.changed();
            }
        };
        assert_eq!(pictures(held), 10);
        assert_eq!(pictures(|_, _| ()), 1, "the first");
    }

    #[test]
    fn a_key_is_drawn_at_once_where_the_picture_is_old_and_else_when_it_is() {
        let start = now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new();
        assert!(pace.is_due(start));
        pace.drawn(start);
        pace.changed();
        assert!(!pace.is_due(after(40)));
        assert_eq!(pace.rest(after(40)), Duration::from_millis(60));
        assert!(pace.is_due(after(100)));
        pace.drawn(after(100));
        assert_eq!(pace.rest(after(150)), FRAME, "nothing to draw");
        pace.changed();
        assert!(pace.is_due(after(350)), "at once");
    }
}
