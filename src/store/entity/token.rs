//! The table `tokens`, including expired and revoked ones.

use crate::domain::{
    id::{TokenId, UserId},
    scope::ScopeSet,
    time::Time,
};
use crate::store::column_types::Expiry;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TokenId,
    pub hint: String,
    pub owner_id: UserId,
    pub description: String,
    /// The description, folded.
    pub searchable: String,
    pub scopes: ScopeSet,
    pub created_at: Time,
    pub expires_at: Expiry,
    pub expired_at: Option<Time>,
    pub revoked_at: Option<Time>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
