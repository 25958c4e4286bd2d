//! Every connection under other addresses too, as a host that translates them shows it, and a mirror that rewrites them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use wscap::flow::{Endpoint, FlowKey};

use super::packets::{Seen, Way, look};
use crate::support::OwnedRecord;

/// What is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nat {
    /// The server's address and port: a published port, a cluster address of Kubernetes.
    Destination,
    /// The client's: masquerade.
    Source,
    /// Both, by one router.
    Both,
    /// Every address to one of its own: a mirror.
    Rewritten,
}

/// In which order the views of a packet are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The new view after the old.
    After,
    /// The new view first.
    Before,
    /// Likewise, each view in a file of its own.
    InFiles,
    /// As the packet travels: what the server sends bears the new addresses first.
    Travelling,
}

impl Nat {
    pub(super) const ALL: [Self; 4] =
        [Self::Destination, Self::Source, Self::Both, Self::Rewritten];

    fn translate(self, (client, server): Way, view: u8) -> Way {
        let other = |end: Endpoint, to: [u8; 2]| {
            let addr: IpAddr = match end.addr {
                IpAddr::V4(addr) => {
                    let [_, b, c, d] = addr.octets();
                    [to[0], to[1].wrapping_add(view), b ^ c, d].into()
                }
                IpAddr::V6(addr) => {
                    let mut octets = addr.octets();
                    octets[0] = 0xfd;
                    octets[1] = view;
                    octets.into()
                }
            };
            Endpoint::new(addr, end.port)
        };
        // A router has one address for all whom it hides, and gives each connection a port.
        let router = |end: Endpoint| match end.addr {
            IpAddr::V4(_) => Endpoint::new([192, 0, 2, view].into(), end.port ^ 0x1000),
            IpAddr::V6(_) => other(end, [0; 2]),
        };
        let behind = |end: Endpoint| {
            let end = other(end, [172, 16]);
            Endpoint::new(end.addr, end.port ^ 0x0800)
        };
        match self {
            Self::Destination => (client, behind(server)),
            Self::Source => (router(client), server),
            Self::Both => (router(client), behind(server)),
            Self::Rewritten => (other(client, [100, 64]), other(server, [100, 64])),
        }
    }
}

/// These packets, and so many other views of each.
pub(super) fn translated(
    records: &[OwnedRecord],
    nat: Nat,
    views: u8,
    order: Order,
) -> Vec<OwnedRecord> {
    let mut ways: BTreeMap<FlowKey, Way> = BTreeMap::new();
    let mut out = Vec::new();
    for record in records {
        let seen = look(record).unwrap();
        // The first to speak is the client.
        let way = *ways.entry(seen.flow()).or_insert(seen.way);
        if stays_on_its_host(&seen) {
            out.push(record.clone());
            continue;
        }
        let from_client = seen.way == way;
        let views = (1..=views).map(|view| {
            let (client, server) = nat.translate(way, view);
            let (src, dst) = if from_client {
                (client, server)
            } else {
                (server, client)
            };
            let mut view_of = readdressed(record, (src, dst), view);
            if order == Order::InFiles {
                view_of.at.source = u16::from(view);
            }
            view_of
        });
        let first = match order {
            Order::After | Order::InFiles => true,
            Order::Before => false,
            Order::Travelling => from_client,
        };
        if first {
            out.push(record.clone());
            out.extend(views);
        } else {
            out.extend(views.collect::<Vec<_>>().into_iter().rev());
            out.push(record.clone());
        }
    }
    for (frame, record) in (1..).zip(&mut out) {
        record.at.frame = frame;
    }
    out
}

/// These packets as that view shows them, and nothing else.
pub(super) fn only(records: &[OwnedRecord], nat: Nat) -> Vec<OwnedRecord> {
    let all = translated(records, nat, 1, Order::After);
    let flow = |record| look(record).unwrap().flow();
    let first: BTreeSet<FlowKey> = records.iter().map(flow).collect();
    let is_other = |record: &OwnedRecord| {
        let seen = look(record).unwrap();
        !first.contains(&seen.flow()) || stays_on_its_host(&seen)
    };
    let mut only: Vec<OwnedRecord> = all.into_iter().filter(is_other).collect();
    for (frame, record) in (1..).zip(&mut only) {
        record.at.frame = frame;
    }
    only
}

/// Nobody translates the addresses of loopback.
pub(super) fn stays_on_its_host(seen: &Seen) -> bool {
    seen.way.0.addr.is_loopback()
}

fn readdressed(record: &OwnedRecord, (src, dst): Way, view: u8) -> OwnedRecord {
    let seen = look(record).unwrap();
    let mut view_of = record.clone();
    view_of.at.iface = view_of.at.iface.wrapping_add(100 * u16::from(view));
    let data = &mut view_of.data;
    match (src.addr, dst.addr) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            data[22] = data[22].wrapping_sub(view);
            data[26..30].copy_from_slice(&src.octets());
            data[30..34].copy_from_slice(&dst.octets());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            data[21] = data[21].wrapping_sub(view);
            data[22..38].copy_from_slice(&src.octets());
            data[38..54].copy_from_slice(&dst.octets());
        }
        _ => panic!("not of one family"),
    }
    data[seen.tcp..seen.tcp + 2].copy_from_slice(&src.port.to_be_bytes());
    data[seen.tcp + 2..seen.tcp + 4].copy_from_slice(&dst.port.to_be_bytes());
    view_of
}
