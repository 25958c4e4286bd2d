//! The catalogue of a run: the embedded one, with the rows of the user's own files before it.

use std::borrow::Cow;
use std::path::PathBuf;

use super::Error;
use crate::capture;
use crate::judge::{Catalogue, RulesFile};
use crate::limits::RULES_BYTES;
use crate::report::sanitize::clean;

/// Reads those files; without any nothing is copied.
pub fn catalogue(rules: &[PathBuf]) -> Result<Cow<'static, Catalogue>, Error> {
    if rules.is_empty() {
        return Ok(Cow::Borrowed(Catalogue::embedded()));
    }
    let mut read = Vec::new();
    for path in rules {
        let text = capture::read_text(path, RULES_BYTES)?;
        read.push((path.display().to_string(), text));
    }
    let files: Vec<_> = read
        .iter()
        .map(|(name, text)| RulesFile { name, text })
        .collect();
    Ok(Cow::Owned(
        Catalogue::embedded().with_rules(&files, is_fit)?,
    ))
}

/// What stays as it is where it is printed.
fn is_fit(text: &str) -> bool {
    matches!(clean(text, usize::MAX), Cow::Borrowed(_))
}
