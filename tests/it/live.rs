//! Live capture, with real software in namespaces that the tests make: skipped, and said so, where that cannot be done.

mod flooded;
mod redirected;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::WSCAP;
use crate::support::net::{BACKEND, CLIENT, Net, PROXY, PROXY_INNER, Running, is_root, why_not};
use crate::support::node::Node;

/// How long after the client got its answer the verdict may take.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn an_unconfigured_nginx_is_named_within_two_seconds() {
    for interfaces in [&["-i", "any"][..], &["-i", "outer", "-i", "inner"]] {
        let Some(stage) = Stage::new("") else { return };
        let mut capture = stage.capture(interfaces);
        let answer = stage.ask();
        let answered = Instant::now();
        assert!(
            answer.contains(" 502 "),
            "nginx relayed the refusal: {answer}"
        );
        let attempt = capture.next_line("attempt");
        let took = answered.elapsed();
        assert!(took < SOON, "{interfaces:?}: said after {took:?}");
        assert_eq!(attempt["verdict"], "stripped", "{attempt}");
        assert_eq!(attempt["finding"], "upgrade_stripped");
        assert_eq!(attempt["confidence"], "proved");
        assert_eq!(attempt["hop"]["in"], format!("{PROXY}:80"));
        assert!(
            attempt["hop"]["out"]
                .as_str()
                .unwrap()
                .starts_with(PROXY_INNER)
        );
        assert!(
            attempt["hop"]["software"]
                .as_str()
                .unwrap()
                .starts_with("nginx/")
        );
        assert!(
            attempt["legs"][0]["client"]
                .as_str()
                .unwrap()
                .starts_with(CLIENT)
        );
        assert_eq!(attempt["legs"][1]["server"], format!("{BACKEND}:8080"));
        let summary = capture.interrupt();
        assert_eq!(summary["attempts"]["stripped"], 1, "{summary}");
        assert_eq!(summary["health"]["kernel_drops"], 0);
    }
}

/// Nothing else comes, so the clock alone says that the attempt has settled (spec: 1 s after its last answer).
#[test]
fn where_nothing_else_comes_an_attempt_is_told_within_a_tenth_of_a_second() {
    for interfaces in [&["-i", "any"][..], &["-i", "outer", "-i", "inner"]] {
        let Some(stage) = Stage::new("") else { return };
        let mut capture = stage.capture(interfaces);
        // A machine may be busy with something else once, or twice.
        let late = (0..5).map(|_| {
            stage.ask();
            let attempt = capture.next_line("attempt");
            let answered = attempt["legs"][0]["response"]["time"].as_str().unwrap();
            let answered: jiff::Timestamp = answered.parse().unwrap();
            let took = jiff::Timestamp::now().duration_since(answered);
            took - jiff::SignedDuration::from_secs(1)
        });
        let late: Vec<_> = late.collect();
        let least = late.iter().min().unwrap();
        assert!(!least.is_negative(), "{interfaces:?}: {late:?}");
        assert!(least.as_millis() < 100, "{interfaces:?}: {late:?}");
    }
}

#[test]
fn a_right_nginx_opens_and_closes() {
    let Some(stage) = Stage::new(
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    ) else {
        return;
    };
    let mut capture = stage.capture(&["-i", "any"]);
    let answer = stage.ask();
    assert!(answer.contains(" 101 "), "{answer}");
    let attempt = capture.next_line("attempt");
    assert_eq!(attempt["verdict"], "ok", "{attempt}");
    assert_eq!(attempt["legs"].as_array().unwrap().len(), 2);
    let closing = capture.next_line("closing");
    assert_eq!(closing["attempt"], attempt["id"]);
    let summary = capture.interrupt();
    assert_eq!(summary["attempts"]["ok"], 1);
}

