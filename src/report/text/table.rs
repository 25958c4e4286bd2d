//! The table of a block: what each leg carried, side by side.

use crate::attempt::{Attempt, Leg, Node};
use crate::flow::Direction;
use crate::judge::{Change, Difference, Finding, FindingId, JudgedAttempt, Message};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{capitalized, field_name};
use crate::report::sanitize::clean;

/// Longest cell.
const CELL: usize = 44;
/// Differences shown; the rest is in the JSON.
const MOST_ROWS: usize = 12;

/// One row: what it is about, both legs, what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) left: String,
    pub(crate) right: String,
    pub(crate) note: &'static str,
}

/// The rows of the table.
pub(super) fn rows(judged: &JudgedAttempt, mask: &Mask) -> Vec<Row> {
    match pair(judged) {
        Some((outer, inner)) => two_legs(judged, outer, inner, mask),
        None => one_leg(judged, mask),
    }
}

/// Its lines, not indented.
pub(crate) fn lines(rows: &[Row]) -> Vec<String> {
    let width = |cell: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| cell(row).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (label, left, right) = (width(|r| &r.label), width(|r| &r.left), width(|r| &r.right));
    rows.iter()
        .map(|row| {
            let line = format!(
                "{:label$}   {:left$}   {:right$}   {}",
                row.label, row.left, row.right, row.note
            );
            line.trim_end().to_owned()
        })
        .collect()
}

/// The two `path` legs that tell most: those that differ, else those around the root cause, else the outermost two.
fn pair(judged: &JudgedAttempt) -> Option<(usize, usize)> {
    let attempt = &judged.attempt;
    let root = facts::root(judged);
    let parent_of = |index: usize| {
        let node = attempt.legs.get(index)?;
        (node.role == crate::attempt::Role::Path).then_some((node.parent?, index))
    };
    let differs = judged.judgement.diff.first().map(|d| (d.from, d.to));
    let around = root.and_then(|root| parent_of(root.leg));
    around
        .or(differs)
        .or_else(|| attempt.path().find_map(parent_of))
}

fn two_legs(judged: &JudgedAttempt, from: usize, to: usize, mask: &Mask) -> Vec<Row> {
    let attempt = &judged.attempt;
    let (Some(outer), Some(inner)) = (attempt.legs.get(from), attempt.legs.get(to)) else {
        return Vec::new();
    };
    let (outer, inner) = (&outer.leg, &inner.leg);
    let diff = || {
        judged
            .judgement
            .diff
            .iter()
            .filter(|d| (d.from, d.to) == (from, to))
    };
    let line = |d: &&Difference| matches!(&*d.field, "version" | "method" | "target");
    let mut rows = vec![
        Row {
            left: ends(outer),
            right: ends(inner),
            ..Row::default()
        },
        Row {
            label: "request".to_owned(),
            left: request_line(outer, mask),
            right: request_line(inner, mask),
            note: if diff().any(|d| line(&d)) {
                "changed"
            } else {
                ""
            },
        },
    ];
    let asked = || diff().filter(|d| d.message == Message::Request && !line(d));
    // What a handshake stands on is shown on both legs, changed or not.
    let always = shown_fields(judged);
    rows.extend(
        asked()
            .filter(|d| &*d.field == "host")
            .map(|d| difference(d, mask)),
    );
    for name in &always {
        let changed = asked().find(|d| &*d.field == *name && !is_case_only(d));
        rows.push(changed.map_or_else(
            || Row {
                label: field_name(name),
                left: field(outer, name, mask).unwrap_or_else(none),
                right: field(inner, name, mask).unwrap_or_else(none),
                note: "",
            },
            |d| difference(d, mask),
        ));
    }
    let others = asked().filter(|d| &*d.field != "host" && !always.contains(&&*d.field));
    rows.extend(others.take(MOST_ROWS).map(|d| difference(d, mask)));
    let keys = (key(outer), key(inner));
    if keys.0 == keys.1 {
        rows.push(Row {
            label: "Sec-WebSocket-Key".to_owned(),
            left: keys.0.map_or_else(none, |_| "(same on both)".to_owned()),
            right: keys.0.map_or_else(none, |_| String::new()),
            note: "",
        });
    }
    let status_differs = diff().any(|d| &*d.field == "status");
    rows.push(Row {
        label: "answer".to_owned(),
        left: answer(outer, mask),
        right: format!("← {}", answer(inner, mask)),
        note: if status_differs { "changed" } else { "" },
    });
    if status_differs {
        // Two different answers have nothing to compare.
        return rows;
    }
    let answered = || {
        diff().filter(|d| {
            let is_of_101 = outer.status() == Some(101);
            d.message == Message::Response
                && !line(d)
                && !is_case_only(d)
                && (is_of_101 || &*d.field != "connection")
        })
    };
    let told = told_of_answer(outer).filter(|name| answered().all(|d| &*d.field != *name));
    rows.extend(told.map(|name| Row {
        label: of_answer(name),
        left: answer_field(outer, name, mask),
        right: answer_field(inner, name, mask),
        note: "",
    }));
    rows.extend(answered().take(MOST_ROWS).map(|d| difference(d, mask)));
    rows
}

