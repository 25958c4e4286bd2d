//! Each flag does what the specification says of it, over recorded captures.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{Dir, WSCAP, code, fails, packets, piped, read, stderr, stdout, wscap};
use crate::support::{files, net, reader};

fn capture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("captures")
        .join(name)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The lines of a type, of several captures at once.
fn json(captures: &[&str], options: &[&str]) -> Vec<Value> {
    let mut args = vec!["--json"];
    let paths: Vec<PathBuf> = captures.iter().map(|name| capture(name)).collect();
    for path in &paths {
        args.extend(["-r", path.to_str().unwrap()]);
    }
    args.extend(options);
    lines(&stdout(&wscap(&args)))
}

fn of_type<'a>(lines: &'a [Value], of: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == of).collect()
}

/// Captures, words of `--fail-on`, and what it exits with.
const FAIL_ON: &[(&str, &str, i32)] = &[
    ("handshake/stripped_by_nginx_default.pcapng", "stripped", 1),
    (
        "handshake/stripped_by_nginx_default.pcapng",
        "downgraded,rejected",
        0,
    ),
    (
        "handshake/stripped_by_nginx_default.pcapng",
        "ok,unknown,stripped",
        1,
    ),
    ("handshake/stripped_by_nginx_default.pcapng", "any", 1),
    (
        "handshake/stripped_by_nginx_default.pcapng",
        "upgrade_stripped",
        1,
    ),
    // A finding need not be the root cause.
    (
        "handshake/stripped_by_nginx_default.pcapng",
        "http_version_downgraded",
        1,
    ),
    (
        "handshake/stripped_by_nginx_default.pcapng",
        "key_stripped",
        0,
    ),
    // What opened needs no care, whatever is asked for.
    ("handshake/ok_nginx.pcapng", "ok", 0),
    (
        "handshake/ok_nginx.pcapng",
        "any,stripped,rejected,close:fault",
        0,
    ),
    ("handshake/ok_nginx.pcapng", "close:normal", 1),
    (
        "handshake/ok_nginx_next_upstream_after_refusal.pcapng",
        "upstream_retried",
        1,
    ),
    (
        "handshake/ok_nginx_next_upstream_after_refusal.pcapng",
        "any",
        0,
    ),
    // Opened with less is a warning: its verdict matches, `any` does not.
    (
        "handshake/extensions_removed_by_nginx.pcapng",
        "downgraded",
        1,
    ),
    ("handshake/extensions_removed_by_nginx.pcapng", "any", 0),
    ("transport/one_direction_only.pcap", "unknown", 1),
    ("transport/one_direction_only.pcap", "any", 0),
    // Who left within a second is nobody's trouble.
    ("handshake/client_left_early.pcapng", "abandoned", 0),
    ("handshake/client_left_early.pcapng", "client_gave_up", 1),
    ("handshake/client_left_after_1200_ms.pcap", "abandoned", 1),
    ("handshake/client_left_after_1200_ms.pcap", "any", 0),
    // Other protocols never match by their verdict.
    ("handshake/h2c_ignored_by_nginx.pcap", "ok", 0),
    (
        "handshake/upgrade_required_plain_get.pcap",
        "rejected,any",
        0,
    ),
    (
        "handshake/upgrade_required_plain_get.pcap",
        "upgrade_required",
        1,
    ),
    ("handshake/policy_426_plain_get.pcap", "rejected,any", 0),
    ("handshake/policy_426_plain_get.pcap", "protocol_policy", 1),
    ("close/1011_server_exception.pcapng", "close:fault", 1),
    ("close/1011_server_exception.pcapng", "any", 1),
    (
        "close/1011_server_exception.pcapng",
        "close:normal,close:abnormal,rejected",
        0,
    ),
    (
        "close/1011_server_exception.pcapng",
        "closed_internal_error",
        1,
    ),
    ("close/fin_by_server.pcapng", "close:abnormal", 1),
    ("close/fin_by_server.pcapng", "any", 0),
    ("close/1006_on_the_wire.pcapng", "close:illegal", 1),
    ("close/4001_application.pcapng", "close:application", 1),
    ("close/4001_application.pcapng", "any", 0),
    ("close/still_open.pcapng", "close:open", 1),
    ("handshake/ok_health_probe.pcapng", "close:unused", 1),
    ("handshake/ok_health_probe.pcapng", "any,close:abnormal", 0),
];

