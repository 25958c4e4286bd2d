//! Pages that lie over a screen: one attempt or closing, text to copy, the help.

use std::sync::Arc;

use crate::judge::{JudgedAttempt, JudgedClosing};
use crate::tally::Group;

/// A page over the screen.
#[derive(Clone, Debug)]
pub(super) enum Over {
    Detail(Detail),
    Paste(Paste),
    Help { scroll: usize },
}

/// One attempt or closing.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    pub(super) subject: Subject,
    /// The group it stands for, where it was chosen among groups.
    pub(super) group: Option<Group>,
    pub(super) scroll: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Subject {
    Attempt(Arc<JudgedAttempt>),
    Closing(Arc<JudgedClosing>),
}

/// Text to be copied.
#[derive(Clone, Debug)]
pub(super) struct Paste {
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) scroll: usize,
    /// It was handed to the terminal.
    pub(super) copied: bool,
}

impl Subject {
    pub(super) fn fix(&self) -> &[String] {
        match self {
            Self::Attempt(judged) => &judged.judgement.advice.fix,
            // An application's own code is no finding, yet it may be known what to do about it.
            Self::Closing(judged) => match &judged.judgement.meaning {
                Some(meaning) if judged.judgement.findings.is_empty() => &meaning.fix,
                _ => &judged.judgement.advice.fix,
            },
        }
    }
}
