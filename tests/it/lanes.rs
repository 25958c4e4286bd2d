//! What passes by the short way is told as if each packet had gone the long way.
//!
//! A packet that comes from another interface than the one before it on its side goes the long way. So the same packets,
//! each from an interface of its own, must give the same facts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wscap::dissect::Dissector;
use wscap::event::{Event, Fact};
use wscap::limits::Limits;
use wscap::record::LinkType;
use wscap::time::Stamp;

use crate::support::OwnedRecord;
use crate::transport::packets::recorded;

/// All facts with their times and frames, but without interfaces.
pub(crate) fn facts(records: &[OwnedRecord]) -> Vec<String> {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for record in records {
        dissector.push(&record.record(), &mut events);
    }
    dissector.finish(&mut events);
    let words = events.iter().filter_map(|event| match event {
        Event::Conn {
            fact: Fact::SeenOn { .. },
            ..
        } => None,
        Event::Conn { conn, at, fact } => Some(format!(
            "{conn:?} {:?} #{} {}",
            at.ts,
            at.frame,
            unplaced(&format!("{fact:?}"))
        )),
        _ => None,
    });
    words.collect()
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
