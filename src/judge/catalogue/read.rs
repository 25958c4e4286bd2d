//! How values of the data files become values of the program.

use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::http::Version;
use crate::judge::{FindingId, Kind, Party};

/// One value or a list of values, any of which will do; no value asks for nothing.
#[derive(Clone, Debug)]
pub(in crate::judge) struct OneOrMany<T>(Vec<T>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written<T> {
    One(T),
    Many(Vec<T>),
}

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
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(value) => vec![value],
            Written::Many(values) => values,
        }))
    }
}

/// The name of a row.
pub(super) fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

/// A finding, by its name.
pub(super) fn finding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FindingId, D::Error> {
    named(&String::deserialize(deserializer)?, FindingId::from_name)
}

/// One finding or several, by their names.
pub(super) fn findings<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<FindingId>, D::Error> {
    OneOrMany::<String>::deserialize(deserializer)?
        .0
        .iter()
        .map(|name| named(name, FindingId::from_name))
        .collect()
}

/// How a closing ended, by its name.
pub(in crate::judge) fn kind<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Kind>, D::Error> {
    named(&String::deserialize(deserializer)?, Kind::from_name).map(Some)
}

/// Who ended it, by its name.
pub(in crate::judge) fn party<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Party>, D::Error> {
    named(&String::deserialize(deserializer)?, Party::from_name).map(Some)
}

/// An HTTP version, as in a start line.
pub(in crate::judge) fn version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Version>, D::Error> {
    let find = |name: &str| {
        [Version::Http10, Version::Http11]
            .into_iter()
            .find(|version| version.name() == name)
    };
    named(&String::deserialize(deserializer)?, find).map(Some)
}

fn named<T, E: Error>(name: &str, find: impl Fn(&str) -> Option<T>) -> Result<T, E> {
    find(name).ok_or_else(|| E::custom(format_args!("there is no {name:?}")))
}