/// Whether the table shows all that the evidence of a finding says: the same field of the same two legs.
pub(super) fn tells(judged: &JudgedAttempt, finding: &Finding) -> bool {
    use FindingId as F;
    let (message, name) = match finding.id {
        F::UpgradeStripped | F::UpgradeMangled => (Message::Request, "upgrade"),
        F::ConnectionStripped => (Message::Request, "connection"),
        F::KeyStripped | F::KeyChanged => (Message::Request, "sec-websocket-key"),
        F::VersionStripped => (Message::Request, "sec-websocket-version"),
        F::ExtensionsStripped | F::ExtensionsAdded => {
            (Message::Request, "sec-websocket-extensions")
        }
        F::SubprotocolStripped => (Message::Request, "sec-websocket-protocol"),
        F::HttpVersionDowngraded => (Message::Request, "version"),
        F::ResponseAcceptStripped | F::ResponseAcceptChanged => {
            (Message::Response, "sec-websocket-accept")
        }
        F::ResponseExtensionsStripped => (Message::Response, "sec-websocket-extensions"),
        F::ResponseSubprotocolStripped => (Message::Response, "sec-websocket-protocol"),
        _ => return false,
    };
    let is_whole = |value: &Option<Box<str>>| {
        let length = value.as_deref().map_or(0, |value| value.chars().count());
        length <= CELL
    };
    let is_of_difference = matches!(&*finding.evidence, [one] if one.contains("; ")
        || finding.id == F::HttpVersionDowngraded);
    is_of_difference
        && pair(judged).is_some_and(|(from, to)| {
            judged.judgement.diff.iter().any(|d| {
                (d.from, d.to) == (from, to)
                    && d.message == message
                    && &*d.field == name
                    && is_whole(&d.was)
                    && is_whole(&d.is)
            })
        })
}

/// Upgrade and Connection name tokens: their case means nothing.
fn is_case_only(d: &Difference) -> bool {
    let is_list = matches!(&*d.field, "upgrade" | "connection");
    let values = d.was.as_deref().zip(d.is.as_deref());
    is_list && values.is_some_and(|(was, is)| was.eq_ignore_ascii_case(is))
}

/// What an answer of that status is read for.
fn told_of_answer(leg: &Leg) -> impl Iterator<Item = &'static str> {
    let name = match leg.status() {
        Some(426) => Some("upgrade"),
        Some(300..=399) => Some("location"),
        _ => None,
    };
    name.filter(|name| leg.answer_field(name).is_some())
        .into_iter()
}

fn of_answer(name: &str) -> String {
    format!("answer's {}", field_name(name))
}

fn answer_field(leg: &Leg, name: &'static str, mask: &Mask) -> String {
    leg.answer_field(name)
        .map_or_else(none, |value| cell(&mask.field(name, &value)))
}

fn none() -> String {
    "-".to_owned()
}

