//! The table `passwords`: the password hashes of users.

use crate::domain::{id::UserId, network::KnownNetworks, password::PasswordHash};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passwords")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub hash: PasswordHash,
    /// Counts the changes of the password. A session is valid while this is the version with which it was opened.
    pub version: i64,
    /// The networks from which the user signed in. Guesses from elsewhere do not lock the user out there.
    pub networks: Option<KnownNetworks>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
