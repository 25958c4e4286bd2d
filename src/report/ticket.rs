//! A ticket to paste: what, where, evidence, fix, as Markdown. Masked like the report.

use std::sync::Arc;

use crate::attempt::Attempt;
use crate::judge::{Advice, JudgedAttempt, JudgedClosing};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::code_words;
use crate::report::sanitize::clean;
use crate::report::text::{Told, evidence, place};
use crate::report::words::{Clock, count, span};
use crate::tally::{Group, GroupKey};

use super::text::closing_words;

/// What a ticket is written with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) files: &'a [String],
    pub(crate) redact: bool,
}

/// The ticket of an attempt; `group` is all of its kind.
pub(crate) fn of_attempt(desk: Desk<'_>, judged: &JudgedAttempt, group: Option<&Group>) -> String {
    let mask = Mask::of_attempt(desk.redact, &judged.attempt);
    let told = Told::of(judged, desk.files, &mask);
    let key = GroupKey::of_attempt(judged);
    let verdict = judged.judgement.verdict.name();
    let mut page = Markdown::default();
    page.title(&format!(
        "WebSocket handshake {verdict} on {}",
        place(&key, &mask)
    ));
    page.section("What");
    page.item(&told.sentence);
    if !told.sure.is_empty() {
        page.item(&format!("How sure: {}.", told.sure));
    }
    if let Some(finding) = facts::root(judged) {
        page.item(&format!("Finding: `{}`.", finding.id.name()));
    }
    page.section("Where and when");
    page.when(desk.clock, group, judged.attempt.outermost().started());
    for line in ends(&judged.attempt) {
        page.item(&line);
    }
    for line in &told.see {
        page.item(line);
    }
    page.section("Evidence");
    if !told.rows.is_empty() {
        page.fenced(&crate::report::text::table_lines(&told.rows));
    }
    for line in told.seen.iter().chain(&told.also).chain(&told.legs) {
        page.item(line);
    }
    for line in &told.notes {
        page.item(line);
    }
    page.advice(&judged.judgement.advice);
    page.0
}

/// The ticket of a closing.
pub(crate) fn of_closing(desk: Desk<'_>, judged: &JudgedClosing, group: Option<&Group>) -> String {
    let mask = Mask::of_closing(desk.redact, &judged.closing);
    let key = GroupKey::of_closing(judged);
    let judgement = &judged.judgement;
    let mut page = Markdown::default();
    page.title(&format!(
        "WebSocket closed ({}) on {}",
        code_words(&judged.judgement),
        place(&key, &mask)
    ));
    page.section("What");
    page.item(&closing_words(judged, &mask));
    if let Some(root) = judgement.findings.first() {
        page.item(&format!(
            "Finding: `{}`, {}.",
            root.id.name(),
            root.confidence.name()
        ));
    }
    page.section("Where and when");
    page.when(desk.clock, group, judged.closing.at);
    for leg in &judged.closing.legs {
        page.item(&format!("{} → {}", leg.client, leg.server));
    }
    page.item(&format!(
        "Open for {}, silent for the last {}.",
        span(judged.closing.age()),
        span(judged.closing.idle())
    ));
    page.section("Evidence");
    if let Some(root) = judgement.findings.first() {
        for line in evidence(root, &mask) {
            page.item(&line);
        }
    }
    if let Some(reason) = judgement.reason.as_deref().filter(|r| !r.is_empty()) {
        page.item(&format!(
            "Reason in the Close: {}",
            clean(&mask.words(reason), 123)
        ));
    }
    match &judgement.meaning {
        // An application's own code is no finding, yet what it means is known.
        Some(meaning) if judgement.findings.is_empty() => {
            page.item(&format!("Known by {}.", meaning.known_by));
            page.advice(&Advice {
                cause: Some(meaning.text.to_string()),
                fix: meaning.fix.clone(),
                wont_help: Arc::default(),
            });
        }
        _ => page.advice(&judgement.advice),
    }
    page.0
}

fn ends(attempt: &Attempt) -> Vec<String> {
    attempt
        .path()
        .filter_map(|index| attempt.legs.get(index))
        .map(|node| {
            let connection = node.leg.connection();
            format!("{} → {}", connection.client, connection.server)
        })
        .collect()
}

#[derive(Default)]
struct Markdown(String);

