//! From a command line to an exit code: the only file with threads and channels.
//!
//! ```text
//! capture thread: Source, Dissector ── batches of events ──▶ analyze thread: Assembler, judge, Tally, Report
//!                                                                           │ a snapshot, when asked for
//!                                                            main thread:   ▼ the screen, where there is one
//! ```
//!
//! The end of data is a closed channel. A file waits for the analyzer, so nothing is lost; live, what it cannot follow is
//! shed and counted, so the capture never waits.

mod analysis;
mod gather;
mod outbox;
mod rules;
mod screen;

use std::io::{self, BufWriter, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::capture::{self, Inputs, Source};
use crate::cli::{Config, say};
use crate::dissect::Dissector;
use crate::event::Health;
use crate::judge::{BadRules, Catalogue};
use crate::report;
use crate::tally::Tally;
use crate::tui;
use analysis::{Analysis, Outcome};
use gather::Gather;
use outbox::{Batch, Outbox};
use screen::{Wanted, Watching, Window};

pub use rules::catalogue;

/// Messages that may wait while a file is read: enough for both threads to have work, few enough to stay small.
const WAITING: usize = 16;
/// Messages that may wait live. Many of them are small, for they are sent at once; what finds no room is lost.
const WAITING_LIVE: usize = 256;
/// Buffer of standard output while nobody watches.
const OUTPUT: usize = 64 * 1024;
/// A second signal after this long is meant.
const IMPATIENCE: Duration = Duration::from_millis(500);

/// How nice the thread that judges is (nice(1)), live.
const JUDGING: i32 = 10;

type Report = report::Report<Box<dyn Write + Send>>;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ran.
    Fine,
    /// It ran, and `--fail-on` matched.
    Matched,
}

/// It could not run, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inputs.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// A file of the user's own rows cannot be read.
    #[error(transparent)]
    Text(#[from] capture::TextError),
    /// What stands in one cannot be used.
    #[error(transparent)]
    Rules(#[from] BadRules),
    /// Privileges.
    #[error(transparent)]
    Kept(#[from] capture::Kept),
    /// Signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[from] ctrlc::Error),
    /// Threads.
    #[error("cannot start a thread: {0}\nThe limit on processes may be reached: ulimit -u")]
    Spawn(io::Error),
    /// Standard output.
    #[error("cannot write the output: {0}")]
    Write(io::Error),
    /// The terminal.
    #[error(
        "cannot draw on the terminal: {0}\nWithout --tui (or with --no-tui) the same is printed as text."
    )]
    Screen(io::Error),
    /// A thread panicked.
    #[error(
        "a fault in wscap itself: its {0} thread failed, see above. Please report it, if you can with the capture."
    )]
    Panic(&'static str),
    /// Nothing could be read.
    #[error(
        "no packet could be read: {0}\nwscap reads Ethernet, Linux cooked, raw IP, loopback, PPP and netfilter log captures."
    )]
    NoKnownLink(String),
    /// Live, all interfaces are gone.
    #[error(
        "no interface is left to listen to\nStart again once it is back; -i any stays when interfaces come and go."
    )]
    NoInterfaceLeft,
}

/// Runs to the end of the input, or until told to stop.
pub fn run(config: &Config) -> Result<Exit, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    // Before anything is captured, and while a file that only root may read still can be.
    let catalogue = catalogue(&config.rules)?;
    let open = capture::open(&config.inputs, config.filter.as_deref(), &stop)?;
    // From here on no byte of a stranger is read with privileges; before any thread, for capabilities are a thread's own.
    let dropped = capture::drop_privileges(config.identity)?;
    let confined = open.confine(&capture::Needs {
        zones: config.zones.clone(),
        screen: config.output.tui,
    });
    if config.output.verbose > 0 {
        say(&format!("{dropped}\n{confined}"));
    }
    stop_on_signals(&stop)?;
    let source = open.begin()?;
    greet(config);
    let (live, comes) = (source.is_live(), source.comes());
    let ends = pump(config, &catalogue, source, &stop, &|| {
        report_to(config, live, comes)
    })?;
    warn_of_links(config, &ends.outcome.health)?;
    if ends.interrupted_by_loss {
        return Err(Error::NoInterfaceLeft);
    }
    Ok(if ends.outcome.matched {
        Exit::Matched
    } else {
        Exit::Fine
    })
}

