//! The ladder of an attempt: who stands in it as columns, what they sent one another as arrows in the order of time.

mod drawing;
mod ending;

use std::time::Duration;

use crate::attempt::{Attempt, Leg, Node, Role};
use crate::flow::{Direction, End, Endpoint};
use crate::judge::{Change, FindingId, Hop, JudgedAttempt, JudgedClosing, Message};
use crate::report::mask::Mask;
use crate::report::phrase::field_name;
use crate::report::sanitize::clean;
use crate::time::Timestamp;

use super::theme::Tone;

/// Who stands where, and what was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    columns: Vec<Column>,
    arrows: Vec<Arrow>,
}

#[derive(Clone, Debug, Default)]
struct Column {
    /// What it is for, with its software.
    name: String,
    address: String,
    /// It cannot be seen into, or was not seen.
    is_hidden: bool,
}

#[derive(Clone, Debug)]
struct Arrow {
    at: Option<Timestamp>,
    /// Where it stands among the others.
    order: Timestamp,
    from: usize,
    to: usize,
    text: String,
    /// What matters most of it, for where there is little room.
    short: Vec<String>,
    tone: Tone,
    /// What a hop did to it, as sign and field.
    changes: Vec<(char, String)>,
}

impl Ladder {
    /// Of an attempt, and of its closing where there is one.
    pub(super) fn of_attempt(
        judged: &JudgedAttempt,
        closing: Option<&JudgedClosing>,
        mask: &Mask,
    ) -> Self {
        let attempt = &judged.attempt;
        let mut ladder = Self::default();
        let places = ladder.places(attempt, judged.judgement.hop.as_ref(), mask);
        for (index, &place) in places.iter().enumerate() {
            ladder.leg(judged, index, place, mask);
        }
        match closing {
            Some(judged) => {
                let legs = &judged.closing.legs;
                let is_followed = |index| legs.iter().any(|leg| leg.leg == index);
                for (index, (node, &place)) in attempt.legs.iter().zip(&places).enumerate() {
                    if !is_followed(index) {
                        ladder.end(&node.leg, place);
                    }
                }
                for leg in legs {
                    if let Some(&place) = places.get(leg.leg) {
                        ladder.ending(judged, leg, place, mask);
                    }
                }
            }
            None => {
                for (node, &place) in attempt.legs.iter().zip(&places) {
                    ladder.end(&node.leg, place);
                }
            }
        }
        ladder.sort();
        ladder
    }

    /// Gives each leg its two columns.
    fn places(&mut self, attempt: &Attempt, hop: Option<&Hop>, mask: &Mask) -> Vec<(usize, usize)> {
        let behind_unseen = hop.is_some_and(|hop| hop.inward.is_none() && hop.outward.is_some());
        let is_encrypted = attempt.surroundings.client_leg_encrypted;
        let client = if behind_unseen || is_encrypted {
            let (name, address) = if is_encrypted {
                ("client, encrypted", "TLS leg, not read")
            } else {
                ("client", "its leg was not seen")
            };
            self.columns.push(Column {
                name: name.to_owned(),
                address: address.to_owned(),
                is_hidden: true,
            });
            "proxy"
        } else {
            "client"
        };
        let mut places: Vec<(usize, usize)> = Vec::new();
        let mut clients: Vec<(std::net::IpAddr, usize)> = Vec::new();
        for (index, node) in attempt.legs.iter().enumerate() {
            let connection = node.leg.connection();
            let parent = node.parent.and_then(|parent| places.get(parent));
            let address = connection.client.addr;
            let known = clients.iter().find(|(ip, _)| *ip == address);
            let seen = parent.map(|place| place.1);
            let from = if let Some(column) = seen.or_else(|| known.map(|client| client.1)) {
                column
            } else {
                let column = self.column(client, connection.client);
                clients.push((address, column));
                column
            };
            let name = server_name(attempt, index, node, hop, mask);
            let to = self.column(&name, connection.server);
            places.push((from, to));
        }
        if client == "proxy" {
            let to = places.first().map_or(0, |place| place.0);
            self.arrows.push(Arrow {
                at: None,
                order: Timestamp::MIN,
                from: 0,
                to,
                text: if is_encrypted {
                    "cannot be read".to_owned()
                } else {
                    "not seen".to_owned()
                },
                short: Vec::new(),
                tone: Tone::Dim,
                changes: Vec::new(),
            });
        }
        places
    }

