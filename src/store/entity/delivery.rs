//! The table `deliveries`: letters on their way.

use crate::domain::{
    id::{DeliveryId, EventId, UserId},
    time::Time,
};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    pub event_id: EventId,
    pub user_id: UserId,
    /// The recipient as they were at the commit.
    pub to_username: String,
    pub to_name: String,
    pub address: String,
    /// The letter as JSON, complete: nothing is looked up when it is sent.
    pub letter: String,
    pub created_at: Time,
    /// Patience is counted from here: the commit, or the last time that somebody asked for another try.
    pub tried_from: Time,
    pub attempts: i32,
    /// When to try next; a lease moves it into the future.
    pub next_at: Time,
    pub sent_at: Option<Time>,
    pub given_up_at: Option<Time>,
    pub last_error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
