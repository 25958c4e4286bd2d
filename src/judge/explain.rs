//! `wscap explain`: what is known of a finding, a status, a close code or a product, as plain text.
//!
//! One word gives a page, several stand side by side. All of it is data of the catalogue; here it is looked up and laid
//! out.

mod columns;
mod page;
mod wrap;

use std::fmt;

use crate::judge::catalogue::{Cause, On, Topic, TopicKind};
use crate::judge::{Catalogue, FindingGroup, FindingId, Row};

/// A word that nothing is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The word as it was typed.
    pub word: String,
    /// What may have been meant, best first.
    pub near: Vec<String>,
}

/// How many near matches are worth reading.
const NEAR: usize = 5;

/// What is known of each word; of several side by side, where `width` gives each a readable column.
pub fn explain(words: &[String], catalogue: &Catalogue, width: usize) -> Result<String, Unknown> {
    let topics = words
        .iter()
        .map(|word| look_up(word, catalogue).ok_or_else(|| unknown(word, catalogue)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match topics.as_slice() {
        [] => list(catalogue),
        [topic] => page::page(topic, width),
        several => columns::columns(several, width).unwrap_or_else(|| {
            let pages: Vec<_> = several
                .iter()
                .map(|topic| page::page(topic, width))
                .collect();
            pages.join(&format!("\n{}\n\n", "-".repeat(width.min(72))))
        }),
    })
}

/// Everything that can be explained, one a line.
pub fn list(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (group, name) in [
        (
            FindingGroup::Stripped,
            "FINDINGS: a hop removed or mangled a field",
        ),
        (
            FindingGroup::Downgraded,
            "FINDINGS: it opened with less, or lesser",
        ),
        (
            FindingGroup::Rejected,
            "FINDINGS: refused, or never answered",
        ),
        (FindingGroup::Other, "FINDINGS: notes"),
        (
            FindingGroup::Frames,
            "FINDINGS: frames that break the rules",
        ),
        (
            FindingGroup::Closings,
            "FINDINGS: how an opened WebSocket ended",
        ),
    ] {
        let ids = FindingId::ALL.iter().filter(|id| id.group() == group);
        let lines = ids.map(|id| {
            let title = catalogue.text(*id).map_or("", |text| text.title.as_str());
            (id.name().to_owned(), title.to_owned())
        });
        section(&mut text, name, lines);
    }
    for (kind, name) in [
        (TopicKind::Status, "HTTP STATUSES"),
        (TopicKind::Close, "CLOSE CODES"),
        (TopicKind::Product, "PRODUCTS"),
    ] {
        let topics = catalogue.topics().iter().filter(|topic| topic.kind == kind);
        let lines = topics.map(|topic| (topic.key.clone(), topic.title.clone()));
        section(&mut text, name, lines);
    }
    let applications = catalogue.applications().iter();
    let lines = applications.map(|known| (known.name.to_string(), known.about.clone()));
    section(&mut text, "WHO HAS CLOSE CODES OF THEIR OWN", lines);
    let mut own = catalogue.rows().iter().filter(|row| row.own).peekable();
    if own.peek().is_some() {
        let lines = own.map(|row| {
            let names: Vec<_> = row.findings.iter().map(|id| id.name()).collect();
            (row.id.to_string(), names.join(", "))
        });
        section(&mut text, "OWN ROWS, AND THEIR FINDINGS", lines);
    }
    text.push_str("wscap explain WORD for one of them; several words are set side by side.\n");
    text
}

fn section(text: &mut String, name: &str, lines: impl Iterator<Item = (String, String)>) {
    text.push_str(name);
    text.push('\n');
    for (key, title) in lines {
        text.push_str(format!("  {key:<30}{title}").trim_end());
        text.push('\n');
    }
    text.push('\n');
}

/// The topic of a word: by its name, else by a range of numbers that it falls into.
fn look_up(word: &str, catalogue: &Catalogue) -> Option<Topic> {
    let word = word.trim().to_ascii_lowercase();
    if let Some(finding) = FindingId::from_name(&word.replace(['-', ' '], "_")) {
        return of_finding(finding, catalogue);
    }
    // The page of its finding has all that it says.
    let mut own = catalogue.rows().iter().filter(|row| row.own);
    if let Some(row) = own.find(|row| row.id.eq_ignore_ascii_case(&word)) {
        return of_finding(*row.findings.first()?, catalogue);
    }
    let topics = catalogue.topics();
    let named = |topic: &&Topic| topic.key == word || topic.aliases.contains(&word);
    let number = word.parse::<u16>().ok();
    let ranged = |topic: &&Topic| {
        let among = |(from, to)| number.is_some_and(|number| (from..=to).contains(&number));
        range(&topic.key).is_some_and(among)
    };
    let Some(topic) = topics
        .iter()
        .find(named)
        .or_else(|| topics.iter().find(ranged))
    else {
        return catalogue.application_page(&word);
    };
    // A number keeps its own name on the page of a whole range.
    let key = if number.is_some() {
        word
    } else {
        topic.key.clone()
    };
    let code = number.filter(|_| topic.kind == TopicKind::Close);
    Some(Topic {
        key,
        uses: code.map_or_else(Vec::new, |code| catalogue.known_uses(code)),
        ..topic.clone()
    })
}

/// `5xx` is 500 to 599, `1016-2999` what it says; `44xx` has names for those of its codes that mean something.
fn range(key: &str) -> Option<(u16, u16)> {
    if let Some(class) = key.strip_suffix("xx").filter(|class| class.len() == 1) {
        let class: u16 = class.parse().ok()?;
        return Some((
            class.checked_mul(100)?,
            class.checked_mul(100)?.checked_add(99)?,
        ));
    }
    let (from, to) = key.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// The text of a finding with the rows that tell of it.
fn of_finding(finding: FindingId, catalogue: &Catalogue) -> Option<Topic> {
    let text = catalogue.text(finding)?;
    let rows = catalogue
        .rows()
        .iter()
        .filter(|row| row.findings.contains(&finding));
    let (said, causes): (Vec<&Row>, Vec<&Row>) = rows.partition(|row| row.on == On::Answer);
    let told = |rows: Vec<&Row>| -> Vec<Cause> {
        rows.into_iter()
            .filter_map(|row| {
                let words = match row.on {
                    On::Closing => row.closing.describe(),
                    On::Hop | On::Answer | On::Opened => row.when.describe(),
                };
                Some(Cause {
                    row: Some(row.id.clone()),
                    own: row.own,
                    what: match &row.cause {
                        // It is there because the user wrote it, whatever it says.
                        None if row.own => "without a cause of its own".to_owned(),
                        cause => cause.clone()?,
                    },
                    wire: words.join("; "),
                    fix: if row.own {
                        row.fix.to_vec()
                    } else {
                        Vec::new()
                    },
                })
            })
            .collect()
    };
    Some(Topic {
        kind: TopicKind::Finding,
        key: finding.name().to_owned(),
        title: text.title.clone(),
        meaning: text.meaning.clone(),
        seen: text.seen.clone(),
        wire: text.wire.clone(),
        cause: text.cause.clone(),
        causes: told(causes),
        said: told(said),
        fix: text.fix.to_vec(),
        variants: text
            .software
            .iter()
            .filter(|variant| !variant.fix.is_empty())
            .map(|variant| (variant.name.values().join(" or "), variant.fix.to_vec()))
            .collect(),
        wont_help: text.wont_help.to_vec(),
        reference: text.reference.clone(),
        ..Topic::default()
    })
}

fn unknown(word: &str, catalogue: &Catalogue) -> Unknown {
    let typed = word.trim().to_ascii_lowercase().replace('-', "_");
    let names = FindingId::ALL.iter().map(|id| id.name().to_owned());
    let topics = catalogue.topics().iter();
    let names = names.chain(topics.flat_map(|topic| {
        let aliases = topic.aliases.iter().cloned();
        std::iter::once(topic.key.clone()).chain(aliases)
    }));
    let applications = catalogue.applications().iter();
    let names = names.chain(applications.map(|known| known.name.to_ascii_lowercase()));
    let mut near: Vec<(usize, String)> = names
        .filter_map(|name| {
            let plain = name.replace('-', "_");
            let has = typed.len() > 2 && (plain.contains(&typed) || typed.contains(&plain));
            let far = if has { 1 } else { distance(&typed, &plain) };
            (far <= typed.len().div_ceil(3)).then_some((far, name))
        })
        .collect();
    // Stable: among equals the order of the catalogue, which has the common ones first.
    near.sort_by_key(|(far, _)| *far);
    Unknown {
        word: word.to_owned(),
        near: near.into_iter().take(NEAR).map(|(_, name)| name).collect(),
    }
}

/// The finding whose name is nearest to a word, if one is near enough to have been meant.
pub(super) fn nearest_finding(word: &str) -> Option<&'static str> {
    let names = FindingId::ALL.iter().map(|id| id.name());
    let measured = names.map(|name| (distance(word, name), name));
    measured
        .min_by_key(|(far, _)| *far)
        .filter(|(far, _)| *far <= word.chars().count().div_ceil(3))
        .map(|(_, name)| name)
}

/// How many letters must be added, removed or changed to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut above_left = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let changed = above_left + usize::from(x != y);
            above_left = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// `wscap explain: nothing is known of "ngnix". Did you mean nginx? …`
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is known of {:?}.", self.word)?;
        if !self.near.is_empty() {
            write!(f, " Did you mean {}?", self.near.join(", "))?;
        }
        write!(f, " wscap explain --list shows all words.")
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests;
