//! What a WebSocket showed once it was open: its first messages, its pings, and how it ended.

use std::time::Duration;

use crate::attempt::ClosingLeg;
use crate::event::FrameCounts;
use crate::flow::Direction;
use crate::judge::{ClosingJudgement, JudgedClosing};
use crate::report::mask::Mask;
use crate::report::phrase::code_name;
use crate::report::sanitize::clean;
use crate::report::words::{bytes, count, number, span};
use crate::time::Timestamp;
use crate::websocket::RoundTrips;
use crate::websocket::{Close, CloseCode};

use super::{Ladder, Tone};

/// What stands on a rung: when, and the words, the longest first.
type Rung = (Option<Timestamp>, Vec<String>, Tone);

impl Ladder {
    /// Of a closing whose attempt is no longer kept.
    pub(in crate::tui) fn of_closing(judged: &JudgedClosing, mask: &Mask) -> Self {
        let legs = &judged.closing.legs;
        let mut ladder = Self::default();
        for (index, leg) in legs.iter().enumerate() {
            if index == 0 {
                ladder.column("client", leg.client);
            }
            let is_last = index + 1 == legs.len();
            ladder.column(if is_last { "server" } else { "proxy" }, leg.server);
            let opened = "101, open".to_owned();
            ladder.arrow(Some(leg.opened_at), (index + 1, index), opened, Tone::Good);
            ladder.ending(judged, leg, (index, index + 1), mask);
        }
        ladder.sort();
        ladder
    }

