//! The schema of the first release: users, organizations, tokens, grants, usage, events and deliveries.
//!
//! Times are microseconds, IDs are 16 bytes in the order of creation, and never is the largest or the smallest number,
//! so that every order is a scan of one index on both databases.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let head = Query::insert()
            .into_table("event_head")
            .columns(["id", "number"])
            .values_panic([1.into(), 0.into()])
            .on_conflict(OnConflict::column("id").do_nothing().to_owned())
            .to_owned();
        manager.execute(head).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    let mut tables = users();
    tables.extend(tokens());
    tables.extend(events());
    tables.push(table("settings").col(text("name").primary_key()).col(text("value")).take());
    tables.push(
        table("resource_servers")
            .col(id("id").primary_key())
            .col(text("name").unique_key())
            .col(text("client_id").unique_key())
            .col(bytes("secret"))
            .col(time("created_at"))
            .col(maybe_time("disabled_at"))
            .take(),
    );
    tables
}

fn users() -> Vec<TableCreateStatement> {
    vec![
        table("users")
            .col(id("id").primary_key())
            .col(text("username").unique_key())
            .col(text("name"))
            .col(maybe_text("email"))
            .col(text("searchable"))
            .col(maybe_text("issuer"))
            .col(maybe_text("subject"))
            .col(time("created_at"))
            .col(maybe_time("disabled_at"))
            .col(maybe_time("deleted_at"))
            .take(),
        table("organizations")
            .col(id("id").primary_key())
            .col(text("slug").unique_key())
            .col(text("name"))
            .col(time("created_at"))
            .col(maybe_time("deleted_at"))
            .take(),
        table("memberships")
            .col(id("organization_id"))
            .col(id("user_id"))
            .col(text("role").check(Expr::col("role").is_in(["admin", "member"])))
            .col(time("joined_at"))
            .primary_key(Index::create().col("organization_id").col("user_id"))
            .foreign_key(&mut to("memberships", "organization_id", "organizations"))
            .foreign_key(&mut to("memberships", "user_id", "users"))
            .take(),
    ]
}

fn tokens() -> Vec<TableCreateStatement> {
    vec![
        table("tokens")
            .col(id("id").primary_key())
            .col(bytes("fingerprint").unique_key())
            .col(text("hint"))
            .col(id("owner_id"))
            .col(text("description"))
            .col(text("searchable"))
            .col(text("scopes"))
            .col(time("created_at"))
            .col(time("expires_at"))
            .col(maybe_time("expired_at"))
            .col(maybe_time("revoked_at"))
            .col(ColumnDef::new("version").big_integer().not_null().take())
            .foreign_key(&mut to("tokens", "owner_id", "users"))
            .take(),
        table("grants")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("token_id"))
            .col(id("owner_id"))
            .col(time("expires_at"))
            .col(maybe_time("ended_at"))
            .col(time("granted_at"))
            .col(maybe_time("removed_at"))
            .col(maybe_id("removed_by"))
            .col(maybe_text("removal_reason"))
            .foreign_key(&mut to("grants", "organization_id", "organizations"))
            .foreign_key(&mut to("grants", "token_id", "tokens"))
            .take(),
        table("grant_scopes")
            .col(id("organization_id"))
            .col(text("scope"))
            .col(id("token_id"))
            .primary_key(Index::create().col("organization_id").col("scope").col("token_id"))
            .take(),
        uses(table("token_uses").col(id("token_id").primary_key()).foreign_key(&mut to(
            "token_uses",
            "token_id",
            "tokens",
        ))),
        uses(
            table("grant_uses")
                .col(id("grant_id").primary_key())
                .col(id("organization_id"))
                .col(id("token_id"))
                .foreign_key(&mut to("grant_uses", "grant_id", "grants")),
        ),
    ]
}

