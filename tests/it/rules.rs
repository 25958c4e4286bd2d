//! Rows of the user's own: what they explain, and what is said of those that are wrong.

mod bad;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use wscap::websocket::accept_for;

use crate::cli::{Dir, code, read, stderr, stdout, wscap};
use crate::support::conversation::Conversation;
use crate::support::files;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

fn recorded(name: &str) -> PathBuf {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    captures.join(name)
}

/// A run with these rows.
fn with_rows(rows: &str, capture: &Path, more: &[&str]) -> Output {
    let dir = Dir::new();
    let rules = dir.file("own.toml", rows.as_bytes());
    let mut args = vec!["--rules", rules.to_str().unwrap()];
    args.extend(more);
    read(capture, &args)
}

/// The first line of that type.
fn line(output: &Output, of_type: &str) -> Value {
    assert_eq!((code(output), stderr(output)), (0, String::new()));
    let lines = stdout(output);
    let mut lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.find(|line: &Value| line["type"] == of_type).unwrap()
}

fn root(line: &Value) -> [&str; 3] {
    ["id", "rule", "confidence"].map(|key| line["findings"][0][key].as_str().unwrap())
}

fn capture(dir: &Dir, conversation: Conversation) -> PathBuf {
    let records = conversation.close().records();
    let nanos = |record: &crate::support::OwnedRecord| u64::try_from(record.at.ts.as_nanos());
    let packets = records
        .iter()
        .map(|record| (nanos(record).unwrap(), record.data.clone()));
    dir.file("c.pcap", &files::pcap(1, &packets.collect::<Vec<_>>()))
}