/// With too little processor for all that runs, it is judging that waits, for what is not captured in time is lost.
#[test]
fn capturing_goes_before_judging() {
    if !is_root() {
        println!("skipped: capturing needs root");
        return;
    }
    let mut command = Command::new(WSCAP);
    command.args(["-i", "lo", "--json", "--stats-interval", "1s"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Running(child.spawn().unwrap());
    let mut first = [0];
    let stdout = child.0.stdout.as_mut().unwrap();
    stdout.read_exact(&mut first).unwrap();
    let tasks = fs::read_dir(format!("/proc/{}/task", child.0.id())).unwrap();
    let nice: BTreeMap<String, i32> = tasks
        .map(|task| {
            // proc_pid_stat(5): the name in parentheses, and the 17th value behind it.
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            let (name, rest) = stat.rsplit_once(") ").unwrap();
            let (_, name) = name.split_once('(').unwrap();
            let nice = rest.split(' ').nth(16).unwrap();
            (name.to_owned(), nice.parse().unwrap())
        })
        .collect();
    assert!(nice["analyze"] > nice["capture"], "{nice:?}");
}

/// Both legs cross the host that captures, which publishes the proxy's port and the backend's as its own and hides who
/// asks: each packet is seen under two pairs of addresses.
#[test]
fn a_router_that_translates_addresses_shows_no_more_legs_than_there_are() {
    const RIGHT: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    for (settings, status, verdict) in [("", " 502 ", "stripped"), (RIGHT, " 101 ", "ok")] {
        let Some(stage) = Stage::translated(settings) else {
            return;
        };
        let mut capture = stage.capture(&["-i", "any"]);
        let answer = stage.ask();
        assert!(answer.contains(status), "{answer}");
        let attempt = capture.next_line("attempt");
        assert_eq!(attempt["verdict"], verdict, "{attempt}");
        let legs = attempt["legs"].as_array().unwrap();
        assert_eq!(legs.len(), 2, "{attempt}");
        for (leg, client, server, behind) in [
            (
                &legs[0],
                CLIENT,
                format!("{PROXY}:80"),
                format!("{BACKEND}:80"),
            ),
            (
                &legs[1],
                BACKEND,
                format!("{PROXY_INNER}:8081"),
                format!("{CLIENT}:8080"),
            ),
        ] {
            assert!(leg["client"].as_str().unwrap().starts_with(client), "{leg}");
            assert_eq!(leg["server"], server, "{leg}");
            let also = leg["also"].as_array().unwrap();
            assert_eq!(also.len(), 1, "{leg}");
            assert_eq!(also[0]["server"], behind, "{leg}");
            assert_eq!(leg["seen_on"].as_array().unwrap().len(), 2, "{leg}");
        }
        if verdict == "stripped" {
            // By the addresses that the proxy itself has.
            assert_eq!(attempt["hop"]["in"], format!("{BACKEND}:80"));
            assert_eq!(attempt["hop"]["adjacent"], true);
        } else {
            let closing = capture.next_line("closing");
            assert_eq!(closing["legs"].as_array().unwrap().len(), 2, "{closing}");
        }
        let summary = capture.interrupt();
        assert_eq!(summary["attempts"][verdict], 1, "{summary}");
        let all = summary["attempts"].as_object().unwrap().values();
        let all: u64 = all.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(all, 1, "{summary}");
    }
}

/// Namespaces with a backend and an nginx in them.
pub(crate) struct Stage {
    pub(crate) net: Net,
    _backend: Running,
    _nginx: Running,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// `settings` go into the location that proxies. `None` where such a test cannot run; says so.
    pub(crate) fn new(settings: &str) -> Option<Self> {
        if let Some(why) = why_not(&["ip", "nginx"]) {
            println!("skipped: {why}");
            return None;
        }
        Some(Self::in_net(Net::new(), &format!("{PROXY}:80"), settings))
    }

    /// The same, with npm `ws` as the backend where that is installed; then `ws` comes with it.
    pub(crate) fn with_ws(settings: &str) -> Option<(Self, Option<Node>)> {
        if let Some(why) = why_not(&["ip", "nginx"]) {
            println!("skipped: {why}");
            return None;
        }
        let net = Net::new();
        let Some(node) = Node::with_ws() else {
            let stage = Self::in_net(net, &format!("{PROXY}:80"), settings);
            return Some((stage, None));
        };
        let backend = node.server(&net, "b", "8080");
        let stage = Self::started(
            net,
            ("b", "0.0.0.0:8080", backend),
            ("p", format!("{PROXY}:80")),
            &format!("{BACKEND}:8080"),
            settings,
        );
        Some((stage, Some(node)))
    }

    /// The same, with nginx listening there.
    fn in_net(net: Net, listen: &str, settings: &str) -> Self {
        let backend = format!("{BACKEND}:8080");
        let listen = listen.to_owned();
        Self::between(
            net,
            ("b", backend.clone()),
            ("p", listen),
            &backend,
            settings,
        )
    }

    /// The capturing host is a router: nginx stands where the backend did, the backend beside the client, and each is
    /// asked for at an address of the router.
    fn translated(settings: &str) -> Option<Self> {
        if let Some(why) = why_not(&["ip", "nginx", "nft", "sysctl"]) {
            println!("skipped: {why}");
            return None;
        }
        let net = Net::new();
        let rules = format!(
            "table ip nat {{ \
             chain before {{ type nat hook prerouting priority dstnat; \
             ip daddr {PROXY} tcp dport 80 dnat to {BACKEND}:80; \
             ip daddr {PROXY_INNER} tcp dport 8081 dnat to {CLIENT}:8080; }}; \
             chain behind {{ type nat hook postrouting priority srcnat; masquerade; }}; }}"
        );
        let succeeds = |program: &str, arguments: &[&str]| {
            let status = net.command("p", program).args(arguments).status();
            status.unwrap().success()
        };
        if !succeeds("sysctl", &["-qw", "net.ipv4.ip_forward=1"])
            || !succeeds("nft", &["add", "table", "ip", "probe"])
        {
            println!("skipped: this system does not let us translate addresses");
            return None;
        }
        assert!(succeeds("nft", &[&rules]), "{rules}");
        let (backend, proxy) = (
            ("c", format!("{CLIENT}:8080")),
            ("b", format!("{BACKEND}:80")),
        );
        Some(Self::between(
            net,
            backend,
            proxy,
            &format!("{PROXY_INNER}:8081"),
            settings,
        ))
    }

    /// A backend and an nginx on these hosts, listening there; nginx asks for the backend at `upstream`.
    fn between(
        net: Net,
        (backend_host, backend_at): (&str, String),
        proxy: (&str, String),
        upstream: &str,
        settings: &str,
    ) -> Self {
        let backend = net.helper(backend_host, "live::helper_backend", &backend_at);
        Self::started(
            net,
            (backend_host, &backend_at, backend),
            proxy,
            upstream,
            settings,
        )
    }

    /// The same with a backend of its own, which is run on that host and then listens there.
    fn started(
        net: Net,
        (backend_host, backend_at, mut backend): (&str, &str, Command),
        (proxy_host, proxy_at): (&str, String),
        upstream: &str,
        settings: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("nginx.conf");
        let path = folder.path().display();
        fs::write(
            &config,
            format!(
                "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log; events {{}} http {{ access_log off; \
                 client_body_temp_path {path}; proxy_temp_path {path}; fastcgi_temp_path {path}; \
                 uwsgi_temp_path {path}; scgi_temp_path {path}; \
                 server {{ listen {proxy_at}; location / {{ proxy_pass http://{upstream}; {settings} }} }} }}"
            ),
        )
        .unwrap();
        let backend = backend.stdout(Stdio::null()).spawn();
        let nginx = net
            .command(proxy_host, "nginx")
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let stage = Self {
            net,
            _backend: Running(backend.unwrap()),
            _nginx: Running(nginx.unwrap()),
            _folder: folder,
        };
        stage.wait_for(backend_host, backend_at);
        stage.wait_for(proxy_host, &proxy_at);
        stage
    }

    /// Waits until something listens there, without a packet: by the list of sockets.
    fn wait_for(&self, host: &str, address: &str) {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            let listening = self
                .net
                .command(host, "ss")
                .args(["-Hltn"])
                .output()
                .unwrap();
            if String::from_utf8_lossy(&listening.stdout).contains(address) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nothing listens on {address}");
    }

    fn capture(&self, interfaces: &[&str]) -> Capture {
        self.listen(&[env!("CARGO_BIN_EXE_wscap")], interfaces)
    }

    /// By this program, which may be started by another.
    pub(crate) fn listen(&self, program: &[&str], interfaces: &[&str]) -> Capture {
        let mut child = self
            .net
            .command("p", program[0])
            .args(&program[1..])
            .args(interfaces)
            .args(["--json", "--stats-interval", "1s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, told) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("{line}");
                let _ = sender.send(line);
            }
        });
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str::<Value>(&line).unwrap());
            }
        });
        let capture = Capture {
            child: Running(child),
            lines,
            told,
        };
        // The first health line says that it listens.
        capture.wait("health");
        capture
    }

    /// One handshake by a client in its namespace; what it was answered.
    pub(crate) fn ask(&self) -> String {
        self.ask_from("c", &format!("{PROXY}:80"))
    }

    pub(crate) fn ask_from(&self, host: &str, address: &str) -> String {
        let output = self
            .net
            .helper(host, "live::helper_client", address)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

pub(crate) struct Capture {
    pub(crate) child: Running,
    lines: mpsc::Receiver<Value>,
    /// Standard error.
    pub(crate) told: mpsc::Receiver<String>,
}

impl Capture {
    pub(crate) fn wait(&self, kind: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(10);
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            if line["type"] == kind {
                return line;
            }
        }
        panic!("no {kind} line came");
    }

    fn next_line(&mut self, kind: &str) -> Value {
        self.wait(kind)
    }

    /// Ctrl-C; the summary that it prints.
    pub(crate) fn interrupt(mut self) -> Value {
        let id = self.child.0.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        let summary = self.wait("summary");
        let status = self.child.0.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        summary
    }
}

