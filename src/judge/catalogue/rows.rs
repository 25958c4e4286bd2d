//! The rows in the order in which they are tried, and where those stand that may tell something of what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{On, Row};
use crate::judge::FindingId;

/// Rows in their order. Each refused attempt is held against those that may fit, which are few of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    all: Vec<Row>,
    by_id: BTreeMap<Arc<str>, usize>,
    by_finding: BTreeMap<FindingId, Vec<usize>>,
    /// Rows about answers, by the statuses that any of them names; what names none stands under each.
    by_status: BTreeMap<u16, Vec<usize>>,
    /// Those that name none.
    of_any_status: Vec<usize>,
}

impl Rows {
    pub(super) fn new(all: Vec<Row>) -> Self {
        let mut rows = Self::default();
        for (place, row) in all.iter().enumerate() {
            // Of two with one name the first.
            rows.by_id.entry(row.id.clone()).or_insert(place);
            for finding in row.findings.iter().copied().collect::<BTreeSet<_>>() {
                rows.by_finding.entry(finding).or_default().push(place);
            }
        }
        let answers = || {
            let rows = all.iter().enumerate();
            rows.filter(|(_, row)| row.on == On::Answer)
        };
        let statuses = answers().flat_map(|(_, row)| row.when.statuses());
        for &status in statuses {
            rows.by_status.entry(status).or_insert_with(|| {
                let fit = answers().filter(|(_, row)| row.when.allows_status(status));
                fit.map(|(place, _)| place).collect()
            });
        }
        let of_any_status = answers().filter(|(_, row)| row.when.statuses().is_empty());
        rows.of_any_status = of_any_status.map(|(place, _)| place).collect();
        rows.all = all;
        rows
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Row] {
        &self.all
    }

    /// The row of that name.
    pub(super) fn named(&self, id: &str) -> Option<&Row> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// Those that tell of a finding.
    pub(super) fn about(&self, finding: FindingId) -> impl Iterator<Item = &Row> + Clone {
        self.at(self.by_finding.get(&finding))
    }

    /// Those that may fit an answer with that status.
    pub(super) fn of_status(&self, status: u16) -> impl Iterator<Item = &Row> {
        let places = self.by_status.get(&status);
        self.at(Some(places.unwrap_or(&self.of_any_status)))
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Row> + Clone {
        let places = places.into_iter().flatten();
        places.filter_map(|&place| self.all.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Catalogue;

    /// The names of rows, in their order.
    fn names<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a str> {
        rows.map(|row| &*row.id).collect()
    }

    #[test]
    fn what_may_fit_is_what_a_look_at_all_of_them_finds() {
        let catalogue = Catalogue::embedded();
        let all = || catalogue.rows().iter();
        for row in all() {
            assert_eq!(catalogue.row(&row.id).map(|row| &row.id), Some(&row.id));
        }
        assert!(catalogue.row("no such row").is_none());
        for &finding in FindingId::ALL {
            let about = all().filter(|row| row.findings.contains(&finding));
            assert_eq!(names(catalogue.rows_about(finding)), names(about));
        }
        for status in 0..=999 {
            let may_fit = |row: &&Row| row.on == On::Answer && row.when.allows_status(status);
            let expected = names(all().filter(may_fit));
            assert!(!expected.is_empty(), "some ask for no status");
            assert_eq!(names(catalogue.rows_of_status(status)), expected);
        }
    }
}
