//! Both ends of the load: a server that lets in and refuses, and clients that are honest, and that are not.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etherparse::PacketBuilder;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};

fn argument() -> Option<String> {
    std::env::var("WSCAP_TEST_ARGUMENT").ok()
}

/// Lets in whoever asks for anything but `/refused`, and says again what it hears. A thread for each.
#[test]
#[ignore = "a process for the tests of live loads"]
fn helper_server() {
    let Some(address) = argument() else { return };
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        thread::spawn(move || serve(stream));
    }
}

#[allow(clippy::result_large_err, reason = "the library wants it so")]
fn serve(stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let _ = stream.set_nodelay(true);
    let answer = |request: &Request, response: Response| {
        if request.uri().path() == "/refused" {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = tungstenite::http::StatusCode::FORBIDDEN;
            return Err(refusal);
        }
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, answer) else {
        return;
    };
    while let Ok(message) = socket.read() {
        if message.is_text() && socket.send(message).is_err() {
            return;
        }
    }
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    /// Upgrades whose head was sent whole.
    asked: AtomicU64,
    /// Of the honest ones those that were let in.
    opened: AtomicU64,
    mischief: AtomicU64,
    over: AtomicBool,
}

fn count(of: &AtomicU64) -> u64 {
    of.fetch_add(1, Ordering::Relaxed)
}

/// `mixed SECONDS SERVER`: everything at a steady rate. `flood SECONDS SERVER`: forged packets as fast as they go out;
/// `flood-at RATE SECONDS SERVER`: so many a second. `honest SECONDS SERVER`: a few that hurt nobody.
#[test]
#[ignore = "a process for the tests of live loads"]
fn helper_load() {
    let Some(argument) = argument() else { return };
    let words: Vec<&str> = argument.split(' ').collect();
    let server: SocketAddrV4 = words.last().unwrap().parse().unwrap();
    let seconds = words[words.len() - 2].parse().unwrap();
    let done = Done::default();
    thread::scope(|scope| {
        match words[0] {
            "mixed" => {
                for n in 0..30 {
                    scope.spawn({
                        let done = &done;
                        move || long(done, server, n)
                    });
                }
                scope.spawn(|| short(&done, server, 40));
                scope.spawn(|| refused(&done, server, 5));
                scope.spawn(|| clumsy(&done, server, 10));
                scope.spawn(|| forged(&done, server, Some(150), NOISE));
            }
            "honest" => {
                for n in 0..3 {
                    scope.spawn({
                        let done = &done;
                        move || long(done, server, n)
                    });
                }
                scope.spawn(|| short(&done, server, 10));
            }
            "flood" => drop(scope.spawn(|| forged(&done, server, None, FRAMES))),
            "flood-at" => {
                let rate = words[1].parse().unwrap();
                scope.spawn({
                    let done = &done;
                    move || forged(done, server, Some(rate), FRAMES)
                });
            }
            other => panic!("{other}?"),
        }
        thread::sleep(Duration::from_secs(seconds));
        done.over.store(true, Ordering::Relaxed);
    });
    // The harness has begun a line.
    println!();
    for (name, of) in [
        ("asked", &done.asked),
        ("opened", &done.opened),
        ("mischief", &done.mischief),
    ] {
        println!("{name}: {}", of.load(Ordering::Relaxed));
    }
}

