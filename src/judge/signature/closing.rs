//! What a row may ask of a closing.

use std::time::Duration;

use serde::Deserialize;

use super::ClosingScene;
use crate::http::Version;
use crate::judge::catalogue::{OneOrMany, read};
use crate::judge::{Kind, Party};

/// The conditions of a row about a closing; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::judge) struct ClosingConditions {
    /// How it ended.
    #[serde(deserialize_with = "read::kind")]
    kind: Option<Kind>,
    /// What an API reports.
    code: OneOrMany<u16>,
    /// Who ended it.
    #[serde(deserialize_with = "read::party")]
    by: Option<Party>,
    /// Whether a proxy ended it, as far as can be seen.
    at_hop: Option<bool>,
    /// A ping of Engine.IO went unanswered.
    engine_io: Option<bool>,
    /// How a proxy that ended both sides by itself did so, towards the client and towards the server: `fin rst`.
    ends: OneOrMany<String>,
    /// Version of the request that the server got.
    #[serde(deserialize_with = "read::version")]
    version: Option<Version>,
    /// How the reason begins.
    reason_prefix: OneOrMany<String>,
    /// Seconds of silence of both sides before the end, about.
    idle_s: OneOrMany<f64>,
    /// Seconds of silence of the server's side before the end, about.
    server_idle_s: OneOrMany<f64>,
    /// Seconds from the 101 to the end, about.
    age_s: OneOrMany<f64>,
    /// What the hop calls itself; `?` where it does not.
    software: OneOrMany<String>,
    /// Part of a field that shows who handled it.
    marks: OneOrMany<String>,
}

impl ClosingConditions {
    /// A list of text that has an empty one in it, which nothing could fail.
    pub(in crate::judge) fn empty_text(&self) -> Option<&'static str> {
        super::first_empty(&[
            ("closing.ends", &self.ends),
            ("closing.reason_prefix", &self.reason_prefix),
            ("closing.software", &self.software),
            ("closing.marks", &self.marks),
        ])
    }

    /// Whether all of them hold.
    pub(in crate::judge) fn hold(&self, scene: &ClosingScene<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == scene.kind)
            && self.code.allows(|&code| scene.code == Some(code))
            && self.by.is_none_or(|by| by == scene.by)
            && self.at_hop.is_none_or(|at_hop| at_hop == scene.at_hop)
            && self.engine_io.is_none_or(|waits| waits == scene.engine_io)
            && self.ends.allows(|ends| scene.ends == Some(ends))
            && self
                .version
                .is_none_or(|version| scene.version == Some(version))
            && self
                .reason_prefix
                .allows(|prefix| scene.reason.starts_with(prefix.as_str()))
            && self.idle_s.allows(|&s| is_about(scene.idle, s))
            && self
                .server_idle_s
                .allows(|&s| is_about(scene.server_idle, s))
            && self.age_s.allows(|&s| is_about(scene.age, s))
            && super::is_software(&self.software, scene.software)
            && self
                .marks
                .allows(|part| scene.marks.iter().any(|mark| super::contains(mark, part)))
    }

    /// In words, one for each, for `explain`.
    pub(in crate::judge) fn describe(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(
            self.kind
                .map(|kind| format!("a closing of kind {}", kind.name())),
        );
        words.extend(self.code.values().iter().map(|code| format!("code {code}")));
        words.extend(self.by.map(|by| format!("ended by the {}", by.name())));
        words.extend(self.at_hop.map(|at_hop| {
            let who = if at_hop { "a proxy" } else { "an endpoint" };
            format!("ended by {who}, as far as can be seen")
        }));
        if self.engine_io == Some(true) {
            words.push("a ping of Engine.IO without an answer".into());
        }
        let ends = self.ends.values().iter();
        words.extend(ends.map(|ends| {
            let ends = ends.to_uppercase();
            let (client, server) = ends.split_once(' ').unwrap_or_default();
            format!("{client} to the client and {server} to the server")
        }));
        words.extend(
            self.version
                .map(|version| format!("a request with {}", version.name())),
        );
        let reasons = self.reason_prefix.values().iter();
        words.extend(reasons.map(|text| format!("reason begins {text:?}")));
        for (seconds, what) in [
            (&self.idle_s, "of silence on both sides"),
            (&self.server_idle_s, "without a byte from the server"),
            (&self.age_s, "after the 101, whatever was sent"),
        ] {
            let seconds = seconds.values().iter();
            words.extend(seconds.map(|s| format!("about {s} s {what}")));
        }
        let marks = self.marks.values().iter();
        words.extend(marks.map(|mark| format!("{mark} in the handshake")));
        words
    }
}

/// Timers fire late rather than early, and clocks differ: within 0.75 s or 1.5 %, whichever is more.
fn is_about(span: Duration, seconds: f64) -> bool {
    (span.as_secs_f64() - seconds).abs() <= (seconds * 0.015).max(0.75)
}
