//! What things are and what may happen to them: pure, without a clock, a task or a store.

pub mod error;
pub mod id;
pub mod time;
