//! Writes that no user decides: usage, deliveries, expiry and sessions. They record no event and take no event number.

use super::{
    Store,
    column_types::Expiry,
    conditions,
    entity::{grant, token},
    pool::Pool,
    run,
};
use crate::domain::{error::Result, id::TokenId, time::Time};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

/// The entry point for writes that record no event.
#[derive(Debug)]
pub struct Maintenance<'store> {
    pub(super) store: &'store Store,
}

impl Store {
    /// Returns the entry point for writes that record no event.
    pub const fn maintenance(&self) -> Maintenance<'_> {
        Maintenance { store: self }
    }
}

impl Maintenance<'_> {
    pub(super) const fn db(&self) -> &Pool {
        &self.store.write
    }

    /// Marks tokens whose expiry has passed, so that they remain expired if the clock goes back. Marks a limited number
    /// and returns it.
    pub async fn mark_expired(&self, at: Time, limit: u64) -> Result<usize> {
        let find = token::Entity::find()
            .filter(token::Column::ExpiresAt.lte(Expiry(Some(at))))
            .filter(conditions::token_has_no_end(token::Entity))
            .order_by_asc(token::Column::ExpiresAt)
            .limit(limit);
        let mut expired: Vec<TokenId> = run(find.all(&self.store.read)).await?.into_iter().map(|row| row.id).collect();
        expired.sort_unstable();
        if expired.is_empty() {
            return Ok(0);
        }
        // The tokens last: those of a node that fails in between are found again.
        let update_grants = grant::Entity::update_many()
            .col_expr(grant::Column::EndedAt, Expr::value(at))
            .filter(grant::Column::TokenId.is_in(expired.iter().copied()))
            .filter(conditions::grant_has_no_end(grant::Entity))
            .exec(self.db());
        run(update_grants).await?;
        let update_tokens = token::Entity::update_many()
            .col_expr(token::Column::ExpiredAt, Expr::value(at))
            .filter(token::Column::Id.is_in(expired.iter().copied()))
            .filter(conditions::token_has_no_end(token::Entity))
            .exec(self.db());
        run(update_tokens).await?;
        Ok(expired.len())
    }
}
