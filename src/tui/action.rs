//! From a key to what it does: one table, from which the bottom line and the help page are made as well.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use Action as A;
use Mode as M;
use Press::{Char, Code, Control};

/// A whole screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    Overview,
    Attempts,
    Closings,
    Latency,
    Health,
}

/// What a key means depends on where one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The overview with its groups.
    Overview,
    /// A list of attempts or closings.
    List,
    /// A page to read: latency, health.
    Page,
    /// One attempt or closing.
    Detail,
    /// Text to copy, alone on the screen.
    Paste,
    /// The help page.
    Help,
    /// A filter is being typed.
    Typing,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    Go(Screen),
    NextScreen,
    PreviousScreen,
    Help,
    Back,
    Look,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Freeze,
    Reset,
    Filter,
    Sort,
    Reverse,
    Follow,
    NextItem,
    PreviousItem,
    CopyFix,
    Ticket,
    Mouse,
    Type(char),
    Erase,
    EraseAll,
    Accept,
    Cancel,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Press {
    Char(char),
    Control(char),
    Code(KeyCode),
}

/// Keys that do the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) keys: &'static [Press],
    pub(super) action: Action,
    /// Where they do it.
    pub(super) modes: &'static [Mode],
    /// How the keys are named.
    pub(super) name: &'static str,
    /// For the bottom line; empty where it is not worth the room.
    pub(super) word: &'static str,
    /// For the help page.
    pub(super) help: &'static str,
}

const SCREENS: &[Mode] = &[M::Overview, M::List, M::Page];
const LISTS: &[Mode] = &[M::Overview, M::List];
const MOVES: &[Mode] = &[M::Overview, M::List, M::Page, M::Detail, M::Paste, M::Help];
const OVER: &[Mode] = &[M::Detail, M::Paste, M::Help];

