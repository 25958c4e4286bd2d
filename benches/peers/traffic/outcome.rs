//! What becomes of an attempt: what the client is answered, and what a hop did.

/// What the client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Good,
    WrongAccept,
    NoUpgrade,
    NoConnection,
    Status400,
    Status403,
    Status426,
    Status502,
    /// To a request that came with a key and without Upgrade.
    Stripped200,
    /// The client gives up after three seconds.
    Nothing,
}

/// Those that a lone leg may meet beside the good one.
pub(crate) const BAD: &[Answer] = &[
    Answer::WrongAccept,
    Answer::NoUpgrade,
    Answer::NoConnection,
    Answer::Status403,
    Answer::Status426,
    Answer::Status502,
    Answer::Stripped200,
    Answer::Nothing,
];

impl Answer {
    pub(crate) const fn is_101(self) -> bool {
        matches!(
            self,
            Self::Good | Self::WrongAccept | Self::NoUpgrade | Self::NoConnection
        )
    }

    /// Name in the truth, and the verdict where there is one leg.
    pub(crate) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("good", "ok"),
            Self::WrongAccept => ("wrong_accept", "rejected"),
            Self::NoUpgrade => ("no_upgrade_header", "rejected"),
            Self::NoConnection => ("no_connection_header", "rejected"),
            Self::Status400 => ("status_400", "rejected"),
            Self::Status403 => ("status_403", "rejected"),
            Self::Status426 => ("status_426", "rejected"),
            Self::Status502 => ("status_502", "rejected"),
            Self::Stripped200 => ("stripped_200", "stripped"),
            Self::Nothing => ("no_answer", "abandoned"),
        }
    }
}

/// What a hop did to the request or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    /// Passed both on.
    Relayed,
    /// HTTP/1.0 without Upgrade; the backend says 426 or 400.
    Stripped,
    /// HTTP/1.0 with Upgrade; it opens all the same.
    Downgraded,
    /// Passed both on, and the answer is 403.
    Refused,
    /// Passed it on; the backend ends TCP without a byte, and the hop says 502.
    Closed,
    /// Asked another server first, with the key and without Upgrade; then relayed.
    Auth,
}

impl Did {
    pub(crate) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Relayed => ("good", "ok"),
            Self::Stripped => ("stripped", "stripped"),
            Self::Downgraded => ("downgraded", "downgraded"),
            Self::Refused => ("refused", "rejected"),
            Self::Closed => ("closed", "rejected"),
            Self::Auth => ("auth", "ok"),
        }
    }
}

/// A hop and its ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) did: Did,
    pub(crate) new_host: bool,
    pub(crate) lower_case: bool,
    pub(crate) forwarded: bool,
    /// Of its sub-request: X-Original-URI.
    pub(crate) marked: bool,
    pub(crate) other_address: bool,
}
