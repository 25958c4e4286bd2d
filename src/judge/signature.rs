//! Which rows of the catalogue fit what was seen.

use std::time::Duration;

use crate::attempt::Leg;
use crate::judge::{Catalogue, FindingId, Kind, Party, Row};

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
    pub fn row_for(&self, _finding: FindingId, _scene: &Scene<'_>) -> Option<&Row> {
        None
    }

    /// The rows that the answer on a leg matches, in the order of the catalogue.
    pub fn answers(&self, _scene: &Scene<'_>) -> Vec<&Row> {
        Vec::new()
    }

    /// The row that tells more of a finding about a closing.
    pub fn closing_row(&self, _finding: FindingId, _scene: &ClosingScene<'_>) -> Option<&Row> {
        None
    }
}
