//! The `wscap` command.

fn main() {}
