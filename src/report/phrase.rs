//! One finding in one phrase: who did what. The catalogue tells the rest.

use crate::attempt::{Attempt, Leg};
use crate::judge::{
    Change, ClosingJudgement, Finding, FindingId, Hop, JudgedAttempt, Message, Verdict,
};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::websocket::CloseCode;

/// Who a phrase is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The proxy between two legs.
    Hop,
    /// Who answered.
    Server,
    /// Who asked.
    Client,
    /// Nobody: the phrase is whole.
    Nobody,
}

/// Who did it and what, as in "the hop" "removed Upgrade".
#[expect(clippy::too_many_lines, reason = "one line for each finding")]
pub const fn phrase(id: FindingId) -> (Subject, &'static str) {
    use FindingId as F;
    use Subject::{Client, Hop, Nobody, Server};
    match id {
        F::UpgradeStripped => (Hop, "removed Upgrade"),
        F::ConnectionStripped => (Hop, "removed Connection: Upgrade"),
        F::UpgradeMangled => (Hop, "mangled Upgrade"),
        F::ConnectionMangled => (Hop, "mangled Connection"),
        F::KeyStripped => (Hop, "removed Sec-WebSocket-Key"),
        F::VersionStripped => (Hop, "removed Sec-WebSocket-Version"),
        F::ResponseUpgradeStripped => (Hop, "removed Upgrade from the 101"),
        F::ResponseConnectionStripped => (Hop, "removed Connection from the 101"),
        F::ResponseAcceptStripped => (Hop, "removed Sec-WebSocket-Accept from the 101"),
        F::ResponseAcceptChanged => (Hop, "changed Sec-WebSocket-Accept in the 101"),
        F::KeyChanged => (Hop, "changed Sec-WebSocket-Key"),
        F::HttpVersionDowngraded => (Hop, "spoke HTTP/1.0 upstream"),
        F::AnsweredWithoutUpgrade => (Server, "answered with a page instead of a WebSocket"),
        F::SubprotocolNotSelected => (Server, "opened without any of the subprotocols offered"),
        F::ExtensionsStripped => (Hop, "removed Sec-WebSocket-Extensions"),
        F::ExtensionsAdded => (Hop, "added Sec-WebSocket-Extensions"),
        F::SubprotocolStripped => (Hop, "removed Sec-WebSocket-Protocol"),
        F::ResponseExtensionsStripped => (Hop, "removed Sec-WebSocket-Extensions from the 101"),
        F::ResponseSubprotocolStripped => (Hop, "removed Sec-WebSocket-Protocol from the 101"),
        F::KeyNotBridged => (Hop, "sent no Sec-WebSocket-Key on, from HTTP/2 or HTTP/3"),
        F::ExtendedConnectUnsupported => (Server, "does not support WebSocket over HTTP/2"),
        F::LegacyProtocol => (Client, "speaks a version older than RFC 6455"),
        F::Refused => (Server, "refused the handshake"),
        F::BadRequest => (Server, "called the request bad"),
        F::OriginRefused => (Server, "refused the Origin"),
        F::Unauthorized => (Server, "asks for credentials"),
        F::Forbidden => (Server, "forbids it"),
        F::NotFound => (Server, "knows no such path"),
        F::MethodNotAllowed => (Server, "does not allow the method"),
        F::Redirected => (
            Server,
            "answered with a redirect, which browsers do not follow",
        ),
        F::RateLimited => (Server, "limits the rate"),
        F::ServerError => (Server, "failed inside"),
        F::KeyMissing => (Server, "refused: Sec-WebSocket-Key is missing"),
        F::KeyInvalid => (Server, "refused: Sec-WebSocket-Key is not valid"),
        F::VersionUnsupported => (Server, "does not support this Sec-WebSocket-Version"),
        F::FieldDuplicated => (Nobody, "a handshake field was sent twice"),
        F::FieldMalformed => (Nobody, "a handshake field is malformed"),
        F::CaseSensitivePeer => (Server, "minds upper and lower case where it must not"),
        F::ProtocolPolicy => (Server, "insists on another protocol"),
        F::UpgradeRequired => (
            Server,
            "asks for an upgrade: the request had none when it got there",
        ),
        F::EngineVersionMismatch => (
            Nobody,
            "client and server speak different versions of socket.io",
        ),
        F::SessionUnknown => (Server, "does not know this session"),
        F::SubprotocolRequired => (Server, "asks for a subprotocol"),
        F::UpstreamUnreachable => (Hop, "cannot reach its upstream"),
        F::UpstreamNoAnswer => (Hop, "got no answer from its upstream"),
        F::UpstreamClosed => (Hop, "got no answer: its upstream hung up"),
        F::SchemeMismatch => (Nobody, "one side spoke TLS, the other did not"),
        F::ProxyRefused => (Hop, "refused it by itself"),
        F::AnsweredByProxy => (Hop, "answered by itself, without asking the backend"),
        F::AnswerNotRelayed => (Hop, "did not pass the backend's answer on"),
        F::AuthRefused => (Hop, "asked its login service first, which said no"),
        F::ResetBeforeAnswer => (Server, "reset the connection instead of an answer"),
        F::ClosedBeforeAnswer => (Server, "closed the connection without an answer"),
        F::Unanswered => (Server, "never answered"),
        F::AcceptMismatch => (Server, "sent a wrong Sec-WebSocket-Accept"),
        F::AcceptMissing => (Server, "sent no Sec-WebSocket-Accept"),
        F::Invalid101 => (Server, "sent a 101 that is not valid"),
        F::SubprotocolNotOffered => (Server, "chose a subprotocol that was not offered"),
        F::ExtensionNotOffered => (Server, "chose an extension that was not offered"),
        F::ExtensionInvalid => (Server, "sent an extension that is not valid"),
        F::HttpAfter101 => (Server, "sent HTTP where frames should be"),
        F::NotHttp => (Server, "answered with bytes that are no HTTP"),
        F::FellBackToPolling => (Client, "fell back to polling"),
        F::ClientGaveUp => (Client, "left before the answer came"),
        F::CaptureIncomplete => (Nobody, "part of the handshake is missing from the capture"),
        F::UpstreamRetried => (Hop, "tried another upstream"),
        F::Bridged => (Hop, "bridges two versions of HTTP"),
        F::HandshakeSlow => (Server, "was slow to answer"),
        F::OpenedThenClosed => (Server, "opened it and closed it at once"),
        F::CopiesSeen => (Nobody, "the same packets were seen more than once"),
        F::FrameUnmasked => (Client, "sent frames without a mask"),
        F::FrameMasked => (Server, "sent masked frames"),
        F::RsvUnexpected => (Nobody, "a reserved bit was set without an extension"),
        F::DeflateNotRelayed => (Hop, "did not relay the agreed compression"),
        F::OpcodeReserved => (Nobody, "a frame had a reserved opcode"),
        F::ControlFrameInvalid => (Nobody, "a control frame was too long or a fragment"),
        F::ContinuationUnexpected => (Nobody, "fragments were out of order"),
        F::LengthNotMinimal => (Nobody, "a frame's length was not in its shortest form"),
        F::DataAfterClose => (Nobody, "frames came after the Close"),
        F::CloseMalformed => (Nobody, "the Close frame is malformed"),
        F::CloseCodeIllegal => (Nobody, "the close code must not be on the wire"),
        F::ExtensionRequired => (Client, "needs an extension that was not agreed"),
        F::ClosedProtocolError => (Nobody, "one side saw a protocol error"),
        F::ClosedUnsupported => (Nobody, "one side got data of a kind it cannot take"),
        F::ClosedBadData => (Nobody, "one side got data that is not valid"),
        F::ClosedPolicy => (Nobody, "one side closed: a rule of the app was broken"),
        F::ClosedTooBig => (Nobody, "a message was too big"),
        F::ClosedInternalError => (Nobody, "one side failed inside"),
        F::PingTimeout => (Nobody, "pings went unanswered"),
        F::ServiceRestart => (Server, "restarts"),
        F::TryAgainLater => (Server, "is overloaded, try again later"),
        F::BadGateway => (Nobody, "a gateway's upstream failed"),
        F::AbnormalClosure => (Nobody, "TCP ended without a Close"),
        F::CloseChanged => (Hop, "changed how it was closed"),
        F::IdleTimeout => (Hop, "closed it for being idle"),
        F::LifetimeLimit => (Hop, "closed it for its age"),
        F::ProxyReloaded => (Hop, "was reloaded or stopped"),
        F::PeerVanished => (
            Nobody,
            "one side vanished: nothing is acknowledged any more",
        ),
        F::PeerCrashed => (Nobody, "one side went away right after a message"),
    }
}

