//! What is left of a process once its inputs are open: not root, no capability, hardly a file, no program, no network.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use seccompiler::{SeccompAction, SeccompFilter};
use wscap::capture::{self, Identity, Inputs, LiveOptions, Needs};

use crate::cli::{Dir, WSCAP, code, for_nobody, packets, stderr, stdout, wait_for};
use crate::live::Stage;
use crate::support::files;
use crate::support::net::{Running, has, is_root, why_not};

/// Runs one of the ignored tests below as a process of its own.
fn helper(name: &str, argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("confined::{name}");
    command.args([
        "--exact",
        &test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env("WSCAP_TEST_ARGUMENT", argument);
    command
}

fn argument() -> Option<String> {
    std::env::var("WSCAP_TEST_ARGUMENT").ok()
}

fn may_be_read_by_root_only(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// What a process can do that was root: as it is, after it gave up root, and confined.
///
/// The second column shows that the third proves something: nothing else hinders it.
const DEEDS: &[(&str, [bool; 3])] = &[
    ("read what is root's", [true, false, false]),
    ("capture on another interface", [true, false, false]),
    ("read what is everybody's", [true, true, false]),
    ("list a folder", [true, true, false]),
    ("write a file", [true, true, false]),
    ("write into a file", [true, true, false]),
    ("remove a file", [true, true, false]),
    ("make a folder", [true, true, false]),
    ("change who may read a file", [true, true, false]),
    ("run a program", [true, true, false]),
    ("send a datagram", [true, true, false]),
    ("listen", [true, true, false]),
    ("connect", [true, true, false]),
    ("connect to a socket in a folder", [true, true, false]),
    ("signal another process", [true, true, false]),
    ("trace another process", [true, true, false]),
    // What it still needs.
    ("start a thread", [true, true, true]),
    ("ask for the names of interfaces", [true, true, true]),
    ("read time zones", [true, true, true]),
    ("read a time zone of one's own", [true, true, true]),
    ("read the counters of an interface", [true, true, true]),
];

#[test]
fn after_opening_nothing_can_be_read_run_bound_or_sent() {
    if let Some(why) = why_not(&["ip"]) {
        println!("skipped: {why}");
        return;
    }
    for (at, mode) in ["root", "dropped", "confined"].into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let [signalled, traced] = [0, 1].map(|_| {
            let mut other = Command::new("sleep");
            Running(other.arg("60").uid(65_534).gid(65_534).spawn().unwrap())
        });
        let [first, second] = [&signalled, &traced].map(|other| other.0.id());
        let argument = format!("{mode} {first} {second} {}", dir.path().display());
        let output = helper("helper_deeds", &argument).output().unwrap();
        let (said, told) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{mode}: {said}{told}");
        let done: BTreeMap<&str, &str> = said
            .lines()
            .filter_map(|line| line.strip_prefix("deed: ")?.split_once(": "))
            .collect();
        assert_eq!(done.len(), DEEDS.len(), "{mode}: {said}{told}");
        for (deed, may) in DEEDS {
            let done = done.get(deed).copied();
            assert_eq!(done == Some("ok"), may[at], "{mode}: {deed}: {said}{told}");
        }
    }
}

/// Tries everything of the list above.
#[test]
#[ignore = "a process for the test above"]
fn helper_deeds() {
    let Some(argument) = argument() else { return };
    let words: Vec<&str> = argument.splitn(4, ' ').collect();
    let mode = words[0];
    let [signalled, traced] = [1, 2].map(|at| Pid::from_raw(words[at].parse().unwrap()));
    let folder = PathBuf::from(words[3]);
    // The harness has begun a line.
    println!();
    let [secret, open, mine, zone] =
        ["secret", "open", "mine", "zone"].map(|name| folder.join(name));
    for path in [&secret, &open, &mine, &zone] {
        fs::write(path, "x").unwrap();
    }
    may_be_read_by_root_only(&secret);
    std::os::unix::fs::chown(&mine, Some(65_534), Some(65_534)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = folder.join("socket");
    let _listens = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let captures = Inputs::Live(vec!["lo".into(), "any".into()], LiveOptions::default());
    let captures = capture::open(&captures, None, &Arc::default()).unwrap();
    if mode != "root" {
        capture::drop_privileges(Identity::NOBODY).unwrap();
    }
    if mode == "confined" {
        let confined = captures.confine(&Needs {
            zones: vec![zone.clone()],
            screen: false,
        });
        let said = confined.to_string();
        assert!(!said.contains("not confined"), "{said}");
    }

    deed("read what is root's", || fs::read(&secret));
    deed("capture on another interface", || capture_on("lo"));
    deed("read what is everybody's", || fs::read(&open));
    deed("list a folder", || fs::read_dir(&folder));
    deed("write a file", || fs::write(folder.join("new"), "x"));
    deed("write into a file", || {
        fs::OpenOptions::new().append(true).open(&mine)
    });
    deed("make a folder", || fs::create_dir(folder.join("folder")));
    deed("change who may read a file", || {
        fs::set_permissions(&mine, Permissions::from_mode(0o644))
    });
    deed("remove a file", || fs::remove_file(&mine));
    deed("run a program", || Command::new("true").status());
    deed("send a datagram", || {
        UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", "127.0.0.1:9")
    });
    deed("listen", || TcpListener::bind("127.0.0.1:0"));
    deed("connect", || TcpStream::connect(address));
    deed("connect to a socket in a folder", || {
        UnixStream::connect(&socket)
    });
    deed("signal another process", || {
        Ok(signal::kill(signalled, Signal::SIGTERM)?)
    });
    deed("trace another process", || Ok(ptrace::attach(traced)?));
    deed("start a thread", || {
        let thread = thread::Builder::new().spawn(|| ())?;
        thread.join().map_err(|_| io::Error::other("it panicked"))
    });
    deed("ask for the names of interfaces", || {
        Ok(nix::net::if_::if_nameindex()?)
    });
    deed("read time zones", || fs::read("/usr/share/zoneinfo/UTC"));
    deed("read a time zone of one's own", || fs::read(&zone));
    deed("read the counters of an interface", || {
        fs::read("/sys/class/net/lo/statistics/rx_missed_errors")
    });
}

fn deed<T>(name: &str, what: impl FnOnce() -> io::Result<T>) {
    match what() {
        Ok(_) => println!("deed: {name}: ok"),
        Err(error) => println!("deed: {name}: {error}"),
    }
}

fn capture_on(name: &str) -> io::Result<capture::Open> {
    let inputs = Inputs::Live(vec![name.to_owned()], LiveOptions::default());
    capture::open(&inputs, None, &Arc::default()).map_err(io::Error::other)
}

/// Every thread of a process.
fn statuses(id: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let statuses = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")));
    statuses.map(Result::unwrap).collect()
}

#[test]
fn every_thread_is_confined_without_root_and_capabilities() {
    if !is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    for (sudo, uid, gid) in [(None, 65_534, 65_534), (Some(("1234", "4321")), 1234, 4321)] {
        let mut command = Command::new(WSCAP);
        command.args(["-i", "lo", "-i", "any", "--json", "-v"]);
        command.args(["--stats-interval", "1s"]);
        command.env_remove("SUDO_UID").env_remove("SUDO_GID");
        if let Some((uid, gid)) = sudo {
            command.env("SUDO_UID", uid).env("SUDO_GID", gid);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(child.spawn().unwrap());
        let told = wait_for(child.0.stderr.as_mut().unwrap(), "listening on lo, any");
        for says in [
            &*format!("runs as user {uid} without capabilities, cannot gain new privileges"),
            "confined by Landlock: ",
            "confined by seccomp: ",
        ] {
            assert!(told.contains(says), "{says} is not in {told}");
        }
        assert!(!told.contains("not confined"), "{told}");
        // The first line of output comes from the threads.
        let mut first = [0];
        child
            .0
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        let statuses = statuses(child.0.id());
        assert!(statuses.len() >= 4, "{} threads", statuses.len());
        for status in statuses {
            for line in [
                format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}"),
                format!("Gid:\t{gid}\t{gid}\t{gid}\t{gid}"),
                "Groups:\t ".into(),
                "CapInh:\t0000000000000000".into(),
                "CapPrm:\t0000000000000000".into(),
                "CapEff:\t0000000000000000".into(),
                "CapBnd:\t0000000000000000".into(),
                "CapAmb:\t0000000000000000".into(),
                "NoNewPrivs:\t1".into(),
                "Seccomp:\t2".into(),
            ] {
                let there = status.lines().any(|there| there == line);
                assert!(there, "{line:?} is not in\n{status}");
            }
        }
    }
}

/// Without root, but with the two capabilities on the file: all is as with root, and they are given up as well.
#[test]
fn with_capabilities_on_the_file_it_captures_for_anybody() {
    if !has("setcap") || !has("setpriv") {
        println!("skipped: setcap or setpriv is missing");
        return;
    }
    let Some(stage) = Stage::new("") else { return };
    let dir = Dir::new();
    let _ = for_nobody(&dir);
    let program = dir.path("wscap");
    let program = program.to_str().unwrap();
    let setcap = Command::new("setcap")
        .args(["cap_net_raw,cap_net_admin=eip", program])
        .output()
        .unwrap();
    if !setcap.status.success() {
        println!(
            "skipped: no capabilities on files here: {}",
            stderr(&setcap)
        );
        return;
    }
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        program,
    ];
    for interfaces in [&["-i", "any"][..], &["-i", "outer", "-i", "inner"]] {
        let capture = stage.listen(&nobody, interfaces);
        for status in statuses(capture.child.0.id()) {
            for line in [
                "Uid:\t65534\t65534\t65534\t65534",
                "CapPrm:\t0000000000000000",
                "CapEff:\t0000000000000000",
                "NoNewPrivs:\t1",
                "Seccomp:\t2",
            ] {
                let there = status.lines().any(|there| there == line);
                assert!(there, "{line:?} is not in\n{status}");
            }
        }
        let answer = stage.ask();
        assert!(answer.contains(" 502 "), "{answer}");
        assert_eq!(capture.wait("attempt")["verdict"], "stripped");
        assert_eq!(capture.interrupt()["attempts"]["stripped"], 1);
    }
}

/// What only root may read is read before root is given up: the capture, and the rows of one's own.
#[test]
fn what_only_root_may_read_is_opened_before() {
    if !is_root() {
        println!("skipped: only root can have such files");
        return;
    }
    let dir = Dir::new();
    let rows = "[[row]]\nid = \"own-403\"\nfinding = \"proxy_refused\"\non = \"answer\"\nwhen.status = 403\n\
                cause = \"The gate is shut.\"\nfix = [\"Open it.\"]\n";
    let rules = dir.file("own.toml", rows.as_bytes());
    let capture = dir.file("c.pcap", &files::pcap(1, &files::refused()));
    let zone = dir.path("zone");
    fs::copy("/usr/share/zoneinfo/Asia/Tokyo", &zone).unwrap();
    for path in [&rules, &capture] {
        may_be_read_by_root_only(path);
    }
    fs::set_permissions(dir.path(""), Permissions::from_mode(0o755)).unwrap();
    let run = |command: &mut Command| {
        command.arg("--rules").arg(&rules).arg("-r").arg(&capture);
        command.args(["-v", "--color", "never"]).env("TZ", &zone);
        command.env_remove("SUDO_UID").output().unwrap()
    };
    let output = run(&mut Command::new(WSCAP));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("runs as user 65534 without"));
    assert!(
        stdout(&output).contains("The gate is shut."),
        "{}",
        stdout(&output)
    );
    // And the time zone is read afterwards.
    assert!(stdout(&output).contains("+09:00"), "{}", stdout(&output));
    let Some(mut nobody) = for_nobody(&dir) else {
        return;
    };
    let output = run(&mut nobody);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    assert!(stderr(&output).contains("own.toml"), "{}", stderr(&output));
}

/// A kernel without one of them is no reason to stop, but to say so.
#[test]
fn what_a_kernel_does_not_have_is_told_and_done_without() {
    let dir = Dir::new();
    let capture = dir.file("c.pcap", &files::pcap(1, &files::refused()));
    for (lacks, error, told, other) in [
        (
            libc::SYS_landlock_create_ruleset,
            libc::ENOSYS,
            "not confined by Landlock: this kernel has none",
            "\nconfined by seccomp: ",
        ),
        (
            libc::SYS_landlock_create_ruleset,
            libc::EOPNOTSUPP,
            "not confined by Landlock: it is switched off",
            "\nconfined by seccomp: ",
        ),
        (
            libc::SYS_seccomp,
            libc::EINVAL,
            "not confined by seccomp: ",
            "\nconfined by Landlock: ",
        ),
    ] {
        let argument = format!("{lacks} {error} {}", capture.display());
        let output = helper("helper_old_kernel", &argument).output().unwrap();
        let said = stderr(&output);
        assert_eq!(code(&output), 0, "{said}");
        assert!(said.contains(told) && said.contains(other), "{said}");
        let from = stdout(&output).find("{\"v\"").unwrap();
        let output = Output {
            stdout: output.stdout[from..].to_vec(),
            ..output
        };
        assert_eq!(packets(&output), 8);
    }
}

/// Becomes wscap, to which a system call that it asks for does not exist.
#[test]
#[ignore = "a process for the test above"]
fn helper_old_kernel() {
    let Some(argument) = argument() else { return };
    let words: Vec<&str> = argument.splitn(3, ' ').collect();
    let refused = SeccompFilter::new(
        BTreeMap::from([(words[0].parse().unwrap(), Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(words[1].parse().unwrap()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let refused: seccompiler::BpfProgram = refused.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&refused).unwrap();
    let error = Command::new(WSCAP)
        .args(["--json", "-v", "-r", words[2]])
        .exec();
    panic!("{error}");
}
