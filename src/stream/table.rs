//! The table of connections.

use crate::flow::{ConnId, Endpoint};
use crate::limits::{Budget, Limits, Reached};
use crate::packet::Segment;
use crate::stream::StreamItem;
use crate::time::{Stamp, Timestamp};

/// How dear a connection is when there is no room for all: the lowest are forgotten first, the oldest of them before
/// the others. The room above says it, for it knows what is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// No more than a SYN was seen.
    #[default]
    HalfOpen,
    /// Not HTTP, or not known yet.
    Unknown,
    /// HTTP with nothing in flight.
    Idle,
    /// A handshake is in flight.
    Handshaking,
    /// An open WebSocket; never idle.
    WebSocket,
}

/// A connection: what TCP shows of it, and what the room above keeps with it.
#[derive(Debug)]
pub struct Conn<S> {
    /// Its number.
    pub id: ConnId,
    /// Who opened it; a guess where the SYN was not seen, until [`Conn::flip`].
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The first SYN, where it was seen.
    pub syn: Option<Stamp>,
    /// The answer to it, where it was seen.
    pub syn_ack: Option<Stamp>,
    /// Wireshark's `tcp.stream` in the file that is being read.
    pub tcp_stream: u32,
    /// Interfaces on which its packets were seen, the first first, at most eight.
    pub seen_on: Vec<u16>,
    /// Whether packets of both directions were seen.
    pub both_ways: bool,
    /// How dear it is; set by the room above.
    pub rank: Rank,
    /// What the room above keeps.
    pub state: S,
}

/// What the table counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections seen.
    pub connections: u64,
    /// Of them, ended or forgotten with one direction seen only.
    pub one_sided: u64,
    /// Holes told as gaps.
    pub gaps: u64,
    /// Bytes in them.
    pub gap_bytes: u64,
    /// Connections forgotten for lack of room.
    pub evictions: u64,
    /// Segments of which the snap length cut bytes.
    pub cut_short: u64,
    /// Later copies that differ from the first.
    pub overlaps: u64,
    /// Limits reached.
    pub reached: Reached,
}

/// All connections that are followed. `S` is the state of the room above.
#[derive(Debug)]
pub struct Table<S> {
    limits: Limits,
    counters: Counters,
    _conns: Vec<Conn<S>>,
}

impl<S: Default> Table<S> {
    /// An empty table.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            counters: Counters::default(),
            _conns: Vec::new(),
        }
    }

    /// Takes a segment and tells `sink` what follows from it, in order. The stamp is that of the record that made the
    /// item known: for bytes that waited behind a hole, of the record that filled it.
    pub fn push(
        &mut self,
        _segment: &Segment<'_>,
        _budget: &mut Budget,
        _sink: &mut impl FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    ) {
        let _ = &self.limits;
    }

    /// Lets time pass: holes that waited too long, connections that are idle.
    pub fn tick(
        &mut self,
        _now: Timestamp,
        _budget: &mut Budget,
        _sink: &mut impl FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    ) {
    }

    /// The capture is over: what waits behind holes is handed on after its gap, then every connection ends with
    /// [`End::CaptureOver`](crate::flow::End::CaptureOver), in the order of their numbers.
    pub fn finish(
        &mut self,
        _budget: &mut Budget,
        _sink: &mut impl FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    ) {
    }

    /// What was counted so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl<S> Conn<S> {
    /// Swaps client and server: the room above has read who is who. Only before any item but this one was told.
    pub fn flip(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }
}