/// A finding in words of its own, for a list: `the hop tried another upstream`.
pub(crate) fn told(id: FindingId) -> String {
    let (subject, words) = phrase(id);
    match subject {
        Subject::Hop => format!("the hop {words}"),
        Subject::Server => format!("the server {words}"),
        Subject::Client => format!("the client {words}"),
        Subject::Nobody => words.to_owned(),
    }
}

/// Who did what in an attempt, as a sentence without its full stop.
pub(crate) fn headline(judged: &JudgedAttempt, mask: &Mask) -> String {
    let Some(root) = facts::root(judged) else {
        return "It opened".to_owned();
    };
    let (subject, words) = phrase(root.id);
    let words = match (root.id, judged.judgement.status) {
        // A 101 is no page.
        (FindingId::AnsweredWithoutUpgrade, Some(101)) => {
            "switched to another protocol instead of WebSocket"
        }
        _ => words,
    };
    let what = match subject {
        Subject::Hop => changes(judged, root).unwrap_or_else(|| words.to_owned()),
        _ => words.to_owned(),
    };
    let hop = judged.judgement.hop.as_ref();
    let who = match (subject, hop) {
        (Subject::Hop, Some(hop)) => the_hop(hop, &judged.attempt, mask),
        (Subject::Hop, None) => someone(&judged.attempt, root),
        (Subject::Server, _) if is_passed_on(root.id) => the_innermost(judged, root, mask),
        (Subject::Server, _) => the_server(&judged.attempt, root, mask),
        (Subject::Client, _) => the_client(&judged.attempt, root),
        (Subject::Nobody, _) => return capitalized(words),
    };
    format!("{who} {what}")
}

