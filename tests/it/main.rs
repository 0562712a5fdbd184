//! Tests of the whole service from outside. One binary, so that it links and starts its database once.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot continue fails"
)]

#[macro_use]
mod world;

mod account;
mod actions;
mod arguments;
mod audit;
mod audit_log;
mod cli;
mod clients;
mod console;
mod cost;
mod demo;
mod document_cost;
mod documented_commands;
mod echo;
mod emails;
mod endpoints;
mod example;
mod faults;
mod feed;
mod full_log;
mod gateways;
mod graphiql;
mod guarantees;
mod guessing;
mod hidden_usage;
mod http2;
mod identity;
mod invitations;
mod mail_delivery;
mod metrics;
mod migrations;
mod narrow_tokens;
mod nesting;
mod pages;
mod paging;
mod plans;
mod policy_table;
mod pooler;
mod program;
mod quotas;
mod races;
mod schema_is_current;
mod schemathesis;
mod secrets;
mod sessions;
mod settings;
mod shown_once;
mod slow;
mod statements;
mod states;
mod story;
mod terms;
mod text;
mod tidy;
mod times;
mod token_values;
mod unauthorized;
mod unusable_paths;
