//! Everything that is tested from outside the rooms, as one binary.

// Tests say what must hold by failing where it does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
// Processes are waited for by the clock, and read beside the test.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod architecture;
mod attempts;
mod captures;
mod cli;
mod closings;
mod confined;
mod contract;
mod ends;
mod fallback;
mod faults;
mod flags;
mod floods;
mod frames;
mod fuzzed;
mod healthy;
mod lanes;
mod live;
mod mutants;
mod privacy;
mod promises;
mod properties;
mod readme;
mod reports;
mod rules;
mod screen;
mod second_opinion;
mod soak;
mod support;
mod transport;
