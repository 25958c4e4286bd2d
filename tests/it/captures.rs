//! Every recorded capture yields what its table says, and captures of other projects yield what is known of them.

mod corpus;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wscap::judge::{Backing, Catalogue};

/// One line of the table in `captures/README.md`.
#[derive(Debug)]
struct Row {
    file: String,
    /// What it must yield, by the names of the columns.
    cells: BTreeMap<String, String>,
}

/// Columns that are held against the output.
const CHECKED: &[&str] = &[
    "verdict", "finding", "status", "hop", "legs", "close", "rows",
];

#[test]
fn every_capture_yields_what_its_table_says() {
    let rows = table();
    let mut wrong = String::new();
    let mut score = Score::default();
    let mut by_file: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        by_file.entry(&row.file).or_default().push(row);
    }
    for (file, rows) in &by_file {
        let lines = lines_of(file);
        let attempts = of_type(&lines, "attempt");
        // A row without a number says that there is no attempt.
        let rows: Vec<&&Row> = rows
            .iter()
            .filter(|row| row.cells["attempt"] != "-")
            .collect();
        if attempts.len() != rows.len() {
            let _ = writeln!(
                wrong,
                "{file}: {} attempts, the table has {}",
                attempts.len(),
                rows.len()
            );
        }
        let mut in_time: Vec<&&Value> = attempts.iter().collect();
        in_time.sort_by_key(|attempt| attempt["time"].as_str().unwrap().to_owned());
        for (attempt, row) in in_time.into_iter().zip(rows) {
            let seen = seen(attempt, &lines);
            score.add(&seen, row);
            for &column in CHECKED {
                let (said, want) = (&seen[column], &row.cells[column]);
                if said != want {
                    let _ = writeln!(
                        wrong,
                        "{file} attempt {}: {column} is `{said}`, the table says `{want}`",
                        row.cells["attempt"]
                    );
                }
            }
        }
    }
    println!("{score}");
    assert!(
        wrong.is_empty(),
        "{} captures read; these are not as their table says:\n{wrong}",
        by_file.len()
    );
    println!(
        "{} captures, {} attempts, all as the table says",
        by_file.len(),
        rows.len()
    );
}

/// How many of the accusations are right, and how many of those that are due are made: by verdict, root cause and hop.
#[derive(Default)]
struct Score {
    made: u32,
    due: u32,
    right: u32,
    /// Accusations of what is healthy or unknown.
    wrong: u32,
}

impl Score {
    fn add(&mut self, seen: &BTreeMap<&str, String>, row: &Row) {
        let accuses = |verdict: &str| matches!(verdict, "stripped" | "downgraded" | "rejected");
        let (made, due) = (accuses(&seen["verdict"]), accuses(&row.cells["verdict"]));
        let mut what = ["verdict", "finding", "hop"].into_iter();
        let is_right = what.all(|column| seen[column] == row.cells[column]);
        self.made += u32::from(made);
        self.due += u32::from(due);
        self.right += u32::from(made && due && is_right);
        self.wrong += u32::from(made && !due);
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            made,
            due,
            right,
            wrong,
        } = *self;
        let percent = |of: u32| 100.0 * f64::from(right) / f64::from(of.max(1));
        write!(
            f,
            "precision {:.1} % ({right} of {made} accusations are right, {wrong} of healthy ones), \
             recall {:.1} % ({right} of {due} are found)",
            percent(made),
            percent(due)
        )
    }
}

/// Configuration that belongs to one proxy alone, by the name that it has in the column `made with`.
const LINES_OF: &[(&str, &[&str])] = &[
    (
        "nginx",
        &[
            "proxy_set_header",
            "proxy_http_version",
            "proxy_hide_header",
            "$http_upgrade",
        ],
    ),
    ("Apache", &["ProxyPass", "SetEnv "]),
    (
        "HAProxy",
        &["http-request ", "http-response ", "timeout tunnel"],
    ),
    ("Varnish", &["vcl_"]),
    ("Squid", &["http_upgrade_request_protocols"]),
    ("lighttpd", &["proxy.header"]),
    ("Caddy", &["header_up", "reverse_proxy"]),
    ("Envoy", &["upgrade_configs", "accept_http_10"]),
];

