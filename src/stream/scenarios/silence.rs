//! Bytes and probes that nobody answers.

use super::*;

#[test]
fn bytes_sent_again_and_again_into_silence() {
    let mut tap = Tap::new();
    tap.open().send(CLIENT, ACK, (1000, 5000), b"ping");
    tap.told();
    for pause in [200, 400, 800, 1600, 3200, 6400] {
        tap.wait(pause).send(CLIENT, ACK, (1000, 5000), b"ping");
    }
    assert!(tap.told().is_empty());
    tap.wait(12_800).send(CLIENT, ACK, (1000, 5000), b"ping");
    // The time alone brings it, whether or not it is sent once more.
    assert_eq!(tap.told(), ["#0 f10 Retransmitting { dir: ToServer }"]);
    tap.wait(25_000).send(CLIENT, ACK, (1000, 5000), b"ping");
    assert!(tap.told().is_empty());
}

#[test]
fn a_peer_that_is_heard_is_not_silent() {
    let mut tap = Tap::new();
    tap.open().send(CLIENT, ACK, (1000, 5000), b"x");
    tap.told();
    for _ in 0..10 {
        // Zero window: the probe is answered, but its byte not taken.
        tap.wait(5000)
            .send(CLIENT, ACK, (1000, 5000), b"x")
            .send(SERVER, ACK, (5000, 1000), b"");
    }
    assert!(tap.told().is_empty());
}

#[test]
fn a_peer_that_answers_no_probe_is_gone_once_the_sender_gives_up() {
    let run = |is_answered: bool| {
        let mut tap = Tap::new();
        tap.open()
            .send(CLIENT, ACK, (1000, 5000), b"x")
            .send(SERVER, ACK, (5000, 1001), b"");
        tap.told();
        for _ in 0..3 {
            // Keep-alive: one before what comes next, with no byte (RFC 9293 §3.8.4).
            tap.wait(1000).send(CLIENT, ACK, (1000, 5000), b"");
            if is_answered {
                tap.send(SERVER, ACK, (5000, 1001), b"");
            }
        }
        assert!(tap.told().is_empty(), "it may answer yet");
        tap.wait(1000).send(CLIENT, RST | ACK, (1001, 5000), b"");
        tap.told()
    };
    let ended = |told: &[String]| told.last().unwrap().contains("Rst(ToServer)");
    let gone = run(false);
    assert!(
        gone[0].ends_with("Retransmitting { dir: ToServer }") && ended(&gone),
        "{gone:?}"
    );
    let there = run(true);
    assert!(there.len() == gone.len() - 1 && ended(&there), "{there:?}");
}
