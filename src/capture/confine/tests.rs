//! A packet socket that is only listened through.

use std::env;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Command;

use pcap::{Active, Capture};

use super::{Held, Needs, confine};

/// Says to the process below what it is.
const CONFINED: &str = "WSCAP_TEST_CONFINED";

/// What is done with the socket; before, each can be.
const DEEDS: &[&str] = &["send", "write", "filter", "duplicate", "count"];
/// What is left of it.
const LEFT: &[&str] = &["count"];

#[test]
fn nothing_is_sent_through_a_socket_that_captures() {
    if !nix::unistd::Uid::effective().is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    for (confined, can) in [("no", DEEDS), ("yes", LEFT)] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "capture::confine::tests::helper_that_sends"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env(CONFINED, confined)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        for deed in DEEDS {
            let done = said.contains(&format!("{deed}: ok\n"));
            let tried = said.contains(&format!("{deed}: "));
            assert!(tried && done == can.contains(deed), "{deed}: {said}");
        }
    }
}

#[test]
#[ignore = "a process for the test above"]
fn helper_that_sends() {
    let Some(confined) = env::var_os(CONFINED) else {
        return;
    };
    // Nobody is this address, and lo is as far as it gets.
    let frame = [0_u8; 60];
    let mut socket = Capture::from_device("lo").unwrap().open().unwrap();
    if confined == "yes" {
        let held = Held {
            sockets: vec![socket.as_fd().as_raw_fd()],
            ..Held::default()
        };
        let confined = confine(&Needs::default(), &held);
        assert_eq!(confined.calls, Ok(()));
    }
    println!();
    deed("send", socket.sendpacket(frame));
    deed("write", nix::unistd::write(socket.as_fd(), &frame));
    deed("filter", socket.filter("tcp", true));
    deed("duplicate", twice(&socket));
    deed("count", socket.stats());
}

fn twice(socket: &Capture<Active>) -> io::Result<()> {
    socket.as_fd().try_clone_to_owned().map(|_| ())
}

fn deed<T, E: ToString>(name: &str, result: Result<T, E>) {
    match result {
        Ok(_) => println!("{name}: ok"),
        Err(error) => println!("{name}: {}", error.to_string()),
    }
}
