//! The command line from outside: what goes in, what is said, and what it exits with.

use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::files::{self, Packet};

pub(crate) const WSCAP: &str = env!("CARGO_BIN_EXE_wscap");

/// A directory of capture files, gone when the test is over.
pub(crate) struct Dir(TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn wscap(args: &[&str]) -> Output {
    Command::new(WSCAP)
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn read(path: &Path, args: &[&str]) -> Output {
    let mut all = vec!["-r", path.to_str().unwrap()];
    all.extend(args);
    wscap(&all)
}

pub(crate) fn piped(bytes: &[u8], args: &[&str]) -> Output {
    let mut child = Command::new(WSCAP)
        .args(["-r", "-"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may end before it has read all.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    child.wait_with_output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The value of a number in the last line, the summary.
pub(crate) fn packets(output: &Output) -> u64 {
    let text = stdout(output);
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    summary["health"]["packets"].as_u64().unwrap()
}

/// It could not run, says so in at most four lines, and prints nothing.
pub(crate) fn fails(output: &Output, says: &[&str]) {
    let text = stderr(output);
    assert_eq!(code(output), 2, "{text}");
    assert_eq!(stdout(output), "", "{text}");
    assert!(text.starts_with("wscap: "), "{text}");
    assert!(text.lines().count() <= 4, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn no_arguments_shows_the_two_recipes() {
    fails(
        &wscap(&[]),
        &["sudo wscap -i any", "wscap -r capture.pcapng"],
    );
}

#[test]
fn help_is_short_and_complete() {
    let output = wscap(&["--help"]);
    assert_eq!(code(&output), 0);
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli__help", stdout(&output));
    });
    assert_eq!(stdout(&wscap(&["-h"])), stdout(&output));
}

#[test]
fn words_that_are_wrong_are_named_with_what_they_may_have_meant() {
    fails(&wscap(&["-i", "lo", "-r", "x"]), &["-i with -r"]);
    fails(
        &wscap(&["-r", "x", "--fail-on", "ok,striped"]),
        &["--fail-on: striped", "did you mean stripped"],
    );
    fails(
        &wscap(&["-r", "x", "--only", "close:abnorml"]),
        &["close:abnorml", "close:abnormal"],
    );
    fails(
        &wscap(&["-r", "x", "--limit", "conections=5"]),
        &["did you mean connections"],
    );
    fails(&wscap(&["-r", "x", "--limit", "recent=0"]), &["NAME=VALUE"]);
    fails(&wscap(&["-r", "x", "--duration", "5x"]), &["1h30m"]);
    fails(&wscap(&["-r", "x", "--bogus"]), &["--bogus", "--help"]);
    fails(&wscap(&["-r", "-", "-r", "-"]), &["once only"]);
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let dir = Dir::new();
    fails(&wscap(&["-r", "/no/such/file"]), &["no such file"]);
    fails(&read(dir.0.path(), &[]), &["a directory"]);
    fails(&read(&dir.file("empty", b""), &[]), &["is empty"]);
    fails(&piped(b"", &[]), &["standard input: the file is empty"]);
    for (bytes, says) in [
        (&b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"[..], "text"),
        (b"\xfd7zXZ\0\0\x04................", "xz -d"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "header is cut off"),
        (&[7; 64], "editcap"),
    ] {
        let path = dir.file("odd", bytes);
        fails(&read(&path, &[]), &["not a capture file", says]);
    }
    // One bad file spoils all, before anything is read.
    let good = dir.file("good", &files::pcap(1, &files::opened()));
    fails(
        &read(&good, &["-r", "/no/such/file", "--json"]),
        &["/no/such/file"],
    );
}

#[test]
fn control_characters_in_a_name_do_not_reach_the_terminal() {
    let output = wscap(&["-r", "/no/\x1b[31mred\u{202e}"]);
    fails(&output, &["no such file"]);
    assert!(!stderr(&output).contains(['\x1b', '\u{202e}']));
}

#[test]
fn a_header_without_packets_is_a_capture() {
    let dir = Dir::new();
    for bytes in [files::pcap(1, &[]), files::pcapng(&[1], &[])] {
        let output = read(&dir.file("header", &bytes), &["--json"]);
        assert_eq!((code(&output), stderr(&output)), (0, String::new()));
        assert_eq!(packets(&output), 0);
    }
}

#[test]
fn a_file_cut_in_a_packet_is_analysed_up_to_there() {
    let dir = Dir::new();
    let whole = files::pcap(1, &files::opened());
    // The last packet takes 70 bytes: within its data, within its header, within the packet before it.
    for (cut, left) in [(1, 7), (60, 7), (71, 6)] {
        let path = dir.file("cut", &whole[..whole.len() - cut]);
        let output = read(&path, &["--json"]);
        assert_eq!(code(&output), 0);
        assert_eq!(packets(&output), left);
        assert!(stderr(&output).contains("cut off in the middle of a packet"));
        assert!(read(&path, &["--json", "-q"]).stderr.is_empty());
    }
}

#[test]
fn a_broken_file_is_analysed_up_to_there() {
    let dir = Dir::new();
    let mut bytes = files::pcap(1, &files::opened());
    bytes.extend([0xff; 64]);
    let output = read(&dir.file("broken", &bytes), &["--json"]);
    assert_eq!((code(&output), packets(&output)), (0, 8));
    assert!(
        stderr(&output).contains("after frame 8"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn unknown_links_are_skipped_and_told_and_nothing_else_is_no_run() {
    let dir = Dir::new();
    let output = read(
        &dir.file("usb", &files::pcap(189, &files::opened())),
        &["--json"],
    );
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("8 of USB (link type 189)"));
    let mixed: Vec<(u32, Packet)> = files::opened()
        .into_iter()
        .enumerate()
        .map(|(n, packet)| (u32::from(n == 7), packet))
        .collect();
    let output = read(
        &dir.file("mixed", &files::pcapng(&[1, 189], &mixed)),
        &["--json"],
    );
    assert_eq!((code(&output), packets(&output)), (0, 8));
    assert!(stderr(&output).contains("1 of USB"), "{}", stderr(&output));
}

#[test]
fn packed_piped_and_plain_give_the_same_bytes() {
    let dir = Dir::new();
    let plain = files::pcap(1, &[files::opened(), files::refused()].concat());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstandard = ruzstd::encoding::compress_to_vec(&plain[..], level);
    let expected = read(&dir.file("c", &plain), &["--json"]);
    assert_eq!(code(&expected), 0);
    assert!(packets(&expected) == 16);
    for bytes in [&plain, &gzip, &zstandard] {
        assert_eq!(read(&dir.file("c", bytes), &["--json"]), expected);
        assert_eq!(piped(bytes, &["--json"]), expected);
    }
    let cut = read(&dir.file("c", &gzip[..gzip.len() - 40]), &["--json"]);
    assert_eq!(code(&cut), 0);
    assert!(stderr(&cut).contains("cut off"), "{}", stderr(&cut));
}

#[test]
fn several_files_are_merged_by_time_whatever_their_order() {
    let dir = Dir::new();
    let all = files::opened();
    let (early, late) = all.split_at(4);
    let early = dir.file("early", &files::pcap(1, early));
    let late = dir.file("late", &files::pcap(1, late));
    for (first, second) in [(&early, &late), (&late, &early)] {
        let output = read(
            first,
            &["-r", second.to_str().unwrap(), "--json", "--fail-on", "any"],
        );
        assert_eq!((code(&output), packets(&output)), (0, 8));
    }
}

#[test]
fn a_filter_may_stand_anywhere_and_never_swallows_a_flag() {
    let dir = Dir::new();
    let path = dir.file(
        "c",
        &files::pcap(1, &[files::opened(), files::refused()].concat()),
    );
    for (args, count) in [
        (&["tcp", "port", "80", "--json"][..], 16),
        (&["--json", "tcp port 40000"], 8),
        (&["tcp", "--json", "port", "40000", "-q"], 8),
        (&["--json", "udp"], 0),
        (&["--json", "-c", "3", "port", "40001"], 3),
        (&["--json", "--duration", "4ms"], 4),
    ] {
        let output = read(&path, args);
        assert_eq!((code(&output), packets(&output)), (0, count), "{args:?}");
    }
    fails(
        &read(&path, &["tcp", "prot", "80"]),
        &[
            "does not compile",
            "syntax error",
            "  tcp prot 80\n      ^^^^\n",
        ],
    );
}

#[test]
fn a_reader_that_leaves_is_not_a_fault() {
    let dir = Dir::new();
    let path = dir.file("c", &files::pcap(1, &files::opened()));
    for args in [
        &["-r", path.to_str().unwrap(), "--json"][..],
        &["--help"],
        &["-D"],
    ] {
        let mut child = Command::new(WSCAP)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (code(&output), stderr(&output)),
            (0, String::new()),
            "{args:?}"
        );
    }
}

#[test]
fn a_full_disk_is_a_fault() {
    let dir = Dir::new();
    let path = dir.file("c", &files::pcap(1, &files::opened()));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(WSCAP)
        .args(["--json", "-r"])
        .arg(path)
        .stdout(full)
        .output()
        .unwrap();
    fails(&output, &["cannot write the output"]);
}

#[test]
fn an_interface_that_is_not_there_names_those_that_are() {
    let output = wscap(&["-i", "nosuch0"]);
    fails(
        &output,
        &["no interface is called nosuch0", "There are: ", "lo"],
    );
    let listed = wscap(&["-D"]);
    assert_eq!(code(&listed), 0);
    assert!(stdout(&listed).lines().any(|line| line.starts_with("lo ")));
}

/// The binary where `nobody` can run it.
pub(crate) fn for_nobody(dir: &Dir) -> Option<Command> {
    use std::os::unix::fs::PermissionsExt as _;
    if !nix::unistd::Uid::effective().is_root() {
        return Some(Command::new(WSCAP));
    }
    fs::set_permissions(dir.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.0.path().join("wscap");
    fs::copy(WSCAP, &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(copy);
    Command::new("setpriv")
        .arg("--version")
        .output()
        .is_ok()
        .then_some(command)
}

#[test]
fn without_permission_it_says_how_to_get_it() {
    let dir = Dir::new();
    let Some(mut command) = for_nobody(&dir) else {
        println!("skipped: setpriv is not installed, so wscap cannot be run as nobody");
        return;
    };
    let output = command.args(["-i", "lo"]).output().unwrap();
    let setcap = "sudo setcap cap_net_raw,cap_net_admin=eip $(command -v wscap)";
    fails(&output, &["no permission", "sudo", setcap]);
}

#[test]
fn live_it_stops_on_a_signal_with_a_summary_and_without_root() {
    if !nix::unistd::Uid::effective().is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    let mut child = Command::new(WSCAP)
        .args(["-i", "lo", "-i", "any", "--json", "-v"])
        .env_remove("SUDO_UID")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    wait_for(&mut stderr, "listening on lo, any");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "CapPrm:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line} is not in\n{status}");
    }
    let id = i32::try_from(child.id()).unwrap();
    let kill = Command::new("kill")
        .arg("-INT")
        .arg(id.to_string())
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    packets(&output);
}

#[test]
fn fail_on_tells_by_the_exit_code_whatever_is_printed() {
    let dir = Dir::new();
    let both = files::pcap(1, &[files::opened(), files::refused()].concat());
    let both = dir.file("both", &both);
    let fine = dir.file("fine", &files::pcap(1, &files::opened()));
    for (words, on_both, on_fine) in [
        ("any", 1, 0),
        ("rejected", 1, 0),
        ("forbidden", 1, 0),
        ("stripped,rejected", 1, 0),
        ("ok", 0, 0),
        ("stripped", 0, 0),
        ("close:abnormal,close:unused", 1, 1),
        ("close:fault", 0, 0),
    ] {
        for more in [&["--json"][..], &[], &["-q", "--only", "downgraded"]] {
            let args = [&["--fail-on", words][..], more].concat();
            assert_eq!(code(&read(&both, &args)), on_both, "{args:?}");
            assert_eq!(code(&read(&fine, &args)), on_fine, "{args:?}");
        }
    }
    // A reader that leaves changes nothing about it.
    let mut child = Command::new(WSCAP)
        .args(["--json", "--fail-on", "any", "-r"])
        .arg(&both)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn only_leaves_lines_out_and_counts_all() {
    let dir = Dir::new();
    let both = files::pcap(1, &[files::opened(), files::refused()].concat());
    let output = read(&dir.file("both", &both), &["--json", "--only", "rejected"]);
    let lines: Vec<serde_json::Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let attempts: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "attempt")
        .map(|line| line["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(attempts, ["rejected"]);
    let summary = &lines.last().unwrap()["attempts"];
    assert_eq!(
        (&summary["ok"], &summary["rejected"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn explain_knows_its_words_and_what_was_meant() {
    let output = wscap(&["explain", "1010", "1014"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("1014"));
    assert_eq!(code(&wscap(&["explain", "--list"])), 0);
    fails(
        &wscap(&["explain", "upgrade_striped"]),
        &["upgrade_stripped"],
    );
    fails(&wscap(&["explain"]), &["WHAT"]);
}

/// Reads until that was said.
pub(crate) fn wait_for(stderr: &mut impl Read, what: &str) -> String {
    let mut said = String::new();
    while !said.contains(what) {
        let mut some = [0; 256];
        let count = stderr.read(&mut some).unwrap();
        assert!(count > 0, "{what:?} was not said, but {said:?}");
        said.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    said
}

/// A pair of interfaces, gone when the test is over.
struct Veth(&'static str);

impl Veth {
    fn new(name: &'static str) -> Option<Self> {
        let peer = format!("{name}p");
        let made = ip(&["link", "add", name, "type", "veth", "peer", "name", &peer]);
        let up = made && ip(&["link", "set", name, "up"]) && ip(&["link", "set", &peer, "up"]);
        up.then_some(Self(name))
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        ip(&["link", "del", self.0]);
    }
}

fn ip(args: &[&str]) -> bool {
    let status = Command::new("ip").args(args).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn an_interface_that_goes_down_is_kept_and_one_that_vanishes_is_told() {
    let Some(veth) = Veth::new("wscapgone") else {
        println!("skipped: interfaces cannot be made here (needs root and the ip command)");
        return;
    };
    let mut child = Command::new(WSCAP)
        .args(["-i", veth.0, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    wait_for(&mut stderr, "listening on wscapgone");
    assert!(ip(&["link", "set", veth.0, "down"]));
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "down is not gone");
    assert!(ip(&["link", "set", veth.0, "up"]));
    drop(veth);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 2, "{rest}");
    assert!(rest.contains("wscapgone: no longer captured on"), "{rest}");
    assert!(rest.contains("no interface is left"), "{rest}");
    packets(&output);
}

#[test]
fn a_pipe_that_stays_open_is_stopped_by_a_signal_with_what_it_had() {
    let mut child = Command::new(WSCAP)
        .args(["-r", "-", "--json", "-v"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = files::pcap(1, &files::refused());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&bytes[..bytes.len() - 3]).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    // Twice at once, as timeout does.
    for _ in 0..2 {
        let kill = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!((code(&output), packets(&output)), (0, 7));
    assert!(!stderr(&output).contains("cut off"), "{}", stderr(&output));
}
