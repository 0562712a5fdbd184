//! The table `resource_servers`: APIs that may introspect tokens.

use crate::domain::{id::ResourceServerId, scope::ScopeSet, secret::Fingerprint, time::Time};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ResourceServerId,
    pub name: String,
    pub client_id: String,
    /// The digest of the client secret.
    pub secret: Fingerprint,
    pub created_at: Time,
    pub disabled_at: Option<Time>,
    /// Slugs, with a blank between; empty: all organizations. A slug is never given to another organization.
    pub organizations: String,
    /// Empty: all scopes.
    pub scopes: ScopeSet,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
