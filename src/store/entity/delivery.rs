//! The table `deliveries`: the emails to send, and their state.

use crate::domain::{
    id::{DeliveryId, EventId, UserId},
    time::Time,
};
use crate::store::column_types::DeliveryKind;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    pub kind: DeliveryKind,
    /// The event that caused the delivery. One cause sends one delivery of a kind to one recipient.
    pub cause_id: EventId,
    /// The recipient: of an email, the user.
    pub recipient_id: UserId,
    /// The content as JSON, complete: sending it reads no other table.
    pub payload: String,
    pub created_at: Time,
    /// The time from which retries are limited: the commit, or the last time that the operator requested a retry.
    pub retrying_since: Time,
    pub attempts: i32,
    /// The time of the next attempt; a lease moves it into the future.
    pub next_at: Time,
    pub sent_at: Option<Time>,
    pub abandoned_at: Option<Time>,
    pub last_error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
