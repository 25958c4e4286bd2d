//! Interfaces that go down, come up again, and go for good.

use std::fs;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use crate::live::{Capture, Stage};
use crate::support::net::BACKEND;

/// The sockets of a process, by their numbers in the kernel.
fn sockets(capture: &Capture) -> Vec<String> {
    let folder = format!("/proc/{}/fd", capture.child.0.id());
    let links = fs::read_dir(folder).unwrap();
    let links = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
    let mut sockets: Vec<String> = links
        .map(|link| link.to_string_lossy().into_owned())
        .filter(|link| link.starts_with("socket:"))
        .collect();
    sockets.sort();
    sockets
}

fn told(capture: &Capture, what: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    while let Ok(line) = capture.told.recv_timeout(until - Instant::now()) {
        if line.contains(what) {
            return;
        }
    }
    panic!("{what:?} was not said");
}

fn ended(capture: &mut Capture) -> ExitStatus {
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        if let Some(status) = capture.child.0.try_wait().unwrap() {
            return status;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("it goes on");
}

#[test]
fn one_that_comes_up_again_is_listened_to_as_before() {
    let Some(stage) = Stage::new("") else { return };
    let capture = stage.listen(&[crate::cli::WSCAP], &["-i", "outer", "-i", "inner"]);
    let before = sockets(&capture);
    assert_eq!(before.len(), 2, "{before:?}");
    for _ in 0..3 {
        stage.net.ip("p", &["link", "set", "outer", "down"]);
        thread::sleep(Duration::from_millis(200));
        stage.net.ip("p", &["link", "set", "outer", "up"]);
    }
    let answer = stage.ask();
    assert!(answer.contains(" 502 "), "{answer}");
    let attempt = capture.wait("attempt");
    assert_eq!(attempt["verdict"], "stripped", "{attempt}");
    assert_eq!(attempt["confidence"], "proved", "{attempt}");
    assert_eq!(sockets(&capture), before, "it was opened once");
    assert_eq!(capture.interrupt()["attempts"]["stripped"], 1);
}

#[test]
fn without_one_the_others_go_on_and_without_any_it_ends() {
    let Some(stage) = Stage::new("") else { return };
    let mut capture = stage.listen(&[crate::cli::WSCAP], &["-i", "outer", "-i", "inner"]);
    let before = sockets(&capture);
    stage.net.ip("p", &["link", "del", "outer"]);
    told(&capture, "outer: no longer captured on");
    // Another one of that name is another one.
    let again = [
        "link", "add", "outer", "type", "veth", "peer", "name", "other",
    ];
    stage.net.ip("p", &again);
    stage.net.ip("p", &["link", "set", "outer", "up"]);
    let answer = stage.ask_from("p", &format!("{BACKEND}:8080"));
    assert!(answer.contains(" 101 "), "{answer}");
    let attempt = capture.wait("attempt");
    assert_eq!(attempt["verdict"], "ok", "{attempt}");
    assert_eq!(sockets(&capture), before, "nothing was opened again");
    stage.net.ip("p", &["link", "del", "inner"]);
    told(&capture, "inner: no longer captured on");
    told(&capture, "no interface is left");
    assert_eq!(capture.wait("summary")["attempts"]["ok"], 1);
    assert_eq!(ended(&mut capture).code(), Some(2));
}
