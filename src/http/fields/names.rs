//! The names of fields that are asked for, and of those whose values are secret.

/// Fields that a room behind this one asks for.
const ASKED: &[&str] = &[
    "host",
    "connection",
    "upgrade",
    "origin",
    "user-agent",
    "accept",
    "referer",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-accept",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-forwarded-port",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-real-ip",
    "x-varnish",
    "x-original-uri",
    "x-original-url",
    "x-original-method",
    "x-auth-request-redirect",
    "x-request-id",
    "traceparent",
    "server",
    "location",
    "retry-after",
    "www-authenticate",
    "proxy-authenticate",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "x-cnection",
    "cneonction",
    "nncoection",
    "cf-ray",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-served-by",
    "x-cache",
    "x-envoy-upstream-service-time",
];

/// Fields whose value is never kept: RFC 9110 §11.6, §11.7, RFC 6265, and what proxies and clouds put beside them.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-goog-iap-jwt-assertion",
    "cf-access-jwt-assertion",
    "x-forwarded-access-token",
    "x-ms-token-aad-access-token",
];

/// The number of one of these names, those that are asked for first, from 1; 0 is that of any other name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known(u8);

/// So many numbers a name may have that is asked for, with that of any other.
pub(super) const NUMBERS: usize = 1 + ASKED.len();

impl Known {
    /// The number of a name in any case. Of a name that stands in the source the compiler knows it.
    #[expect(clippy::inline_always, reason = "as said")]
    #[inline(always)]
    pub(super) fn of(name: &[u8]) -> Self {
        let word = Word::of(name);
        let number = AT.get(word.place()).copied().unwrap_or_default();
        match WORDS.get(usize::from(number)) {
            Some(known) if word.is(known) => Self(number),
            _ => Self(0),
        }
    }

    #[inline]
    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it is the number of a name at all.
    #[inline]
    pub(super) const fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Whether it is of a name that is asked for.
    #[inline]
    pub(super) fn is_asked(self) -> bool {
        self.is_some() && self.number() < NUMBERS
    }

    /// Whether the value is never kept.
    #[inline]
    pub(super) fn is_secret(self) -> bool {
        self.number() >= NUMBERS
    }
}

/// A name of at most 32 characters, without case: its first and last eight, and what lies between them.
#[derive(Clone, Copy)]
struct Word {
    len: usize,
    /// Its ends, then what lies between them.
    parts: [u64; 4],
}

impl Word {
    #[inline]
    const fn of(name: &[u8]) -> Self {
        /// Every character of a name is a letter, a digit or a mark, which this bit leaves apart, save that no mark
        /// becomes a letter, a digit or a dash by it.
        const NO_CASE: u64 = 0x2020_2020_2020_2020;
        let (mut ends, mut middle) = ((0, 0), (0, 0));
        if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            ends = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>())
        {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            ends = (first as u64, last as u64);
        } else if let [a, b, c] = name {
            ends.0 = u32::from_le_bytes([*a, *b, *c, 0]) as u64;
        }
        if let 17..=32 = name.len() {
            let ((_, first), (_, last)) = (name.split_at(8), name.split_at(name.len() - 16));
            if let (Some(first), Some(last)) = (first.first_chunk(), last.first_chunk()) {
                let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
                middle = (first | NO_CASE, last | NO_CASE);
            }
        }
        Self {
            len: name.len(),
            parts: [ends.0 | NO_CASE, ends.1 | NO_CASE, middle.0, middle.1],
        }
    }

    #[inline]
    fn is(&self, known: &Self) -> bool {
        let parts = self.parts.iter().zip(&known.parts);
        let differ = parts.fold(0, |differ, (part, other)| differ | (part ^ other));
        self.len == known.len && differ == 0
    }

    /// Its place among others.
    #[inline]
    const fn place(&self) -> usize {
        // Of many that were tried one by which these names do not meet, and few others meet them.
        const APART: u64 = 0x1649_1d69_52c6_1b8b;
        let [first, last, ..] = self.parts;
        let both = first.rotate_left(7) ^ last;
        let [.., highest] = both
            .wrapping_add(self.len as u64)
            .wrapping_mul(APART)
            .to_le_bytes();
        highest as usize
    }
}

/// All names by their numbers.
const NAMES: [&str; NUMBERS + SECRET.len()] = {
    let mut names = [""; NUMBERS + SECRET.len()];
    let mut number = 1;
    while number < names.len() {
        let (list, at) = if number < NUMBERS {
            (ASKED, number - 1)
        } else {
            (SECRET, number - NUMBERS)
        };
        #[expect(clippy::indexing_slicing, reason = "by the compiler")]
        {
            names[number] = list[at];
        }
        number += 1;
    }
    names
};

static WORDS: [Word; NAMES.len()] = {
    let mut words = [Word::of(b""); NAMES.len()];
    let mut number = 1;
    while number < NAMES.len() {
        #[expect(clippy::indexing_slicing, reason = "by the compiler")]
        {
            words[number] = Word::of(NAMES[number].as_bytes());
            assert!(words[number].len <= 32, "a word has no more");
        }
        number += 1;
    }
    words
};

/// For each place the number of the name that has it; no two have one.
static AT: [u8; 256] = {
    let mut numbers = [0; 256];
    let mut number = 1;
    while number < NAMES.len() {
        #[expect(
            clippy::indexing_slicing,
            clippy::cast_possible_truncation,
            reason = "by the compiler, and there are fewer"
        )]
        {
            let at = &mut numbers[Word::of(NAMES[number].as_bytes()).place()];
            assert!(*at == 0, "two names have one place");
            *at = number as u8;
        }
        number += 1;
    }
    numbers
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_number_in_any_case_and_no_other_has_one() {
        for (number, name) in NAMES.iter().enumerate().skip(1) {
            for name in [(*name).to_owned(), name.to_ascii_uppercase()] {
                let known = Known::of(name.as_bytes());
                assert_eq!((known.number(), known.is_some()), (number, true), "{name}");
                assert_eq!(known.is_secret(), SECRET.contains(&NAMES[number]));
                assert_eq!(known.is_asked(), ASKED.contains(&NAMES[number]));
                for other in [
                    format!("{name}s"),
                    format!("x{name}"),
                    name.replace('e', "_"),
                ] {
                    let is_known = NAMES.iter().any(|known| known.eq_ignore_ascii_case(&other));
                    assert_eq!(Known::of(other.as_bytes()).is_some(), is_known, "{other}");
                }
            }
        }
        assert!(!Known::of(b"").is_some());
    }
}
