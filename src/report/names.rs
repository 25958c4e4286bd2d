//! Names of interfaces, as far as they were told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::report::sanitize::clean;
use crate::time::Stamp;

/// Names kept; a hostile file can bring 65,536 interfaces.
const MOST: usize = 1_024;
/// Longest name shown.
const CHARS: usize = 80;

/// What the first are called where a file names none.
const NUMBERS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Names by source and number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<(u16, u16), Box<str>>);

impl Names {
    pub(super) fn set(&mut self, source: u16, iface: u16, name: &str) {
        if self.0.len() < MOST || self.0.contains_key(&(source, iface)) {
            self.0.insert((source, iface), clean(name, CHARS).into());
        }
    }

    /// The name; `if3` for number 3 of a cooked capture, `0` for the first of a file that names none.
    pub(super) fn get(&self, source: u16, iface: u16) -> Cow<'_, str> {
        match self.0.get(&(source, iface)) {
            Some(name) if !name.is_empty() => Cow::Borrowed(name),
            _ if iface >= Stamp::COOKED => format!("if{}", iface - Stamp::COOKED).into(),
            _ => match NUMBERS.get(usize::from(iface)) {
                Some(&number) => number.into(),
                None => iface.to_string().into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_without_a_name_has_a_number() {
        let mut names = Names::default();
        names.set(0, 1, "eth0\x1b[m");
        names.set(0, 2, "");
        assert_eq!(names.get(0, 1), "eth0�[m");
        assert_eq!(names.get(0, 2), "2");
        assert_eq!(names.get(1, Stamp::COOKED + 3), "if3");
    }
}
