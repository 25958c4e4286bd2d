//! What codes from 3000 to 4999 mean to those who send them (`applications.toml`).
//!
//! A number means one thing to one app and another to the next. So a meaning is told of a closing only where the handshake
//! shows whose code it is; `explain` names all who are known to use it.

use std::sync::Arc;

use serde::Deserialize;

use super::{Catalogue, Topic, TopicKind, read};
use crate::http::origin_form;
use crate::judge::Meaning;

/// Libraries and services that give codes a meaning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::judge) struct Application {
    /// As its users call it.
    #[serde(deserialize_with = "read::shared")]
    pub name: Arc<str>,
    /// What it is, in a few words.
    pub about: String,
    /// Whether its codes are everybody's, where nobody else's meaning is known.
    #[serde(default)]
    pub registered: bool,
    /// What shows that a WebSocket is one of its; any will do. Without one it is never taken for granted.
    #[serde(default)]
    pub signs: Vec<Sign>,
    /// Where it is known from.
    pub source: String,
    /// Single codes first, then ranges.
    pub codes: Vec<Code>,
}

/// What of a handshake shows whose WebSocket it is; all that is asked must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::judge) struct Sign {
    /// The subprotocol.
    pub subprotocol: Option<String>,
    /// How the path ends; `*` is one segment, whatever it says.
    pub path: Option<String>,
    /// A parameter of the target.
    pub query: Option<String>,
    /// The host that the client named.
    pub host: Option<String>,
}

/// One code, or a range of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::judge) struct Code {
    /// `4406`, `4100-4199`.
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "read::shared")]
    pub name: Arc<str>,
    /// What it is, in a sentence.
    #[serde(deserialize_with = "read::shared")]
    pub means: Arc<str>,
    /// What to do about it.
    #[serde(deserialize_with = "read::shared_lines")]
    pub fix: Arc<[String]>,
}

/// What a handshake shows of whose WebSocket it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::judge) struct Whose<'a> {
    /// The subprotocol agreed; where none was, those that were offered.
    pub subprotocols: &'a [&'a str],
    /// Target of the request.
    pub target: &'a str,
    /// The host that the client named, without its port.
    pub host: Option<&'a str>,
}

impl Catalogue {
    /// What a code means on a WebSocket of which this is known; `None` where nothing shows whose it is, or several
    /// applications could be meant that do not agree.
    pub(in crate::judge) fn meaning(&self, code: u16, whose: Whose<'_>) -> Option<Meaning> {
        let own = self.applications().iter().filter_map(|application| {
            let sign = application.signs.iter().find(|sign| sign.holds(whose))?;
            let code = application.code(code)?;
            Some(application.meaning(code, &sign.describe()))
        });
        let mut own = own.peekable();
        if own.peek().is_none() {
            let mut registered = self.applications().iter().filter(|all| all.registered);
            let known_by = "the registry of IANA";
            return registered.find_map(|all| Some(all.meaning(all.code(code)?, known_by)));
        }
        let first = own.next()?;
        own.all(|other| other.name == first.name).then_some(first)
    }

    /// Who is known to use a code, and for what: `graphql-ws = Forbidden: …`.
    pub(in crate::judge) fn known_uses(&self, code: u16) -> Vec<String> {
        let known = |application: &Application| {
            let code = application.code(code)?;
            Some(format!(
                "{} = {}. {}",
                application.name, code.name, code.means
            ))
        };
        self.applications().iter().filter_map(known).collect()
    }

    /// The page of an application, by its name.
    pub(in crate::judge) fn application_page(&self, word: &str) -> Option<Topic> {
        let mut all = self.applications().iter();
        let application = all.find(|known| known.name.eq_ignore_ascii_case(word))?;
        let signs: Vec<String> = application.signs.iter().map(Sign::describe).collect();
        Some(Topic {
            kind: TopicKind::Close,
            key: application.name.to_string(),
            title: format!("({})", application.about),
            meaning: "Its close codes from 3000 to 4999.".to_owned(),
            wire: if signs.is_empty() {
                "Nothing in a handshake shows that it is in use.".to_owned()
            } else {
                format!("Known by {}.", signs.join(", or "))
            },
            answers: application
                .codes
                .iter()
                .map(|code| format!("{} = {}. {}", code.key, code.name, code.means))
                .collect(),
            reference: application.source.clone(),
            ..Topic::default()
        })
    }

