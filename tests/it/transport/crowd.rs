//! Ten thousand recorded healthy attempts at one time on one proxy host, with whatever a network does to packets: nobody is
//! accused, and each is counted once.
//!
//! Every healthy capture is played many times: with keys, ports and sequence numbers of its own each time, so that nothing
//! but what the software really sends tells the attempts apart. Addresses, targets and fields stay: to one proxy, from one
//! client, for one path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use data_encoding::BASE64;
use wscap::attempt::Role;
use wscap::judge::Verdict;
use wscap::time::Timestamp;
use wscap::websocket::accept_for;

use super::loss::accuses;
use super::told::{Told, tell};
use super::{Capture, packets};
use crate::support::{OwnedRecord, mischief};

/// The key of RFC 6455, which probes have in common.
const SAMPLE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What was made, and what was told of it.
#[derive(Default)]
pub(super) struct Count {
    pub(super) attempts: usize,
    verdicts: BTreeMap<&'static str, usize>,
    path_legs: usize,
    pub(super) accused: Vec<String>,
}

impl Count {
    pub(super) fn of(told: &[Told]) -> Self {
        let mut count = Self::default();
        for one in told {
            count.attempts += 1;
            *count.verdicts.entry(one.verdict.name()).or_default() += 1;
            count.path_legs += one.roles.iter().filter(|role| **role == Role::Path).count();
            if accuses(one) {
                count.accused.push(one.to_string());
            }
        }
        count
    }

    fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.path_legs += other.path_legs;
        for (verdict, n) in &other.verdicts {
            *self.verdicts.entry(verdict).or_default() += n;
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attempts {:?}, {} legs on the path, {} accused",
            self.attempts,
            self.verdicts,
            self.path_legs,
            self.accused.len()
        )
    }
}

/// Captures of more attempts than this are crowds themselves: with them no port would be free that is not in use.
const CROWDED: usize = 3;

/// Nothing was wrong when it was recorded, and no crowd was there.
pub(super) fn is_healthy(capture: &Capture) -> bool {
    let fine = |one: &Told| matches!(one.verdict, Verdict::Ok | Verdict::Abandoned);
    // A gateway's client leg is fine where its upstream is not: seen alone, that one was refused.
    let is_gateway = capture.name.contains("gateway_");
    (1..=CROWDED).contains(&capture.told.len()) && capture.told.iter().all(fine) && !is_gateway
}

/// The captures, each played so many times within so many seconds; and what should be told of all.
pub(super) fn play(
    captures: &[Capture],
    times: u64,
    seconds: u64,
    lost_in_1000: u64,
) -> (Vec<OwnedRecord>, Count) {
    let mut chance = Chance(0x5eed + lost_in_1000);
    let mut ports = BTreeSet::new();
    let mut all: Vec<OwnedRecord> = Vec::new();
    let mut expected = Count::default();
    for capture in captures {
        let once = Count::of(&capture.told);
        let every = seconds * 1_000_000_000 / times;
        for time in 0..times {
            expected.add(&once);
            let records = with_own_keys(&capture.records, &mut chance);
            let records = with_own_ports(&records, &mut ports, &mut chance);
            let records = packets::wrap(&records, chance.below(1 << 31));
            let records = mischiefs(&records, &mut chance);
            let start = time * every + chance.below::<u64>(every / 2);
            let kept = records
                .into_iter()
                .filter(|_| chance.below::<u64>(1000) >= lost_in_1000);
            all.extend(moved(kept.collect(), start));
        }
    }
    all.sort_by_key(|record| record.at.ts);
    for (frame, record) in (1..).zip(&mut all) {
        record.at.frame = frame;
    }
    (all, expected)
}

pub(super) fn told_of(records: &[OwnedRecord]) -> Count {
    Count::of(&tell(records))
}

