//! Tests of the room as a whole: what is read out of one record.

use etherparse::{PacketBuilder, TcpHeader};

use super::*;

const AT: Stamp = Stamp {
    ts: Timestamp::from_secs(1_700_000_000, 0),
    frame: 1,
    source: 0,
    iface: 0,
};

/// A frame from 10.0.0.1:4000 to 10.0.0.2:80 with sequence number 7.
fn frame(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 61);
    let mut tcp = TcpHeader::new(4000, 80, 7, 512);
    tcp.ack = true;
    tcp.acknowledgment_number = 9;
    tcp.set_options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .unwrap();
    let mut data = Vec::new();
    builder.tcp_header(tcp).write(&mut data, payload).unwrap();
    data
}

/// The same as IPv6, without a link header, with these extension headers before TCP.
fn ipv6(extensions: &[u8], first: u8, tcp: &[u8]) -> Vec<u8> {
    let len = u16::try_from(extensions.len() + tcp.len())
        .unwrap()
        .to_be_bytes();
    let mut data = vec![0x60, 0, 0, 0, len[0], len[1], first, 61];
    data.extend([[0xfd; 16], [0xfe; 16]].concat());
    data.extend([extensions, tcp].concat());
    data
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    frame(payload).split_off(34)
}

fn ip(payload: &[u8]) -> Vec<u8> {
    frame(payload).split_off(14)
}

/// What is read out of these bytes of this link type: payload and bytes cut off, or why not.
fn read(link: LinkType, data: &[u8]) -> Result<(Vec<u8>, u32), String> {
    let whole = u32::try_from(data.len()).unwrap();
    read_cut(link, data, whole)
}

fn read_cut(link: LinkType, data: &[u8], wire_len: u32) -> Result<(Vec<u8>, u32), String> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut budget = Budget::new(1 << 20);
    let record = Record {
        at: AT,
        link,
        wire_len,
        data,
    };
    seen(decoder.push(&record, &mut budget))
}

