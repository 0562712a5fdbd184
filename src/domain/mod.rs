//! The rules of tokens, grants, scopes, users and organizations. Pure: without a clock, tasks or a database.

pub mod caller;
pub mod cursor;
pub mod decision;
pub mod email;
pub mod error;
pub mod event;
pub mod filter;
pub mod grant;
pub mod id;
pub mod invitation;
pub mod ip_address;
pub mod mac;
pub mod network;
pub mod organization;
pub mod page;
pub mod password;
pub mod policy;
pub mod redact;
pub mod scope;
pub mod search;
pub mod secret;
pub mod session;
pub mod state;
pub mod text;
pub mod time;
pub mod token;
