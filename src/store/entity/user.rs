//! The table `users`, including deleted ones.

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
    /// Whether the email address is verified to belong to the user.
    pub email_verified: bool,
    /// The username, the name and the email address, folded, one line each, for case-insensitive searches.
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
