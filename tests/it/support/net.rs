//! A client, a proxy and a backend in network namespaces of their own, made by the test and gone with it.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Address of the client.
pub(crate) const CLIENT: &str = "10.1.0.2";
/// The proxy's address towards the client.
pub(crate) const PROXY: &str = "10.1.0.1";
/// The proxy's address towards the backend.
pub(crate) const PROXY_INNER: &str = "10.2.0.1";
/// Address of the backend.
pub(crate) const BACKEND: &str = "10.2.0.2";

/// Three hosts in a row: client, proxy, backend.
pub(crate) struct Net {
    prefix: String,
}

/// Why a test that needs namespaces cannot run here; `None` where it can.
pub(crate) fn why_not(tools: &[&str]) -> Option<String> {
    if !is_root() {
        return Some("it needs root, to make network namespaces".into());
    }
    let missing: Vec<_> = tools.iter().filter(|tool| !has(tool)).collect();
    if !missing.is_empty() {
        return Some(format!(
            "these tools are missing: {missing:?}; `.ci/setup test` installs them"
        ));
    }
    let name = format!("{}-probe", fresh_prefix());
    let usable = ip(&["netns", "add", &name])
        && ip(&["-n", &name, "link", "set", "lo", "up"])
        && ip(&["netns", "exec", &name, "true"]);
    ip(&["netns", "del", &name]);
    (!usable).then(|| "this system does not let us make network namespaces".into())
}

/// A name that no other test of this or another run has.
fn fresh_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "wst{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id")
        .arg("-u")
        .output()
        .map(|out| out.stdout)
        .unwrap_or_default();
    id.trim_ascii() == b"0"
}

pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

impl Net {
    pub(crate) fn new() -> Self {
        let net = Self {
            prefix: fresh_prefix(),
        };
        for host in ["c", "p", "b"] {
            assert!(
                ip(&["netns", "add", &net.name(host)]),
                "no namespace {host}"
            );
            net.ip(host, &["link", "set", "lo", "up"]);
        }
        net.link(("c", CLIENT), ("p", PROXY, "outer"));
        net.link(("b", BACKEND), ("p", PROXY_INNER, "inner"));
        net.ip("c", &["route", "add", "default", "via", PROXY]);
        net.ip("b", &["route", "add", "default", "via", PROXY_INNER]);
        net
    }

    /// Joins a host to the proxy by a pair of interfaces; the proxy's end has that name.
    fn link(&self, (host, address): (&str, &str), (proxy, inner, name): (&str, &str, &str)) {
        let (a, b) = (self.name(host), self.name(proxy));
        assert!(ip(&[
            "link", "add", "eth0", "netns", &a, "type", "veth", "peer", "name", name, "netns", &b
        ]));
        self.ip(
            host,
            &["addr", "add", &format!("{address}/24"), "dev", "eth0"],
        );
        self.ip(host, &["link", "set", "eth0", "up"]);
        self.ip(proxy, &["addr", "add", &format!("{inner}/24"), "dev", name]);
        self.ip(proxy, &["link", "set", name, "up"]);
    }

    fn name(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// Changes the interfaces of a host.
    pub(crate) fn ip(&self, host: &str, arguments: &[&str]) {
        let name = self.name(host);
        let all: Vec<&str> = ["-n", &name]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        assert!(ip(&all), "ip {all:?}");
    }

    /// A command inside a host: `c`, `p` or `b`.
    pub(crate) fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host), program]);
        command
    }

    /// Runs one of the ignored tests of this binary as a process inside a host.
    pub(crate) fn helper(&self, host: &str, test: &str, argument: &str) -> Command {
        let this = std::env::current_exe().unwrap();
        let mut command = self.command(host, this.to_str().unwrap());
        command.args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        command.env("WSCAP_TEST_ARGUMENT", argument);
        command
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in ["c", "p", "b"] {
            ip(&["netns", "del", &self.name(host)]);
        }
    }
}

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip")
        .args(arguments)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
