//! Integration tests.

mod properties;
mod support;