    /// All applications, in the order of the file.
    #[expect(
        clippy::unused_self,
        reason = "who asks need not know what is read when"
    )]
    pub(in crate::judge) fn applications(&self) -> &[Application] {
        &super::APPLICATIONS.contents().applications
    }
}

impl Application {
    /// The code itself, else a range that it falls into.
    fn code(&self, code: u16) -> Option<&Code> {
        let mut all = self.codes.iter();
        all.find(|known| {
            known
                .range()
                .is_some_and(|(from, to)| (from..=to).contains(&code))
        })
    }

    fn meaning(&self, code: &Code, known_by: &str) -> Meaning {
        Meaning {
            name: Arc::clone(&code.name),
            of: Arc::clone(&self.name),
            known_by: known_by.into(),
            text: Arc::clone(&code.means),
            fix: Arc::clone(&code.fix),
        }
    }
}

impl Code {
    /// From and to, both included.
    pub(super) fn range(&self) -> Option<(u16, u16)> {
        let (from, to) = self.key.split_once('-').unwrap_or((&self.key, &self.key));
        Some((from.parse().ok()?, to.parse().ok()?))
    }
}

impl Sign {
    fn holds(&self, whose: Whose<'_>) -> bool {
        let target = origin_form(whose.target);
        let target = target.split('#').next().unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let spoken = |name: &String| {
            let mut all = whose.subprotocols.iter();
            all.any(|one| one.eq_ignore_ascii_case(name))
        };
        let asked = |name: &String| {
            let mut names = query
                .split('&')
                .map(|pair| pair.split('=').next().unwrap_or(pair));
            names.any(|one| one == name)
        };
        let named = |name: &String| {
            whose
                .host
                .is_some_and(|host| host.eq_ignore_ascii_case(name))
        };
        self.subprotocol.as_ref().is_none_or(spoken)
            && self.path.as_ref().is_none_or(|end| ends_with(path, end))
            && self.query.as_ref().is_none_or(asked)
            && self.host.as_ref().is_none_or(named)
    }

    /// `the subprotocol protoo`, `the target /app/*?protocol=`.
    fn describe(&self) -> String {
        let mut words = Vec::new();
        if let Some(name) = &self.subprotocol {
            words.push(format!("the subprotocol {name}"));
        }
        if let Some(path) = &self.path {
            let query = self.query.as_ref();
            let query = query.map_or_else(String::new, |name| format!("?{name}="));
            words.push(format!("the target {path}{query}"));
        }
        if let Some(host) = &self.host {
            words.push(format!("the host {host}"));
        }
        words.join(" and ")
    }
}

