//! Hours in minutes: live, in namespaces of its own, under a steady load of handshakes, long connections and mischief.
//! Nothing is lost that is not counted, memory stays where it was after the warm-up, and everything that was asked is
//! decided or said to be undecided.
//!
//! ```text
//! WSCAP_SOAK_MINUTES=30 cargo test --profile hard --test it -- --ignored --exact --nocapture soak::under_a_steady_load
//! ```

pub(crate) mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::WSCAP;
use crate::support::net::{Net, PROXY, Running, why_not};

/// Where the server listens: at the capturing host itself.
pub(crate) const PORT: u16 = 8080;
/// Between two looks at the memory.
const SAMPLE: Duration = Duration::from_secs(10);
/// Connections that say nothing are forgotten sooner than by default, and fewer that are over are remembered, so that what
/// is kept is level sooner.
const LEVELLED: &[&str] = &[
    "--limit",
    "idle_timeout=20000",
    "--limit",
    "connections=16000",
];
const LEVEL: Duration = Duration::from_secs(60);
/// Memory may grow so much after the warm-up, which is the first third, and by a tenth: allocators keep what they had.
const GROWTH: u64 = 6 * 1024;
/// Packets that pass while the counters are read.
const ASIDE: u64 = 40;

/// Hosts with a server at the one that captures.
pub(crate) struct Site {
    pub(crate) net: Net,
    _server: Running,
}

/// What all lines of a run came to.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Attempts by host and verdict.
    pub(crate) verdicts: BTreeMap<(String, String), u64>,
    attempts: u64,
    /// Of attempts at the honest host.
    pub(crate) closings: u64,
    honest: BTreeSet<u64>,
    pub(crate) summary: Value,
}

/// wscap, and who reads what it says.
pub(crate) struct Listening {
    pub(crate) child: Running,
    reader: thread::JoinHandle<Heard>,
    /// Packets of the interface before.
    before: u64,
}

impl Site {
    /// `None` where there are no namespaces; says so.
    pub(crate) fn new() -> Option<Self> {
        if let Some(why) = why_not(&["ip", "ss"]) {
            println!("skipped: {why}");
            return None;
        }
        let net = Net::new();
        let address = format!("0.0.0.0:{PORT}");
        let server = net
            .helper("p", "soak::load::helper_server", &address)
            .stdout(Stdio::null())
            .spawn();
        let site = Self {
            net,
            _server: Running(server.unwrap()),
        };
        let until = Instant::now() + Duration::from_secs(10);
        while !site.listens() {
            assert!(Instant::now() < until, "nothing listens");
            thread::sleep(Duration::from_millis(20));
        }
        Some(site)
    }

    fn listens(&self) -> bool {
        let sockets = self.net.command("p", "ss").args(["-Hltn"]).output();
        String::from_utf8_lossy(&sockets.unwrap().stdout).contains(&format!(":{PORT}"))
    }

    /// Packets that the interface has passed on, both ways.
    fn passed(&self) -> u64 {
        let counters =
            ["rx", "tx"].map(|way| format!("/sys/class/net/outer/statistics/{way}_packets"));
        let output = self
            .net
            .command("p", "cat")
            .args(counters)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.parse::<u64>().unwrap()).sum()
    }

    /// A client at another host that does as it is told; what it says at the end.
    pub(crate) fn load(&self, what: &str) -> Command {
        let argument = format!("{what} {PROXY}:{PORT}");
        self.net.helper("c", "soak::load::helper_load", &argument)
    }

    pub(crate) fn listen(&self, options: &[&str]) -> Listening {
        let before = self.passed();
        let mut child = self
            .net
            .command("p", WSCAP)
            .args(["-i", "outer", "--json", "--stats-interval", "1s"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = Heard::default();
        // The first says that it listens.
        heard.take(&lines.next().unwrap().unwrap());
        let reader = thread::spawn(move || {
            lines.for_each(|line| heard.take(&line.unwrap()));
            heard
        });
        Listening {
            child: Running(child),
            reader,
            before,
        }
    }
}

impl Heard {
    fn take(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).expect("a whole line");
        match line["type"].as_str() {
            Some("attempt") => {
                self.attempts += 1;
                let [host, verdict] =
                    ["host", "verdict"].map(|key| line[key].as_str().unwrap_or("?").to_owned());
                if host == "honest.example" {
                    self.honest.extend(line["id"].as_u64());
                }
                *self.verdicts.entry((host, verdict)).or_default() += 1;
            }
            Some("closing") => {
                let of = line["attempt"].as_u64();
                self.closings += u64::from(of.is_some_and(|of| self.honest.remove(&of)));
            }
            Some("summary") => self.summary = line,
            _ => {}
        }
    }

    pub(crate) fn health(&self, name: &str) -> u64 {
        self.summary["health"][name].as_u64().unwrap()
    }

    /// What got lost on the way, and was counted.
    pub(crate) fn lost(&self) -> u64 {
        ["kernel_drops", "iface_drops", "shed_events"]
            .map(|name| self.health(name))
            .iter()
            .sum()
    }

    /// Attempts whose request was seen, decided and undecided together. Of what seems to have begun before the capture
    /// there is no host.
    pub(crate) fn asked(&self) -> u64 {
        let asked = self.verdicts.iter().filter(|((host, _), _)| host != "?");
        asked.map(|(_, n)| n).sum()
    }

    /// What the summary says, of all protocols.
    fn summed_up(&self) -> u64 {
        let verdicts = self.summary["attempts"].as_object().unwrap();
        let others = [&self.summary["other_protocols"]];
        let all = verdicts.values().chain(others);
        all.map(|n| n.as_u64().unwrap()).sum()
    }

    pub(crate) fn of(&self, host: &str, verdict: &str) -> u64 {
        let key = (host.to_owned(), verdict.to_owned());
        self.verdicts.get(&key).copied().unwrap_or_default()
    }

    /// Attempts at a host with no verdict of these.
    pub(crate) fn others(&self, host: &str, verdicts: &[&str]) -> u64 {
        let of_host = self
            .verdicts
            .iter()
            .filter(|((at, verdict), _)| at == host && !verdicts.contains(&verdict.as_str()));
        of_host.map(|(_, n)| n).sum()
    }
}

