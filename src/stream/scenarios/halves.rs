//! A client that is redirected on `lo`: it speaks to the listener, and the address that it dialled answers.

use super::*;

/// Where the rule leads. In the order of endpoints it is below the client, and the address that was dialled is above.
const LISTENER: u16 = 15_001;

impl Tap {
    fn ask(&mut self, flags: u8, numbers: (u32, u32), payload: &[u8]) -> &mut Self {
        self.between((CLIENT, LISTENER), flags, numbers, (payload, 0))
    }

    fn answer(&mut self, flags: u8, numbers: (u32, u32), payload: &[u8]) -> &mut Self {
        self.between((SERVER, CLIENT), flags, numbers, (payload, 0))
    }

    /// Ends the capture; of each connection that was open its server, its number, and the same of its second pair.
    fn pairs(&mut self) -> Vec<String> {
        let mut pairs = Vec::new();
        self.table
            .finish(&mut self.budget, &mut |conn, _, item, _| {
                if matches!(item, StreamItem::End(_)) {
                    let second = conn
                        .redirected
                        .as_ref()
                        .map(|other| (other.from.port, other.tcp_stream));
                    pairs.push(format!(
                        "{} {} {second:?}",
                        conn.server.port, conn.tcp_stream
                    ));
                }
            });
        pairs
    }
}

#[test]
fn both_halves_are_one_connection_from_syn_to_fin() {
    let mut tap = Tap::new();
    tap.ask(SYN, (999, 0), b"")
        .answer(SYN | ACK, (4999, 1000), b"")
        .ask(ACK, (1000, 5000), b"")
        .ask(ACK, (1000, 5000), b"GET")
        .answer(ACK, (5000, 1003), b"101")
        .ask(FIN | ACK, (1003, 5003), b"")
        .answer(FIN | ACK, (5003, 1004), b"bye")
        .ask(ACK, (1004, 5007), b"")
        .answer(ACK, (5007, 1004), b"");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f4 > 0 GET",
            "#0 f5 < 0 101",
            "#0 f6 > fin",
            "#0 f7 < 3 bye",
            "#0 f7 < fin",
            "#0 f7 Fin"
        ]
    );
    let counters = tap.counters();
    assert_eq!((counters.connections, counters.one_sided), (1, 0));
}

#[test]
fn each_pair_has_its_own_number_and_keeps_it() {
    for answer_first in [false, true] {
        let mut tap = Tap::new();
        if answer_first {
            tap.answer(SYN | ACK, (4999, 1000), b"")
                .ask(SYN, (999, 0), b"");
        } else {
            tap.ask(SYN, (999, 0), b"")
                .answer(SYN | ACK, (4999, 1000), b"");
        }
        tap.between((40_000, SERVER), SYN, (1, 0), (b"", 0))
            .ask(ACK, (1000, 5000), b"GET")
            .answer(ACK, (5000, 1003), b"101");
        assert_eq!(
            tap.told(),
            [
                if answer_first {
                    "#0 f1 SynAck"
                } else {
                    "#0 f2 SynAck"
                },
                "#0 f4 > 0 GET",
                "#0 f5 < 0 101"
            ]
        );
        let (asked, dialled) = if answer_first { (1, 0) } else { (0, 1) };
        assert_eq!(
            tap.pairs(),
            [
                format!("{LISTENER} {asked} Some(({SERVER}, {dialled}))"),
                format!("{SERVER} 2 None")
            ]
        );
    }
}

#[test]
fn a_closed_port_behind_a_redirect_refuses_as_often_as_it_is_asked() {
    let mut tap = Tap::new();
    tap.ask(SYN, (999, 0), b"")
        .answer(RST | ACK, (0, 1000), b"")
        .wait(1000)
        .ask(SYN, (999, 0), b"")
        .answer(RST | ACK, (0, 1000), b"")
        .wait(1000)
        .ask(SYN, (7999, 0), b"")
        .answer(RST | ACK, (0, 8000), b"")
        .finish();
    let told = ["#0 f2 Refused", "#1 f4 Refused", "#2 f6 Refused"];
    assert_eq!(tap.told(), told);
}

#[test]
fn joined_mid_stream_either_half_may_come_first() {
    let mut tap = Tap::new();
    tap.ask(ACK, (1000, 5000), b"ping")
        .answer(ACK, (5000, 1004), b"")
        .answer(ACK, (5000, 1004), b"pong")
        .ask(ACK, (1004, 5004), b"more");
    assert_eq!(
        tap.told(),
        ["#0 f1 > 0 ping", "#0 f3 < 0 pong", "#0 f4 > 4 more"]
    );
    assert_eq!(tap.pairs(), [format!("{LISTENER} 0 Some(({SERVER}, 1))")]);

    let mut tap = Tap::new();
    tap.answer(ACK, (5000, 1000), b"ping")
        .answer(ACK, (5004, 1000), b"ping")
        .ask(ACK, (1000, 5008), b"")
        .ask(ACK, (1000, 5008), b"pong")
        .answer(ACK, (5008, 1004), b"more");
    assert_eq!(
        tap.told(),
        [
            "#0 f1 < 0 ping",
            "#0 f2 < 4 ping",
            "#0 f4 > 0 pong",
            "#0 f5 < 8 more"
        ]
    );
    assert_eq!(tap.pairs(), [format!("{LISTENER} 1 Some(({SERVER}, 0))")]);
}

