//! What tshark says of a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Facts, OPCODES};

/// The version whose differences the table explains: another one errs elsewhere.
pub(super) const VERSION: &str = "4.0.";

/// Stands between values of one field in one frame; tshark writes control characters of values as escapes.
const BETWEEN: char = '\u{1f}';

const FIELDS: &[&str] = &[
    "frame.number",
    "tcp.stream",
    // The innermost address of the packet, where tunnels have more than one.
    "_ws.col.Source",
    "tcp.srcport",
    "http.request.method",
    "http.request.uri",
    "http.request.line",
    "http.response.code",
    "http.request_in",
    "websocket.opcode",
    "websocket.payload.close.status_code",
];

const PREFERENCES: &[&str] = &[
    // A head is in the frame that completes it, whatever the length of the body.
    "http.desegment_body:FALSE",
    // HTTP is found on any port, also on those of other protocols.
    "tcp.try_heuristic_first:TRUE",
    "tcp.reassemble_out_of_order:TRUE",
];

/// Files that hold no handshake, with the ports that tshark must be told to read as WebSocket.
const WITHOUT_HANDSHAKE: &[(&str, &[&str])] = &[(
    "transport/begun_after_the_101.pcapng",
    &["tcp.port==80,websocket", "tcp.port==8080,websocket"],
)];

/// Why tshark cannot be asked here.
pub(super) fn why_not() -> Option<String> {
    let Ok(output) = Command::new("tshark").arg("--version").output() else {
        return Some("tshark is not installed".to_owned());
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default();
    let known = first
        .split_once(' ')
        .is_some_and(|(_, rest)| rest.trim_start_matches("(Wireshark) ").starts_with(VERSION));
    (!known).then(|| format!("the differences are those of tshark {VERSION}x, here is {first}"))
}

#[derive(Debug, Default)]
struct Stream {
    requests: Vec<Request>,
    /// Number of the frame of the request, of the answer, its status.
    answers: Vec<(Option<u64>, u64, u64)>,
    /// Sender, opcode.
    frames: Vec<(String, u64)>,
    /// Sender and code of the first Close.
    close: Option<(String, Option<u64>)>,
}

#[derive(Debug)]
struct Request {
    frame: u64,
    from: String,
    method: String,
    target: String,
    /// It asks for an upgrade, or has a field that belongs to WebSocket.
    asks: bool,
}

/// Asks tshark. Of plain HTTP exchanges those are told that `other` tells of.
/// `settings` is an empty folder: what a user has set up is not to count.
pub(super) fn facts(file: &Path, settings: &Path, other: &Facts) -> Facts {
    // One pass: in a second one (-2) a stream that goes over to HTTP/2 has no 101 any more.
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-Y", "http or websocket", "-T", "fields"])
        .arg(format!("-Eaggregator={BETWEEN}"))
        .env("HOME", settings)
        .env("WIRESHARK_CONFIG_DIR", settings)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    for preference in PREFERENCES {
        command.args(["-o", preference]);
    }
    for (name, ports) in WITHOUT_HANDSHAKE {
        if file.ends_with(name) {
            ports.iter().for_each(|port| {
                command.args(["-d", port]);
            });
        }
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    // A file that ends in the middle of a packet is told up to there, as wscap does.
    let output = command
        .arg("-r")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut streams: BTreeMap<u64, Stream> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        frame(line, &mut streams);
    }
    let mut facts = Facts::default();
    for (number, stream) in &streams {
        state(*number, stream, other, &mut facts);
    }
    facts
}

fn frame(line: &str, streams: &mut BTreeMap<u64, Stream>) {
    let columns: Vec<Vec<&str>> = line
        .split('\t')
        .map(|column| {
            column
                .split(BETWEEN)
                .filter(|value| !value.is_empty())
                .collect()
        })
        .collect();
    let [
        number,
        stream,
        address,
        port,
        methods,
        targets,
        lines,
        statuses,
        asked_in,
        opcodes,
        codes,
    ] = columns.as_slice()
    else {
        panic!("{} columns: {line}", columns.len());
    };
    // HTTP over something else than TCP.
    let (Some(stream), Some(port)) = (stream.last(), port.last()) else {
        return;
    };
    let stream = streams.entry(stream.parse().unwrap()).or_default();
    let number = number[0].parse().unwrap();
    let address = address.last().unwrap();
    let from = if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    };
    let asks = lines.iter().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("upgrade:") || line.starts_with("sec-websocket-")
    });
    for (method, target) in methods.iter().zip(targets) {
        stream.requests.push(Request {
            frame: number,
            from: from.clone(),
            method: (*method).to_owned(),
            target: (*target).to_owned(),
            asks,
        });
    }
    for (at, status) in statuses.iter().enumerate() {
        let asked = asked_in.get(at).map(|frame| frame.parse().unwrap());
        stream
            .answers
            .push((asked, number, status.parse().unwrap()));
    }
    for opcode in opcodes {
        let opcode = opcode.parse().unwrap();
        stream.frames.push((from.clone(), opcode));
        if opcode == 8 && stream.close.is_none() {
            let code = codes.first().map(|code| code.parse().unwrap());
            stream.close = Some((from.clone(), code));
        }
    }
}

fn state(number: u64, stream: &Stream, other: &Facts, facts: &mut Facts) {
    let mut put = |what: String, value: String| facts.said.insert((number, what), value);
    for request in &stream.requests {
        let frame = request.frame;
        let named = other
            .said
            .contains_key(&(number, format!("target of {frame}")));
        if !request.asks && !named {
            continue;
        }
        put(format!("client of {frame}"), request.from.clone());
        put(format!("method of {frame}"), request.method.clone());
        put(format!("target of {frame}"), request.target.clone());
        // A 101 is final, other answers below 200 are not.
        let answer = stream
            .answers
            .iter()
            .find(|(asked, _, status)| *asked == Some(frame) && (*status == 101 || *status >= 200));
        if let Some((_, at, status)) = answer {
            put(format!("status of {frame}"), status.to_string());
            put(format!("answer to {frame}"), at.to_string());
        }
    }
    for (_, at, status) in stream
        .answers
        .iter()
        .filter(|(asked, _, _)| asked.is_none())
    {
        let named = other
            .said
            .contains_key(&(number, format!("status in {at}")));
        if *status == 101 || named {
            put(format!("status in {at}"), status.to_string());
        }
    }
    let client = stream
        .requests
        .first()
        .map(|request| request.from.clone())
        .or_else(|| other.clients.get(&number).cloned())
        .unwrap_or_default();
    let side = |from: &str| if from == client { "client" } else { "server" };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (from, opcode) in &stream.frames {
        let name = OPCODES
            .iter()
            .find(|(known, _)| known == opcode)
            .map_or("other", |(_, name)| name);
        *counts
            .entry(format!("{name} of {}", side(from)))
            .or_default() += 1;
    }
    for (what, count) in counts {
        put(what, count.to_string());
    }
    if let Some((from, code)) = &stream.close {
        let code = code.map_or_else(|| "empty".to_owned(), |code| code.to_string());
        put(
            "first close".to_owned(),
            format!("{code} of {}", side(from)),
        );
    }
    if facts.said.keys().any(|(stream, _)| *stream == number) {
        facts.streams.insert(number);
    }
}