/// Every handshake gets a key of its own, and the accept that belongs to it.
fn with_own_keys(records: &[OwnedRecord], chance: &mut Chance) -> Vec<OwnedRecord> {
    const FIELD: &str = "sec-websocket-key: ";
    const KEY: usize = 24;
    let mut others: BTreeMap<String, String> = BTreeMap::new();
    for record in records {
        let text = String::from_utf8_lossy(&record.data).into_owned();
        let Some(at) = text.to_ascii_lowercase().find(FIELD) else {
            continue;
        };
        let key = text.get(at + FIELD.len()..at + FIELD.len() + KEY);
        let is_key = |key: &&str| *key != SAMPLE && BASE64.decode(key.as_bytes()).is_ok();
        if let Some(key) = key.filter(is_key) {
            let mut bytes = [0; 16];
            bytes.fill_with(|| chance.below(256));
            let other = BASE64.encode(&bytes);
            others.insert(accept_for(key), accept_for(&other));
            others.insert(key.to_owned(), other);
        }
    }
    let mut records = records.to_vec();
    for record in &mut records {
        for (old, new) in &others {
            let found = record
                .data
                .windows(old.len())
                .position(|window| window == old.as_bytes());
            if let Some(at) = found {
                record.data[at..at + old.len()].copy_from_slice(new.as_bytes());
            }
        }
    }
    records
}

/// Every connection gets a port of its own on the client's side.
fn with_own_ports(
    records: &[OwnedRecord],
    taken: &mut BTreeSet<u16>,
    chance: &mut Chance,
) -> Vec<OwnedRecord> {
    const FIRST: u16 = 32_768;
    let mut own: BTreeMap<u16, u16> = BTreeMap::new();
    let mut records = records.to_vec();
    for record in &mut records {
        let tcp = packets::look(record).unwrap().tcp;
        for at in [tcp, tcp + 2] {
            let port = u16::from_be_bytes([record.data[at], record.data[at + 1]]);
            if port < FIRST {
                continue;
            }
            let other = *own.entry(port).or_insert_with(|| {
                if taken.len() > 20_000 {
                    // They come round again, as on a real host.
                    taken.clear();
                }
                loop {
                    let port = FIRST + chance.below::<u16>(28_000);
                    if taken.insert(port) {
                        return port;
                    }
                }
            });
            record.data[at..at + 2].copy_from_slice(&other.to_be_bytes());
        }
    }
    records
}

/// What a network does without losing anything.
fn mischiefs(records: &[OwnedRecord], chance: &mut Chance) -> Vec<OwnedRecord> {
    let all: Vec<usize> = (0..records.len()).collect();
    match chance.below::<u8>(8) {
        0 => mischief::resegment(records, 7),
        1 => mischief::resegment(records, 60),
        2 => {
            let smaller = mischief::resegment(records, 40);
            let order = packets::order(&smaller, chance.below(1000));
            mischief::reorder(&smaller, &order)
        }
        3 => mischief::reorder(records, &packets::raced(records, 1)),
        4 => mischief::duplicate(records, &all),
        5 => mischief::overlap(records, 9),
        _ => records.to_vec(),
    }
}

/// So many nanoseconds after the crowd began.
fn moved(mut records: Vec<OwnedRecord>, start: u64) -> Vec<OwnedRecord> {
    let begin = Timestamp::from_secs(1_700_000_000, 0).as_nanos() + start.cast_signed();
    let Some(first) = records.iter().map(|record| record.at.ts.as_nanos()).min() else {
        return records;
    };
    for record in &mut records {
        record.at.ts = Timestamp::from_nanos(record.at.ts.as_nanos() - first + begin);
    }
    records
}

/// Chance that is the same every time (splitmix64).
struct Chance(u64);

impl Chance {
    fn below<N: TryFrom<u64>>(&mut self, limit: u64) -> N {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (mixed ^ (mixed >> 31)) % limit.max(1);
        N::try_from(number).ok().expect("below the limit, it fits")
    }
}