#[test]
fn after_a_lost_syn_ack_the_next_answer_shows_where_it_belongs() {
    let mut tap = Tap::new();
    tap.ask(SYN, (999, 0), b"")
        .ask(ACK, (1000, 5000), b"")
        .ask(ACK, (1000, 5000), b"GET")
        .answer(ACK, (5000, 1003), b"")
        .answer(RST | ACK, (5000, 1003), b"");
    assert_eq!(tap.told(), ["#0 f3 > 0 GET", "#0 f5 Rst(ToClient)"]);
}

#[test]
fn what_does_not_acknowledge_it_is_no_half_of_it() {
    for (flags, numbers) in [
        (SYN | ACK, (4999, 1001)),
        (RST | ACK, (0, 1001)),
        (RST, (1000, 0)),
        (ACK, (5000, 1000)),
    ] {
        let mut tap = Tap::new();
        tap.ask(SYN, (999, 0), b"").answer(flags, numbers, b"");
        assert_eq!(tap.pairs()[0], format!("{LISTENER} 0 None"), "{flags}");
    }
    for numbers in [(5001, 1003), (5000, 1002), (4999, 1003)] {
        let mut tap = Tap::new();
        tap.ask(ACK, (1000, 5000), b"GET")
            .answer(ACK, numbers, b"101");
        assert_eq!(tap.pairs().len(), 2, "{numbers:?}");
    }
    // Nor is an answer to another port of the same client.
    let mut tap = Tap::new();
    tap.ask(SYN, (999, 0), b"")
        .between((SERVER, 50_001), SYN | ACK, (4999, 1000), (b"", 0));
    assert_eq!(tap.pairs().len(), 2);
}

#[test]
fn a_copy_before_and_after_nat_stays_two_connections() {
    let mut tap = Tap::new();
    for to in [SERVER, LISTENER] {
        tap.between((CLIENT, to), SYN, (999, 0), (b"", 0));
    }
    for from in [LISTENER, SERVER] {
        tap.between((from, CLIENT), SYN | ACK, (4999, 1000), (b"", 0));
    }
    for to in [SERVER, LISTENER] {
        tap.between((CLIENT, to), ACK, (1000, 5000), (b"GET", 0));
    }
    let none = |port, number| format!("{port} {number} None");
    assert_eq!(tap.pairs(), [none(SERVER, 0), none(LISTENER, 1)]);
}

#[test]
fn ports_used_again_begin_another_connection_on_either_pair() {
    // Through the same rule, the old connection closed or not.
    for closed in [false, true] {
        let mut tap = Tap::new();
        tap.ask(SYN, (999, 0), b"")
            .answer(SYN | ACK, (4999, 1000), b"");
        if closed {
            tap.ask(RST, (1000, 0), b"");
        }
        tap.ask(SYN, (77_776, 0), b"")
            .answer(SYN | ACK, (88_887, 77_777), b"");
        tap.told();
        tap.ask(ACK, (77_777, 88_888), b"GET")
            .answer(ACK, (88_888, 77_780), b"101");
        let (asked, answered) = if closed { (6, 7) } else { (5, 6) };
        let told = [
            format!("#1 f{asked} > 0 GET"),
            format!("#1 f{answered} < 0 101"),
        ];
        assert_eq!(tap.told(), told);
        // A SYN with another number is a new stream for Wireshark, its answer alone is none.
        assert_eq!(tap.pairs(), [format!("{LISTENER} 2 Some(({SERVER}, 1))")]);
    }
    // Past the rule, which is gone: straight to what was dialled before.
    let mut tap = Tap::new();
    tap.ask(SYN, (999, 0), b"")
        .answer(SYN | ACK, (4999, 1000), b"")
        .send(CLIENT, SYN, (77_776, 0), b"")
        .send(SERVER, SYN | ACK, (88_887, 77_777), b"")
        .send(CLIENT, ACK, (77_777, 88_888), b"GET");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f3 Replaced",
            "#1 f4 SynAck",
            "#1 f5 > 0 GET"
        ]
    );
    assert_eq!(tap.pairs(), [format!("{SERVER} 2 None")]);
}

#[test]
fn many_that_wait_at_once_each_find_their_own() {
    let mut tap = Tap::new();
    let ports = 50_001..50_301_u16;
    for port in ports.clone() {
        tap.between((port, LISTENER), SYN, (999, 0), (b"", 0));
    }
    for port in ports.rev() {
        tap.between((SERVER, port), SYN | ACK, (4999, 1000), (b"", 0));
    }
    assert_eq!(tap.counters().connections, 300);
    assert_eq!(tap.told().len(), 300);
}
