//! Deliveries: emails that are leased, sent, retried and abandoned.

use super::{Store, column_types::DeliveryKind, entity::delivery, maintenance::Maintenance, run};
use crate::{
    domain::{
        email::EmailPayload,
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

/// An email that this node may send until its lease expires.
#[derive(Debug, Clone)]
pub struct LeasedDelivery {
    /// The ID of the delivery, which all attempts share.
    pub id: DeliveryId,
    /// The email and its recipient as JSON.
    pub payload: String,
    /// The time from which retries are limited.
    pub retrying_since: Time,
    /// The number of attempts, including this one.
    pub attempts: i32,
    /// The time when the lease expires, which identifies the lease.
    pub until: Time,
}

/// A pending or abandoned email, as the operator sees it.
#[derive(Debug, Clone)]
pub struct UndeliveredEmail {
    /// The ID of the delivery.
    pub id: DeliveryId,
    /// The recipient's address at the time of the commit.
    pub to_address: String,
    /// The time of the commit.
    pub created_at: Time,
    /// The number of attempts.
    pub attempts: i32,
    /// The time of the next attempt; `None` if the email is abandoned.
    pub next_at: Option<Time>,
    /// The error of the last failed attempt.
    pub last_error: Option<String>,
}

/// A selection of deliveries.
#[derive(Debug, Clone, Copy)]
pub enum DeliverySelector {
    /// The delivery with this ID.
    One(DeliveryId),
    /// All pending and abandoned deliveries.
    All,
}

/// The result of an attempt to send an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A mail server accepted the email.
    Sent,
    /// The attempt failed and will be repeated.
    Retry {
        /// The earliest time of the next attempt.
        at: Time,
        /// The error.
        error: String,
    },
    /// The email is abandoned: further attempts cannot succeed.
    Abandoned {
        /// The error.
        error: String,
    },
}

impl Store {
    /// Returns pending and abandoned emails, oldest first, up to a limit.
    pub async fn undelivered_emails(&self, _: &Operator, limit: u64) -> Result<Vec<UndeliveredEmail>> {
        let find = delivery::Entity::find()
            .filter(is_email())
            .filter(delivery::Column::SentAt.is_null())
            .order_by_asc(delivery::Column::Id)
            .limit(limit);
        let pending = |row: delivery::Model| UndeliveredEmail {
            id: row.id,
            to_address: serde_json::from_str(&row.payload)
                .map_or_else(|_| String::new(), |email: EmailPayload| email.to_address),
            created_at: row.created_at,
            attempts: row.attempts,
            next_at: row.abandoned_at.is_none().then_some(row.next_at),
            last_error: row.last_error,
        };
        Ok(run(find.all(&self.read)).await?.into_iter().map(pending).collect())
    }

    /// Returns the deliveries of the emails that notified the viewer of these events, whether sent or not.
    pub async fn notifications_to(&self, viewer: &Viewer, events: &[EventId]) -> Result<HashMap<EventId, DeliveryId>> {
        let find = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::CauseId)
            .column(delivery::Column::Id)
            .filter(is_email())
            .filter(delivery::Column::CauseId.is_in(events.iter().copied()))
            .filter(delivery::Column::RecipientId.eq(*viewer.user()))
            .into_tuple::<(EventId, DeliveryId)>();
        Ok(run(find.all(&self.read)).await?.into_iter().collect())
    }

    /// Counts the pending and the abandoned emails.
    pub async fn outbox_stats(&self) -> Result<Outbox> {
        let unsent = || {
            let emails = delivery::Entity::find().select_only().filter(is_email());
            emails.filter(delivery::Column::SentAt.is_null())
        };
        let pending = unsent()
            .column_as(delivery::Column::Id.count(), "pending")
            .column_as(delivery::Column::CreatedAt.min(), "oldest")
            .filter(delivery::Column::AbandonedAt.is_null())
            .into_tuple::<(i64, Option<Time>)>();
        let abandoned = unsent().filter(delivery::Column::AbandonedAt.is_not_null());
        let abandoned = abandoned.column_as(delivery::Column::Id.count(), "abandoned").into_tuple::<i64>();
        let (pending, oldest) = run(pending.one(&self.read)).await?.unwrap_or_default();
        let abandoned = run(abandoned.one(&self.read)).await?.unwrap_or_default();
        Ok(Outbox { pending: pending.unsigned_abs(), oldest, abandoned: abandoned.unsigned_abs() })
    }
}