/// The same in a few words, for a line of its own.
pub(crate) fn short(judged: &JudgedAttempt, mask: &Mask) -> String {
    let sentence = headline(judged, mask);
    let sentence = ["The hop ", "The server ", "The client "]
        .iter()
        .find_map(|start| sentence.strip_prefix(start))
        .unwrap_or(&sentence);
    sentence.to_owned()
}

/// `10.0.0.5:80 (nginx/1.22.1)`.
pub(crate) fn hop_name(hop: &Hop, mask: &Mask) -> String {
    let address = hop
        .inward
        .map(|end| end.to_string())
        .or_else(|| hop.outward.map(|end| end.addr.to_string()))
        .unwrap_or_else(|| "of unknown address".to_owned());
    match &hop.software {
        Some(software) => format!("{address} ({})", mask.words(software)),
        None => address,
    }
}

/// `Sec-WebSocket-Key` for `sec-websocket-key`.
pub(crate) fn field_name(lower: &str) -> String {
    lower
        .split('-')
        .map(|part| match part {
            "websocket" => "WebSocket".to_owned(),
            "id" => "ID".to_owned(),
            part => capitalized(part),
        })
        .collect::<Vec<_>>()
        .join("-")
}

pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// The name of the code of a closing, as whose it is: `Going Away`, `Subprotocol not acceptable (graphql-ws)`.
pub fn code_name(judgement: &ClosingJudgement) -> Option<String> {
    let registered = judgement.code.and_then(|code| CloseCode(code).name());
    match &judgement.meaning {
        Some(meaning) if registered != Some(&meaning.name) => {
            Some(format!("{} ({})", meaning.name, meaning.of))
        }
        _ => registered.map(str::to_owned),
    }
}

/// `1006 Abnormal Closure`, `4321`; the kind where there is no code.
pub fn code_words(judgement: &ClosingJudgement) -> String {
    match (judgement.code, code_name(judgement)) {
        (Some(code), Some(name)) => format!("{code} {name}"),
        (Some(code), None) => code.to_string(),
        (None, _) => judgement.kind.name().to_owned(),
    }
}