/// Whether a path ends with these segments; a slash at its end is none.
fn ends_with(path: &str, end: &str) -> bool {
    let segments = |of: &'_ str| -> Vec<String> {
        let of = of.strip_suffix('/').unwrap_or(of);
        of.split('/').skip(1).map(str::to_owned).collect()
    };
    let (path, end) = (segments(path), segments(end));
    let same = |(one, asked): (&String, &String)| one == asked || (asked == "*" && !one.is_empty());
    path.len() >= end.len() && path.iter().rev().zip(end.iter().rev()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(code: u16, subprotocols: &[&str], target: &str, host: &str) -> Option<String> {
        let whose = Whose {
            subprotocols,
            target,
            host: Some(host),
        };
        let meaning = Catalogue::embedded().meaning(code, whose)?;
        Some(format!("{} ({})", meaning.name, meaning.of))
    }

    #[test]
    fn a_code_means_what_the_handshake_says() {
        let graphql = &["graphql-transport-ws"][..];
        let old = &["graphql-ws"][..];
        let pusher = "/app/k?protocol=7&client=js";
        for (code, subprotocols, target, host, expected) in [
            (
                4406,
                graphql,
                "/g",
                "a",
                "Subprotocol not acceptable (graphql-ws)",
            ),
            (4401, graphql, "/g", "a", "Unauthorized (graphql-ws)"),
            (
                4401,
                old,
                "/g",
                "a",
                "Unauthorized (subscriptions-transport-ws)",
            ),
            (4001, &[], pusher, "a", "App key unknown (Pusher protocol)"),
            (4299, &[], pusher, "a", "Connect again (Pusher protocol)"),
            (
                4001,
                &[],
                "http://a/x/app/k?protocol=7",
                "a",
                "App key unknown (Pusher protocol)",
            ),
            (
                4001,
                &[],
                "/socketcluster/",
                "a",
                "Client pong timed out (SocketCluster)",
            ),
            (
                4001,
                &[],
                "/ws",
                "Eventsub.wss.twitch.tv",
                "Client sent inbound traffic (Twitch EventSub)",
            ),
            (
                4004,
                &[],
                "/?v=10",
                "gateway.discord.gg",
                "Authentication failed (Discord)",
            ),
            (
                4009,
                &["obswebsocket.json"],
                "/",
                "a",
                "Authentication failed (obs-websocket)",
            ),
            (
                3000,
                &[],
                "/connection/websocket",
                "a",
                "Connection closed (Centrifugo)",
            ),
            (3000, &[], "/ws", "a", "Unauthorized (IANA registry)"),
            (3003, &["chat"], "/ws", "a", "Forbidden (IANA registry)"),
            (3008, graphql, "/ws", "a", "Timeout (IANA registry)"),
        ] {
            let said = meant(code, subprotocols, target, host);
            assert_eq!(said.as_deref(), Some(expected), "{code} {target}");
        }
    }

    #[test]
    fn a_number_alone_means_nothing() {
        let nowhere = |code| meant(code, &[], "/ws", "app.example");
        let known: Vec<u16> = (3000..=4999)
            .filter(|code| nowhere(*code).is_some())
            .collect();
        assert_eq!(known, [3000, 3003, 3008]);
        for (code, subprotocols, target) in [
            (4321, &["graphql-transport-ws"][..], "/ws"),
            (4001, &[], "/app/k"),
            (4001, &[], "/app/?protocol=7"),
            (4001, &[], "/apps/k?protocol=7"),
            (4001, &[], "/myapp/k?protocols=7"),
            (4001, &[], "/ws?next=/app/k?protocol=7"),
            (4001, &[], "/socketcluster/other"),
            // Two that could be meant, and do not agree.
            (4401, &["protoo", "chat"], "/ws"),
            (4000, &["protoo", "obswebsocket.json"], "/ws"),
        ] {
            assert_eq!(
                meant(code, subprotocols, target, "a"),
                None,
                "{code} {target}"
            );
        }
        // Two that could be meant, and say the same.
        let both = meant(4406, &["graphql-transport-ws", "graphql-ws"], "/ws", "a");
        assert!(both.is_some_and(|said| said.starts_with("Subprotocol not acceptable")));
    }

    #[test]
    fn the_file_is_whole() {
        let plain = |text: &str| text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        let sentence = |text: &str| plain(text) && text.ends_with('.') && text.len() <= 160;
        let applications = Catalogue::embedded().applications();
        assert!(applications.len() > 10);
        for application in applications {
            let name = &application.name;
            assert!(plain(name) && plain(&application.about), "{name}");
            assert!(!application.source.is_empty(), "{name}");
            assert!(!application.codes.is_empty(), "{name}");
            for sign in &application.signs {
                let asks = [&sign.subprotocol, &sign.path, &sign.host];
                assert!(asks.iter().any(|asked| asked.is_some()), "{name}: {sign:?}");
            }
            let mut ranges = false;
            for code in &application.codes {
                let (from, to) = code.range().unwrap_or_else(|| panic!("{}", code.key));
                assert!((3000..=4999).contains(&from) && from <= to && to <= 4999);
                assert!(!ranges || from < to, "{name}: {} behind a range", code.key);
                ranges = from < to;
                assert!(plain(&code.name) && sentence(&code.means), "{}", code.means);
                assert!(!code.fix.is_empty(), "{name} {}", code.key);
                for line in &*code.fix {
                    assert!(sentence(line), "{line:?}");
                }
            }
            let mut keys: Vec<&str> = application.codes.iter().map(|code| &*code.key).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), application.codes.len(), "{name}");
        }
    }

    #[test]
    fn whoever_is_registered_has_that_name_everywhere() {
        use crate::websocket::CloseCode;
        let registered: Vec<_> = (3000..=4999)
            .filter_map(|code| Some((code, CloseCode(code).name()?)))
            .collect();
        let of_file = Catalogue::embedded().applications().iter();
        let of_file = of_file.filter(|application| application.registered);
        let of_file: Vec<_> = of_file
            .flat_map(|application| &application.codes)
            .map(|code| (code.range().unwrap().0, &*code.name))
            .collect();
        assert_eq!(registered, of_file);
    }
}
