//! The ladder of an attempt: who stands in it as columns, what they sent one another as arrows in the order of time.

use std::time::Duration;

use ratatui::text::Line;

use crate::attempt::{Attempt, Closing, ClosingLeg, Leg, Node, Role};
use crate::event::FrameCounts;
use crate::flow::{Direction, End, Endpoint};
use crate::judge::{Change, FindingId, Hop, JudgedAttempt, Message};
use crate::report::mask::Mask;
use crate::report::phrase::field_name;
use crate::report::sanitize::clean;
use crate::report::words::{bytes, count, span};
use crate::time::Timestamp;
use crate::websocket::CloseCode;

use super::canvas::{Row, shortened, width};
use super::theme::{Theme, Tone};

/// Columns of the time.
const TIME: usize = 9;
/// Closer together no arrow bears a word.
const NARROWEST: usize = 12;
/// Wider apart the eye loses the line.
const WIDEST: usize = 44;

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
    tone: Tone,
    /// What a hop did to it, as sign and field.
    changes: Vec<(char, String)>,
}

impl Ladder {
    /// Of an attempt, and of its closing where there is one.
    pub(super) fn of_attempt(
        judged: &JudgedAttempt,
        closing: Option<&Closing>,
        mask: &Mask,
    ) -> Self {
        let attempt = &judged.attempt;
        let mut ladder = Self::default();
        let places = ladder.places(attempt, judged.judgement.hop.as_ref(), mask);
        for (index, &place) in places.iter().enumerate() {
            ladder.leg(judged, index, place, mask);
        }
        match closing {
            Some(closing) => {
                for leg in &closing.legs {
                    if let Some(&place) = places.get(leg.leg) {
                        ladder.closing(leg, place, mask);
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

    /// Of a closing whose attempt is no longer kept.
    pub(super) fn of_closing(closing: &Closing, mask: &Mask) -> Self {
        let mut ladder = Self::default();
        for (index, leg) in closing.legs.iter().enumerate() {
            if index == 0 {
                ladder.column("client", leg.client);
            }
            let is_last = index + 1 == closing.legs.len();
            ladder.column(if is_last { "server" } else { "proxy" }, leg.server);
            ladder.arrows.push(Arrow {
                at: Some(leg.opened_at),
                order: leg.opened_at,
                from: index + 1,
                to: index,
                text: "101, open".to_owned(),
                tone: Tone::Good,
                changes: Vec::new(),
            });
            ladder.closing(leg, (index, index + 1), mask);
        }
        ladder.sort();
        ladder
    }

    /// It is drawn in that many lines.
    pub(super) fn lines(&self, width: usize, theme: Theme) -> Vec<Line<'static>> {
        let xs = self.positions(width);
        let mut lines = self.heads(&xs, width, theme);
        let began = self.arrows.iter().filter_map(|arrow| arrow.at).min();
        for arrow in &self.arrows {
            let mut row = self.bars(&xs, width);
            if let Some(after) = arrow.at.zip(began).map(|(at, began)| at.since(began)) {
                row.right(TIME - 1, &seconds(after), Tone::Dim);
            }
            draw(&mut row, &xs, arrow);
            lines.push(row.line(theme));
            if !arrow.changes.is_empty() {
                let mut row = self.bars(&xs, width);
                draw_changes(&mut row, &xs, arrow);
                lines.push(row.line(theme));
            }
        }
        lines
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
            let connection = &node.leg.connection;
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
        if let Some(syn) = leg.connection.syn.filter(|_| is_first) {
            self.arrow(Some(syn.ts), (client, server), "SYN".to_owned(), Tone::Dim);
        }
        if let Some((_, request)) = &leg.request {
            let head = &request.head;
            let text = format!(
                "{} {} {}",
                clean(&mask.words(&head.method), 12),
                clean(&mask.target(&head.target), 60),
                head.version.name()
            );
            self.arrow(
                Some(request.started.ts),
                (client, server),
                text,
                Tone::Plain,
            );
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
            self.change(judged, index, Message::Response);
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
        }
    }

    /// What one leg showed once it was open.
    fn closing(&mut self, leg: &ClosingLeg, (client, server): (usize, usize), mask: &Mask) {
        let ends = |dir| match dir {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        let sides = [
            (Direction::ToServer, &leg.client_frames),
            (Direction::ToClient, &leg.server_frames),
        ];
        for (dir, frames) in sides {
            let rtt = leg.rtt.get(dir.index());
            if let Some(text) = frames_in_words(frames, rtt.map(|rtt| &**rtt)) {
                self.arrow(Some(leg.opened_at), ends(dir), text, Tone::Plain);
                if let Some(arrow) = self.arrows.last_mut() {
                    // They came at many times: just behind the opening stands what they were in all.
                    arrow.at = None;
                    arrow.order = leg.opened_at.after(Duration::from_nanos(1));
                }
            }
        }
        for seen in &leg.closes {
            let code = seen.close.code.map_or_else(
                || "without a code".to_owned(),
                |code| {
                    let name = CloseCode(code.0).name().unwrap_or_default();
                    format!("{} {name}", code.0).trim_end().to_owned()
                },
            );
            let mut text = format!("Close {code}");
            if !seen.close.reason.is_empty() {
                text.push_str(": ");
                text.push_str(&clean(&mask.words(&seen.close.reason), 123));
            }
            let is_clean = matches!(seen.close.code, None | Some(CloseCode(1000 | 1001)));
            let tone = if is_clean { Tone::Good } else { Tone::Warn };
            self.arrow(Some(seen.at.ts), ends(seen.dir), text, tone);
        }
        if let Some((dir, since)) = leg.retransmitting {
            let text = "sent again and again, not acknowledged".to_owned();
            self.arrow(Some(since), ends(dir), text, Tone::Bad);
        }
        for end in &leg.tcp_ends {
            let has_closed = !leg.closes.is_empty();
            let tone = match (end.reset, has_closed) {
                (_, false) => Tone::Warn,
                (true, true) => Tone::Plain,
                (false, true) => Tone::Dim,
            };
            let text = if end.reset { "RST" } else { "FIN" };
            self.arrow(Some(end.at), ends(end.dir), text.to_owned(), tone);
        }
    }

    fn sort(&mut self) {
        self.arrows.sort_by_key(|arrow| arrow.order);
    }

    fn positions(&self, width: usize) -> Vec<usize> {
        let gaps = self.columns.len().saturating_sub(1).max(1);
        let apart = width.saturating_sub(TIME + 2) / gaps;
        let apart = apart.clamp(NARROWEST, WIDEST);
        (0..self.columns.len())
            .map(|index| TIME + index * apart)
            .collect()
    }

    /// Names and addresses over the columns.
    fn heads(&self, xs: &[usize], width: usize, theme: Theme) -> Vec<Line<'static>> {
        let mut names = Row::new(width);
        let mut addresses = Row::new(width);
        let room = xs.windows(2).next().map_or(width, |pair| match pair {
            [a, b] => b.saturating_sub(*a).saturating_sub(1),
            _ => width,
        });
        let last = self.columns.len().saturating_sub(1);
        for (index, (column, &x)) in self.columns.iter().zip(xs).enumerate() {
            let tone = if column.is_hidden {
                Tone::Dim
            } else {
                Tone::Strong
            };
            for (row, text, tone) in [
                (&mut names, &column.name, tone),
                (&mut addresses, &column.address, Tone::Dim),
            ] {
                let text = shortened(text, room);
                let wide = self::width(&text);
                let at = match index {
                    0 => x,
                    _ if index == last => (x + 1).saturating_sub(wide),
                    _ => x.saturating_sub(wide / 2),
                };
                // The last one may stand further right where there is room.
                let at = if index == last && index > 0 {
                    x.saturating_sub(wide / 2)
                        .min(width.saturating_sub(wide))
                        .max(at)
                } else {
                    at
                };
                row.put(at, &text, tone);
            }
        }
        vec![names.line(theme), addresses.line(theme)]
    }

    fn bars(&self, xs: &[usize], width: usize) -> Row {
        let mut row = Row::new(width);
        for (column, &x) in self.columns.iter().zip(xs) {
            let bar = if column.is_hidden { "┊" } else { "│" };
            row.put(x, bar, Tone::Dim);
        }
        row
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
    let is_hop = hop.is_some_and(|hop| hop.inward == Some(node.leg.connection.server));
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
        Role::Auth => "auth",
        Role::Mirror => "mirror",
        Role::Retry => "given up",
        Role::Failed => "failed",
    };
    match software {
        Some(software) => format!("{role} {}", clean(&mask.words(&software), 30)),
        None => role.to_owned(),
    }
}

fn frames_in_words(frames: &FrameCounts, rtt: Option<&[Duration]>) -> Option<String> {
    let mut parts = Vec::new();
    if frames.messages > 0 || frames.data() > 0 {
        let n = frames.messages.max(1);
        parts.push(count(n, "message", "messages"));
        parts.push(bytes(frames.bytes));
    }
    if frames.ping > 0 {
        let mut text = count(frames.ping, "ping", "pings");
        if frames.pings_unanswered > 0 {
            text.push_str(" (");
            text.push_str(&frames.pings_unanswered.to_string());
            text.push_str(" unanswered)");
        } else if let Some(longest) = rtt.and_then(|rtt| rtt.iter().max()) {
            text = format!("{text} (pong in {})", span(*longest));
        }
        parts.push(text);
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `0.0051`; beyond an hour the fraction is of no use.
fn seconds(after: Duration) -> String {
    let s = after.as_secs();
    match s {
        0..1_000 => format!("{s}.{:04}", after.subsec_micros() / 100),
        1_000..100_000 => format!("{s}.{:01}", after.subsec_millis() / 100),
        _ => format!("{s}"),
    }
}

fn draw(row: &mut Row, xs: &[usize], arrow: &Arrow) {
    let (Some(&from), Some(&to)) = (xs.get(arrow.from), xs.get(arrow.to)) else {
        return;
    };
    let (left, right) = (from.min(to) + 1, from.max(to));
    let line = if arrow.at.is_none() { "╌" } else { "─" };
    for x in left..right {
        row.put(x, line, Tone::Dim);
    }
    if from < to {
        row.put(right.saturating_sub(1), "▶", arrow.tone);
    } else {
        row.put(left, "◀", arrow.tone);
    }
    let room = right.saturating_sub(left).saturating_sub(6);
    let text = format!(" {} ", shortened(&arrow.text, room));
    row.put(left + 2, &text, arrow.tone);
}

fn draw_changes(row: &mut Row, xs: &[usize], arrow: &Arrow) {
    let (Some(&from), Some(&to)) = (xs.get(arrow.from), xs.get(arrow.to)) else {
        return;
    };
    let (left, right) = (from.min(to) + 1, from.max(to));
    let mut x = left + 3;
    let end = right.saturating_sub(1);
    for (sign, field) in &arrow.changes {
        let tone = match sign {
            '-' => Tone::Removed,
            '+' => Tone::Added,
            _ => Tone::Changed,
        };
        let text = format!("{sign}{field}");
        let room = end.saturating_sub(x);
        if width(&text) > room {
            row.cut(x, &text, room, tone);
            break;
        }
        row.put(x, &text, tone);
        x += width(&text) + 1;
    }
}
