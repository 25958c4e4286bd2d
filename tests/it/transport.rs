//! No verdict is wrong because of transport: every recorded capture is taken through what networks and captures do to
//! packets. What loses no byte changes nothing; what loses bytes leads to silence, never to a new accusation.

mod crowd;
mod known;
mod loss;
mod nat;
pub(crate) mod packets;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wscap::judge::FindingId;

use self::loss::{Damage, Whole};
use self::nat::{Nat, Order};
use self::told::{Told, tell};
use crate::support::OwnedRecord;
use crate::support::mischief::{self, Wrap};

/// Each packet is lost in turn only where there are no more than this.
const FEW: usize = 60;
/// Of ends, files with more packets are left out unless `WSCAP_THOROUGH` is set: what is done to them grows with their
/// square, and the shorter ones end in the same ways.
const SHORT: usize = 100;
/// Files with more bytes of payload are cut into larger segments than of one byte.
const SMALL: usize = 3_000;
/// Damaged already, so that nothing whole is there to compare with.
const DAMAGED: &[&str] = &[
    "transport/snap_length_96",
    "transport/one_direction_only",
    "transport/begun_after_the_101",
];

/// A capture as recorded.
#[derive(Clone)]
struct Capture {
    name: String,
    /// As plain Ethernet frames.
    records: Vec<OwnedRecord>,
    told: Vec<Told>,
}

/// What went wrong, and how much was tried.
struct Tried {
    test: &'static str,
    cases: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    weaknesses: Mutex<BTreeSet<usize>>,
}

impl Tried {
    fn new(test: &'static str) -> Self {
        Self {
            test,
            cases: AtomicUsize::default(),
            wrong: Mutex::default(),
            weaknesses: Mutex::default(),
        }
    }

    fn case(&self, capture: &Capture, how: &str, wrong: &[String]) {
        self.cases.fetch_add(1, Ordering::Relaxed);
        let mut all = self.wrong.lock().unwrap();
        for what in wrong {
            match known::known(self.test, &capture.name, how, what) {
                Some(weakness) => _ = self.weaknesses.lock().unwrap().insert(weakness),
                None => all.push(format!("{} {how}: {what}", capture.name)),
            }
        }
    }

