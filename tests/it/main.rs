//! Integration tests.

mod cli;
mod support;
