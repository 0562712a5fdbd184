//! The table `resource_servers`: the clients that introspect tokens.

use crate::domain::{id::ResourceServerId, scope::ScopeSet, secret::Fingerprint, time::Time};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ResourceServerId,
    pub name: String,
    pub client_id: String,
    pub secret_fingerprint: Fingerprint,
    pub created_at: Time,
    pub disabled_at: Option<Time>,
    /// Slugs, separated by spaces; empty for all organizations. A slug is never given to another organization.
    pub organizations: String,
    /// Empty for all scopes.
    pub scopes: ScopeSet,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
