//! Letters on their way: leased, sent, tried again, given up.

use super::{entity::delivery, limited, upkeep::Upkeep};
use crate::domain::{error::Result, id::DeliveryId, time::Time};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, sea_query::Expr,
};
use std::time::Duration;

/// A letter that this node may send until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Which letter; a repeat has the same.
    pub id: DeliveryId,
    /// The recipient's name at the commit.
    pub to_name: String,
    /// The recipient's address at the commit.
    pub to_address: String,
    /// The letter as JSON.
    pub letter: String,
    /// When it was written.
    pub created_at: Time,
    /// How often it was tried, this time included.
    pub attempts: i32,
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

impl Upkeep<'_> {
    /// Takes letters that are due for so long; another node that asks meanwhile gets others.
    pub async fn lease_letters(&self, at: Time, lease: Duration, most: u64) -> Result<Vec<Leased>> {
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
            .map(|row| Leased {
                id: row.id,
                to_name: row.to_name,
                to_address: row.address,
                letter: row.letter,
                created_at: row.created_at,
                attempts: row.attempts,
            })
            .collect())
    }

    /// Keeps what came of a letter.
    pub async fn settle_letter(&self, id: DeliveryId, at: Time, outcome: &Outcome) -> Result<()> {
        let update = delivery::Entity::update_many().filter(delivery::Column::Id.eq(id));
        let update = match outcome {
            Outcome::Sent => update
                .col_expr(delivery::Column::SentAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(None::<String>)),
            Outcome::Again { at, why } => update
                .col_expr(delivery::Column::NextAt, Expr::value(*at))
                .col_expr(delivery::Column::LastError, Expr::value(why.clone())),
            Outcome::GivenUp { why } => update
                .col_expr(delivery::Column::GivenUpAt, Expr::value(at))
                .col_expr(delivery::Column::LastError, Expr::value(why.clone())),
        };
        limited(update.exec(self.db())).await?;
        Ok(())
    }
}
