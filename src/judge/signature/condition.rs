//! What a row may ask of a handshake.
//!
//! All conditions of a row must hold; where one lists several values, any of them will do. A condition about something
//! that was not seen does not hold. Bodies are compared as far as they were kept, and never when they are compressed.

mod describe;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::Scene;
use super::facts::{AcceptIs, Asked, Fate, Key, Origin};
use super::pattern::Pattern;
use crate::attempt::{BodyStart, Leg};
use crate::http::{Fields, ResponseHead, Version};
use crate::judge::catalogue::{OneOrMany, read};

/// As much of a body as is ever kept.
const BODY_KEPT: usize = 256;

/// Fields by name; `A|B` is either of them.
type FieldPatterns = BTreeMap<String, OneOrMany<Pattern>>;

/// The conditions of a row about a handshake.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::judge) struct Conditions {
    /// Whether the request is a whole handshake: Upgrade, Connection, a key.
    asked: Option<Asked>,
    /// Of the request.
    method: OneOrMany<String>,
    /// Of the request line.
    #[serde(deserialize_with = "read::version")]
    version: Option<Version>,
    /// Part of the target.
    target_contains: OneOrMany<String>,
    /// Fields of the request.
    request: FieldPatterns,
    /// Whether the key is there and valid.
    key: Option<Key>,
    /// How the host in Origin relates to Host.
    origin: Option<Origin>,
    /// What came of the request.
    fate: OneOrMany<Fate>,

    /// Of the answer.
    status: OneOrMany<u16>,
    /// Reason phrase.
    reason: Option<String>,
    /// How it begins.
    reason_prefix: OneOrMany<String>,
    /// Of the status line.
    #[serde(deserialize_with = "read::version")]
    response_version: Option<Version>,
    /// Fields of the answer.
    fields: FieldPatterns,
    /// The whole content.
    body: OneOrMany<String>,
    /// How it begins.
    body_prefix: OneOrMany<String>,
    /// What is in its first bytes.
    body_contains: OneOrMany<String>,
    /// What the accept of a 101 is.
    accept: Option<AcceptIs>,

    /// The leg before the hop.
    outer: Option<Outer>,
    /// A field of the request that the hop before this leg added: the leg before it lacks it, or is not in sight.
    added: OneOrMany<String>,
    /// What came of the leg behind this one's server.
    inner: OneOrMany<Fate>,
    /// Of its answer.
    inner_status: OneOrMany<u16>,
    /// Fields of its answer.
    inner_fields: FieldPatterns,
    /// What the hop before this leg calls itself; `?` where it does not.
    software: OneOrMany<String>,
}

/// The conditions about the leg before the hop.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Outer {
    /// Whether there is one in sight.
    seen: Option<bool>,
    /// Of its request line.
    #[serde(deserialize_with = "read::version")]
    version: Option<Version>,
    /// Fields of its request.
    request: FieldPatterns,
    /// How the host in its Origin relates to its Host.
    origin: Option<Origin>,
    /// Of its answer.
    status: OneOrMany<u16>,
}

