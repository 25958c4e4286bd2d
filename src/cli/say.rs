//! The one place that writes to standard error.

use std::io::{self, Write as _};

use crate::report::sanitize;

/// Longest line; a path may be long, nothing else is.
const MOST: usize = 4096;

/// Says something to the user. Names of files and interfaces may stand in it, so it is made fit to print; a closed
/// standard error is nobody's business.
pub fn say(text: &str) {
    let mut out = String::from("wscap: ");
    for line in text.lines() {
        out.push_str(&sanitize::clean(line, MOST));
        out.push('\n');
    }
    // At once, so that it stays whole where others write too.
    let _ = io::stderr().lock().write_all(out.as_bytes());
}
