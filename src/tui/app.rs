//! What the screen is at: which picture, which list, which row, which filter. Pure: keys and snapshots come in, nothing
//! but this state changes, and drawing only reads it.

use std::sync::Arc;

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind,
};

use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::report;
use crate::report::ticket::{self, Desk};
use crate::report::words::Clock;
use crate::tally::{Example, Group, GroupKey, Kinds, Snapshot, Verdicts};
use crate::time::Timestamp;

use super::action::{self, Action, Mode, Screen};
use super::filter::Filter;
use super::lists::{AttemptColumn, Choice, ClosingColumn, Cursor, Lists, Order, next_of};
use super::over::{Detail, Over, Paste, Subject};
use super::theme::Theme;
use super::{Update, view};

/// Longest filter.
const FILTER: usize = 200;
/// Notices kept.
const NOTICES: usize = 50;
/// Lines that a turn of the wheel moves.
const WHEEL: usize = 3;

/// What the screen is told at the start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How the report would be written.
    pub report: report::Options,
    /// The terminal's background is light.
    pub light: bool,
    /// What is listened to or read, in words.
    pub source: String,
    /// The packet filter.
    pub filter: Option<String>,
    /// How many attempts, and how many closings, are kept.
    pub recent: u64,
    /// How many groups are kept.
    pub groups: u64,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Quit,
    /// Hand this to the terminal's clipboard.
    Copy(String),
    /// Listen to the mouse, or no longer.
    Mouse(bool),
}

/// All of it.
#[derive(Debug)]
pub(super) struct App {
    pub(super) setup: Setup,
    pub(super) clock: Clock,
    pub(super) theme: Theme,
    pub(super) snapshot: Arc<Snapshot>,
    /// The newest one, which is not shown while the picture is frozen.
    waiting: Option<Arc<Snapshot>>,
    pub(super) frozen: bool,
    /// Nothing more will come.
    pub(super) ended: bool,
    /// What is not counted any more.
    baseline: Option<Arc<Snapshot>>,
    pub(super) notices: Vec<String>,
    pub(super) screen: Screen,
    /// What lies over the screen, the topmost last.
    pub(super) over: Vec<Over>,
    pub(super) lists: Lists,
    pub(super) groups: Cursor<Arc<GroupKey>>,
    pub(super) attempts: Cursor<u64>,
    pub(super) closings: Cursor<u64>,
    pub(super) attempt_order: Order<AttemptColumn>,
    pub(super) closing_order: Order<ClosingColumn>,
    pub(super) filter: Filter,
    /// The filter as it is being typed.
    pub(super) typing: Option<String>,
    /// How far a page is scrolled.
    pub(super) scroll: usize,
    pub(super) mouse: bool,
    pub(super) size: (usize, usize),
}

impl App {
    /// `empty` is what there is before anything has come.
    pub(super) fn new(setup: Setup, empty: Arc<Snapshot>) -> Self {
        Self {
            clock: Clock::new(setup.report.utc),
            theme: Theme {
                color: setup.report.color,
                light: setup.light,
            },
            setup,
            snapshot: empty,
            waiting: None,
            frozen: false,
            ended: false,
            baseline: None,
            notices: Vec::new(),
            screen: Screen::Overview,
            over: Vec::new(),
            lists: Lists::default(),
            groups: Cursor::default(),
            attempts: Cursor::default(),
            closings: Cursor::default(),
            attempt_order: Order::default(),
            closing_order: Order::default(),
            filter: Filter::default(),
            typing: None,
            scroll: 0,
            mouse: false,
            size: (80, 24),
        }
    }

    /// Takes what has come.
    pub(super) fn update(&mut self, update: Update) {
        match update {
            Update::Snapshot(snapshot) => self.show(snapshot),
            Update::Ended(snapshot) => {
                self.ended = true;
                self.show(snapshot);
            }
            Update::Notice(text) => {
                if self.notices.len() >= NOTICES {
                    self.notices.remove(0);
                }
                self.notices.push(text);
            }
        }
    }

