//! The words of `--only` and `--fail-on`, and which attempts and closings they mean.

use super::{Error, similar};
use crate::judge::{ClosingJudgement, FindingId, Judgement, Kind, Severity, Verdict};

/// What to look for; empty means that nothing was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch(Vec<Word>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Verdict(Verdict),
    Close(Kind),
    Finding(FindingId),
    Any,
}

impl Watch {
    /// From the words as typed for `flag`.
    pub(crate) fn parse(flag: &'static str, words: &[String]) -> Result<Self, Error> {
        words
            .iter()
            .map(|word| word.trim())
            .map(|word| parse(word).ok_or_else(|| unknown(flag, word)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Nothing was asked for.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an attempt is meant. A verdict does not mean what needs no care: health probes, other protocols, `ok`.
    pub fn attempt(&self, judgement: &Judgement) -> bool {
        self.0.iter().any(|word| match word {
            Word::Verdict(verdict) => {
                judgement.verdict == *verdict && judgement.severity != Severity::Info
            }
            Word::Close(_) => false,
            Word::Finding(id) => judgement.findings.iter().any(|finding| finding.id == *id),
            Word::Any => judgement.severity == Severity::Error,
        })
    }

    /// Whether a verdict is among the words, however little care it needs.
    pub fn names(&self, verdict: Verdict) -> bool {
        self.0.contains(&Word::Verdict(verdict))
    }

    /// Whether a closing is meant.
    pub fn closing(&self, judgement: &ClosingJudgement) -> bool {
        self.0.iter().any(|word| match word {
            Word::Verdict(_) => false,
            Word::Close(kind) => judgement.kind == *kind,
            Word::Finding(id) => judgement.findings.iter().any(|finding| finding.id == *id),
            Word::Any => judgement.severity == Severity::Error,
        })
    }
}

fn parse(word: &str) -> Option<Word> {
    if word == "any" {
        return Some(Word::Any);
    }
    if let Some(kind) = word.strip_prefix("close:") {
        return Kind::from_name(kind).map(Word::Close);
    }
    Verdict::from_name(word)
        .map(Word::Verdict)
        .or_else(|| FindingId::from_name(word).map(Word::Finding))
}

fn unknown(flag: &'static str, word: &str) -> Error {
    let kinds: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| format!("close:{}", kind.name()))
        .collect();
    let known = Verdict::ALL
        .iter()
        .map(|verdict| verdict.name())
        .chain(kinds.iter().map(String::as_str))
        .chain(FindingId::ALL.iter().map(|id| id.name()))
        .chain(["any"]);
    Error::UnknownWord {
        flag,
        word: word.to_owned(),
        hint: similar::hint(word, known).unwrap_or_else(|| {
            String::from("wscap --help lists the words, wscap explain --list the findings")
        }),
    }
}
