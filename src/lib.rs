//! Tokenward issues, scopes, audits, verifies and revokes API access tokens.

mod actions;
mod app;
pub mod cli;
mod config;
mod domain;
mod graphql;
mod http;
mod jobs;
mod mail;
mod outbound;
mod store;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod verify;