fn asked(target: &str) -> Conversation {
    Conversation::new().client(format!(
        "GET {target} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ))
}

fn answered(target: &str, status: &str, body: &str) -> Conversation {
    asked(target).server(format!(
        "HTTP/1.1 {status}\r\nServer: acme-gate/3\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// An opened WebSocket that the server closes.
fn closed(code: u16, reason: &str) -> Conversation {
    let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
    let len = u8::try_from(body.len()).unwrap();
    let server = [&[0x88, len][..], &body].concat();
    let client = [&[0x88, 0x80 | len, 0, 0, 0, 0][..], &body].concat();
    asked("/live")
        .server(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_for(KEY)
        ))
        .server([0x81, 2, b'h', b'i'])
        .server(server)
        .client(client)
}

const OWN_404: &str = r#"
[[row]]
id = "edge-404"
finding = "not_found"
on = "answer"
when.status = 404
when.fields.Server = "nginx"
cause = "The edge does not know this path yet."
fix = ["Add it to routes.yaml:", "    /live: chat"]
wont_help = ["Restarting chat."]
"#;

#[test]
fn an_own_row_wins_over_that_of_the_catalogue() {
    let file = recorded("handshake/not_found_nginx.pcapng");
    let attempt = line(&read(&file, &["--json"]), "attempt");
    let [_, theirs, _] = root(&attempt);
    assert_ne!(theirs, "edge-404");
    let attempt = line(&with_rows(OWN_404, &file, &["--json"]), "attempt");
    assert_eq!(root(&attempt), ["not_found", "edge-404", "likely"]);
    assert_eq!(attempt["cause"], "The edge does not know this path yet.");
    assert_eq!(attempt["fix"][1], "    /live: chat");
    assert_eq!(
        attempt["findings"][1]["rule"], theirs,
        "the other stays listed"
    );
    let text = stdout(&with_rows(OWN_404, &file, &[]));
    for told in [
        "  Why     The edge does not know this path yet.\n",
        "  Fix     Add it to routes.yaml:\n              /live: chat\n",
        "  Won't   Restarting chat.\n",
    ] {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
}

#[test]
fn files_are_tried_in_their_order() {
    let dir = Dir::new();
    let first = dir.file("a.toml", OWN_404.replace("edge-404", "first").as_bytes());
    let second = dir.file("b.toml", OWN_404.replace("edge-404", "second").as_bytes());
    let file = recorded("handshake/not_found_nginx.pcapng");
    for (files, wins) in [([&first, &second], "first"), ([&second, &first], "second")] {
        let [a, b] = files.map(|file| file.to_str().unwrap());
        let attempt = line(
            &read(&file, &["--json", "--rules", a, "--rules", b]),
            "attempt",
        );
        assert_eq!(root(&attempt)[1], wins);
    }
}

#[test]
fn an_unverified_row_is_a_guess_and_stands_behind() {
    let rows = format!("{OWN_404}backing = \"unverified\"\n");
    let file = recorded("handshake/not_found_nginx.pcapng");
    let attempt = line(&with_rows(&rows, &file, &["--json"]), "attempt");
    assert_eq!(root(&attempt)[2], "likely");
    assert_eq!(attempt["findings"][1]["rule"], "edge-404");
    assert_eq!(attempt["findings"][1]["confidence"], "guess");
}

#[test]
fn rows_about_hops_and_101s_explain_what_was_found() {
    for (on, finding, when, file) in [
        (
            "hop",
            "upgrade_stripped",
            "version = \"HTTP/1.0\"",
            "handshake/stripped_by_nginx_default.pcapng",
        ),
        (
            "opened",
            "subprotocol_not_selected",
            "status = 101",
            "handshake/subprotocol_none_selected.pcap",
        ),
    ] {
        let rows = format!(
            "[[row]]\nid = \"own\"\nfinding = \"{finding}\"\non = \"{on}\"\nwhen.{when}\ncause = \"Ours.\"\n"
        );
        let attempt = line(&with_rows(&rows, &recorded(file), &["--json"]), "attempt");
        assert_eq!(root(&attempt)[..2], [finding, "own"], "{on}");
        assert_eq!(attempt["cause"], "Ours.");
        assert!(
            !attempt["fix"].as_array().unwrap().is_empty(),
            "that of the finding"
        );
        // It explains, and finds nothing of itself.
        let fine = recorded("handshake/ok_nginx.pcapng");
        let attempt = line(&with_rows(&rows, &fine, &["--json"]), "attempt");
        assert_eq!(attempt["verdict"], "ok");
        assert!(!attempt["findings"].to_string().contains("own"));
    }
}

#[test]
fn a_row_about_a_closing_explains_a_finding_or_brings_one() {
    let row = |finding: &str, when: &str| {
        format!(
            "[[row]]\nid = \"own\"\nfinding = \"{finding}\"\non = \"closing\"\n{when}\ncause = \"Ours.\"\n"
        )
    };
    let policy = recorded("close/1008_policy.pcapng");
    let known = row("closed_policy", "closing.code = 1008");
    let closing = line(&with_rows(&known, &policy, &["--json"]), "closing");
    assert_eq!(root(&closing), ["closed_policy", "own", "certain"]);
    assert_eq!(closing["cause"], "Ours.");

    let kicked = recorded("close/4001_application.pcapng");
    let brought = row("unauthorized", "closing.reason_prefix = \"kick\"");
    let closing = line(&with_rows(&brought, &kicked, &["--json"]), "closing");
    assert_eq!(root(&closing), ["unauthorized", "own", "likely"]);
    assert_eq!(closing["severity"], "warning");
    assert_eq!(
        closing["findings"][0]["evidence"][0],
        "server sent 4001: kicked"
    );
    for (word, exit) in [("unauthorized", 1), ("forbidden", 0), ("any", 0)] {
        let output = with_rows(&brought, &kicked, &["--fail-on", word]);
        assert_eq!(code(&output), exit, "{word}");
    }
    assert_eq!(code(&read(&kicked, &["--fail-on", "unauthorized"])), 0);

    // Another code, or a WebSocket that is still open, is none of its business.
    let other = row("closed_policy", "closing.code = 4002");
    let closing = line(&with_rows(&other, &kicked, &["--json"]), "closing");
    assert_eq!(closing["findings"].as_array().unwrap().len(), 0);
    assert_eq!(closing["severity"], "info");
    let open = recorded("close/still_open.pcapng");
    let software = row("closed_policy", "closing.software = [\"nginx\", \"?\"]");
    let closing = line(&with_rows(&software, &open, &["--json"]), "closing");
    assert_eq!(closing["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn fail_on_knows_the_finding_that_a_row_brings() {
    let dir = Dir::new();
    let file = capture(&dir, answered("/live", "418 I'm a teapot", "slow down"));
    let rows =
        "[[row]]\nid = \"tea\"\nfinding = \"rate_limited\"\non = \"answer\"\nwhen.status = 418\n";
    assert_eq!(code(&read(&file, &["--fail-on", "rate_limited"])), 0);
    let output = with_rows(rows, &file, &["--fail-on", "rate_limited"]);
    assert_eq!((code(&output), stderr(&output)), (1, String::new()));
}

#[test]
fn a_request_that_contradicts_a_row_silences_it() {
    let dir = Dir::new();
    let file = capture(&dir, answered("/live", "403 Forbidden", "no"));
    let rows =
        "[[row]]\nid = \"key\"\nfinding = \"key_missing\"\non = \"answer\"\nwhen.status = 403\n";
    let attempt = line(&with_rows(rows, &file, &["--json"]), "attempt");
    assert_eq!(attempt["findings"][0]["id"], "forbidden");
}

#[test]
fn the_evidence_of_an_own_row_is_masked_as_ever() {
    let dir = Dir::new();
    let body = "route not in allow list: /live?token=CANARY1 Authorization: Bearer CANARY2";
    let file = capture(&dir, answered("/live?token=CANARY1", "403 Forbidden", body));
    let rows = &examples()[0];
    for more in [&["--json"][..], &[], &["-v"]] {
        let output = with_rows(rows, &file, more);
        let said = stdout(&output);
        assert!(
            said.contains("acme-gate lets no WebSocket through"),
            "{said}"
        );
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn explain_knows_own_rows_and_marks_them() {
    let dir = Dir::new();
    let rules = dir.file("own.toml", OWN_404.as_bytes());
    let explain = |words: &[&str]| {
        let output = wscap(&[&["explain", "--rules", rules.to_str().unwrap()], words].concat());
        assert_eq!((code(&output), stderr(&output)), (0, String::new()));
        stdout(&output)
    };
    let page = explain(&["not_found"]);
    let told = "  edge-404, own row: The edge does not know this path yet.\n        answer: 404, Server: nginx\n        fix   Add it to routes.yaml:\n                  /live: chat\n";
    assert!(page.contains(told), "{page}");
    assert_eq!(explain(&["edge-404"]), page);
    assert!(
        explain(&["--list"]).contains(
            "\nOWN ROWS, AND THEIR FINDINGS\n  edge-404                      not_found\n"
        )
    );
    assert!(!stdout(&wscap(&["explain", "--list"])).contains("OWN ROWS"));
    assert_eq!(code(&wscap(&["explain", "edge-404"])), 2);
    // Bytes that a row asks for do not reach the terminal.
    let hostile = "[[row]]\nid = \"h\"\nfinding = \"forbidden\"\non = \"answer\"\nwhen.body_contains = \"a\\u001b[31m\"\n";
    let rules = dir.file("hostile.toml", hostile.as_bytes());
    let page = stdout(&wscap(&[
        "explain",
        "--rules",
        rules.to_str().unwrap(),
        "h",
    ]));
    assert!(
        page.contains("h, own row: without a cause of its own"),
        "{page}"
    );
    assert!(!page.contains('\x1b'), "{page}");
}

/// The rows in docs/rules.md.
fn examples() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let rows = blocks.filter_map(|block| block.strip_prefix("toml\n"));
    rows.map(str::to_owned).collect()
}

#[test]
fn the_examples_in_the_documentation_do_what_they_say() {
    let [gate, app] = &examples()[..] else {
        panic!("there are two examples");
    };
    let dir = Dir::new();
    let both = format!("{gate}\n{app}");

    let file = capture(
        &dir,
        answered("/live", "403 Forbidden", "acme: route not in allow list"),
    );
    let attempt = line(&with_rows(&both, &file, &["--json"]), "attempt");
    assert_eq!(root(&attempt), ["proxy_refused", "gate-403", "likely"]);
    assert_eq!(attempt["verdict"], "rejected");
    assert_eq!(attempt["fix"].as_array().unwrap().len(), 4);
    let file = capture(&dir, answered("/live", "403 Forbidden", "who are you?"));
    let attempt = line(&with_rows(&both, &file, &["--json"]), "attempt");
    let id = &attempt["findings"][0]["id"];
    assert_eq!(id, "forbidden", "another 403 of that gateway");

    let file = capture(&dir, closed(4321, "moved"));
    let closing = line(&with_rows(&both, &file, &["--json"]), "closing");
    assert_eq!(root(&closing), ["closed_policy", "app-4321", "likely"]);
    let text = stdout(&with_rows(&both, &file, &[]));
    assert!(
        text.contains("The app moved this session to another node"),
        "{text}"
    );
    assert!(text.contains("Longer proxy timeouts."), "{text}");
}
