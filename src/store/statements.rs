//! Runs statements and reads their rows.

use super::{
    errors::{failed, failure, is_broken},
    statistics,
};
use crate::domain::error::{Error, Result};
use sea_orm::{
    ConnectionTrait, DbErr, FromQueryResult, IdenStatic, SqlErr,
    sea_query::{LikeExpr, SelectStatement},
};

/// Names a column of a table by the alias of the table in a statement.
pub(super) fn col(alias: &'static str, column: impl IdenStatic) -> (&'static str, &'static str) {
    (alias, column.as_str())
}

/// Runs a statement. A request that the database failed once does not wait for it again.
pub(super) async fn run<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<T> {
    if statistics::has_failed() {
        return Err(Error::unavailable("the database failed this request before"));
    }
    work.await.map_err(|error| {
        if is_broken(&error) {
            statistics::record_failure();
        }
        failure(&error).count();
        failed(error)
    })
}

/// Returns all rows of a query.
pub(super) async fn all<R: FromQueryResult>(
    connection: &impl ConnectionTrait,
    query: &SelectStatement,
) -> Result<Vec<R>> {
    let rows = run(connection.query_all(query)).await?;
    rows.iter().map(|row| R::from_query_result(row, "").map_err(failed)).collect()
}

/// Returns the row of a query that returns at most one.
pub(super) async fn one<R: FromQueryResult>(
    connection: &impl ConnectionTrait,
    query: &SelectStatement,
) -> Result<Option<R>> {
    let row = run(connection.query_one(query)).await?;
    row.map(|row| R::from_query_result(&row, "").map_err(failed)).transpose()
}

/// Runs a statement. Returns `None` if it violates a unique key.
pub(super) async fn run_unique<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<Option<T>> {
    run(async {
        match work.await {
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
            other => other.map(Some),
        }
    })
    .await
}

/// Matches any text that contains `part`: `%`, `_` and `\` are ordinary characters in it.
pub(super) fn like_containing(part: &str) -> LikeExpr {
    like_containing_before(part, "")
}

/// Matches any text that contains `part` and, after it, `end`.
pub(super) fn like_containing_before(part: &str, end: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for ch in part.chars() {
        if matches!(ch, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(ch);
    }
    pattern.push('%');
    if !end.is_empty() {
        pattern.push_str(end);
        pattern.push('%');
    }
    LikeExpr::new(pattern).escape('\\')
}
