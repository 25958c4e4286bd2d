//! What clients ask, what hops make of it, and what servers answer.

use std::fmt::Write as _;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use super::outcome::{Answer, Did};
use super::rng::Rng;
use super::socket::Socket;
use super::wire::{Leg, POOL, Pools};

/// How a request looks on some leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As the client wrote it.
    Sent,
    /// Passed on as it is.
    Passed,
    /// Passed on over HTTP/1.0, Upgrade kept.
    Passed10,
    /// Passed on over HTTP/1.0, Upgrade lost.
    Cut10,
    /// The sub-request of a hop: may this client in?
    Asked,
    /// Upgrade was lost before the one leg that is seen.
    Cut11,
}

/// A browser with its cookies.
pub(crate) fn browser(rng: &mut Rng) -> String {
    const AGENTS: &[&str] = &[
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
         Mobile/15E148 Safari/604.1",
    ];
    let agent = rng.pick(AGENTS);
    let [a, b, c, d] = [(); 4].map(|()| rng.next());
    format!(
        "User-Agent: {agent}\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-GB,en;q=0.9\r\n\
         Cookie: session={a:016x}{b:016x}; theme=dark; _ga=GA1.1.{}.{}\r\n",
        c as u32, d as u32
    )
}

fn key(seed: u64) -> String {
    let mut rng = Rng(seed);
    BASE64.encode(
        [rng.next(), rng.next()]
            .map(u64::to_le_bytes)
            .as_flattened(),
    )
}

/// RFC 6455 §4.2.2, made without the code that is measured.
fn accept(socket: &Socket) -> String {
    let mut hash = Sha1::new();
    hash.update(key(socket.seed));
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut digest = hash.finalize();
    if socket.answer == Answer::WrongAccept {
        digest[7] ^= 0x55;
    }
    BASE64.encode(&digest)
}

/// The request of an attempt; `client` is its first leg. What two legs have in common is drawn from its seed.
pub(crate) fn request(socket: &Socket, client: &Leg, form: Form) -> Vec<u8> {
    let mut rng = Rng(!socket.seed);
    let cut = matches!(form, Form::Cut10 | Form::Asked | Form::Cut11);
    let version = u8::from(matches!(form, Form::Sent | Form::Passed | Form::Cut11));
    let hop = socket
        .hop
        .filter(|_| !matches!(form, Form::Sent | Form::Cut11));
    let path = rng.pick(&["ws", "socket.io"]);
    let target = format!("/{path}/{}?token={:016x}", rng.below(1000), rng.next());
    let asked = if form == Form::Asked {
        "/auth"
    } else {
        &target
    };
    let host = rng.below(20);

    let mut head = format!("GET {asked} HTTP/1.{version}\r\n");
    let _ = if hop.is_some_and(|hop| hop.new_host) {
        write!(head, "Host: backend{host}:3000\r\n")
    } else {
        write!(head, "Host: rt{host}.example.com\r\n")
    };
    if hop.is_some_and(|hop| hop.forwarded) {
        let _ = write!(head, "X-Forwarded-For: {}\r\n", client.client());
    }
    if form == Form::Asked && hop.is_some_and(|hop| hop.marked) {
        let _ = write!(head, "X-Original-URI: {target}\r\n");
    }
    let connection = match () {
        () if cut => "close",
        () if hop.is_some() => "upgrade",
        () if rng.below(5) == 0 => "keep-alive, Upgrade",
        () => "Upgrade",
    };
    let _ = write!(head, "Connection: {connection}\r\nPragma: no-cache\r\n");
    head += &browser(&mut Rng(socket.seed ^ 1));
    if !cut {
        head += "Upgrade: websocket\r\n";
    }
    head += "Origin: https://app.example.com\r\nSec-WebSocket-Version: 13\r\n";
    let _ = write!(head, "Sec-WebSocket-Key: {}\r\n", key(socket.seed));
    if socket.deflate {
        head += "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    }
    if offers_subprotocols(socket) {
        head += "Sec-WebSocket-Protocol: graphql-ws, chat\r\n";
    }
    head += "\r\n";
    if hop.is_some_and(|hop| hop.lower_case) {
        head = in_lower_case(&head);
    }
    head.into_bytes()
}

const fn offers_subprotocols(socket: &Socket) -> bool {
    socket.seed.is_multiple_of(3)
}

/// The answer of an attempt; on both of its legs the same, save for the case of the field names.
pub(crate) fn answer(socket: &Socket, pools: &Pools, relayed: bool) -> Vec<u8> {
    let mut rng = Rng(socket.seed ^ 2);
    let (status, upgrade, length) = match socket.answer {
        Answer::Stripped200 => ("200 OK", "", rng.range(200, 1200)),
        Answer::Status400 => ("400 Bad Request", "", rng.range(60, 500)),
        Answer::Status403 => ("403 Forbidden", "", rng.range(60, 500)),
        Answer::Status502 => ("502 Bad Gateway", "", rng.range(60, 500)),
        Answer::Status426 => (
            "426 Upgrade Required",
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            rng.range(60, 500),
        ),
        _ => ("", "", 0),
    };
    let mut head = if socket.answer.is_101() {
        let mut head = String::from(
            "HTTP/1.1 101 Switching Protocols\r\nServer: nginx/1.25.5\r\nDate: Mon, 01 Jul 2024 10:00:00 GMT\r\n",
        );
        if socket.answer != Answer::NoConnection {
            head += "Connection: upgrade\r\n";
        }
        if socket.answer != Answer::NoUpgrade {
            head += "Upgrade: websocket\r\n";
        }
        let _ = write!(head, "Sec-WebSocket-Accept: {}\r\n", accept(socket));
        if socket.deflate {
            head += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
        }
        if offers_subprotocols(socket) {
            head += "Sec-WebSocket-Protocol: graphql-ws\r\n";
        }
        head + "\r\n"
    } else {
        format!(
            "HTTP/1.1 {status}\r\nServer: nginx/1.25.5\r\nContent-Type: text/html\r\n{upgrade}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    if relayed
        && socket
            .hop
            .is_some_and(|hop| hop.lower_case && hop.did != Did::Closed)
    {
        head = in_lower_case(&head);
    }
    let start = rng.below(POOL / 2) as usize;
    let mut bytes = head.into_bytes();
    bytes.extend(&pools.text[start..start + length as usize]);
    bytes
}

/// The field names of a head.
fn in_lower_case(head: &str) -> String {
    let mut lines = head.split_inclusive("\r\n");
    let first = lines.next().unwrap_or_default();
    let fields = lines.map(|line| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    });
    std::iter::once(first.to_owned()).chain(fields).collect()
}
