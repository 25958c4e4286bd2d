//! Floods that never lie on a disk: written packet by packet into the program, which says what they cost.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use serde_json::Value;

use super::{KIB, MIB, Run, close_frame, handshake, high_water};
use crate::cli::WSCAP;
use crate::support::flood::Flood;

/// Processor time for a packet at most, and for the beginning and the end; a debug build takes its time.
const PACKET: Duration = if cfg!(debug_assertions) {
    Duration::from_micros(120)
} else {
    Duration::from_micros(15)
};
const ONCE: Duration = Duration::from_secs(3);

/// Ticks of the clock by which the kernel counts processor time.
const TICK: Duration = Duration::from_millis(10);

/// A flood that is sent through the program, with honest handshakes before, within and after it.
pub(super) struct Streamed<'a> {
    pub(super) options: &'a [&'a str],
    /// Peak memory in bytes.
    pub(super) bound: u64,
}

impl Streamed<'_> {
    /// Calls `attack` for so many hostile clients. Holds memory, time and the honest handshakes to what they must be.
    pub(super) fn run(&self, count: u32, mut attack: impl FnMut(&mut Flood, u32)) -> Run {
        let mut child = Command::new(WSCAP)
            .args(["--json", "-r", "-"])
            .args(self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reader = thread::spawn(move || kept(out));
        let input = OwnedFd::from(child.stdin.take().unwrap());
        let mut flood = Flood::into(File::from(input));
        let mut idle = handshake(&mut flood, 50_001, "/before", |_| {});
        let middle = count / 2;
        let meanwhile = 20.min(count - middle);
        (0..middle).for_each(|n| attack(&mut flood, n));
        let mut within = handshake(&mut flood, 50_002, "/within", |flood| {
            (middle..middle + meanwhile).for_each(|n| attack(flood, n));
        });
        within.send(&mut flood, 1, &close_frame(1001));
        within.close(&mut flood);
        (middle + meanwhile..count).for_each(|n| attack(&mut flood, n));
        let mut after = handshake(&mut flood, 50_003, "/after", |_| {});
        after.send(&mut flood, 1, &close_frame(1008));
        after.close(&mut flood);
        flood.wait(1_000);
        idle.send(&mut flood, 1, &close_frame(4001));
        idle.close(&mut flood);
        let packets = flood.packets;
        let mut peak = high_water(child.id()).expect("a process that waits for more");
        flood.finish();
        while !is_over(child.id()) {
            peak = peak.max(high_water(child.id()).unwrap_or(0));
            thread::sleep(Duration::from_millis(1));
        }
        let spent = spent(child.id());
        assert!(child.wait().unwrap().success());
        let run = Run {
            lines: reader.join().unwrap(),
            peak,
        };
        println!(
            "{packets} packets in {spent:?} of processor time, peak {} MiB of {}, {:?}",
            peak / MIB,
            self.bound / MIB,
            run.limits_reached()
        );
        assert!(
            peak <= self.bound,
            "{} KiB, {} KiB are allowed",
            peak / KIB,
            self.bound / KIB
        );
        let most = ONCE + PACKET * packets;
        assert!(
            spent <= most,
            "{spent:?} of processor time, {most:?} are allowed"
        );
        let seen = run.lines.last().unwrap()["health"]["packets"].as_u64();
        assert_eq!(seen, Some(packets.into()), "every packet was read");
        run.assert_honest();
        run
    }
}

/// The lines, but of what was said of hostile clients only the beginning: there may be gigabytes of it.
fn kept(out: impl BufRead) -> Vec<Value> {
    const HOSTILE: usize = 100;
    let mut lines = Vec::new();
    let mut ids = BTreeSet::new();
    for line in out.lines() {
        let line = line.unwrap();
        let is = |kind| line.starts_with(&format!("{{\"v\":1,\"type\":\"{kind}\""));
        if is("attempt") && ids.len() > HOSTILE && !line.contains("honest.example") {
            continue;
        }
        let told: Value = serde_json::from_str(&line).unwrap();
        if is("attempt") {
            ids.insert(told["id"].as_u64());
        } else if is("closing") && !ids.contains(&told["attempt"].as_u64()) {
            continue;
        }
        lines.push(told);
    }
    lines
}

/// Whether a process has ended; it is left as it is, so that its time can be read.
fn is_over(process: u32) -> bool {
    let id = Id::Pid(Pid::from_raw(process.try_into().unwrap()));
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(id, flags).unwrap(), WaitStatus::StillAlive)
}

/// Processor time of a process and all its threads.
pub(crate) fn spent(process: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the name, which may hold anything.
    let (_, fields) = text.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2);
    TICK * ticks.map(|field| field.parse::<u32>().unwrap()).sum()
}
