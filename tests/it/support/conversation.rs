//! A TCP connection written down as a conversation, and made into packets.
//!
//! ```ignore
//! let records = Conversation::new()
//!     .isn(u32::MAX - 5, 7)
//!     .client(b"GET /ws HTTP/1.1\r\n...")
//!     .server(b"HTTP/1.1 101 Switching Protocols\r\n...")
//!     .close()
//!     .records();
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::{
    IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6Header, PacketBuilder,
    TcpHeader,
};
use wscap::record::LinkType;
use wscap::time::{Stamp, Timestamp};

use super::OwnedRecord;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Client,
    Server,
}

/// One connection between a client and a server; packets are made as it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    client: SocketAddr,
    server: SocketAddr,
    isn: Option<[u32; 2]>,
    segment_size: usize,
    pace: Duration,
    joined_mid_stream: bool,
    start: Timestamp,
    says: Vec<Say>,
}

#[derive(Clone, Debug)]
enum Say {
    Data(Who, Vec<u8>),
    Fin(Who),
    Rst(Who),
    Wait(Duration),
}

/// A TCP header in the making.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bits {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        Self {
            client: "10.1.0.2:50208".parse().unwrap(),
            server: "10.0.0.5:80".parse().unwrap(),
            isn: None,
            segment_size: 1448,
            pace: Duration::from_millis(1),
            joined_mid_stream: false,
            start: Timestamp::from_secs(1_700_000_000, 0),
            says: Vec::new(),
        }
    }

    /// Addresses and ports of both ends: both IPv4 or both IPv6.
    pub(crate) fn endpoints(mut self, client: &str, server: &str) -> Self {
        self.client = client.parse().unwrap();
        self.server = server.parse().unwrap();
        self
    }

    /// Initial sequence numbers; else they follow from the addresses, as RFC 6528 has it.
    pub(crate) fn isn(mut self, client: u32, server: u32) -> Self {
        self.isn = Some([client, server]);
        self
    }

    fn first_numbers(&self) -> [u32; 2] {
        self.isn.unwrap_or_else(|| {
            let port = |end: SocketAddr| u32::from(end.port());
            let mixed = port(self.client) * 40_503 + port(self.server) * 7_919;
            [1_000 + mixed, 900_000 + mixed]
        })
    }

    /// The largest payload of a segment.
    pub(crate) fn segment_size(mut self, bytes: usize) -> Self {
        self.segment_size = bytes;
        self
    }

    /// Time from one packet to the next.
    pub(crate) fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// When the first packet is captured.
    pub(crate) fn start(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }

    /// The capture began after the handshake of TCP.
    pub(crate) fn mid_stream(mut self) -> Self {
        self.joined_mid_stream = true;
        self
    }

    /// The client sends, and the server acknowledges.
    pub(crate) fn client(self, bytes: impl AsRef<[u8]>) -> Self {
        self.say(Say::Data(Who::Client, bytes.as_ref().to_vec()))
    }

    /// The server sends, and the client acknowledges.
    pub(crate) fn server(self, bytes: impl AsRef<[u8]>) -> Self {
        self.say(Say::Data(Who::Server, bytes.as_ref().to_vec()))
    }

    /// Nothing happens.
    pub(crate) fn wait(self, span: Duration) -> Self {
        self.say(Say::Wait(span))
    }

    /// One side has nothing more to send.
    pub(crate) fn fin(self, who: Who) -> Self {
        self.say(Say::Fin(who))
    }

    /// One side resets the connection.
    pub(crate) fn rst(self, who: Who) -> Self {
        self.say(Say::Rst(who))
    }

    /// Both sides end, the client first.
    pub(crate) fn close(self) -> Self {
        self.fin(Who::Client).fin(Who::Server)
    }

    fn say(mut self, say: Say) -> Self {
        self.says.push(say);
        self
    }

    /// The packets, as Ethernet frames.
    pub(crate) fn records(&self) -> Vec<OwnedRecord> {
        let mut wire = Wire {
            conversation: self,
            next: self.first_numbers(),
            ip_id: [100, 20_000],
            now: self.start,
            records: Vec::new(),
        };
        if self.joined_mid_stream {
            wire.next = wire.next.map(|isn| isn.wrapping_add(1));
        } else {
            let syn = Bits {
                syn: true,
                ..Bits::default()
            };
            wire.send(Who::Client, syn, b"");
            wire.send(Who::Server, Bits { ack: true, ..syn }, b"");
            wire.acknowledge(Who::Client);
        }
        for say in &self.says {
            match say {
                Say::Data(who, bytes) => {
                    for segment in bytes.chunks(self.segment_size.max(1)) {
                        wire.send(
                            *who,
                            Bits {
                                ack: true,
                                ..Bits::default()
                            },
                            segment,
                        );
                    }
                    wire.acknowledge(who.peer());
                }
                Say::Fin(who) => {
                    wire.send(
                        *who,
                        Bits {
                            fin: true,
                            ack: true,
                            ..Bits::default()
                        },
                        b"",
                    );
                    wire.acknowledge(who.peer());
                }
                Say::Rst(who) => wire.send(
                    *who,
                    Bits {
                        rst: true,
                        ..Bits::default()
                    },
                    b"",
                ),
                Say::Wait(span) => wire.now = wire.now.after(*span),
            }
        }
        wire.records
    }
}