fn argument() -> Option<String> {
    std::env::var("WSCAP_TEST_ARGUMENT").ok()
}

/// A real WebSocket server, run as a process inside a namespace by the tests above.
#[test]
#[ignore = "a process for the tests above"]
fn helper_backend() {
    let Some(address) = argument() else { return };
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        // One at a time is enough; what is no handshake is hung up on.
        let Ok(mut socket) = tungstenite::accept(stream.unwrap()) else {
            continue;
        };
        while let Ok(message) = socket.read() {
            if message.is_text() {
                let _ = socket.send(message);
            }
        }
    }
}

/// A client that asks once, says hello where it is let in, and closes.
#[test]
#[ignore = "a process for the tests above"]
fn helper_client() {
    let Some(address) = argument() else { return };
    println!("{}", ask(&address, "/ws", "AAECAwQFBgcICQoLDA0ODw=="));
}

/// Clients that ask one after the other, where they are let in and where they are not, until they are killed.
#[test]
#[ignore = "a process for the tests of the screen"]
fn helper_crowd() {
    let Some(address) = argument() else { return };
    for n in 0..u64::MAX {
        let key = data_encoding::BASE64.encode(&u128::from(n).to_be_bytes());
        let path = if n % 2 == 0 { "/ws" } else { "/good" };
        ask(&address, path, &key);
    }
}

/// The first line of the answer.
fn ask(address: &str, path: &str, key: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .unwrap();
    let mut answer = [0; 512];
    let n = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..n]);
    let first = answer.lines().next().unwrap_or_default().to_owned();
    if answer.starts_with("HTTP/1.1 101") {
        // A masked text frame, then a masked Close with 1000.
        stream
            .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
            .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream
            .write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
            .unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    first
}
