//! What became of the attempts of each route, and how long they took.

use std::sync::Arc;

use crate::attempt::{Attempt, Closing};
use crate::hash::{HashMap, HashSet};
use crate::judge::Verdict;
use crate::tally::Verdicts;
use crate::tally::latency::{Latency, Recorder};
use crate::tally::route::Labels;

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
    all: Vec<Entry>,
    /// Where each is, by host and route in one text.
    places: HashMap<Box<str>, usize>,
    hosts: HashSet<Arc<str>>,
    /// What is asked for, written over from one to the next.
    key: String,
    most: usize,
    most_hosts: usize,
}

#[derive(Debug)]
struct Entry {
    host: Option<Arc<str>>,
    route: Arc<str>,
    attempts: Verdicts,
    closings: u64,
    latency: Recorder,
}

impl Routes {
    pub(super) fn new(most: usize, most_hosts: usize) -> Self {
        Self {
            all: Vec::new(),
            places: HashMap::default(),
            hosts: HashSet::default(),
            key: String::new(),
            most,
            most_hosts,
        }
    }

    pub(super) fn attempt(
        &mut self,
        labels: &Labels,
        attempt: &Attempt,
        verdict: Verdict,
    ) -> Option<Full> {
        let (entry, full) = self.entry(labels);
        if let Some(entry) = entry {
            entry.attempts.count(verdict);
            entry.latency.record(attempt);
        }
        full
    }

    pub(super) fn closing(&mut self, closing: &Closing, labels: &Labels) -> Option<Full> {
        let (entry, full) = self.entry(labels);
        if let Some(entry) = entry {
            entry.closings = entry.closings.saturating_add(1);
            entry.latency.record_pings(closing);
        }
        full
    }

    /// Attempts and closings of a route; of the others together where it has no place of its own.
    pub(super) fn totals(&self, host: Option<&str>, route: &str) -> (u64, u64) {
        let (mut key, mut other) = (String::new(), String::new());
        write_key(host, route, &mut key);
        write_key(Some(OTHER), OTHER, &mut other);
        let place = self.places.get(&*key).or_else(|| self.places.get(&*other));
        place
            .and_then(|&place| self.all.get(place))
            .map_or((0, 0), |entry| (entry.attempts.total(), entry.closings))
    }

    /// The busiest first, the others together last.
    pub(super) fn sorted(&self) -> Vec<Route> {
        let mut routes: Vec<Route> = self
            .all
            .iter()
            .map(|entry| Route {
                host: entry.host.clone(),
                route: Arc::clone(&entry.route),
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

    fn entry(&mut self, labels: &Labels) -> (Option<&mut Entry>, Option<Full>) {
        write_key(labels.host(), labels.route(), &mut self.key);
        if let Some(&place) = self.places.get(&*self.key) {
            return (self.all.get_mut(place), None);
        }
        let full = self.room_for(labels.host());
        let (host, route) = match full {
            None => (labels.host(), labels.route()),
            Some(_) => (Some(OTHER), OTHER),
        };
        write_key(host, route, &mut self.key);
        let place = match self.places.get(&*self.key) {
            Some(&place) => place,
            None => self.add(host, route, full.is_none()),
        };
        (self.all.get_mut(place), full)
    }

    /// A new one, whose key was written; its host is counted where it is one of its own.
    fn add(&mut self, host: Option<&str>, route: &str, is_own: bool) -> usize {
        let known = host.and_then(|host| self.hosts.get(host)).cloned();
        let host = known.or_else(|| host.map(Arc::from));
        if let Some(host) = host.as_ref().filter(|_| is_own) {
            self.hosts.insert(Arc::clone(host));
        }
        self.places.insert(self.key.as_str().into(), self.all.len());
        self.all.push(Entry {
            host,
            route: route.into(),
            attempts: Verdicts::default(),
            closings: 0,
            latency: Recorder::new(DIGITS),
        });
        self.all.len() - 1
    }

    fn room_for(&self, host: Option<&str>) -> Option<Full> {
        if self.all.len() >= self.most {
            return Some(Full::Routes);
        }
        let new_host = host.is_some_and(|host| !self.hosts.contains(host));
        (new_host && self.hosts.len() >= self.most_hosts).then_some(Full::Hosts)
    }
}

/// One text for both: a route has no line break, for it was a word of a request line.
fn write_key(host: Option<&str>, route: &str, key: &mut String) {
    key.clear();
    key.push_str(route);
    if let Some(host) = host {
        key.push('\n');
        key.push_str(host);
    }
}
