//! Tokenward issues, scopes, audits, verifies and revokes API access tokens.

pub mod config;
pub mod domain;
pub mod mail;
pub mod telemetry;
