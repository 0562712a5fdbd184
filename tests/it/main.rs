//! Does the service do what it promises, seen from outside? One binary, so that it links and starts its database once.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and stops"
)]

#[macro_use]
mod world;

mod audit;
mod cli;
mod migrations;
mod paging;
mod pasted;
mod price;
mod schema_is_current;
mod statements;
mod story;
mod tidy;