impl Who {
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Both ends' sequence numbers while the packets are made.
struct Wire<'c> {
    conversation: &'c Conversation,
    next: [u32; 2],
    ip_id: [u16; 2],
    now: Timestamp,
    records: Vec<OwnedRecord>,
}

impl Wire<'_> {
    fn acknowledge(&mut self, who: Who) {
        self.send(
            who,
            Bits {
                ack: true,
                ..Bits::default()
            },
            b"",
        );
    }

    fn send(&mut self, who: Who, bits: Bits, payload: &[u8]) {
        let (me, peer) = (who as usize, who.peer() as usize);
        let (src, dst) = match who {
            Who::Client => (self.conversation.client, self.conversation.server),
            Who::Server => (self.conversation.server, self.conversation.client),
        };
        let mut tcp = TcpHeader::new(src.port(), dst.port(), self.next[me], 64_240);
        (tcp.syn, tcp.ack, tcp.fin, tcp.rst) = (bits.syn, bits.ack, bits.fin, bits.rst);
        if bits.ack {
            tcp.acknowledgment_number = self.next[peer];
        }
        tcp.psh = !payload.is_empty();
        self.ip_id[me] = self.ip_id[me].wrapping_add(1);
        let data = frame(src.ip(), dst.ip(), self.ip_id[me], tcp, payload);
        let at = Stamp {
            ts: self.now,
            frame: self.records.len() as u64 + 1,
            ..Stamp::default()
        };
        self.records
            .push(OwnedRecord::whole(at, LinkType::ETHERNET, data));
        self.now = self.now.after(self.conversation.pace);
        let taken =
            u32::try_from(payload.len()).unwrap() + u32::from(bits.syn) + u32::from(bits.fin);
        self.next[me] = self.next[me].wrapping_add(taken);
    }
}

/// An Ethernet frame with a TCP segment.
pub(crate) fn frame(
    src: IpAddr,
    dst: IpAddr,
    ip_id: u16,
    tcp: TcpHeader,
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let builder = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let mut ip = Ipv4Header::new(0, 64, IpNumber::TCP, src.octets(), dst.octets()).unwrap();
            ip.identification = ip_id;
            builder.ip(IpHeaders::Ipv4(ip, Ipv4Extensions::default()))
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let ip = Ipv6Header {
                source: src.octets(),
                destination: dst.octets(),
                hop_limit: 64,
                next_header: IpNumber::TCP,
                ..Ipv6Header::default()
            };
            builder.ip(IpHeaders::Ipv6(ip, Ipv6Extensions::default()))
        }
        _ => panic!("both ends have one version of IP"),
    };
    let builder = builder.tcp_header(tcp);
    let mut data = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut data, payload).unwrap();
    data
}
