//! What `explain` tells of a status, a close code or a product.

use std::sync::Arc;

use serde::Deserialize;

/// One thing that can be explained.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::judge) struct Topic {
    /// What it is; by the table it stands in.
    #[serde(skip)]
    pub kind: TopicKind,
    /// What it is asked for by: `426`, `5xx`, `1010`, `4000-4999`, `nginx`.
    pub key: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Its name, or a few words.
    pub title: String,
    /// Who says it.
    pub who: String,
    /// What it is.
    pub meaning: String,
    /// When one meets it.
    pub seen: String,
    /// What the packets show.
    pub wire: String,
    /// For a product: what it does to a handshake by default.
    pub does: Vec<String>,
    /// Why it happens, and how to tell.
    pub causes: Vec<Cause>,
    /// Lines to paste or steps to take.
    pub fix: Vec<String>,
    /// What is wasted time.
    pub wont_help: Vec<String>,
    /// For a product: its own answers, and what each means, as `answer = meaning`.
    pub answers: Vec<String>,
    /// For a close code from 3000 to 4999: who is known to use it, and for what, as `who = meaning`.
    #[serde(skip)]
    pub uses: Vec<String>,
    /// For a product: when it cuts a WebSocket, and what moves that.
    pub timeouts: Vec<String>,
    /// What to capture to be sure.
    pub capture: Vec<String>,
    /// What tells it from its neighbours, in one line.
    pub apart: String,
    /// What is good to know beside; what is told elsewhere and is no longer so.
    pub notes: Vec<String>,
    /// What else to ask for.
    pub see: Vec<String>,
    /// For a finding: why it happens, in general.
    #[serde(skip)]
    pub cause: String,
    /// For a finding: the answers that tell of it.
    #[serde(skip)]
    pub said: Vec<Cause>,
    /// For a finding: what to do where the hop is known.
    #[serde(skip)]
    pub variants: Vec<(String, Vec<String>)>,
    /// For a finding: where the rule is written.
    #[serde(skip)]
    pub reference: String,
}

/// One cause of a status or a close code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::judge) struct Cause {
    /// The row that tells of it, for a finding.
    #[serde(skip)]
    pub row: Option<Arc<str>>,
    /// Whether that is the user's own.
    #[serde(skip)]
    pub own: bool,
    /// What happened.
    pub what: String,
    /// The bytes that tell it from the others.
    pub wire: String,
    /// What to do.
    #[serde(default)]
    pub fix: Vec<String>,
}

/// What a topic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::judge) enum TopicKind {
    /// An HTTP status.
    #[default]
    Status,
    /// A close code.
    Close,
    /// A product.
    Product,
    /// A finding, with what its rows tell.
    Finding,
}