struct Ends {
    outcome: Outcome,
    /// The live source ended by itself.
    interrupted_by_loss: bool,
}

/// Starts both threads and waits for them; meanwhile this one draws, where there is a screen.
fn pump(
    config: &Config,
    catalogue: &Catalogue,
    source: Source,
    stop: &AtomicBool,
    report: &(dyn Fn() -> Report + Sync),
) -> Result<Ends, Error> {
    let live = source.is_live();
    let (sender, receiver) = crossbeam_channel::bounded(if live { WAITING_LIVE } else { WAITING });
    let wanted = Wanted::default();
    let (window, watching, notes) = if config.output.tui {
        let (window, watching, notes) = screen::window(&wanted, stop);
        (Some(window), Some(watching), Some(notes))
    } else {
        (None, None, None)
    };
    let (ends, shown) = thread::scope(|scope| {
        // Whatever happens here, a panic among it, the threads end.
        let _over = StopOnDrop(stop);
        let analyze = thread::Builder::new()
            .name(String::from("analyze"))
            .spawn_scoped(scope, move || {
                if live {
                    stand_back();
                    catalogue.read_ahead();
                }
                // What the screen shows may be looked at as long as one likes.
                let _over = window.is_none().then(|| StopOnDrop(stop));
                let report = window.is_none().then(report);
                judge_all(
                    Analysis::new(config, catalogue, live, report),
                    &receiver,
                    window,
                )
            })
            .map_err(Error::Spawn)?;
        let capture = thread::Builder::new()
            .name(String::from("capture"))
            .spawn_scoped(scope, move || {
                let outbox = if live {
                    Outbox::shedding(sender)
                } else {
                    Outbox::Block(sender)
                };
                read(config, source, outbox, stop, notes.as_ref())
            })
            .map_err(Error::Spawn)?;
        let shown = watching.map(|watching| {
            let shown = look(config, live, watching);
            stop.store(true, Ordering::Relaxed);
            shown
        });
        let capture = capture.join().map_err(|_| Error::Panic("capture"));
        let analyze = analyze.join().map_err(|_| Error::Panic("analyze"));
        // The summary was printed whatever happened to the capture; now its fault is told.
        let outcome = analyze?.map_err(Error::Write)?;
        let ends = capture.map(|by_itself| Ends {
            outcome,
            interrupted_by_loss: by_itself && live,
        })?;
        Ok::<_, Error>((ends, shown))
    })?;
    if let Some(shown) = shown {
        print_behind(config, live, &ends.outcome, shown)?;
    }
    Ok(ends)
}

/// The screen. What was to be said meanwhile, and whether the terminal could be drawn on.
fn look(config: &Config, live: bool, mut watching: Watching<'_>) -> (Vec<String>, io::Result<()>) {
    watching.ends_as_asked(config);
    let setup = screen::setup(config, report_options(config, live, false));
    let empty = Tally::new(&config.limits).glance();
    let shown = tui::run(setup, empty, &mut watching);
    (watching.told, shown)
}

/// Once the terminal is given back: what was to be said, and the report.
fn print_behind(
    config: &Config,
    live: bool,
    outcome: &Outcome,
    (told, shown): (Vec<String>, io::Result<()>),
) -> Result<(), Error> {
    for notice in told.iter().filter(|_| !config.output.quiet) {
        say(notice);
    }
    if let Some(snapshot) = &outcome.snapshot {
        // Its terminal may be gone; that is told below.
        let printed = report_to(config, live, false).finish(snapshot);
        if shown.is_ok() {
            printed.map_err(Error::Write)?;
        }
    }
    shown.map_err(Error::Screen)
}

