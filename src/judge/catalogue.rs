//! The catalogue of causes: embedded data files, read once and held complete by tests.
//!
//! `findings/` has a text for every finding. `structure/`, `proxies/`, `answers/`, `opened.toml` and `closings.toml` hold
//! the rows, most specific first: that is the order in which they are tried. `statuses/`, `closes.toml` and `products/`
//! are what `wscap explain` knows beside them, `applications.toml` whose codes from 3000 to 4999 mean what. The grammar of a row's conditions is in
//! [`Conditions`](crate::judge::signature::Conditions).
//!
//! Rows of the user's own (`--rules FILE`, docs/rules.md) come before them all.
//!
//! In every list of lines, one that begins with four spaces is configuration to paste and is never wrapped.

mod application;
mod own;
pub(super) mod read;
mod rows;
mod topic;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use memchr::memmem;
use serde::Deserialize;

use crate::judge::signature::{ClosingConditions, Conditions};
use crate::judge::{Advice, Confidence, Finding, FindingId, Hop};

use application::Application;
pub(super) use application::Whose;
pub use own::{BadRules, RulesFile};
pub(super) use read::OneOrMany;
use rows::Rows;
pub(super) use topic::{Cause, Topic, TopicKind};

/// The texts of all findings.
static FINDINGS: Part = Part::new(&[
    include_str!("catalogue/findings/hop.toml"),
    include_str!("catalogue/findings/refused.toml"),
    include_str!("catalogue/findings/upstream.toml"),
    include_str!("catalogue/findings/opened.toml"),
]);

/// The rows, in the order in which they are tried.
static ROWS: Part = Part::new(&[
    include_str!("catalogue/structure/fields.toml"),
    include_str!("catalogue/structure/offer.toml"),
    include_str!("catalogue/proxies/own_answers.toml"),
    include_str!("catalogue/proxies/any_hop.toml"),
    include_str!("catalogue/answers/node.toml"),
    include_str!("catalogue/answers/python.toml"),
    include_str!("catalogue/answers/java.toml"),
    include_str!("catalogue/answers/native.toml"),
    include_str!("catalogue/answers/other.toml"),
    include_str!("catalogue/opened.toml"),
    include_str!("catalogue/closings.toml"),
]);

/// What `explain` knows beside them.
static TOPICS: Part = Part::new(&[
    include_str!("catalogue/statuses/below_500.toml"),
    include_str!("catalogue/statuses/from_500.toml"),
    include_str!("catalogue/closes.toml"),
    include_str!("catalogue/products/proxies.toml"),
    include_str!("catalogue/products/servers.toml"),
]);

/// Whose codes mean what.
static APPLICATIONS: Part = Part::new(&[include_str!("catalogue/applications.toml")]);

/// A part of the embedded files. It is read when it is first asked for: a capture without trouble asks for none.
struct Part {
    files: &'static [&'static str],
    read: OnceLock<Contents>,
}

/// What stands in a part.
#[derive(Debug, Default)]
struct Contents {
    rows: Rows,
    findings: BTreeMap<FindingId, FindingText>,
    topics: Vec<Topic>,
    applications: Vec<Application>,
}

/// All rows, and the texts of all findings.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Where the user has rows of their own: those, and the embedded ones behind them.
    with_own: Option<Rows>,
}

/// One known cause, with what it looks like on the wire.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, such as `S01`; a letter behind it tells variants apart.
    #[serde(deserialize_with = "read::shared")]
    pub id: Arc<str>,
    /// What it is evidence of; the first that the circumstances allow.
    #[serde(rename = "finding", deserialize_with = "read::findings")]
    pub findings: Vec<FindingId>,
    /// What it is held against.
    pub on: On,
    /// What must be so for it to match.
    #[serde(default)]
    pub(super) when: Conditions,
    /// The same for a closing.
    #[serde(default)]
    pub(super) closing: ClosingConditions,
    /// Why it happens; the finding's own text where the row has none.
    pub cause: Option<String>,
    /// What to do about it; likewise.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub fix: Arc<[String]>,
    /// What is wasted time; likewise.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub wont_help: Arc<[String]>,
    /// What differs where the hop is known.
    #[serde(default)]
    pub(super) software: Vec<Variant>,
    /// Whether its words are meant for a hop that does not name itself: what the finding has for the hop's software is
    /// better.
    #[serde(default)]
    pub(super) general: bool,
    /// How it is known.
    #[serde(default)]
    pub backing: Backing,
    /// Where it is known from.
    #[serde(default)]
    pub source: String,
    /// Whether it is the user's own.
    #[serde(skip)]
    pub own: bool,
}

