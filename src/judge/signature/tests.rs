//! Every row against the bytes it was made for: `examples.toml`, `endings.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::attempt::{BodyStart, Gaps, LegEnd, TcpEnd};
use crate::event::{Connection, Request, Response};
use crate::flow::{ConnId, Direction, End};
use crate::http::{Fields, RequestHead, ResponseHead, Status, Version};
use crate::time::{Stamp, Timestamp};
use crate::websocket::{Answer, Offer};

const WHOLE: &str = "GET /ws HTTP/1.1\nHost: app.example.com\nConnection: Upgrade\nUpgrade: websocket\n\
    Origin: https://app.example.com\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    request: Option<String>,
    answer: Option<String>,
    fate: Option<String>,
    outer: Option<String>,
    outer_answer: Option<String>,
    inner: Option<String>,
    software: Option<String>,
    #[serde(default)]
    also: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    kind: String,
    code: u16,
    by: Option<String>,
    #[serde(default)]
    at_hop: bool,
    ends: Option<String>,
    #[serde(default)]
    engine_io: bool,
    version: Option<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    age: f64,
    #[serde(default)]
    idle: f64,
    #[serde(default)]
    server_idle: f64,
    software: Option<String>,
    #[serde(default)]
    marks: Vec<Box<str>>,
}

fn pairs<'a>(lines: &[&'a str]) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
    lines.iter().map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name, value.as_bytes())
    })
}

fn version(name: &str) -> Version {
    if name == "HTTP/1.0" {
        Version::Http10
    } else {
        Version::Http11
    }
}

fn leg(request: Option<&str>, answer: Option<&str>, fate: Option<&str>) -> Leg {
    let request = request.map(|text| {
        let lines: Vec<_> = if text == "whole" { WHOLE } else { text }.lines().collect();
        let words: Vec<_> = lines[0].split(' ').collect();
        let head = RequestHead::new(
            words[0].to_owned(),
            words[1],
            version(words[2]),
            pairs(&lines[1..]),
        );
        let request = Request {
            exchange: 0,
            connection: Connection::default(),
            started: Stamp::default(),
            offer: Offer::of(&head),
            head,
        };
        (Stamp::default(), Box::new(request))
    });
    let mut body = None;
    let response = answer.map(|text| {
        let (head, content) = text.split_once("\n\n").unwrap();
        body = Some(BodyStart {
            whole: content.len() <= 256,
            bytes: content.bytes().take(256).collect(),
            encoded: false,
        });
        let lines: Vec<_> = head.lines().collect();
        let (proto, line) = match lines[0].split_once(' ') {
            Some((proto, line)) if proto.starts_with("HTTP/") => (proto, line),
            _ => ("HTTP/1.1", lines[0]),
        };
        let (status, reason) = line.split_once(' ').unwrap();
        let head = ResponseHead {
            version: version(proto),
            status: Status(status.parse().unwrap()),
            reason: reason.to_owned().into(),
            fields: Fields::new(pairs(&lines[1..])),
        };
        let offer = request
            .as_ref()
            .map(|(_, request): &(_, Box<Request>)| &request.offer);
        let response = Response {
            exchange: 0,
            connection: None,
            started: Stamp::default(),
            answer: Answer::of(&head, offer),
            head: Some(head),
            interim: Vec::new(),
            behind: None,
        };
        (Stamp::default(), Box::new(response))
    });
    let end = |dir, reset| {
        let at = Timestamp::default();
        let first = Some(TcpEnd { dir, at, reset });
        LegEnd {
            first,
            ..LegEnd::default()
        }
    };
    Leg {
        conn: ConnId(0),
        request,
        response,
        body,
        gaps: Gaps::default(),
        end: match fate {
            Some("closed") => end(Direction::ToClient, false),
            Some("reset") => end(Direction::ToClient, true),
            Some("left") => end(Direction::ToServer, false),
            Some("refused") => LegEnd {
                how: Some(End::Refused),
                ..LegEnd::default()
            },
            _ => LegEnd::default(),
        },
        ..Leg::default()
    }
}

/// Everything that a [`Scene`] borrows.
struct Stage {
    leg: Leg,
    outer: Option<Leg>,
    inner: Option<Leg>,
    upstream_failed: bool,
    software: Option<String>,
}

impl Stage {
    fn of(example: &Example) -> Self {
        let request = example.request.as_deref().unwrap_or("whole");
        let outer_answer = example.outer_answer.as_deref();
        let inner = example.inner.as_deref();
        Self {
            leg: leg(
                Some(request),
                example.answer.as_deref(),
                example.fate.as_deref(),
            ),
            outer: example
                .outer
                .as_deref()
                .map(|text| leg(Some(text), outer_answer, None)),
            inner: inner.filter(|&fate| fate != "refused").map(|fate| {
                let answered = fate.starts_with(|first: char| first.is_ascii_digit());
                let (answer, fate) = if answered {
                    (Some(format!("{fate}\n\n")), None)
                } else {
                    (None, Some(fate))
                };
                leg(Some("whole"), answer.as_deref(), fate)
            }),
            upstream_failed: inner == Some("refused"),
            software: example.software.clone(),
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            leg: &self.leg,
            outer: self.outer.as_ref(),
            inner: self.inner.as_ref(),
            upstream_failed: self.upstream_failed,
            software: self.software.as_deref(),
        }
    }
}

