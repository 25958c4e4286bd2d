//! What `explain` tells of a status, a close code or a product.

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
    /// For a product: when it cuts a WebSocket, and what moves that.
    pub timeouts: Vec<String>,
    /// What to capture to be sure.
    pub capture: Vec<String>,
    /// What tells it from its neighbours, in one line.
    pub apart: String,
    /// What is told elsewhere and is no longer so, or never was.
    pub corrections: Vec<String>,
    /// What else to ask for.
    pub see: Vec<String>,
}

/// One cause of a status or a close code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::judge) struct Cause {
    /// What happened.
    pub what: String,
    /// The bytes that tell it from the others.
    pub wire: String,
    /// What to do.
    pub fix: Option<String>,
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
}
