//! What lies between the analyzing thread and the screen: it asks for a snapshot, and gets the next one there is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use super::Batch;
use crate::capture::{Input, Inputs};
use crate::cli::Config;
use crate::limits::Limit;
use crate::report;
use crate::tally::{Snapshot, Tally};
use crate::tui::{self, Feed, Heard, Setup, Update};

/// How long to wait for events before looking whether the screen has asked for something.
const PAUSE: Duration = Duration::from_millis(100);
/// Keys that may wait to be obeyed.
const KEYS: usize = 64;
/// Notices that may wait to be shown.
const NOTICES: usize = 64;

/// What both sides see: the screen has room for a snapshot.
#[derive(Debug, Default)]
pub(super) struct Wanted(AtomicBool);

/// The end that the analyzing thread holds.
pub(super) struct Window<'a> {
    wanted: &'a Wanted,
    pictures: Sender<Update>,
}

/// The end that the screen holds.
pub(super) struct Watching<'a> {
    wanted: &'a Wanted,
    pictures: Receiver<Update>,
    notices: Receiver<String>,
    keys: Sender<Heard>,
    pressed: Receiver<Heard>,
    stop: &'a AtomicBool,
    /// The end of the capture was asked for, and is the end of the screen as well.
    ends_with_it: bool,
    has_ended: bool,
    /// Notices that were shown; they are said again once the terminal is given back.
    pub(super) told: Vec<String>,
}

/// Both ends, and where the capturing thread puts what is to be said.
pub(super) fn window<'a>(
    wanted: &'a Wanted,
    stop: &'a AtomicBool,
) -> (Window<'a>, Watching<'a>, Sender<String>) {
    let (sender, pictures) = crossbeam_channel::bounded(1);
    let (notes, notices) = crossbeam_channel::bounded(NOTICES);
    let (keys, pressed) = crossbeam_channel::bounded(KEYS);
    let window = Window {
        wanted,
        pictures: sender,
    };
    let watching = Watching {
        wanted,
        pictures,
        notices,
        keys,
        pressed,
        stop,
        ends_with_it: false,
        has_ended: false,
        told: Vec::new(),
    };
    (window, watching, notes)
}

impl Window<'_> {
    /// Hands over how things stand, if that was asked for and the last picture was taken. Costs a look if not.
    pub(super) fn show(&self, tally: &Tally) {
        if !self.wanted.0.load(Ordering::Relaxed) || self.pictures.is_full() {
            return;
        }
        self.wanted.0.store(false, Ordering::Relaxed);
        match self.pictures.try_send(Update::Snapshot(tally.glance())) {
            // A slow terminal costs pictures, never data; and one that is gone wants none.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// The last picture: the screen takes it, or is gone.
    pub(super) fn end(&self, snapshot: &Arc<Snapshot>) {
        let _ = self.pictures.send(Update::Ended(Arc::clone(snapshot)));
    }

    /// The next events; nothing if the screen is to be looked after first.
    pub(super) fn wait(batches: &Receiver<Batch>) -> Result<Option<Batch>, RecvTimeoutError> {
        match batches.recv_timeout(PAUSE) {
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(over @ RecvTimeoutError::Disconnected) => Err(over),
        }
    }
}

impl Watching<'_> {
    /// Live, `-c` and `--duration` say when it is enough; a file is browsed as long as one likes.
    pub(super) fn ends_as_asked(&mut self, config: &Config) {
        let is_live = matches!(config.inputs, Inputs::Live(..));
        let is_bounded = config.count.is_some() || config.duration.is_some();
        self.ends_with_it = is_live && is_bounded;
    }
}

impl Feed for Watching<'_> {
    /// A thread reads keys and is left alone at the end: one that waits for a key cannot be woken, and one whose terminal
    /// has hung up must hold up nobody.
    fn begin(&mut self) -> io::Result<()> {
        let keys = self.keys.clone();
        let read = move || {
            while let Ok(input) = tui::listen() {
                if keys.send(input).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new()
            .name(String::from("keys"))
            .spawn(read)
            .map(|_| ())
    }

    fn input(&mut self, wait: Duration) -> Option<Heard> {
        self.pressed.recv_timeout(wait).ok()
    }

    fn ask(&mut self) {
        self.wanted.0.store(true, Ordering::Relaxed);
    }

    fn next(&mut self) -> Option<Update> {
        if let Ok(notice) = self.notices.try_recv() {
            self.told.push(notice.clone());
            self.told.truncate(NOTICES);
            return Some(Update::Notice(notice));
        }
        let update = self.pictures.try_recv().ok();
        self.has_ended |= matches!(update, Some(Update::Ended(_)));
        update
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || (self.ends_with_it && self.has_ended)
    }
}

/// What the screen is told at its start.
pub(super) fn setup(config: &Config, report: report::Options) -> Setup {
    let source = match &config.inputs {
        Inputs::Live(names, _) => format!("live on {}", names.join(", ")),
        Inputs::Files(files) => match &**files {
            [Input::Stdin] => "standard input".to_owned(),
            [file] => last_part(&file.name()),
            files => format!("{} files", files.len()),
        },
    };
    Setup {
        report,
        light: config.output.light,
        source: report::sanitize::clean(&source, 200).into_owned(),
        filter: config.filter.clone(),
        recent: config.limits.get(Limit::recent),
        groups: config.limits.get(Limit::groups),
    }
}

/// The name of a file without its folders.
fn last_part(path: &str) -> String {
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    name.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_picture_is_made_only_when_asked_for_and_taken() {
        let (wanted, stop) = (Wanted::default(), AtomicBool::new(false));
        let (window, mut watching, notes) = window(&wanted, &stop);
        let tally = Tally::new(&Limits::default());
        window.show(&tally);
        assert!(watching.next().is_none());
        watching.ask();
        window.show(&tally);
        window.show(&tally);
        assert!(matches!(watching.next(), Some(Update::Snapshot(_))));
        assert!(watching.next().is_none());
        // Not taken: nothing is made, and the wish stands.
        watching.ask();
        window.show(&tally);
        watching.ask();
        window.show(&tally);
        assert!(watching.next().is_some() && watching.next().is_none());
        window.show(&tally);
        assert!(watching.next().is_some());
        notes.send("eth0 is gone".to_owned()).unwrap();
        assert!(matches!(watching.next(), Some(Update::Notice(_))));
        assert_eq!(watching.told, ["eth0 is gone"]);
        drop(watching);
        window.end(&tally.snapshot());
    }
}
