//! Every screen in every state at three sizes, and the whole app driven by keys.

mod states;

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::action::Mode;
use super::app::{App, Effect, Setup};
use super::over::Over;
use super::{Update, view};
use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::limits::Limits;
use crate::report;
use crate::tally::example::{at, stripped};
use crate::tally::{Snapshot, Tally};
use states::{all_well, empty, idle_closing, incident, incident_tally, lossy};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];
const SCREENS: [(&str, char); 5] = [
    ("overview", 'o'),
    ("attempts", 'a'),
    ("closings", 'c'),
    ("latency", 'l'),
    ("health", 'h'),
];

fn setup(live: bool) -> Setup {
    Setup {
        report: report::Options {
            utc: true,
            live,
            files: if live {
                Vec::new()
            } else {
                vec!["captures/incident.pcapng".to_owned()]
            },
            ..report::Options::default()
        },
        light: false,
        source: if live {
            "live on eth0"
        } else {
            "incident.pcapng"
        }
        .to_owned(),
        filter: live.then(|| "tcp port 80 or tcp port 8080".to_owned()),
        recent: 1_000,
        groups: 1_024,
    }
}

fn app(snapshot: &Arc<Snapshot>, live: bool) -> App {
    let nothing = Tally::new(&Limits::default()).glance();
    let mut app = App::new(setup(live), nothing);
    app.update(Update::Snapshot(Arc::clone(snapshot)));
    app
}

fn drawn(app: &mut App, (width, height): (u16, u16)) -> Buffer {
    app.resize(width.into(), height.into());
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(app, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(super::canvas::width(symbol).max(1)).unwrap();
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn press(app: &mut App, keys: &str) -> Option<Effect> {
    let mut last = None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            '↓' => KeyCode::Down,
            '↑' => KeyCode::Up,
            '⇓' => KeyCode::PageDown,
            c => KeyCode::Char(c),
        };
        last = app.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
    last
}

fn seen(app: &mut App, size: (u16, u16)) -> String {
    text(&drawn(app, size))
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_screen_in_every_state() {
    for (state, snapshot, live) in [
        ("empty", empty(), true),
        ("healthy", all_well(), true),
        ("incident", incident(), true),
        ("lossy", lossy(), true),
    ] {
        for size in SIZES {
            let mut app = app(&snapshot, live);
            let mut page = String::new();
            for (name, key) in SCREENS {
                press(&mut app, &key.to_string());
                page = format!("{page}== {name}\n{}", seen(&mut app, size));
            }
            let name = format!("{state}_{}x{}", size.0, size.1);
            settings().bind(|| insta::assert_snapshot!(name, page));
        }
    }
}

#[test]
fn the_readme_shows_this_screen() {
    let shown = seen(&mut app(&incident(), true), (80, 24));
    let first: Vec<&str> = shown.lines().take(12).collect();
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&first.join("\n")), "{shown}");
}

#[test]
fn every_page_over_the_screens() {
    let details = [
        ("a stripped attempt", "o\n"),
        ("the same, a page further", "o\n⇓"),
        ("its fix", "o\ny"),
        ("its ticket", "o\nt"),
        ("an attempt behind TLS", "a/304\n\n"),
        ("a closing", "c\n"),
    ];
    let lists = [
        ("a filter that is being typed", "a/verdict:ok"),
        ("a filter that is on", "a/verdict:ok\n"),
        ("a filter that leaves nothing", "a/nowhere\n"),
        ("sorted by verdict", "as"),
        ("frozen", "o "),
        ("help", "?"),
    ];
    for size in SIZES {
        for (of, pages) in [("details", details), ("lists", lists)] {
            let mut page = String::new();
            for (name, keys) in pages {
                let mut app = app(&incident(), false);
                app.resize(size.0.into(), size.1.into());
                // By its number, for it is one of many.
                let keys = keys.replace("/304", "/#304");
                press(&mut app, &keys);
                page = format!("{page}== {name}\n{}", seen(&mut app, size));
            }
            let name = format!("{of}_{}x{}", size.0, size.1);
            settings().bind(|| insta::assert_snapshot!(name, page));
        }
    }
}

