//! The table of a block: what each leg carried, side by side.

use crate::attempt::{Attempt, Leg, Node};
use crate::judge::{Change, Difference, FindingId, JudgedAttempt, Message};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{capitalized, field_name};
use crate::report::sanitize::clean;

/// Longest cell.
const CELL: usize = 44;
/// Differences shown; the rest is in the JSON.
const MOST_ROWS: usize = 12;

/// One row: what it is about, both legs, what happened.
#[derive(Debug, Default)]
struct Row {
    label: String,
    left: String,
    right: String,
    note: &'static str,
}

/// The lines of the table, not indented.
pub(super) fn table(judged: &JudgedAttempt, mask: &Mask) -> Vec<String> {
    let rows = match pair(judged) {
        Some((outer, inner)) => two_legs(judged, outer, inner, mask),
        None => one_leg(judged, mask),
    };
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
    let asked = diff().filter(|d| d.message == Message::Request && !line(d));
    rows.extend(asked.take(MOST_ROWS).map(|d| difference(d, mask)));
    if let (Some(a), Some(b)) = (key(outer), key(inner))
        && a == b
    {
        rows.push(Row {
            label: "Sec-WebSocket-Key".to_owned(),
            left: "(same on both)".to_owned(),
            ..Row::default()
        });
    }
    let status_differs = diff().any(|d| &*d.field == "status");
    rows.push(Row {
        label: "answer".to_owned(),
        left: answer(outer, mask),
        right: format!("← {}", answer(inner, mask)),
        note: if status_differs { "changed" } else { "" },
    });
    let answered =
        diff().filter(|d| d.message == Message::Response && !line(d) && &*d.field != "status");
    rows.extend(answered.take(MOST_ROWS).map(|d| difference(d, mask)));
    rows
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
    if let Some(body) = facts::text_body(leg).filter(|_| leg.status() != Some(101)) {
        rows.push(row(
            "it says",
            clean(mask.words(body).trim(), 2 * CELL).into_owned(),
        ));
    }
    if !encrypted {
        // With one leg there is one column.
        for row in &mut rows {
            row.left = std::mem::take(&mut row.right);
        }
    }
    rows
}

/// The fields that a verdict on one leg rests on.
fn shown_fields(judged: &JudgedAttempt) -> Vec<&'static str> {
    let mut fields = vec!["upgrade", "connection"];
    match facts::root(judged).map(|root| root.id) {
        Some(FindingId::OriginRefused | FindingId::Forbidden) => fields.push("origin"),
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
        label: clean(&field_name(&d.field), 28).into_owned(),
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
    format!("{} → {}", leg.connection.client.addr, leg.connection.server)
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
    let beside = attempt.legs.iter().filter(|node| node.role != Role::Path);
    lines.extend(beside.take(6).map(|node| {
        let what = match (node.leg.status(), node.role) {
            (Some(status), _) => format!("answered {status}"),
            (None, _) => facts::ended(&node.leg).to_owned(),
        };
        format!(
            "{} {}: {what}",
            capitalized(node.role.name()),
            ends(&node.leg)
        )
    }));
    lines
}

fn request_line(leg: &Leg, mask: &Mask) -> String {
    let Some((_, request)) = &leg.request else {
        return "not seen".to_owned();
    };
    let head = &request.head;
    let target = mask.target(&head.target);
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
            "open" => "none".to_owned(),
            how => format!("none, {how}"),
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
