//! The table `passwords`: what is kept of the passwords of people who sign in here.

use crate::domain::{id::UserId, network::KnownNetworks, password::Hashed};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passwords")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub hashed: Hashed,
    /// Counts the passwords of this person: a session holds as long as that with which it began.
    pub version: i64,
    /// The networks from which the user signed in. Guesses from elsewhere do not lock the user out there.
    pub networks: Option<KnownNetworks>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