/// One leg alone: its request and answer; what it lost shows as `-`.
fn one_leg(judged: &JudgedAttempt, mask: &Mask) -> Vec<Row> {
    let attempt = &judged.attempt;
    let leg = attempt.outermost();
    let encrypted = attempt.surroundings.client_leg_encrypted;
    let row = |label: &str, value: String| Row {
        label: label.to_owned(),
        left: String::new(),
        right: value,
        note: "",
    };
    let mut rows = vec![row("", ends(leg)), row("request", request_line(leg, mask))];
    if let Some(head) = rows.first_mut().filter(|_| encrypted) {
        "encrypted".clone_into(&mut head.left);
    }
    for name in shown_fields(judged) {
        let value = field(leg, name, mask).unwrap_or_else(|| "-".to_owned());
        rows.push(row(&field_name(name), value));
    }
    let key = key(leg).map_or("-", |_| "(there)");
    rows.push(row("Sec-WebSocket-Key", key.to_owned()));
    rows.push(row("answer", answer(leg, mask)));
    for name in told_of_answer(leg) {
        rows.push(row(&of_answer(name), answer_field(leg, name, mask)));
    }
    if let Some(body) = facts::text_body(leg).filter(|_| leg.status() != Some(101)) {
        let mut words = plain(&mask.words(body));
        let is_whole = leg
            .body
            .as_ref()
            .is_some_and(|whole| whole.bytes.len() < 256);
        if !is_whole && !words.is_empty() {
            words.push('…');
        }
        let start: String = words.chars().take(20).collect();
        let evidence = facts::root(judged).map_or(&[][..], |root| &root.evidence);
        let is_quoted = evidence.iter().any(|line| line.contains(&start));
        let reason = leg.answer_head().map(|head| &*head.reason);
        let is_news = !is_quoted && reason != Some(&*words);
        if !words.is_empty() && is_news {
            rows.push(row("it says", clean(&words, 2 * CELL).into_owned()));
        }
    }
    if !encrypted {
        // With one leg there is one column.
        for row in &mut rows {
            row.left = std::mem::take(&mut row.right);
        }
    }
    rows
}

/// What a page says to a reader: its text without head and tags, in one line.
fn plain(body: &str) -> String {
    let is_page = body.trim_start().starts_with('<');
    if !is_page {
        return body.trim().to_owned();
    }
    let start = body.find("<body").unwrap_or_default();
    let mut text = String::new();
    let mut is_tag = false;
    for c in body.get(start..).unwrap_or_default().chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The fields that a verdict rests on.
fn shown_fields(judged: &JudgedAttempt) -> Vec<&'static str> {
    let mut fields = vec!["upgrade", "connection"];
    match facts::root(judged).map(|root| root.id) {
        Some(FindingId::OriginRefused | FindingId::Forbidden | FindingId::Unauthorized) => {
            fields.push("origin");
        }
        Some(
            FindingId::VersionUnsupported | FindingId::VersionStripped | FindingId::LegacyProtocol,
        ) => {
            fields.push("sec-websocket-version");
        }
        Some(
            FindingId::SubprotocolNotSelected
            | FindingId::SubprotocolNotOffered
            | FindingId::SubprotocolRequired,
        ) => fields.push("sec-websocket-protocol"),
        Some(FindingId::ExtensionNotOffered | FindingId::ExtensionInvalid) => {
            fields.push("sec-websocket-extensions");
        }
        _ => {}
    }
    fields
}

fn difference(d: &Difference, mask: &Mask) -> Row {
    let value = |value: &Option<Box<str>>| {
        value.as_deref().map_or_else(
            || "-".to_owned(),
            |value| cell(&mask.field(&d.field, value)),
        )
    };
    // A response travels from the inner leg to the outer one.
    let (left, right) = match d.message {
        Message::Request => (value(&d.was), value(&d.is)),
        Message::Response => (value(&d.is), value(&d.was)),
    };
    Row {
        label: match d.message {
            Message::Request => clean(&field_name(&d.field), 28).into_owned(),
            Message::Response => clean(&of_answer(&d.field), 40).into_owned(),
        },
        left,
        right,
        note: match d.change {
            Change::Removed => "removed",
            Change::Added => "added",
            Change::Renamed => "renamed",
            Change::Changed => "changed",
        },
    }
}