    /// Takes what the terminal says.
    pub(super) fn event(&mut self, event: &Event) -> Option<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            Event::Mouse(mouse) => {
                let action = match mouse.kind {
                    MouseEventKind::ScrollDown => Action::Down,
                    MouseEventKind::ScrollUp => Action::Up,
                    _ => return None,
                };
                (0..WHEEL).find_map(|_| self.act(action))
            }
            Event::Paste(text) if self.typing.is_some() => {
                let fit = text.chars().filter(|c| !c.is_control());
                fit.take(FILTER).find_map(|c| self.act(Action::Type(c)))
            }
            _ => None,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        // Escape and a key right behind it are the same bytes as that key with Alt, which means nothing here.
        if key.modifiers.contains(KeyModifiers::ALT) && matches!(key.code, KeyCode::Char(_)) {
            let first = self.key(KeyEvent::from(KeyCode::Esc));
            let modifiers = key.modifiers.difference(KeyModifiers::ALT);
            return first.or_else(|| self.key(KeyEvent::new(key.code, modifiers)));
        }
        action::action(self.mode(), key).and_then(|action| self.act(action))
    }

    /// Where one is.
    pub(super) fn mode(&self) -> Mode {
        if self.typing.is_some() {
            return Mode::Typing;
        }
        match self.over.last() {
            Some(Over::Detail(_)) => Mode::Detail,
            Some(Over::Paste(_)) => Mode::Paste,
            Some(Over::Help { .. }) => Mode::Help,
            None => match self.screen {
                Screen::Overview => Mode::Overview,
                Screen::Attempts | Screen::Closings => Mode::List,
                Screen::Latency | Screen::Health => Mode::Page,
            },
        }
    }

    /// Does it.
    pub(super) fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Go(screen) => self.go(screen),
            Action::NextScreen => self.go(next_of(Screen::ALL, self.screen)),
            Action::PreviousScreen => {
                let all: Vec<Screen> = Screen::ALL.iter().rev().copied().collect();
                self.go(next_of(&all, self.screen));
            }
            Action::Help => self.over.push(Over::Help { scroll: 0 }),
            Action::Back => self.back(),
            Action::Look => self.look(),
            Action::Up => self.step(|at, _| at.saturating_sub(1)),
            Action::Down => self.step(|at, _| at.saturating_add(1)),
            Action::PageUp => self.step(usize::saturating_sub),
            Action::PageDown => self.step(usize::saturating_add),
            Action::Top => self.step(|_, _| 0),
            Action::Bottom => self.step(|_, _| usize::MAX),
            Action::Freeze => self.freeze(),
            Action::Reset => self.reset(),
            Action::Filter => self.typing = Some(self.filter.text().to_owned()),
            Action::Sort => self.sort(),
            Action::Reverse => match self.screen {
                Screen::Closings => self.closing_order.reversed ^= true,
                _ => self.attempt_order.reversed ^= true,
            },
            Action::Follow => match self.screen {
                Screen::Attempts => self.attempts.follow(),
                Screen::Closings => self.closings.follow(),
                _ => self.groups.follow(),
            },
            Action::NextItem => self.neighbour(|index| index.checked_add(1)),
            Action::PreviousItem => self.neighbour(|index| index.checked_sub(1)),
            Action::CopyFix => return self.copy(),
            Action::Ticket => self.ticket(),
            Action::Mouse => {
                self.mouse ^= true;
                return Some(Effect::Mouse(self.mouse));
            }
            Action::Type(_)
            | Action::Erase
            | Action::EraseAll
            | Action::Accept
            | Action::Cancel => {
                self.type_filter(action);
            }
        }
        if !matches!(action, Action::Up | Action::Down | Action::Help) {
            self.refresh();
        }
        None
    }

    pub(super) const fn resize(&mut self, width: usize, height: usize) {
        self.size = (width, height);
    }

    /// Attempts by verdict since the counters were reset.
    pub(super) fn verdicts(&self) -> Verdicts {
        self.since(|snapshot| snapshot.attempts, |now, old| now.since(&old))
    }

    /// Closings by kind since then.
    pub(super) fn kinds(&self) -> Kinds {
        self.since(|snapshot| snapshot.closings, |now, old| now.since(&old))
    }

    /// What is not counted any more.
    pub(super) fn baseline(&self) -> Option<&Snapshot> {
        self.baseline.as_deref()
    }

    /// Since when is counted, where that is not the start.
    pub(super) fn counted_since(&self) -> Option<Timestamp> {
        self.baseline.as_ref().and_then(|base| base.now)
    }

    /// The closing of an attempt, where it is kept.
    pub(super) fn closing_of(&self, id: u64) -> Option<&JudgedClosing> {
        let mut all = self.snapshot.recent_closings.iter();
        all.find(|judged| judged.closing.attempt == id)
            .map(|judged| &**judged)
    }

    /// Whether the first line of the list stays selected as new ones come.
    pub(super) const fn follows(&self) -> bool {
        match self.screen {
            Screen::Attempts => self.attempts.follows(),
            Screen::Closings => self.closings.follows(),
            _ => self.groups.follows(),
        }
    }

    /// Whether there is something to look at.
    pub(super) const fn has_rows(&self) -> bool {
        !match self.screen {
            Screen::Attempts => self.lists.attempts.is_empty(),
            Screen::Closings => self.lists.closings.is_empty(),
            _ => self.lists.groups.is_empty(),
        }
    }

    /// Which of how many the detail on the screen is.
    pub(super) fn place(&self) -> (usize, usize) {
        let (index, len) = match self.screen {
            Screen::Attempts => (self.attempts.index(), self.lists.attempts.len()),
            Screen::Closings => (self.closings.index(), self.lists.closings.len()),
            _ => (self.groups.index(), self.lists.groups.len()),
        };
        (index + 1, len.max(index + 1))
    }

    fn since<T>(&self, of: impl Fn(&Snapshot) -> T, less: impl Fn(T, T) -> T) -> T {
        let now = of(&self.snapshot);
        match &self.baseline {
            Some(base) => less(now, of(base)),
            None => now,
        }
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) {
        if self.frozen {
            self.waiting = Some(snapshot);
            return;
        }
        self.snapshot = snapshot;
        self.refresh();
    }

    fn refresh(&mut self) {
        let typed = self.typing.as_deref().map(Filter::new);
        self.lists = Lists::of(
            &self.snapshot,
            &Choice {
                screen: self.screen,
                filter: typed.as_ref().unwrap_or(&self.filter),
                only: self.setup.report.only.as_ref(),
                baseline: self.baseline.as_deref(),
                attempts: self.attempt_order,
                closings: self.closing_order,
            },
        );
        let Lists {
            groups,
            attempts,
            closings,
            ..
        } = &self.lists;
        self.groups.settle(groups.len(), |at| group_key(groups, at));
        self.attempts
            .settle(attempts.len(), |at| attempt_key(attempts, at));
        self.closings
            .settle(closings.len(), |at| closing_key(closings, at));
        // The group that is looked at grows meanwhile.
        if let Some(Over::Detail(Detail {
            group: Some(group), ..
        })) = self.over.first_mut()
            && let Some(now) = groups.iter().find(|now| now.key == group.key)
        {
            *group = now.clone();
        }
    }

    fn go(&mut self, screen: Screen) {
        self.over.clear();
        self.screen = screen;
        self.scroll = 0;
    }

    fn back(&mut self) {
        if self.over.pop().is_some() {
            return;
        }
        if self.filter.is_empty() {
            self.go(Screen::Overview);
        } else {
            self.filter = Filter::default();
        }
    }

    /// Moves the selection, or the page that is read, to what `to` makes of where it is and of a page's height.
    fn step(&mut self, to: impl Fn(usize, usize) -> usize) {
        let page = view::page_height(self);
        if self.over.is_empty() {
            let lists = &self.lists;
            match self.screen {
                Screen::Overview => {
                    let index = to(self.groups.index(), page);
                    let key = |at| group_key(&lists.groups, at);
                    self.groups.pin(index, lists.groups.len(), key);
                }
                Screen::Attempts => {
                    let index = to(self.attempts.index(), page);
                    let key = |at| attempt_key(&lists.attempts, at);
                    self.attempts.pin(index, lists.attempts.len(), key);
                }
                Screen::Closings => {
                    let index = to(self.closings.index(), page);
                    let key = |at| closing_key(&lists.closings, at);
                    self.closings.pin(index, lists.closings.len(), key);
                }
                Screen::Latency | Screen::Health => {
                    let most = view::most_scroll(self);
                    self.scroll = to(self.scroll, page).min(most);
                }
            }
            return;
        }
        let most = view::most_scroll(self);
        let scroll = match self.over.last_mut() {
            Some(Over::Detail(detail)) => &mut detail.scroll,
            Some(Over::Paste(paste)) => &mut paste.scroll,
            Some(Over::Help { scroll }) => scroll,
            None => return,
        };
        *scroll = to(*scroll, page).min(most);
    }

    fn freeze(&mut self) {
        self.frozen ^= true;
        if !self.frozen
            && let Some(snapshot) = self.waiting.take()
        {
            self.snapshot = snapshot;
        }
    }

    fn reset(&mut self) {
        self.baseline = Some(Arc::clone(&self.snapshot));
        self.groups.follow();
        self.attempts.follow();
        self.closings.follow();
    }

    fn sort(&mut self) {
        if self.screen == Screen::Closings {
            let column = next_of(ClosingColumn::ALL, self.closing_order.column);
            self.closing_order = Order {
                column,
                reversed: false,
            };
        } else {
            let column = next_of(AttemptColumn::ALL, self.attempt_order.column);
            self.attempt_order = Order {
                column,
                reversed: false,
            };
        }
    }

    fn type_filter(&mut self, action: Action) {
        let Some(text) = &mut self.typing else { return };
        match action {
            Action::Type(c) if text.chars().count() < FILTER => text.push(c),
            Action::Erase => {
                text.pop();
            }
            Action::EraseAll => text.clear(),
            Action::Accept => {
                self.filter = Filter::new(text);
                self.typing = None;
            }
            Action::Cancel => self.typing = None,
            _ => {}
        }
    }

    /// Opens what is selected, and stays at it while others come.
    fn look(&mut self) {
        if let Some(detail) = self.selected() {
            self.step(|index, _| index);
            self.over.push(Over::Detail(detail));
        }
    }

    fn selected(&self) -> Option<Detail> {
        let lists = &self.lists;
        let (subject, group) = match self.screen {
            Screen::Attempts => {
                let judged = lists.attempts.get(self.attempts.index())?;
                (Subject::Attempt(Arc::clone(judged)), None)
            }
            Screen::Closings => {
                let judged = lists.closings.get(self.closings.index())?;
                (Subject::Closing(Arc::clone(judged)), None)
            }
            _ => {
                let group = lists.groups.get(self.groups.index())?;
                let subject = match &group.example {
                    Example::Attempt(judged) => Subject::Attempt(Arc::clone(judged)),
                    Example::Closing(judged) => Subject::Closing(Arc::clone(judged)),
                };
                (subject, Some(group.clone()))
            }
        };
        Some(Detail {
            subject,
            group,
            scroll: 0,
        })
    }

    /// The next or the previous one of the list below.
    fn neighbour(&mut self, to: impl Fn(usize) -> Option<usize>) {
        let (place, len) = self.place();
        let Some(index) = to(place - 1).filter(|&index| index < len) else {
            return;
        };
        let over = std::mem::take(&mut self.over);
        self.step(|_, _| index);
        match self.selected() {
            Some(detail) => self.over.push(Over::Detail(detail)),
            None => self.over = over,
        }
    }

    fn copy(&mut self) -> Option<Effect> {
        match self.over.last_mut()? {
            Over::Paste(paste) => {
                paste.copied = true;
                return Some(Effect::Copy(paste.text.clone()));
            }
            Over::Help { .. } => return None,
            Over::Detail(_) => {}
        }
        let Some(Over::Detail(detail)) = self.over.last() else {
            return None;
        };
        let text = detail.subject.fix().join("\n");
        let is_empty = text.is_empty();
        self.over.push(Over::Paste(Paste {
            title: if is_empty {
                "No fix is known for this one"
            } else {
                "The fix"
            },
            text: text.clone(),
            scroll: 0,
            copied: !is_empty,
        }));
        (!is_empty).then_some(Effect::Copy(text))
    }

    fn ticket(&mut self) {
        let Some(Over::Detail(detail)) = self.over.last() else {
            return;
        };
        let desk = Desk {
            clock: &self.clock,
            files: &self.setup.report.files,
            redact: self.setup.report.redact,
        };
        let group = detail.group.as_ref();
        let text = match &detail.subject {
            Subject::Attempt(judged) => ticket::of_attempt(desk, judged, group),
            Subject::Closing(judged) => ticket::of_closing(desk, judged, group),
        };
        self.over.push(Over::Paste(Paste {
            title: "The ticket",
            text,
            scroll: 0,
            copied: false,
        }));
    }
}

fn group_key(groups: &[Group], at: usize) -> Option<Arc<GroupKey>> {
    groups.get(at).map(|group| Arc::clone(&group.key))
}

fn attempt_key(attempts: &[Arc<JudgedAttempt>], at: usize) -> Option<u64> {
    attempts.get(at).map(|judged| judged.attempt.id)
}

fn closing_key(closings: &[Arc<JudgedClosing>], at: usize) -> Option<u64> {
    closings.get(at).map(|judged| judged.closing.attempt)
}
