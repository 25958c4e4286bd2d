//! The lines at the end: groups, routes, health, summary.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::time::Time;
use super::value::{Buffer, Json, Library, Plain, Text, object};
use super::{HopJson, MeaningJson, VERSION};
use crate::event::Health;
use crate::judge::FindingId;
use crate::report::mask::{Kind, Mask};
use crate::tally::{
    Counts, Example, Group, Kinds, Latency, Outcome, Percentiles, Route, Snapshot, Verdicts,
};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct GroupLine<'a> {
    group: &'a Group,
    mask: &'a Mask,
}

#[derive(Debug, Serialize)]
pub(super) struct RouteLine<'a> {
    v: u16,
    r#type: &'static str,
    host: Option<Cow<'a, str>>,
    route: Cow<'a, str>,
    attempts: Table<Verdicts>,
    latency_us: LatencyJson,
}

#[derive(Debug, Serialize)]
pub(super) struct HealthLine {
    v: u16,
    r#type: &'static str,
    #[serde(flatten)]
    health: HealthJson,
}

#[derive(Debug, Serialize)]
pub(super) struct SummaryLine {
    v: u16,
    r#type: &'static str,
    attempts: Table<Verdicts>,
    other_protocols: u64,
    pending: u64,
    findings: BTreeMap<String, u64>,
    statuses: BTreeMap<String, u64>,
    close_codes: BTreeMap<String, u64>,
    closings: Table<Kinds>,
    plain_http: u64,
    latency_us: LatencyJson,
    health: HealthJson,
}

#[derive(Debug, Serialize)]
struct HealthJson {
    time: Option<Time>,
    packets: u64,
    bytes: u64,
    kernel_drops: u64,
    iface_drops: u64,
    gaps: u64,
    gap_bytes: u64,
    evictions: u64,
    shed_events: u64,
    tls_connections: u64,
    http2_connections: u64,
    not_decoded: u64,
    limits_reached: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct LatencyJson {
    connect: PercentilesJson,
    handshake: PercentilesJson,
    refusal: PercentilesJson,
    proxy: PercentilesJson,
    pong_client: PercentilesJson,
    pong_server: PercentilesJson,
}

#[derive(Debug, Serialize)]
struct PercentilesJson {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    count: u64,
}

/// Counts by name, zeros too.
#[derive(Debug)]
struct Table<T>(T);

impl<'a> GroupLine<'a> {
    pub(super) const fn new(group: &'a Group, mask: &'a Mask) -> Self {
        Self { group, mask }
    }
}

impl Json for GroupLine<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { group, mask } = self;
        let key = &*group.key;
        let (verdict, kind, code, by) = match key.outcome {
            Outcome::Attempt(verdict) => (Some(verdict.name()), None, None, None),
            Outcome::Closing { kind, code, by } => (None, Some(kind.name()), code, Some(by.name())),
            Outcome::Folded => (None, None, None, None),
        };
        let hop = match &group.example {
            Example::Attempt(judged) => judged.judgement.hop.as_ref(),
            Example::Closing(judged) => judged.judgement.hop.as_ref(),
        };
        let meaning = match &group.example {
            Example::Closing(judged) if key.application.is_some() => {
                judged.judgement.meaning.as_ref()
            }
            _ => None,
        };
        // Four digits say enough, and are the same on every machine.
        let share = |share: f64| (share * 10_000.0).round() / 10_000.0;
        object!(out, {
            "v": VERSION,
            "type": Plain("group"),
            "finding": key.finding.map(FindingId::name).map(Plain),
            "verdict": verdict.map(Plain),
            "kind": kind.map(Plain),
            "code": code,
            "by": by.map(Plain),
            "meaning": meaning.map(MeaningJson),
            "hop": hop.filter(|_| key.hop.is_some()).map(|hop| HopJson { hop, mask }),
            "host": Kind::Host.shown_if(mask, key.host.as_deref()),
            "route": Text(mask.route(&key.route)),
            "count": group.count,
            "share": Library(group.share.map(share)),
            "first": Time(group.first),
            "last": Time(group.last),
            "example": group.example.attempt_id(),
        });
    }
}

impl<'a> RouteLine<'a> {
    pub(super) fn new(route: &'a Route, mask: &Mask) -> Self {
        Self {
            v: VERSION,
            r#type: "route",
            host: route.host.as_deref().map(|host| mask.host(host)),
            route: mask.route(&route.route),
            attempts: Table(route.attempts),
            latency_us: LatencyJson::new(&route.latency),
        }
    }
}

impl HealthLine {
    pub(super) fn new(health: &Health, now: Option<Timestamp>) -> Self {
        Self {
            v: VERSION,
            r#type: "health",
            health: HealthJson::new(health, now),
        }
    }
}

impl SummaryLine {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self {
            v: VERSION,
            r#type: "summary",
            attempts: Table(snapshot.attempts),
            other_protocols: snapshot.other_protocols_total,
            pending: snapshot.still_waiting,
            findings: named(&snapshot.findings, |finding| finding.name().to_owned()),
            statuses: named(&snapshot.statuses, u16::to_string),
            close_codes: named(&snapshot.close_codes, u16::to_string),
            closings: Table(snapshot.closings),
            plain_http: snapshot.health.plain_http,
            latency_us: LatencyJson::new(&snapshot.latency),
            health: HealthJson::new(&snapshot.health, snapshot.now),
        }
    }
}

impl HealthJson {
    fn new(health: &Health, now: Option<Timestamp>) -> Self {
        Self {
            time: now.map(Time),
            packets: health.packets,
            bytes: health.bytes,
            kernel_drops: health.kernel_drops,
            iface_drops: health.iface_drops,
            gaps: health.gaps,
            gap_bytes: health.gap_bytes,
            evictions: health.evictions,
            shed_events: health.shed_events,
            tls_connections: health.tls_connections,
            http2_connections: health.http2_connections,
            not_decoded: health.not_decoded,
            limits_reached: health
                .reached
                .iter()
                .map(|(limit, n)| (limit.info().name, n))
                .collect(),
        }
    }
}

impl LatencyJson {
    fn new(latency: &Latency) -> Self {
        Self {
            connect: PercentilesJson::new(&latency.connect),
            handshake: PercentilesJson::new(&latency.handshake),
            refusal: PercentilesJson::new(&latency.refusal),
            proxy: PercentilesJson::new(&latency.proxy),
            pong_client: PercentilesJson::new(&latency.pong_client),
            pong_server: PercentilesJson::new(&latency.pong_server),
        }
    }
}

impl PercentilesJson {
    const fn new(of: &Percentiles) -> Self {
        let &Percentiles {
            p50,
            p90,
            p99,
            max,
            count,
        } = of;
        Self {
            p50,
            p90,
            p99,
            max,
            count,
        }
    }
}

impl Serialize for Table<Verdicts> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(verdict, n)| (verdict.name(), n)))
    }
}

impl Serialize for Table<Kinds> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, n)| (kind.name(), n)))
    }
}

/// Counts by name, and what found no room as `other`.
fn named<K: Ord>(counts: &Counts<K>, name: impl Fn(&K) -> String) -> BTreeMap<String, u64> {
    let seen = counts.iter().map(|(key, n)| (name(key), n));
    let other = (counts.other() > 0).then(|| ("other".to_owned(), counts.other()));
    seen.chain(other).collect()
}