#[test]
fn fail_on_matches_what_it_names_and_nothing_else() {
    for &(name, words, exit) in FAIL_ON {
        let path = capture(name);
        let output = read(&path, &["-q", "--fail-on", words]);
        assert_eq!(
            (code(&output), stderr(&output)),
            (exit, String::new()),
            "{name} {words}"
        );
        // `--only` hides, and matching goes on.
        let output = read(
            &path,
            &["--json", "--only", "key_changed", "--fail-on", words],
        );
        assert_eq!(code(&output), exit, "{name} --only {words}");
    }
}

#[test]
fn only_prints_what_it_names_and_counts_everything() {
    const ALL: &[&str] = &[
        "handshake/ok_nginx.pcapng",
        "handshake/stripped_by_nginx_default.pcapng",
        "handshake/client_left_early.pcapng",
        "handshake/h2c_ignored_by_nginx.pcap",
        "close/1011_server_exception.pcapng",
    ];
    let whole = json(ALL, &[]);
    for (words, attempts, closings, groups) in [
        ("stripped", &["stripped"][..], &[][..], 1),
        // The group of what opened is its closing's.
        ("ok", &["ok", "ok"], &[], 0),
        ("abandoned", &["abandoned"], &[], 1),
        ("any", &["stripped"], &["fault"], 2),
        ("close:normal,stripped", &["stripped"], &["normal"], 2),
        ("closed_internal_error", &[], &["fault"], 1),
        ("rejected", &[], &[], 0),
    ] {
        let some = json(ALL, &["--only", words]);
        let names = |of: &str, key: &str| -> Vec<String> {
            let mut names: Vec<String> = of_type(&some, of)
                .iter()
                .map(|line| line[key].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("attempt", "verdict"), attempts, "{words}");
        assert_eq!(names("closing", "kind"), closings, "{words}");
        assert_eq!(of_type(&some, "group").len(), groups, "{words}");
        for rest in ["route", "health", "summary"] {
            assert_eq!(of_type(&some, rest), of_type(&whole, rest), "{words}");
        }
        // What is printed is what would have been printed.
        assert!(some.iter().all(|line| whole.contains(line)), "{words}");
    }
}

/// A capture on two interfaces, as two captures of one each.
fn split(dir: &Dir, name: &str) -> [PathBuf; 2] {
    let contents = reader::read(&capture(name));
    [0, 1].map(|iface| {
        let mine: Vec<_> = contents
            .packets
            .iter()
            .filter(|(of, _)| *of == iface)
            .map(|(_, packet)| packet.clone())
            .collect();
        assert!(!mine.is_empty());
        let link = contents.links[iface as usize];
        dir.file(&format!("{iface}.pcap"), &files::pcap(link.into(), &mine))
    })
}

#[test]
fn the_legs_of_one_attempt_may_stand_in_two_files() {
    let dir = Dir::new();
    for name in [
        "handshake/stripped_by_nginx_default.pcapng",
        "handshake/key_replaced_by_haproxy.pcapng",
        "close/1010_extension_removed_by_haproxy.pcapng",
        "close/idle_timeout_nginx_3s.pcapng",
    ] {
        let [outer, inner] = split(&dir, name);
        let whole = json(&[name], &[]);
        for (first, second, order) in [(&outer, &inner, [0, 1]), (&inner, &outer, [1, 0])] {
            let output = read(first, &["-r", second.to_str().unwrap(), "--json"]);
            let parted = lines(&stdout(&output));
            assert_eq!(parted.len(), whole.len(), "{name}");
            for (parted, whole) in parted.iter().zip(&whole) {
                for key in [
                    "type",
                    "verdict",
                    "finding",
                    "confidence",
                    "kind",
                    "code",
                    "by",
                    "diff",
                ] {
                    assert_eq!(parted[key], whole[key], "{name}: {key}");
                }
            }
            let legs = parted[0]["legs"].as_array().unwrap();
            for (leg, file) in legs.iter().zip(order) {
                assert_eq!(leg["file"], file, "{name}");
                // Each file has its own numbers.
                assert_eq!(leg["tcp_stream"], 0, "{name}");
                assert_eq!(leg["request"]["frame"], 4, "{name}");
            }
        }
    }
}

#[test]
fn a_filter_leaves_out_a_leg_and_no_number_changes() {
    let path = capture("handshake/stripped_by_nginx_default.pcapng");
    let whole = lines(&stdout(&read(&path, &["--json"])));
    for args in [
        &["tcp", "port", "8080", "--json"][..],
        &["tcp", "--json", "port", "8080"],
        &["--json", "tcp port 8080"],
        &[
            "tcp",
            "--utc",
            "port",
            "--json",
            "--fail-on",
            "rejected",
            "8080",
        ],
    ] {
        let lines = lines(&stdout(&read(&path, args)));
        let legs = lines[0]["legs"].as_array().unwrap();
        assert_eq!(legs.len(), 1, "{args:?}");
        for message in ["request", "response"] {
            let frame = &whole[0]["legs"][1][message]["frame"];
            assert_eq!(legs[0][message]["frame"], *frame, "{args:?}");
        }
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    for name in [
        "handshake/stripped_by_nginx_default.pcapng",
        "transport/compressed.pcap.zst",
        "transport/compressed.pcapng.gz",
    ] {
        let path = capture(name);
        let output = piped(
            &fs::read(&path).unwrap(),
            &["--json", "--fail-on", "stripped"],
        );
        let expected = read(&path, &["--json", "--fail-on", "stripped"]);
        assert_eq!(output, expected, "{name}");
    }
}

#[test]
fn what_is_for_interfaces_changes_nothing_of_a_file() {
    let path = capture("handshake/ok_nginx.pcapng");
    let expected = read(&path, &["--json"]);
    for args in [
        &["--json", "-s", "96"][..],
        &["--json", "-B", "4"],
        &["--json", "--stats-interval", "1ms"],
        &["--json", "--utc", "--color", "always", "-v"],
    ] {
        assert_eq!(read(&path, args).stdout, expected.stdout, "{args:?}");
    }
}

#[test]
fn times_are_local_in_text_and_utc_in_json() {
    let path = capture("handshake/ok_nginx.pcapng");
    let run = |zone: &str, args: &[&str]| {
        let output = Command::new(WSCAP)
            .args(args)
            .arg("-r")
            .arg(&path)
            .env("TZ", zone)
            .output()
            .unwrap();
        stdout(&output)
    };
    assert!(run("XXX-05:30", &[]).contains("+05:30"));
    assert!(!run("XXX-05:30", &["--utc"]).contains("+05:30"));
    assert_eq!(run("XXX-05:30", &["--utc"]), run("UTC", &["--utc"]));
    assert_eq!(run("XXX-05:30", &["--json"]), run("UTC", &["--json"]));
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let path = capture("handshake/stripped_by_nginx_default.pcapng");
    let run = |args: &[&str]| stdout(&read(&path, args));
    assert!(run(&["--color", "always"]).contains("\x1b["));
    for args in [
        &[][..],
        &["--color", "auto"],
        &["--color", "never"],
        &["--color=always", "--json"],
    ] {
        assert!(!run(args).contains('\x1b'), "{args:?}");
    }
}

#[test]
fn a_limit_that_is_reached_is_told() {
    const TWO: &[&str] = &[
        "handshake/stripped_by_nginx_default.pcapng",
        "handshake/not_found_nginx.pcapng",
    ];
    let lines = json(TWO, &["--limit", "groups=1", "--limit", "tally_codes=1"]);
    let health = &of_type(&lines, "summary")[0]["health"];
    assert_eq!(health["limits_reached"]["groups"], 1);
    assert_eq!(health["limits_reached"]["tally_codes"], 1);
    let folded = of_type(&lines, "group");
    assert_eq!(folded[1]["route"], "other");
    assert_eq!(folded[1]["share"], Value::Null);
}

#[test]
fn explain_knows_what_it_lists_and_says_what_it_does_not() {
    assert_eq!(code(&wscap(&["explain", "--list"])), 0);
    for words in [
        &["426"][..],
        &["upgrade_stripped"],
        &["1010", "1014"],
        &["nginx"],
    ] {
        let output = wscap(&[&["explain"], words].concat());
        assert_eq!(
            (code(&output), stderr(&output)),
            (0, String::new()),
            "{words:?}"
        );
        assert!(stdout(&output).contains(words[0]), "{words:?}");
    }
    fails(&wscap(&["explain", "nosuchword"]), &["explain --list"]);
    fails(
        &wscap(&["explain", "upgrade_striped"]),
        &["upgrade_stripped"],
    );
    fails(&wscap(&["explain"]), &["WHAT"]);
}

#[test]
fn a_wrong_flag_is_not_offered_as_a_filter() {
    let output = wscap(&["-r", "x", "--jsn"]);
    fails(&output, &["--jsn", "--json", "--help"]);
    let output = wscap(&["-r", "x", "-W"]);
    fails(&output, &["-W"]);
    assert!(
        !stderr(&output).contains("tip: to pass"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_leaves_does_not_hide_a_match() {
    let path = capture("handshake/stripped_by_nginx_default.pcapng");
    for form in [&[][..], &["--json"]] {
        for (words, exit) in [(Some("any"), 1), (Some("rejected"), 0), (None, 0)] {
            let mut command = Command::new(WSCAP);
            command.arg("-r").arg(&path).args(form);
            command.args(words.iter().flat_map(|words| ["--fail-on", words]));
            let mut child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!(
                (code(&output), stderr(&output)),
                (exit, String::new()),
                "{form:?} {words:?}"
            );
        }
    }
}

#[test]
fn a_full_disk_is_a_fault_whatever_is_written() {
    let path = capture("handshake/stripped_by_nginx_default.pcapng");
    let path = path.to_str().unwrap();
    for args in [
        &["-r", path][..],
        &["-r", path, "--json", "--fail-on", "any"],
        &["explain", "426"],
        &["-D"],
        &["--help"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = Command::new(WSCAP)
            .args(args)
            .stdout(full)
            .output()
            .unwrap();
        fails(&output, &["cannot write the output"]);
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(status.success());
}

/// Reads a capture from a pipe that stays open as long as what is returned with it.
fn open_pipe(options: &[&str], bytes: &[u8]) -> (Child, ChildStdin) {
    let mut child = Command::new(WSCAP)
        .args(["-r", "-", "--json"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(bytes).unwrap();
    (child, pipe)
}

#[test]
fn a_signal_while_a_pipe_is_silent_prints_the_summary() {
    let bytes = fs::read(capture("handshake/stripped_by_nginx_default.pcapng")).unwrap();
    for name in ["-INT", "-TERM"] {
        let (child, pipe) = open_pipe(&["--fail-on", "stripped"], &bytes);
        // It waits for more.
        thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        let began = Instant::now();
        let output = child.wait_with_output().unwrap();
        drop(pipe);
        assert!(began.elapsed() < Duration::from_secs(5), "{name}");
        assert_eq!((code(&output), packets(&output)), (1, 20), "{name}");
    }
}

/// Of a whole file nobody waits for a line; who pipes does.
#[test]
fn what_came_through_a_pipe_is_told_while_it_is_open() {
    let bytes = fs::read(capture("close/idle_timeout_nginx_3s.pcapng")).unwrap();
    let (mut child, pipe) = open_pipe(&[], &bytes);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (said, first) = mpsc::channel();
    let reader = thread::spawn(move || {
        said.send(lines.next().unwrap().unwrap()).unwrap();
        lines.count()
    });
    let first = first.recv_timeout(Duration::from_secs(10));
    drop(pipe);
    assert!(first.unwrap().contains(r#""type":"attempt""#));
    assert!(reader.join().unwrap() > 0);
    assert!(child.wait().unwrap().success());
}

#[test]
fn live_a_health_line_comes_at_each_interval_and_a_signal_ends_it() {
    if !net::is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    let child = Command::new(WSCAP)
        .args([
            "-i",
            "lo",
            "--json",
            "-q",
            "--stats-interval",
            "1s",
            "port",
            "9",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(3_500));
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let lines = lines(&stdout(&output));
    let health = of_type(&lines, "health").len();
    // One at the end, and as many before it as a busy machine has had seconds for.
    assert!((2..=5).contains(&health), "{health} health lines");
    assert_eq!(lines.last().unwrap()["type"], "summary");
}
