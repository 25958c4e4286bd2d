//! Which of a row's findings it is, by what the request on the leg shows.

use super::Scene;
use super::facts::Key;
use crate::event::Request;
use crate::http::Version;
use crate::judge::{FindingId, Row};

impl Row {
    /// The finding that the row is evidence of here: the first that the leg's own request bears out, else the first that
    /// it does not contradict.
    pub fn finding(&self, scene: &Scene<'_>) -> FindingId {
        let request = scene.leg.request.as_ref().map(|(_, request)| request);
        let shown = |id: FindingId| {
            upstream_shows(scene, id).or_else(|| request.and_then(|request| shows(request, id)))
        };
        let find = |wanted: fn(Option<bool>) -> bool| {
            self.findings.iter().copied().find(|&id| wanted(shown(id)))
        };
        let first = self.findings.first().copied();
        find(|shown| shown == Some(true))
            .or_else(|| find(|shown| shown.is_none()))
            .or(first)
            .unwrap_or(FindingId::Refused)
    }
}

/// Whether what is behind the leg's server bears the finding out or contradicts it, where it is in sight.
fn upstream_shows(scene: &Scene<'_>, finding: FindingId) -> Option<bool> {
    let is_reached = match (scene.inner, scene.upstream_failed) {
        (Some(_), _) => true,
        (None, true) => false,
        (None, false) => return None,
    };
    match finding {
        FindingId::UpstreamUnreachable => Some(!is_reached),
        FindingId::UpstreamClosed => Some(is_reached),
        _ => None,
    }
}

/// Whether the request bears the finding out, contradicts it, or says nothing: what is whole here can be lost further on.
fn shows(request: &Request, finding: FindingId) -> Option<bool> {
    let offer = &request.offer;
    let target = request.head.target();
    let fields = &request.head.fields;
    match finding {
        FindingId::UpgradeStripped => (!offer.upgrade).then_some(true),
        FindingId::ConnectionStripped if offer.upgrade => (!offer.connection).then_some(true),
        FindingId::KeyMissing => match Key::of(request) {
            Key::Missing => Some(true),
            Key::Invalid => Some(false),
            Key::Valid => None,
        },
        FindingId::KeyInvalid => Some(Key::of(request) == Key::Invalid),
        FindingId::FieldDuplicated => Some(
            [
                "sec-websocket-key",
                "sec-websocket-version",
                "origin",
                "host",
            ]
            .iter()
            .any(|name| fields.count(name) > 1),
        ),
        FindingId::VersionUnsupported => Some(offer.version.as_deref() != Some("13")),
        FindingId::HttpVersionDowngraded => Some(request.head.version == Version::Http10),
        FindingId::OriginRefused if fields.count("origin") == 0 => Some(false),
        FindingId::EngineVersionMismatch => {
            let old = ["EIO=2", "EIO=3"]
                .iter()
                .any(|version| target.contains(version));
            old.then_some(true)
        }
        FindingId::SessionUnknown => Some(target.contains("sid=") || target.contains("?id=")),
        _ => None,
    }
}