impl Markdown {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.line(&format!("## {}", plain(text)));
    }

    fn section(&mut self, name: &str) {
        self.line("");
        self.line(&format!("**{name}**"));
        self.line("");
    }

    fn item(&mut self, text: &str) {
        self.line(&format!("- {}", plain(text)));
    }

    /// As it stands: nothing in it is Markdown. A fence is longer than any run of backticks inside it.
    fn fenced(&mut self, lines: &[String]) {
        let longest = lines.iter().map(|line| longest_run(line)).max();
        let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
        self.line(&fence);
        for line in lines {
            self.line(line);
        }
        self.line(&fence);
    }

    fn when(&mut self, clock: &Clock, group: Option<&Group>, at: crate::time::Timestamp) {
        match group.filter(|group| group.count > 1) {
            Some(group) => self.item(&format!(
                "{} from {}",
                count(group.count, "time", "times"),
                clock.range(group.first, group.last)
            )),
            None => self.item(&format!("{} {}", clock.date_time(at), clock.offset(at))),
        }
    }

    fn advice(&mut self, advice: &Advice) {
        if let Some(cause) = &advice.cause {
            self.section("Why");
            self.line(cause);
        }
        if !advice.fix.is_empty() {
            self.section("Fix");
            self.fenced(&advice.fix);
        }
        if !advice.wont_help.is_empty() {
            self.section("What will not help");
            for line in &*advice.wont_help {
                self.item(line);
            }
        }
    }
}

fn longest_run(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text that a stranger may have chosen must not become a link, an image or a tag in a ticket.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for c in text.chars() {
        match c {
            '`' => is_code = !is_code,
            '<' | '[' | ']' | '!' | '|' if !is_code => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Kind, Meaning, Party};
    use crate::tally::example::{closing, stripped};

    fn desk(clock: &Clock) -> Desk<'_> {
        Desk {
            clock,
            files: &[],
            redact: true,
        }
    }

    #[test]
    fn a_ticket_has_all_that_a_colleague_needs_and_no_secret() {
        let clock = Clock::new(true);
        let ticket = of_attempt(desk(&clock), &stripped(7, 50_208, 0), None);
        for part in [
            "## WebSocket handshake stripped on api.example.com /ws/*",
            "removed Upgrade and spoke HTTP/1.0 upstream",
            "How sure: proved by both legs.",
            "2026-01-02 03:04:05 UTC",
            "10.1.0.2:50208 → 10.0.0.5:80",
            "Upgrade",
            "**Fix**",
            "    proxy_http_version 1.1;",
            "**What will not help**",
        ] {
            assert!(ticket.contains(part), "{part} is not in\n{ticket}");
        }
        assert!(!ticket.contains("CANARY"), "{ticket}");
    }

    #[test]
    fn the_ticket_of_a_closing_names_its_code() {
        let clock = Clock::new(true);
        let judged = closing(5, Kind::Abnormal, Some(1006), Party::Server);
        let ticket = of_closing(desk(&clock), &judged, None);
        assert!(ticket.starts_with("## WebSocket closed (1006 Abnormal Closure) on"));
        assert!(ticket.contains("10.1.0.2:50400 → 10.0.0.5:80"), "{ticket}");
    }

    #[test]
    fn the_ticket_of_an_application_s_code_says_what_it_means_and_what_to_do() {
        let clock = Clock::new(true);
        let mut judged = closing(5, Kind::Application, Some(4401), Party::Server);
        judged.judgement.meaning = Some(Meaning {
            name: "Unauthorized".into(),
            of: "graphql-ws".into(),
            known_by: "the subprotocol".into(),
            text: "It subscribed too early.".into(),
            fix: ["Wait for connection_ack.".to_owned()].into(),
        });
        let ticket = of_closing(desk(&clock), &judged, None);
        for part in [
            "4401 Unauthorized (graphql-ws)",
            "Known by the subprotocol.",
            "It subscribed too early.",
            "Wait for connection_ack.",
        ] {
            assert!(ticket.contains(part), "{part} is not in\n{ticket}");
        }
    }

    #[test]
    fn nothing_from_the_network_becomes_markup() {
        assert_eq!(plain("![x](y) <b> `a[0]`"), "\\!\\[x\\](y) \\<b> `a[0]`");
        let mut page = Markdown::default();
        page.fenced(&["a ``` b".to_owned()]);
        assert!(page.0.starts_with("````\n"));
    }
}
