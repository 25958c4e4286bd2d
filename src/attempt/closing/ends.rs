//! What the ends of many WebSockets have in common: those that came at one time, and those after the same span.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::tail::Tail;
use super::view::View;
use crate::attempt::{Alike, Neighbours};
use crate::flow::{Direction, Endpoint};
use crate::hash::{DigestSeed, HashMap};
use crate::time::Timestamp;
use crate::websocket::CloseCode;

/// How a leg ended, to be held against how others did.
#[derive(Clone, Copy, Debug)]
pub(super) struct LegEnd {
    ender: Ender,
    at: Timestamp,
    /// Tenths of a second of each [`Span`]; `None` where there was a Close, which has reasons of its own.
    spans: Option<[i64; 3]>,
}

/// Who sent the first Close, FIN or RST, by a digest: a server by its address, a client by its host; which way, and with
/// what code. Those that closed with one code have little to do with those that ended without a Close.
type Ender = u64;

/// What may be the same from one end to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Span {
    Silence,
    ServerSilence,
    Age,
}

const SPANS: [Span; 3] = [Span::Silence, Span::ServerSilence, Span::Age];

/// The ends of the last while. Bounded: what is oldest goes first.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// How many ended when.
    at: Moments,
    /// Ends without a Close.
    without_close: HashMap<Ender, Bursts>,
    /// The same by the span before them, to the tenth of a second.
    after: HashMap<(Ender, Span, i64), Bursts>,
    /// When room was last made.
    tidied: Timestamp,
    /// For the digests.
    seed: DigestSeed,
}

/// How many ended when, to the tenth of a second. Those tenths that one look needs stand together, as a piece or two.
#[derive(Debug, Default)]
struct Moments {
    pieces: HashMap<(Ender, i64), [u32; PIECE]>,
    /// Tenths in which any ended.
    len: usize,
}

/// Ends that fall into bursts: what comes at one moment had one cause, and shows one thing once.
#[derive(Clone, Copy, Debug)]
struct Bursts {
    /// How many bursts.
    count: u32,
    /// The last end of the last of them.
    last: Timestamp,
    /// How many ends that one has.
    size: u32,
}

/// Others that end within this time ended together. Those that go one by one take longer.
const TOGETHER: Duration = Duration::from_millis(300);
/// What comes within so short a time is one burst.
const BURST: Duration = Duration::from_millis(200);
/// Tenths of a second in one piece: no fewer than one look needs, so that it needs no more than two.
const PIECE: usize = 8;
/// Places in each of the maps.
const REMEMBERED: usize = 16_384;
/// How long they are worth remembering once there is no room.
const FRESH: Duration = Duration::from_secs(100);
/// Tenths of a second by which a timer may miss.
const JITTER: i64 = 1;
/// Shorter spans are the same by chance.
const SHORTEST: i64 = 20;

impl LegEnd {
    fn of((client, server): (Endpoint, Endpoint), tail: &Tail, seed: &DigestSeed) -> Option<Self> {
        let close = tail.closes().first();
        let closed = close.map(|close| (close.at.ts, close.dir));
        let tcp = tail.tcp_ends().first().map(|end| (end.at, end.dir));
        let (at, dir) = [closed, tcp]
            .into_iter()
            .flatten()
            .min_by_key(|end| end.0)?;
        let who = match dir {
            Direction::ToClient => server,
            Direction::ToServer => Endpoint { port: 0, ..client },
        };
        let [client, server] = tail.last_bytes();
        let since = |last: Option<Timestamp>| tenths(at.since(last.unwrap_or(tail.opened_at)));
        let spans = [since(client.max(server)), since(server), since(None)];
        let code = close.map(|close| close.close.code.unwrap_or(CloseCode::NO_STATUS));
        Some(Self {
            ender: seed.hash_one((who, dir, code)),
            at,
            spans: close.is_none().then_some(spans),
        })
    }
}

impl Ends {
    /// How a leg ended; `None` while it has not.
    pub(super) fn end_of(&self, view: Option<&View>) -> Option<LegEnd> {
        view.and_then(|view| LegEnd::of(view.ends(), &view.tail, &self.seed))
    }

    /// One more has ended.
    pub(super) fn add(&mut self, end: LegEnd) {
        self.make_room(end.at);
        if self.at.len < REMEMBERED {
            self.at.add(end.ender, tenth(end.at));
        }
        let Some(spans) = end.spans else { return };
        Bursts::add(&mut self.without_close, end.ender, end.at);
        for (span, long) in SPANS.into_iter().zip(spans) {
            if long >= SHORTEST {
                Bursts::add(&mut self.after, (end.ender, span, long), end.at);
            }
        }
    }

