//! Rows of the user's own (`--rules FILE`): read as strictly as they are explained kindly.
//!
//! Nothing in such a file is guessed at: a row that cannot match, or that matches everything, is a mistake, and is told
//! with its place and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::{Catalogue, On, Row, Rows};
use crate::judge::FindingGroup;
use crate::judge::signature::{ClosingConditions, Conditions};
use crate::limits::{RULE_CHARS, RULES_ROWS};

/// What helps with most mistakes.
const GRAMMAR: &str = "docs/rules.md tells how a row is written, with examples";
/// Longest name of a row, which stands in a margin of `explain`.
const ID_CHARS: usize = 32;

/// A file of rows, as it was read.
#[derive(Clone, Copy, Debug)]
pub struct RulesFile<'a> {
    /// As on the command line.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// A file of rows that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRules {
    /// The file, with line and column where they are known.
    pub place: String,
    /// Name of the row, where it is known.
    pub row: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// What a file of the user's may hold: nothing but rows.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    row: Vec<Spanned<Row>>,
}

/// What is wrong with a row, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault(String, String);

impl Catalogue {
    /// This catalogue with the rows of these files before its own, in the order of the files. Text is printed as it
    /// stands there, so `is_fit` says whether a line may be.
    pub fn with_rules(
        &self,
        files: &[RulesFile<'_>],
        is_fit: fn(&str) -> bool,
    ) -> Result<Self, BadRules> {
        let mut rows = Vec::new();
        let mut places: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for file in files {
            let found = file.rows()?;
            if found.is_empty() {
                let what = "there is no [[row]] in it".to_owned();
                return Err(file.bad(None, None, Fault(what, GRAMMAR.to_owned())));
            }
            for row in found {
                let span = row.span();
                let mut row = row.into_inner();
                let bad = |fault| file.bad(Some(&span), Some(row.id.to_string()), fault);
                check(&row, is_fit).map_err(bad)?;
                let place = file.place(Some(&span));
                if let Some(first) = places.insert(row.id.clone(), place) {
                    let what = format!("that name is taken by the row at {first}");
                    return Err(bad(Fault(
                        what,
                        "Give each row a name of its own".to_owned(),
                    )));
                }
                if self.row(&row.id).is_some() {
                    let what = format!("that name is taken by the row {} of wscap itself", row.id);
                    let hint = format!("Give it a name of your own, such as own-{}", row.id);
                    return Err(bad(Fault(what, hint)));
                }
                if rows.len() == RULES_ROWS {
                    let what = format!("there are more than {RULES_ROWS} rows");
                    let hint = "Leave out what is not needed: every answer is held against each";
                    return Err(bad(Fault(what, hint.to_owned())));
                }
                row.own = true;
                rows.push(row);
            }
        }
        rows.extend(self.rows().iter().cloned());
        Ok(Self {
            with_own: Some(Rows::new(rows)),
        })
    }
}

impl RulesFile<'_> {
    fn rows(&self) -> Result<Vec<Spanned<Row>>, BadRules> {
        toml::from_str::<File>(self.text)
            .map(|file| file.row)
            .map_err(|error| {
                let row = error.span().and_then(|span| self.row_around(span.start));
                self.bad(error.span().as_ref(), row, explained(error.message()))
            })
    }

    fn bad(&self, span: Option<&Range<usize>>, row: Option<String>, fault: Fault) -> BadRules {
        let Fault(what, hint) = fault;
        BadRules {
            place: self.place(span),
            row,
            what,
            hint,
        }
    }

    /// `own.toml:12:8`, as editors and compilers have it.
    fn place(&self, span: Option<&Range<usize>>) -> String {
        let before = span.and_then(|span| self.text.get(..span.start));
        before.map_or_else(
            || self.name.to_owned(),
            |before| {
                let line = before.matches('\n').count() + 1;
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let column = before.get(start..).unwrap_or_default().chars().count() + 1;
                format!("{}:{line}:{column}", self.name)
            },
        )
    }

    /// The name of the row that a place is in, as far as it can be read there.
    fn row_around(&self, at: usize) -> Option<String> {
        const HEADER: &str = "[[row]]";
        let line_end = self
            .text
            .get(at..)?
            .find('\n')
            .map_or(self.text.len(), |n| at + n);
        let start = self.text.get(..line_end)?.rfind(HEADER)?;
        let body = self.text.get(start + HEADER.len()..)?;
        let body = body.split(HEADER).next()?;
        let row: toml::Table = toml::from_str(body).ok()?;
        row.get("id")?.as_str().map(str::to_owned)
    }
}

