//! How values of the data files become values of the program.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::http::Version;
use crate::judge::{FindingId, Kind, Party, explain};

/// One value or a list of values, any of which will do; no value asks for nothing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::judge) struct OneOrMany<T>(Vec<T>);

/// Reads either; an untagged enum would do, but could not say what is wrong with a value.
struct Written<T>(PhantomData<T>);

impl<T> OneOrMany<T> {
    /// Whether nothing is asked for, or one of the values satisfies `test`.
    pub(in crate::judge) fn allows(&self, test: impl FnMut(&T) -> bool) -> bool {
        self.0.is_empty() || self.0.iter().any(test)
    }

    /// The values.
    pub(in crate::judge) fn values(&self) -> &[T] {
        &self.0
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Written(PhantomData))
            .map(OneOrMany)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Written<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<T>, E> {
        one(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<T>, E> {
        one(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<T>, E> {
        one(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<T>, E> {
        one(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Vec<T>, A::Error> {
        let values = Vec::deserialize(SeqAccessDeserializer::new(values))?;
        if values.is_empty() {
            // It would ask for nothing, which hardly anybody means who writes it down.
            return Err(A::Error::custom("the list is empty"));
        }
        Ok(values)
    }
}

fn one<'de, T: Deserialize<'de>, E: Error>(
    value: impl IntoDeserializer<'de, E>,
) -> Result<Vec<T>, E> {
    T::deserialize(value.into_deserializer()).map(|value| vec![value])
}

/// A name or a sentence that many share.
pub(super) fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

/// A finding, by its name.
pub(super) fn finding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FindingId, D::Error> {
    finding_of(&String::deserialize(deserializer)?)
}

/// Lines that many closings tell.
pub(super) fn shared_lines<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<[String]>, D::Error> {
    Vec::deserialize(deserializer).map(Into::into)
}

/// One finding or several, by their names.
pub(super) fn findings<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<FindingId>, D::Error> {
    OneOrMany::<String>::deserialize(deserializer)?
        .0
        .iter()
        .map(|name| finding_of(name))
        .collect()
}

fn finding_of<E: Error>(name: &str) -> Result<FindingId, E> {
    FindingId::from_name(name).ok_or_else(|| {
        let near = explain::nearest_finding(name);
        let near = near.map_or_else(String::new, |near| format!(", did you mean {near:?}?"));
        E::custom(format_args!("there is no finding {name:?}{near}"))
    })
}

/// How a closing ended, by its name.
pub(in crate::judge) fn kind<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Kind>, D::Error> {
    let all = Kind::ALL.iter().map(|kind| kind.name());
    named(&String::deserialize(deserializer)?, Kind::from_name, all).map(Some)
}

/// Who ended it, by its name.
pub(in crate::judge) fn party<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Party>, D::Error> {
    let all = Party::ALL.iter().map(|party| party.name());
    named(&String::deserialize(deserializer)?, Party::from_name, all).map(Some)
}

/// An HTTP version, as in a start line.
pub(in crate::judge) fn version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Version>, D::Error> {
    let all = [Version::Http10, Version::Http11];
    let find = |name: &str| all.into_iter().find(|version| version.name() == name);
    let names = all.iter().map(|version| version.name());
    named(&String::deserialize(deserializer)?, find, names).map(Some)
}

fn named<'a, T, E: Error>(
    name: &str,
    find: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'a str>,
) -> Result<T, E> {
    find(name).ok_or_else(|| {
        let all: Vec<_> = all.collect();
        E::custom(format_args!(
            "there is no {name:?}; known are {}",
            all.join(", ")
        ))
    })
}
