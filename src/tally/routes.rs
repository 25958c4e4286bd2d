//! What became of the attempts of each route, and how long they took.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::attempt::{Attempt, Closing};
use crate::judge::Verdict;
use crate::tally::latency::{Latency, Recorder};
use crate::tally::{GroupKey, Verdicts};

/// One host and path, with `*` for ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Host that the client named, in lower case; `other` where there were too many.
    pub host: Option<Arc<str>>,
    /// Path of the target, with `*` for ids; `other` where there were too many.
    pub route: Arc<str>,
    /// What became of its attempts.
    pub attempts: Verdicts,
    /// How many of its WebSockets have closed, or were open at the end.
    pub closings: u64,
    /// How long its attempts took; percentiles to one significant digit and a half.
    pub latency: Latency,
}

/// What stands for hosts and routes without a place of their own.
const OTHER: &str = "other";
/// With one digit, four thousand routes cost some 40 MB at the very worst; with two, six times that.
const DIGITS: u8 = 1;

/// Which ceiling was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Hosts,
    Routes,
}

/// All routes, at most as many as the limits say.
#[derive(Debug)]
pub(super) struct Routes {
    table: HashMap<(Option<Arc<str>>, Arc<str>), Entry>,
    hosts: HashSet<Arc<str>>,
    most: usize,
    most_hosts: usize,
}

#[derive(Debug)]
struct Entry {
    attempts: Verdicts,
    closings: u64,
    latency: Recorder,
}

impl Routes {
    pub(super) fn new(most: usize, most_hosts: usize) -> Self {
        Self {
            table: HashMap::new(),
            hosts: HashSet::new(),
            most,
            most_hosts,
        }
    }

    pub(super) fn attempt(
        &mut self,
        host: Option<&str>,
        route: &str,
        attempt: &Attempt,
        verdict: Verdict,
    ) -> Option<Full> {
        let (entry, full) = self.entry(host, route);
        entry.attempts.count(verdict);
        entry.latency.record(attempt);
        full
    }

    pub(super) fn closing(&mut self, closing: &Closing, key: &GroupKey) -> Option<Full> {
        let (entry, full) = self.entry(key.host.as_deref(), &key.route);
        entry.closings = entry.closings.saturating_add(1);
        entry.latency.record_pings(closing);
        full
    }

    /// Attempts and closings of a route; of the others together where it has no place of its own.
    pub(super) fn totals(&self, host: Option<&str>, route: &str) -> (u64, u64) {
        self.table
            .get(&(host.map(Arc::from), Arc::from(route)))
            .or_else(|| self.table.get(&other()))
            .map_or((0, 0), |entry| (entry.attempts.total(), entry.closings))
    }

    /// The busiest first, the others together last.
    pub(super) fn sorted(&self) -> Vec<Route> {
        let mut routes: Vec<Route> = self
            .table
            .iter()
            .map(|((host, route), entry)| Route {
                host: host.clone(),
                route: Arc::clone(route),
                attempts: entry.attempts,
                closings: entry.closings,
                latency: entry.latency.summary(),
            })
            .collect();
        let is_other = |route: &Route| route.host.as_deref() == Some(OTHER);
        routes.sort_by(|a, b| {
            is_other(a)
                .cmp(&is_other(b))
                .then_with(|| b.attempts.total().cmp(&a.attempts.total()))
                .then_with(|| (&a.host, &a.route).cmp(&(&b.host, &b.route)))
        });
        routes
    }

    fn entry(&mut self, host: Option<&str>, route: &str) -> (&mut Entry, Option<Full>) {
        let mut key = (host.map(Arc::from), Arc::from(route));
        let mut full = None;
        if !self.table.contains_key(&key) {
            full = self.room_for(key.0.as_ref());
            if full.is_some() {
                key = other();
            } else if let Some(host) = &key.0 {
                self.hosts.insert(Arc::clone(host));
            }
        }
        let entry = self.table.entry(key).or_insert_with(|| Entry {
            attempts: Verdicts::default(),
            closings: 0,
            latency: Recorder::new(DIGITS),
        });
        (entry, full)
    }

    fn room_for(&self, host: Option<&Arc<str>>) -> Option<Full> {
        if self.table.len() >= self.most {
            return Some(Full::Routes);
        }
        let new_host = host.is_some_and(|host| !self.hosts.contains(host));
        (new_host && self.hosts.len() >= self.most_hosts).then_some(Full::Hosts)
    }
}

fn other() -> (Option<Arc<str>>, Arc<str>) {
    (Some(OTHER.into()), OTHER.into())
}