/// The capture thread. True if the source ended by itself.
fn read(
    config: &Config,
    mut source: Source,
    mut outbox: Outbox,
    stop: &AtomicBool,
    notes: Option<&Sender<String>>,
) -> bool {
    let comes = source.comes();
    let mut gather = Gather::new(config, source.is_live());
    let mut more = true;
    let mut heard = true;
    while more && heard && !gather.enough() && !stop.load(Ordering::Relaxed) {
        more = source.read(|item| {
            gather.take(item);
            if gather.is_batch() {
                heard &= outbox.send(gather.events());
            }
        });
        for notice in gather.take_notices() {
            match notes {
                // If there are too many to be shown, the first ones tell enough.
                Some(notes) => _ = notes.try_send(notice.to_string()),
                None if !config.output.quiet => say(&notice.to_string()),
                None => {}
            }
        }
        if gather.health_is_due() {
            gather.tell_health(&source, outbox.shed());
        }
        // Of a file nobody waits for a few events; to wake the analyzer up for them is dear.
        if comes {
            heard &= outbox.send(gather.events());
        }
    }
    source.finish(|item| gather.take(item));
    let shed = outbox.shed();
    let mut outbox = outbox.waiting(gather.events());
    while gather.finish_some() && heard {
        if gather.is_batch() {
            heard = outbox.send(gather.events());
        }
    }
    gather.tell_health(&source, shed);
    // If nobody listens, the reason is told by whoever stopped listening.
    outbox.send(gather.events());
    !more
}

/// Whatever the reason for the end, a panic among them: nobody listens to the capture any more.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where there is too little processor for all that runs, capturing goes before judging: what is captured waits in the
/// channel, what is not is lost. Who was started with less than this keeps that.
fn stand_back() {
    let _ = rustix::process::setpriority_process(None, JUDGING);
}

/// The analyzing thread.
fn judge_all(
    mut analysis: Analysis<'_, Box<dyn Write + Send>>,
    batches: &Receiver<Batch>,
    window: Option<Window<'_>>,
) -> io::Result<Outcome> {
    let Some(window) = window else {
        for batch in batches {
            if !analysis.take(batch)? {
                break;
            }
        }
        return analysis.finish();
    };
    while let Ok(batch) = Window::wait(batches) {
        analysis.take(batch.into_iter().flatten())?;
        window.show(analysis.tally());
    }
    let outcome = analysis.finish()?;
    if let Some(snapshot) = &outcome.snapshot {
        window.end(snapshot);
    }
    Ok(outcome)
}

