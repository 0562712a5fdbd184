//! The states of [`state`](crate::domain::state) in SQL. `table` is the alias of a table in the statement, or its entity.

use super::{
    column_types::Expiry,
    entity::{grant, organization, token, token_value, user},
};
use crate::domain::{
    secret::Fingerprint,
    state::{GrantStatus, TokenStatus, UserStatus},
    time::Time,
};
use sea_orm::{
    Condition, ExprTrait as _,
    sea_query::{Expr, IntoIden},
};

/// Tokens with one of these statuses at a time.
pub(super) fn token_is_any<T: IntoIden + Copy>(table: T, statuses: &[TokenStatus], at: Time) -> Condition {
    statuses.iter().fold(Condition::any(), |any, status| any.add(token_is(table, *status, at)))
}

/// Tokens with this status at a time.
pub(super) fn token_is<T: IntoIden + Copy>(table: T, status: TokenStatus, at: Time) -> Condition {
    let expiry = Expr::col((table, token::Column::ExpiresAt));
    let revoked = Expr::col((table, token::Column::RevokedAt)).is_not_null();
    match status {
        TokenStatus::Active => token_has_no_end(table).add(expiry.gt(Expiry(Some(at)))),
        TokenStatus::Expired => {
            let recorded = Expr::col((table, token::Column::ExpiredAt)).is_not_null();
            Condition::all().add(revoked.not()).add(recorded.or(expiry.lte(Expiry(Some(at)))))
        }
        TokenStatus::Revoked => Condition::all().add(revoked),
    }
}

/// Tokens that were not revoked, and whose expiry was not recorded. It may have passed.
pub(super) fn token_has_no_end<T: IntoIden + Copy>(table: T) -> Condition {
    Condition::all()
        .add(Expr::col((table, token::Column::RevokedAt)).is_null())
        .add(Expr::col((table, token::Column::ExpiredAt)).is_null())
}

/// The value of a token that has this fingerprint, unless it was replaced.
pub(super) fn token_value_is<T: IntoIden + Copy>(table: T, fingerprint: Fingerprint, at: Time) -> Condition {
    Condition::all()
        .add(Expr::col((table, token_value::Column::Fingerprint)).eq(fingerprint))
        .add(Expr::col((table, token_value::Column::ExpiresAt)).gt(Expiry(Some(at))))
}

/// Grants with one of these statuses at a time.
pub(super) fn grant_is_any<T: IntoIden + Copy>(table: T, statuses: &[GrantStatus], at: Time) -> Condition {
    statuses.iter().fold(Condition::any(), |any, status| any.add(grant_is(table, *status, at)))
}

/// Grants with this status at a time.
pub(super) fn grant_is<T: IntoIden + Copy>(table: T, status: GrantStatus, at: Time) -> Condition {
    let expiry = Expr::col((table, grant::Column::ExpiresAt));
    let ended = Expr::col((table, grant::Column::EndedAt)).is_not_null();
    match status {
        GrantStatus::Active => grant_has_no_end(table).add(expiry.gt(Expiry(Some(at)))),
        GrantStatus::Ended => {
            Condition::all().add(grant_is_unremoved(table)).add(ended.or(expiry.lte(Expiry(Some(at)))))
        }
        GrantStatus::Removed => Condition::all().add(Expr::col((table, grant::Column::RemovedAt)).is_not_null()),
    }
}

/// Grants that are active or ended.
pub(super) fn grant_is_unremoved<T: IntoIden>(table: T) -> Expr {
    Expr::col((table, grant::Column::RemovedAt)).is_null()
}

/// Unremoved grants whose end was not recorded. It may have passed.
pub(super) fn grant_has_no_end<T: IntoIden + Copy>(table: T) -> Condition {
    Condition::all().add(grant_is_unremoved(table)).add(Expr::col((table, grant::Column::EndedAt)).is_null())
}

