//! The table `used_usernames`: hashes of the usernames that users gave up.

use crate::domain::{id::UserId, secret::Fingerprint};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "used_usernames")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Fingerprint,
    pub user_id: Option<UserId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
