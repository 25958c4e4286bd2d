//! A TLS handshake up to its hello; behind it nothing can be read.

use crate::dissect::connection::Turn;
use crate::dissect::hello::{self, Hello};
use crate::dissect::link::Link;
use crate::event::{Encrypted, Fact};
use crate::flow::Direction;
use crate::http::Buffer;

/// The records of the client, until its hello is whole.
#[derive(Debug, Default)]
pub(super) struct Tls {
    records: Buffer,
}

impl Tls {
    /// The next bytes of one direction.
    pub(super) fn data(&mut self, link: &mut Link<'_>, dir: Direction, bytes: &[u8]) -> Turn {
        // What the server says comes behind the hello, so there is no more of it.
        let more = dir == Direction::ToServer
            && self.records.len() < hello::LONGEST
            && self.records.append(bytes, link.budget)
            && hello::parse(self.records.bytes(), false).is_none();
        if more {
            Turn::Done
        } else {
            Turn::become_opaque()
        }
    }

    /// Tells what there is.
    pub(super) fn finish(mut self, link: &mut Link<'_>) {
        let Hello { sni, alpn } = hello::parse(self.records.bytes(), true).unwrap_or_default();
        self.records.clear(link.budget);
        let (client, server) = link.endpoints();
        link.counts.tls += 1;
        link.tell(Fact::Encrypted(Box::new(Encrypted {
            client,
            server,
            sni,
            alpn,
        })));
    }
}
