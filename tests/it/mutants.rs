//! All captures, and hostile files of other projects, changed by chance: whatever comes of it is read, judged and reported
//! without a panic, in time, and within bounds.
//!
//! A few thousand here; a million, built with every check that costs time, by
//!
//! ```text
//! WSCAP_MUTANTS=1000000 WSCAP_CORPUS=DIR cargo test --profile hard --test it -- --nocapture mutants::
//! ```
//!
//! Which change is made depends on the seed and on the number of the mutant alone (and on the files there are).
//! `WSCAP_MUTANT=N` makes that one again, writes it into a file, and says what becomes of it.

mod anatomy;
mod change;
mod words;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::contract::{self, shape};
use crate::fuzzed::targets::limits;
use crate::fuzzed::targets::whole::{Scratch, Told};
use change::Chance;

/// What all choices begin with.
const SEED: u64 = 7;
/// How many, if nobody says.
const FEW: u64 = 2_500;
/// Processor time of one.
const MOST_TIME: Duration = Duration::from_secs(1);
/// After so long nothing will come of it any more.
const HANGS: Duration = Duration::from_secs(120);
/// Of so many one is run again, and each of its lines is looked at.
const SAMPLE: u64 = 64;
/// What the process may grow by from the first hundredth to the end, in KiB: files differ, and allocators keep what they
/// had. A leak of 100 bytes a mutant would be a hundred megabytes in a million.
const GROWTH: u64 = 48 * 1024;

/// A mutant, and how it was read.
struct Mutant {
    bytes: Vec<u8>,
    /// Which of the limits of [`limits`].
    tight: usize,
    from: String,
}

/// Captures to begin with.
struct Seeds(Vec<(PathBuf, Vec<u8>)>);

/// What is known of all so far.
#[derive(Debug, Default)]
struct Sums {
    mutants: u64,
    captures: u64,
    packets: u64,
    attempts: u64,
    closings: u64,
    held: u64,
    slowest: (Duration, u64),
}

impl Seeds {
    /// Those of the project, and those that `WSCAP_CORPUS` brings.
    fn all() -> Self {
        let mut files = Vec::new();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        for folder in ["handshake", "close", "transport"] {
            find(&own.join(folder), &mut files);
        }
        if let Some(corpus) = std::env::var_os("WSCAP_CORPUS") {
            find(&PathBuf::from(corpus).join("hostile"), &mut files);
        }
        files.sort();
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        };
        Self(files.into_iter().map(read).collect())
    }

    fn mutant(&self, number: u64) -> Mutant {
        let mut chance = Chance::new(SEED, number);
        let [one, other] = [(); 2].map(|()| chance.of(&self.0));
        Mutant {
            bytes: change::changed(&mut chance, &one.1, &other.1),
            // Half of them with nothing changed.
            tight: chance.below(4),
            from: format!("{} (and {})", one.0.display(), other.0.display()),
        }
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Processor time of this thread.
fn spent() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    Duration::from(now)
}

/// Sends a mutant through, and says what is wrong with what came out.
fn run(scratch: &mut Scratch, mutant: &Mutant, look_closely: bool) -> Result<Option<Told>, String> {
    let limits = limits(mutant.tight);
    let through = |scratch: &mut Scratch| {
        panic::catch_unwind(AssertUnwindSafe(|| scratch.through(&mutant.bytes, &limits)))
            .map_err(|why| format!("it panicked: {}", words_of(&*why)))
    };
    let began = spent();
    let told = through(scratch)?;
    let took = spent().saturating_sub(began);
    if took > MOST_TIME {
        return Err(format!("it took {took:?}"));
    }
    let Some(told) = told else { return Ok(None) };
    let lines = |kind: &str| {
        let start = format!("{{\"v\":1,\"type\":\"{kind}\"");
        let lines = told.json.split(|byte| *byte == b'\n');
        lines
            .filter(|line| line.starts_with(start.as_bytes()))
            .count() as u64
    };
    for (kind, many) in [
        ("attempt", told.attempts),
        ("closing", told.closings),
        ("health", 1),
        ("summary", 1),
    ] {
        if lines(kind) != many {
            return Err(format!("{} lines of {kind}, not {many}", lines(kind)));
        }
    }
    if told
        .text
        .iter()
        .any(|&byte| byte != b'\n' && (byte < 0x20 || byte == 0x7f))
    {
        return Err("a control character in the report".into());
    }
    if look_closely {
        let again = through(scratch)?.expect("as before");
        if told.json != again.json || told.text != again.text {
            return Err("the same bytes, another report".into());
        }
        // With limits that are reached some of what is summed up has no line of its own.
        let wrong = contract::wrong(&told.json, told.packets, mutant.tight > 1);
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        let text = String::from_utf8(told.text.clone()).map_err(|error| error.to_string())?;
        if let Some(c) = text.chars().find(|&c| c != '\n' && shape::is_unfit(c)) {
            return Err(format!("{c:?} in the report"));
        }
    }
    Ok(Some(told))
}

fn words_of(why: &(dyn std::any::Any + Send)) -> &str {
    let text = why.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| why.downcast_ref::<&str>().copied())
        .unwrap_or("?")
}

