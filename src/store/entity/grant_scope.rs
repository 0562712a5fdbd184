//! The table `grant_scopes`: the scopes of unremoved grants.

use crate::domain::{
    id::{OrganizationId, TokenId},
    scope::ScopeName,
};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grant_scopes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: ScopeName,
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_id: TokenId,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
