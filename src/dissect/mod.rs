//! From records to facts: every connection is followed through the protocols that it speaks.
//!
//! Wires the rooms before it together and is the last that sees bytes. Knows one connection at a time; what it states is
//! owned, bounded, and about that connection alone. Nothing here judges.

mod connection;
mod content;
mod exchange;
mod hello;
mod hunt;
mod link;
mod pings;
mod preface;
mod probe;
mod probing;
mod socket;
mod sync;
#[cfg(test)]
mod tests;
mod tls;