fn the_hop(hop: &Hop, attempt: &Attempt, mask: &Mask) -> String {
    let name = hop_name(hop, mask);
    match (hop.inward, hop.adjacent) {
        (None, _) => {
            let server = attempt.outermost().connection().server;
            format!("The proxy {name} in front of {server}")
        }
        (Some(_), Some(false)) => format!("{name}, or a hop behind it,"),
        (Some(_), _) => format!("The hop {name}"),
    }
}

/// Who it was, where no hop was seen. A request that was whole on this leg lost its fields behind it.
fn someone(attempt: &Attempt, root: &Finding) -> String {
    let leg = attempt.legs.get(root.leg).map(|node| &node.leg);
    let leg = leg.unwrap_or_else(|| attempt.outermost());
    if leg
        .offer()
        .is_some_and(|offer| offer.upgrade && offer.connection)
    {
        let server = leg.connection().server;
        format!("{server}, or a hop behind it,")
    } else {
        "The sender, or a hop before it,".to_owned()
    }
}

/// Faults of a 101 that hops pass on as they are: the server behind them made it.
const fn is_passed_on(id: FindingId) -> bool {
    matches!(id, FindingId::AcceptMismatch | FindingId::AcceptMissing)
}

fn the_innermost(judged: &JudgedAttempt, root: &Finding, mask: &Mask) -> String {
    let attempt = &judged.attempt;
    let innermost = attempt.path().last().filter(|&index| {
        let leg = attempt.legs.get(index).map(|node| &node.leg);
        judged.judgement.verdict == Verdict::Rejected
            && leg.is_some_and(|leg| leg.status() == Some(101))
    });
    let leg = innermost.and_then(|index| attempt.legs.get(index));
    leg.map_or_else(
        || the_server(attempt, root, mask),
        |node| server_of(&node.leg, mask),
    )
}

fn the_server(attempt: &Attempt, root: &Finding, mask: &Mask) -> String {
    let leg = attempt.legs.get(root.leg).map(|node| &node.leg);
    server_of(leg.unwrap_or_else(|| attempt.outermost()), mask)
}

fn server_of(leg: &Leg, mask: &Mask) -> String {
    let head = leg
        .response
        .as_ref()
        .and_then(|(_, response)| response.head.as_ref());
    let software = head.and_then(|head| head.fields.value("server"));
    let server = leg.connection().server;
    match software {
        Some(software) => format!("The server {server} ({})", mask.words(&software)),
        None => format!("The server {server}"),
    }
}

fn the_client(attempt: &Attempt, root: &Finding) -> String {
    let leg = attempt.legs.get(root.leg).map(|node| &node.leg);
    let leg = leg.unwrap_or_else(|| attempt.outermost());
    format!("The client {}", leg.connection().client.addr)
}

/// What the hop did to the handshake, out of the difference of the legs: `removed Upgrade and spoke HTTP/1.0 upstream`.
fn changes(judged: &JudgedAttempt, root: &Finding) -> Option<String> {
    const TOLD: &[&str] = &[
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "sec-websocket-accept",
    ];
    let essential = matches!(
        root.id,
        FindingId::UpgradeStripped
            | FindingId::ConnectionStripped
            | FindingId::KeyStripped
            | FindingId::VersionStripped
    );
    if !essential {
        return None;
    }
    let of_request = || {
        judged
            .judgement
            .diff
            .iter()
            .filter(|d| d.message == Message::Request)
    };
    let removed: Vec<String> = of_request()
        .filter(|d| d.change == Change::Removed && TOLD.contains(&&*d.field))
        .map(|d| field_name(&d.field))
        .collect();
    if removed.is_empty() {
        return None;
    }
    let mut what = format!("removed {}", listed(&in_short(removed)));
    if of_request().any(|d| &*d.field == "version" && d.is.as_deref() == Some("HTTP/1.0")) {
        what.push_str(" and spoke HTTP/1.0 upstream");
    }
    Some(what)
}

/// Where many fields went, those of WebSocket are counted: the table names them.
fn in_short(fields: Vec<String>) -> Vec<String> {
    let (sec, mut rest): (Vec<String>, Vec<String>) = fields
        .into_iter()
        .partition(|field| field.starts_with("Sec-WebSocket-"));
    if sec.len() > 2 {
        rest.push(format!("{} Sec-WebSocket fields", sec.len()));
    } else {
        rest.extend(sec);
    }
    rest
}

/// `a, b and c`.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