/// The first signal ends the capture, so that the summary is printed; one that comes a while later ends wscap.
///
/// `timeout` sends its signal twice at once, which is not impatience.
fn stop_on_signals(stop: &Arc<AtomicBool>) -> Result<(), Error> {
    let stop = Arc::clone(stop);
    let mut first: Option<Instant> = None;
    #[expect(
        clippy::exit,
        reason = "whoever asks again wants no summary any more, and a thread may hang"
    )]
    #[expect(
        clippy::disallowed_methods,
        reason = "the patience of a person is no data"
    )]
    ctrlc::set_handler(move || {
        let now = Instant::now();
        if now.duration_since(*first.get_or_insert(now)) > IMPATIENCE {
            tui::give_back();
            process::exit(2);
        }
        stop.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}

fn report_to(config: &Config, live: bool, by_line: bool) -> Report {
    let options = report_options(config, live, by_line);
    let out = io::stdout();
    if config.output.json {
        // It writes some lines at a time by itself.
        report::Report::Json(report::json::JsonReport::new(Box::new(out), options))
    } else {
        let out = BufWriter::with_capacity(OUTPUT, out);
        report::Report::Text(report::text::TextReport::new(Box::new(out), options))
    }
}

/// By line where packets come in their own time; where a whole file is read at once that is a waste.
fn report_options(config: &Config, live: bool, by_line: bool) -> report::Options {
    let files = match &config.inputs {
        Inputs::Live(..) => Vec::new(),
        Inputs::Files(files) => files.iter().map(capture::Input::name).collect(),
    };
    let output = &config.output;
    let only = config.only.clone();
    report::Options {
        by_line,
        redact: output.redact,
        utc: output.utc,
        color: output.color,
        files,
        live,
        verbosity: match (output.quiet, output.verbose) {
            (true, _) => report::Verbosity::Quiet,
            (false, 0) => report::Verbosity::Normal,
            (false, _) => report::Verbosity::Verbose,
        },
        only: (!only.is_empty()).then(|| {
            report::Only::new(move |item| match item {
                report::Item::Attempt(judged) => analysis::shows(&only, judged),
                report::Item::Closing(judged) => only.closing(&judged.judgement),
            })
        }),
    }
}

fn greet(config: &Config) {
    if let Inputs::Live(names, _) = &config.inputs
        && !config.output.quiet
        && !config.output.tui
    {
        let names = names.join(", ");
        say(&format!("listening on {names}; Ctrl-C ends with a summary"));
    }
}

/// Packets of links that are not read are told; and if there were no others, it was no run at all.
fn warn_of_links(config: &Config, health: &Health) -> Result<(), Error> {
    if health.unknown_links.is_empty() {
        return Ok(());
    }
    let each: Vec<String> = health
        .unknown_links
        .iter()
        .map(|(link, count)| format!("{count} of {link}"))
        .collect();
    let each = each.join(", ");
    if health.unknown_links.values().sum::<u64>() >= health.packets {
        return Err(Error::NoKnownLink(each));
    }
    if !config.output.quiet {
        say(&format!("packets of unknown links were skipped: {each}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::{Action, Surroundings, parse};

    /// Has a fault.
    struct Panics;

    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("for a test, the analyzing thread fails here")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe that stays open: only a stop ends the thread that captures.
    #[test]
    fn a_thread_that_panics_stops_the_others_and_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let words = ["wscap", "--json", "-r", pipe.to_str().unwrap()];
        let words = words.map(OsString::from);
        let Ok(Action::Run(config)) = parse(words, &Surroundings::default()) else {
            panic!("it is to be run");
        };
        // It goes on for long enough that something is decided, and written.
        let capture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/captures/close/idle_timeout_nginx_3s.pcapng"
        );
        let capture = std::fs::read(capture).unwrap();
        let writer = std::fs::OpenOptions::new();
        let mut writer = { writer }.read(true).write(true).open(&pipe).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let open = capture::open(&config.inputs, None, &stop).unwrap();
        writer.write_all(&capture).unwrap();
        let source = open.begin().unwrap();
        let catalogue = Catalogue::embedded();
        let ends = pump(&config, catalogue, source, &stop, &|| {
            let options = report_options(&config, false, true);
            report::Report::Json(report::json::JsonReport::new(Box::new(Panics), options))
        });
        assert!(matches!(ends, Err(Error::Panic("analyze"))));
        assert!(stop.load(Ordering::Relaxed));
    }

    /// A capture that is read to its end, and a thread that fails there.
    struct Fails(io::Cursor<Vec<u8>>);

    impl io::Read for Fails {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => panic!("for a test, the capture thread fails here"),
                read => Ok(read),
            }
        }
    }

    /// Where a test reads what was written.
    #[derive(Clone, Default)]
    struct Page(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What was captured before is told, and then that it is not all.
    #[test]
    fn a_capture_thread_that_panics_is_an_error_behind_the_summary() {
        let words = ["wscap", "--json", "-r", "-"].map(OsString::from);
        let Ok(Action::Run(config)) = parse(words, &Surroundings::default()) else {
            panic!("it is to be run");
        };
        let capture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/captures/close/idle_timeout_nginx_3s.pcapng"
        );
        let capture = std::fs::read(capture).unwrap();
        let reader = Fails(io::Cursor::new(capture));
        let source = capture::open_reader(Box::new(reader)).begin().unwrap();
        let stop = AtomicBool::new(false);
        let page = Page::default();
        let ends = pump(&config, Catalogue::embedded(), source, &stop, &|| {
            let options = report_options(&config, false, true);
            report::Report::Json(report::json::JsonReport::new(
                Box::new(page.clone()),
                options,
            ))
        });
        assert!(matches!(ends, Err(Error::Panic("capture"))));
        assert!(stop.load(Ordering::Relaxed));
        let told = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let last = told.lines().last().unwrap();
        assert!(last.starts_with(r#"{"v":1,"type":"summary""#), "{told}");
    }
}