/// All pictures there are, drawn at that size.
fn everything(
    snapshot: &Arc<Snapshot>,
    change: impl Fn(&mut App),
    size: (u16, u16),
) -> Vec<Buffer> {
    let all = [
        "o",
        "a",
        "c",
        "l",
        "h",
        "?",
        "o\n",
        "o\n⇓⇓",
        "o\ny",
        "o\nt",
        "a\n",
        "a\nt",
        "c\n",
        "c\nt",
        "c\ny",
        "a/x",
        "R",
        " ",
    ];
    all.into_iter()
        .map(|keys| {
            let mut app = app(snapshot, true);
            change(&mut app);
            app.resize(size.0.into(), size.1.into());
            press(&mut app, keys);
            drawn(&mut app, size)
        })
        .collect()
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for snapshot in [empty(), incident(), lossy()] {
        for size in [
            (1, 1),
            (10, 3),
            (39, 24),
            (40, 10),
            (41, 11),
            (60, 12),
            (80, 10),
            (80, 24),
            (109, 30),
            (250, 80),
        ] {
            for picture in everything(&snapshot, |_| (), size) {
                assert_eq!((picture.area.width, picture.area.height), size);
            }
        }
    }
}

#[test]
fn without_colour_everything_is_still_said() {
    for picture in everything(&incident(), |_| (), (120, 40)) {
        let plain = |color: Color| color == Color::Reset;
        assert!(picture.content.iter().all(|c| plain(c.fg) && plain(c.bg)));
    }
    let with_color = |app: &mut App| app.theme.color = true;
    let pictures = everything(&incident(), with_color, (120, 40));
    let coloured: Vec<String> = pictures.iter().map(text).collect();
    let plain: Vec<String> = everything(&incident(), |_| (), (120, 40))
        .iter()
        .map(text)
        .collect();
    assert_eq!(coloured, plain);
    let used = pictures
        .iter()
        .flat_map(|p| &p.content)
        .any(|c| c.fg != Color::Reset);
    assert!(used);
}

#[test]
fn the_selected_line_is_marked_by_more_than_colour() {
    let mut app = app(&incident(), true);
    press(&mut app, "a↓↓");
    let picture = drawn(&mut app, (80, 24));
    let marked: Vec<u16> = (0..24)
        .filter(|&y| picture[(0, y)].symbol() == "▸")
        .collect();
    let [row] = marked[..] else {
        panic!("{marked:?}")
    };
    assert!(picture[(5, row)].modifier.contains(Modifier::REVERSED));
}

#[test]
fn nothing_from_the_network_reaches_the_terminal_raw_and_no_secret_at_all() {
    const HOSTILE: &str = "\x1b]52;c;x\x07\u{202e}\u{9b}2J";
    let mut tally = Tally::new(&Limits::default());
    tally.progress(at(0), 0, 0);
    let mut judged = JudgedAttempt::clone(&stripped(1, 50_000, 0));
    judged.judgement.hop.as_mut().unwrap().software = Some(HOSTILE.into());
    judged.judgement.findings[0]
        .evidence
        .push(HOSTILE.to_owned());
    judged.judgement.diff[0].field = HOSTILE.into();
    for node in &mut judged.attempt.legs {
        let (_, request) = node.leg.request.as_mut().unwrap();
        request
            .head
            .ask_for(&format!("/ws/{HOSTILE}?token=CANARY1"));
        request.head.method = HOSTILE.into();
        let (_, response) = node.leg.response.as_mut().unwrap();
        response.head.as_mut().unwrap().reason = HOSTILE.into();
    }
    tally.attempt(&Arc::new(judged));
    let mut ended = JudgedClosing::clone(&idle_closing(1));
    ended.closing.host = Some(HOSTILE.into());
    ended.closing.target = format!("/{HOSTILE}?token=CANARY2").into();
    ended.judgement.reason = Some(HOSTILE.into());
    ended.closing.legs[0].closes[..]
        .iter_mut()
        .for_each(|seen| seen.close.reason = HOSTILE.into());
    tally.closing(&Arc::new(ended));
    tally.interface(0, 0, HOSTILE);
    tally.progress(at(1_000), 0, 0);
    let snapshot = tally.glance();
    let notice = |app: &mut App| app.update(Update::Notice(HOSTILE.to_owned()));
    let mut shown = 0;
    for picture in everything(&snapshot, notice, (200, 50)) {
        let text = text(&picture);
        let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(raw), "{text}");
        assert!(!text.contains("CANARY"), "{text}");
        shown += usize::from(text.contains('\u{fffd}'));
    }
    assert!(
        shown > 6,
        "that something was taken out is seen on {shown} only"
    );
    let mut app = app(&snapshot, true);
    press(&mut app, "o\nt");
    let Some(Effect::Copy(ticket)) = press(&mut app, "y") else {
        panic!("nothing was copied")
    };
    assert!(
        !ticket.contains('\x1b') && !ticket.contains("CANARY"),
        "{ticket}"
    );
    app.setup.report.redact = false;
    press(&mut app, "\x1b\x1b");
    press(&mut app, "o\nt");
    let Some(Effect::Copy(ticket)) = press(&mut app, "y") else {
        panic!("nothing was copied")
    };
    assert!(ticket.contains("token=CANARY"), "{ticket}");
}

