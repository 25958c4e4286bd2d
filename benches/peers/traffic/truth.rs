//! What a capture holds, counted as its packets are written: nothing stands here that was only planned.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts by name; all names are there from the start.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    fn of(names: &[&'static str]) -> Self {
        Self(names.iter().map(|name| (*name, 0)).collect())
    }

    pub(crate) fn add(&mut self, name: &'static str) {
        *self.0.get_mut(name).expect("a name that is counted") += 1;
    }

    pub(crate) fn take(&mut self, name: &'static str) {
        *self.0.get_mut(name).expect("a name that is counted") -= 1;
    }
}

/// WebSockets whose answer was right, those a client must refuse, and those whose handshake is not in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Good,
    Bad101,
    MidStream,
}

/// How each class ended.
#[derive(Debug, Serialize)]
pub(crate) struct Closings {
    good: Counts,
    bad_101: Counts,
    midstream: Counts,
}

impl Closings {
    pub(crate) fn of(&mut self, class: Class) -> &mut Counts {
        match class {
            Class::Good => &mut self.good,
            Class::Bad101 => &mut self.bad_101,
            Class::MidStream => &mut self.midstream,
        }
    }
}

/// All that is counted.
#[derive(Debug, Serialize)]
pub(crate) struct Truth {
    pub(crate) profile: &'static str,
    pub(crate) seed: u64,
    pub(crate) concurrency: u64,
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) seconds: f64,
    pub(crate) ipv6_packets: u64,
    pub(crate) pure_acks: u64,
    pub(crate) retransmits: u64,
    pub(crate) swapped: u64,
    pub(crate) http_requests: u64,
    /// Connections (UDP: pairs of addresses) with at least one packet.
    pub(crate) flows: Counts,
    /// Of the WebSockets among them, those that began before the capture.
    pub(crate) ws_midstream: u64,
    /// Attempts by the answer that the client got.
    pub(crate) handshakes: Counts,
    /// Attempts whose answer is not in the file.
    pub(crate) pending: u64,
    /// Attempts with an upstream request in the file; a sub-request alone is none.
    pub(crate) joined: u64,
    /// 101 answers, on every leg.
    pub(crate) legs_101: u64,
    /// Of `handshakes`, those of two legs, by what the hop did.
    pub(crate) two_legged: Counts,
    /// By verdict. A lone leg that is `rejected` by its answer may rightly be called `stripped`, see `check.py`.
    pub(crate) attempts: Counts,
    pub(crate) frames_good: Counts,
    pub(crate) frames_bad_101: Counts,
    pub(crate) frames_midstream: Counts,
    /// Of WebSockets; two legs are one.
    pub(crate) closings: Closings,
}

impl Truth {
    pub(crate) fn new(profile: &'static str, seed: u64, concurrency: u64) -> Self {
        let ends = Counts::of(&[
            "normal",
            "application",
            "fault",
            "abnormal",
            "unused",
            "open",
        ]);
        let frames = Counts::of(&["cont", "text", "bin", "close", "ping", "pong"]);
        Self {
            profile,
            seed,
            concurrency,
            bytes: 0,
            packets: 0,
            seconds: 0.0,
            ipv6_packets: 0,
            pure_acks: 0,
            retransmits: 0,
            swapped: 0,
            http_requests: 0,
            flows: Counts::of(&["ws", "http", "tls", "udp"]),
            ws_midstream: 0,
            handshakes: Counts::of(&[
                "good",
                "wrong_accept",
                "no_upgrade_header",
                "no_connection_header",
                "status_400",
                "status_403",
                "status_426",
                "status_502",
                "stripped_200",
                "no_answer",
            ]),
            pending: 0,
            joined: 0,
            legs_101: 0,
            two_legged: Counts::of(&[
                "good",
                "stripped",
                "downgraded",
                "refused",
                "closed",
                "auth",
            ]),
            attempts: Counts::of(&[
                "ok",
                "stripped",
                "downgraded",
                "rejected",
                "abandoned",
                "unknown",
            ]),
            frames_good: frames.clone(),
            frames_bad_101: frames.clone(),
            frames_midstream: frames,
            closings: Closings {
                good: ends.clone(),
                bad_101: ends.clone(),
                midstream: ends,
            },
        }
    }

    pub(crate) fn frame(&mut self, class: Class, opcode: u8) {
        let frames = match class {
            Class::Good => &mut self.frames_good,
            Class::Bad101 => &mut self.frames_bad_101,
            Class::MidStream => &mut self.frames_midstream,
        };
        frames.add(match opcode {
            0 => "cont",
            1 => "text",
            2 => "bin",
            8 => "close",
            9 => "ping",
            _ => "pong",
        });
    }

    /// The last words: what is still waiting for its answer is `unknown`.
    pub(crate) fn close(&mut self) {
        for _ in 0..self.pending {
            self.attempts.add("unknown");
        }
    }
}
