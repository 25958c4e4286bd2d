//! What a user and a program get to read of real captures, word by word.
//!
//! The table of the captures says what must come out; these snapshots show how it is said, so that a change of words or
//! of keys is seen in review.

use std::path::Path;
use std::process::Command;

/// One capture for each kind of report.
const SHOWN: &[&str] = &[
    "handshake/stripped_by_nginx_three_times.pcapng",
    "handshake/stripped_by_nginx_behind_tls.pcapng",
    "handshake/backend_down_behind_haproxy.pcapng",
    "handshake/origin_refused_host_rewritten.pcapng",
    "handshake/challenged_then_opened.pcapng",
    "handshake/client_left_early.pcapng",
    "handshake/fell_back_to_polling_socketio4.pcapng",
    "handshake/h2c_ignored_by_nginx.pcap",
    "handshake/chain_stripped_middle_unseen_forwarded.pcapng",
    "close/1010_extension_removed_by_haproxy.pcapng",
    "close/1014_bad_gateway.pcapng",
    "close/idle_timeout_nginx_60s.pcapng",
    "transport/begun_after_the_101.pcapng",
];

#[test]
fn the_text_report() {
    for name in SHOWN {
        shown(&label("text", name), &wscap(name, &["--utc"]));
    }
}

#[test]
fn the_json_lines() {
    for name in SHOWN {
        shown(&label("json", name), &wscap(name, &["--json"]));
    }
}

fn shown(label: &str, output: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(label, output);
    });
}

fn label(format: &str, name: &str) -> String {
    let stem = name.rsplit('/').next().unwrap().split('.').next().unwrap();
    format!("{format}__{stem}")
}

fn wscap(name: &str, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(options)
        .args(["-r", &format!("captures/{name}")])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
