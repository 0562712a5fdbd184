//! The table `deliveries`: the emails to send, and their state.

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
    /// The recipient at the time of the commit.
    pub to_username: String,
    pub to_name: String,
    pub address: String,
    /// The content of the email as JSON, complete: sending it reads no other table.
    pub letter: String,
    pub created_at: Time,
    /// The time from which retries are limited: the commit, or the last time that the operator requested a retry.
    pub tried_from: Time,
    pub attempts: i32,
    /// The time of the next attempt; a lease moves it into the future.
    pub next_at: Time,
    pub sent_at: Option<Time>,
    pub given_up_at: Option<Time>,
    pub last_error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
