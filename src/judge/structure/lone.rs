//! What a single leg lacks where no outer leg is in sight to say who took it, and how sure it is that somebody did.

use super::{Fault, name_of, renamed_connection, says};
use crate::attempt::Leg;
use crate::judge::{Confidence, FindingId};

/// What a request lacks by itself, where no outer leg is in sight to say who took it: the hop before, if there is one.
pub(in crate::judge) fn lone_faults(leg: &Leg) -> Vec<Fault> {
    let Some(offer) = leg.offer() else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut add = |id, evidence| faults.push(Fault::new(id, evidence));
    if !offer.upgrade {
        let other = leg
            .request_field("upgrade")
            .filter(|value| !value.is_empty());
        match other {
            Some(_) => add(FindingId::UpgradeMangled, says(leg, "Upgrade")),
            None => add(
                FindingId::UpgradeStripped,
                lacks(leg, "Upgrade", offer.key.is_some()),
            ),
        }
    }
    if !offer.connection {
        match renamed_connection(leg) {
            Some(name) => {
                add(
                    FindingId::ConnectionMangled,
                    format!("{} has {name} where Connection should be", name_of(leg)),
                );
            }
            None => add(FindingId::ConnectionStripped, says(leg, "Connection")),
        }
    }
    faults
}

/// How sure a fault of a lone leg is: only what a proxy or a browser sent can have lost something on the way.
pub(in crate::judge) fn lone_confidence(leg: &Leg, encrypted_before: bool) -> Confidence {
    let sub_request = matches!(leg.status(), Some(200..=299 | 401 | 403));
    if !sub_request && sender_is_known(leg, encrypted_before) {
        Confidence::Certain
    } else {
        Confidence::Likely
    }
}

/// Whether it is sure that somebody before this leg sent the whole handshake.
fn sender_is_known(leg: &Leg, encrypted_before: bool) -> bool {
    let browser = leg
        .request_field("user-agent")
        .is_some_and(|agent| agent.starts_with("Mozilla/"));
    leg.proxy_mark().is_some() || browser || encrypted_before
}

fn lacks(leg: &Leg, name: &str, has_key: bool) -> String {
    if has_key {
        format!(
            "{}: Sec-WebSocket-Key is there, {name} is not",
            name_of(leg)
        )
    } else {
        says(leg, name)
    }
}
