//! Nobody to write to, no room to write, and readers that take their time.

use std::fs::{self, File};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::clock::opened;
use crate::cli::{Dir, WSCAP, code, stderr};
use crate::live::Stage;
use crate::support::files;
use crate::support::net::{Running, is_root};

/// Every line but the last, which may be cut, is whole; how many there are.
fn whole_lines(text: &str) -> usize {
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    for line in whole.lines() {
        serde_json::from_str::<Value>(line).expect("a whole line");
    }
    whole.lines().count()
}

/// A file system of its own, gone with the test.
struct Tiny(std::path::PathBuf);

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_is_a_fault_and_keeps_whole_lines() {
    let dir = Dir::new();
    let at = dir.path("tiny");
    fs::create_dir(&at).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(&at)
        .output();
    if !is_root() || !mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: a small file system cannot be mounted here");
        return;
    }
    let tiny = Tiny(at);
    let capture = dir.file("c.pcap", &files::pcap(1, &opened(40)));
    let out = tiny.0.join("out");
    let output = Command::new(WSCAP)
        .args(["--json", "-r"])
        .arg(&capture)
        .stdout(File::create(&out).unwrap())
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(told.contains("cannot write the output"), "{told}");
    assert!(told.lines().count() == 1, "{told}");
    assert!(whole_lines(&fs::read_to_string(out).unwrap()) > 3);
}

#[test]
fn closed_outputs_change_nothing_but_what_is_seen() {
    let dir = Dir::new();
    let capture = dir.file("c.pcap", &files::pcap(1, &files::refused()));
    let run = |redirect: &str| {
        let script = format!("exec \"$0\" --json -v --fail-on any -r \"$1\" {redirect}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, WSCAP]).arg(&capture);
        command.output().unwrap()
    };
    let all = run("");
    assert_eq!(code(&all), 1);
    for redirect in [
        "2>&-",
        "2>/dev/full",
        ">&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
        "<&-",
    ] {
        let output = run(redirect);
        assert_eq!(code(&output), 1, "{redirect}: {}", stderr(&output));
        if !redirect.contains(">&- ") && !redirect.starts_with(">&-") {
            assert_eq!(output.stdout, all.stdout, "{redirect}");
        }
        assert!(!stderr(&output).contains("panic"), "{redirect}");
    }
}

/// Live nothing waits for it: what it is too late for is lost, counted, and the capture goes on.
#[test]
fn live_a_reader_that_is_stuck_costs_what_is_counted() {
    let Some(stage) = Stage::new("") else { return };
    let crowd = stage
        .net
        .helper("c", "live::helper_crowd", "10.1.0.1:80")
        .stdout(Stdio::null())
        .spawn();
    let _crowd = Running(crowd.unwrap());
    let child = stage
        .net
        .command("p", WSCAP)
        .args(["-i", "any", "--json", "-q"])
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Running(child.unwrap());
    // Once the pipe is full the analyzer stands still, and 256 messages later nothing more fits.
    thread::sleep(Duration::from_secs(18));
    let id = child.0.id().to_string();
    let mut stdout = child.0.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    thread::sleep(Duration::from_secs(1));
    let kill = Command::new("kill").args(["-INT", &id]).status();
    assert!(kill.unwrap().success());
    let text = reader.join().unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    whole_lines(&text);
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let health = &summary["health"];
    assert!(health["shed_events"].as_u64().unwrap() > 0, "{health}");
    // Capturing goes on meanwhile: what the kernel drops where the machine is slow is little beside it, and would be nearly all
    // of it if the capture waited too.
    let (packets, drops) = (health["packets"].as_u64(), health["kernel_drops"].as_u64());
    assert!(packets.unwrap() > 1_000, "{health}");
    assert!(drops.unwrap() < packets.unwrap() / 4, "{health}");
}
