//! What stands in the index for a connection.

use crate::stream::past::Past;

/// Where the connection with some pair of addresses is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Open(u32),
    Past(u64),
}

impl Place {
    /// Set in the index for a connection that is over.
    const PAST: u32 = 1 << 31;

    /// By what stands for it in the index.
    #[inline]
    pub(super) fn of(value: u32, past: &Past) -> Self {
        if value & Self::PAST == 0 {
            Self::Open(value)
        } else {
            Self::Past(past.whole(value & !Self::PAST))
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the rest of it is known, see `Past::whole`"
    )]
    pub(super) const fn value(self) -> u32 {
        match self {
            Self::Open(slot) => slot,
            Self::Past(place) => place as u32 | Self::PAST,
        }
    }
}