/// `10.0.1.5 → 10.0.1.9:8080`.
pub(super) fn ends(leg: &Leg) -> String {
    format!(
        "{} → {}",
        leg.connection().client.addr,
        leg.connection().server
    )
}

/// The legs beside the path, and the chain where it has more than two.
pub(super) fn other_legs(attempt: &Attempt) -> Vec<String> {
    use crate::attempt::Role;
    let path: Vec<&Node> = attempt
        .path()
        .filter_map(|index| attempt.legs.get(index))
        .collect();
    let chain: Vec<String> = path.iter().map(|node| ends(&node.leg)).collect();
    let mut lines = Vec::new();
    if chain.len() > 2 {
        lines.push(format!("{} legs: {}", chain.len(), chain.join(", then ")));
    }
    for leg in path.iter().map(|node| &node.leg) {
        if let Some(other) = leg.connection().redirected {
            let (client, server) = (leg.connection().client.addr, leg.connection().server);
            lines.push(format!(
                "{client} dialled {}; a rule on its host redirected it to {server}",
                other.from
            ));
        }
    }
    // Equal tries are told once, with their number.
    let mut beside: Vec<(String, u64)> = Vec::new();
    for node in attempt.legs.iter().filter(|node| node.role != Role::Path) {
        let what = match (node.leg.status(), facts::ended(&node.leg)) {
            (Some(status), _) => format!("answered {status}"),
            (None, "refused") => "connection refused".to_owned(),
            (None, "timeout") => "no answer at all".to_owned(),
            (None, "open") => "still open, no answer".to_owned(),
            (None, _) => how_it_ended(&node.leg),
        };
        let name = capitalized(node.role.name());
        let line = format!("{name} {}: {what}", ends(&node.leg));
        match beside.iter_mut().find(|(told, _)| *told == line) {
            Some((_, times)) => *times += 1,
            None => beside.push((line, 1)),
        }
    }
    lines.extend(beside.into_iter().take(6).map(|(line, times)| match times {
        1 => line,
        times => format!("{line}, {times} times"),
    }));
    lines
}

/// `FIN from 10.0.1.9:8080`.
fn how_it_ended(leg: &Leg) -> String {
    let Some(end) = leg.end.first else {
        return facts::ended(leg).to_owned();
    };
    let from = match end.dir {
        Direction::ToServer => leg.connection().client,
        Direction::ToClient => leg.connection().server,
    };
    format!("{} from {from}", if end.reset { "RST" } else { "FIN" })
}

fn request_line(leg: &Leg, mask: &Mask) -> String {
    let Some((_, request)) = &leg.request else {
        return "not seen".to_owned();
    };
    let head = &request.head;
    let target = mask.target(head.target());
    format!(
        "{} {} {}",
        clean(&mask.words(&head.method), 12),
        clean(&target, 28),
        head.version.name()
    )
}

fn answer(leg: &Leg, mask: &Mask) -> String {
    let Some((_, response)) = &leg.response else {
        return match facts::ended(leg) {
            "open" | "refused" | "timeout" | "evicted" | "unknown" => "none".to_owned(),
            _ => format!("none, {}", how_it_ended(leg)),
        };
    };
    match &response.head {
        Some(head) if head.reason.is_empty() => head.status.0.to_string(),
        Some(head) => cell(&format!("{} {}", head.status.0, mask.words(&head.reason))),
        None => "no HTTP".to_owned(),
    }
}

fn key(leg: &Leg) -> Option<&str> {
    leg.request.as_ref()?.1.offer.key.as_deref()
}

fn field(leg: &Leg, name: &'static str, mask: &Mask) -> Option<String> {
    let fields = &leg.request.as_ref()?.1.head.fields;
    Some(cell(&mask.field(name, &fields.value(name)?)))
}

fn cell(text: &str) -> String {
    clean(text, CELL).into_owned()
}
