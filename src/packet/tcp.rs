//! The TCP header (RFC 9293 §3.1).

use crate::flow::Endpoint;
use crate::packet::ip::Header;
use crate::packet::{Flags, Rest, Segment};
use crate::time::Stamp;

/// Reads a segment. Its fixed 20 bytes must be there; options that the snap length cut are done without.
#[inline]
pub(super) fn segment<'a>(at: Stamp, ip: &Header, rest: Rest<'a>) -> Option<Segment<'a>> {
    let (head, _) = rest.take::<20>()?;
    let &[
        s0,
        s1,
        d0,
        d1,
        n0,
        n1,
        n2,
        n3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        w0,
        w1,
        ..,
    ] = head;
    let header_len = usize::from(offset >> 4).saturating_mul(4);
    if header_len < 20 || header_len > rest.wire_len() {
        return None;
    }
    let (payload, missing) = match rest.data.get(header_len..) {
        Some(payload) => (payload, rest.cut),
        None => ([].as_slice(), rest.wire_len().saturating_sub(header_len)),
    };
    Some(Segment {
        at,
        src: Endpoint::new(ip.src, u16::from_be_bytes([s0, s1])),
        dst: Endpoint::new(ip.dst, u16::from_be_bytes([d0, d1])),
        seq: u32::from_be_bytes([n0, n1, n2, n3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: Flags(flags),
        window: u16::from_be_bytes([w0, w1]),
        ttl: ip.ttl,
        ip_id: ip.id,
        payload,
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
    })
}
