//! The table `invitations`: links with which users set a password once.

use crate::domain::{id::UserId, secret::Fingerprint, time::Time};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: Fingerprint,
    /// `None` for the first administrator.
    pub user_id: Option<UserId>,
    pub created_at: Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
