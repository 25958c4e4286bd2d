//! What is fuzzed: each takes any bytes, does something with them that has an answer, and panics where that is wrong.
//!
//! Shared with `tests/fuzz`, which finds the inputs; the tests replay them.

mod fragments;
mod frames;
mod http;
mod link;
mod packet;
mod stream;
pub(crate) mod whole;

pub(crate) use fragments::fragments;
pub(crate) use frames::frames;
pub(crate) use http::http;
pub(crate) use packet::packet;
pub(crate) use stream::stream;

use std::cell::RefCell;

use wscap::capture::Item;
use wscap::limits::Limits;

use whole::{Scratch, Told};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// A capture file through its reader alone: records are counted up and no longer than a record may be.
pub(crate) fn file(bytes: &[u8]) {
    SCRATCH.with_borrow_mut(|scratch| {
        let Ok(mut source) = scratch.open(bytes) else {
            return;
        };
        let mut frame = 0;
        let mut more = true;
        while more {
            more = source.read(|item| match item {
                Item::Records(records) => {
                    for record in records {
                        assert!(record.at.frame > frame, "frames are counted up");
                        frame = record.at.frame;
                        assert!(record.data.len() <= 1 << 24, "{} bytes", record.data.len());
                    }
                }
                Item::Interface { name, .. } => assert!(name.len() <= 1 << 24),
                Item::Notice(notice) => assert!(!notice.to_string().is_empty()),
                Item::Tick(_) => unreachable!("a file has no clock"),
            });
        }
        source.finish(|_| ());
    });
}

/// A capture file the whole way, with what came out; `None` if it is no capture. Twice, for the same file always gives the
/// same bytes.
pub(crate) fn capture(bytes: &[u8]) -> Option<Told> {
    let limits = limits(bytes.len());
    SCRATCH.with_borrow_mut(|scratch| {
        let told = scratch.through(bytes, &limits)?;
        let again = scratch.through(bytes, &limits).expect("as before");
        assert!(told.json == again.json, "the same file, other lines");
        assert!(told.text == again.text, "the same file, another report");
        Some(told)
    })
}

/// The defaults, or so little of everything that it is used up.
pub(crate) fn limits(n: usize) -> Limits {
    match n % 4 {
        0 => Limits {
            buffered_bytes_total: 6_000,
            connections: 4,
            open_attempts: 3,
            undecided_bytes: 9_000,
            groups: 2,
            tally_hosts: 2,
            tally_routes: 2,
            tally_codes: 2,
            legs_waiting: 3,
            plain_digests: 2,
            recent: 2,
            ..Limits::default()
        },
        1 => Limits {
            reorder_bytes_per_direction: 3_000,
            reorder_segments_per_direction: 3,
            head_bytes: 600,
            header_fields: 12,
            pipelined_requests: 2,
            held_bytes: 300,
            fragments: 2,
            fragments_per_datagram: 4,
            idle_timeout: 2_000,
            unanswered_after: 3_000,
            pending_after: 500,
            ..Limits::default()
        },
        _ => Limits::default(),
    }
}

/// Bytes that are taken from the front; behind the end there are zeros.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// As many as there are, at most so many.
    fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
