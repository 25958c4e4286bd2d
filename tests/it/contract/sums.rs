//! What is summed up agrees with what it is a sum of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Run;
use super::agreement::{Wrong, all, must, number, same, text};

type Counts = BTreeMap<String, u64>;

/// Where sums and lines do not agree.
pub(super) fn of(run: &Run) -> Wrong {
    let mut wrong = Wrong::new();
    sums(run, &mut wrong);
    groups(run, &mut wrong);
    wrong
}

/// What the summary counts is what the lines say.
fn sums(run: &Run, wrong: &mut Wrong) {
    let Some(summary) = all(run, "summary").next() else {
        return;
    };
    let attempts = || all(run, "attempt").filter(|attempt| attempt["protocol"] == "websocket");
    let others = all(run, "attempt").count() - attempts().count();
    same(
        "other_protocols",
        &summary["other_protocols"],
        &others.into(),
        wrong,
    );
    for (what, table, counted) in [
        (
            "attempts",
            &summary["attempts"],
            count(attempts().map(|a| &a["verdict"])),
        ),
        (
            "findings",
            &summary["findings"],
            count(attempts().map(|a| &a["finding"])),
        ),
        (
            "statuses",
            &summary["statuses"],
            count(attempts().map(|a| &a["status"])),
        ),
        (
            "closings",
            &summary["closings"],
            count(all(run, "closing").map(|c| &c["kind"])),
        ),
        (
            "close_codes",
            &summary["close_codes"],
            count(all(run, "closing").map(|c| &c["code"])),
        ),
    ] {
        agree(what, table, &counted, wrong);
    }
    let mut routes = Counts::new();
    for route in all(run, "route") {
        for (verdict, n) in route["attempts"].as_object().unwrap() {
            *routes.entry(verdict.clone()).or_default() += number(n);
        }
    }
    agree(
        "attempts of the routes",
        &summary["attempts"],
        &routes,
        wrong,
    );
    let mut health = all(run, "health").next().unwrap().clone();
    let lines = health.as_object_mut().unwrap();
    lines.remove("v");
    lines.remove("type");
    same("health", &summary["health"], &health, wrong);
    same("packets", &health["packets"], &run.packets.into(), wrong);
    for latency in [
        "connect",
        "handshake",
        "refusal",
        "proxy",
        "pong_client",
        "pong_server",
    ] {
        let spread = &summary["latency_us"][latency];
        let steps = ["p50", "p90", "p99", "max"].map(|step| number(&spread[step]));
        must(steps.is_sorted(), &format!("latency {spread}"), wrong);
    }
}

fn count<'a>(values: impl Iterator<Item = &'a Value>) -> Counts {
    let mut counts = Counts::new();
    for value in values.filter(|value| !value.is_null()) {
        let name = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Names that are not counted count as zero.
fn agree(what: &str, table: &Value, counted: &Counts, wrong: &mut Wrong) {
    let table: Counts = table
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, n)| (name.clone(), number(n)))
        .filter(|(_, n)| *n > 0)
        .collect();
    let counted: Counts = counted
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| (name.clone(), *n))
        .collect();
    must(
        table == counted,
        &format!("{what} are {table:?}, the lines say {counted:?}"),
        wrong,
    );
}

/// Every attempt that did not open whole, and every closing, is in one group, and its example is a member.
fn groups(run: &Run, wrong: &mut Wrong) {
    let mut grouped = Counts::new();
    let mut last = u64::MAX;
    for group in all(run, "group") {
        let n = number(&group["count"]);
        must(
            n <= last && n > 0,
            "groups are not the largest first",
            wrong,
        );
        last = n;
        let name = if group["verdict"].is_null() {
            name(group, "closing")
        } else {
            name(group, "attempt")
        };
        *grouped.entry(name.clone()).or_default() += n;
        must(
            text(&group["first"]) <= text(&group["last"]),
            "a group that ends before it begins",
            wrong,
        );
        let (of, id) = if group["verdict"].is_null() {
            ("closing", "attempt")
        } else {
            ("attempt", "id")
        };
        match all(run, of).find(|line| line[id] == group["example"]) {
            None => wrong.push(format!("no {of} {}, the example", group["example"])),
            Some(example) => {
                for key in ["finding", "hop"] {
                    same(
                        &format!("{key} of an example"),
                        &group[key],
                        &example[key],
                        wrong,
                    );
                }
                same("first", &group["first"], &example["time"], wrong);
            }
        }
        let exclusive = if of == "attempt" {
            group["kind"].is_null() && group["code"].is_null() && group["by"].is_null()
        } else {
            !group["kind"].is_null() && !group["by"].is_null()
        };
        must(exclusive, "a group of both attempts and closings", wrong);
        let share = group["share"].as_f64().unwrap();
        must(share > 0.0, "a share of nothing", wrong);
    }
    let mut expected = Counts::new();
    for attempt in all(run, "attempt") {
        if attempt["protocol"] == "websocket" && attempt["verdict"] != "ok" {
            *expected.entry(name(attempt, "attempt")).or_default() += 1;
        }
    }
    for closing in all(run, "closing") {
        *expected.entry(name(closing, "closing")).or_default() += 1;
    }
    must(
        grouped == expected,
        &format!("groups are {grouped:?}, the lines say {expected:?}"),
        wrong,
    );
}

/// What the members of a group have in common, as far as every line bears it.
fn name(line: &Value, of: &str) -> String {
    let keys: &[&str] = match of {
        "attempt" => &["finding", "verdict"],
        _ => &["finding", "kind", "code", "by"],
    };
    let values: Vec<String> = keys.iter().map(|key| line[*key].to_string()).collect();
    format!("{of} {} {}", values.join(" "), line["hop"]["in"])
}