    /// Lets go of what is old once there is no room; once a second at most, since it looks at all.
    fn make_room(&mut self, now: Timestamp) {
        let fullest = self
            .at
            .len
            .max(self.after.len())
            .max(self.without_close.len());
        if fullest < REMEMBERED || apart(self.tidied, now) <= TOGETHER {
            return;
        }
        self.tidied = now;
        let oldest = tenth(now).saturating_sub(tenths(FRESH));
        self.at.forget(oldest);
        let is_fresh = |bursts: &Bursts| apart(bursts.last, now) < FRESH;
        self.without_close.retain(|_, bursts| is_fresh(bursts));
        self.after.retain(|_, bursts| is_fresh(bursts));
    }

    /// What an end that was added has in common with others.
    pub(super) fn neighbours(&self, end: LegEnd) -> Neighbours {
        let mut neighbours = Neighbours {
            together: self.near(end.ender, end.at).saturating_sub(1),
            ..Neighbours::default()
        };
        let Some(spans) = end.spans else {
            return neighbours;
        };
        let all = self.without_close.get(&end.ender);
        neighbours.other_times = all.map_or(0, |all| all.count.saturating_sub(1));
        let mut similar = SPANS.into_iter().zip(spans);
        let mut similar = || {
            let (span, long) = similar.next()?;
            Some(self.alike(end.ender, span, long - JITTER..=long + JITTER, end.at))
        };
        neighbours.same_silence = similar().unwrap_or_default();
        neighbours.same_server_silence = similar().unwrap_or_default();
        neighbours.same_age = similar().unwrap_or_default();
        neighbours
    }

    /// Those of one ender within a second of that time.
    fn near(&self, ender: Ender, at: Timestamp) -> u32 {
        let (at, span) = (tenth(at), tenths(TOGETHER));
        self.at
            .count(ender, at.saturating_sub(span)..=at.saturating_add(span))
    }

    /// Others after about the same span as one that ended `at`.
    fn alike(
        &self,
        ender: Ender,
        span: Span,
        mut about: RangeInclusive<i64>,
        at: Timestamp,
    ) -> Alike {
        let mut alike = Alike::default();
        let mut known = || about.find_map(|long| self.after.get(&(ender, span, long)));
        while let Some(bursts) = known() {
            let is_same_burst = apart(bursts.last, at) <= BURST;
            let (others, with_it) = if is_same_burst {
                (bursts.count - 1, bursts.size)
            } else {
                (bursts.count, 0)
            };
            alike.other_times = alike.other_times.saturating_add(others);
            alike.together = alike.together.saturating_add(with_it);
        }
        alike.together = alike.together.saturating_sub(1);
        alike
    }
}

impl Moments {
    fn add(&mut self, ender: Ender, at: i64) {
        let (piece, at) = place(at);
        let piece = self.pieces.entry((ender, piece)).or_default();
        if let Some(count) = piece.get_mut(at) {
            self.len += usize::from(*count == 0);
            *count = count.saturating_add(1);
        }
    }

    /// Those of one ender in these tenths.
    fn count(&self, ender: Ender, about: RangeInclusive<i64>) -> u32 {
        let ((first, from), (last, to)) = (place(*about.start()), place(*about.end()));
        let mut sum = 0_u32;
        for piece in first..=last {
            let Some(counts) = self.pieces.get(&(ender, piece)) else {
                continue;
            };
            let from = if piece == first { from } else { 0 };
            let to = if piece == last { to } else { PIECE - 1 };
            let counts = counts.get(from..=to).unwrap_or_default();
            sum = counts.iter().copied().fold(sum, u32::saturating_add);
        }
        sum
    }

    /// Forgets those before that tenth.
    fn forget(&mut self, oldest: i64) {
        let (first, from) = place(oldest);
        self.len = 0;
        self.pieces.retain(|&(_, piece), counts| {
            let old = match piece.cmp(&first) {
                Ordering::Less => PIECE,
                Ordering::Equal => from,
                Ordering::Greater => 0,
            };
            counts.iter_mut().take(old).for_each(|count| *count = 0);
            let left = counts.iter().filter(|&&count| count > 0).count();
            self.len += left;
            left > 0
        });
    }
}

/// In which piece a tenth of a second is, and where there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "less than there are in a piece"
)]
const fn place(tenth: i64) -> (i64, usize) {
    const LONG: i64 = PIECE as i64;
    (tenth.div_euclid(LONG), tenth.rem_euclid(LONG) as usize)
}

