//! What is known at one moment, never changed once it is made: what the screen draws and the report prints.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Health;
use crate::judge::{FindingId, JudgedAttempt, JudgedClosing};
use crate::tally::{Counts, Group, History, Kinds, Latency, Route, Spreads, Verdicts};
use crate::time::Timestamp;

/// All counts of a moment. Attempts are those of protocol WebSocket unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Attempts by verdict.
    pub attempts: Verdicts,
    /// Attempts to upgrade to something else, by what it was.
    pub other_protocols: Counts<Box<str>>,
    /// How many of those there were.
    pub other_protocols_total: u64,
    /// Attempts that wait for their answer at this moment, longer than the limit `pending_after`.
    pub pending: u64,
    /// Attempts of verdict `unknown` that still waited when the capture ended.
    pub still_waiting: u64,
    /// WebSockets open at this moment.
    pub open: u64,
    /// Root causes of attempts.
    pub findings: Counts<FindingId>,
    /// Notes on attempts that opened.
    pub notes: Counts<FindingId>,
    /// Final statuses of attempts.
    pub statuses: Counts<u16>,
    /// What an API reports at the end of a WebSocket: 1005 and 1006 among them.
    pub close_codes: Counts<u16>,
    /// Closings by kind.
    pub closings: Kinds,
    /// Groups of equal trouble, the largest first.
    pub groups: Vec<Group>,
    /// Routes, the busiest first; none in a [glance](crate::tally::Tally::glance).
    pub routes: Vec<Route>,
    /// How long things took.
    pub latency: Latency,
    /// How often what length of wait came.
    pub spreads: Spreads,
    /// What was decided when.
    pub history: History,
    /// What the capture has seen and lost, and the limits that were reached, those of the tally among them.
    pub health: Health,
    /// The last attempts, oldest first, of any protocol.
    pub recent_attempts: Vec<Arc<JudgedAttempt>>,
    /// The last closings, oldest first.
    pub recent_closings: Vec<Arc<JudgedClosing>>,
    /// Names of interfaces by source and number.
    pub interfaces: BTreeMap<(u16, u16), Box<str>>,
    /// Time of the first packet.
    pub first: Option<Timestamp>,
    /// How far time has come.
    pub now: Option<Timestamp>,
}

impl Snapshot {
    /// The attempt of that number, where it is still kept: among the recent ones, or as the example of a group.
    pub fn attempt(&self, id: u64) -> Option<&Arc<JudgedAttempt>> {
        use crate::tally::Example;
        let kept = self.groups.iter().filter_map(|group| match &group.example {
            Example::Attempt(judged) => Some(judged),
            Example::Closing(_) => None,
        });
        self.recent_attempts
            .iter()
            .chain(kept)
            .find(|judged| judged.attempt.id == id)
    }
}
