//! The rows in the order in which they are tried, and where those stand that may tell something of what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use memchr::memmem;

use super::{File, On, Row};
use crate::judge::FindingId;

/// What each row begins with in a data file.
const HEADING: &str = "[[row]]\n";

/// Rows in their order. Each refused attempt is held against those that may fit, which are few of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    all: Vec<Entry>,
    by_id: BTreeMap<Arc<str>, usize>,
    by_finding: BTreeMap<FindingId, Vec<usize>>,
    /// Rows about answers, by the statuses that any of them names; what names none stands under each.
    by_status: BTreeMap<u16, Vec<usize>>,
    /// Those that name none.
    of_any_status: Vec<usize>,
}

/// A row, or its text: an embedded one is read when it may fit, for a capture asks for few of them.
#[derive(Clone, Debug)]
struct Entry {
    text: &'static str,
    row: OnceLock<Row>,
}

/// What is asked of rows before they are held against anything.
struct Key {
    id: Arc<str>,
    findings: Vec<FindingId>,
    is_answer: bool,
    statuses: Vec<u16>,
}

impl Entry {
    fn row(&self) -> &Row {
        self.row.get_or_init(|| {
            let mut file: File = toml::from_str(self.text).unwrap_or_default();
            #[expect(clippy::expect_used, reason = "a test reads all of them")]
            file.row.pop().expect("the embedded catalogue is valid")
        })
    }
}

impl Key {
    fn of(row: &Row) -> Self {
        Self {
            id: row.id.clone(),
            findings: row.findings.clone(),
            is_answer: row.on == On::Answer,
            statuses: row.when.statuses().to_vec(),
        }
    }

    /// What the text of an embedded row says in lines of its own, as a test holds them to.
    fn read(text: &'static str) -> Self {
        let mut values: [&'static str; 4] = [""; 4];
        for line in text.lines() {
            let keys = ["id = ", "finding = ", "on = ", "when.status = "];
            for (key, value) in keys.iter().zip(&mut values) {
                if let Some(rest) = line.strip_prefix(key) {
                    *value = rest;
                }
            }
            // It stands behind all of them.
            if line.starts_with("backing = ") {
                break;
            }
        }
        let [id, finding, on, status] = values;
        // Every other piece stands between quotation marks.
        let names = |value: &'static str| value.split('"').skip(1).step_by(2);
        let numbers = status.split(|c: char| !c.is_ascii_digit());
        Self {
            id: names(id).next().unwrap_or_default().into(),
            findings: names(finding).filter_map(FindingId::from_name).collect(),
            is_answer: on == "\"answer\"",
            statuses: numbers.filter_map(|number| number.parse().ok()).collect(),
        }
    }
}

impl Rows {
    /// These rows.
    pub(super) fn new(rows: Vec<Row>) -> Self {
        let keys: Vec<Key> = rows.iter().map(Key::of).collect();
        let entry = |row| Entry {
            text: "",
            row: OnceLock::from(row),
        };
        Self::with_keys(&keys, rows.into_iter().map(entry).collect())
    }

    /// Those in embedded files.
    pub(super) fn embedded(files: &[&'static str]) -> Self {
        let mut all = Vec::new();
        for file in files {
            let mut rest = *file;
            while let Some(text) = next_row(&mut rest) {
                let row = OnceLock::new();
                all.push(Entry { text, row });
            }
        }
        let keys: Vec<Key> = all.iter().map(|entry| Key::read(entry.text)).collect();
        Self::with_keys(&keys, all)
    }

    fn with_keys(keys: &[Key], all: Vec<Entry>) -> Self {
        let mut rows = Self::default();
        for (place, key) in keys.iter().enumerate() {
            // Of two with one name the first.
            rows.by_id.entry(key.id.clone()).or_insert(place);
            for finding in key.findings.iter().copied().collect::<BTreeSet<_>>() {
                rows.by_finding.entry(finding).or_default().push(place);
            }
        }
        let answers = || {
            let rows = keys.iter().enumerate();
            rows.filter(|(_, key)| key.is_answer)
        };
        let statuses = answers().flat_map(|(_, key)| &key.statuses);
        for &status in statuses {
            rows.by_status.entry(status).or_insert_with(|| {
                let fit = answers()
                    .filter(|(_, key)| key.statuses.is_empty() || key.statuses.contains(&status));
                fit.map(|(place, _)| place).collect()
            });
        }
        let of_any_status = answers().filter(|(_, key)| key.statuses.is_empty());
        rows.of_any_status = of_any_status.map(|(place, _)| place).collect();
        rows.all = all;
        rows
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Row> + Clone {
        self.all.iter().map(Entry::row)
    }

    /// The row of that name.
    pub(super) fn named(&self, id: &str) -> Option<&Row> {
        self.all.get(*self.by_id.get(id)?).map(Entry::row)
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
        places.filter_map(|&place| self.all.get(place).map(Entry::row))
    }
}

/// The text of the next row, from its heading up to the next.
fn next_row(rest: &mut &'static str) -> Option<&'static str> {
    let start = memmem::find(rest.as_bytes(), HEADING.as_bytes())?;
    let begun = rest.get(start..)?;
    let behind = begun.get(HEADING.len()..)?;
    let end = memmem::find(behind.as_bytes(), HEADING.as_bytes());
    let end = end.map_or(begun.len(), |end| HEADING.len() + end);
    let (text, others) = begun.split_at_checked(end)?;
    *rest = others;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Catalogue;
    use crate::judge::catalogue::ROWS;

    /// The names of rows, in their order.
    fn names<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a str> {
        rows.map(|row| &*row.id).collect()
    }

    #[test]
    fn rows_that_are_read_one_by_one_are_those_of_their_files() {
        let mut whole = Vec::new();
        for text in ROWS {
            let file: File = toml::from_str(text).unwrap();
            assert!(!file.row.is_empty() && file.finding.is_empty() && file.status.is_empty());
            whole.extend(file.row);
        }
        let alone = Rows::embedded(ROWS);
        let told = |row: &Row| format!("{row:?}");
        assert!(alone.all().map(told).eq(whole.iter().map(told)));
        for entry in &alone.all {
            let (read, of) = (Key::read(entry.text), Key::of(entry.row()));
            assert_eq!(
                (read.id, read.findings, read.is_answer, read.statuses),
                (of.id, of.findings, of.is_answer, of.statuses)
            );
        }
    }

    #[test]
    fn what_may_fit_is_what_a_look_at_all_of_them_finds() {
        let catalogue = Catalogue::embedded();
        let all = || catalogue.rows();
        for row in all() {
            assert_eq!(catalogue.row(&row.id).map(|row| &row.id), Some(&row.id));
        }
        assert!(catalogue.row("no such row").is_none());
        for &finding in FindingId::ALL {
            let about = all().filter(|row| row.findings.contains(&finding));
            assert_eq!(names(catalogue.rows_about(finding)), names(about));
        }
        for status in 0..=999 {
            let may_fit = |row: &&Row| {
                let statuses = row.when.statuses();
                row.on == On::Answer && (statuses.is_empty() || statuses.contains(&status))
            };
            let expected = names(all().filter(may_fit));
            assert!(!expected.is_empty(), "some ask for no status");
            assert_eq!(names(catalogue.rows_of_status(status)), expected);
        }
    }
}