    fn conclude(self) {
        let name = self.test;
        let mut wrong = self.wrong.into_inner().unwrap();
        wrong.extend(known::overcome(
            name,
            &self.weaknesses.into_inner().unwrap(),
        ));
        wrong.sort();
        let cases = self.cases.into_inner();
        assert!(
            wrong.is_empty(),
            "{name}: {} of {cases} cases are wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        println!("{name}: {cases} cases, all as they must be");
        assert!(cases > 1_000, "only {cases} cases");
    }
}

#[test]
fn what_loses_no_byte_changes_nothing() {
    let tried = Tried::new("lossless");
    for_each_capture(|capture| {
        for (how, records) in lossless(&capture.records) {
            let told = tell(&records);
            let wrong = differences(&capture.told, &told);
            tried.case(capture, &how, &wrong);
        }
    });
    tried.conclude();
}

/// Precision and recall on healthy traffic: nobody is accused, and each attempt is counted once.
#[test]
fn ten_thousand_healthy_attempts_at_one_time_are_all_told_as_such() {
    let healthy = Mutex::new(Vec::new());
    for_each_capture(|capture| {
        if crowd::is_healthy(capture) {
            healthy.lock().unwrap().push(capture.clone());
        }
    });
    let mut healthy = healthy.into_inner().unwrap();
    healthy.sort_by(|a, b| a.name.cmp(&b.name));
    // Of the row of three proxies one has the address that elsewhere is the backend's: they stand on a host of their own.
    let (chains, one_proxy): (Vec<_>, Vec<_>) = healthy
        .into_iter()
        .partition(|capture| capture.name.contains("chain_"));
    let mut all = 0;
    for (captures, times) in [(one_proxy, 50), (chains, 100)] {
        let (records, expected) = crowd::play(&captures, times, 600, 0);
        let told = crowd::told_of(&records);
        println!("{} packets of {} captures", records.len(), captures.len());
        println!("expected: {expected}\ntold:     {told}");
        println!("accused: {:#?}", told.accused);
        assert_eq!(told.to_string(), expected.to_string());
        all += expected.attempts;

        let (records, expected) = crowd::play(&captures, times, 600, 5);
        let told = crowd::told_of(&records);
        println!("5 of 1000 packets lost: {told}");
        // A leg that is left alone says what it says, at most `likely`; but no proxy may be named by it.
        let is_named = |one: &&String| !one.contains(" hop -");
        let named: Vec<&String> = told.accused.iter().filter(is_named).collect();
        assert!(named.is_empty(), "{named:#?}");
        all += expected.attempts;
    }
    println!("{all} attempts");
    assert!(all >= 10_000);
}

#[test]
fn lost_bytes_accuse_nobody() {
    let tried = Tried::new("lossy");
    for_each_capture(|capture| {
        let whole = Whole::new(&capture.records, &capture.told);
        for damage in lossy(&capture.records) {
            let told = tell(&damage.left);
            let wrong = whole.judge(&damage, &told);
            tried.case(capture, &damage.how, &wrong);
            let told = tell(&packets::redirected(&damage.left));
            let wrong = whole.judge(&damage, &told);
            tried.case(capture, &format!("{} and redirected", damage.how), &wrong);
        }
    });
    tried.conclude();
}

#[test]
fn other_addresses_show_nothing_new() {
    let tried = Tried::new("views");
    for_each_capture(|capture| {
        for nat in Nat::ALL {
            for order in [Order::After, Order::InFiles, Order::Travelling] {
                for views in 1..=3 {
                    let told = tell(&nat::translated(&capture.records, nat, views, order));
                    let how = format!("{nat:?} {order:?} in {} views", views + 1);
                    tried.case(capture, &how, &differences(&capture.told, &told));
                }
            }
        }
        // The other view is the one that is seen first, so that it is the one that is told of.
        let rewritten = tell(&nat::only(&capture.records, Nat::Rewritten));
        let first = nat::translated(&capture.records, Nat::Rewritten, 1, Order::Before);
        let wrong = differences(&rewritten, &tell(&first));
        tried.case(capture, "rewritten view first", &wrong);
        for nat in [Nat::Destination, Nat::Source, Nat::Both] {
            let first = nat::translated(&capture.records, nat, 1, Order::Before);
            let wrong = differences(&nameless(&capture.told), &nameless(&tell(&first)));
            tried.case(capture, &format!("{nat:?} view first"), &wrong);
        }
    });
    tried.conclude();
}

#[test]
fn one_whole_view_is_enough() {
    let tried = Tried::new("one view whole");
    for_each_capture(|capture| {
        if capture.records.len() > FEW {
            return;
        }
        for nat in [Nat::Destination, Nat::Source] {
            let all = nat::translated(&capture.records, nat, 1, Order::Travelling);
            let has_views =
                |&place: &usize| !nat::stays_on_its_host(&packets::look(&all[place]).unwrap());
            for place in (0..all.len()).filter(has_views) {
                // Where anything was lost, nobody is said to have answered by itself.
                let unsaid = |told: &[Told]| {
                    let mut told = nameless(told);
                    for one in &mut told {
                        one.findings.retain(|id| *id != FindingId::AnsweredByProxy);
                    }
                    told
                };
                let told = unsaid(&tell(&mischief::lose(&all, &[place])));
                let mut wrong = differences(&unsaid(&capture.told), &told);
                if !wrong.is_empty() {
                    // The damaged view may be of no use, but does no harm.
                    let flow = packets::look(&all[place]).unwrap().flow();
                    let left = packets::without(&all, &BTreeSet::from([flow]));
                    if differences(&nameless(&tell(&left)), &told).is_empty() {
                        wrong.clear();
                    }
                }
                wrong.retain(|what| !(what.starts_with("`unknown ") && what.ends_with("is new")));
                let how = format!("{nat:?} without packet {}", place + 1);
                tried.case(capture, &how, &wrong);
            }
        }
    });
    tried.conclude();
}

/// Everything a network may do without losing anything.
fn lossless(records: &[OwnedRecord]) -> Vec<(String, Vec<OwnedRecord>)> {
    let mut cases = vec![("as recorded".to_owned(), records.to_vec())];
    let mut add = |how: String, records| cases.push((how, records));
    for (seed, size) in (0..).zip([9, 9, 40, 40, 120, 120, 1448]) {
        let smaller = mischief::resegment(records, size);
        let order = packets::order(&smaller, seed);
        add(
            format!("in segments of {size} in another order"),
            mischief::reorder(&smaller, &order),
        );
    }
    for odd in 0..2 {
        let order = packets::raced(records, odd);
        add(
            format!("raced by {odd}"),
            mischief::reorder(records, &order),
        );
    }
    let all: Vec<usize> = (0..records.len()).collect();
    add("twice".into(), mischief::duplicate(records, &all));
    let some: Vec<usize> = all.iter().copied().step_by(3).collect();
    add("some twice".into(), mischief::duplicate(records, &some));
    let payload: usize = records
        .iter()
        .filter_map(packets::look)
        .map(|seen| seen.payload)
        .sum();
    let size = if payload <= SMALL { 1 } else { 13 };
    for size in [size, 40, 200] {
        let smaller = mischief::resegment(records, size);
        add(format!("in segments of {size}"), smaller.clone());
        add(
            format!("in segments of {size} that overlap"),
            mischief::overlap(&smaller, size.div_ceil(2)),
        );
    }
    let halves = packets::redirected(records);
    for odd in 0..2 {
        let order = packets::raced(records, odd);
        let raced = mischief::reorder(&halves, &order);
        add(format!("redirected and raced by {odd}"), raced);
    }
    add("redirected".into(), halves);
    for bytes in [1, 50, 4_000] {
        add(
            format!("overlapping by {bytes}"),
            mischief::overlap(records, bytes),
        );
    }
    for before in [1, 2, 100, 400] {
        add(
            format!("wrapping after {before}"),
            packets::wrap(records, before),
        );
    }
    // A datagram of more fragments than the limit is dropped, and rightly.
    let longest = records.iter().map(|record| record.data.len()).max();
    let least = longest.unwrap_or_default() / 200;
    for size in [24, 64, 256].into_iter().filter(|&size| size >= least) {
        add(
            format!("fragments of {size}"),
            mischief::fragment(records, size),
        );
    }
    for wrap in Wrap::ALL {
        add(format!("in {wrap:?}"), mischief::encapsulate(records, wrap));
    }
    cases
}

/// Everything that is lost in a case of its own.
fn lossy(records: &[OwnedRecord]) -> Vec<Damage> {
    let mut cases: Vec<Damage> = [96, 128]
        .into_iter()
        .map(|len| Damage::cut(records, len))
        .collect();
    cases.extend(Damage::one_way(records));
    if records.len() > FEW {
        return cases;
    }
    for place in 0..records.len() {
        cases.push(Damage::lost(records, place));
        cases.push(Damage::burst(records, place));
        cases.push(Damage::begun(records, place + 1));
        cases.push(Damage::ended(records, place));
    }
    cases
}

/// Both must tell of the same attempts, whatever was decided first.
fn differences(before: &[Told], after: &[Told]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left: Vec<&Told> = after.iter().collect();
    for one in before {
        if let Some(at) = left.iter().position(|other| *other == one) {
            left.remove(at);
            continue;
        }
        let other = left.iter().position(|other| other.flows == one.flows);
        let other = other.map(|at| left.remove(at).to_string());
        let other = other.unwrap_or_else(|| "nothing".into());
        wrong.push(format!("`{one}` is now `{other}`"));
    }
    wrong.extend(left.iter().map(|other| format!("`{other}` is new")));
    wrong
}

fn nameless(told: &[Told]) -> Vec<Told> {
    told.iter().map(Told::nameless).collect()
}

/// Runs a check for each file, on all cores.
fn for_each_capture(check: impl Fn(&Capture) + Sync) {
    let files = files();
    let is_thorough = std::env::var_os("WSCAP_THOROUGH").is_some();
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let recorded = packets::recorded(path);
                    if name.starts_with("close/") && recorded.len() > SHORT && !is_thorough {
                        continue;
                    }
                    let capture = Capture {
                        name: name.clone(),
                        records: packets::plain(&recorded),
                        told: tell(&recorded),
                    };
                    check(&capture);
                }
            });
        }
    });
}

fn files() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut all = BTreeMap::new();
    for folder in ["handshake", "close", "transport"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_string_lossy();
            let name = format!("{folder}/{}", file.split('.').next().unwrap());
            if !DAMAGED.contains(&name.as_str()) {
                all.insert(name, path);
            }
        }
    }
    assert!(all.len() > 100, "only {} captures", all.len());
    all.into_iter().collect()
}
