//! Whose code it is, where it is the application's (RFC 6455 §7.4.2): by the handshake, never by the number alone.

use crate::attempt::{Closing, ClosingLeg};
use crate::judge::catalogue::Whose;
use crate::judge::{Catalogue, Kind, Meaning};

/// What the code of a closing means to the application that sent it; `None` where nothing shows whose it is.
pub(super) fn of(
    closing: &Closing,
    kind: Kind,
    code: Option<u16>,
    catalogue: &Catalogue,
) -> Option<Meaning> {
    let code = code.filter(|_| kind == Kind::Application)?;
    let subprotocols = subprotocols(closing);
    catalogue.meaning(
        code,
        Whose {
            subprotocols: &subprotocols,
            target: &closing.target,
            host: closing.host.as_deref(),
        },
    )
}

/// The subprotocol that was agreed on any leg: a hop may have removed it from the others. Where none was, those that the
/// client offered: an app that refuses them all says so by a code of its own.
fn subprotocols(closing: &Closing) -> Vec<&str> {
    let agreed = |leg: &'_ ClosingLeg| leg.handshake.subprotocol.is_some();
    let Some(leg) = closing.legs.iter().find(|leg| agreed(leg)) else {
        let offered = closing
            .legs
            .iter()
            .map(|leg| &leg.handshake.offered_subprotocols);
        let first = offered.into_iter().find(|offered| !offered.is_empty());
        return first.into_iter().flatten().map(|name| &**name).collect();
    };
    leg.handshake.subprotocol.as_deref().into_iter().collect()
}
