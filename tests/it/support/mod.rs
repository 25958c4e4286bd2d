//! What the tests build their situations from.

pub(crate) mod files;
pub(crate) mod legs;
pub(crate) mod net;
