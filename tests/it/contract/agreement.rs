//! What the attempts and closings of one run say of each other.

use serde_json::Value;

use super::Run;

pub(super) type Wrong = Vec<String>;

/// Where the lines of a run do not agree.
pub(super) fn of(run: &Run) -> Wrong {
    let mut wrong = Wrong::new();
    order(run, &mut wrong);
    for attempt in all(run, "attempt") {
        let mut said = Wrong::new();
        attempt_alone(attempt, &mut said);
        tree(attempt, &mut said);
        difference(attempt, &mut said);
        let id = &attempt["id"];
        wrong.extend(said.into_iter().map(|what| format!("attempt {id}: {what}")));
    }
    for closing in all(run, "closing") {
        let mut said = Wrong::new();
        closing_alone(closing, run, &mut said);
        let id = &closing["attempt"];
        wrong.extend(
            said.into_iter()
                .map(|what| format!("closing of {id}: {what}")),
        );
    }
    wrong
}

pub(super) fn all<'a>(run: &'a Run, of: &'a str) -> impl Iterator<Item = &'a Value> {
    run.lines.iter().filter(move |line| line["type"] == of)
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

pub(super) fn same(what: &str, left: &Value, right: &Value, wrong: &mut Wrong) {
    if left != right {
        wrong.push(format!("{what}: {left} and {right}"));
    }
}

pub(super) fn must(holds: bool, what: &str, wrong: &mut Wrong) {
    if !holds {
        wrong.push(what.to_owned());
    }
}

/// Attempts and closings as decided, groups, routes, one health, one summary; ids from 1; a closing after its attempt.
fn order(run: &Run, wrong: &mut Wrong) {
    let place = |line: &Value| match text(&line["type"]) {
        "attempt" | "closing" => 0,
        "group" => 1,
        "route" => 2,
        "health" => 3,
        _ => 4,
    };
    must(
        run.lines.iter().map(place).is_sorted(),
        "types are out of order",
        wrong,
    );
    for once in ["health", "summary"] {
        must(
            all(run, once).count() == 1,
            &format!("not one {once}"),
            wrong,
        );
    }
    let mut next = 1;
    let mut closed = Vec::new();
    for line in &run.lines {
        if line["type"] == "attempt" {
            must(
                line["id"] == next,
                &format!("{} is not id {next}", line["id"]),
                wrong,
            );
            next += 1;
        } else if line["type"] == "closing" {
            let id = number(&line["attempt"]);
            must(
                (1..next).contains(&id),
                "a closing before its attempt",
                wrong,
            );
            must(!closed.contains(&id), "a second closing", wrong);
            closed.push(id);
        }
    }
    for attempt in all(run, "attempt") {
        let id = number(&attempt["id"]);
        let opened = attempt["verdict"] == "ok" && attempt["protocol"] == "websocket";
        must(
            !opened || closed.contains(&id),
            &format!("{id} opened and has no closing"),
            wrong,
        );
    }
}

fn attempt_alone(attempt: &Value, wrong: &mut Wrong) {
    let root = match text(&attempt["verdict"]) {
        "ok" => &Value::Null,
        _ => &attempt["findings"][0],
    };
    same("finding", &attempt["finding"], &root["id"], wrong);
    same(
        "confidence",
        &attempt["confidence"],
        &root["confidence"],
        wrong,
    );
    must(
        attempt["verdict"] == "ok" || !root.is_null(),
        "a verdict without a finding",
        wrong,
    );
    let severities: &[&str] = match (text(&attempt["verdict"]), &attempt["status"] == 101) {
        _ if attempt["protocol"] != "websocket" => &["info"],
        ("ok", _) => &["info"],
        ("stripped" | "rejected", _) | ("downgraded", false) => &["error"],
        // A 101 to another protocol opens no WebSocket.
        ("downgraded", true) if root["id"] == "answered_without_upgrade" => &["error"],
        ("downgraded", true) | ("unknown", _) => &["warning"],
        _ => &["info", "warning"],
    };
    must(
        severities.contains(&text(&attempt["severity"])),
        &format!("severity {} of {}", attempt["severity"], attempt["verdict"]),
        wrong,
    );
    let legs = list(&attempt["legs"]);
    must(!legs.is_empty(), "no leg", wrong);
    for finding in list(&attempt["findings"]) {
        must(
            number(&finding["leg"]) < legs.len() as u64,
            "a finding of no leg",
            wrong,
        );
        must(
            !list(&finding["evidence"]).is_empty(),
            &format!("{} without evidence", finding["id"]),
            wrong,
        );
    }
    must(
        number(&attempt["tries"]) == list(&attempt["earlier_tries"]).len() as u64 + 1,
        "tries and earlier_tries",
        wrong,
    );
    let outermost = &legs[0];
    if !outermost["request"].is_null() {
        same(
            "time",
            &attempt["time"],
            &outermost["request"]["time"],
            wrong,
        );
        same(
            "target",
            &attempt["target"],
            &outermost["request"]["target"],
            wrong,
        );
    }
    if attempt["verdict"] != "abandoned" {
        same(
            "status",
            &attempt["status"],
            &outermost["response"]["status"],
            wrong,
        );
    }
    for finding in list(&attempt["findings"]) {
        proof(attempt, finding, wrong);
    }
}

/// Proved is what two joined legs of the path show; by time alone nothing is joined as surely.
fn proof(attempt: &Value, finding: &Value, wrong: &mut Wrong) {
    if finding["confidence"] != "proved" {
        return;
    }
    let legs = list(&attempt["legs"]);
    let paths = legs.iter().filter(|leg| leg["role"] == "path").count();
    must(paths > 1, "proved by one leg", wrong);
    let leg = usize::try_from(number(&finding["leg"])).unwrap();
    must(
        legs.get(leg).is_none_or(|leg| leg["joined_by"] != "time")
            || finding["id"] == "key_changed",
        "proved by legs that time has joined",
        wrong,
    );
    let by_difference = ["stripped", "downgraded"].contains(&text(&attempt["verdict"]));
    must(
        !by_difference || !list(&attempt["diff"]).is_empty(),
        "proved, and no difference",
        wrong,
    );
}

/// Outermost first, parents before children.
fn tree(attempt: &Value, wrong: &mut Wrong) {
    for (index, leg) in list(&attempt["legs"]).iter().enumerate() {
        match leg["parent"].as_u64() {
            Some(parent) => {
                must(parent < index as u64, "a child before its parent", wrong);
                must(!leg["joined_by"].is_null(), "joined by nothing", wrong);
            }
            None => must(
                index > 0 || leg["joined_by"].is_null(),
                "the outermost leg is joined to something",
                wrong,
            ),
        }
        let (request, response) = (&leg["request"], &leg["response"]);
        must(
            leg["role"] != "failed" || request.is_null(),
            "a failed leg with a request",
            wrong,
        );
        must(
            leg["handshake_us"].is_null() || !(request.is_null() || response.is_null()),
            "handshake_us without request and response",
            wrong,
        );
        must(
            response["accept"].is_null() || response["status"] == 101,
            "accept without 101",
            wrong,
        );
        must(!leg["tcp_stream"].is_null(), "no tcp_stream", wrong);
        if !request.is_null() && !response.is_null() {
            must(
                text(&request["time"]) <= text(&response["time"]),
                "an answer before its request",
                wrong,
            );
        }
    }
}

fn difference(attempt: &Value, wrong: &mut Wrong) {
    let legs = list(&attempt["legs"]);
    for diff in list(&attempt["diff"]) {
        let (from, to) = (number(&diff["from"]), number(&diff["to"]));
        let is_path = |n: u64| {
            usize::try_from(n)
                .ok()
                .and_then(|n| legs.get(n))
                .is_some_and(|leg| leg["role"] == "path")
        };
        must(
            is_path(from) && is_path(to) && from < to,
            &format!("a difference from {from} to {to}"),
            wrong,
        );
        let nulls = (diff["was"].is_null(), diff["is"].is_null());
        let fits = match text(&diff["change"]) {
            "removed" => nulls == (false, true),
            "added" => nulls == (true, false),
            _ => nulls == (false, false),
        };
        must(fits, &format!("was and is of {diff}"), wrong);
        must(
            text(&diff["field"]) == text(&diff["field"]).to_ascii_lowercase(),
            "a field not in lower case",
            wrong,
        );
    }
}

fn closing_alone(closing: &Value, run: &Run, wrong: &mut Wrong) {
    let root = &closing["findings"][0];
    same("finding", &closing["finding"], &root["id"], wrong);
    same(
        "confidence",
        &closing["confidence"],
        &root["confidence"],
        wrong,
    );
    let severity = match text(&closing["kind"]) {
        "abnormal" => "warning",
        "fault" | "illegal" => "error",
        _ => "info",
    };
    same("severity", &closing["severity"], &severity.into(), wrong);
    let (kind, code) = (text(&closing["kind"]), closing["code"].as_u64());
    let fits = match kind {
        "normal" => matches!(code, Some(1000 | 1001 | 1005)),
        "application" => matches!(code, Some(3000..=4999)),
        "fault" => matches!(code, Some(1002 | 1003 | 1007..=1014)),
        "abnormal" | "unused" => code == Some(1006),
        "open" => code.is_none(),
        _ => true,
    };
    must(fits, &format!("{kind} with code {code:?}"), wrong);
    let wire = closing["wire_code"].as_u64();
    must(
        wire.is_none() || wire == code || kind == "illegal",
        &format!("code {code:?}, on the wire {wire:?}"),
        wrong,
    );
    must(
        number(&closing["idle_ms"]) <= number(&closing["age_ms"]),
        "idle for longer than it was open",
        wrong,
    );
    let Some(attempt) = all(run, "attempt").find(|attempt| attempt["id"] == closing["attempt"])
    else {
        return;
    };
    must(
        text(&attempt["time"]) <= text(&closing["time"]),
        "closed before it was asked for",
        wrong,
    );
    let legs = list(&attempt["legs"]);
    for end in list(&closing["legs"]) {
        let leg = usize::try_from(number(&end["leg"])).unwrap();
        must(
            legs.get(leg).is_some_and(|leg| leg["role"] == "path"),
            "an end of a leg that is none of the path",
            wrong,
        );
        must(
            end["echoed"] != end["echo_ms"].is_null(),
            "echoed and echo_ms",
            wrong,
        );
    }
    for finding in list(&closing["findings"]) {
        must(
            number(&finding["leg"]) < legs.len() as u64,
            "a finding of no leg",
            wrong,
        );
    }
}
