//! The one place that writes to standard error.

use std::io::{self, Write as _};

use crate::report::sanitize;

/// Longest line; a path may be long, nothing else is.
const MOST: usize = 4096;

/// Says something to the user. Names of files and interfaces may stand in it, so it is made fit to print; a closed
/// standard error is nobody's business.
pub fn say(text: &str) {
    let mut err = io::stderr().lock();
    let mut prefix = "wscap: ";
    for line in text.lines() {
        let _ = writeln!(err, "{prefix}{}", sanitize::clean(line, MOST));
        prefix = "";
    }
}