impl Bursts {
    /// Counts an end in a map of bounded size.
    fn add<K: Hash + Eq>(map: &mut HashMap<K, Self>, key: K, at: Timestamp) {
        if let Some(bursts) = map.get_mut(&key) {
            if apart(bursts.last, at) > BURST {
                bursts.count = bursts.count.saturating_add(1);
                bursts.size = 0;
            }
            bursts.size = bursts.size.saturating_add(1);
            bursts.last = at;
        } else if map.len() < REMEMBERED {
            let first = Self {
                count: 1,
                last: at,
                size: 1,
            };
            map.insert(key, first);
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

const fn tenth(at: Timestamp) -> i64 {
    at.as_nanos() / 100_000_000
}

fn tenths(span: Duration) -> i64 {
    let tenths = i64::from(span.subsec_millis() / 100);
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(10)
        .saturating_add(tenths)
        .min(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fact, Frames};
    use crate::time::Stamp;

    /// The same for all.
    fn seed() -> DigestSeed {
        static SEED: std::sync::OnceLock<DigestSeed> = std::sync::OnceLock::new();
        SEED.get_or_init(DigestSeed::default).clone()
    }

    fn ends() -> Ends {
        Ends {
            seed: seed(),
            ..Ends::default()
        }
    }

    fn end(at_ms: i64, silent_ms: i64, age_ms: i64) -> LegEnd {
        let ms = |ms: i64| Timestamp::from_nanos((1_000_000 + ms) * 1_000_000);
        let mut tail = Tail::default();
        tail.opened_at = ms(at_ms - age_ms);
        let frames = Frames {
            last: [None, Some(ms(at_ms - silent_ms))],
            ..Frames::default()
        };
        let dir = Direction::ToClient;
        for fact in [Fact::Frames(Box::new(frames)), Fact::Fin { dir }] {
            let at = Stamp {
                ts: ms(at_ms),
                ..Stamp::default()
            };
            tail.note(at, fact);
        }
        let end = Endpoint::default();
        LegEnd::of((end, end), &tail, &seed()).unwrap()
    }

    fn of(those: &[LegEnd]) -> Neighbours {
        let mut all = ends();
        for &end in those {
            all.add(end);
        }
        all.neighbours(*those.last().unwrap())
    }

    #[test]
    fn a_timer_cuts_at_other_times_and_a_reload_at_one() {
        let by_timer: Vec<LegEnd> = (0..5)
            .map(|n| end(n * 7_300, 60_000 + n * 20, 60_000 + n * 9_000))
            .collect();
        let seen = of(&by_timer);
        assert_eq!((seen.together, seen.other_times), (0, 4));
        assert_eq!(seen.same_silence.other_times, 4);
        assert_eq!(seen.same_age.other_times, 0);

        let by_reload: Vec<LegEnd> = (0..5)
            .map(|n| end(n * 10, 3_000 + n * 1_000, 90_000 + n * 5_000))
            .collect();
        let seen = of(&by_reload);
        assert_eq!((seen.together, seen.other_times), (4, 0));
        assert_eq!(
            (seen.same_silence.together, seen.same_silence.other_times),
            (0, 0)
        );

        let opened_together: Vec<LegEnd> = (0..5).map(|n| end(n * 10, 3_000, 3_100)).collect();
        let seen = of(&opened_together);
        assert_eq!((seen.together, seen.same_silence.together), (4, 4));
        assert_eq!(seen.same_silence.other_times, 0);
    }

    #[test]
    fn a_million_ends_do_not_outgrow_it() {
        let mut ends = ends();
        for n in 0..100_000 {
            ends.add(end(n * 1_000, 2_000 + n, 5_000 + n * 3));
        }
        assert!(ends.at.len <= REMEMBERED && ends.after.len() <= REMEMBERED);
        let last = end(99_999_100, 2_000, 5_000);
        ends.add(last);
        assert_eq!(ends.neighbours(last).together, 1, "new ones find room");
    }

    proptest::proptest! {
        #[test]
        fn moments_are_counted_as_one_by_one(
            those in proptest::collection::vec((0..2_u64, -40..40_i64), 0..60),
            (oldest, from, long) in (-40..40_i64, -50..50_i64, 0..8_i64),
        ) {
            let mut moments = Moments::default();
            for &(ender, at) in &those {
                moments.add(ender, at);
            }
            for oldest in [i64::MIN, oldest] {
                moments.forget(oldest);
                let left = || those.iter().filter(|&&(_, at)| at >= oldest);
                let tenths: std::collections::BTreeSet<_> = left().collect();
                proptest::prop_assert_eq!(moments.len, tenths.len());
                let about = from..=from + long;
                let those = left().filter(|(ender, at)| *ender == 1 && about.contains(at));
                let count = u32::try_from(those.count()).unwrap();
                proptest::prop_assert_eq!(moments.count(1, about.clone()), count);
            }
        }
    }
}
