//! The whole way of a capture, in one thread and without a process: reader, dissector, assembler, judge, tally, and both
//! reports. What must hold of any bytes is asserted on the way.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wscap::attempt::{Assembler, Output};
use wscap::capture::{self, Inputs, Item};
use wscap::dissect::Dissector;
use wscap::event::{Event, Health};
use wscap::judge::{self, Catalogue, JudgedAttempt, JudgedClosing};
use wscap::limits::Limits;
use wscap::report::json::JsonReport;
use wscap::report::text::TextReport;
use wscap::report::{Options, Verbosity};
use wscap::tally::Tally;
use wscap::time::Timestamp;

/// A file that has no name, written again and again.
pub(crate) struct Scratch(File);

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Lines of `--json`.
    pub(crate) json: Vec<u8>,
    /// The report for people.
    pub(crate) text: Vec<u8>,
    /// Records that were read.
    pub(crate) packets: u64,
    pub(crate) attempts: u64,
    pub(crate) closings: u64,
    /// Most bytes of buffers at any time.
    pub(crate) held: u64,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wscap-scratch-{}-{count}", std::process::id());
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let path = folder.join(name);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        let file = options.open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Self(file)
    }

    /// These bytes, opened as a capture; the error if that is what they are told to be.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> Result<capture::Source, capture::Error> {
        self.0.set_len(0).unwrap();
        self.0.seek(SeekFrom::Start(0)).unwrap();
        self.0.write_all(bytes).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        let inputs = Inputs::Files(vec![capture::Input::Path(path)]);
        let stop = Arc::new(AtomicBool::new(false));
        capture::open(&inputs, None, &stop)?.begin()
    }

    /// Sends the bytes the whole way. Nothing if they are no capture.
    pub(crate) fn through(&mut self, bytes: &[u8], limits: &Limits) -> Option<Told> {
        let mut source = match self.open(bytes) {
            Ok(source) => source,
            Err(error) => {
                let told = error.to_string();
                assert!((1..=2).contains(&told.lines().count()), "{told}");
                return None;
            }
        };
        let (mut json, mut text) = (Vec::new(), Vec::new());
        let mut way = Way::new(limits, &mut json, &mut text);
        let mut more = true;
        while more {
            more = source.read(|item| way.take(item));
        }
        source.finish(|item| way.take(item));
        let told = way.finish(&source);
        Some(Told { json, text, ..told })
    }
}

/// Everything behind the reader.
struct Way<'a> {
    dissector: Dissector,
    assembler: Assembler,
    tally: Tally,
    events: Vec<Event>,
    outputs: Vec<Output>,
    last_frame: u64,
    told: Told,
    json: JsonReport<&'a mut Vec<u8>>,
    text: TextReport<&'a mut Vec<u8>>,
}

impl<'a> Way<'a> {
    fn new(limits: &Limits, json: &'a mut Vec<u8>, text: &'a mut Vec<u8>) -> Self {
        let options = Options {
            utc: true,
            verbosity: Verbosity::Verbose,
            ..Options::default()
        };
        Self {
            dissector: Dissector::new(limits, false),
            assembler: Assembler::new(limits),
            tally: Tally::new(limits),
            events: Vec::new(),
            outputs: Vec::new(),
            last_frame: 0,
            told: Told::default(),
            json: JsonReport::new(json, options.clone()),
            text: TextReport::new(text, options),
        }
    }

    fn take(&mut self, item: Item<'_>) {
        match item {
            Item::Records(records) => {
                for record in records {
                    assert!(record.at.frame > self.last_frame, "frames are counted up");
                    self.last_frame = record.at.frame;
                }
                self.told.packets += records.len() as u64;
                self.dissector.push_all(records, &mut self.events);
                let budget = self.dissector.budget();
                assert!(budget.used() <= budget.limit(), "more than the budget");
                self.told.held = self.told.held.max(budget.used());
            }
            Item::Interface {
                source,
                iface,
                name,
            } => self.events.push(Event::Interface {
                source,
                iface,
                name,
            }),
            Item::Notice(notice) => {
                let told = notice.to_string();
                assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{told}");
            }
            Item::Tick(_) => unreachable!("a file has no clock"),
        }
        self.judge();
    }

    fn judge(&mut self) {
        for event in self.events.drain(..) {
            self.assembler.push(event, &mut self.outputs);
        }
        self.report();
    }

    fn report(&mut self) {
        let catalogue = Catalogue::embedded();
        for output in self.outputs.drain(..) {
            match output {
                Output::Attempt(attempt) => {
                    self.told.attempts += 1;
                    let judged = Arc::new(JudgedAttempt {
                        judgement: judge::attempt(&attempt, catalogue),
                        attempt,
                    });
                    self.tally.attempt(&judged);
                    self.json.attempt(&judged).unwrap();
                    self.text.attempt(&judged).unwrap();
                }
                Output::Closing(closing) => {
                    self.told.closings += 1;
                    let judged = Arc::new(JudgedClosing {
                        judgement: judge::closing(&closing, catalogue),
                        closing,
                    });
                    self.tally.closing(&judged);
                    self.json.closing(&judged).unwrap();
                    self.text.closing(&judged).unwrap();
                }
                Output::Health(health) => self.tally.health(&health),
                Output::Interface {
                    source,
                    iface,
                    name,
                } => {
                    self.tally.interface(source, iface, &name);
                    self.json.interface(source, iface, &name);
                }
                Output::Progress { now, .. } if now == Timestamp::MIN => {}
                Output::Progress { now, pending, open } => self.tally.progress(now, pending, open),
            }
        }
    }

    fn finish(mut self, source: &capture::Source) -> Told {
        self.dissector.finish(&mut self.events);
        assert_eq!(
            self.dissector.budget().used(),
            0,
            "what was charged is given back"
        );
        let mut health: Health = self.dissector.health();
        assert_eq!(health.packets, self.told.packets);
        (health.kernel_drops, health.iface_drops) = source.drops();
        self.events.push(Event::Health(Box::new(health)));
        self.judge();
        self.assembler.finish(&mut self.outputs);
        self.report();
        let snapshot = self.tally.snapshot();
        self.json.finish(&snapshot).unwrap();
        self.text.finish(&snapshot).unwrap();
        self.told
    }
}