/// What a row is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A finding that structure has established, between two legs or on a lone one.
    Hop,
    /// The answer on a leg.
    Answer,
    /// A 101 and what came of it.
    Opened,
    /// The end of an opened WebSocket.
    Closing,
}

/// How a row is known to be true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backing {
    /// A capture in `captures/` shows it.
    Recorded,
    /// Read in the project's source, or a clause of an RFC.
    Source,
    /// Nobody has checked it: never more than a guess.
    Unverified,
    /// The user vouches for it, as a row does that says nothing of its backing; never so in the embedded files.
    #[default]
    #[serde(skip)]
    Own,
}

/// What is told of a finding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingText {
    #[serde(deserialize_with = "read::finding")]
    id: FindingId,
    /// A few words.
    pub title: String,
    /// What it is, in a sentence or two.
    pub meaning: String,
    /// When one meets it.
    pub seen: String,
    /// Why it happens.
    pub cause: String,
    /// Lines to paste or steps to take.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub fix: Arc<[String]>,
    /// What is wasted time.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub wont_help: Arc<[String]>,
    /// What the packets show.
    pub wire: String,
    /// Where the rule is written.
    pub reference: String,
    /// What differs where the hop is known.
    #[serde(default)]
    pub software: Vec<Variant>,
    /// What differs where two legs were seen, so that nobody need be told to capture the second.
    #[serde(default)]
    pub(super) both_legs: Option<Variant>,
}

/// What is told of a finding where the hop calls itself so, or where more was seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Part of its `Server` field, in any case.
    #[serde(default)]
    pub(super) name: OneOrMany<String>,
    /// In place of the finding's own.
    pub cause: Option<String>,
    /// Likewise.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub fix: Arc<[String]>,
    /// Likewise.
    #[serde(default, deserialize_with = "read::shared_lines")]
    pub wont_help: Arc<[String]>,
}

/// What a data file may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    finding: Vec<FindingText>,
    row: Vec<Row>,
    status: Vec<Topic>,
    close: Vec<Topic>,
    product: Vec<Topic>,
    application: Vec<Application>,
}

impl Part {
    const fn new(files: &'static [&'static str]) -> Self {
        let read = OnceLock::new();
        Self { files, read }
    }

    fn contents(&self) -> &Contents {
        #[expect(clippy::expect_used, reason = "a test parses the embedded files")]
        self.read
            .get_or_init(|| Contents::parse(self.files).expect("the embedded catalogue is valid"))
    }

    /// The text of a finding, read by itself: from its heading, under which its name stands, up to the next.
    fn finding(&self, finding: FindingId) -> Option<FindingText> {
        const HEADING: &str = "[[finding]]\n";
        let begin = format!("{HEADING}id = \"{}\"\n", finding.name());
        let begin = memmem::Finder::new(&begin);
        let text = self.files.iter().find_map(|file| {
            let (_, text) = file.split_at_checked(begin.find(file.as_bytes())?)?;
            let (_, behind) = text.split_at_checked(HEADING.len())?;
            let end = memmem::find(behind.as_bytes(), HEADING.as_bytes());
            text.get(..end.map_or(text.len(), |end| HEADING.len() + end))
        })?;
        toml::from_str::<File>(text).ok()?.finding.pop()
    }
}

