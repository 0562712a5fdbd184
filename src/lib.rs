//! Tokenward issues, scopes, audits, verifies and revokes API access tokens.

pub mod actions;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod mail;
pub mod store;
pub mod telemetry;
pub mod verify;
