//! What structure alone shows: how the legs of the path differ, and what a single leg lacks. No catalogue is needed.

mod difference;
mod edge;
mod lone;

pub(super) use difference::differences;
pub(super) use edge::{Edge, edges};
pub(super) use lone::{lone_confidence, lone_faults};

use crate::attempt::Leg;
use crate::judge::FindingId;

/// What load balancers turn `Connection` into to hide it (F5 `OneConnect`, `NetScaler`).
const RENAMED_CONNECTION: &[&str] = &["x-cnection", "cneonction", "nncoection"];

/// A fault that a request or an answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) id: FindingId,
    pub(super) evidence: Vec<String>,
}

impl Fault {
    pub(super) fn new(id: FindingId, evidence: String) -> Self {
        Self {
            id,
            evidence: vec![evidence],
        }
    }
}

/// What the hop calls itself towards its client; nothing where it only passed on what the server behind it said, or may
/// have.
pub(super) fn software(outer: &Leg, inner: Option<&Leg>) -> Option<Box<str>> {
    let server = outer.answer_field("server")?;
    let passed_on = inner.is_some_and(|inner| {
        let is_lost = inner.response.is_none() && (inner.gaps.response || inner.gaps.one_sided);
        is_lost || inner.answer_field("server").as_ref() == Some(&server)
    });
    (!passed_on).then(|| server.as_ref().into())
}

/// `10.1.0.2 → 10.0.0.5:80`.
pub(super) fn name_of(leg: &Leg) -> String {
    format!(
        "{} → {}",
        leg.connection().client.addr,
        leg.connection().server
    )
}

/// What a request says in a field.
pub(super) fn says(leg: &Leg, name: &str) -> String {
    match leg.request_field(name) {
        Some(value) => format!("{}: {name}: {value}", name_of(leg)),
        None => format!("{}: no {name}", name_of(leg)),
    }
}

/// What an answer says in a field.
pub(super) fn answers(leg: &Leg, name: &str) -> String {
    match leg.answer_field(name) {
        Some(value) => format!("{} answered with {name}: {value}", leg.connection().server),
        None => format!("{} answered without {name}", leg.connection().server),
    }
}

fn renamed_connection(leg: &Leg) -> Option<&'static str> {
    let head = leg.request_head()?;
    RENAMED_CONNECTION
        .iter()
        .copied()
        .find(|name| head.fields.first(name).is_some())
}
