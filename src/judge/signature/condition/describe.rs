//! Conditions in words, for `explain`.

use super::{Conditions, FieldPatterns, Outer};
use crate::judge::catalogue::OneOrMany;
use crate::judge::signature::facts::{AcceptIs, Asked, Key, Origin};

impl Conditions {
    /// In words, one text for each message that they ask about.
    pub(in crate::judge) fn describe(&self) -> Vec<String> {
        let outer = self.outer.as_ref().map(Outer::describe).unwrap_or_default();
        let inner = self
            .inner
            .values()
            .iter()
            .map(|fate| fate.words().to_owned());
        let inner_status = self.inner_status.values().iter().map(u16::to_string);
        let inner: Vec<_> = inner.chain(inner_status).collect();
        let mut inner = vec![inner.join(" or ")];
        inner.retain(|words| !words.is_empty());
        describe_fields(&self.inner_fields, &mut inner);
        [
            ("before the hop: ", outer.join(", ")),
            ("request: ", self.of_request().join(", ")),
            ("answer: ", self.of_answer().join(", ")),
            ("upstream: ", inner.join(", ")),
        ]
        .into_iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(message, words)| format!("{message}{words}"))
        .collect()
    }

    fn of_request(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.version.map(|version| version.name().to_owned()));
        if !self.method.values().is_empty() {
            words.push(self.method.values().join(" or "));
        }
        if !self.target_contains.values().is_empty() {
            words.push(format!("target has {}", either(&self.target_contains)));
        }
        describe_fields(&self.request, &mut words);
        if !self.added.values().is_empty() {
            words.push(format!("{} added", self.added.values().join(" or ")));
        }
        let key = match self.key {
            Some(Key::Missing) => Some("no Sec-WebSocket-Key"),
            Some(Key::Invalid) => Some("Sec-WebSocket-Key is not 16 bytes"),
            Some(Key::Valid) | None => None,
        };
        let origin = match self.origin {
            Some(Origin::Other) => Some("Origin names another host than Host"),
            Some(Origin::Same) => Some("Origin and Host name the same host"),
            None => None,
        };
        let asked = match self.asked {
            Some(Asked::Whole) => Some("a whole handshake"),
            Some(Asked::Stripped) => Some("no Upgrade, or no upgrade in Connection"),
            None => None,
        };
        let told = [key, origin, asked].into_iter().flatten();
        words.extend(told.map(str::to_owned));
        words
    }

    fn of_answer(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(
            self.response_version
                .map(|version| version.name().to_owned()),
        );
        if !self.status.values().is_empty() {
            let statuses: Vec<_> = self.status.values().iter().map(u16::to_string).collect();
            words.push(statuses.join(" or "));
        }
        if !self.fate.values().is_empty() {
            let fates: Vec<_> = self.fate.values().iter().map(|fate| fate.words()).collect();
            words.push(fates.join(" or "));
        }
        words.extend(self.reason.as_ref().map(|reason| {
            if reason.is_empty() {
                "empty reason phrase".to_owned()
            } else {
                format!("reason phrase: {reason}")
            }
        }));
        for (verb, texts) in [
            ("reason phrase begins:", &self.reason_prefix),
            ("body:", &self.body),
            ("body begins:", &self.body_prefix),
            ("body has:", &self.body_contains),
        ] {
            if verb == "body:" {
                describe_fields(&self.fields, &mut words);
            }
            if !texts.values().is_empty() {
                words.push(format!("{verb} {}", either(texts)));
            }
        }
        words.extend(match self.accept {
            Some(AcceptIs::Wrong) => Some("Sec-WebSocket-Accept of another key".to_owned()),
            Some(AcceptIs::Missing) => Some("no Sec-WebSocket-Accept".to_owned()),
            Some(AcceptIs::Ok) | None => None,
        });
        words
    }
}

impl Outer {
    fn describe(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.version.map(|version| version.name().to_owned()));
        describe_fields(&self.request, &mut words);
        if self.origin == Some(Origin::Same) {
            words.push("Origin and Host name the same host".to_owned());
        }
        let statuses = self.status.values().iter();
        words.extend(statuses.map(|status| format!("answer {status}")));
        if self.seen == Some(false) {
            words.push("nothing in sight".to_owned());
        }
        words
    }
}

fn describe_fields(patterns: &FieldPatterns, words: &mut Vec<String>) {
    for (name, any) in patterns {
        let choices: Vec<_> = any.values().iter().map(|p| p.describe(name)).collect();
        words.push(choices.join(" or "));
    }
}

/// The texts as they stand on the wire, each up to the end of its first line.
fn either(texts: &OneOrMany<String>) -> String {
    let shown = |text: &String| match text.lines().next() {
        Some(line) if !line.is_empty() => line.trim_end().to_owned(),
        _ => "empty".to_owned(),
    };
    let shown: Vec<_> = texts.values().iter().map(shown).collect();
    shown.join(" | ")
}