#[test]
fn frozen_nothing_moves_and_nothing_is_lost() {
    let mut app = app(&all_well(), true);
    let before = seen(&mut app, (80, 24));
    press(&mut app, " ");
    app.update(Update::Snapshot(incident()));
    let frozen = seen(&mut app, (80, 24));
    assert_eq!(
        before.lines().skip(1).take(22).collect::<Vec<_>>(),
        frozen.lines().skip(1).take(22).collect::<Vec<_>>()
    );
    assert!(frozen.lines().next().unwrap().contains("FROZEN"));
    press(&mut app, " ");
    assert!(seen(&mut app, (80, 24)).contains("stripped          163"));
}

#[test]
fn reset_counts_from_now_on_and_the_snapshot_stays_whole() {
    let mut tally = incident_tally();
    let mut app = app(&tally.glance(), true);
    press(&mut app, "R");
    let shown = seen(&mut app, (80, 24));
    assert!(shown.contains("ATTEMPTS  0 since 03:06:41"), "{shown}");
    assert!(shown.contains("Nothing so far."), "{shown}");
    tally.progress(at(157_000), 0, 0);
    tally.attempt(&stripped(900, 50_000, 157_000));
    app.update(Update::Snapshot(tally.glance()));
    let shown = seen(&mut app, (80, 24));
    assert!(shown.contains("ATTEMPTS  1 since 03:06:41"), "{shown}");
    assert!(shown.contains("stripped            1  100 %"), "{shown}");
    assert_eq!(app.lists.attempts.len(), 1);
    assert_eq!(app.snapshot.attempts.total(), 245);
}

#[test]
fn a_selected_attempt_stays_selected_while_others_come_until_followed_again() {
    let mut tally = incident_tally();
    let mut app = app(&tally.glance(), true);
    press(&mut app, "a↓↓");
    let chosen = app.lists.attempts[app.attempts.index()].attempt.id;
    tally.attempt(&stripped(900, 50_000, 157_000));
    app.update(Update::Snapshot(tally.glance()));
    assert_eq!(app.lists.attempts[app.attempts.index()].attempt.id, chosen);
    assert_eq!(app.attempts.index(), 3);
    press(&mut app, "f");
    assert_eq!(app.lists.attempts[app.attempts.index()].attempt.id, 900);
}

#[test]
fn looking_stays_at_its_attempt_and_goes_on_in_the_list() {
    let mut tally = incident_tally();
    let mut app = app(&tally.glance(), true);
    press(&mut app, "a\n");
    let first = seen(&mut app, (80, 24));
    tally.attempt(&stripped(900, 50_000, 157_000));
    app.update(Update::Snapshot(tally.glance()));
    let same = seen(&mut app, (80, 24));
    assert_eq!(first.lines().nth(2), same.lines().nth(2));
    assert!(same.contains("2 of 245"), "{same}");
    press(&mut app, "p");
    assert!(seen(&mut app, (80, 24)).contains("attempt 900"));
    press(&mut app, "p");
    assert!(seen(&mut app, (80, 24)).contains("1 of 245"));
    press(&mut app, "n");
    assert!(seen(&mut app, (80, 24)).contains("2 of 245"));
    press(&mut app, "\x1b");
    assert_eq!(app.mode(), Mode::List);
}

