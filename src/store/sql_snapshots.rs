//! Helpers for the tests of this folder: the SQL of a query for both databases, and the plan by which SQLite runs it.

use super::Store;
use crate::config::DatabaseTarget;
use crate::domain::{
    caller::{AuthMethod, Caller},
    cursor::{Cursor, SortKey},
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    page::Page,
    policy::{self, AuthContext, OrgAdmin, Viewer},
    secret::Prefix,
    time::Time,
};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder},
};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const NOW: Time = Time::from_micros(1_795_426_200_000_000);
pub(super) const ORGANIZATION: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(1));
pub(super) const TOKENS: [TokenId; 2] =
    [TokenId::from_uuid(Uuid::from_u128(2)), TokenId::from_uuid(Uuid::from_u128(3))];

fn auth_context() -> AuthContext {
    let through = AuthMethod::Jwt(UserId::from_uuid(Uuid::from_u128(4)));
    let caller = Caller { at: NOW, address: None, user_agent: None, auth_method: through };
    AuthContext::new(&caller, BTreeMap::from([(ORGANIZATION, Role::Admin)]), None)
}

pub(super) fn org_admin() -> OrgAdmin {
    policy::org_admin(&auth_context(), ORGANIZATION).expect("caller is an administrator")
}

pub(super) fn viewer() -> Viewer {
    policy::viewer(&auth_context()).expect("caller is a user")
}

pub(super) const FIRST: Page = Page { limit: 50, backward: false, after: None, before: None };

/// Returns a page after a row.
pub(super) fn page_after(key: SortKey) -> Page {
    Page { after: Some(Cursor { key, id: Uuid::from_u128(5) }), ..FIRST }
}

/// Returns the SQL for PostgreSQL and for SQLite, one clause per line; only once if they differ in placeholders alone.
pub(super) fn sql_of(query: &SelectStatement) -> String {
    let sqlite = query.build(SqliteQueryBuilder).0;
    let (postgres, values) = query.build(PostgresQueryBuilder);
    // In descending order, so that `$1` does not match in `$10`.
    let numbers = (1..=values.iter().count()).rev();
    let unnumbered = numbers.fold(postgres.clone(), |sql, number| sql.replace(&format!("${number}"), "?"));
    if unnumbered == sqlite {
        return clauses(&postgres);
    }
    format!("{}\n\nSQLite:\n{}", clauses(&postgres), clauses(&sqlite))
}

fn clauses(sql: &str) -> String {
    let openings = [" FROM ", " INNER JOIN ", " LEFT JOIN ", " WHERE ", " AND ", " GROUP BY ", " ORDER BY ", " LIMIT "];
    openings.iter().fold(sql.to_owned(), |sql, opening| sql.replace(opening, &format!("\n{}", &opening[1..])))
}

/// Returns the steps of the query plan of SQLite on an empty database.
pub(super) async fn plan(query: &SelectStatement) -> Vec<String> {
    let folder = tempfile::tempdir().expect("folder is created");
    let store = Store::connect(&DatabaseTarget::File(folder.path().join("plan.db"))).await.expect("store opens");
    store.migrate(&Prefix::default()).await.expect("schema is migrated");
    let explain = format!("EXPLAIN QUERY PLAN {}", query.to_string(SqliteQueryBuilder));
    let rows = store.read.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, explain)).await;
    let rows = rows.expect("plan is returned");
    rows.iter().map(|row| row.try_get::<String>("", "detail").expect("step is text")).collect()
}
