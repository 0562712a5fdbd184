//! How do questions read in both dialects, and by which indexes does SQLite answer them? For the tests of this folder.

use super::Store;
use crate::config::DatabaseTarget;
use crate::domain::{
    caller::{AuthMethod, Caller},
    cursor::{Cursor, Key},
    id::{OrganizationId, TokenId, UserId},
    list::Page,
    organization::Role,
    policy::{self, OrgAdmin, Standing, Viewer},
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

fn standing() -> Standing {
    let through = AuthMethod::Jwt(UserId::from_uuid(Uuid::from_u128(4)));
    let caller = Caller { at: NOW, address: None, user_agent: None, through };
    Standing::new(&caller, BTreeMap::from([(ORGANIZATION, Role::Admin)]), None)
}

pub(super) fn an_admin() -> OrgAdmin {
    policy::admin_of(&standing(), ORGANIZATION).expect("an administrator")
}

pub(super) fn myself() -> Viewer {
    policy::myself(&standing()).expect("a person")
}

/// The first page.
pub(super) const FIRST: Page = Page { limit: 50, backward: false, after: None, before: None };

/// A page behind a row.
pub(super) fn behind(key: Key) -> Page {
    Page { after: Some(Cursor { key, id: Uuid::from_u128(5) }), ..FIRST }
}

/// The question for SQLite and for PostgreSQL, a clause a line; where they are the same but for the placeholders, once.
pub(super) fn asked(question: &SelectStatement) -> String {
    let sqlite = question.build(SqliteQueryBuilder).0;
    let (postgres, values) = question.build(PostgresQueryBuilder);
    // From behind, so that $1 does not meet $10.
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

/// The steps in which SQLite answers the question on an empty database.
pub(super) async fn plan(question: &SelectStatement) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::connect(&DatabaseTarget::File(folder.path().join("plan.db"))).await.expect("a store");
    store.migrate(&Prefix::default()).await.expect("a schema");
    let explain = format!("EXPLAIN QUERY PLAN {}", question.to_string(SqliteQueryBuilder));
    let rows = store.read.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, explain)).await;
    let rows = rows.expect("a plan");
    rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a step")).collect()
}