/// Does something so many times a second until all is over.
fn at_a_rate(done: &Done, rate: u64, mut act: impl FnMut(u64)) {
    let began = Instant::now();
    for n in 0.. {
        if done.over.load(Ordering::Relaxed) {
            return;
        }
        act(n);
        let due = Duration::from_micros(n * 1_000_000 / rate);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

/// A connection over which a whole request was sent.
fn ask(done: &Done, server: SocketAddrV4, host: &str, path: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_nodelay(true).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    let n = count(&done.asked);
    let mixed = (u128::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let key = data_encoding::BASE64.encode(&mixed.to_be_bytes());
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    Some(stream)
}

/// An honest client that is let in.
fn open(done: &Done, server: SocketAddrV4) -> TcpStream {
    let mut stream = ask(done, server, "honest.example", "/ws").expect("a server");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "let in");
    count(&done.opened);
    stream
}

/// Says hello, hears it, says goodbye and hears that.
fn hello(stream: &mut TcpStream) {
    stream
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(echo, [0x81, 2, b'h', b'i']);
}

fn goodbye(mut stream: TcpStream) {
    let _ = stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

fn short(done: &Done, server: SocketAddrV4, rate: u64) {
    at_a_rate(done, rate, |_| {
        let mut stream = open(done, server);
        hello(&mut stream);
        goodbye(stream);
    });
}

/// Stays, and has something to say a few times a second.
fn long(done: &Done, server: SocketAddrV4, n: u64) {
    thread::sleep(Duration::from_millis(n * 37));
    let mut stream = open(done, server);
    at_a_rate(done, 4, |_| hello(&mut stream));
    goodbye(stream);
}

fn refused(done: &Done, server: SocketAddrV4, rate: u64) {
    at_a_rate(done, rate, |_| {
        if let Some(mut stream) = ask(done, server, "refused.example", "/refused") {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        }
    });
}

/// Clients that do everything wrong, over real connections: each says one thing, and leaves.
fn clumsy(done: &Done, server: SocketAddrV4, rate: u64) {
    let noise: Vec<u8> = (0..3_000_u32)
        .map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()[0])
        .collect();
    let fields = [b"GET /ws HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(400)].concat();
    let sayings: [&[u8]; 6] = [
        &noise,
        b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: webso",
        &fields,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffff\r\nx",
        b"",
    ];
    let frames: [&[u8]; 4] = [
        &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5],
        &[
            0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xff, 0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xff,
        ],
        &[0xff; 40],
        b"HTTP/1.1 200 OK\r\n\r\n",
    ];
    let mut kept = std::collections::VecDeque::new();
    at_a_rate(done, rate, |n| {
        count(&done.mischief);
        let at = usize::try_from(n).unwrap();
        let stream = if n % 2 == 0 {
            TcpStream::connect(server)
                .ok()
                .map(|stream| (stream, sayings[at / 2 % sayings.len()]))
        } else {
            let stream = ask(done, server, "clumsy.example", "/ws");
            stream.map(|stream| (stream, frames[at / 2 % frames.len()]))
        };
        let Some((mut stream, words)) = stream else {
            return;
        };
        let _ = stream.write_all(words);
        // Some leave at once, some hang on.
        kept.push_back(stream);
        if kept.len() > 20 || n % 3 == 0 {
            kept.pop_front();
        }
    });
}

/// What forged segments carry, over and over. Frames look like a WebSocket that was joined in the middle, which is followed
/// from there on: there are more and more of these.
const FRAMES: &[u8] = b"\x81\x85\x01\x02\x03\x04hello";
const NOISE: &[u8] = b"\x00\x13noise, no";

/// Packets that no stack would send, from everywhere.
fn forged(done: &Done, server: SocketAddrV4, rate: Option<u64>, data: &[u8]) {
    let raw = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::empty(),
        SockProtocol::Raw,
    )
    .unwrap();
    let mut packet = Vec::new();
    let mut send = |n: u64| {
        count(&done.mischief);
        packet.clear();
        forge(n, server, data, &mut packet);
        // A full queue is a packet less.
        let _ = put(&raw, *server.ip(), &packet);
    };
    if let Some(rate) = rate {
        return at_a_rate(done, rate, send);
    }
    let mut n = 0;
    while !done.over.load(Ordering::Relaxed) {
        send(n);
        n += 1;
    }
}

fn put(raw: &OwnedFd, to: Ipv4Addr, packet: &[u8]) -> nix::Result<usize> {
    let to = SockaddrIn::from(SocketAddrV4::new(to, 0));
    sendto(raw.as_raw_fd(), packet, &to, MsgFlags::empty())
}

/// A SYN; now and then a segment of nothing that was opened, a RST, or the first fragment of a datagram.
fn forge(n: u64, server: SocketAddrV4, data: &[u8], packet: &mut Vec<u8>) {
    let mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [_, a, b, c, seq @ ..] = mixed.to_be_bytes();
    let from = [11, a, b, c];
    let port = 1_024 | u16::from_be_bytes([b, c]);
    let seq = u32::from_be_bytes(seq);
    let tcp =
        PacketBuilder::ipv4(from, server.ip().octets(), 64).tcp(port, server.port(), seq, 64_000);
    let data = data.repeat(12);
    match n % 8 {
        5 => tcp.ack(1).write(packet, &data),
        6 => tcp.rst().write(packet, b""),
        7 => tcp.ack(1).write(packet, &data[..124]),
        _ => tcp.syn().write(packet, b""),
    }
    .unwrap();
    if n % 8 == 7 {
        // More is to come, and never does.
        packet[6] = 0x20;
    }
}
