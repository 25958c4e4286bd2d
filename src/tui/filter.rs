//! The live filter: `verdict:stripped host:api status:4xx since:5m`, and plain words.
//!
//! Words stand side by side, and all of them must fit. `a,b` behind a name means either; a `!` before a word turns it
//! round. A name that is not known is a plain word like any other.

use std::time::Duration;

use crate::time::Timestamp;

/// The names before a colon, as the screen tells them.
pub(super) const NAMES: &str =
    "verdict: status: host: path: hop: client: finding: code: kind: by: since:";

/// What of an attempt, a closing or a group can be looked for. Text is compared in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) id: Option<u64>,
    pub(super) verdict: &'static str,
    pub(super) status: Option<u16>,
    pub(super) host: String,
    pub(super) path: String,
    /// Address and software, and all servers of its legs.
    pub(super) hop: String,
    pub(super) client: String,
    pub(super) findings: Vec<&'static str>,
    pub(super) code: Option<u16>,
    pub(super) kind: &'static str,
    pub(super) by: &'static str,
    pub(super) at: Option<Timestamp>,
}

/// A filter as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    text: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    not: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Verdict(Vec<String>),
    Status(Vec<String>),
    Host(Vec<String>),
    Path(Vec<String>),
    Hop(Vec<String>),
    Client(Vec<String>),
    Finding(Vec<String>),
    Code(Vec<String>),
    Kind(Vec<String>),
    By(Vec<String>),
    Since(Duration),
    Plain(String),
}

impl Filter {
    pub(super) fn new(text: &str) -> Self {
        let words = text.split_whitespace().filter_map(word).collect();
        Self {
            text: text.trim().to_owned(),
            words,
        }
    }

    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a closing may have to be known by its attempt, and an attempt by its closing.
    pub(super) fn looks_across(&self) -> bool {
        self.words.iter().any(|word| {
            matches!(
                word.test,
                Test::Code(_) | Test::Verdict(_) | Test::Status(_) | Test::Plain(_)
            )
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether all words fit; `now` is how far time has come.
    pub(super) fn fits(&self, facts: &Facts, now: Option<Timestamp>) -> bool {
        self.words
            .iter()
            .all(|word| word.test.fits(facts, now) != word.not)
    }
}

fn word(typed: &str) -> Option<Word> {
    let (not, rest) = match typed.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, typed),
    };
    let word = rest.to_lowercase();
    let plain = || Test::Plain(word.clone());
    let test = match word.split_once(':') {
        // The value is still being typed.
        Some((name, "")) if is_name(name) => return None,
        Some((name, values)) => {
            let values = || values.split(',').map(str::to_owned).collect::<Vec<_>>();
            match name {
                "verdict" => Test::Verdict(values()),
                "status" => Test::Status(values()),
                "host" => Test::Host(values()),
                "path" | "route" => Test::Path(values()),
                "hop" => Test::Hop(values()),
                "client" => Test::Client(values()),
                "finding" => Test::Finding(values()),
                "code" => Test::Code(values()),
                "kind" => Test::Kind(values()),
                "by" => Test::By(values()),
                "since" => span(&values().concat()).map_or_else(plain, Test::Since),
                _ => plain(),
            }
        }
        None => plain(),
    };
    (test != Test::Plain(String::new())).then_some(Word { not, test })
}

fn is_name(name: &str) -> bool {
    NAMES
        .split(' ')
        .any(|known| known.strip_suffix(':') == Some(name))
}

/// `90s`, `5m`, `2h`, `1d`; a bare number is seconds.
fn span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = digits.parse::<u64>().ok()?.checked_mul(factor)?;
    Some(Duration::from_secs(seconds))
}

