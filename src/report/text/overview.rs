//! The first lines: what was looked at, and how it came out.

use crate::judge::Verdict;
use crate::report::phrase::{listed, told};
use crate::report::sanitize::clean;

use super::words::{count, number};
use super::{Page, View, health};

/// Names of other protocols that are told.
const PROTOCOLS: usize = 5;

/// Which files or interfaces, from when to when, how many packets, what was lost.
pub(super) fn head(page: &mut Page, view: &View<'_>) {
    let snapshot = view.snapshot;
    let files: Vec<String> = view
        .options
        .files
        .iter()
        .map(|file| {
            if file == "-" {
                "standard input".to_owned()
            } else {
                clean(file, 200).into_owned()
            }
        })
        .collect();
    let what = if files.is_empty() {
        let mut names: Vec<&str> = snapshot.interfaces.values().map(|name| &**name).collect();
        names.dedup();
        match &*names {
            [] => "live".to_owned(),
            names => clean(&format!("live on {}", names.join(", ")), 120).into_owned(),
        }
    } else {
        match files.len() {
            0..=4 => listed(&files),
            n => format!("{n} files"),
        }
    };
    let when = match (snapshot.first, snapshot.now) {
        (Some(first), Some(last)) => format!("   {}", view.clock.range(first, last)),
        _ => String::new(),
    };
    page.line(&format!(
        "{}{when}   {}",
        view.paint.bold(&what),
        health::in_short(&snapshot.health)
    ));
}

/// How many attempts, and what became of them.
pub(super) fn totals(page: &mut Page, view: &View<'_>) {
    let snapshot = view.snapshot;
    page.blank();
    let total = snapshot.attempts.total();
    if total == 0 {
        for line in health::nothing_seen(snapshot, view.options.files.is_empty()) {
            page.wrapped("  ", "  ", &line);
        }
    } else {
        let counts: Vec<String> = snapshot
            .attempts
            .iter()
            .map(|(verdict, n)| paint(view, verdict, n))
            .collect();
        page.line(&format!(
            "  {}:  {}",
            count(total, "attempt", "attempts"),
            counts.join("   ")
        ));
    }
    if snapshot.still_waiting > 0 {
        page.line(&format!(
            "  {} of the unknown still waited for an answer when the capture ended.",
            number(snapshot.still_waiting)
        ));
    }
    let notes: Vec<String> = snapshot
        .notes
        .iter()
        .map(|(id, n)| format!("{} {} ({})", number(n), id.name(), told(*id)))
        .collect();
    if !notes.is_empty() {
        page.wrapped(
            "  ",
            "    ",
            &format!("Of those that opened: {}.", notes.join(", ")),
        );
    }
    // A request that asked for nothing and was answered 426 anyway.
    let is_unasked = |name: &str| name == "none";
    let asked_for = || {
        let all = snapshot.other_protocols.iter();
        all.filter(move |&(name, _)| !is_unasked(name))
    };
    let unasked = snapshot
        .other_protocols
        .iter()
        .find(|&(name, _)| is_unasked(name))
        .map_or(0, |(_, n)| n);
    let asked = snapshot.other_protocols_total.saturating_sub(unasked);
    if asked > 0 {
        let names: Vec<String> = asked_for()
            .take(PROTOCOLS)
            .map(|(name, _)| clean(name, 30).into_owned())
            .collect();
        page.line(&format!(
            "  Also {} to other protocols ({}), not counted above.",
            count(asked, "upgrade", "upgrades"),
            names.join(", ")
        ));
    }
    if unasked > 0 {
        page.wrapped(
            "  ",
            "  ",
            &format!(
                "Also {} answered 426, though no upgrade was asked for (not counted above). See: wscap explain 426",
                count(unasked, "plain request was", "plain requests were")
            ),
        );
    }
}

fn paint(view: &View<'_>, verdict: Verdict, n: u64) -> String {
    let text = format!("{} {}", number(n), verdict.name());
    match verdict {
        _ if n == 0 => view.paint.dim(&text),
        Verdict::Ok => view.paint.green(&text),
        Verdict::Stripped | Verdict::Rejected => view.paint.red(&text),
        Verdict::Downgraded | Verdict::Abandoned | Verdict::Unknown => view.paint.yellow(&text),
    }
}