impl Catalogue {
    /// The catalogue that is part of the program.
    pub const fn embedded() -> &'static Self {
        static EMBEDDED: Catalogue = Catalogue { with_own: None };
        &EMBEDDED
    }

    /// Reads now what is otherwise read when it is first asked for: in a live capture that is when trouble has come, and
    /// everybody waits.
    pub fn read_ahead(&self) {
        self.found();
        APPLICATIONS.contents();
        for finding in FindingId::ALL {
            self.text(*finding);
        }
    }

    /// All rows, in the order in which they are tried.
    pub fn rows(&self) -> &[Row] {
        self.found().all()
    }

    /// The row of that name.
    pub(super) fn row(&self, id: &str) -> Option<&Row> {
        self.found().named(id)
    }

    /// The rows that tell of a finding, in the same order.
    pub(super) fn rows_about(&self, finding: FindingId) -> impl Iterator<Item = &Row> + Clone {
        self.found().about(finding)
    }

    /// The rows that may fit an answer with that status, likewise.
    pub(super) fn rows_of_status(&self, status: u16) -> impl Iterator<Item = &Row> {
        self.found().of_status(status)
    }

    fn found(&self) -> &Rows {
        match &self.with_own {
            Some(rows) => rows,
            None => &ROWS.contents().rows,
        }
    }

    /// Whether the user has rows of their own.
    pub(super) const fn has_own_rows(&self) -> bool {
        self.with_own.is_some()
    }

    /// What is told of a finding; all have a text in the embedded catalogue. Each is read when it is first asked for: most
    /// captures ask for a few.
    pub fn text(&self, finding: FindingId) -> Option<&FindingText> {
        static READ: [OnceLock<Option<FindingText>>; FindingId::ALL.len()] =
            [const { OnceLock::new() }; FindingId::ALL.len()];
        let read = READ.get(finding as usize)?;
        let alone = read.get_or_init(|| FINDINGS.finding(finding));
        // What does not stand there as it should is found by reading all.
        let all = || FINDINGS.contents().findings.get(&finding);
        alone.as_ref().or_else(all)
    }

    /// What to tell of a finding: the texts of its row where one matched, of the finding where the row is silent; of each
    /// in the variant for the hop's `software` where there is one.
    pub fn advice(&self, finding: FindingId, row: Option<&Row>, software: Option<&str>) -> Advice {
        self.advice_of(finding, row, software, false)
    }

    /// What to tell of a finding, by the row that it names and the software of the hop. Where it is one of several hops,
    /// the configuration of none is named.
    pub(super) fn advice_on(
        &self,
        finding: &Finding,
        hop: Option<&Hop>,
        both_legs: bool,
    ) -> Advice {
        let row = finding.rule.as_ref().and_then(|id| self.row(id));
        if hop.is_some_and(|hop| hop.adjacent == Some(false)) {
            // Whoever wrote a row of their own knows their hops.
            return self.advice_of(finding.id, row.filter(|row| row.own), None, both_legs);
        }
        let software = hop.and_then(|hop| hop.software.as_deref());
        self.advice_of(finding.id, row, software, both_legs)
    }

    /// What `explain` knows beside the findings: statuses, close codes, products.
    #[expect(
        clippy::unused_self,
        reason = "who asks need not know what is read when"
    )]
    pub(super) fn topics(&self) -> &[Topic] {
        &TOPICS.contents().topics
    }
}

impl Contents {
    fn parse(files: &[&str]) -> Result<Self, toml::de::Error> {
        let mut all = Self::default();
        let mut rows = Vec::new();
        for text in files {
            let file: File = toml::from_str(text)?;
            rows.extend(file.row);
            all.applications.extend(file.application);
            all.findings
                .extend(file.finding.into_iter().map(|text| (text.id, text)));
            for (kind, topics) in [
                (TopicKind::Status, file.status),
                (TopicKind::Close, file.close),
                (TopicKind::Product, file.product),
            ] {
                all.topics
                    .extend(topics.into_iter().map(|topic| Topic { kind, ..topic }));
            }
        }
        all.rows = Rows::new(rows);
        Ok(all)
    }
}

impl Row {
    /// How sure a finding is that rests on this row alone.
    pub(super) const fn confidence(&self) -> Confidence {
        match self.backing {
            Backing::Recorded | Backing::Source | Backing::Own => Confidence::Likely,
            Backing::Unverified => Confidence::Guess,
        }
    }
}

#[cfg(test)]
mod tests;
