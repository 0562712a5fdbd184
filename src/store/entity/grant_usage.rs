//! The table `grant_usage`: the usage of each grant.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId},
    time::Time,
};
use crate::store::column_types::LastUse;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grant_usage")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub grant_id: GrantId,
    /// A copy of the grant's organization, for the order by last use.
    pub organization_id: OrganizationId,
    /// A copy of the grant's token, which breaks ties.
    pub token_id: TokenId,
    pub last_used_at: LastUse,
    pub last_request_at: Option<Time>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub scope: Option<String>,
    pub allowed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