impl Conditions {
    /// Lists of text that have an empty one among them: it is part of everything, so nothing would be asked.
    pub(in crate::judge) fn empty_text(&self) -> Option<&'static str> {
        super::first_empty(&[
            ("when.method", &self.method),
            ("when.target_contains", &self.target_contains),
            ("when.reason_prefix", &self.reason_prefix),
            ("when.body_prefix", &self.body_prefix),
            ("when.body_contains", &self.body_contains),
            ("when.added", &self.added),
            ("when.software", &self.software),
        ])
    }

    /// Whether all of them hold.
    pub(in crate::judge) fn hold(&self, scene: &Scene<'_>) -> bool {
        // What comes first is what rules out most rows.
        self.hold_of_response(scene.leg)
            && self.hold_of_request(scene.leg)
            && self.hold_of_neighbours(scene)
    }

    /// The statuses that they ask for; none where any will do.
    pub(in crate::judge) fn statuses(&self) -> &[u16] {
        self.status.values()
    }

    /// Whether an answer with that status may fit.
    pub(in crate::judge) fn allows_status(&self, status: u16) -> bool {
        self.status.allows(|&one| one == status)
    }

    fn hold_of_request(&self, leg: &Leg) -> bool {
        if !self.fate.allows(|&fate| fate == Fate::of(leg)) {
            return false;
        }
        let Some(request) = leg.request.as_ref().map(|(_, request)| request) else {
            return self.ask_nothing_of_request();
        };
        let head = &request.head;
        self.asked.is_none_or(|asked| asked == Asked::of(request))
            && self.method.allows(|method| **method == *head.method)
            && self.version.is_none_or(|version| version == head.version)
            && self
                .target_contains
                .allows(|part| super::contains(head.target(), part))
            && fields_fit(&self.request, &head.fields)
            && self.key.is_none_or(|key| key == Key::of(request))
            && self
                .origin
                .is_none_or(|origin| Some(origin) == Origin::of(&head.fields))
    }

    fn ask_nothing_of_request(&self) -> bool {
        self.asked.is_none()
            && self.method.values().is_empty()
            && self.version.is_none()
            && self.target_contains.values().is_empty()
            && self.request.is_empty()
            && self.key.is_none()
            && self.origin.is_none()
    }

    fn hold_of_response(&self, leg: &Leg) -> bool {
        let response = leg.response.as_ref().map(|(_, response)| response);
        let Some(head) = response.and_then(|response| response.head.as_ref()) else {
            return self.ask_nothing_of_response();
        };
        self.status.allows(|&status| status == head.status.0)
            && self
                .reason
                .as_ref()
                .is_none_or(|text| **text == *head.reason)
            && self
                .reason_prefix
                .allows(|prefix| head.reason.starts_with(prefix.as_str()))
            && self
                .response_version
                .is_none_or(|version| version == head.version)
            && fields_fit(&self.fields, &head.fields)
            && self.hold_of_body(head, leg.body.as_ref())
            && self.accept.is_none_or(|accept| {
                AcceptIs::of(response.and_then(|response| response.answer.accept)) == Some(accept)
            })
    }

    fn ask_nothing_of_response(&self) -> bool {
        self.status.values().is_empty()
            && self.reason.is_none()
            && self.reason_prefix.values().is_empty()
            && self.response_version.is_none()
            && self.fields.is_empty()
            && self.body.values().is_empty()
            && self.body_prefix.values().is_empty()
            && self.body_contains.values().is_empty()
            && self.accept.is_none()
    }

    fn hold_of_body(&self, head: &ResponseHead, body: Option<&BodyStart>) -> bool {
        let is = |text: &String| {
            let Some(body) = body else {
                let says_none = |length: Cow<'_, str>| length == "0";
                return text.is_empty()
                    && head.fields.value("content-length").is_some_and(says_none);
            };
            body.whole && !body.encoded && *body.bytes == *text.as_bytes()
        };
        let bytes: &[u8] = match body {
            Some(body) if !body.encoded => &body.bytes,
            _ => &[],
        };
        let begins = |text: &String| {
            let text = text.as_bytes();
            // Only the start of a body is kept; a longer pattern is held against that.
            let text = text.get(..BODY_KEPT).unwrap_or(text);
            bytes.starts_with(text)
        };
        self.body.allows(is)
            && self.body_prefix.allows(begins)
            && self
                .body_contains
                .allows(|text| has(bytes, text.as_bytes()))
    }

    /// Whether they tell an answer by the one that the leg behind brought.
    pub(in crate::judge) fn asks_of_inner_answer(&self) -> bool {
        !self.inner_status.values().is_empty()
    }

    fn hold_of_neighbours(&self, scene: &Scene<'_>) -> bool {
        let inner = match scene.inner {
            Some(inner) => Fate::of(inner),
            None if scene.upstream_failed => Fate::Refused,
            None => Fate::None,
        };
        self.outer
            .as_ref()
            .is_none_or(|outer| outer.hold(scene.outer))
            && self.added.allows(|name| is_added(name, scene))
            && self.inner.allows(|&fate| fate == inner)
            && self
                .inner_status
                .allows(|&status| scene.inner.and_then(Leg::status) == Some(status))
            && (self.inner_fields.is_empty()
                || scene
                    .inner
                    .and_then(Leg::answer_head)
                    .is_some_and(|head| fields_fit(&self.inner_fields, &head.fields)))
            && super::is_software(&self.software, scene.software)
    }
}

impl Outer {
    fn hold(&self, leg: Option<&Leg>) -> bool {
        if self.seen == Some(false) {
            return leg.is_none();
        }
        let Some(leg) = leg else {
            return false;
        };
        let head = leg.request.as_ref().map(|(_, request)| &request.head);
        let request_asked =
            self.version.is_some() || !self.request.is_empty() || self.origin.is_some();
        let request_fits = head.map_or(!request_asked, |head| {
            self.version.is_none_or(|version| version == head.version)
                && fields_fit(&self.request, &head.fields)
                && self
                    .origin
                    .is_none_or(|origin| Some(origin) == Origin::of(&head.fields))
        });
        request_fits && self.status.allows(|&status| leg.status() == Some(status))
    }
}

/// Without what a search through long texts prepares: a body is short.
fn has(bytes: &[u8], part: &[u8]) -> bool {
    let Some(&first) = part.first() else {
        return true;
    };
    let mut places = memchr::memchr_iter(first, bytes);
    places.any(|at| bytes.get(at..).is_some_and(|rest| rest.starts_with(part)))
}

fn is_added(name: &str, scene: &Scene<'_>) -> bool {
    let has = |leg: &Leg| {
        leg.request
            .as_ref()
            .is_some_and(|(_, request)| request.head.fields.count(name) > 0)
    };
    has(scene.leg) && !scene.outer.is_some_and(has)
}

fn fields_fit(patterns: &FieldPatterns, fields: &Fields) -> bool {
    patterns
        .iter()
        .all(|(name, any)| any.allows(|pattern| pattern.fits(fields, name)))
}