    fn column(&mut self, name: &str, end: Endpoint) -> usize {
        self.columns.push(Column {
            name: name.to_owned(),
            address: end.to_string(),
            is_hidden: false,
        });
        self.columns.len() - 1
    }

    fn arrow(&mut self, at: Option<Timestamp>, ends: (usize, usize), text: String, tone: Tone) {
        self.arrows.push(Arrow {
            at,
            order: at.unwrap_or(Timestamp::MAX),
            from: ends.0,
            to: ends.1,
            text,
            short: Vec::new(),
            tone,
            changes: Vec::new(),
        });
    }

    fn leg(
        &mut self,
        judged: &JudgedAttempt,
        index: usize,
        (client, server): (usize, usize),
        mask: &Mask,
    ) {
        let Some(node) = judged.attempt.legs.get(index) else {
            return;
        };
        let leg = &node.leg;
        let is_first = leg
            .request
            .as_ref()
            .is_none_or(|(_, request)| request.exchange == 0);
        if let Some(syn) = leg.connection().syn.filter(|_| is_first) {
            self.arrow(Some(syn.ts), (client, server), "SYN".to_owned(), Tone::Dim);
        }
        if let Some((_, request)) = &leg.request {
            let head = &request.head;
            let text = format!(
                "{} {} {}",
                clean(&mask.words(&head.method), 12),
                clean(&mask.target(head.target()), 60),
                head.version.name()
            );
            self.arrow(
                Some(request.started.ts),
                (client, server),
                text,
                Tone::Plain,
            );
            // The path is the same on most legs, the version is not.
            self.short(format!(
                "{} … {}",
                clean(&mask.words(&head.method), 12),
                head.version.name()
            ));
            self.short(head.version.name().to_owned());
            self.change(judged, index, Message::Request);
        }
        if let Some((_, response)) = &leg.response {
            let (text, tone) = match &response.head {
                Some(head) => {
                    let reason = clean(&mask.words(&head.reason), 40).into_owned();
                    let tone = match head.status.0 {
                        101 => Tone::Good,
                        200..=399 => Tone::Warn,
                        _ => Tone::Bad,
                    };
                    (format!("{} {reason}", head.status.0), tone)
                }
                None => ("bytes that are no HTTP".to_owned(), Tone::Bad),
            };
            let text = text.trim_end().to_owned();
            self.arrow(Some(response.started.ts), (server, client), text, tone);
            if let Some(status) = leg.status() {
                self.short(status.to_string());
            }
            self.change(judged, index, Message::Response);
        }
    }

    /// What the last arrow bears where there is little room; the longest first.
    fn short(&mut self, text: String) {
        if let Some(arrow) = self.arrows.last_mut() {
            arrow.short.push(text);
        }
    }

    /// Notes at the last arrow what the hop before it did.
    fn change(&mut self, judged: &JudgedAttempt, leg: usize, message: Message) {
        let is_101 = judged
            .attempt
            .legs
            .get(leg)
            .is_some_and(|node| node.leg.status() == Some(101));
        let changes = judged
            .judgement
            .diff
            .iter()
            .filter(|d| d.message == message)
            // The arrow itself says it.
            .filter(|d| !matches!(&*d.field, "version" | "method" | "target" | "status"))
            // Each leg has a Connection of its own; only that of a 101 is handed on.
            .filter(|d| message == Message::Request || is_101 || &*d.field != "connection")
            // A response travels from the inner leg to the outer one.
            .filter(|d| match message {
                Message::Request => d.to == leg,
                Message::Response => d.from == leg,
            })
            .map(|d| {
                let sign = match d.change {
                    Change::Removed => '-',
                    Change::Added => '+',
                    Change::Renamed | Change::Changed => '~',
                };
                (sign, clean(&field_name(&d.field), 28).into_owned())
            });
        let mut changes: Vec<(char, String)> = changes.collect();
        if changes.is_empty() && message == Message::Request {
            changes.extend(missing(judged, leg));
        }
        // What the handshake stands on comes first, and of it what is gone.
        changes.sort_by_key(|(sign, field)| {
            let is_handshake =
                matches!(&**field, "Upgrade" | "Connection") || field.starts_with("Sec-WebSocket");
            (!is_handshake, "-~+".find(*sign))
        });
        if let Some(arrow) = self.arrows.last_mut() {
            arrow.changes = changes;
        }
    }

