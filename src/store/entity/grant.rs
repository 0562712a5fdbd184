//! The table `grants`: the periods in which tokens had access to organizations.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    time::Time,
};
use crate::store::column_types::Expiry;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GrantId,
    pub organization_id: OrganizationId,
    pub token_id: TokenId,
    /// A copy of the token's owner, which never changes.
    pub owner_id: UserId,
    /// A copy of the token's expiry, which only ever becomes earlier.
    pub expires_at: Expiry,
    /// The time when the token was revoked or first seen expired.
    pub ended_at: Option<Time>,
    pub granted_at: Time,
    pub removed_at: Option<Time>,
    pub removed_by: Option<UserId>,
    pub removal_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
