//! What the tests build their situations from.

pub(crate) mod legs;