    /// What one leg showed.
    pub(super) fn ending(
        &mut self,
        judged: &JudgedClosing,
        leg: &ClosingLeg,
        (client, server): (usize, usize),
        mask: &Mask,
    ) {
        let ends = |dir| match dir {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        for dir in [Direction::ToServer, Direction::ToClient] {
            let rungs = messages(leg, dir).into_iter().chain(pings(leg, dir));
            for (at, words, tone) in rungs {
                self.rung(at, ends(dir), words, tone);
                if at.is_none()
                    && let Some(arrow) = self.arrows.last_mut()
                {
                    // When is not known: just behind the opening stands what they were in all.
                    arrow.order = leg.opened_at.after(Duration::from_nanos(1));
                }
            }
        }
        for seen in &leg.closes {
            let (words, tone) = close(&seen.close, &judged.judgement, mask);
            self.rung(Some(seen.at.ts), ends(seen.dir), words, tone);
        }
        if let Some((dir, since)) = leg.retransmitting {
            let text = "sent again and again, not acknowledged".to_owned();
            self.arrow(Some(since), ends(dir), text, Tone::Bad);
            self.short("sent again, no ACK".to_owned());
        }
        for end in &leg.tcp_ends {
            let has_closed = !leg.closes.is_empty();
            let tone = match (end.reset, has_closed) {
                (_, false) => Tone::Warn,
                (true, true) => Tone::Plain,
                (false, true) => Tone::Dim,
            };
            let text = if end.reset { "RST" } else { "FIN" };
            self.arrow(Some(end.at), ends(end.dir), text.to_owned(), tone);
        }
    }

    /// An arrow with its words, the longest first.
    fn rung(
        &mut self,
        at: Option<Timestamp>,
        ends: (usize, usize),
        words: Vec<String>,
        tone: Tone,
    ) {
        let mut words = words.into_iter();
        self.arrow(at, ends, words.next().unwrap_or_default(), tone);
        if let Some(arrow) = self.arrows.last_mut() {
            arrow.short = words.collect();
        }
    }
}

/// The messages of a side, at the time of the first one.
fn messages(leg: &ClosingLeg, dir: Direction) -> Option<Rung> {
    let counts = counts_of(leg, dir);
    if counts.messages == 0 && counts.data() == 0 {
        return None;
    }
    let began = leg.began.get(dir.index()).copied().flatten();
    // One that was never finished is none, but it was sent.
    let n = counts.messages.max(1);
    let kind = match (counts.text, counts.binary) {
        (1.., 0) => "text ",
        (0, 1..) => "binary ",
        _ => "",
    };
    // What all frames held would count pings and Close as well.
    let largest = leg.largest.get(dir.index()).map_or(0, |seen| seen.bytes);
    let size = bytes(largest);
    let words = match (n, began) {
        (1, _) => vec![
            format!("first and only {kind}message, {size}"),
            format!("1 {kind}message, {size}"),
            format!("1 {kind}message"),
        ],
        (_, Some(_)) => vec![
            format!("first of {} {kind}messages, of up to {size}", number(n)),
            format!("first of {} {kind}messages", number(n)),
            format!("1st of {} messages", number(n)),
        ],
        (_, None) => vec![
            format!("{} {kind}messages, of up to {size}", number(n)),
            format!("{} {kind}messages", number(n)),
            format!("{} messages", number(n)),
        ],
    };
    Some((began, words, Tone::Plain))
}

/// The pings of a side: the first and the last that were answered, and the one that was waited for in vain.
fn pings(leg: &ClosingLeg, dir: Direction) -> Vec<Rung> {
    let counts = counts_of(leg, dir);
    if counts.ping == 0 {
        return Vec::new();
    }
    let trips = leg.rtt.get(dir.index());
    let answered = trips.and_then(|trips| Some((trips, trips.sent()?)));
    let mut rungs = Vec::new();
    if let Some((trips, [first, last])) = answered {
        rungs.push((Some(first), answered_words(counts, trips), Tone::Plain));
        if last > first {
            let words = vec!["last answered ping".to_owned(), "last ping".to_owned()];
            rungs.push((Some(last), words, Tone::Plain));
        }
    }
    let waits = leg.ping_waits.get(dir.index()).copied().flatten();
    if counts.pings_unanswered > 0 {
        let words = match counts.pings_unanswered {
            1 => vec!["ping, no pong".to_owned()],
            n => vec![
                format!("ping, no pong to it nor to {} more", number(n - 1)),
                format!("first of {} pings, no pong", number(n)),
                format!("{} pings, no pong", number(n)),
            ],
        };
        rungs.push((waits, words, Tone::Warn));
    }
    if rungs.is_empty() {
        let words = vec![count(counts.ping, "ping", "pings")];
        rungs.push((None, words, Tone::Plain));
    }
    rungs
}

fn answered_words(counts: &FrameCounts, trips: &RoundTrips) -> Vec<String> {
    let longest = span(trips.longest());
    match trips.count() {
        1 if counts.ping == 1 => vec![format!("ping, pong after {longest}"), "ping".to_owned()],
        n => vec![
            format!(
                "first of {} answered pings, pong within {longest}",
                number(n)
            ),
            format!("{} pings, pong within {longest}", number(n)),
            count(n, "ping", "pings"),
        ],
    }
}

const fn counts_of(leg: &ClosingLeg, dir: Direction) -> &FrameCounts {
    match dir {
        Direction::ToServer => &leg.client_frames,
        Direction::ToClient => &leg.server_frames,
    }
}

/// `Close 4406 Subprotocol not acceptable (graphql-ws): no such thing`.
fn close(close: &Close, judgement: &ClosingJudgement, mask: &Mask) -> (Vec<String>, Tone) {
    let is_clean = matches!(close.code, None | Some(CloseCode(1000 | 1001)));
    let tone = if is_clean { Tone::Good } else { Tone::Warn };
    let Some(CloseCode(code)) = close.code else {
        return (vec!["Close without a code".to_owned()], tone);
    };
    let short = format!("Close {code}");
    let name = if judgement.wire_code == Some(code) {
        code_name(judgement)
    } else {
        CloseCode(code).name().map(str::to_owned)
    };
    let named = name.map(|name| format!("{short} {}", clean(&name, 80)));
    let said = named.as_ref().unwrap_or(&short);
    let mut words = Vec::new();
    if !close.reason.is_empty() {
        let reason = mask.words(&close.reason);
        words.push(format!("{said}: {}", clean(&reason, 123)));
    }
    words.extend(named);
    words.push(short);
    (words, tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Kind, Meaning, Party};
    use crate::tally::example::{at, closing};

    fn words(rungs: impl IntoIterator<Item = Rung>) -> Vec<(bool, String)> {
        let rungs = rungs.into_iter();
        rungs
            .map(|(at, words, _)| (at.is_some(), words[0].clone()))
            .collect()
    }

    #[test]
    fn messages_stand_at_the_first_one_where_that_was_seen() {
        let mut leg = ClosingLeg::default();
        assert!(messages(&leg, Direction::ToServer).is_none());
        for (text, binary, n, began, said) in [
            (1, 0, 1, true, "first and only text message, 7 bytes"),
            (
                0,
                3,
                3,
                true,
                "first of 3 binary messages, of up to 7 bytes",
            ),
            (1, 2, 3, false, "3 messages, of up to 7 bytes"),
            // Begun and never finished.
            (1, 0, 0, true, "first and only text message, 7 bytes"),
        ] {
            let counts = &mut leg.client_frames;
            (counts.text, counts.binary, counts.messages) = (text, binary, n);
            leg.largest[0].bytes = 7;
            leg.began[0] = began.then(|| at(3));
            let told = words(messages(&leg, Direction::ToServer));
            assert_eq!(told, [(began, said.to_owned())]);
        }
    }

    #[test]
    fn pings_tell_the_first_the_last_and_the_one_without_a_pong() {
        let mut leg = ClosingLeg::default();
        leg.server_frames.ping = 1;
        let told = |leg: &ClosingLeg| {
            let told = words(pings(leg, Direction::ToClient)).into_iter();
            told.map(|(_, words)| words).collect::<Vec<_>>()
        };
        assert_eq!(told(&leg), ["1 ping"]);
        leg.rtt[1].extend([(at(10), Duration::from_millis(4))]);
        assert_eq!(told(&leg), ["ping, pong after 4.0 ms"]);
        leg.rtt[1].extend([(at(20), Duration::from_millis(2))]);
        leg.server_frames.ping = 3;
        leg.server_frames.pings_unanswered = 1;
        leg.ping_waits[1] = Some(at(30));
        assert_eq!(
            told(&leg),
            [
                "first of 2 answered pings, pong within 4.0 ms",
                "last answered ping",
                "ping, no pong"
            ]
        );
        let times: Vec<_> = pings(&leg, Direction::ToClient)
            .iter()
            .map(|rung| rung.0)
            .collect();
        assert_eq!(times, [10, 20, 30].map(|ms| Some(at(ms))));
    }

    #[test]
    fn an_application_s_code_has_its_meaning_and_any_other_its_own_name() {
        let mut judged = closing(5, Kind::Application, Some(4401), Party::Server);
        judged.judgement.meaning = Some(Meaning {
            name: "Unauthorized".into(),
            of: "graphql-ws".into(),
            known_by: "the subprotocol".into(),
            text: "It subscribed too early.".into(),
            fix: Vec::new().into(),
        });
        let close_of = |code, reason: &str| {
            let frame = Close {
                code: Some(CloseCode(code)),
                reason: reason.into(),
                reason_invalid: false,
                malformed: false,
            };
            let mask = Mask::of_closing(true, &judged.closing);
            close(&frame, &judged.judgement, &mask).0
        };
        assert_eq!(
            close_of(4401, "no"),
            [
                "Close 4401 Unauthorized (graphql-ws): no",
                "Close 4401 Unauthorized (graphql-ws)",
                "Close 4401"
            ]
        );
        assert_eq!(close_of(4400, ""), ["Close 4400"]);
        assert_eq!(close_of(1000, "")[0], "Close 1000 Normal Closure");
    }
}
