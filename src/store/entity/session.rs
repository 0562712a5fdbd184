//! The table `sessions`: the sessions of users who signed in with a password.

use crate::domain::{
    id::{SessionId, UserId},
    secret::Fingerprint,
    time::Time,
};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub fingerprint: Fingerprint,
    pub user_id: UserId,
    pub password_version: i64,
    pub created_at: Time,
    pub last_seen_at: Time,
    pub authenticated_at: Time,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
