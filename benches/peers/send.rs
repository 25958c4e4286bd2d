//! Plays the packets of a capture onto an interface at a steady rate; meant for a veth in a namespace of its own.

use std::fs;
use std::io::{IoSlice, Result};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, ControlMessage, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind,
    sendmmsg, setsockopt, socket, sockopt,
};

/// Packets between two looks at the clock, handed to the kernel as one.
const BURST: usize = 32;

/// Sends at most `count` packets, `rate` a second or, if that is 0, as fast as it goes.
#[expect(clippy::disallowed_methods, reason = "a rate is held by the clock")]
pub(crate) fn run(path: &str, interface: &str, (count, rate): (usize, f64)) -> Result<String> {
    let capture = fs::read(path)?;
    let mut packets = packets(capture.get(24..).unwrap_or_default());
    packets.truncate(count);
    let (socket, link) = open(interface)?;
    let mut headers = MultiHeaders::preallocate(BURST, None);
    let none: [ControlMessage<'_>; 0] = [];
    let begin = Instant::now();
    let mut sent = 0;
    while sent < packets.len() {
        if rate > 0.0 {
            let due = Duration::from_secs_f64(sent as f64 / rate);
            while begin.elapsed() < due {}
        }
        let burst: Vec<[IoSlice<'_>; 1]> = packets[sent..]
            .iter()
            .take(BURST)
            .map(|packet| [IoSlice::new(packet)])
            .collect();
        let to = vec![Some(link); burst.len()];
        sent += sendmmsg(
            socket.as_raw_fd(),
            &mut headers,
            &burst,
            &to,
            none,
            MsgFlags::empty(),
        )?
        .count();
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(serde_json::json!({"sent": sent, "seconds": seconds}).to_string())
}

/// A socket that sends there and receives nothing.
fn open(interface: &str) -> Result<(OwnedFd, LinkAddr)> {
    let link = getifaddrs()?
        .filter(|known| known.interface_name == interface)
        .find_map(|known| known.address?.as_link_addr().copied())
        .ok_or_else(|| std::io::Error::other(format!("no interface {interface}")))?;
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::empty(),
        None,
    )?;
    setsockopt(&socket, sockopt::SndBuf, &(4 << 20))?;
    bind(socket.as_raw_fd(), &link)?;
    Ok((socket, link))
}

fn packets(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some((head, behind)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((packet, behind)) = behind.split_at_checked(len) else {
            break;
        };
        packets.push(packet);
        rest = behind;
    }
    packets
}
