//! What does a test stand on? The databases, and all that is built on them.

#[macro_use]
pub(crate) mod database;

pub(crate) mod cluster;
pub(crate) mod shelf;