/// Adds the columns of the last use and of the most recent request.
fn uses(table: &mut TableCreateStatement) -> TableCreateStatement {
    table
        .col(time("last_used_at"))
        .col(maybe_time("last_at"))
        .col(maybe_text("address"))
        .col(maybe_text("user_agent"))
        .col(maybe_text("method"))
        .col(maybe_text("path"))
        .col(maybe_text("scope"))
        .col(ColumnDef::new("allowed").boolean().not_null().default(false))
        .take()
}

fn events() -> Vec<TableCreateStatement> {
    vec![
        table("event_head")
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(time("number"))
            .col(maybe_id("event_id"))
            .take(),
        table("events")
            .col(time("number").primary_key())
            .col(id("id").unique_key())
            .col(text("type"))
            .col(time("at"))
            .col(maybe_id("actor_id"))
            .col(maybe_text("actor_address"))
            .col(maybe_text("actor_user_agent"))
            .col(text("via"))
            .col(maybe_id("token_id"))
            .col(maybe_id("user_id"))
            .col(maybe_text("reason"))
            .col(text("scopes_added"))
            .col(text("scopes_removed"))
            .take(),
        table("event_organizations")
            .col(id("organization_id"))
            .col(time("number"))
            .primary_key(Index::create().col("organization_id").col("number"))
            .foreign_key(&mut to_column("event_organizations", "number", "events", "number"))
            .take(),
        table("deliveries")
            .col(id("id").primary_key())
            .col(id("event_id"))
            .col(id("user_id"))
            .col(text("to_username"))
            .col(text("to_name"))
            .col(text("address"))
            .col(text("letter"))
            .col(time("created_at"))
            .col(time("tried_from"))
            .col(ColumnDef::new("attempts").integer().not_null())
            .col(time("next_at"))
            .col(maybe_time("sent_at"))
            .col(maybe_time("given_up_at"))
            .col(maybe_text("last_error"))
            .take(),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    let unremoved = || Expr::col("removed_at").is_null();
    let pending = || Expr::col("sent_at").is_null().and(Expr::col("given_up_at").is_null());
    vec![
        index("users", &["issuer", "subject"]).unique().take(),
        index("memberships", &["user_id"]).take(),
        index("tokens", &["owner_id", "id"]).take(),
        index("tokens", &["expires_at"])
            .and_where(Expr::col("expired_at").is_null().and(Expr::col("revoked_at").is_null()))
            .take(),
        // Also prevents a second unremoved grant of the same pair.
        index("grants", &["organization_id", "token_id"]).unique().and_where(unremoved()).take(),
        index("grants", &["organization_id", "expires_at", "token_id"]).and_where(unremoved()).take(),
        index("grants", &["organization_id", "owner_id", "token_id"]).and_where(unremoved()).take(),
        index("grants", &["token_id", "id"]).take(),
        index("grant_scopes", &["token_id"]).take(),
        index("grant_uses", &["organization_id", "last_used_at", "token_id"]).take(),
        index("grant_uses", &["organization_id", "address"]).take(),
        index("events", &["token_id", "number"]).take(),
        index("event_organizations", &["number"]).take(),
        index("deliveries", &["next_at"]).and_where(pending()).take(),
        index("deliveries", &["event_id"]).take(),
    ]
}

pub(crate) fn table(name: &'static str) -> TableCreateStatement {
    // The process may be killed between two steps, and SQLite keeps the tables that exist by then.
    Table::create().table(name).if_not_exists().take()
}

pub(crate) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_by_{}", columns.join("_"))).table(table).if_not_exists();
    for column in columns {
        index.col(*column);
    }
    index
}

pub(crate) fn to(table: &'static str, column: &'static str, target: &'static str) -> ForeignKeyCreateStatement {
    to_column(table, column, target, "id")
}

fn to_column(
    table: &'static str,
    column: &'static str,
    target: &'static str,
    key: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(target, key).take()
}

pub(crate) fn id(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

pub(crate) fn maybe_id(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().null().take()
}

pub(crate) fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn maybe_time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

pub(crate) fn maybe_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().null().take()
}

pub(crate) fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).binary().not_null().take()
}
