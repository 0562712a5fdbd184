//! The table `events`: the event log, in the order of the commits.

use crate::domain::{
    event::{EventSource, EventType},
    id::{EventId, TokenId, UserId},
    scope::ScopeSet,
    time::Time,
};
use crate::store::column_types::FieldChanges;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub id: EventId,
    /// The event that caused this one; its own ID if none did.
    pub cause_id: EventId,
    #[sea_orm(column_name = "type")]
    pub kind: EventType,
    pub at: Time,
    pub actor_id: Option<UserId>,
    pub actor_address: Option<String>,
    pub actor_user_agent: Option<String>,
    pub via: EventSource,
    pub resource_server_name: Option<String>,
    pub token_id: Option<TokenId>,
    pub user_id: Option<UserId>,
    pub reason: Option<String>,
    pub scopes_added: ScopeSet,
    pub scopes_removed: ScopeSet,
    pub changes: Option<FieldChanges>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