/// Grants whose end was not recorded and that were not removed before their expiry, which has passed.
pub(super) fn grant_lasted_until_expiry<T: IntoIden + Copy>(table: T) -> Condition {
    let removed = Expr::col((table, grant::Column::RemovedAt));
    let expiry = Expr::col((table, grant::Column::ExpiresAt));
    Condition::all()
        .add(Expr::col((table, grant::Column::EndedAt)).is_null())
        .add(grant_is_unremoved(table).or(removed.gte(expiry)))
}

/// Users with this status.
pub(super) fn user_is<T: IntoIden + Copy>(table: T, status: UserStatus) -> Expr {
    let disabled = Expr::col((table, user::Column::DisabledAt));
    match status {
        // A deletion disables the user as well: one column is enough.
        UserStatus::Enabled => disabled.is_null(),
        UserStatus::Disabled => disabled.is_not_null().and(user_exists(table)),
        UserStatus::Deleted => user_exists(table).not(),
    }
}

/// Users who were not deleted.
pub(super) fn user_exists<T: IntoIden>(table: T) -> Expr {
    Expr::col((table, user::Column::DeletedAt)).is_null()
}

/// Organizations that were not deleted.
pub(super) fn organization_exists<T: IntoIden>(table: T) -> Expr {
    Expr::col((table, organization::Column::DeletedAt)).is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sea_orm::{
        ConnectionTrait as _, Database, DatabaseConnection, Value,
        sea_query::{Alias, Query, SelectStatement},
    };

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);
    const FINGERPRINT: Fingerprint = Fingerprint::from_bytes([7; 32]);

    /// Rows that satisfy a condition, of a table that is written in the statement.
    async fn count(db: &DatabaseConnection, row: &[(&'static str, Value)], condition: Condition) -> usize {
        let mut table = Query::select();
        for (column, value) in row {
            table.expr_as(Expr::value(value.clone()), Alias::new(*column));
        }
        let select: SelectStatement =
            Query::select().expr(Expr::value(1)).from_subquery(table.take(), "x").cond_where(condition).take();
        db.query_all(&select).await.expect("an answer").len()
    }

    fn times() -> impl Strategy<Value = Option<Time>> {
        prop::option::of((-2..=2_i64).prop_map(|seconds| Time::from_micros(NOW.micros() + seconds)))
    }

    proptest! {
        #[test]
        fn conditions_select_the_statuses_that_the_domain_derives(
            [expires_at, expired_at, ended_at] in [times(), times(), times()],
            [revoked_at, removed_at, disabled_at, deleted_at] in [times(), times(), times(), times()],
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let db = Database::connect("sqlite::memory:").await.expect("a database");
                // The store disables whom it deletes.
                let disabled_at = disabled_at.or(deleted_at);
                let row = [
                    ("expires_at", Expiry(expires_at).into()),
                    ("expired_at", expired_at.into()),
                    ("ended_at", ended_at.into()),
                    ("revoked_at", revoked_at.into()),
                    ("removed_at", removed_at.into()),
                    ("disabled_at", disabled_at.into()),
                    ("deleted_at", deleted_at.into()),
                    ("fingerprint", FINGERPRINT.into()),
                ];
                let found = count(&db, &row, token_value_is("x", FINGERPRINT, NOW)).await;
                prop_assert_eq!(found == 1, expires_at.is_none_or(|end| end > NOW));
                let token = TokenStatus::of(NOW, expires_at, expired_at, revoked_at);
                for status in TokenStatus::ALL {
                    let found = count(&db, &row, token_is("x", status, NOW)).await;
                    prop_assert_eq!(found == 1, status == token, "{:?}, is {:?}", status, token);
                }
                let grant = GrantStatus::of(NOW, expires_at, ended_at, removed_at);
                for status in GrantStatus::ALL {
                    let found = count(&db, &row, grant_is("x", status, NOW)).await;
                    prop_assert_eq!(found == 1, status == grant, "{:?}, is {:?}", status, grant);
                }
                let user = UserStatus::of(disabled_at, deleted_at);
                for status in UserStatus::ALL {
                    let found = count(&db, &row, Condition::all().add(user_is("x", status))).await;
                    prop_assert_eq!(found == 1, status == user, "{:?}, is {:?}", status, user);
                }
                Ok(())
            })?;
        }
    }
}
