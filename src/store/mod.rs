//! The only module that runs SQL. Each table belongs to one file, with its reads and its writes.

mod column_types;
mod conditions;
mod connection;
mod database_url;
mod entity;
mod errors;
mod events;
mod export;
mod feed;
mod grants;
mod invitations;
mod maintenance;
mod members;
mod migrate;
mod notifications;
mod organizations;
mod outbox;
mod pagination;
mod pool;
mod resource_servers;
mod sessions;
mod snapshots;
#[cfg(test)]
mod sql_snapshots;
mod statements;
mod statistics;
mod token_access;
mod token_lists;
mod tokens;
mod tx;
mod usage;
mod usernames;
mod users;

pub use connection::Store;
pub use errors::is_retryable;
pub use events::EventSearch;
pub use export::ExportRow;
pub use grants::GrantFilter;
pub use members::MemberFilter;
pub use outbox::{DeliverySelector, LeasedDelivery, Outcome, UndeliveredEmail};
pub use resource_servers::{NewResourceServer, ResourceServer};
pub use sessions::{NewSession, SignIn};
pub use statistics::{request_stats, with_request_stats};
pub use tokens::{NewToken, TokenChange};
pub use tx::Tx;
pub use usage::{GrantUsage, TokenUsage, UsageBatch};
pub use users::{Identity, NewUser, Profile, UserRecord};

use statements::{all, col, like_containing, like_containing_before, one, run, run_unique};