fn seen(packet: Packet<'_>) -> Result<(Vec<u8>, u32), String> {
    match packet {
        Packet::Segment(segment) => {
            assert_eq!((segment.src.port, segment.dst.port), (4000, 80));
            assert_eq!((segment.seq, segment.ack, segment.window), (7, 9, 512));
            assert_eq!((segment.flags, segment.ttl), (Flags(Flags::ACK), 61));
            Ok((segment.payload.to_vec(), segment.missing))
        }
        Packet::Other => Err("other".into()),
        Packet::NotDecoded(why) => Err(format!("{why:?}")),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what is read")]
fn whole(payload: &[u8]) -> Result<(Vec<u8>, u32), String> {
    Ok((payload.to_vec(), 0))
}

#[test]
fn padding_behind_the_packet_is_no_payload() {
    let mut data = frame(b"a");
    data.extend([0; 20]);
    assert_eq!(read(LinkType::ETHERNET, &data), whole(b"a"));
    assert_eq!(read(LinkType::RAW, &data[14..]), whole(b"a"));
}

#[test]
fn a_length_of_zero_is_the_network_cards_business() {
    let mut data = frame(b"GET /");
    data[16..18].fill(0);
    assert_eq!(read(LinkType::ETHERNET, &data), whole(b"GET /"));
    let mut data = ipv6(&[], 6, &tcp(b"GET /"));
    data[4..6].fill(0);
    assert_eq!(read(LinkType::IPV6, &data), whole(b"GET /"));
}

#[test]
fn what_the_snap_length_cut_is_counted() {
    let data = frame(&[b'x'; 1000]);
    let len = u32::try_from(data.len()).unwrap();
    // Ethernet 14, IP 20, TCP 20 and 12 bytes of options.
    for (snap, payload) in [(96, 30), (66, 0), (60, 0), (54, 0)] {
        let (got, missing) = read_cut(LinkType::ETHERNET, &data[..snap], len).unwrap();
        assert_eq!(
            (got.len(), missing),
            (payload, 1000 - u32::try_from(payload).unwrap()),
            "{snap}"
        );
    }
    let cut = read_cut(LinkType::ETHERNET, &data[..53], len);
    assert_eq!(cut, Err("Headers".into()));
    // Some tools write the captured length as that of the wire; the IP header knows better.
    assert_eq!(
        read_cut(LinkType::ETHERNET, &data[..96], 96).unwrap().1,
        970
    );
}

#[test]
fn extension_headers_of_ipv6() {
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let routing = [51, 0, 4, 0, 0, 0, 0, 0];
    let authentication = [44, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let atomic = [6, 0, 0, 0, 0, 0, 0, 9];
    let all = [
        &hop_by_hop[..],
        &destination,
        &routing,
        &authentication,
        &atomic,
    ]
    .concat();
    assert_eq!(read(LinkType::RAW, &ipv6(&all, 0, &tcp(b"x"))), whole(b"x"));
}

#[test]
fn other_links() {
    let in_ip = ip(b"x");
    let cases: [(LinkType, &[u8]); 9] = [
        (LinkType::NULL, &[2, 0, 0, 0]),
        (LinkType::NULL, &[0, 0, 0, 2]),
        (LinkType::LOOP, &[0, 0, 0, 2]),
        (LinkType::PPP, &[0xff, 0x03, 0x00, 0x21]),
        (LinkType::PPP, &[0x21]),
        (LinkType::PPP_HDLC, &[0x0f, 0x00, 0x08, 0x00]),
        (LinkType::PPP_ETHER, &[0x11, 0, 0, 1, 0, 60, 0x00, 0x21]),
        // Netfilter log: a prefix of three bytes, padded, then the packet.
        (
            LinkType::NFLOG,
            &[2, 0, 0, 1, 7, 0, 10, 0, b'a', b'b', 0, 0, 57, 0, 9, 0],
        ),
        (
            LinkType::NFLOG,
            &[2, 0, 0, 1, 0, 7, 0, 10, b'a', b'b', 0, 0, 0, 57, 0, 9],
        ),
    ];
    assert_eq!(in_ip.len() + 4, 57);
    for (link, head) in cases {
        let data = [head, &in_ip].concat();
        assert_eq!(read(link, &data), whole(b"x"), "{link} {head:?}");
    }
    assert_eq!(
        read(LinkType(105), &in_ip),
        Err("Link(LinkType(105))".into())
    );
    assert_eq!(
        read(LinkType::LINUX_SLL, &in_ip[..15]),
        Err("Headers".into())
    );
}

#[test]
fn a_cooked_header_names_the_interface() {
    for (index, iface) in [(3_u32, Stamp::COOKED + 3), (70_000, u16::MAX)] {
        let [a, b, c, d] = index.to_be_bytes();
        let head = [8, 0, 0, 0, a, b, c, d, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        let data = [head.as_slice(), &ip(b"x")].concat();
        let mut decoder = Decoder::new(&Limits::default());
        let mut budget = Budget::new(0);
        let record = Record {
            at: AT,
            link: LinkType::LINUX_SLL2,
            wire_len: 0,
            data: &data,
        };
        let Packet::Segment(segment) = decoder.push(&record, &mut budget) else {
            panic!("not read");
        };
        assert_eq!(segment.at.iface, iface);
    }
}

#[test]
fn tags_between_ethernet_and_ip() {
    let data = frame(b"x");
    let (macs, rest) = data.split_at(12);
    let ip = &rest[2..];
    let mut macsec = vec![0x88, 0xe5, 0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 0, 1];
    let mut cases = vec![
        (vec![0x81, 0x00, 0, 42, 0x08, 0x00], true),
        (
            vec![
                0x88, 0xa8, 0, 1, 0x91, 0x00, 0, 2, 0x81, 0x00, 0, 3, 0x08, 0x00,
            ],
            true,
        ),
        (
            vec![0x88, 0x47, 0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64],
            true,
        ),
        (vec![0x88, 0x64, 0x11, 0, 0, 1, 0, 55, 0x00, 0x21], true),
        (vec![0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00], true),
        (vec![0, 60, 0x42, 0x42, 3], false),
        (vec![0x89, 0x26, 0, 1, 0, 2, 0x08, 0x00], true),
        (
            [&[0x88, 0xe7, 0, 0, 0, 1][..], macs, &[0x08, 0x00]].concat(),
            true,
        ),
        (
            [&[0x89, 0x03, 0, 1][..], macs, &[0x08, 0x00]].concat(),
            true,
        ),
        ([macsec.clone(), vec![0x08, 0x00]].concat(), true),
    ];
    // The bit that says: encrypted.
    macsec[2] |= 0x0c;
    cases.push(([macsec, vec![0x08, 0x00]].concat(), false));
    for (tags, is_read) in cases {
        let data = [macs, &tags, ip].concat();
        let expected = if is_read {
            whole(b"x")
        } else {
            Err("other".into())
        };
        assert_eq!(read(LinkType::ETHERNET, &data), expected, "{tags:x?}");
    }
}

/// An IPv4 packet of this protocol.
fn carrying(protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    let len = u16::try_from(payload.len() + 20).unwrap().to_be_bytes();
    let head = [
        0x45, 0, len[0], len[1], 0, 9, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    [head.as_slice(), &payload].concat()
}

fn udp(port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    carrying(17, &[&[0xd0, 0, high, low, 0, 0, 0, 0], &parts.concat()])
}

#[test]
fn tunnels() {
    let (frame, ip) = (frame(b"x"), ip(b"x"));
    let cases = [
        ("IP in IP", carrying(4, &[&ip])),
        ("6in4", carrying(41, &[&ipv6(&[], 6, &tcp(b"x"))])),
        (
            "authentication header",
            carrying(51, &[&[4, 4], &[0; 22], &ip]),
        ),
        ("GRE", carrying(47, &[&[0, 0, 8, 0], &ip])),
        (
            "GRE, checksum, key, sequence",
            carrying(47, &[&[0xb0, 0, 8, 0], &[0; 12], &ip]),
        ),
        (
            "GRE with Ethernet",
            carrying(47, &[&[0, 0, 0x65, 0x58], &frame]),
        ),
        (
            "PPTP",
            carrying(
                47,
                &[
                    &[0x30, 0x81, 0x88, 0x0b, 0, 60, 0, 1],
                    &[0; 8],
                    &[0x21],
                    &ip,
                ],
            ),
        ),
        ("ERSPAN I", carrying(47, &[&[0, 0, 0x88, 0xbe], &frame])),
        (
            "ERSPAN II",
            carrying(
                47,
                &[
                    &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1],
                    &[0x10, 0, 0, 0, 0, 0, 0, 0],
                    &frame,
                ],
            ),
        ),
        (
            "ERSPAN III",
            carrying(
                47,
                &[
                    &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1],
                    &[0x20; 10],
                    &[0, 1],
                    &[0; 8],
                    &frame,
                ],
            ),
        ),
        ("VXLAN", udp(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0], &frame])),
        (
            "VXLAN on Linux",
            udp(8472, &[&[8, 0, 0, 0, 0, 0, 1, 0], &frame]),
        ),
        (
            "GENEVE",
            udp(6081, &[&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 0], &frame]),
        ),
        ("GTP-U", udp(2152, &[&[0x30, 255, 0, 53, 0, 0, 0, 1], &ip])),
        (
            "GTP-U with extension",
            udp(
                2152,
                &[
                    &[0x34, 255, 0, 61, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0],
                    &ip,
                ],
            ),
        ),
        ("MPLS", carrying(137, &[&[0, 1, 1, 64], &ip])),
        (
            "VXLAN-GPE with IP",
            udp(4790, &[&[0x0c, 0, 0, 1, 0, 0, 1, 0], &ip]),
        ),
        (
            "VXLAN-GPE with Ethernet",
            udp(4790, &[&[0x0c, 0, 0, 3, 0, 0, 1, 0], &frame]),
        ),
        ("GRE in UDP", udp(4754, &[&[0, 0, 8, 0], &ip])),
        (
            "MPLS with a control word and Ethernet",
            carrying(137, &[&[0, 1, 1, 64], &[0; 4], &frame]),
        ),
        (
            "MPLS with Ethernet",
            carrying(137, &[&[0, 1, 1, 64], &frame]),
        ),
        ("EtherIP", carrying(97, &[&[0x30, 0], &frame])),
    ];
    for (name, data) in cases {
        assert_eq!(read(LinkType::RAW, &data), whole(b"x"), "{name}");
    }
}