impl Test {
    fn fits(&self, facts: &Facts, now: Option<Timestamp>) -> bool {
        let starts = |values: &[String], name: &str| {
            values
                .iter()
                .any(|value| !name.is_empty() && name.starts_with(value.as_str()))
        };
        let holds = |values: &[String], text: &str| {
            values.iter().any(|value| text.contains(value.as_str()))
        };
        match self {
            Self::Verdict(values) => starts(values, facts.verdict),
            Self::Kind(values) => starts(values, facts.kind),
            Self::By(values) => starts(values, facts.by),
            Self::Status(values) => values.iter().any(|value| is_number(value, facts.status)),
            Self::Code(values) => values.iter().any(|value| is_number(value, facts.code)),
            Self::Host(values) => holds(values, &facts.host),
            Self::Path(values) => holds(values, &facts.path),
            Self::Hop(values) => holds(values, &facts.hop),
            Self::Client(values) => holds(values, &facts.client),
            Self::Finding(values) => facts.findings.iter().any(|id| holds(values, id)),
            Self::Since(span) => facts
                .at
                .zip(now)
                .is_none_or(|(at, now)| now.since(at) <= *span),
            Self::Plain(word) => facts.holds(word),
        }
    }
}

/// `404`, `4xx`, `40x`, `-` where there is none.
fn is_number(pattern: &str, number: Option<u16>) -> bool {
    let Some(number) = number else {
        return pattern == "-";
    };
    let number = number.to_string();
    number.len() == pattern.len()
        && number
            .chars()
            .zip(pattern.chars())
            .all(|(digit, wanted)| wanted == 'x' || wanted == digit)
}

impl Facts {
    fn holds(&self, word: &str) -> bool {
        let number = |number: Option<u16>| number.is_some_and(|n| n.to_string() == word);
        [&self.host, &self.path, &self.hop, &self.client]
            .into_iter()
            .any(|text| text.contains(word))
            || [self.verdict, self.kind]
                .into_iter()
                .any(|text| text.starts_with(word))
            || self.findings.iter().any(|id| id.contains(word))
            || number(self.status)
            || number(self.code)
            || self.id.is_some_and(|id| format!("#{id}") == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            id: Some(7),
            verdict: "stripped",
            status: Some(426),
            host: "api.example.com".into(),
            path: "/ws/1234".into(),
            hop: "10.0.0.5:80 nginx/1.22.1 10.0.1.9:8080".into(),
            client: "10.1.0.2:50208".into(),
            findings: vec!["upgrade_stripped", "http_version_downgraded"],
            code: Some(1006),
            kind: "abnormal",
            by: "proxy",
            at: Some(Timestamp::from_secs(1_000, 0)),
        }
    }

    #[test]
    fn each_word_is_understood() {
        let now = Some(Timestamp::from_secs(1_300, 0));
        for (text, fits) in [
            ("", true),
            ("verdict:stripped", true),
            ("verdict:strip", true),
            ("verdict:ok,stripped", true),
            ("verdict:ok", false),
            ("!verdict:ok", true),
            ("!verdict:stripped", false),
            ("VERDICT:Stripped", true),
            ("host:api", true),
            ("host:www", false),
            ("status:4xx", true),
            ("status:426", true),
            ("status:5xx,42x", true),
            ("status:4", false),
            ("status:-", false),
            ("code:1006", true),
            ("code:10xx", true),
            ("code:1000", false),
            ("hop:10.0.0.5", true),
            ("hop:nginx", true),
            ("hop:10.0.0.6", false),
            ("client:10.1.0.2", true),
            ("path:/ws", true),
            ("path:/admin", false),
            ("finding:upgrade", true),
            ("kind:abnormal", true),
            ("by:proxy", true),
            ("by:client", false),
            ("since:5m", true),
            ("since:299", false),
            ("since:1h", true),
            ("nginx", true),
            ("10.0.0.5:80", true),
            ("426", true),
            ("42", false),
            ("#7", true),
            ("haproxy", false),
            ("!haproxy nginx 426", true),
            ("nginx 101", false),
            // Half typed: as if it were not there.
            ("verdict:", true),
            ("!", true),
            // Not known: a plain word.
            ("verdit:stripped", false),
            ("since:soon", false),
        ] {
            assert_eq!(Filter::new(text).fits(&facts(), now), fits, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_of_a_thing_does_not_fit() {
        let nothing = Facts::default();
        for text in ["verdict:ok", "code:1006", "by:client", "host:a", "x"] {
            assert!(!Filter::new(text).fits(&nothing, None), "{text}");
        }
        assert!(Filter::new("status:-").fits(&nothing, None));
        assert!(Filter::new("since:5m").fits(&nothing, None));
    }
}
