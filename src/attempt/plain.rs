//! Plain exchanges seen while a handshake waited: one of them may be its next leg, every field of it lost on the way (spec:
//! joining legs).

use std::collections::VecDeque;

use crate::attempt::case::SETTLE_TRIES;
use crate::attempt::lone;
use crate::attempt::views::VIEWS;
use crate::attempt::{JoinedBy, Leg, LegEnd, View};
use crate::event::PlainExchange;
use crate::flow::ConnId;
use crate::hash::HashMap;
use crate::http::origin_form;
use crate::time::{Stamp, Timestamp};

/// Of one target, so many of the latest are looked at; with more at once nothing can be told apart anyway.
const NEIGHBOURS: usize = 64;

/// The latest plain exchanges.
#[derive(Debug)]
pub(super) struct Plain {
    /// In the order of their answers; `None` where an attempt has it.
    recent: VecDeque<Option<Exchange>>,
    /// Those before the first of `recent`.
    forgotten: u64,
    limit: usize,
    /// By what they ask for, the oldest first.
    by_target: HashMap<Box<str>, VecDeque<u64>>,
}

/// One of them.
#[derive(Debug)]
struct Exchange {
    leg: Leg,
    /// It could be of several attempts, one of which may be decided by now.
    is_contested: bool,
}

/// What is behind a leg.
#[derive(Debug)]
pub(super) enum Behind {
    /// This leg, and what joins it.
    Leg(Box<Leg>, JoinedBy),
    /// One of several, or one that may be another's.
    Ambiguous,
    /// Nothing that fits.
    Nothing,
}

impl Plain {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            recent: VecDeque::new(),
            forgotten: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            by_target: HashMap::default(),
        }
    }

    /// Remembers an exchange; true where one had to go that an attempt may still have needed.
    pub(super) fn add(&mut self, conn: ConnId, at: Stamp, exchange: PlainExchange) -> bool {
        let PlainExchange {
            request,
            asked_at,
            response,
        } = exchange;
        let leg = Leg {
            conn,
            request: Some((asked_at, request)),
            response: Some((at, response)),
            end: LegEnd {
                unseen: true,
                ..LegEnd::default()
            },
            ..Leg::default()
        };
        if self.is_seen_again(&leg) {
            return false;
        }
        let is_missed = self.recent.len() >= self.limit.max(1) && self.forget_oldest(at.ts);
        let place = self.forgotten + self.recent.len() as u64;
        if let Some(target) = target(&leg) {
            self.by_target
                .entry(target.into())
                .or_default()
                .push_back(place);
        }
        self.recent.push_back(Some(Exchange {
            leg,
            is_contested: false,
        }));
        is_missed
    }

    /// Takes note that an exchange is one that was seen under other addresses.
    fn is_seen_again(&mut self, leg: &Leg) -> bool {
        let behind = leg.connection().behind;
        if behind.contains(&None) {
            return false;
        }
        let near = target(leg).and_then(|target| self.by_target.get(target));
        let near: Vec<u64> = near
            .into_iter()
            .flatten()
            .rev()
            .take(VIEWS)
            .copied()
            .collect();
        for place in near {
            let Some(Exchange { leg: known, .. }) = self.at(place) else {
                continue;
            };
            let is_same = known.connection().behind == behind
                && known.request_head() == leg.request_head()
                && known.answer_head() == leg.answer_head();
            if !is_same {
                continue;
            }
            // The way back is the other way round: whose request was seen first stands for all.
            let mut leg = leg.clone();
            let asked = |leg: &Leg| {
                let (_, request) = leg.request.as_ref()?;
                Some((request.started.ts, request.started.frame))
            };
            if asked(&leg) < asked(known) {
                leg.also = std::mem::take(&mut known.also);
                std::mem::swap(&mut leg, known);
            }
            if known.also.len() < VIEWS {
                known.also.push(View::of(&leg));
            }
            return true;
        }
        false
    }

    fn forget_oldest(&mut self, now: Timestamp) -> bool {
        let Some(oldest) = self.recent.pop_front() else {
            return false;
        };
        let place = self.forgotten;
        self.forgotten += 1;
        let Some(Exchange { leg: oldest, .. }) = oldest else {
            return false;
        };
        if let Some(target) = target(&oldest) {
            self.unlist(target, place);
        }
        let answered = oldest.answered();
        answered.is_some_and(|answered| now.since(answered) < SETTLE_TRIES)
    }

    fn unlist(&mut self, target: &str, place: u64) {
        if let Some(places) = self.by_target.get_mut(target) {
            places.retain(|&listed| listed != place);
            if places.is_empty() {
                self.by_target.remove(target);
            }
        }
    }

    /// The leg behind `outer`, if one plain exchange can be that and no other; `is_contested` says whether another attempt
    /// may own it too.
    pub(super) fn take_behind(
        &mut self,
        outer: &Leg,
        is_contested: impl Fn(&Leg) -> bool,
    ) -> Behind {
        let listed = target(outer).and_then(|target| Some((target, self.by_target.get(target)?)));
        let Some((target, near)) = listed else {
            return Behind::Nothing;
        };
        let near: Vec<u64> = near.iter().rev().take(NEIGHBOURS).copied().collect();
        let mut by_time = Vec::new();
        for place in near {
            let Some(exchange) = self.at(place) else {
                continue;
            };
            let leg = &exchange.leg;
            match lone::fit(outer, leg).filter(|_| says_what_was_asked(leg)) {
                Some(by @ JoinedBy::RequestId) => {
                    return self
                        .take(target, place)
                        .map_or(Behind::Nothing, |leg| Behind::Leg(Box::new(leg), by));
                }
                Some(_) if lone::is_relayed(outer, leg) => {
                    exchange.is_contested |= is_contested(leg);
                    by_time.push((place, exchange.is_contested));
                }
                _ => {}
            }
        }
        if let [(place, false)] = *by_time {
            return self.take(target, place).map_or(Behind::Nothing, |leg| {
                Behind::Leg(Box::new(leg), JoinedBy::Time)
            });
        }
        if by_time.is_empty() {
            return Behind::Nothing;
        }
        for (place, _) in by_time {
            if let Some(exchange) = self.at(place) {
                exchange.is_contested = true;
            }
        }
        Behind::Ambiguous
    }

    fn at(&mut self, place: u64) -> Option<&mut Exchange> {
        let index = usize::try_from(place.checked_sub(self.forgotten)?).ok()?;
        self.recent.get_mut(index)?.as_mut()
    }

    fn take(&mut self, target: &str, place: u64) -> Option<Leg> {
        let index = usize::try_from(place.checked_sub(self.forgotten)?).ok()?;
        let taken = self.recent.get_mut(index)?.take()?;
        self.unlist(target, place);
        Some(taken.leg)
    }
}

fn target(leg: &Leg) -> Option<&str> {
    leg.request_head().map(|head| origin_form(head.target()))
}

/// Answers of those who are asked whether the client may (Envoy's `ext_authz` passes the target on and no field of the
/// handshake) say nothing of what was asked.
fn says_what_was_asked(leg: &Leg) -> bool {
    !leg.is_marked_auth() && !matches!(leg.status(), Some(300..=399 | 401 | 403 | 407))
}