#[test]
fn a_port_alone_makes_no_tunnel() {
    let query = b"\x12\x34\x01\x00\x00\x01 something else entirely";
    for port in [53, 2152, 4789, 6081, 8472] {
        assert_eq!(
            read(LinkType::RAW, &udp(port, &[query])),
            Err("other".into()),
            "{port}"
        );
        assert_eq!(
            read(LinkType::RAW, &udp(port, &[&[8; 9]])),
            Err("other".into()),
            "{port}"
        );
    }
}

#[test]
fn tunnels_in_tunnels_come_to_an_end() {
    let mut data = ip(b"x");
    for _ in 0..7 {
        data = carrying(4, &[&data]);
    }
    assert_eq!(read(LinkType::RAW, &data), whole(b"x"));
    assert_eq!(
        read(LinkType::RAW, &carrying(4, &[&data])),
        Err("other".into())
    );
}

/// The parts of an IPv4 packet, of at most `size` bytes each.
fn fragments(ip: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (head, payload) = ip.split_at(20);
    let count = payload.len().div_ceil(size);
    let parts = payload.chunks(size).enumerate().map(|(number, part)| {
        let more = if number + 1 < count { 0x2000 } else { 0 };
        let field = u16::try_from(number * size / 8).unwrap() | more;
        let mut data = [head, part].concat();
        data[2..4].copy_from_slice(&u16::try_from(20 + part.len()).unwrap().to_be_bytes());
        data[6..8].copy_from_slice(&field.to_be_bytes());
        data
    });
    parts.collect()
}

