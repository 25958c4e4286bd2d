//! The catalogue of causes: one embedded data file, read once and held complete by tests.

use std::sync::Arc;

use crate::judge::{Advice, FindingId};

/// All rows, and the texts of all findings.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    rows: Vec<Row>,
}

/// One known cause, with what it looks like on the wire.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name, such as `S01`.
    pub id: Arc<str>,
    /// What it is evidence of; the first that the circumstances allow.
    pub findings: Vec<FindingId>,
    /// How it is known.
    pub backing: Backing,
}

/// How a row is known to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// A capture in `captures/` shows it.
    Recorded,
    /// Read in the project's source, or a clause of an RFC.
    Source,
    /// Nobody has checked it: never more than a guess.
    Unverified,
}

impl Catalogue {
    /// The catalogue that is part of the program.
    pub fn embedded() -> &'static Self {
        static EMPTY: Catalogue = Catalogue { rows: Vec::new() };
        &EMPTY
    }

    /// All rows, in the order in which they are tried.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What to tell of a finding: the texts of its row where one matched, of the finding where the row is silent, in the
    /// variant for the hop's `software` where there is one.
    pub fn advice(
        &self,
        _finding: FindingId,
        _row: Option<&Row>,
        _software: Option<&str>,
    ) -> Advice {
        Advice::default()
    }
}
