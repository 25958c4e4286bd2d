//! Every ceiling of the program in one place, and the one budget that all buffers share.
//!
//! A connection can hold a little; a million connections that each hold a little would be far too much. So each buffer
//! has a limit of its own, and all of them together are charged to one [`Budget`] by what they allocate.

use std::time::Duration;

/// Bytes of a file of the user's own rows.
pub const RULES_BYTES: u64 = 1 << 20;
/// Own rows of all files together: every answer is held against each.
pub const RULES_ROWS: usize = 1000;
/// Characters in one line of an own row's text.
pub const RULE_CHARS: usize = 500;

/// A limit of [`Limits`] as users see it: `--limit NAME=VALUE`, and a counter of the same name in the health line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitInfo {
    /// Name on the command line and in `limits_reached`.
    pub name: &'static str,
    /// Value if nothing else is asked for.
    pub default: u64,
    /// `bytes`, `ms`, or what is counted.
    pub unit: &'static str,
    /// What happens at the limit.
    pub at_limit: &'static str,
}

macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident = $default:expr, $unit:literal, $at_limit:literal; )+) => {
        /// All limits, with their defaults in [`Limits::default`].
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits { $( $(#[doc = $doc])+ pub $name: u64, )+ }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )+ }
            }
        }

        /// One of the limits, to count how often it was reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(non_camel_case_types, reason = "a limit has one name, in code, on the command line and in the output")]
        pub enum Limit { $( $(#[doc = $doc])+ $name, )+ }

        impl Limit {
            /// All limits in the order of the help text.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// What users are told about it.
            pub const fn info(self) -> LimitInfo {
                match self {
                    $( Self::$name => LimitInfo {
                        name: stringify!($name), default: $default, unit: $unit, at_limit: $at_limit,
                    }, )+
                }
            }
        }

        impl Limits {
            /// The value of one limit.
            pub const fn get(&self, limit: Limit) -> u64 {
                match limit { $( Limit::$name => self.$name, )+ }
            }

            /// Changes one limit.
            pub const fn set(&mut self, limit: Limit, value: u64) {
                match limit { $( Limit::$name => self.$name = value, )+ }
            }
        }
    };
}

limits! {
    /// TCP connections followed at one time, at 1.1 to 1.6 KB each.
    connections = 1_048_576, "connections, of 1.1 to 1.6 KB each", "one is forgotten: half-open first, open WebSockets last";
    /// Out-of-order bytes kept for one direction of a connection.
    reorder_bytes_per_direction = 256 * 1024, "bytes", "the hole is skipped and told as a gap";
    /// Out-of-order segments kept for one direction of a connection.
    reorder_segments_per_direction = 256, "segments", "the hole is skipped and told as a gap";
    /// All buffers together: out-of-order bytes, heads, fragments, held client bytes.
    buffered_bytes_total = 48 * 1024 * 1024, "bytes", "the oldest holder gives up its buffer, told as a gap";
    /// Size of one HTTP head.
    head_bytes = 32 * 1024, "bytes", "the connection is no longer read";
    /// Field lines in one HTTP head.
    header_fields = 128, "fields", "the connection is no longer read";
    /// Requests of one connection that wait for their answer.
    pipelined_requests = 16, "requests", "the connection is no longer read";
    /// Client bytes held behind an upgrade that waits for its answer; of one direction alone, a sixteenth.
    held_bytes = 64 * 1024, "bytes", "what follows is told as a gap";
    /// IP datagrams that wait for their fragments.
    fragments = 256, "datagrams", "the oldest is dropped";
    /// Fragments of one datagram.
    fragments_per_datagram = 256, "fragments", "the datagram is dropped";
    /// How long a datagram waits for its fragments.
    fragment_age = 30_000, "ms", "it is dropped";
    /// How long a hole is waited for once the peer has acknowledged past it: the capture lost it, not the network.
    hole_acked = 100, "ms", "the hole is skipped and told as a gap";
    /// How long a hole is waited for where the peer is not seen.
    hole_one_sided = 1_000, "ms", "the hole is skipped and told as a gap";
    /// How long a hole is waited for at most.
    hole_max = 60_000, "ms", "the hole is skipped and told as a gap";
    /// How long a connection may be silent; never applies to an open WebSocket.
    idle_timeout = 300_000, "ms", "the connection is forgotten";
    /// Silence after a request until it counts as unanswered.
    unanswered_after = 300_000, "ms", "the attempt is decided as unanswered";
    /// Silence after a request until the attempt is shown as pending.
    pending_after = 5_000, "ms", "the attempt is shown as pending";
    /// Attempts and open WebSockets kept at one time.
    open_attempts = 1_048_576, "attempts", "the detail of the oldest is forgotten";
    /// Attempts that are not decided yet: what was told of their legs.
    undecided_bytes = 128 * 1024 * 1024, "bytes", "the oldest is decided by what is known of it";
    /// Judged attempts and closings kept for a look back.
    recent = 1_000, "items", "the oldest is forgotten";
    /// Legs that wait for an attempt to belong to.
    legs_waiting = 4_096, "legs", "the oldest stands alone";
    /// Plain exchanges kept in case an attempt has lost every field of its handshake.
    plain_digests = 1_024, "exchanges", "the oldest is forgotten";
    /// Groups of equal findings.
    groups = 1_024, "groups", "further ones are folded into one";
    /// Distinct status and close codes counted.
    tally_codes = 4_096, "codes", "further ones are counted as other";
    /// Distinct host names counted.
    tally_hosts = 4_096, "hosts", "further ones are counted as other";
    /// Distinct routes counted.
    tally_routes = 4_096, "routes", "further ones are counted as other";
}

impl Limit {
    /// The limit of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|limit| limit.info().name == name)
    }
}

impl Limits {
    /// A limit that is a span of time.
    pub const fn span(&self, limit: Limit) -> Duration {
        Duration::from_millis(self.get(limit))
    }
}

/// How often each limit was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached([u64; Limit::ALL.len()]);

impl Default for Reached {
    fn default() -> Self {
        Self([0; Limit::ALL.len()])
    }
}

impl Reached {
    /// Counts one more time.
    pub fn count(&mut self, limit: Limit) {
        if let Some(n) = self.0.get_mut(limit as usize) {
            *n = n.saturating_add(1);
        }
    }

    /// Adds the counts of another room.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The limits that were reached, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> + '_ {
        Limit::ALL
            .iter()
            .copied()
            .zip(self.0)
            .filter(|&(_, n)| n > 0)
    }
}

/// What one record may need at most, in bytes: a segment of 64 KiB, in a buffer that doubles.
const RESERVE: u64 = 128 * 1024;

/// Bytes that all buffers of the capture thread may allocate together.
///
/// Charged with what is *allocated*, not with what is used: a slice that keeps a large buffer alive costs the buffer.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: u64,
}

