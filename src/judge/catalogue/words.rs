//! Whose words are told of a finding.

use std::sync::Arc;

use super::{Catalogue, FindingText, Row, Variant};
use crate::judge::{Advice, FindingId};

impl Catalogue {
    /// What to tell, best first: the row, the finding, the variant of either for the hop's software.
    pub(super) fn advice_of(
        &self,
        finding: FindingId,
        row: Option<&Row>,
        software: Option<&str>,
        both_legs: bool,
    ) -> Advice {
        let text = self.text(finding);
        let own = row.map(Words::from);
        let mut sources = vec![
            row.and_then(|row| variant(&row.software, software))
                .map(Words::from),
        ];
        let of_finding = text
            .and_then(|text| variant(&text.software, software))
            .map(Words::from);
        let is_general = row.is_some_and(|row| row.general);
        sources.extend(if is_general {
            [of_finding, own]
        } else {
            [own, of_finding]
        });
        let both_legs = text
            .filter(|_| both_legs)
            .and_then(|text| text.both_legs.as_ref());
        sources.push(both_legs.map(Words::from));
        sources.push(text.map(Words::from));
        let words: Vec<Words<'_>> = sources.into_iter().flatten().collect();
        let lines = |of: for<'w> fn(&Words<'w>) -> &'w Arc<[String]>| {
            let mut all = words.iter().map(of);
            let found = all.find(|lines| !lines.is_empty());
            found.cloned().unwrap_or_default()
        };
        Advice {
            cause: words
                .iter()
                .find_map(|words| words.cause)
                .map(str::to_owned),
            fix: lines(|words| words.fix),
            wont_help: lines(|words| words.wont_help),
        }
    }
}

/// The variant for what a hop calls itself.
fn variant<'a>(variants: &'a [Variant], software: Option<&str>) -> Option<&'a Variant> {
    let software = software?.to_ascii_lowercase();
    variants.iter().find(|variant| {
        let mut names = variant.name.values().iter();
        names.any(|name| software.contains(&name.to_ascii_lowercase()))
    })
}

/// What one place of the catalogue has to say.
struct Words<'a> {
    cause: Option<&'a str>,
    fix: &'a Arc<[String]>,
    wont_help: &'a Arc<[String]>,
}

impl<'a> From<&'a Row> for Words<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            cause: row.cause.as_deref(),
            fix: &row.fix,
            wont_help: &row.wont_help,
        }
    }
}

impl<'a> From<&'a Variant> for Words<'a> {
    fn from(variant: &'a Variant) -> Self {
        Self {
            cause: variant.cause.as_deref(),
            fix: &variant.fix,
            wont_help: &variant.wont_help,
        }
    }
}

impl<'a> From<&'a FindingText> for Words<'a> {
    fn from(text: &'a FindingText) -> Self {
        Self {
            cause: Some(&text.cause),
            fix: &text.fix,
            wont_help: &text.wont_help,
        }
    }
}
