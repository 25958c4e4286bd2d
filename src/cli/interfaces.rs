//! `-D`: the interfaces that can be listened to, one a line.

use std::fmt::Write as _;

use crate::capture::{self, Error};

/// Name, state and addresses of each.
pub fn interfaces() -> Result<String, Error> {
    let all = capture::interfaces()?;
    let width = all.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for one in all {
        let state = if one.up { "up" } else { "down" };
        let addresses: Vec<String> = one.addresses.iter().map(ToString::to_string).collect();
        let rest = match one.description {
            Some(description) => description,
            None => addresses.join(" "),
        };
        let line = format!("{:width$}  {state:4}  {rest}", one.name);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    Ok(out)
}
