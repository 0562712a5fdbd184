//! The table `resource_servers`: aPIs that may introspect tokens.

use crate::domain::{id::ResourceServerId, secret::Fingerprint, time::Time};
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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
