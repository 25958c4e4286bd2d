//! Members of objects that were written before: the heads of one client, or of one server, are alike but for a value or two,
//! and what was written of the rest can be copied.

use super::value::Buffer;
use crate::report::mask::Mask;

/// Runs are kept in so many sets, and so many in each.
const SETS: usize = 64;
const PLACES: usize = 4;
/// Longer ones are written anew each time.
const LONGEST: usize = 1024;
/// How many texts a run is written from.
pub(super) const TEXTS: usize = 7;
/// The number of no run.
const NOBODY: u32 = u32::MAX;
/// The length of a value that is not there.
const NONE: u16 = u16::MAX;

/// Members that follow one another, with one among them that each object has of its own.
pub(super) trait Run<'a> {
    /// What they are written from, besides what the mask hides; `None` where that is too much to look at.
    fn values(&self) -> Option<Values<'a>>;
    /// Writes those up to the one of its own.
    fn begin(&self, out: &mut Buffer);
    /// Writes the one of its own.
    fn own(&self, out: &mut Buffer);
    /// Writes the others.
    fn end(&self, out: &mut Buffer);
}

/// What a run is written from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    /// What tells it apart that is no text; never [`NOBODY`].
    pub(super) number: u32,
    /// The texts: first those that may quote a secret, last the one that tells most of whose head it is.
    pub(super) texts: [Option<&'a [u8]>; TEXTS],
    /// How many of them may quote a secret.
    pub(super) words: usize,
}

/// The runs of late. Of each all values are shown as they are, unless they quote a secret.
#[derive(Clone, Debug)]
pub(super) struct Runs(Box<[[Kept; PLACES]]>);

/// The set in which a run is kept, and its place there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize, usize);

/// A run as it was written.
#[derive(Clone, Debug, Default)]
struct Kept {
    shape: Shape,
    /// What it was written from, one behind the other.
    texts: String,
    text: String,
    /// How much of the text stands in front of the member that is not in it.
    begin: usize,
}

/// What can be told of values at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    number: u32,
    /// How long each is.
    lens: [u16; TEXTS],
    /// How long the longest is of those that may quote a secret.
    longest: u16,
}

impl Default for Shape {
    /// That of no run.
    fn default() -> Self {
        Self {
            number: NOBODY,
            lens: [NONE; TEXTS],
            longest: 0,
        }
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self(vec![Default::default(); SETS].into())
    }
}

impl Runs {
    /// Where the run of these values is kept, unless it may quote a secret.
    pub(super) fn find(&self, values: &Values<'_>, mask: &Mask) -> Option<Place> {
        let shape = values.shape();
        let set = shape.set(values);
        let is_it = |kept: &Kept| kept.shape == shape && kept.is_of(values);
        let kept = self.0.get(set)?;
        let place = kept.iter().position(is_it)?;
        let texts = &kept.get(place)?.texts;
        let is_quoting = mask.may_be_quoted_among(shape.longest.into(), texts);
        (!is_quoting).then_some(Place(set, place))
    }

    /// What of a run stands in front of the member that is not in it.
    pub(super) fn begin(&self, place: Place) -> &[u8] {
        self.text(place).0
    }

    /// What stands behind that.
    pub(super) fn end(&self, place: Place) -> &[u8] {
        self.text(place).1
    }

    fn text(&self, Place(set, place): Place) -> (&[u8], &[u8]) {
        let kept = self.0.get(set).and_then(|set| set.get(place));
        let parts = kept.and_then(|kept| kept.text.as_bytes().split_at_checked(kept.begin));
        parts.unwrap_or_default()
    }

    /// Keeps the run of these values, in the place of another.
    pub(super) fn keep(&mut self, values: &Values<'_>, begin: &[u8], end: &[u8]) -> Option<()> {
        let is_short = begin.len() + end.len() <= LONGEST;
        let shape = values.shape();
        let set = self.0.get_mut(shape.set(values)).filter(|_| is_short)?;
        set.rotate_right(1);
        let [kept, ..] = set;
        kept.texts.clear();
        kept.text.clear();
        // Until all is there.
        kept.shape = Shape::default();
        for text in values.texts.iter().flatten() {
            kept.texts.push_str(str::from_utf8(text).ok()?);
        }
        kept.text.push_str(str::from_utf8(begin).ok()?);
        kept.text.push_str(str::from_utf8(end).ok()?);
        kept.begin = begin.len();
        kept.shape = shape;
        Some(())
    }
}

impl Kept {
    /// Whether it was written from these values, which have its shape.
    fn is_of(&self, values: &Values<'_>) -> bool {
        let mut rest = self.texts.as_bytes();
        values.texts.iter().flatten().all(|text| {
            let behind = rest.strip_prefix(*text);
            rest = behind.unwrap_or_default();
            behind.is_some()
        })
    }
}

impl Values<'_> {
    fn shape(&self) -> Shape {
        let mut shape = Shape {
            number: self.number,
            ..Shape::default()
        };
        for (at, (len, text)) in shape.lens.iter_mut().zip(&self.texts).enumerate() {
            if let Some(text) = text {
                // Longer ones are of no run that is kept.
                *len = u16::try_from(text.len()).unwrap_or(NONE - 1);
                if at < self.words {
                    shape.longest = shape.longest.max(*len);
                }
            }
        }
        shape
    }
}

impl Shape {
    /// The set in which runs of this shape are kept, those of one origin apart from those of another.
    fn set(&self, values: &Values<'_>) -> usize {
        /// Spreads the bits of a number over its highest (Knuth's multiplicative hashing).
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let [.., telling] = values.texts;
        let middle = telling.and_then(|text| text.get(text.len() / 2..)?.first_chunk());
        let middle = middle.map_or(0, |chunk| u64::from_le_bytes(*chunk));
        let mut sum = middle.wrapping_add(self.number.into());
        for len in self.lens {
            sum = sum.rotate_left(8).wrapping_add(len.into());
        }
        let [.., highest] = sum.wrapping_mul(SPREAD).to_le_bytes();
        usize::from(highest) % SETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_kept_is_not_found() {
        let runs = Runs::default();
        let mask = Mask::new(true);
        for text in [None, Some(&b""[..]), Some(b"a")] {
            let values = Values {
                number: 0,
                texts: [text; TEXTS],
                words: 4,
            };
            assert!(runs.find(&values, &mask).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_run_stays_until_its_place_is_needed() {
        let mut runs = Runs::default();
        let mask = Mask::new(true);
        // All have one shape, and the middle of their last text, by which they are kept apart, is the same.
        let names: Vec<String> = (0..5).map(|n| format!("{n}.a.example.com")).collect();
        let values = |name: &'static str| Values {
            number: 1,
            texts: [
                None,
                Some(b"websocket"),
                None,
                None,
                None,
                None,
                Some(name.as_bytes()),
            ],
            words: 4,
        };
        let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
        for name in &names {
            assert!(runs.find(&values(name), &mask).is_none());
            assert_eq!(runs.keep(&values(name), name.as_bytes(), b"!"), Some(()));
        }
        for (at, name) in names.iter().enumerate() {
            let place = runs.find(&values(name), &mask);
            let text = place.map(|place| (runs.begin(place), runs.end(place)));
            assert_eq!(text, (at > 0).then_some((name.as_bytes(), &b"!"[..])));
        }
    }
}