#[test]
fn a_filter_works_while_it_is_typed_and_can_be_left_as_it_was() {
    let mut app = app(&incident(), true);
    press(&mut app, "a/verdict:rejected");
    assert_eq!(app.lists.attempts.len(), 3);
    press(&mut app, "\n");
    assert_eq!(app.lists.attempts.len(), 3);
    press(&mut app, "/x");
    assert_eq!(app.lists.attempts.len(), 0);
    press(&mut app, "\x1b");
    assert_eq!(app.lists.attempts.len(), 3);
    press(&mut app, "/\x08\x08\x08\n");
    assert_eq!(app.filter.text(), "verdict:rejec");
    press(&mut app, "\x1b");
    assert_eq!(app.lists.attempts.len(), 244);
    press(&mut app, "o/code:1006\n");
    assert_eq!(app.lists.groups.len(), 1);
    let long = "y".repeat(500);
    press(&mut app, &format!("/{long}"));
    assert!(app.typing.as_ref().unwrap().len() <= 200);
}

#[test]
fn every_column_can_be_sorted_by_both_ways() {
    let mut app = app(&incident(), true);
    for keys in ["a", "c"] {
        press(&mut app, keys);
        for _ in 0..9 {
            press(&mut app, "s");
            let there = seen(&mut app, (200, 50));
            press(&mut app, "S");
            let back = seen(&mut app, (200, 50));
            assert_ne!(there, back);
        }
    }
    // Around once: by time again, newest first.
    press(&mut app, "a");
    let times: Vec<_> = app
        .lists
        .attempts
        .iter()
        .map(|j| j.attempt.outermost().started())
        .collect();
    assert!(times.is_sorted());
}

#[test]
fn escape_and_a_key_right_behind_it_are_two_keys() {
    let mut app = app(&incident(), true);
    press(&mut app, "o\n");
    let both = KeyEvent::new(KeyCode::Char(' '), KeyModifiers::ALT);
    app.event(&Event::Key(both));
    assert_eq!((app.mode(), app.frozen), (Mode::Overview, true));
}

#[test]
fn the_fix_is_copied_alone() {
    let mut app = app(&incident(), true);
    press(&mut app, "o\n");
    let Some(Effect::Copy(fix)) = press(&mut app, "y") else {
        panic!("nothing was copied")
    };
    assert!(fix.contains("proxy_http_version 1.1;") && !fix.contains("STRIPPED"));
    assert!(matches!(app.over.last(), Some(Over::Paste(_))));
    press(&mut app, "\x1b\x1b");
    assert_eq!(app.mode(), Mode::Overview);
    assert_eq!(press(&mut app, "q"), Some(Effect::Quit));
}

#[test]
fn scrolling_stops_at_the_end_and_comes_back_at_once() {
    let mut app = app(&incident(), true);
    app.resize(80, 24);
    for page in ["?", "o\n", "o\nt", "l", "h"] {
        press(&mut app, "o");
        press(&mut app, page);
        let top = seen(&mut app, (80, 24));
        for _ in 0..200 {
            press(&mut app, "⇓");
        }
        let end = seen(&mut app, (80, 24));
        press(&mut app, "↑");
        if top != end {
            assert_ne!(seen(&mut app, (80, 24)), end, "{page}");
        }
        assert!(!end.contains("more line"), "{page}\n{end}");
    }
}

#[test]
fn the_wheel_moves_and_mouse_can_be_switched() {
    use ratatui::crossterm::event::{MouseEvent, MouseEventKind};
    let mut app = app(&incident(), true);
    assert_eq!(press(&mut app, "m"), Some(Effect::Mouse(true)));
    press(&mut app, "a");
    let wheel = |kind| {
        Event::Mouse(MouseEvent {
            kind,
            column: 1,
            row: 1,
            modifiers: KeyModifiers::NONE,
        })
    };
    app.event(&wheel(MouseEventKind::ScrollDown));
    assert_eq!(app.attempts.index(), 3);
    app.event(&wheel(MouseEventKind::ScrollUp));
    assert_eq!(app.attempts.index(), 0);
    assert_eq!(press(&mut app, "m"), Some(Effect::Mouse(false)));
}