/// What a hop broke is mended in that hop: the lines to paste are those of the proxy that was recorded, and where it names
/// itself, of no other.
#[test]
fn the_fix_is_in_the_words_of_the_proxy_that_broke_it() {
    let rows = table();
    let broken = rows.iter().filter(|row| {
        matches!(&*row.cells["verdict"], "stripped" | "downgraded")
            && row.cells["hop"] != "-"
            && !row.cells["hop"].ends_with("or behind")
    });
    let (mut wrong, mut checked, mut named) = (String::new(), 0, BTreeMap::<_, u32>::new());
    for row in broken {
        let made_with = &row.cells["made with"];
        let proxies = LINES_OF.iter().filter(|(name, _)| made_with.contains(name));
        let proxies: Vec<_> = proxies.collect();
        let software = row.cells["hop"].rsplit('/').next().unwrap_or_default();
        let hop = row.cells["hop"].to_ascii_lowercase();
        let own = LINES_OF
            .iter()
            .find(|(name, _)| hop.contains(&name.to_ascii_lowercase()));
        let is_named = own.is_some();
        let Some((name, own)) = own.or(match &*proxies {
            [one] => Some(*one),
            _ => None,
        }) else {
            continue;
        };
        let number: usize = row.cells["attempt"].parse().unwrap();
        let lines = lines_of(&row.file);
        let mut attempts = of_type(&lines, "attempt");
        attempts.sort_by_key(|attempt| attempt["time"].as_str().unwrap().to_owned());
        let fix = attempts[number - 1]["fix"].as_array().unwrap();
        let fix: Vec<_> = fix.iter().map(|line| line.as_str().unwrap()).collect();
        let says = |marks: &[&str]| {
            fix.iter()
                .any(|line| marks.iter().any(|m| line.contains(m)))
        };
        let mut others = LINES_OF.iter().filter(|(other, _)| other != name);
        if !says(own) || (is_named && others.any(|(_, marks)| says(marks))) {
            let _ = writeln!(
                wrong,
                "{} {number}, {name} ({software}): {fix:#?}",
                row.file
            );
        }
        checked += 1;
        *named.entry(*name).or_default() += u32::from(is_named);
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("{checked} attempts, by hops that name themselves: {named:?}");
    assert!(checked > 100, "{checked}");
}

/// A row that says that it was recorded has a capture that it matches, and a row that a capture of real software matches
/// says so. By the column `rows`, which the test above holds, no capture matches a row that is not its own.
#[test]
fn every_row_that_was_recorded_has_its_capture() {
    let table = table();
    let shown_by = |id: &str| {
        let matches = |row: &&Row| row.cells["rows"].split(' ').any(|row| row == id);
        let is_hand_made = |row: &Row| row.cells["made with"].contains("hand-made");
        let shown: Vec<bool> = table.iter().filter(matches).map(is_hand_made).collect();
        shown
    };
    let mut counts = BTreeMap::<_, u32>::new();
    let mut wrong = Vec::new();
    for row in Catalogue::embedded().rows() {
        *counts.entry(format!("{:?}", row.backing)).or_default() += 1;
        let shown = shown_by(&row.id);
        let is_real = shown.contains(&false);
        let is_recorded = row.backing == Backing::Recorded;
        let is_wrong = if is_recorded {
            shown.is_empty()
        } else {
            is_real
        };
        if is_wrong {
            wrong.push(format!("{} {:?} {shown:?}", row.id, row.backing));
        }
    }
    println!("rows of the catalogue: {counts:?}");
    assert!(wrong.is_empty(), "{} {wrong:#?}", wrong.len());
}

#[test]
fn every_capture_stands_in_the_table_and_the_other_way_round() {
    let rows = table();
    let files = rows.iter().flat_map(|row| row.file.split(" + "));
    let mut listed: Vec<String> = files.map(str::to_owned).collect();
    let mut there = Vec::new();
    for folder in ["handshake", "close", "transport"] {
        for entry in fs::read_dir(captures().join(folder)).unwrap() {
            there.push(format!(
                "{folder}/{}",
                entry.unwrap().file_name().to_string_lossy()
            ));
        }
    }
    listed.sort();
    listed.dedup();
    there.sort();
    assert_eq!(listed, there);
    assert!(there.len() > 100, "only {} captures", there.len());
}

#[test]
fn the_same_file_gives_the_same_bytes_twice() {
    for name in [
        "handshake/stripped_by_nginx_three_times.pcapng",
        "close/1010_extension_removed_by_haproxy.pcapng",
    ] {
        let file = captures().join(name);
        for format in [&["--json"][..], &["--utc"][..]] {
            let runs: Vec<_> = (0..3).map(|_| run(&file, format)).collect();
            assert!(!runs[0].is_empty());
            assert!(
                runs.iter().all(|run| *run == runs[0]),
                "{name} {format:?} differs from run to run"
            );
        }
    }
}

/// The last frame before the Close is a ping at 2.0065 s, the Close comes at 4.0084 s (as tshark has it).
#[test]
fn the_silence_before_a_close_does_not_count_the_close() {
    let lines = json_lines(&captures().join("close/1011_keepalive_ping_timeout.pcapng"));
    let idle = of_type(&lines, "closing")[0]["idle_ms"].as_u64().unwrap();
    assert!((2_000..=2_003).contains(&idle), "silent for {idle} ms");
}

/// What the output says of an attempt, in the words of the table.
fn seen(attempt: &Value, lines: &[Value]) -> BTreeMap<&'static str, String> {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let hop = &attempt["hop"];
    let hop = match (hop["in"].as_str(), hop["out"].as_str()) {
        (Some(inward), _) => {
            let or_behind = match hop["adjacent"].as_bool() {
                Some(false) => " or behind",
                _ => "",
            };
            format!("{inward}/{}{or_behind}", text(&hop["software"]))
        }
        (None, Some(outward)) => format!("out={}", outward.rsplit_once(':').unwrap().0),
        (None, None) => "-".to_owned(),
    };
    let roles: Vec<_> = attempt["legs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| text(&leg["role"]))
        .collect();
    let closing = of_type(lines, "closing")
        .into_iter()
        .find(|closing| closing["attempt"] == attempt["id"]);
    let matched = |of: &Value| {
        let findings = of["findings"].as_array().unwrap().iter();
        let rows = findings.filter_map(|finding| finding["rule"].as_str().map(str::to_owned));
        rows.collect::<Vec<_>>()
    };
    let mut rows = matched(attempt);
    rows.extend(closing.map(matched).unwrap_or_default());
    if rows.is_empty() {
        rows.push("-".to_owned());
    }
    let close = closing.map_or_else(
        || "-".to_owned(),
        |closing| {
            let ending = format!(
                "{} {} {}",
                text(&closing["kind"]),
                text(&closing["code"]),
                text(&closing["by"])
            );
            match closing["finding"].as_str() {
                Some(finding) => format!("{ending} / {finding}"),
                None => ending,
            }
        },
    );
    BTreeMap::from([
        ("verdict", text(&attempt["verdict"])),
        ("finding", text(&attempt["finding"])),
        ("status", text(&attempt["status"])),
        ("hop", hop),
        ("legs", roles.join("+")),
        ("close", close),
        ("rows", rows.join(" ")),
    ])
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(captures().join("README.md")).unwrap();
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("| file | attempt |"));
    let header = cells(lines.next().expect("captures/README.md has its table"));
    let rows: Vec<Row> = lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: BTreeMap<_, _> = header.iter().cloned().zip(cells(line)).collect();
            Row {
                file: cells["file"].clone(),
                cells,
            }
        })
        .collect();
    assert!(!rows.is_empty());
    rows
}

