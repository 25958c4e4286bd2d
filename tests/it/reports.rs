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

/// A report that cannot be sure says where to capture next; one that has both legs does not send anybody out again.
#[test]
fn where_to_capture_next_is_said_where_it_is_not_known_and_only_there() {
    for (name, says) in [
        (
            "handshake/refused_flask_sock.pcap",
            "Capture on the proxy host with `-i any`",
        ),
        (
            "handshake/stripped_by_nginx_client_leg_only.pcap",
            "capture on the proxy host with `-i any`",
        ),
        (
            "handshake/chain_stripped_by_second_three_hosts.1.pcapng",
            "Nothing was seen behind 10.2.0.2:80.",
        ),
        (
            "handshake/stripped_before_this_server.pcap",
            "capture with `-i any` on 10.1.0.2, which sent this",
        ),
    ] {
        let report = wscap(name, &["--utc"]);
        assert!(report.contains(says), "{name}: {report}");
    }
    for name in [
        "handshake/stripped_by_nginx_default.pcapng",
        "handshake/auth_refused_by_auth_request.pcapng",
        "handshake/accept_missing_through_nginx.pcapng",
    ] {
        let report = wscap(name, &["--utc"]);
        assert!(!report.contains("-i any"), "{name}: {report}");
    }
}

/// Who mended a broken 101, who kept an answer to itself and who answered alone is said by address.
#[test]
fn the_proxy_that_changed_kept_or_made_the_answer_is_named() {
    for (name, says) in [
        (
            "handshake/accept_missing_through_nginx.pcapng",
            "10.1.0.1:80 passed it on",
        ),
        (
            "handshake/answer_not_relayed_by_http_proxy.pcapng",
            "The hop 10.1.0.1:80 did not pass the backend's answer on.",
        ),
        (
            "handshake/rate_limited_by_nginx.pcapng",
            "10.1.0.1:80 passed other handshakes on, and this one nowhere",
        ),
        (
            "handshake/auth_refused_by_auth_request.pcapng",
            "The hop 10.1.0.1:80 (nginx/1.22.1) asked its login service first, which said no.",
        ),
    ] {
        let report = wscap(name, &["--utc"]);
        assert!(report.contains(says), "{name}: {report}");
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