/// Reads raw IP packets one after the other, a second apart; the last of them says what is seen.
fn read_all(
    limits: &Limits,
    packets: &[Vec<u8>],
    millis: u64,
) -> (Result<(Vec<u8>, u32), String>, Decoder) {
    let mut decoder = Decoder::new(limits);
    let mut budget = Budget::new(limits.buffered_bytes_total);
    let mut last = Err("nothing".into());
    let mut at = AT;
    for data in packets {
        let wire_len = u32::try_from(data.len()).unwrap();
        let record = Record {
            at,
            link: LinkType::RAW,
            wire_len,
            data,
        };
        last = seen(decoder.push(&record, &mut budget));
        assert!(budget.used() <= budget.limit());
        at.ts = at.ts.after(std::time::Duration::from_millis(millis));
    }
    decoder.finish(&mut budget);
    assert_eq!(budget.used(), 0);
    (last, decoder)
}

#[test]
fn fragments_in_any_order() {
    let text: Vec<u8> = (0..200).collect();
    let parts = fragments(&ip(&text), 64);
    assert_eq!(parts.len(), 4);
    let limits = Limits::default();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let packets = order.map(|part| parts[part].clone());
        assert_eq!(read_all(&limits, &packets, 1).0, whole(&text));
        assert_eq!(read_all(&limits, &packets[..3], 1).0, Err("other".into()));
    }
    let twice = [0, 0, 3, 1, 1, 2].map(|part| parts[part].clone());
    assert_eq!(read_all(&limits, &twice, 1).0, whole(&text));
}

#[test]
fn fragments_of_ipv6() {
    let tcp = tcp(&[b'x'; 40]);
    let (first, last) = tcp.split_at(32);
    let packets = [
        ipv6(&[6, 0, 0, 1, 0, 0, 0, 9], 44, first),
        ipv6(&[6, 0, 0, 32, 0, 0, 0, 9], 44, last),
    ];
    assert_eq!(
        read_all(&Limits::default(), &packets, 1).0,
        whole(&[b'x'; 40])
    );
}

#[test]
fn fragments_wait_only_so_long_and_only_so_many() {
    let parts = fragments(&ip(&[b'x'; 100]), 72);
    let limits = Limits::default();
    assert_eq!(read_all(&limits, &parts, 30_000).0, whole(&[b'x'; 100]));
    let (last, decoder) = read_all(&limits, &parts, 30_001);
    assert_eq!(last, Err("other".into()));
    assert_eq!(
        decoder
            .reached()
            .iter()
            .next()
            .map(|(limit, n)| (limit.info().name, n)),
        Some(("fragment_age", 1))
    );

    let limits = Limits {
        fragments: 2,
        ..Limits::default()
    };
    let other = |id: u8| {
        let mut first = parts[0].clone();
        first[4..6].copy_from_slice(&[77, id]);
        first
    };
    let kept = [parts[0].clone(), other(1), parts[1].clone()];
    assert_eq!(read_all(&limits, &kept, 1).0, whole(&[b'x'; 100]));
    let dropped = [parts[0].clone(), other(1), other(2), parts[1].clone()];
    assert_eq!(read_all(&limits, &dropped, 1).0, Err("other".into()));

    let limits = Limits {
        buffered_bytes_total: 380,
        ..Limits::default()
    };
    assert_eq!(read_all(&limits, &parts, 1).0, Err("other".into()));
}

#[test]
fn a_first_fragment_that_was_cut_still_has_its_head() {
    let parts = fragments(&ip(&[b'x'; 200]), 128);
    let cut = read_cut(LinkType::RAW, &parts[0][..60], 148);
    // 20 of IP, 32 of TCP: 8 bytes of payload are there, 88 more were in this fragment.
    assert_eq!(cut, Ok((vec![b'x'; 8], 88)));
}