fn cells(line: &str) -> Vec<String> {
    line.trim()
        .trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().trim_matches('`').to_owned())
        .collect()
}

/// The output for a cell of the column `file`: several files are read together.
fn lines_of(cell: &str) -> Vec<Value> {
    let files: Vec<PathBuf> = cell
        .split(" + ")
        .map(|name| captures().join(name))
        .collect();
    parse(&run_all(&files, &["--json"]))
}

fn json_lines(file: &Path) -> Vec<Value> {
    parse(&run(file, &["--json"]))
}

fn run(file: &Path, options: &[&str]) -> Vec<u8> {
    run_all(&[file.to_owned()], options)
}

fn run_all(files: &[PathBuf], options: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_wscap"))
        .args(options)
        .args(files.iter().flat_map(|file| [Path::new("-r"), file]))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{files:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn parse(stdout: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// What came after the failure stands behind its root. Who polls because the app has it so, whose WebSocket opened, or
/// whose polls are refused as well (a session on another node), has not fallen back.
#[test]
fn who_went_on_with_polling_is_told_and_nobody_else() {
    let mut fallen = Vec::new();
    for row in table() {
        for attempt in of_type(&lines_of(&row.file), "attempt") {
            let findings = attempt["findings"].as_array().unwrap();
            let at = |finding: &Value| finding["id"] == "fell_back_to_polling";
            if let Some(at) = findings.iter().position(at) {
                assert!(at > 0, "{}: it is never the root", row.file);
                let evidence = findings[at]["evidence"][0].as_str().unwrap();
                let said = evidence.split(" within ").next().unwrap();
                fallen.push((row.file.clone(), said.to_owned()));
            }
        }
    }
    fallen.dedup();
    let session = |file: &str, by| {
        let file = format!("handshake/fell_back_to_polling_{file}.pcapng");
        (file, format!("the same session went on with {by}"))
    };
    assert_eq!(
        fallen,
        [
            session("socketio4", "transport=polling"),
            session("sockjs", "xhr_streaming"),
        ]
    );
}
