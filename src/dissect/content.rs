//! The first bytes of a refusal's content: they often name the cause.

use crate::dissect::link::Link;
use crate::event::Fact;
use crate::http::{Framing, ResponseHead};
use crate::limits::Limit;

/// Content as it is gathered.
#[derive(Debug)]
pub(super) struct Content {
    exchange: u32,
    bytes: Vec<u8>,
    encoded: bool,
    until_close: bool,
}

/// Bytes kept.
const MOST: usize = 256;

impl Content {
    /// Of a response whose head was just told; nothing where there is no room.
    pub(super) fn begin(
        link: &mut Link<'_>,
        exchange: u32,
        encoded: bool,
        framing: Framing,
    ) -> Option<Self> {
        if !link.budget.charge(MOST as u64) {
            link.reached(Limit::buffered_bytes_total);
            return None;
        }
        Some(Self {
            exchange,
            bytes: Vec::with_capacity(MOST),
            encoded,
            until_close: framing == Framing::UntilClose,
        })
    }

    /// Whether the content of that response is compressed.
    pub(super) fn is_encoded(head: &ResponseHead) -> bool {
        head.fields
            .elements("content-encoding")
            .any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
    }

    /// Adds content, and tells it once there is enough.
    pub(super) fn add(this: &mut Option<Self>, link: &mut Link<'_>, part: &[u8]) {
        let Some(content) = this else {
            return;
        };
        let room = MOST - content.bytes.len();
        content.bytes.extend(part.iter().take(room));
        if part.len() > room {
            Self::end(this, link, false);
        }
    }

    /// The connection, or its server's half, ended in order: that ends a content without a length too.
    pub(super) fn finish(this: &mut Option<Self>, link: &mut Link<'_>) {
        let whole = this.as_ref().is_some_and(|content| content.until_close);
        Self::end(this, link, whole);
    }

    /// Tells what there is, if it was not told yet.
    pub(super) fn end(this: &mut Option<Self>, link: &mut Link<'_>, whole: bool) {
        if let Some(content) = this.take() {
            link.budget.release(MOST as u64);
            link.tell(Fact::Body {
                exchange: content.exchange,
                bytes: content.bytes.into(),
                whole,
                encoded: content.encoded,
            });
        }
    }
}
