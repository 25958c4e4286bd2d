//! The only room that judges: from an [`Attempt`] or a [`Closing`] to a
//! [`Judgement`]. Pure, without state, testable without a packet.
//!
//! The order of belief: two joined legs that differ, then the structure of one leg, then a signature of the catalogue,
//! then the status alone. All matches stay listed; the first is the root cause.

mod catalogue;
mod ending;
pub mod explain;
mod finding;
mod handshake;
mod opened;
mod refused;
mod signature;
mod structure;
mod trial;
mod verdict;

pub use catalogue::{Backing, BadRules, Catalogue, Row, RulesFile};
pub use ending::closing;
pub use finding::{FindingGroup, FindingId};
pub use handshake::attempt;
pub use signature::{ClosingScene, Scene};
pub use verdict::{Confidence, Kind, Party, Severity, Verdict};

use std::sync::Arc;

use crate::attempt::{Attempt, Closing};
use crate::flow::Endpoint;

/// What is thought of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// One of six.
    pub verdict: Verdict,
    /// How bad it is.
    pub severity: Severity,
    /// All that matched; the first is the root cause unless the verdict is `ok`.
    pub findings: Vec<Finding>,
    /// Who did it.
    pub hop: Option<Hop>,
    /// How the `path` legs differ.
    pub diff: Vec<Difference>,
    /// Final status of the outermost leg; `None` where none came, or the client had left.
    pub status: Option<u16>,
    /// What to tell the user.
    pub advice: Advice,
}

/// What is thought of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingJudgement {
    /// How it ended.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// Code of the first Close frame of the outermost leg that has one; `None` without.
    pub wire_code: Option<u16>,
    /// What an endpoint's API reports, 1005 and 1006 included; `None` while it is open.
    pub code: Option<u16>,
    /// Who sent the first Close, or ended TCP first.
    pub by: Party,
    /// Reason of that Close.
    pub reason: Option<Box<str>>,
    /// What the code means to the application, where it is known whose it is; only where `kind` is `application`.
    pub meaning: Option<Meaning>,
    /// All that matched; the first is the root cause.
    pub findings: Vec<Finding>,
    /// The hop that ended it or spoiled it.
    pub hop: Option<Hop>,
    /// What to tell the user.
    pub advice: Advice,
}

/// What a code from 3000 to 4999 means to the application that sends it. Text of the catalogue, without bytes of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The name of the code.
    pub name: Arc<str>,
    /// Whose it is.
    pub of: Arc<str>,
    /// What in the handshake shows that.
    pub known_by: Arc<str>,
    /// What it means, in a sentence.
    pub text: Arc<str>,
    /// What to do about it.
    pub fix: Arc<[String]>,
}

/// One named fact with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub id: FindingId,
    /// Row of the catalogue, where one matched.
    pub rule: Option<Arc<str>>,
    /// Index of the leg that shows it.
    pub leg: usize,
    /// How sure.
    pub confidence: Confidence,
    /// What was seen, one sentence each; may hold bytes of the network.
    pub evidence: Vec<String>,
}

impl Finding {
    /// What is sure by itself and has no row in the catalogue.
    fn plain(id: FindingId, leg: usize, evidence: Vec<String>) -> Self {
        Self {
            id,
            rule: None,
            leg,
            confidence: Confidence::Certain,
            evidence,
        }
    }

    /// Whether it says that a hop took something away.
    fn is_stripping(&self) -> bool {
        self.id.group() == FindingGroup::Stripped
    }
}

/// Why, what to do, and what not to waste time on. Text of the catalogue, without bytes of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// The likely cause.
    pub cause: Option<String>,
    /// Lines to paste or steps to take.
    pub fix: Arc<[String]>,
    /// What will not help.
    pub wont_help: Arc<[String]>,
}

/// The proxy between two legs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Its side towards the client: server of the outer leg.
    pub inward: Option<Endpoint>,
    /// Its side towards the backend: client of the inner leg.
    pub outward: Option<Endpoint>,
    /// What it calls itself.
    pub software: Option<Box<str>>,
    /// Whether both sides are surely of one machine; see the node's `adjacent`.
    pub adjacent: Option<bool>,
}

/// One difference between two `path` legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Index of the outer leg.
    pub from: usize,
    /// Index of the inner leg.
    pub to: usize,
    /// In the request or in the response. For a response `was` is what the inner leg brought.
    pub message: Message,
    /// Field name in lower case, or `version`, `status`, `target`, `method`.
    pub field: Box<str>,
    /// What happened to it.
    pub change: Change,
    /// Before the hop.
    pub was: Option<Box<str>>,
    /// Behind the hop; for `renamed` the new name with its value.
    pub is: Option<Box<str>>,
}

/// Which message differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// The request, on its way in.
    Request,
    /// The response, on its way out.
    Response,
}

/// What a hop did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is gone.
    Removed,
    /// It was not there before.
    Added,
    /// It has another name.
    Renamed,
    /// It has another value.
    Changed,
}

impl Message {
    /// As in the output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

impl Change {
    /// As in the output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
        }
    }
}

/// An attempt with its judgement, as it travels to the reports.
#[derive(Clone, Debug)]
pub struct JudgedAttempt {
    /// The facts.
    pub attempt: Attempt,
    /// What is thought of them.
    pub judgement: Judgement,
}

/// A closing with its judgement.
#[derive(Clone, Debug)]
pub struct JudgedClosing {
    /// The facts.
    pub closing: Closing,
    /// What is thought of them.
    pub judgement: ClosingJudgement,
}
