//! The tables, one file each, named in the singular.

#![expect(
    unreachable_pub,
    reason = "the derives of SeaORM generate public items, whatever the visibility of the model"
)]

pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod event_head;
pub(crate) mod event_organization;
pub(crate) mod grant;
pub(crate) mod grant_scope;
pub(crate) mod grant_usage;
pub(crate) mod invitation;
pub(crate) mod membership;
pub(crate) mod organization;
pub(crate) mod password;
pub(crate) mod resource_server;
pub(crate) mod session;
pub(crate) mod setting;
pub(crate) mod token;
pub(crate) mod token_usage;
pub(crate) mod token_value;
pub(crate) mod used_username;
pub(crate) mod user;