impl Listening {
    /// Resident memory of its own, in KiB: without the ring of the kernel, of which more is touched the longer it runs.
    pub(crate) fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.0.id());
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// Ctrl-C; what it has said, of which every packet that passed was read or counted as dropped.
    pub(crate) fn end(mut self, site: &Site) -> Heard {
        // What is on its way arrives.
        thread::sleep(Duration::from_millis(500));
        let passed = site.passed() - self.before;
        let id = self.child.0.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        let heard = self.reader.join().unwrap();
        assert_eq!(self.child.0.wait().unwrap().code(), Some(0));
        let [read, dropped] = ["packets", "kernel_drops"].map(|name| heard.health(name));
        println!("{passed} packets passed, {read} were read, {dropped} were dropped by the kernel");
        assert!(
            (read + dropped).abs_diff(passed) <= ASIDE,
            "{passed} packets passed, {read} were read, {dropped} counted as dropped"
        );
        assert_eq!(
            heard.attempts,
            heard.summed_up(),
            "the summary counts the lines"
        );
        heard
    }
}

/// A line of what a client says at the end, `name: number`.
pub(crate) fn said(output: &[u8], name: &str) -> u64 {
    let text = String::from_utf8_lossy(output);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}

#[test]
#[ignore = "takes as many minutes as WSCAP_SOAK_MINUTES says, 30 by default: see docs/reliability.md"]
fn under_a_steady_load() {
    let minutes = std::env::var("WSCAP_SOAK_MINUTES").ok();
    let minutes: u64 = minutes.map_or(30, |minutes| minutes.parse().unwrap());
    let whole = Duration::from_secs(minutes * 60);
    let Some(site) = Site::new() else { return };
    let listening = site.listen(LEVELLED);
    let seconds = whole.as_secs().to_string();
    let mut load = site.load(&format!("mixed {seconds}"));
    let load = load.stdout(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let mut memory = Vec::new();
    while began.elapsed() + SAMPLE < whole {
        thread::sleep(SAMPLE);
        let now = listening.memory();
        println!("{:>5} s: {now} KiB", began.elapsed().as_secs());
        std::io::stdout().flush().unwrap();
        memory.push((began.elapsed(), now));
    }
    let output = load.wait_with_output().unwrap();
    assert!(output.status.success());
    let heard = listening.end(&site);
    let asked = said(&output.stdout, "asked");
    let mischief = said(&output.stdout, "mischief");
    println!(
        "{minutes} minutes: {asked} asked, {} decided or undecided, {:?}, {} closings, {mischief} acts of mischief, {}",
        heard.asked(),
        heard.verdicts,
        heard.closings,
        heard.summary["health"]
    );
    // What was lost may have been a request, each of which is at least a packet or an event.
    let missing = asked.abs_diff(heard.asked());
    assert!(
        missing <= heard.lost(),
        "{asked} asked, {} seen",
        heard.asked()
    );
    if heard.lost() == 0 {
        let opened = said(&output.stdout, "opened");
        assert_eq!(heard.of("honest.example", "ok"), opened);
        assert_eq!(heard.closings, opened, "each has ended once");
        assert_eq!(
            heard.others("honest.example", &["ok"]),
            0,
            "{:?}",
            heard.verdicts
        );
    }
    assert_eq!(
        heard.others("honest.example", &["ok", "unknown"]),
        0,
        "{:?}",
        heard.verdicts
    );
    let warm_up = LEVEL.max(whole / 3);
    let most = |late: bool| {
        let those = memory.iter().filter(|(at, _)| (*at > warm_up) == late);
        those.map(|(_, now)| *now).max().unwrap_or_default()
    };
    let (warm, later) = (most(false), most(true));
    println!("at most {warm} KiB in the first {warm_up:?}, {later} KiB afterwards");
    assert!(later <= warm + warm / 10 + GROWTH, "it grows");
}