    /// How the connection of a leg ended, as far as the attempt knows.
    fn end(&mut self, leg: &Leg, (client, server): (usize, usize)) {
        if let Some(end) = leg.end.first {
            let ends = match end.dir {
                Direction::ToServer => (client, server),
                Direction::ToClient => (server, client),
            };
            let refused = leg.end.how == Some(End::Refused);
            let (text, tone) = match (refused, end.reset) {
                (true, _) => ("RST, refused", Tone::Bad),
                (_, true) => ("RST", Tone::Warn),
                _ => ("FIN", Tone::Dim),
            };
            self.arrow(Some(end.at), ends, text.to_owned(), tone);
        } else if leg.response.is_none() {
            let text = match leg.end.how {
                Some(End::Refused) => "connection refused",
                Some(End::Unanswered | End::Idle) => "no answer at all",
                _ => return,
            };
            self.arrow(None, (server, client), text.to_owned(), Tone::Bad);
            let began = leg.connection().syn.map(|syn| syn.ts);
            if let (Some(arrow), Some(began)) = (self.arrows.last_mut(), began) {
                arrow.order = began.after(Duration::from_nanos(1));
            }
        }
    }

    fn sort(&mut self) {
        self.arrows.sort_by_key(|arrow| arrow.order);
    }
}

/// What a lone leg has lost, by its findings: there is no other leg to hold it against.
fn missing(judged: &JudgedAttempt, leg: usize) -> impl Iterator<Item = (char, String)> + '_ {
    let is_lone = judged.judgement.diff.is_empty();
    let findings = &judged.judgement.findings;
    findings
        .iter()
        .enumerate()
        .filter(move |(_, finding)| is_lone && finding.leg == leg)
        // Two rows of the catalogue may say the same.
        .filter(|(at, finding)| findings.iter().take(*at).all(|f| f.id != finding.id))
        .map(|(_, finding)| finding)
        .filter_map(|finding| {
            Some(match finding.id {
                FindingId::UpgradeStripped => "Upgrade",
                FindingId::ConnectionStripped => "Connection",
                FindingId::KeyStripped => "Sec-WebSocket-Key",
                FindingId::VersionStripped => "Sec-WebSocket-Version",
                _ => return None,
            })
        })
        .map(|field| ('-', field.to_owned()))
}

/// What the server of a leg is called: by its role, and what it says it is.
fn server_name(
    attempt: &Attempt,
    index: usize,
    node: &Node,
    hop: Option<&Hop>,
    mask: &Mask,
) -> String {
    let has_child = attempt
        .legs
        .iter()
        .any(|other| other.parent == Some(index) && other.role == Role::Path);
    let is_hop = hop.is_some_and(|hop| hop.inward == Some(node.leg.connection().server));
    let software = if is_hop {
        hop.and_then(|hop| hop.software.as_deref())
            .map(str::to_owned)
    } else if has_child {
        // What stands in the answer may be of the server behind it.
        None
    } else {
        node.leg.answer_field("server").map(Into::into)
    };
    let role = match node.role {
        Role::Path if has_child || is_hop => "proxy",
        Role::Path => "server",
        Role::Auth => "login service",
        Role::Mirror => "mirror",
        Role::Retry => "server, given up",
        Role::Failed => "server, failed",
    };
    match software {
        Some(software) => format!("{role} {}", clean(&mask.words(&software), 30)),
        None => role.to_owned(),
    }
}
