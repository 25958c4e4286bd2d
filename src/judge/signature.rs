//! Which rows of the catalogue fit what was seen.

mod closing;
mod condition;
mod facts;
mod pattern;
mod pick;

use std::time::Duration;

use crate::attempt::Leg;
use crate::http::Version;
use crate::judge::catalogue::{On, OneOrMany};
use crate::judge::{Catalogue, FindingId, Kind, Party, Row};

pub(super) use closing::ClosingConditions;
pub(super) use condition::Conditions;

/// A leg and its neighbours on the path, as the conditions of a row see them.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The leg that is looked at.
    pub leg: &'a Leg,
    /// The `path` leg that it serves, where that is in sight.
    pub outer: Option<&'a Leg>,
    /// The `path` leg that serves it, where one was seen.
    pub inner: Option<&'a Leg>,
    /// A `failed` upstream connection of this leg's server was seen.
    pub upstream_failed: bool,
    /// What the hop in front of this leg (its client) calls itself: the `Server` field of the outer leg's answer.
    pub software: Option<&'a str>,
}

/// A closing, as the conditions of a row see it.
#[derive(Clone, Copy, Debug)]
pub struct ClosingScene<'a> {
    /// How it ended.
    pub kind: Kind,
    /// The code an API reports.
    pub code: Option<u16>,
    /// Who ended it.
    pub by: Party,
    /// The side that ended it is a proxy, as far as can be seen.
    pub at_hop: bool,
    /// The server had sent a ping of Engine.IO, and the client did not answer.
    pub engine_io: bool,
    /// How a hop that ended both sides by itself did so, towards the client and towards the server: `fin rst`.
    pub ends: Option<&'a str>,
    /// Version of the innermost request in sight.
    pub version: Option<Version>,
    /// The reason in the Close.
    pub reason: &'a str,
    /// From the 101 to the end.
    pub age: Duration,
    /// Silence of both sides before the end.
    pub idle: Duration,
    /// Silence of the server side before the end.
    pub server_idle: Duration,
    /// What the hop calls itself.
    pub software: Option<&'a str>,
    /// Fields that show who handled it, as `name: value`.
    pub marks: &'a [Box<str>],
}

impl Catalogue {
    /// The row that tells more of a finding which structure has established.
    ///
    /// Rows about hops and 101s come before rows about answers. Where none fits the leg, the leg in front of it is
    /// looked at: what became of an upstream connection is told by the answer that the hop gave for it.
    pub fn row_for(&self, finding: FindingId, scene: &Scene<'_>) -> Option<&Row> {
        let rows = self.rows_about(finding);
        let fits = |scene: &Scene<'_>| {
            let structural = |row: &&Row| matches!(row.on, On::Hop | On::Opened);
            let holds = |row: &&Row| row.when.hold(scene);
            let mut first = rows.clone().filter(structural);
            let mut second = rows.clone().filter(|row| row.on == On::Answer);
            first.find(holds).or_else(|| second.find(holds))
        };
        fits(scene).or_else(|| fits(&scene.outward()?))
    }

    /// The row about a 101 that bears out a finding which the requests have shown.
    pub fn opened_row(&self, finding: FindingId, scene: &Scene<'_>) -> Option<&Row> {
        let mut rows = self.rows_about(finding);
        rows.find(|row| row.on == On::Opened && row.when.hold(scene))
    }

    /// The rows that the answer on a leg matches, in the order of the catalogue: best first.
    pub fn answers<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Row> {
        let status = scene.leg.status().into_iter();
        let rows = status.flat_map(|status| self.rows_of_status(status));
        rows.filter(|row| row.when.hold(scene))
    }

    /// The first row about an answer that tells it by the one which the leg behind brought.
    pub(super) fn relayed_answer(&self, scene: &Scene<'_>) -> Option<&Row> {
        let mut rows = self.rows_of_status(scene.leg.status()?);
        rows.find(|row| row.when.asks_of_inner_answer() && row.when.hold(scene))
    }

    /// The row that tells more of a finding about a closing.
    pub fn closing_row(&self, finding: FindingId, scene: &ClosingScene<'_>) -> Option<&Row> {
        let mut rows = self.rows_about(finding);
        rows.find(|row| row.on == On::Closing && row.closing.hold(scene))
    }

    /// The user's own row about a closing that nothing else is known of: what a code of an application means, only who
    /// wrote the application can tell.
    pub fn own_closing_row(&self, scene: &ClosingScene<'_>) -> Option<&Row> {
        let mut rows = self.rows().iter().filter(|row| row.own);
        rows.find(|row| row.on == On::Closing && row.closing.hold(scene))
    }
}

impl Scene<'_> {
    /// The leg in front, with this one as the leg that serves it.
    fn outward(&self) -> Option<Self> {
        Some(Self {
            leg: self.outer?,
            outer: None,
            inner: Some(self.leg),
            upstream_failed: false,
            software: None,
        })
    }
}

/// The name of the first list that holds an empty text.
fn first_empty(lists: &[(&'static str, &OneOrMany<String>)]) -> Option<&'static str> {
    let has_empty = |list: &OneOrMany<String>| list.values().iter().any(String::is_empty);
    let found = lists.iter().find(|(_, list)| has_empty(list));
    found.map(|(name, _)| *name)
}

/// Whether `text` has `part` in it, in any case.
fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some(first) = part.first() else {
        return true;
    };
    // Few places have even its first letter.
    let begins = |window: &[u8]| {
        window
            .first()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(first))
    };
    text.windows(part.len())
        .any(|window| begins(window) && window.eq_ignore_ascii_case(part))
}

/// Whether a hop that calls itself `software` is one of `names`; `?` is one that does not say.
fn is_software(names: &OneOrMany<String>, software: Option<&str>) -> bool {
    names.allows(|name| match software {
        Some(software) => contains(software, name),
        None => name == "?",
    })
}

#[cfg(test)]
mod tests;
