//! Conditions in words, for `explain`.

use super::{Conditions, FieldPatterns, Outer};
use crate::judge::catalogue::OneOrMany;
use crate::judge::signature::facts::{AcceptIs, Asked, Key, Origin};

impl Conditions {
    /// In words, one for each, for `explain`.
    pub(in crate::judge) fn describe(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(outer) = &self.outer {
            outer.describe(&mut words);
        }
        if let Some(version) = self.version {
            words.push(format!("request {}", version.name()));
        }
        words.extend(self.method.values().iter().cloned());
        describe_fields(&self.request, &mut words);
        words.extend(match self.key {
            Some(Key::Missing) => Some("no Sec-WebSocket-Key".to_owned()),
            Some(Key::Invalid) => Some("Sec-WebSocket-Key is not 16 bytes".to_owned()),
            Some(Key::Valid) | None => None,
        });
        if !self.target_contains.values().is_empty() {
            words.push(format!("target has {}", either(&self.target_contains)));
        }
        words.extend(match self.origin {
            Some(Origin::Other) => Some("Origin names another host than Host".to_owned()),
            Some(Origin::Same) => Some("Origin names the same host as Host".to_owned()),
            None => None,
        });
        words.extend(match self.asked {
            Some(Asked::Whole) => Some("the request is whole".to_owned()),
            Some(Asked::Stripped) => Some("the request lacks Upgrade or Connection".to_owned()),
            None => None,
        });
        words.extend(self.fate.values().iter().map(|fate| fate.words("")));
        self.describe_answer(&mut words);
        words.extend(
            self.inner
                .values()
                .iter()
                .map(|fate| fate.words("upstream: ")),
        );
        words.extend(
            self.inner_status
                .values()
                .iter()
                .map(|status| format!("upstream answered {status}")),
        );
        words
    }

    fn describe_answer(&self, words: &mut Vec<String>) {
        if !self.status.values().is_empty() {
            let statuses: Vec<_> = self.status.values().iter().map(u16::to_string).collect();
            words.push(format!("answer {}", statuses.join(" or ")));
        }
        if let Some(reason) = &self.reason {
            words.push(if reason.is_empty() {
                "an empty reason phrase".to_owned()
            } else {
                format!("reason phrase \"{reason}\"")
            });
        }
        if !self.reason_prefix.values().is_empty() {
            words.push(format!(
                "reason phrase begins {}",
                either(&self.reason_prefix)
            ));
        }
        if let Some(version) = self.response_version {
            words.push(format!("status line {}", version.name()));
        }
        describe_fields(&self.fields, words);
        for (verb, texts) in [
            ("body is", &self.body),
            ("body begins", &self.body_prefix),
            ("body has", &self.body_contains),
        ] {
            if !texts.values().is_empty() {
                words.push(format!("{verb} {}", either(texts)));
            }
        }
        words.extend(match self.accept {
            Some(AcceptIs::Wrong) => Some("Sec-WebSocket-Accept belongs to another key".to_owned()),
            Some(AcceptIs::Missing) => Some("no Sec-WebSocket-Accept".to_owned()),
            Some(AcceptIs::Ok) | None => None,
        });
    }
}

impl Outer {
    fn describe(&self, words: &mut Vec<String>) {
        let mut of_outer = Vec::new();
        if let Some(version) = self.version {
            of_outer.push(version.name().to_owned());
        }
        describe_fields(&self.request, &mut of_outer);
        if self.origin == Some(Origin::Same) {
            of_outer.push("Origin and Host agree".to_owned());
        }
        words.extend(
            of_outer
                .iter()
                .map(|word| format!("before the hop: {word}")),
        );
        let statuses = self.status.values().iter();
        words.extend(statuses.map(|status| format!("the client got {status}")));
        if self.seen == Some(false) {
            words.push("the leg before it is not in sight".to_owned());
        }
    }
}

fn describe_fields(patterns: &FieldPatterns, words: &mut Vec<String>) {
    for (name, any) in patterns {
        let choices: Vec<_> = any.values().iter().map(|p| p.describe(name)).collect();
        words.push(choices.join(" or "));
    }
}

fn either(texts: &OneOrMany<String>) -> String {
    let quoted: Vec<_> = texts
        .values()
        .iter()
        .map(|text| {
            if text.is_empty() {
                "empty".to_owned()
            } else {
                format!("{text:?}")
            }
        })
        .collect();
    quoted.join(" or ")
}
