//! Letters on their way: leased, sent, tried again, given up.

use super::{Store, entity::delivery, limited, maintenance::Maintenance};
use crate::{
    domain::{
        error::Result,
        id::{DeliveryId, EventId},
        policy::{Operator, Viewer},
        time::Time,
    },
    telemetry::Outbox,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, sea_query::Expr,
};
use std::{collections::HashMap, time::Duration};

/// A letter that this node may send until its lease ends.
#[derive(Debug, Clone)]
pub struct LeasedDelivery {
    /// Which letter; a repeat has the same.
    pub id: DeliveryId,
    /// The recipient's name at the commit.
    pub to_name: String,
    /// The recipient's address at the commit.
    pub to_address: String,
    /// The letter as JSON.
    pub letter: String,
    /// Since when it is tried.
    pub tried_from: Time,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// When the lease ends, by which it is told from any other.
    pub until: Time,
}

/// A letter that waits or was given up, as the operator is shown it.
#[derive(Debug, Clone)]
pub struct UndeliveredEmail {
    /// Which letter.
    pub id: DeliveryId,
    /// The recipient's address at the commit.
    pub to_address: String,
    /// When it was written.
    pub created_at: Time,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next; nothing when it was given up.
    pub next_at: Option<Time>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
}

/// Which letters are meant.
#[derive(Debug, Clone, Copy)]
pub enum DeliverySelector {
    /// This one.
    One(DeliveryId),
    /// All that wait or were given up.
    All,
}

/// What came of sending a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A mail server took it.
    Sent,
    /// To be tried again.
    Again {
        /// Not before then.
        at: Time,
        /// What went wrong.
        why: String,
    },
    /// There is no use in asking again.
    GivenUp {
        /// What went wrong.
        why: String,
    },
}

impl Store {
    /// Letters that wait or were given up, oldest first; at most so many.
    pub async fn letters_waiting(&self, _: &Operator, most: u64) -> Result<Vec<UndeliveredEmail>> {
        let find = delivery::Entity::find()
            .filter(delivery::Column::SentAt.is_null())
            .order_by_asc(delivery::Column::Id)
            .limit(most);
        let waiting = |row: delivery::Model| UndeliveredEmail {
            id: row.id,
            to_address: row.address,
            created_at: row.created_at,
            attempts: row.attempts,
            next_at: row.given_up_at.is_none().then_some(row.next_at),
            last_error: row.last_error,
        };
        Ok(limited(find.all(&self.read)).await?.into_iter().map(waiting).collect())
    }

    /// The letters in which this person was told of each of some events, sent or not.
    pub async fn notices_to(&self, myself: &Viewer, events: &[EventId]) -> Result<HashMap<EventId, DeliveryId>> {
        let find = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::EventId)
            .column(delivery::Column::Id)
            .filter(delivery::Column::EventId.is_in(events.iter().copied()))
            .filter(delivery::Column::UserId.eq(*myself.user()))
            .into_tuple::<(EventId, DeliveryId)>();
        Ok(limited(find.all(&self.read)).await?.into_iter().collect())
    }

    /// How many letters are not sent yet, or never will be.
    pub async fn outbox(&self) -> Result<Outbox> {
        let unsent = || delivery::Entity::find().select_only().filter(delivery::Column::SentAt.is_null());
        let waiting = unsent()
            .column_as(delivery::Column::Id.count(), "waiting")
            .column_as(delivery::Column::CreatedAt.min(), "oldest")
            .filter(delivery::Column::GivenUpAt.is_null())
            .into_tuple::<(i64, Option<Time>)>();
        let given_up = unsent().filter(delivery::Column::GivenUpAt.is_not_null());
        let given_up = given_up.column_as(delivery::Column::Id.count(), "given_up").into_tuple::<i64>();
        let (waiting, oldest) = limited(waiting.one(&self.read)).await?.unwrap_or_default();
        let given_up = limited(given_up.one(&self.read)).await?.unwrap_or_default();
        Ok(Outbox { waiting: waiting.unsigned_abs(), oldest, given_up: given_up.unsigned_abs() })
    }
}

impl Maintenance<'_> {
    /// Takes letters that are due for so long; another node that asks meanwhile gets others.
    pub async fn lease_letters(&self, at: Time, lease: Duration, most: u64) -> Result<Vec<LeasedDelivery>> {
        let due = || {
            delivery::Column::NextAt
                .lte(at)
                .and(delivery::Column::SentAt.is_null())
                .and(delivery::Column::GivenUpAt.is_null())
        };
        let some = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(due())
            .order_by_asc(delivery::Column::NextAt)
            .limit(most);
        let lease = delivery::Entity::update_many()
            .col_expr(delivery::Column::NextAt, Expr::value(at.plus(lease)))
            .col_expr(delivery::Column::Attempts, Expr::col(delivery::Column::Attempts).add(1))
            .filter(delivery::Column::Id.in_subquery(some.into_query()))
            // Asked again behind the row lock: another node may have been quicker.
            .filter(due())
            .exec_with_returning(self.db());
        let leased = limited(lease).await?;
        Ok(leased
            .into_iter()
            .map(|row| LeasedDelivery {
                id: row.id,
                to_name: row.to_name,
                to_address: row.address,
                letter: row.letter,
                tried_from: row.tried_from,
                attempts: row.attempts,
                until: row.next_at,
            })
            .collect())
    }

    /// Lets letters be tried again at once, those that were given up too; tells how many there are.
    pub async fn retry_letters(&self, _: &Operator, which: DeliverySelector, at: Time) -> Result<u64> {
        let mut update = delivery::Entity::update_many()
            .col_expr(delivery::Column::NextAt, Expr::value(at))
            .col_expr(delivery::Column::TriedFrom, Expr::value(at))
            .col_expr(delivery::Column::Attempts, Expr::value(0))
            .col_expr(delivery::Column::GivenUpAt, Expr::value(None::<Time>))
            .filter(delivery::Column::SentAt.is_null());
        if let DeliverySelector::One(id) = which {
            update = update.filter(delivery::Column::Id.eq(id));
        }
        Ok(limited(update.exec(self.db())).await?.rows_affected)
    }

    /// Keeps what came of a letter. That it was sent is true whoever may send it now; anything else counts only while the
    /// lease holds. Tells whether it was kept.
    pub async fn settle_letter(&self, leased: &LeasedDelivery, at: Time, outcome: &Outcome) -> Result<bool> {
        let update = delivery::Entity::update_many()
            .filter(delivery::Column::Id.eq(leased.id))
            .filter(delivery::Column::SentAt.is_null());
        let still_ours = || delivery::Column::NextAt.eq(leased.until).and(delivery::Column::GivenUpAt.is_null());
        let update = match outcome {
            Outcome::Sent => update
                .col_expr(delivery::Column::SentAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(None::<String>)),
            Outcome::Again { at, why } => update
                .col_expr(delivery::Column::NextAt, Expr::value(*at))
                .col_expr(delivery::Column::LastError, Expr::value(why.clone()))
                .filter(still_ours()),
            Outcome::GivenUp { why } => update
                .col_expr(delivery::Column::GivenUpAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(why.clone()))
                .filter(still_ours()),
        };
        Ok(limited(update.exec(self.db())).await?.rows_affected == 1)
    }
}
