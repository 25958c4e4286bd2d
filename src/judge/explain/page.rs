//! One topic as a page.

use super::wrap::{lines, pairs, paragraph};
use crate::judge::catalogue::{Cause, Topic, TopicKind};

/// How deep the text of a section stands.
const INDENT: usize = 2;

/// All that is known of a topic.
pub(super) fn page(topic: &Topic, width: usize) -> String {
    let mut page = Page {
        out: vec![heading(topic)],
        width: width.max(40),
    };
    page.text("", &topic.meaning);
    page.text("WHO SAYS IT", &topic.who);
    page.text("WHEN YOU SEE IT", &topic.seen);
    page.text("ON THE WIRE", &topic.wire);
    page.text("WHY", &topic.cause);
    page.lines("WHAT IT DOES TO A HANDSHAKE", &topic.does);
    let is_finding = topic.kind == TopicKind::Finding;
    if is_finding {
        page.remedies(topic);
    }
    page.causes(
        "CAUSES, AND HOW TO TELL THEM APART",
        "wire  ",
        &topic.causes,
    );
    page.causes("HOW SERVERS AND PROXIES SAY IT", "", &topic.said);
    page.pairs(answers_title(topic), &topic.answers);
    page.pairs("KNOWN USES", &topic.uses);
    page.pairs("WHEN IT CUTS", &topic.timeouts);
    if !is_finding {
        page.remedies(topic);
    }
    page.lines("NOTE", &topic.notes);
    page.lines("TO BE SURE, CAPTURE", &topic.capture);
    if !topic.see.is_empty() {
        page.text(
            "SEE ALSO",
            &format!("wscap explain WORD: {}", topic.see.join(", ")),
        );
    }
    page.text("WRITTEN IN", &topic.reference);
    page.out.push(String::new());
    page.out.join("\n")
}

/// `426 Upgrade Required`, `upgrade_stripped: Upgrade removed on the way`, `nginx, openresty, …`.
pub(super) fn heading(topic: &Topic) -> String {
    match topic.kind {
        TopicKind::Finding => format!("{}: {}", topic.key, topic.title),
        TopicKind::Product => topic.title.clone(),
        TopicKind::Status | TopicKind::Close => format!("{} {}", topic.key, topic.title),
    }
}

fn answers_title(topic: &Topic) -> &'static str {
    match topic.kind {
        TopicKind::Product => "ITS OWN ANSWERS, AND WHAT THEY MEAN",
        TopicKind::Finding | TopicKind::Status | TopicKind::Close => "ONE BY ONE",
    }
}

/// A page that grows section by section; what is empty is left out.
struct Page {
    out: Vec<String>,
    width: usize,
}

impl Page {
    fn section(&mut self, title: &str) {
        self.out.push(String::new());
        if !title.is_empty() {
            self.out.push(title.to_owned());
        }
    }

    fn text(&mut self, title: &str, text: &str) {
        if !text.is_empty() {
            self.section(title);
            paragraph(&mut self.out, text, &" ".repeat(INDENT), INDENT, self.width);
        }
    }

    fn lines(&mut self, title: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.section(title);
            lines(&mut self.out, texts, INDENT, self.width);
        }
    }

    fn pairs(&mut self, title: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.section(title);
            pairs(&mut self.out, texts, INDENT, self.width);
        }
    }

    fn remedies(&mut self, topic: &Topic) {
        self.lines("FIX", &topic.fix);
        for (name, fix) in &topic.variants {
            self.lines(&format!("FIX, IF THE HOP IS {}", name.to_uppercase()), fix);
        }
        self.lines("WON'T HELP", &topic.wont_help);
    }

    fn causes(&mut self, title: &str, lead: &str, causes: &[Cause]) {
        if causes.is_empty() {
            return;
        }
        self.section(title);
        for cause in causes {
            let (first, hang) = match &cause.row {
                Some(row) if cause.own => (format!("  {row}, own row: "), 8),
                Some(row) => (format!("  {row:<6}"), 8),
                None => (" ".repeat(INDENT), INDENT + 2),
            };
            paragraph(&mut self.out, &cause.what, &first, hang, self.width);
            let lead = format!("{:8}{lead}", "");
            paragraph(&mut self.out, &cause.wire, &lead, lead.len(), self.width);
            for (index, fix) in cause.fix.iter().enumerate() {
                let lead = if index == 0 {
                    "        fix   "
                } else {
                    "              "
                };
                // Configuration of a row is to be pasted as it is.
                if cause.own && index > 0 && fix.starts_with("    ") {
                    self.out.push(format!("{lead}{fix}"));
                    continue;
                }
                paragraph(&mut self.out, fix, lead, 16, self.width);
            }
        }
    }
}