/// Deliveries of other kinds belong to other jobs, also of a newer version that runs beside this one.
fn is_email() -> Expr {
    delivery::Column::Kind.eq(DeliveryKind::Email)
}

impl Maintenance<'_> {
    /// Leases emails that are due. Another node that leases concurrently gets others.
    pub async fn lease_emails(&self, at: Time, lease: Duration, limit: u64) -> Result<Vec<LeasedDelivery>> {
        let due = || {
            is_email()
                .and(delivery::Column::NextAt.lte(at))
                .and(delivery::Column::SentAt.is_null())
                .and(delivery::Column::AbandonedAt.is_null())
        };
        let due_ids = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(due())
            .order_by_asc(delivery::Column::NextAt)
            .limit(limit);
        let lease = delivery::Entity::update_many()
            .col_expr(delivery::Column::NextAt, Expr::value(at.plus(lease)))
            .col_expr(delivery::Column::Attempts, Expr::col(delivery::Column::Attempts).add(1))
            .filter(delivery::Column::Id.in_subquery(due_ids.into_query()))
            // Checked again after the row is locked: another node may have leased it first.
            .filter(due())
            .exec_with_returning(self.db());
        let leased = run(lease).await?;
        Ok(leased
            .into_iter()
            .map(|row| LeasedDelivery {
                id: row.id,
                payload: row.payload,
                retrying_since: row.retrying_since,
                attempts: row.attempts,
                until: row.next_at,
            })
            .collect())
    }

    /// Schedules emails, including abandoned ones, for an attempt at once. Returns their number.
    pub async fn retry_emails(&self, _: &Operator, which: DeliverySelector, at: Time) -> Result<u64> {
        let mut update = delivery::Entity::update_many()
            .col_expr(delivery::Column::NextAt, Expr::value(at))
            .col_expr(delivery::Column::RetryingSince, Expr::value(at))
            .col_expr(delivery::Column::Attempts, Expr::value(0))
            .col_expr(delivery::Column::AbandonedAt, Expr::value(None::<Time>))
            .filter(is_email())
            .filter(delivery::Column::SentAt.is_null());
        if let DeliverySelector::One(id) = which {
            update = update.filter(delivery::Column::Id.eq(id));
        }
        Ok(run(update.exec(self.db())).await?.rows_affected)
    }

    /// Stores the result of an attempt. That the email was sent is stored whichever node holds the lease; any other
    /// result only while this lease holds. Returns whether it was stored.
    pub async fn settle_email(&self, leased: &LeasedDelivery, at: Time, outcome: &Outcome) -> Result<bool> {
        let update = delivery::Entity::update_many()
            .filter(delivery::Column::Id.eq(leased.id))
            .filter(delivery::Column::SentAt.is_null());
        let lease_holds = || delivery::Column::NextAt.eq(leased.until).and(delivery::Column::AbandonedAt.is_null());
        let update = match outcome {
            Outcome::Sent => update
                .col_expr(delivery::Column::SentAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(None::<String>)),
            Outcome::Retry { at, error } => update
                .col_expr(delivery::Column::NextAt, Expr::value(*at))
                .col_expr(delivery::Column::LastError, Expr::value(error.clone()))
                .filter(lease_holds()),
            Outcome::Abandoned { error } => update
                .col_expr(delivery::Column::AbandonedAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(error.clone()))
                .filter(lease_holds()),
        };
        Ok(run(update.exec(self.db())).await?.rows_affected == 1)
    }
}
