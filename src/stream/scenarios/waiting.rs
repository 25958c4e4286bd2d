//! What waited behind bytes that never came keeps the time at which it was captured.

use super::*;

#[test]
fn a_fin_behind_lost_bytes_is_as_late_as_it_was() {
    let mut tap = Tap::new();
    tap.open().send(SERVER, ACK, (5010, 1000), b"behind");
    tap.send(CLIENT, ACK | FIN, (1000, 5016), b"")
        .send(SERVER, ACK | FIN, (5016, 1001), b"");
    let told = tap.told();
    assert!(told.contains(&"#0 f5 > fin".to_owned()), "{told:?}");
    let late = tap.wait(100).told();
    assert!(late.contains(&"#0 f4 < 10 behind".to_owned()), "{late:?}");
    assert!(late.contains(&"#0 f6 < fin".to_owned()), "{late:?}");
}

/// Nothing but the FIN came behind them.
#[test]
fn a_fin_alone_behind_lost_bytes_is_as_late_as_it_was() {
    let mut tap = Tap::new();
    tap.open().send(SERVER, ACK | FIN, (5010, 1000), b"").send(
        CLIENT,
        ACK | FIN,
        (1000, 5011),
        b"",
    );
    tap.told();
    let late = tap.wait(100).told();
    assert!(late.contains(&"#0 f4 < fin".to_owned()), "{late:?}");
}