/// All keys; on the bottom line the first ones stay where there is little room.
pub(super) const BINDINGS: &[Binding] = &[
    bind(
        &[Code(KeyCode::Enter), Code(KeyCode::Right), Char('i')],
        A::Look,
        LISTS,
        "enter",
        "look",
        "look at the selected line: the legs, the difference, the fix",
    ),
    bind(
        &[Char('y')],
        A::CopyFix,
        &[M::Detail, M::Paste],
        "y",
        "copy fix",
        "copy the fix, and show it alone; on a ticket: copy the ticket",
    ),
    bind(
        &[Char('t')],
        A::Ticket,
        &[M::Detail],
        "t",
        "ticket",
        "a ticket to paste: what, where, evidence, fix",
    ),
    bind(
        &[Char('n'), Char(']')],
        A::NextItem,
        &[M::Detail],
        "n",
        "next",
        "the next one of the list one came from",
    ),
    bind(
        &[Char('p'), Char('[')],
        A::PreviousItem,
        &[M::Detail],
        "p",
        "previous",
        "the previous one",
    ),
    bind(
        &[
            Code(KeyCode::Esc),
            Code(KeyCode::Left),
            Code(KeyCode::Backspace),
        ],
        A::Back,
        OVER,
        "esc",
        "back",
        "back to where one came from",
    ),
    bind(
        &[Char('/')],
        A::Filter,
        LISTS,
        "/",
        "filter",
        "filter the lists, for example verdict:stripped host:api since:5m",
    ),
    bind(
        &[Char('s')],
        A::Sort,
        &[M::List],
        "s",
        "sort",
        "sort by the next column",
    ),
    bind(
        &[Char('o'), Char('1')],
        A::Go(Screen::Overview),
        MOVES,
        "o",
        "overview",
        "overview: is it broken, what breaks it, since when",
    ),
    bind(
        &[Char('a'), Char('2')],
        A::Go(Screen::Attempts),
        MOVES,
        "a",
        "attempts",
        "attempts, newest first",
    ),
    bind(
        &[Char('c'), Char('3')],
        A::Go(Screen::Closings),
        MOVES,
        "c",
        "closings",
        "closings: how opened WebSockets ended",
    ),
    bind(
        &[Char('l'), Char('4')],
        A::Go(Screen::Latency),
        MOVES,
        "l",
        "latency",
        "latency: how long answers took",
    ),
    bind(
        &[Char('h'), Char('5')],
        A::Go(Screen::Health),
        MOVES,
        "h",
        "health",
        "health: what was lost or cannot be seen",
    ),
    bind(
        &[Char('S')],
        A::Reverse,
        &[M::List],
        "S",
        "reverse",
        "turn the order round",
    ),
    bind(
        &[Char('f')],
        A::Follow,
        LISTS,
        "f",
        "follow",
        "follow: the first line stays selected as new ones come",
    ),
    bind(
        &[Code(KeyCode::Esc)],
        A::Back,
        SCREENS,
        "esc",
        "",
        "take the filter away, then back to the overview",
    ),
    bind(
        &[Char(' ')],
        A::Freeze,
        MOVES,
        "space",
        "freeze",
        "freeze the picture, or let it run; the capture goes on",
    ),
    bind(
        &[Char('R')],
        A::Reset,
        SCREENS,
        "R",
        "",
        "count from now on; the summary at the end counts everything",
    ),
    bind(
        &[Char('m')],
        A::Mouse,
        MOVES,
        "m",
        "",
        "mouse wheel on or off; while it is on, hold shift to select text",
    ),
    bind(
        &[Code(KeyCode::Tab)],
        A::NextScreen,
        SCREENS,
        "tab",
        "",
        "the next screen",
    ),
    bind(
        &[Code(KeyCode::BackTab)],
        A::PreviousScreen,
        SCREENS,
        "shift-tab",
        "",
        "the previous screen",
    ),
    bind(
        &[Code(KeyCode::Down), Char('j')],
        A::Down,
        MOVES,
        "↓ j",
        "",
        "down",
    ),
    bind(
        &[Code(KeyCode::Up), Char('k')],
        A::Up,
        MOVES,
        "↑ k",
        "",
        "up",
    ),
    bind(
        &[Code(KeyCode::PageDown), Control('d'), Control('f')],
        A::PageDown,
        MOVES,
        "page down",
        "",
        "a page down",
    ),
    bind(
        &[Code(KeyCode::PageUp), Control('u'), Control('b')],
        A::PageUp,
        MOVES,
        "page up",
        "",
        "a page up",
    ),
    bind(
        &[Code(KeyCode::Home), Char('g')],
        A::Top,
        MOVES,
        "home g",
        "",
        "to the first line",
    ),
    bind(
        &[Code(KeyCode::End), Char('G')],
        A::Bottom,
        MOVES,
        "end G",
        "",
        "to the last line",
    ),
    bind(
        &[Char('?'), Code(KeyCode::F(1))],
        A::Help,
        &[M::Overview, M::List, M::Page, M::Detail, M::Paste],
        "?",
        "help",
        "this page",
    ),
    bind(
        &[Char('q'), Control('c')],
        A::Quit,
        MOVES,
        "q",
        "quit",
        "quit; the summary stays on the terminal",
    ),
    bind(
        &[Code(KeyCode::Enter)],
        A::Accept,
        &[M::Typing],
        "enter",
        "filter",
        "",
    ),
    bind(
        &[Code(KeyCode::Esc)],
        A::Cancel,
        &[M::Typing],
        "esc",
        "as before",
        "",
    ),
    bind(
        &[Code(KeyCode::Backspace), Control('h')],
        A::Erase,
        &[M::Typing],
        "backspace",
        "",
        "",
    ),
    bind(
        &[Control('u'), Control('w')],
        A::EraseAll,
        &[M::Typing],
        "ctrl-u",
        "empty",
        "",
    ),
    bind(&[Control('c')], A::Quit, &[M::Typing], "ctrl-c", "", ""),
];

#[expect(clippy::too_many_arguments, reason = "a table reads best in rows")]
const fn bind(
    keys: &'static [Press],
    action: Action,
    modes: &'static [Mode],
    name: &'static str,
    word: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        modes,
        name,
        word,
        help,
    }
}

/// What a key does there; `None` where it does nothing.
pub(super) fn action(mode: Mode, key: KeyEvent) -> Option<Action> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let press = match key.code {
        KeyCode::Char(c) if control => Control(c.to_ascii_lowercase()),
        KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(c) => Char(c),
        code => Code(code),
    };
    let bound = BINDINGS
        .iter()
        .find(|binding| binding.modes.contains(&mode) && binding.keys.contains(&press));
    match (bound, press) {
        (Some(binding), _) => Some(binding.action),
        (None, Char(c)) if mode == Mode::Typing && !c.is_control() => Some(Action::Type(c)),
        _ => None,
    }
}

/// What the bottom line says there, the most useful first.
pub(super) fn hints(mode: Mode) -> impl Iterator<Item = (&'static str, &'static str)> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.modes.contains(&mode) && !binding.word.is_empty())
        .map(|binding| (binding.name, binding.word))
}