/// The most memory that this process ever had, in KiB.
fn high_water() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let mark = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    mark.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Runs so many, on as many threads as there are processors.
fn run_all(count: u64) {
    let seeds = Seeds::all();
    let workers = thread::available_parallelism().unwrap().get();
    let next = AtomicU64::new(0);
    let at: Vec<AtomicU64> = (0..workers).map(|_| AtomicU64::new(0)).collect();
    let over = AtomicUsize::new(0);
    let sums = Mutex::new(Sums::default());
    let wrong = Mutex::new(Vec::new());
    let mut warm = None;
    let began = Instant::now();
    thread::scope(|scope| {
        for at in &at {
            let (next, over, sums, wrong, seeds) = (&next, &over, &sums, &wrong, &seeds);
            scope.spawn(move || {
                let mut scratch = Scratch::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    at.store(number, Ordering::Relaxed);
                    let mutant = seeds.mutant(number);
                    let began = spent();
                    let told = run(&mut scratch, &mutant, number % SAMPLE == 0);
                    let took = spent().saturating_sub(began);
                    let mut sums = sums.lock().unwrap();
                    sums.slowest = sums.slowest.max((took, number));
                    match told {
                        Ok(told) => sums.take(told.as_ref()),
                        Err(what) => {
                            let mut wrong = wrong.lock().unwrap();
                            let from = mutant.from;
                            wrong.push(format!("seed {SEED}, mutant {number}, of {from}: {what}"));
                            if wrong.len() >= 20 {
                                next.store(count, Ordering::Relaxed);
                            }
                        }
                    }
                }
                over.fetch_add(1, Ordering::Relaxed);
            });
        }
        // Who hangs cannot say so.
        let mut seen: Vec<(u64, Instant)> = vec![(u64::MAX, Instant::now()); workers];
        while over.load(Ordering::Relaxed) < workers {
            thread::sleep(Duration::from_millis(200));
            if warm.is_none() && next.load(Ordering::Relaxed) > count / 100 {
                warm = Some(high_water());
            }
            for (at, seen) in at.iter().zip(&mut seen) {
                let number = at.load(Ordering::Relaxed);
                if seen.0 != number {
                    *seen = (number, Instant::now());
                }
                if seen.1.elapsed() > HANGS && over.load(Ordering::Relaxed) == 0 {
                    eprintln!("seed {SEED}, mutant {number}: it hangs");
                    std::process::abort();
                }
            }
        }
    });
    let (warm, peak) = (warm.unwrap_or_default(), high_water());
    println!(
        "mutants of {} files, seed {SEED}, in {:?}: {:?}; peak memory {peak} KiB, {warm} KiB after the first hundredth",
        seeds.0.len(),
        began.elapsed(),
        sums.lock().unwrap()
    );
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sums = sums.into_inner().unwrap();
    assert_eq!(sums.mutants, count);
    assert!(sums.captures > count / 2, "most are still captures");
    assert!(sums.attempts > sums.captures / 2, "and hold attempts");
    // Other tests share the process where there are only a few.
    if count > 100_000 {
        assert!(peak < warm + GROWTH, "it grows");
    }
}

impl Sums {
    fn take(&mut self, told: Option<&Told>) {
        self.mutants += 1;
        let Some(told) = told else { return };
        self.captures += 1;
        self.packets += told.packets;
        self.attempts += told.attempts;
        self.closings += told.closings;
        self.held = self.held.max(told.held);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn captures_that_were_changed_in_any_way_are_read_in_time_and_within_bounds() {
    if let Some(only) = number("WSCAP_MUTANT") {
        let mutant = Seeds::all().mutant(only);
        let path = std::env::temp_dir().join(format!("wscap-mutant-{only}"));
        fs::write(&path, &mutant.bytes).unwrap();
        println!(
            "{} of {}, limits {}",
            path.display(),
            mutant.from,
            mutant.tight
        );
        let began = spent();
        let told = run(&mut Scratch::new(), &mutant, true);
        println!("took {:?}", spent().saturating_sub(began));
        told.unwrap();
        return;
    }
    run_all(number("WSCAP_MUTANTS").unwrap_or(FEW));
}

/// The same number makes the same mutant, and most numbers make another.
#[test]
fn a_mutant_can_be_made_again() {
    let seeds = Seeds::all();
    let mut changed = 0;
    for number in 0..200 {
        let [one, again] = [(); 2].map(|()| seeds.mutant(number));
        assert_eq!(one.bytes, again.bytes, "{number}");
        changed += u32::from(seeds.0.iter().all(|(_, bytes)| *bytes != one.bytes));
    }
    assert!(changed > 150, "{changed}");
}

/// The checks themselves: what is wrong is seen, and where it is.
#[test]
fn what_is_said_of_the_parts_of_a_capture_is_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let bytes = fs::read(root.join("close/1010_extension_removed_by_haproxy.pcapng")).unwrap();
    let anatomy = anatomy::Anatomy::of(&bytes);
    assert!(anatomy.packets.len() > 10);
    let requests = anatomy.packets.iter().filter(|packet| {
        let tcp = packet.tcp.as_ref();
        tcp.is_some_and(|tcp| bytes[tcp.payload.clone()].starts_with(b"GET "))
    });
    assert_eq!(requests.count(), 2, "one on each leg");
    for length in &anatomy.lengths {
        assert!(length.at + length.size <= bytes.len());
    }
}
