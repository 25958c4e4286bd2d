//! What a condition may ask of the value of a field.

use serde::Deserialize;

use crate::http::Fields;

/// One pattern, as it is written in the catalogue. Letters have no case unless it says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) enum Pattern {
    /// `*`: the field is there.
    Present,
    /// `-`: it is not there.
    Absent,
    /// `2+`: it is there on more than one line.
    Repeated,
    /// `=x`: its value is `x`.
    Is(String),
    /// `==x`: the same, with case.
    IsExactly(String),
    /// `!=x`: it is there with another value.
    IsNot(String),
    /// `!x`: it is there and does not contain `x`.
    Lacks(String),
    /// `x`: it contains `x`.
    Contains(String),
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        match text.as_str() {
            "*" => return Self::Present,
            "-" => return Self::Absent,
            "2+" => return Self::Repeated,
            _ => {}
        }
        for (sign, make) in [
            ("==", Self::IsExactly as fn(String) -> Self),
            ("=", Self::Is),
            ("!=", Self::IsNot),
            ("!", Self::Lacks),
        ] {
            if let Some(rest) = text.strip_prefix(sign) {
                return make(rest.to_owned());
            }
        }
        Self::Contains(text)
    }
}

impl Pattern {
    /// Whether the field of that name is as asked; `name` may list several, as `a|b`, any of which will do.
    pub(super) fn fits(&self, fields: &Fields, name: &str) -> bool {
        if *self == Self::Absent {
            return name.split('|').all(|name| fields.count(name) == 0);
        }
        name.split('|').any(|name| self.fits_one(fields, name))
    }

    fn fits_one(&self, fields: &Fields, name: &str) -> bool {
        if *self == Self::Repeated {
            return fields.count(name) > 1;
        }
        let Some(value) = fields.value(name) else {
            return false;
        };
        let contains = |part: &str| super::contains(&value, part);
        match self {
            Self::Present => true,
            Self::Absent | Self::Repeated => false,
            Self::Is(text) => value.eq_ignore_ascii_case(text),
            Self::IsExactly(text) => value == text.as_str(),
            Self::IsNot(text) => !value.eq_ignore_ascii_case(text),
            Self::Lacks(part) => !contains(part),
            Self::Contains(part) => contains(part),
        }
    }

    /// In words, for `explain`.
    pub(super) fn describe(&self, name: &str) -> String {
        let name = name.replace('|', " or ");
        match self {
            Self::Present => format!("with {name}"),
            Self::Absent => format!("no {name}"),
            Self::Repeated => format!("{name} more than once"),
            Self::Is(text) | Self::IsExactly(text) if text.is_empty() => format!("{name} empty"),
            Self::Is(text) | Self::IsExactly(text) | Self::Contains(text) => {
                format!("{name}: {text}")
            }
            Self::IsNot(text) => format!("{name} other than {text}"),
            Self::Lacks(part) => format!("{name} without {part}"),
        }
    }
}
