//! Files that cannot be used: each is told with its place, what is wrong and what to do, before anything is captured.

use std::fmt::Write as _;

use crate::cli::{Dir, fails, wscap};

/// A row in the making: what comes before the part that is wrong.
const ROW: &str = "[[row]]\nid = 'own'\nfinding = 'forbidden'\non = 'answer'\n";
const GRAMMAR: &str = "docs/rules.md tells how a row is written, with examples";

/// What is said of that file, without the name of its folder.
fn said(rows: &[u8]) -> String {
    let dir = Dir::new();
    let rules = dir.file("own.toml", rows);
    let rules = rules.to_str().unwrap();
    // No such interface: what is wrong with the rules is told before anything else is looked at.
    let output = wscap(&["-i", "nosuch0", "--rules", rules]);
    fails(&output, &[]);
    let text = crate::cli::stderr(&output);
    assert!(text.lines().count() <= 2, "{text}");
    let explained = wscap(&["explain", "403", "--rules", rules]);
    assert_eq!(
        crate::cli::stderr(&explained),
        text,
        "explain says the same"
    );
    text.replace(rules, "own.toml")
}

#[test]
fn each_mistake_is_named_with_its_place_and_what_to_do() {
    let row = |rest: &str| format!("{ROW}{rest}\n");
    let closing = |rest: &str| row(rest).replace("'answer'", "'closing'");
    let mut all = String::new();
    for rows in [
        String::new(),
        "# nothing yet\n".to_owned(),
        "[[finding]]\nid = 'forbidden'\n".to_owned(),
        "[[rows]]\nid = 'own'\n".to_owned(),
        row("when.status = "),
        row("when.status = 403\nid = 'twice'"),
        row("when.status = '403'"),
        row("when.status = 70000"),
        row("when.status = []"),
        row("when.status = { a = 1 }"),
        row("when.colour = 'red'"),
        row("when.fate = 'odd'"),
        row("when.version = 'HTTP/3'"),
        row("when.request.Upgrade = 1"),
        row("when.body_contains = ['x', '']"),
        row("when = 403"),
        row("colour = 'red'"),
        row("when.status = 403\nfix = 'x'"),
        row("when.status = 403\nbacking = 'own'"),
        row("when.status = 403\ncause = \"a\\tb\""),
        row("when.status = 403\nfix = [\"a\\u001b[31m\"]"),
        row("when.status = 403\nwont_help = [\"a\\u202eb\"]"),
        row(&format!("when.status = 403\ncause = '{}'", "x".repeat(501))),
        row(""),
        row("when = {}"),
        row("closing.code = 4321"),
        closing("when.status = 403"),
        closing("closing.kind = 'odd'"),
        closing("closing.by = 'me'"),
        closing("closing.idle_s = 'long'"),
        closing("closing.reason_prefix = ''"),
        closing("closing.code = 4321").replace("forbidden", "upgrade_stripped"),
        row("when.status = 403").replace("forbidden", "ping_timeout"),
        row("when.status = 403").replace("forbidden", "forbiden"),
        row("when.status = 403").replace("forbidden", "xyzzy"),
        row("when.status = 403").replace("'forbidden'", "[]"),
        row("when.status = 403").replace("'answer'", "'anser'"),
        row("when.status = 403").replace("on = 'answer'\n", ""),
        row("when.status = 403").replace("id = 'own'\n", ""),
        row("when.status = 403").replace("'own'", "'my own'"),
        row("when.status = 403").replace("'own'", "\"\\u001b[31m\""),
        row("when.status = 403").replace("'own'", "'S01'"),
        row("when.status = 403").repeat(2),
        // The place is that of the second row.
        format!(
            "{}\n{}",
            row("when.status = 403"),
            row("when.status = 'x'").replace("own", "two")
        ),
    ] {
        let told = said(rows.as_bytes());
        assert!(!told.contains(['\x1b', '\u{202e}']), "{told:?}");
        let short: Vec<_> = rows
            .lines()
            .map(|line| line.get(..60).unwrap_or(line))
            .collect();
        writeln!(all, "{}\n{told}", short.join("\n")).unwrap();
    }
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("rules__mistakes", all);
    });
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    fails(
        &wscap(&["-i", "nosuch0", "--rules", "/no/such"]),
        &["/no/such: no such file"],
    );
    fails(
        &wscap(&["-i", "nosuch0", "--rules", "/tmp"]),
        &["/tmp: this is a directory"],
    );
    // It never ends.
    let endless = wscap(&["-i", "nosuch0", "--rules", "/dev/zero"]);
    fails(&endless, &["more than 1048576 bytes"]);
    assert!(said(b"\xff\xfe").contains("no UTF-8"));
    let long = "#".repeat((1 << 20) + 1);
    assert!(said(long.as_bytes()).contains("more than 1048576 bytes"));
}

#[test]
fn names_are_unique_across_files_and_rows_are_counted() {
    let dir = Dir::new();
    let row = format!("{ROW}when.status = 403\n");
    let first = dir.file("first.toml", row.as_bytes());
    let second = dir.file("second.toml", format!("\n\n{row}").as_bytes());
    let [first, second] = [first, second].map(|path| path.to_str().unwrap().to_owned());
    let output = wscap(&["-i", "nosuch0", "--rules", &first, "--rules", &second]);
    let what = format!("{second}:3:1: row own: that name is taken by the row at {first}:1:1");
    fails(&output, &[&what, "Give each row a name of its own"]);

    let many = |count: usize| {
        let rows = (0..count).map(|n| row.replace("own", &format!("own{n}")));
        rows.collect::<String>()
    };
    assert!(said(many(1001).as_bytes()).contains("row own1000: there are more than 1000 rows"));
    let thousand = dir.file("thousand.toml", many(1000).as_bytes());
    let output = wscap(&["explain", "403", "--rules", thousand.to_str().unwrap()]);
    assert_eq!(crate::cli::code(&output), 0);
}

#[test]
fn the_hint_is_where_to_read_on() {
    assert!(said(b"[[row]]\n").ends_with(&format!("{GRAMMAR}\n")));
}