impl Budget {
    /// An unused budget.
    pub const fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// Takes `bytes` out of what is left; false, and nothing taken, if that is not there.
    #[must_use]
    pub const fn charge(&mut self, bytes: u64) -> bool {
        match self.used.checked_add(bytes) {
            Some(used) if used <= self.limit => {
                self.used = used;
                true
            }
            _ => false,
        }
    }

    /// Gives back what [`Budget::charge`] took.
    pub const fn release(&mut self, bytes: u64) {
        debug_assert!(self.used >= bytes, "released more than was charged");
        self.used = self.used.saturating_sub(bytes);
    }

    /// Whether the next record may find too little left, so that the oldest holder has to give up what it holds first.
    pub const fn is_short(&self) -> bool {
        let part = self.limit / 4;
        let reserve = if part < RESERVE { part } else { RESERVE };
        self.limit.saturating_sub(self.used) < reserve
    }

    /// Bytes charged now.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that may be charged in all.
    pub const fn limit(&self) -> u64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_never_holds_more_than_its_limit() {
        let mut budget = Budget::new(100);
        assert!(budget.charge(60));
        assert!(!budget.charge(41));
        assert!(budget.charge(40));
        assert!(!budget.charge(u64::MAX));
        budget.release(100);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn every_limit_can_be_named_read_and_set() {
        let mut limits = Limits::default();
        for &limit in Limit::ALL {
            assert_eq!(Limit::from_name(limit.info().name), Some(limit));
            assert_eq!(limits.get(limit), limit.info().default);
            limits.set(limit, 7);
            assert_eq!(limits.get(limit), 7);
        }
    }
}