impl Screen {
    pub(super) const ALL: &[Self] = &[
        Self::Overview,
        Self::Attempts,
        Self::Closings,
        Self::Latency,
        Self::Health,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Attempts => "attempts",
            Self::Closings => "closings",
            Self::Latency => "latency",
            Self::Health => "health",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn every_key_does_what_the_table_says() {
        use KeyCode as K;
        let char = K::Char;
        for (mode, code, expected) in [
            (M::Overview, K::Enter, Some(A::Look)),
            (M::List, K::Right, Some(A::Look)),
            (M::Page, K::Enter, None),
            (M::Overview, char('o'), Some(A::Go(Screen::Overview))),
            (M::Overview, char('a'), Some(A::Go(Screen::Attempts))),
            (M::List, char('c'), Some(A::Go(Screen::Closings))),
            (M::List, char('l'), Some(A::Go(Screen::Latency))),
            (M::Detail, char('h'), Some(A::Go(Screen::Health))),
            (M::Overview, char('3'), Some(A::Go(Screen::Closings))),
            (M::Overview, char('/'), Some(A::Filter)),
            (M::Detail, char('/'), None),
            (M::Overview, char('s'), None),
            (M::List, char('s'), Some(A::Sort)),
            (M::List, char('S'), Some(A::Reverse)),
            (M::List, char('f'), Some(A::Follow)),
            (M::Overview, char(' '), Some(A::Freeze)),
            (M::Detail, char(' '), Some(A::Freeze)),
            (M::Page, char('R'), Some(A::Reset)),
            (M::Detail, char('R'), None),
            (M::Detail, char('n'), Some(A::NextItem)),
            (M::Detail, char('p'), Some(A::PreviousItem)),
            (M::List, char('n'), None),
            (M::Detail, char('y'), Some(A::CopyFix)),
            (M::Paste, char('y'), Some(A::CopyFix)),
            (M::Overview, char('y'), None),
            (M::Detail, char('t'), Some(A::Ticket)),
            (M::Detail, K::Esc, Some(A::Back)),
            (M::Help, K::Esc, Some(A::Back)),
            (M::List, K::Esc, Some(A::Back)),
            (M::Overview, K::Tab, Some(A::NextScreen)),
            (M::Overview, K::BackTab, Some(A::PreviousScreen)),
            (M::Overview, K::Down, Some(A::Down)),
            (M::List, char('k'), Some(A::Up)),
            (M::Detail, K::PageDown, Some(A::PageDown)),
            (M::Help, char('G'), Some(A::Bottom)),
            (M::List, K::Home, Some(A::Top)),
            (M::Overview, char('?'), Some(A::Help)),
            (M::Paste, K::F(1), Some(A::Help)),
            (M::Help, char('?'), None),
            (M::Overview, char('m'), Some(A::Mouse)),
            (M::Help, char('q'), Some(A::Quit)),
            (M::Typing, char('q'), Some(A::Type('q'))),
            (M::Typing, char(' '), Some(A::Type(' '))),
            (M::Typing, char('é'), Some(A::Type('é'))),
            (M::Typing, K::Enter, Some(A::Accept)),
            (M::Typing, K::Esc, Some(A::Cancel)),
            (M::Typing, K::Backspace, Some(A::Erase)),
            (M::Typing, K::Tab, None),
            (M::Overview, char('z'), None),
            (M::Overview, K::F(12), None),
        ] {
            assert_eq!(action(mode, press(code)), expected, "{mode:?} {code:?}");
        }
        let control = |c| KeyEvent::new(char(c), KeyModifiers::CONTROL);
        for (mode, c, expected) in [
            (M::Overview, 'c', Some(A::Quit)),
            (M::Typing, 'c', Some(A::Quit)),
            (M::Detail, 'd', Some(A::PageDown)),
            (M::Typing, 'u', Some(A::EraseAll)),
            (M::Overview, 'q', None),
        ] {
            assert_eq!(action(mode, control(c)), expected, "{mode:?} ctrl-{c}");
        }
        let alt = KeyEvent::new(char('q'), KeyModifiers::ALT);
        assert_eq!(action(M::Overview, alt), None);
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        let modes = [
            M::Overview,
            M::List,
            M::Page,
            M::Detail,
            M::Paste,
            M::Help,
            M::Typing,
        ];
        for mode in modes {
            let mut seen = Vec::new();
            for binding in BINDINGS.iter().filter(|b| b.modes.contains(&mode)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{mode:?} {key:?}");
                    seen.push(*key);
                }
            }
            assert!(seen.contains(&Control('c')), "{mode:?} cannot be left");
        }
    }

    #[test]
    fn every_key_of_the_screens_stands_in_the_help() {
        for binding in BINDINGS {
            let typed_only = binding.modes == [M::Typing];
            assert_eq!(binding.help.is_empty(), typed_only, "{}", binding.name);
        }
    }
}
