//! The table `token_values`: the fingerprints of the values of each token.

use crate::domain::{id::TokenId, secret::Fingerprint, time::Time};
use crate::store::column_types::Expiry;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token_values")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: Fingerprint,
    pub token_id: TokenId,
    pub created_at: Time,
    /// The time from which the value is no longer accepted. Never, unless it was replaced.
    pub expires_at: Expiry,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