fn examples() -> BTreeMap<String, Example> {
    toml::from_str(include_str!("examples.toml")).unwrap()
}

fn endings() -> BTreeMap<String, Ending> {
    toml::from_str(include_str!("endings.toml")).unwrap()
}

#[test]
fn every_row_has_its_example_and_every_example_its_row() {
    let rows: Vec<_> = Catalogue::embedded()
        .rows()
        .iter()
        .map(|row| &*row.id)
        .collect();
    let (examples, endings) = (examples(), endings());
    let told = |id: &str| examples.contains_key(id) || endings.contains_key(id);
    let missing: Vec<_> = rows.iter().filter(|id| !told(id)).collect();
    let names = examples.keys().chain(endings.keys());
    let strange: Vec<_> = names.filter(|id| !rows.contains(&id.as_str())).collect();
    assert!(missing.is_empty(), "rows without an example: {missing:?}");
    assert!(strange.is_empty(), "examples without a row: {strange:?}");
}

#[test]
fn every_answer_is_best_explained_by_its_own_row() {
    let catalogue = Catalogue::embedded();
    let examples = examples();
    let mut wrong = Vec::new();
    for row in catalogue.rows().iter().filter(|row| row.on == On::Answer) {
        let example = &examples[&*row.id];
        let stage = Stage::of(example);
        let found: Vec<_> = catalogue
            .answers(&stage.scene())
            .map(|row| row.id.to_string())
            .collect();
        let mut expected = vec![row.id.to_string()];
        expected.extend(example.also.iter().cloned());
        if found != expected {
            wrong.push(format!(
                "{}: found {found:?}, expected {expected:?}",
                row.id
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_structure_established_is_explained_by_its_own_row() {
    let catalogue = Catalogue::embedded();
    let examples = examples();
    let mut wrong = Vec::new();
    let structural = |row: &&Row| matches!(row.on, On::Hop | On::Opened);
    for row in catalogue.rows().iter().filter(structural) {
        let stage = Stage::of(&examples[&*row.id]);
        for &finding in &row.findings {
            let found = catalogue
                .row_for(finding, &stage.scene())
                .map(|row| &*row.id);
            if found != Some(&*row.id) {
                wrong.push(format!("{} as {}: found {found:?}", row.id, finding.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_closing_is_explained_by_its_own_row() {
    let catalogue = Catalogue::embedded();
    let endings = endings();
    let mut wrong = Vec::new();
    for row in catalogue.rows().iter().filter(|row| row.on == On::Closing) {
        let ending = &endings[&*row.id];
        let scene = ClosingScene {
            kind: Kind::from_name(&ending.kind).unwrap(),
            code: Some(ending.code),
            by: ending
                .by
                .as_deref()
                .map_or(Party::Unknown, |by| Party::from_name(by).unwrap()),
            at_hop: ending.at_hop,
            ends: ending.ends.as_deref(),
            engine_io: ending.engine_io,
            version: ending.version.as_deref().map(version),
            reason: &ending.reason,
            age: Duration::from_secs_f64(ending.age),
            idle: Duration::from_secs_f64(ending.idle),
            server_idle: Duration::from_secs_f64(ending.server_idle),
            software: ending.software.as_deref(),
            marks: &ending.marks,
        };
        for &finding in &row.findings {
            let found = catalogue.closing_row(finding, &scene).map(|row| &*row.id);
            if found != Some(&*row.id) {
                wrong.push(format!("{} as {}: found {found:?}", row.id, finding.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_not_seen_matches_nothing() {
    let catalogue = Catalogue::embedded();
    let stage = Stage::of(&Example {
        request: None,
        answer: None,
        fate: None,
        outer: None,
        outer_answer: None,
        inner: None,
        software: None,
        also: Vec::new(),
    });
    assert!(catalogue.answers(&stage.scene()).next().is_none());
    let row = catalogue.row_for(FindingId::UpgradeStripped, &stage.scene());
    assert_eq!(row.map(|row| &*row.id), None);
    // A request that was not seen lacks nothing.
    let unseen = Stage {
        leg: leg(None, Some("426 Upgrade Required\n\nUpgrade Required"), None),
        ..stage
    };
    let scene = unseen.scene();
    let found = catalogue.answers(&scene).map(|row| &*row.id);
    assert_eq!(found.collect::<Vec<_>>(), ["B01"]);
    let row = catalogue.row_for(FindingId::HttpVersionDowngraded, &unseen.scene());
    assert_eq!(row.map(|row| &*row.id), None);
}

#[test]
fn a_row_with_several_findings_picks_by_the_request() {
    let catalogue = Catalogue::embedded();
    let pick = |id: &str, request: Option<&str>| {
        let row = catalogue.rows().iter().find(|row| &*row.id == id).unwrap();
        let stage = Stage {
            leg: leg(request, None, None),
            outer: None,
            inner: None,
            upstream_failed: false,
            software: None,
        };
        row.finding(&stage.scene()).name()
    };
    let with = |lines: &str| {
        format!("GET /ws HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n{lines}")
    };
    let key = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==";
    assert_eq!(pick("B03", Some(&with("A: b"))), "key_missing");
    assert_eq!(
        pick("B03", Some(&with("Sec-WebSocket-Key: abc"))),
        "key_invalid"
    );
    assert_eq!(
        pick("B03", Some(&with(&format!("{key}\n{key}")))),
        "field_duplicated"
    );
    assert_eq!(pick("B03", Some("whole")), "key_missing", "lost further on");
    assert_eq!(pick("B03", None), "key_missing");
    assert_eq!(pick("B45", Some("whole")), "connection_stripped");
    assert_eq!(
        pick("B45", Some(&with("Sec-WebSocket-Version: 8"))),
        "key_missing"
    );
    let stripped = format!("GET /ws HTTP/1.1\nHost: a\nConnection: close\n{key}");
    assert_eq!(pick("B45", Some(&stripped)), "upgrade_stripped");
    assert_eq!(pick("B17c", Some(&stripped)), "upgrade_stripped");
    assert_eq!(pick("S24", Some("whole")), "legacy_protocol");
    assert_eq!(pick("B55", Some("whole")), "origin_refused");
    assert_eq!(
        pick("B55", Some(&with(key))),
        "forbidden",
        "no Origin to refuse"
    );
    let session = "GET /socket.io/?EIO=4&sid=x HTTP/1.1\nHost: a";
    assert_eq!(pick("B16d", Some(session)), "session_unknown");
}

#[test]
fn marks_of_an_earlier_hop_do_not_accuse_it() {
    let catalogue = Catalogue::embedded();
    // Traefik, then nginx: X-Forwarded-Server is Traefik's, the rest is nginx's work.
    let traefik = "GET /ws HTTP/1.1\nHost: b\nConnection: close\nX-Forwarded-Server: t\nX-Forwarded-Port: 80\n\
        Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==";
    let cloudflare = "GET /ws HTTP/1.0\nHost: b\nConnection: close\nCf-Ray: 7\n\
        Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==";
    let varnish = "GET /ws HTTP/1.1\nHost: b\nConnection: close\nX-Varnish: 7\n\
        Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==";
    let before = format!("{WHOLE}\nX-Varnish: 7");
    for (request, outer, expected) in [
        (traefik, None, "S02"),
        (cloudflare, None, "S01"),
        (varnish, Some(before.as_str()), "S02"),
        (varnish, Some("whole"), "S02b"),
    ] {
        let stage = Stage {
            leg: leg(Some(request), None, None),
            outer: outer.map(|text| leg(Some(text), None, None)),
            inner: None,
            upstream_failed: false,
            software: None,
        };
        let row = catalogue.row_for(FindingId::UpgradeStripped, &stage.scene());
        assert_eq!(row.map(|row| &*row.id), Some(expected), "{request}");
    }
}

#[test]
fn compressed_and_cut_bodies_say_nothing_whole() {
    let catalogue = Catalogue::embedded();
    let answer = Some("426 Upgrade Required\n\nUpgrade Required");
    let mut stage = Stage {
        leg: leg(Some("whole"), answer, None),
        outer: None,
        inner: None,
        upstream_failed: false,
        software: None,
    };
    assert_eq!(catalogue.answers(&stage.scene()).count(), 1);
    stage.leg.body.as_mut().unwrap().encoded = true;
    assert_eq!(catalogue.answers(&stage.scene()).count(), 0);
    let body = stage.leg.body.as_mut().unwrap();
    (body.encoded, body.whole) = (false, false);
    assert_eq!(catalogue.answers(&stage.scene()).count(), 0);
}

#[test]
fn the_answer_of_the_hop_tells_what_became_of_its_upstream() {
    let catalogue = Catalogue::embedded();
    let page = "502 Bad Gateway\nServer: nginx\n\n<center><h1>502 Bad Gateway</h1></center>";
    let outer = leg(Some("whole"), Some(page), None);
    let closed = leg(Some("whole"), None, Some("closed"));
    let scene = Scene {
        leg: &closed,
        outer: Some(&outer),
        inner: None,
        upstream_failed: false,
        software: Some("nginx"),
    };
    let row = catalogue.row_for(FindingId::UpstreamClosed, &scene);
    assert_eq!(row.map(|row| &*row.id), Some("X02"));
}
