//! What passes by the short way is told as if each packet had gone the long way.
//!
//! A packet that comes from another interface than the one before it on its side goes the long way. So the same packets,
//! each from an interface of its own, must give the same facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use wscap::dissect::Dissector;
use wscap::event::{Event, Fact, Frames};
use wscap::flow::{ConnId, Direction};
use wscap::limits::Limits;
use wscap::record::LinkType;
use wscap::time::{Stamp, Timestamp};

use crate::support::OwnedRecord;
use crate::transport::packets::recorded;

/// The first frame of a side is told at once when it comes so soon after the 101.
const UNSETTLED: Duration = Duration::from_secs(2);

/// Frames of one connection that were told, but not yet with a fact that they must come before.
#[derive(Default)]
struct Pending {
    opened: Option<Timestamp>,
    told: bool,
    frames: Frames,
    began: [Option<Timestamp>; 2],
}

impl Pending {
    fn add(&mut self, frames: &Frames) {
        self.told = true;
        self.frames.client.add(&frames.client);
        self.frames.server.add(&frames.server);
        for (mine, last) in self.frames.last.iter_mut().zip(frames.last) {
            *mine = last.or(*mine);
        }
        for (mine, began) in self.began.iter_mut().zip(frames.began) {
            *mine = began.or(*mine);
        }
        let (last, client, server) = (self.frames.last, self.frames.client, self.frames.server);
        self.frames = Frames {
            client,
            server,
            last,
            began: [None; 2],
            ..frames.clone()
        };
    }

    /// What is to be told before a fact.
    fn before(&mut self, fact: &Fact, words: &mut Vec<String>) {
        let is_gap = matches!(fact, Fact::Gap { .. });
        let is_end = matches!(
            fact,
            Fact::Close { .. }
                | Fact::Fin { .. }
                | Fact::Retransmitting { .. }
                | Fact::Ended { .. }
        );
        let began = std::mem::take(&mut self.began);
        match began {
            [None, None] => {}
            began if is_gap || is_end => words.push(format!("began {began:?}")),
            began => self.began = began,
        }
        if is_end && std::mem::take(&mut self.told) {
            words.push(format!("{:?}", self.frames));
            (self.frames.client, self.frames.server) = Default::default();
        }
    }
}

/// All facts with their times and frames, but without interfaces. Of frames it is told how many came before what they must
/// come before, and not in how many facts that was said, and of what shows the first, whatever can still be of use.
pub(crate) fn facts(records: &[OwnedRecord]) -> Vec<String> {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for record in records {
        dissector.push(&record.record(), &mut events);
    }
    dissector.finish(&mut events);
    let mut all: BTreeMap<ConnId, Pending> = BTreeMap::new();
    let mut words = Vec::new();
    for event in &events {
        let Event::Conn { conn, at, fact } = event else {
            continue;
        };
        let pending = all.entry(*conn).or_default();
        let mut fact = fact.clone();
        if let Fact::Close { dir, alone, .. } = &mut fact
            && let Some(len) = alone.take()
        {
            pending.told = true;
            let counts = match dir {
                Direction::ToServer => &mut pending.frames.client,
                Direction::ToClient => &mut pending.frames.server,
            };
            counts.close += 1;
            counts.bytes += u64::from(len);
        }
        let fact = &fact;
        pending.before(fact, &mut words);
        match fact {
            Fact::SeenOn { .. } => continue,
            Fact::Frames(frames) => {
                pending.add(frames);
                continue;
            }
            Fact::FirstBytes { .. } | Fact::Used
                if pending
                    .opened
                    .is_some_and(|at_101| at.ts >= at_101.after(UNSETTLED)) =>
            {
                continue;
            }
            Fact::Response(_) | Fact::MidStream(_) => pending.opened = Some(at.ts),
            _ => {}
        }
        words.push(format!(
            "{conn:?} {:?} #{} {}",
            at.ts,
            at.frame,
            unplaced(&format!("{fact:?}"))
        ));
    }
    words
}

/// From an interface of its own each, so that none takes the short way.
pub(crate) fn apart(records: &[OwnedRecord]) -> Vec<OwnedRecord> {
    let mut apart = records.to_vec();
    for (iface, record) in (0_u16..).zip(&mut apart) {
        record.at.iface = iface;
    }
    apart
}

/// A cooked header names an interface of its own, so it becomes one of Ethernet.
fn uncooked(record: &OwnedRecord) -> OwnedRecord {
    let mut record = record.clone();
    if record.link == LinkType::LINUX_SLL2 {
        record.at.iface = Stamp::COOKED | u16::from_be_bytes([record.data[6], record.data[7]]);
        let kind = [record.data[0], record.data[1]];
        record
            .data
            .splice(..20, [[0; 12].as_slice(), &kind].concat());
        record.wire_len -= 6;
        record.link = LinkType::ETHERNET;
    }
    record
}

/// Without what is said of interfaces.
fn unplaced(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((start, mark)) = ["iface: ", "seen_on: ["]
        .iter()
        .filter_map(|mark| Some((rest.find(mark)?, *mark)))
        .min()
    {
        let (before, behind) = rest.split_at(start + mark.len());
        plain.push_str(before);
        rest = behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',' || c == ' ');
    }
    plain + rest
}

#[test]
fn every_capture_is_told_the_same_by_both_ways() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut wrong = Vec::new();
    let (mut files, mut told) = (0, 0);
    for folder in fs::read_dir(&captures).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let is_capture = path
                .extension()
                .is_some_and(|kind| kind == "pcap" || kind == "pcapng");
            if !is_capture {
                continue;
            }
            let records: Vec<OwnedRecord> = recorded(&path).iter().map(uncooked).collect();
            // Copies are told by their interface, so that each is read alone.
            let ifaces: BTreeSet<u16> = records.iter().map(|record| record.at.iface).collect();
            for iface in ifaces {
                let here = records.iter().filter(|record| record.at.iface == iface);
                let here: Vec<OwnedRecord> = here.cloned().collect();
                let (short, long) = (facts(&here), facts(&apart(&here)));
                told += short.len();
                let differs = short.iter().zip(&long).find(|(short, long)| short != long);
                if differs.is_some() || short.len() != long.len() {
                    let place = path.strip_prefix(&captures).unwrap().display();
                    wrong.push(format!("{place}: {differs:?}"));
                }
            }
            files += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files > 300 && told > 5_000, "{files} files, {told} facts");
}
