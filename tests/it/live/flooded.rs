//! Forged packets by the thousand on the interface that is listened to, while honest clients are let in and talk.

use std::process::Stdio;

use crate::soak::{Heard, Site, said};

/// Seconds that the honest clients talk; the flood begins after them and ends before.
const TALK: u64 = 5;
const FLOOD: u64 = 3;

/// An honest load and a flood at once. What was heard, how many were let in, how many packets were forged.
fn flooded(flood: &str) -> Option<(Heard, u64, u64)> {
    let site = Site::new()?;
    let listening = site.listen(&[]);
    let honest = site
        .load(&format!("honest {TALK}"))
        .stdout(Stdio::piped())
        .spawn();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let flood = site.load(&format!("{flood} {FLOOD}")).output().unwrap();
    assert!(
        flood.status.success(),
        "{}",
        String::from_utf8_lossy(&flood.stdout)
    );
    let honest = honest.unwrap().wait_with_output().unwrap();
    assert!(
        honest.status.success(),
        "{}",
        String::from_utf8_lossy(&honest.stdout)
    );
    let peak = listening.memory();
    let heard = listening.end(&site);
    let (opened, forged) = (
        said(&honest.stdout, "opened"),
        said(&flood.stdout, "mischief"),
    );
    println!(
        "{opened} let in, {forged} packets forged, {peak} KiB, {:?}, {}",
        heard.verdicts, heard.summary["health"]
    );
    // 1.6 KB for each connection that may be followed, and what a capture needs anyway.
    assert!(peak < 90 * 1024 + forged * 2, "{peak} KiB");
    Some((heard, opened, forged))
}

/// At a rate that any machine follows: nothing is lost, and everybody is judged.
#[test]
fn honest_clients_are_followed_through_a_flood() {
    let Some((heard, opened, forged)) = flooded("flood-at 4000") else {
        return;
    };
    assert!(opened > 20 && forged > 5_000, "{opened} {forged}");
    let healthy = heard.of("honest.example", "ok");
    if heard.lost() == 0 {
        assert_eq!(healthy, opened);
    } else {
        println!("{} lost on this machine", heard.lost());
        assert!(healthy + heard.lost() >= opened);
    }
    assert_eq!(
        heard.others("honest.example", &["ok", "unknown"]),
        0,
        "{:?}",
        heard.verdicts
    );
    assert_eq!(heard.closings, healthy);
}

/// As fast as they can be made: what is lost is counted, packet by packet, and nobody is accused for it.
#[test]
fn a_flood_without_bounds_costs_what_is_counted() {
    let Some((heard, opened, forged)) = flooded("flood") else {
        return;
    };
    assert!(opened > 5 && forged > 20_000, "{opened} {forged}");
    assert_eq!(
        heard.others("honest.example", &["ok", "unknown", "abandoned"]),
        0,
        "{:?}",
        heard.verdicts
    );
}