/// What the library says, without the names that only programmers know.
fn explained(message: &str) -> Fault {
    let message = message.trim().replace('\n', ": ");
    let hint = if message.starts_with("there is no finding") {
        "wscap explain --list has the findings"
    } else {
        GRAMMAR
    };
    let choice = ["unknown field ", "unknown variant "]
        .into_iter()
        .find_map(|start| message.strip_prefix(start));
    let choice = choice.and_then(|rest| {
        let (name, known) = rest.split_once(", expected ")?;
        let known = known.trim_start_matches("one of ").replace('`', "");
        Some(format!("{name} is not known here; known are {known}"))
    });
    let missing = || {
        Some(format!(
            "{} is missing",
            message.strip_prefix("missing field ")?
        ))
    };
    let mut what = choice.or_else(missing).unwrap_or_else(|| message.clone());
    for (rust, plain) in [
        (", expected u16", ", expected a number from 0 to 65535"),
        (", expected f64", ", expected a number of seconds"),
        (", expected a sequence", ", expected a list: [ ... ]"),
        (
            ", expected struct Conditions",
            ", expected conditions: when.status = 403",
        ),
        (
            ", expected struct ClosingConditions",
            ", expected conditions: closing.code = 4321",
        ),
        (
            ", expected struct Outer",
            ", expected conditions: when.outer.status = 403",
        ),
        ("invalid type: map", "invalid type: a table"),
        ("known are row", "known is [[row]] only"),
    ] {
        if let Some(start) = what.strip_suffix(rust) {
            what = format!("{start}{plain}");
        } else if rust.starts_with("invalid") {
            what = what.replacen(rust, plain, 1);
        }
    }
    Fault(what, hint.to_owned())
}

/// What is wrong with a row that could be read.
fn check(row: &Row, is_fit: fn(&str) -> bool) -> Result<(), Fault> {
    let fault = |what: &str, hint: &str| Err(Fault(what.to_owned(), hint.to_owned()));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if row.id.is_empty() || row.id.len() > ID_CHARS || !row.id.chars().all(is_name) {
        return fault(
            "id is no name",
            "Letters, digits, _ - and . are allowed, 32 of them at most",
        );
    }
    let asks = (
        row.when != Conditions::default(),
        row.closing != ClosingConditions::default(),
    );
    match (row.on, asks) {
        (_, (false, false)) => {
            return fault(
                "it has no condition, so it would match everything",
                "Say what must be so, for example when.status = 403 or closing.code = 4321",
            );
        }
        (On::Closing, (true, _)) => {
            return fault(
                "when. asks about a handshake, and this row is on = \"closing\"",
                "Ask with closing.code, closing.reason_prefix and the like",
            );
        }
        (On::Hop | On::Answer | On::Opened, (_, true)) => {
            return fault(
                "closing. asks about an end, and this row is not on = \"closing\"",
                "Ask with when.status, when.body_contains and the like, or write on = \"closing\"",
            );
        }
        _ => {}
    }
    let empty = row.when.empty_text().or_else(|| row.closing.empty_text());
    if let Some(name) = empty {
        return fault(
            &format!("{name} is empty, which is in every text"),
            "Write down what must be there, or leave the condition out",
        );
    }
    check_findings(row)?;
    check_texts(row, is_fit)
}

/// A finding of another kind than the row would never be told.
pub(super) fn check_findings(row: &Row) -> Result<(), Fault> {
    for finding in &row.findings {
        let group = finding.group();
        let is_of_end = matches!(group, FindingGroup::Closings | FindingGroup::Frames);
        let is_possible = match row.on {
            On::Closing => {
                is_of_end || matches!(group, FindingGroup::Rejected | FindingGroup::Other)
            }
            On::Hop | On::Answer | On::Opened => !is_of_end,
        };
        if !is_possible {
            let (is, of) = match row.on {
                On::Closing => ("about a handshake", "a closing"),
                _ => ("about an open WebSocket", "a handshake"),
            };
            return Err(Fault(
                format!(
                    "the finding {} is {is}, and this row about {of}",
                    finding.name()
                ),
                "wscap explain --list has the findings, in groups".to_owned(),
            ));
        }
    }
    Ok(())
}

fn check_texts(row: &Row, is_fit: fn(&str) -> bool) -> Result<(), Fault> {
    let of = |name: &'static str| move |text| (name, text);
    let texts = row.cause.iter().map(of("cause"));
    let texts = texts.chain(row.fix.iter().map(of("fix")));
    let texts = texts.chain(row.wont_help.iter().map(of("wont_help")));
    for (name, text) in texts.chain([of("source")(&row.source)]) {
        if !is_fit(text) {
            return Err(Fault(
                format!(
                    "{name} has a character that is not printed: a tab, a line break, a control or invisible one"
                ),
                "Write a list with one line of text each; four spaces in front mark configuration"
                    .to_owned(),
            ));
        }
        if text.chars().count() > RULE_CHARS {
            return Err(Fault(
                format!("{name} has a line of more than {RULE_CHARS} characters"),
                "Write a list of shorter lines".to_owned(),
            ));
        }
    }
    Ok(())
}

/// `own.toml:3:8: row gw-403: there is no finding "forbiden"`, and in the next line what to do.
impl fmt::Display for BadRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(row) = &self.row {
            write!(f, "row {row}: ")?;
        }
        write!(f, "{}\n{}", self.what, self.hint)
    }
}

impl std::error::Error for BadRules {}
