//! Node and npm `ws`, with the scripts that the captures were recorded with: where both are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::net::{Net, has};

/// Where the library is.
pub(crate) struct Node {
    modules: PathBuf,
}

impl Node {
    /// `None` where node or the library is missing; says so.
    pub(crate) fn with_ws() -> Option<Self> {
        let found = has("node").then(Self::find).flatten();
        if found.is_none() {
            println!(
                "skipped: real `ws`, as node or its library is missing; `.ci/setup test` installs them"
            );
        }
        found
    }

    /// Where Debian's package puts it, and where `captures/record/setup.sh` does.
    fn find() -> Option<Self> {
        let recorder = std::env::var_os("WSCAP_RECORD_DIR").map(PathBuf::from);
        let recorder = recorder.unwrap_or_else(|| std::env::temp_dir().join("wscap-record"));
        let places = [
            PathBuf::from("/usr/share/nodejs"),
            recorder.join("node/node_modules"),
        ];
        let modules = places.into_iter().find(|place| {
            let loads = Command::new("node")
                .args(["-e", "require('ws').WebSocketServer.name"])
                .env("NODE_PATH", place)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            loads.is_ok_and(|status| status.success())
        })?;
        Some(Self { modules })
    }

    /// An echo server on that port of a host.
    pub(crate) fn server(&self, net: &Net, host: &str, port: &str) -> Command {
        self.command(net, host, "ws_server.js", [port, "{}"])
    }

    /// Clients on a host that each ask these URLs in turn, say hello where they are let in and close with 1000, until they
    /// are killed.
    pub(crate) fn clients(&self, net: &Net, host: &str, urls: &[String]) -> Command {
        let plan =
            r#"{"crowd": 8, "times": 1000000, "quit": 600000, "say": ["hello"], "close": [1000]}"#;
        self.command(net, host, "ws_client.js", [&urls.join(" "), plan])
    }

    fn command(&self, net: &Net, host: &str, script: &str, arguments: [&str; 2]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("captures/record/endpoints")
            .join(script);
        let mut command = net.command(host, "node");
        command
            .arg(script)
            .args(arguments)
            .env("NODE_PATH", &self.modules)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}
