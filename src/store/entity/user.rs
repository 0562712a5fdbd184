//! The table `users`: who there is.

use crate::domain::{id::UserId, time::Time};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub username: String,
    pub name: String,
    pub email: Option<String>,
    /// Whether it is known to be theirs.
    pub email_verified: bool,
    /// Username, name and e-mail, folded, a line each: what a search without regard to case looks through.
    pub searchable: String,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub created_at: Time,
    pub disabled_at: Option<Time>,
    pub deleted_at: Option<Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
