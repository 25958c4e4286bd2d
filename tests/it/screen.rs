//! The full screen of the real binary, driven and read back through tmux: skipped, and said so, where there is none.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use wscap::cli::{self, Action, Surroundings};
use wscap::limits::Limits;
use wscap::report::Options;
use wscap::tally::Tally;
use wscap::tui::{self, Feed, Heard, Setup, Update};

use crate::live::Stage;
use crate::privacy;
use crate::support::files;
use crate::support::net::{PROXY, Running, has};

const WSCAP: &str = env!("CARGO_BIN_EXE_wscap");
/// How long a screen may take to come, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal with a shell in it.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Of that size. `None` where there is no tmux; says so.
    fn open(width: u16, height: u16) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !has("tmux") {
            println!("skipped: tmux is missing; `.ci/setup test` installs it");
            return None;
        }
        let terminal = Self {
            socket: format!(
                "wscap-test-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            ),
        };
        let (width, height) = (width.to_string(), height.to_string());
        let shell = "env PS1='$ ' ENV= NO_COLOR= sh";
        let opened = terminal.tmux(&["new-session", "-d", "-x", &width, "-y", &height, shell]);
        assert!(opened.status.success(), "{opened:?}");
        terminal.wait("$");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.socket, "-f", "/dev/null"])
            .args(arguments)
            .env_remove("TMUX")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Types a line for the shell.
    fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn read(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What stands there and what has scrolled away.
    fn read_all(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-S", "-"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until that stands on the screen; what does then.
    fn wait(&self, words: &str) -> String {
        self.wait_for(words, |screen| screen.contains(words))
    }

    fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.read();
            if is_there(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "{what} does not come:\n{screen}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Whether the terminal echoes and waits for whole lines again.
    fn is_usable(&self) {
        self.run("clear; stty -a | tr ' ;' '\\n\\n' | grep -xE -- '-?(icanon|echo|isig)' | xargs echo MODES");
        let modes = self.wait_for("the modes", |screen| {
            screen.lines().any(|line| line.starts_with("MODES"))
        });
        let line = modes
            .lines()
            .find(|line| line.starts_with("MODES"))
            .unwrap();
        for mode in ["icanon", "echo", "isig"] {
            let word = line.split(' ').any(|word| word == mode);
            assert!(word, "{mode} is off: {line}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn capture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("captures")
        .join(name);
    assert!(path.exists(), "{name}");
    path.to_str().unwrap().to_owned()
}

/// The number behind a word at the start of a line: `✗ stripped  12`.
fn number_behind(screen: &str, word: &str) -> u64 {
    let line = screen.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some(word)
    });
    let number = line.and_then(|line| line.split_whitespace().nth(2));
    number.map_or(0, |n| n.replace(',', "").parse().unwrap_or(0))
}

#[test]
fn it_opens_where_somebody_looks_at_what_is_live_or_asks_for_it() {
    let seen = Surroundings {
        terminal: true,
        can_draw: true,
        ..Surroundings::default()
    };
    let unseen = Surroundings::default();
    let dumb = Surroundings {
        can_draw: false,
        ..seen.clone()
    };
    for (words, around, opens) in [
        ("-i lo", &seen, Some(true)),
        ("-i lo", &unseen, Some(false)),
        ("-i lo", &dumb, Some(false)),
        ("-i lo --no-tui", &seen, Some(false)),
        ("-i lo --json", &seen, Some(false)),
        ("-i lo -q", &seen, Some(false)),
        ("-i lo -q --tui", &seen, Some(true)),
        ("-i lo --no-tui --tui", &seen, Some(true)),
        ("-i lo --tui --no-tui", &seen, Some(false)),
        ("-i lo --tui", &unseen, None),
        ("-i lo --tui", &dumb, None),
        ("-i lo --tui --json", &seen, None),
        ("-r x.pcap", &seen, Some(false)),
        ("-r x.pcap --tui", &seen, Some(true)),
        ("-r - --tui", &unseen, None),
    ] {
        let all = std::iter::once("wscap").chain(words.split(' '));
        let parsed = cli::parse(all.map(Into::into), around);
        let tui = match parsed {
            Ok(Action::Run(config)) => Some(config.output.tui),
            Ok(other) => panic!("{words}: {other:?}"),
            Err(_) => None,
        };
        assert_eq!(tui, opens, "{words} {around:?}");
    }
}

#[test]
fn live_it_ends_when_enough_was_captured_and_leaves_the_summary() {
    if !crate::support::net::is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    terminal.run(&format!("{WSCAP} -i lo --duration 1s; echo code=$?"));
    terminal.wait("code=0");
    let left = terminal.read_all();
    assert!(left.contains("live on lo"), "{left}");
    terminal.is_usable();
}

#[test]
fn a_capture_is_browsed_by_keys_and_its_summary_stays() {
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    let file = capture("handshake/stripped_by_nginx_default.pcapng");
    terminal.run(&format!("{WSCAP} -r {file} --tui --utc; echo code=$?"));
    let overview = terminal.wait("complete");
    assert_eq!(number_behind(&overview, "stripped"), 1, "{overview}");
    assert!(overview.contains("removed Upgrade"), "{overview}");
    terminal.press("Enter");
    let detail = terminal.wait("-Upgrade");
    assert!(detail.contains("proxy_set_header Upgrade"), "{detail}");
    terminal.press("y");
    terminal.wait("Copied, if your terminal takes it");
    terminal.press("Escape");
    terminal.wait("-Upgrade");
    terminal.press("t");
    terminal.wait("## WebSocket handshake stripped on chat.example /live");
    terminal.press("a");
    terminal.wait("verdict");
    terminal.press("/");
    terminal.tmux(&["send-keys", "-l", "verdict:ok"]);
    terminal.wait("0 of 1 attempts");
    terminal.press("Escape");
    terminal.press("?");
    terminal.wait("KEYS");
    terminal.tmux(&["resize-window", "-x", "200", "-y", "50"]);
    let help = terminal.wait("SIGNS");
    assert!(help.contains("a hop removed it"), "{help}");
    terminal.press("q");
    terminal.wait("code=0");
    let left = terminal.read_all();
    for words in [
        "STRIPPED   1 attempt on chat.example /live",
        "HEALTH     20 packets",
    ] {
        assert!(left.contains(words), "{words} is not in\n{left}");
    }
    assert!(!left.contains("WHAT BREAKS"), "{left}");
    terminal.is_usable();
}

#[test]
fn the_ladder_tells_when_what_came() {
    let Some(terminal) = Terminal::open(120, 40) else {
        return;
    };
    let file = capture("close/idle_timeout_nginx_60s.pcapng");
    terminal.run(&format!("{WSCAP} -r {file} --tui --utc"));
    terminal.wait("complete");
    terminal.press("Enter");
    let ladder = terminal.wait("FIX ");
    let rungs = [
        "0.0103 │◀─ 101 Switching Protocols",
        "0.0208 │── first and only text message, 7 bytes",
        "0.0291 │◀─ first and only text message, 7 bytes",
        // The silence.
        "       … │",
        "60.0631 │◀─ FIN",
    ];
    let at = rungs.map(|rung| {
        ladder
            .find(rung)
            .unwrap_or_else(|| panic!("{rung}\n{ladder}"))
    });
    assert!(at.is_sorted(), "{ladder}");
    // How it ended stands at the attempt too.
    terminal.press("a");
    terminal.press("Enter");
    let attempt = terminal.wait("Later: Closed with 1006");
    assert!(
        attempt.contains("For how it closed: c, then enter."),
        "{attempt}"
    );
    terminal.press("q");
}

#[test]
fn exit_codes_are_those_without_a_screen() {
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    let file = capture("handshake/stripped_by_nginx_default.pcapng");
    terminal.run(&format!(
        "{WSCAP} -r {file} --tui --fail-on stripped; echo code=$?"
    ));
    terminal.wait("complete");
    terminal.press("C-c");
    terminal.wait("code=1");
    terminal.run(&format!(
        "clear; {WSCAP} -r {file} --tui | cat; echo code=$?"
    ));
    terminal.wait("--tui needs a terminal");
    terminal.run(&format!(
        "clear; {WSCAP} -r {file}.missing --tui; echo code=$?"
    ));
    terminal.wait("code=2");
    terminal.run(&format!(
        "clear; {WSCAP} -r {file} --tui --json; echo code=$?"
    ));
    terminal.wait("code=2");
    terminal.is_usable();
}

#[test]
fn keys_come_from_the_terminal_while_the_capture_comes_on_stdin() {
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    let file = capture("handshake/stripped_by_nginx_default.pcapng");
    // The pipe stays open: keys, snapshots and the end do not wait for it.
    terminal.run(&format!(
        "(cat {file}; sleep 600) | {WSCAP} -r - --tui; echo code=$?"
    ));
    terminal.wait("standard input");
    terminal.press("h");
    terminal.wait("WHAT WAS LOST");
    terminal.press("o");
    terminal.wait("reading");
    terminal.press("q");
    // The summary is printed at once; the shell waits for the sleep.
    terminal.wait("HEALTH");
}

#[test]
fn a_signal_leaves_the_terminal_usable_and_the_summary_on_it() {
    for signal in ["TERM", "INT", "HUP"] {
        let Some(terminal) = Terminal::open(100, 40) else {
            return;
        };
        let file = capture("close/1000_by_client.pcapng");
        terminal.run(&format!(
            "{WSCAP} -r {file} --tui & echo $! > /dev/null; fg; echo code=$?"
        ));
        terminal.wait("complete");
        let pane = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
        let children = Command::new("pgrep").args(["-P", &shell]).output().unwrap();
        let child = String::from_utf8_lossy(&children.stdout).trim().to_owned();
        assert!(!child.is_empty() && !child.contains('\n'), "{child:?}");
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &child])
            .status();
        assert!(sent.unwrap().success());
        terminal.wait("code=0");
        let left = terminal.read_all();
        assert!(left.contains("CLOSINGS   1 WebSocket"), "{signal}\n{left}");
        terminal.is_usable();
    }
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    let file = capture("close/1000_by_client.pcapng");
    terminal.run(&format!("(cat {file}; sleep 600) | {WSCAP} -r - --tui"));
    terminal.wait("reading");
    let pane = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let shell = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
    let children = Command::new("pgrep")
        .args(["-P", &shell, "wscap"])
        .output()
        .unwrap();
    let child = String::from_utf8_lossy(&children.stdout).trim().to_owned();
    let process = Path::new("/proc").join(&child);
    assert!(!child.is_empty() && process.exists(), "{child:?}");
    drop(terminal);
    let until = Instant::now() + PATIENCE;
    while process.exists() {
        assert!(Instant::now() < until, "{child} goes on without a terminal");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// What breaks in the middle of drawing.
struct Breaking(u32);

impl Feed for Breaking {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn input(&mut self, wait: Duration) -> Option<Heard> {
        std::thread::sleep(wait);
        None
    }

    fn ask(&mut self) {}

    fn next(&mut self) -> Option<Update> {
        self.0 += 1;
        assert!(self.0 < 5, "the feed has broken");
        None
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// A screen that panics, run as a process inside a terminal by the test below.
#[test]
#[ignore = "a process for the tests below"]
fn helper_that_panics() {
    let empty = Tally::new(&Limits::default()).glance();
    let setup = Setup {
        report: Options::default(),
        light: false,
        source: "nowhere".to_owned(),
        filter: None,
        recent: 1,
        groups: 1,
    };
    tui::run(setup, Arc::clone(&empty), &mut Breaking(0)).unwrap();
}

#[test]
fn a_panic_leaves_the_terminal_usable_and_its_words_on_it() {
    let Some(terminal) = Terminal::open(120, 40) else {
        return;
    };
    let this = std::env::current_exe().unwrap();
    let this = this.to_str().unwrap();
    terminal.run(&format!(
        "{this} --exact screen::helper_that_panics --ignored --nocapture --test-threads=1; echo code=$?"
    ));
    terminal.wait("the feed has broken");
    terminal.wait("code=101");
    terminal.is_usable();
}

#[test]
fn live_under_load_it_counts_names_and_answers_keys() {
    // The right lines stand in a second location; the first one is nginx as it comes.
    let good = "} location /good { proxy_pass http://10.2.0.2:8080; proxy_http_version 1.1; \
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let Some((stage, ws)) = Stage::with_ws(good) else {
        return;
    };
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    let inside = stage.net.command("p", WSCAP);
    let mut words = vec!["ip".to_owned()];
    words.extend(
        inside
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    terminal.run(&format!("{} -i any --utc; echo code=$?", words.join(" ")));
    terminal.wait("WAITING for the first WebSocket handshake");
    let mut crowd = match &ws {
        Some(node) => {
            let urls = ["ws", "good"].map(|path| format!("ws://{PROXY}/{path}"));
            node.clients(&stage.net, "c", &urls)
        }
        None => stage
            .net
            .helper("c", "live::helper_crowd", &format!("{PROXY}:80")),
    };
    let crowd = crowd.stdout(Stdio::null()).spawn();
    let crowd = Running(crowd.unwrap());
    let many =
        |screen: &str| number_behind(screen, "ok") >= 20 && number_behind(screen, "stripped") >= 20;
    let overview = terminal.wait_for("a crowd", many);
    assert!(overview.contains("removed Upgrade"), "{overview}");
    assert!(overview.contains("1000 Normal Closure"), "{overview}");
    // A key is answered while the load runs.
    for (key, words) in [
        ("a", "verdict"),
        ("l", "HOW LONG IT TOOK"),
        ("o", "WHAT BREAKS"),
    ] {
        let pressed = Instant::now();
        terminal.press(key);
        terminal.wait(words);
        let took = pressed.elapsed();
        assert!(took < Duration::from_secs(2), "{key} took {took:?}");
    }
    terminal.press("Enter");
    let detail = terminal.wait("-Upgrade");
    assert!(detail.contains("proxy nginx"), "{detail}");
    assert!(detail.contains(&format!("{PROXY}:80")), "{detail}");
    terminal.press("Escape");
    terminal.wait("WHAT BREAKS");
    // One that opened, from its SYN to its end.
    terminal.press("a");
    terminal.press("/");
    terminal.tmux(&["send-keys", "-l", "verdict:ok code:1000"]);
    terminal.press("Enter");
    terminal.wait("esc takes it away");
    terminal.press("Enter");
    let opened = terminal.wait("Close 1000 Normal Closure");
    let rungs = ["SYN", "GET ", "101 ", "1 text message", "Close 1000"];
    let at = rungs.map(|rung| {
        opened
            .find(rung)
            .unwrap_or_else(|| panic!("{rung}\n{opened}"))
    });
    assert!(at.is_sorted(), "{opened}");
    terminal.press("PageDown");
    terminal.wait("── FIN ");
    terminal.press("Escape");
    terminal.press("Escape");
    terminal.press("o");
    terminal.wait("WHAT BREAKS");
    terminal.press("Space");
    let frozen = terminal.wait("FROZEN");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(terminal.read(), frozen, "it moves while frozen");
    terminal.press("Space");
    let before = number_behind(&frozen, "ok");
    // Half of a key stops nothing but keys.
    terminal.tmux(&["send-keys", "-H", "1b", "5b"]);
    terminal.wait_for("more", |screen| number_behind(screen, "ok") > before);
    drop(crowd);
    terminal.press("z");
    terminal.press("q");
    terminal.wait("code=0");
    let left = terminal.read_all();
    assert!(left.contains("live on"), "{left}");
    assert!(left.contains("HEALTH"), "{left}");
    terminal.is_usable();
}

/// Everything that is written to the terminal while a capture full of traps is looked at from all sides, and the copies
/// that are handed to its clipboard.
#[test]
fn no_secret_and_nothing_hostile_is_drawn_or_copied() {
    for (name, traps) in [
        ("secrets", privacy::secrets()),
        ("hostile", privacy::hostile()),
    ] {
        let Some(terminal) = Terminal::open(120, 40) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let (file, raw) = (dir.path().join("c.pcap"), dir.path().join("raw"));
        std::fs::write(&file, files::pcap(1, &privacy::capture(&traps))).unwrap();
        terminal.tmux(&["pipe-pane", &format!("cat > {}", raw.display())]);
        terminal.run(&format!(
            "{WSCAP} -r {} --tui --utc; echo code=$?",
            file.display()
        ));
        terminal.wait("complete");
        for page in ["o", "a", "c", "l", "h", "?", "o"] {
            terminal.press(page);
            std::thread::sleep(Duration::from_millis(100));
        }
        terminal.press("a");
        terminal.press("Enter");
        for _ in 0..traps.len().min(20) {
            // The fix, the ticket, the end of the page, and the next one.
            for key in ["y", "Escape", "t", "y", "Escape", "G", "n"] {
                terminal.press(key);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        terminal.press("q");
        terminal.wait("code=0");
        terminal.tmux(&["pipe-pane"]);
        let raw = String::from_utf8(std::fs::read(&raw).unwrap()).expect("it is UTF-8");
        let copies: Vec<String> = raw
            .split("\x1b]52;c;")
            .skip(1)
            .map(|rest| {
                let (copy, _) = rest.split_once('\x07').unwrap();
                let copy = data_encoding::BASE64.decode(copy.as_bytes()).unwrap();
                String::from_utf8(copy).unwrap()
            })
            .collect();
        assert!(copies.len() > 3, "{name}: {} copies", copies.len());
        assert!(raw.contains("app.example"), "{name}");
        for text in copies.iter().chain([&raw]) {
            for trap in [
                privacy::NEVER,
                privacy::MASKED,
                "\u{202e}",
                "\u{2066}",
                "\u{9b}",
                "\u{200b}",
            ] {
                assert!(!text.contains(trap), "{name}: {trap:?}");
            }
            assert!(!text.contains("\x1b[31m\u{9b}"), "{name}");
        }
        assert!(copies.iter().all(|copy| !copy.contains('\x1b')), "{name}");
        // The bell rings for nobody: it ends copies only.
        assert_eq!(raw.matches('\x07').count(), copies.len(), "{name}");
    }
}
