//! Traffic as a busy proxy host sees it, made from a seed: the same arguments give the same bytes, and a count of all
//! that they hold.
//!
//! Ethernet; nine of ten connections IPv4, the others IPv6; TCP with timestamps and valid checksums. WebSockets on ports
//! 80, 8080 and 3000, from clients to the proxy and from the proxy to its backends; beside them HTTP on the same ports,
//! TLS and UDP. Two in a thousand segments are sent twice, two in a thousand neighbours come in the wrong order, one in a
//! hundred WebSockets began before the capture (not in `storm`), three in a hundred requests are in two segments, a
//! quarter of the WebSockets deflate their messages, a third choose a subprotocol.
//!
//! Half of the attempts of `storm` have two legs, client to proxy and proxy to backend, as a proxy host sees them: one
//! key, the upstream exchange within the downstream one, Close frames copied byte by byte. In all other profiles no two
//! connections belong together.

mod frame;
mod heads;
mod other;
mod outcome;
mod rng;
mod socket;
mod truth;
mod wire;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use rng::Rng;
use socket::Socket;
use truth::Truth;
use wire::{CLIENT, Leg, Place, Wire};

const MICROS: u64 = 1_000;
const MILLIS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// No capture is as long.
const NEVER: u64 = 1 << 62;
/// 2024-07-01 10:00:00 UTC.
const START: u64 = 1_719_828_000 * SECOND;
/// How many deflated messages there are to choose from.
const DEFLATED: u64 = 256;

/// Kinds of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Frames of some 200 bytes, one a segment.
    Small,
    /// Messages of 16 KiB to 1 MiB.
    Big,
    /// Handshake, Close, next.
    Storm,
    /// All open, and stay silent.
    Idle,
    /// As `Idle`, then one frame at a time on any of them.
    Steady,
}

impl Profile {
    pub(crate) const ALL: [Self; 5] = [
        Self::Small,
        Self::Big,
        Self::Storm,
        Self::Idle,
        Self::Steady,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Big => "big",
            Self::Storm => "storm",
            Self::Idle => "idle",
            Self::Steady => "steady",
        }
    }

    /// Connections that are alive at one time, if nothing else is asked for.
    pub(crate) const fn concurrency(self) -> u64 {
        match self {
            Self::Small | Self::Big => 2_900,
            Self::Storm => 5_000,
            Self::Idle | Self::Steady => 1_000_000,
        }
    }

    const fn stays_open(self) -> bool {
        matches!(self, Self::Idle | Self::Steady)
    }
}

/// One connection, or two that are one attempt.
struct Flow {
    leg: Leg,
    /// What of TCP's handshake is to come: SYNs, the ACK, nothing.
    opening: u8,
    life: Life,
}

enum Life {
    Socket(Box<Socket>),
    Http { left: u64 },
    Tls { began: bool, left: u64 },
    Udp { left: u64 },
}

/// Writes a pcap file that ends with the event, some packets long, that reaches `target` bytes; `Idle` once all are open.
pub(crate) fn generate(
    profile: Profile,
    target: u64,
    (seed, concurrency): (u64, u64),
    out: &mut dyn Write,
) -> io::Result<Truth> {
    let truth = Truth::new(profile.name(), seed, concurrency);
    let mut wire = Wire::new(out, profile, (START, seed), truth);
    let mut flows = Vec::new();
    let mut agenda = BinaryHeap::new();
    for nth in 0..concurrency {
        let spread = 2 * SECOND;
        let begins = if profile.stays_open() {
            nth * 10 * MICROS
        } else {
            wire.rng.below(spread)
        };
        flows.push(Flow::new(&mut wire));
        agenda.push(Reverse((START + begins, nth)));
    }
    let mut opened = 0;
    while if profile.stays_open() {
        opened < concurrency
    } else {
        wire.truth.bytes < target
    } {
        let Some(Reverse((at, nth))) = agenda.pop() else {
            break;
        };
        wire.now = wire.now.max(at);
        let flow = &mut flows[nth as usize];
        let next = match flow.step(&mut wire) {
            Some(NEVER) => {
                opened += 1;
                continue;
            }
            Some(span) => wire.now + span,
            None => {
                *flow = Flow::new(&mut wire);
                wire.now + wire.rng.span(50 * MILLIS)
            }
        };
        agenda.push(Reverse((next, nth)));
    }
    while profile == Profile::Steady && wire.truth.bytes < target {
        let flow = &mut flows[wire.rng.below(concurrency) as usize];
        if let Life::Socket(socket) = &mut flow.life {
            socket.chat(&mut wire, &mut flow.leg);
        }
    }
    wire.truth.seconds = (wire.now - START) as f64 / SECOND as f64;
    wire.finish()
}

impl Flow {
    fn new(wire: &mut Wire<'_>) -> Self {
        let profile = wire.profile;
        let share = wire.rng.below(1000);
        let kind = match profile {
            Profile::Idle | Profile::Steady => "ws",
            Profile::Storm => match share {
                0..900 => "ws",
                900..960 => "http",
                960..985 => "tls",
                _ => "udp",
            },
            Profile::Small | Profile::Big => match share {
                0..700 => "ws",
                700..850 => "http",
                850..950 => "tls",
                _ => "udp",
            },
        };
        let exchanges = if profile == Profile::Big { 12 } else { 25 };
        let life = match kind {
            "ws" => Life::Socket(Box::new(Socket::new(profile, &mut wire.rng))),
            "http" => Life::Http {
                left: 1 + wire.rng.span(exchanges),
            },
            "tls" => Life::Tls {
                began: false,
                left: 1 + wire.rng.span(exchanges),
            },
            _ => Life::Udp {
                left: 1 + wire.rng.span(3),
            },
        };
        let (two_legged, mid_stream) = match &life {
            Life::Socket(socket) => (socket.hop.is_some(), socket.is_mid_stream()),
            _ => (false, false),
        };
        let upstream = !two_legged && wire.rng.below(2) == 0;
        let place = if upstream {
            Place::ProxyToBackend
        } else {
            Place::ClientToProxy
        };
        let v6 = wire.rng.below(10) == 0;
        let mut leg = wire.leg(kind, v6, place);
        leg.rtt = wire.rng.range(300 * MICROS, 40 * MILLIS);
        if mid_stream {
            leg.begin_mid_stream();
        }
        let opens = !mid_stream && kind != "udp";
        Self {
            leg,
            opening: if opens { 2 } else { 0 },
            life,
        }
    }

    /// Does what comes next, and says how long after it something else does; `None` where nothing more does.
    fn step(&mut self, wire: &mut Wire<'_>) -> Option<u64> {
        let leg = &mut self.leg;
        if self.opening > 0 {
            self.opening -= 1;
            if self.opening > 0 {
                wire.connect(leg);
                return Some(leg.rtt);
            }
            wire.ack(leg, CLIENT);
            return Some(wire.rng.range(20 * MICROS, 220 * MICROS));
        }
        match &mut self.life {
            Life::Socket(socket) => socket.step(wire, leg),
            Life::Http { left } => other::http(left, wire, leg),
            Life::Tls { began, left } => other::tls(began, left, wire, leg),
            Life::Udp { left } => other::udp(left, wire, leg),
        }
    }
}
