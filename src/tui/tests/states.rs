//! The states in which each screen is looked at: nothing seen, all well, an incident, packets lost.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Health;
use crate::judge::{Confidence, FindingId, JudgedAttempt, JudgedClosing, Kind, Party};
use crate::limits::{Limit, Limits};
use crate::tally::example::{
    at, behind_tls, closing, finding, forbidden, healthy, opened, stripped,
};
use crate::tally::{Snapshot, Tally};

/// Two minutes of handshakes, of which `is_broken` says which ones break.
pub(super) fn minutes(tally: &mut Tally, is_broken: impl Fn(u64) -> bool) {
    for n in 0..240_u64 {
        let ms = i64::try_from(n * 500).unwrap();
        tally.progress(at(ms), 0, n / 12);
        if is_broken(n) {
            let port = 50_000 + u16::try_from(n).unwrap();
            tally.attempt(&stripped(n + 1, port, ms));
        } else {
            tally.attempt(&moved(&opened(n + 1, "/ws/77"), ms));
        }
    }
}

/// The same, so much later.
pub(super) fn moved(judged: &Arc<JudgedAttempt>, ms: i64) -> Arc<JudgedAttempt> {
    let mut judged = JudgedAttempt::clone(judged);
    let by = Duration::from_millis(ms.unsigned_abs());
    let leg = &mut judged.attempt.legs[0].leg;
    if let Some((stamp, request)) = &mut leg.request {
        stamp.ts = stamp.ts.after(by);
        request.started.ts = request.started.ts.after(by);
    }
    if let Some((stamp, response)) = &mut leg.response {
        stamp.ts = stamp.ts.after(by);
        response.started.ts = response.started.ts.after(by);
    }
    let connection = leg.connection_mut();
    for stamp in connection.syn.iter_mut().chain(&mut connection.syn_ack) {
        stamp.ts = stamp.ts.after(by);
    }
    Arc::new(judged)
}

pub(super) fn idle_closing(id: u64) -> Arc<JudgedClosing> {
    let mut judged = closing(id, Kind::Abnormal, Some(1006), Party::Proxy);
    let evidence = &["10.0.0.5:80 closed both sides after 60.0 s without a byte"];
    let root = finding(FindingId::IdleTimeout, 0, Confidence::Likely, evidence);
    judged.judgement.findings.push(root);
    judged.judgement.advice.fix = vec!["proxy_read_timeout 1h;".to_owned()].into();
    Arc::new(judged)
}

pub(super) fn closings(tally: &mut Tally) {
    for id in 0..5 {
        let normal = closing(2 * id + 1, Kind::Normal, Some(1000), Party::Client);
        tally.closing(&since_its_opening(normal));
    }
    for id in [20, 21] {
        let mut idle = JudgedClosing::clone(&idle_closing(id));
        pinged(&mut idle);
        tally.closing(&since_its_opening(idle));
    }
}

/// As much later as its attempt is one of [`minutes`].
fn since_its_opening(mut judged: JudgedClosing) -> Arc<JudgedClosing> {
    let by = Duration::from_millis((judged.closing.attempt - 1) * 500);
    let closing = &mut judged.closing;
    let mut times = vec![&mut closing.at, &mut closing.opened_at];
    for leg in &mut closing.legs {
        times.push(&mut leg.opened_at);
        times.extend(leg.began.iter_mut().flatten());
        times.extend(leg.last_bytes.iter_mut().flatten());
        times.extend(leg.ping_waits.iter_mut().flatten());
        times.extend(leg.closes.iter_mut().map(|seen| &mut seen.at.ts));
        times.extend(leg.tcp_ends.iter_mut().map(|end| &mut end.at));
        for trips in &mut leg.rtt {
            *trips = trips.moved(by);
        }
    }
    for time in times {
        *time = time.after(by);
    }
    Arc::new(judged)
}

/// The server said much, and pinged: the last one in vain.
fn pinged(judged: &mut JudgedClosing) {
    let leg = &mut judged.closing.legs[0];
    let counts = &mut leg.server_frames;
    (counts.text, counts.messages, counts.bytes) = (12, 12, 1_500);
    (counts.ping, counts.pings_unanswered) = (3, 1);
    leg.largest[1].bytes = 340;
    leg.began[1] = Some(at(1_200));
    leg.last_bytes[1] = Some(at(5_002));
    leg.ping_waits[1] = Some(at(5_002));
    leg.rtt[1].extend([2_000, 4_000].map(|ms| (at(ms), Duration::from_micros(740))));
}

pub(super) fn empty() -> Arc<Snapshot> {
    let mut tally = Tally::new(&Limits::default());
    tally.progress(at(12_000), 0, 0);
    tally.health(&Health {
        packets: 1_204,
        connections: 31,
        tls_connections: 31,
        now: Some(at(12_000)),
        first: Some(at(0)),
        ..Health::default()
    });
    tally.glance()
}

pub(super) fn all_well() -> Arc<Snapshot> {
    let mut tally = Tally::new(&Limits::default());
    minutes(&mut tally, |_| false);
    let normal = closing(1, Kind::Normal, Some(1000), Party::Client);
    tally.closing(&Arc::new(normal));
    tally.progress(at(120_000), 0, 20);
    tally.health(&healthy(48_213));
    tally.glance()
}

pub(super) fn incident_tally() -> Tally {
    let mut tally = Tally::new(&Limits::default());
    minutes(&mut tally, |n| n >= 60 && n % 10 != 0);
    for id in [301, 302, 303] {
        tally.attempt(&moved(&forbidden(id), 100_000));
    }
    tally.attempt(&moved(&behind_tls(304), 110_000));
    closings(&mut tally);
    tally.progress(at(120_000), 4, 12);
    tally.health(&Health {
        tls_connections: 31,
        ..healthy(48_213)
    });
    tally
}

pub(super) fn incident() -> Arc<Snapshot> {
    incident_tally().glance()
}

pub(super) fn lossy() -> Arc<Snapshot> {
    let mut tally = Tally::new(&Limits::default());
    for n in 0..9 {
        let ms = i64::try_from(n * 1_000).unwrap();
        tally.progress(at(ms), 0, 0);
        let mut judged = JudgedAttempt::clone(&stripped(n + 1, 50_000, ms));
        judged.attempt.surroundings.lossy = true;
        tally.attempt(&Arc::new(judged));
    }
    let mut ended = JudgedClosing::clone(&idle_closing(20));
    ended.closing.lossy = true;
    tally.closing(&Arc::new(ended));
    tally.progress(at(9_000), 0, 0);
    let mut health = Health {
        kernel_drops: 12_345,
        gaps: 17,
        gap_bytes: 24_820,
        shed_events: 64,
        evictions: 3,
        one_sided_connections: 5,
        cut_short: 2,
        ..healthy(900_000)
    };
    health.reached.count(Limit::connections);
    tally.health(&health);
    tally.glance()
}
