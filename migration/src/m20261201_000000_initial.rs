//! The schema of the first release.

use crate::columns::{
    bytes, counter, flag, id, index, maybe_id, maybe_text, maybe_time, one_of, table, text, time, to, to_column,
};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [users(), organizations(), sign_in(), tokens(), grants(), events(), clients(), outbox()];
        for table in tables.into_iter().flatten() {
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

fn users() -> Vec<TableCreateStatement> {
    vec![
        table("users")
            .col(id("id").primary_key())
            .col(text("username").unique_key())
            .col(text("name"))
            .col(maybe_text("email"))
            .col(flag("email_verified"))
            .col(text("searchable"))
            .col(maybe_text("issuer"))
            .col(maybe_text("subject"))
            .col(time("created_at"))
            .col(maybe_time("disabled_at"))
            .col(maybe_time("deleted_at"))
            .take(),
        // The hashes of a deleted user's usernames refer to no user.
        table("used_usernames").col(bytes("hash").primary_key()).col(maybe_id("user_id")).take(),
    ]
}

fn organizations() -> Vec<TableCreateStatement> {
    vec![
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
            .col(one_of("role", &["admin", "member"]))
            .col(time("joined_at"))
            .primary_key(Index::create().col("organization_id").col("user_id"))
            .foreign_key(&mut to("memberships", "organization_id", "organizations"))
            .foreign_key(&mut to("memberships", "user_id", "users"))
            .take(),
    ]
}

fn sign_in() -> Vec<TableCreateStatement> {
    vec![
        table("passwords")
            .col(id("user_id").primary_key())
            .col(text("hash"))
            .col(counter("version"))
            .col(maybe_text("networks"))
            .foreign_key(&mut to("passwords", "user_id", "users"))
            .take(),
        table("sessions")
            .col(id("id").primary_key())
            .col(bytes("fingerprint").unique_key())
            .col(id("user_id"))
            .col(counter("password_version"))
            .col(time("created_at"))
            .col(time("last_seen_at"))
            .col(time("authenticated_at"))
            .col(maybe_text("address"))
            .col(maybe_text("user_agent"))
            .foreign_key(&mut to("sessions", "user_id", "users"))
            .take(),
        // An invitation without a user is that of the first administrator.
        table("invitations")
            .col(bytes("fingerprint").primary_key())
            .col(maybe_id("user_id").unique_key())
            .col(time("created_at"))
            .foreign_key(&mut to("invitations", "user_id", "users"))
            .take(),
    ]
}

fn tokens() -> Vec<TableCreateStatement> {
    vec![
        table("tokens")
            .col(id("id").primary_key())
            .col(text("hint"))
            .col(id("owner_id"))
            .col(text("description"))
            .col(text("searchable"))
            .col(text("scopes"))
            .col(time("created_at"))
            .col(time("expires_at"))
            .col(maybe_time("expired_at"))
            .col(maybe_time("revoked_at"))
            .col(counter("version"))
            .foreign_key(&mut to("tokens", "owner_id", "users"))
            .take(),
        // A token has two values while it is rotated.
        table("token_values")
            .col(bytes("fingerprint").primary_key())
            .col(id("token_id"))
            .col(time("created_at"))
            .col(time("expires_at"))
            .foreign_key(&mut to("token_values", "token_id", "tokens"))
            .take(),
        usage(table("token_usage").col(id("token_id").primary_key()).foreign_key(&mut to(
            "token_usage",
            "token_id",
            "tokens",
        ))),
    ]
}

fn grants() -> Vec<TableCreateStatement> {
    vec![
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
        usage(
            table("grant_usage")
                .col(id("grant_id").primary_key())
                .col(id("organization_id"))
                .col(id("token_id"))
                .foreign_key(&mut to("grant_usage", "grant_id", "grants")),
        ),
    ]
}

/// Adds the columns of the last use and of the most recent request.
fn usage(table: &mut TableCreateStatement) -> TableCreateStatement {
    table
        .col(time("last_used_at"))
        .col(maybe_time("last_request_at"))
        .col(maybe_text("address"))
        .col(maybe_text("user_agent"))
        .col(maybe_text("method"))
        .col(maybe_text("path"))
        .col(maybe_text("scope"))
        .col(flag("allowed").default(false))
        .take()
}

fn events() -> Vec<TableCreateStatement> {
    vec![
        table("event_head")
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(counter("number"))
            .col(maybe_id("event_id"))
            .take(),
        table("events")
            .col(counter("number").primary_key())
            .col(id("id").unique_key())
            .col(id("cause_id"))
            .col(text("type"))
            .col(time("at"))
            .col(maybe_id("actor_id"))
            .col(maybe_text("actor_address"))
            .col(maybe_text("actor_user_agent"))
            .col(text("via"))
            .col(maybe_text("resource_server_name"))
            .col(maybe_id("token_id"))
            .col(maybe_id("user_id"))
            .col(maybe_text("reason"))
            .col(text("scopes_added"))
            .col(text("scopes_removed"))
            .col(maybe_text("changes"))
            .take(),
        table("event_organizations")
            .col(id("organization_id"))
            .col(counter("number"))
            .primary_key(Index::create().col("organization_id").col("number"))
            .foreign_key(&mut to_column("event_organizations", "number", "events", "number"))
            .take(),
    ]
}

fn clients() -> Vec<TableCreateStatement> {
    vec![
        table("settings").col(text("name").primary_key()).col(text("value")).take(),
        table("resource_servers")
            .col(id("id").primary_key())
            .col(text("name").unique_key())
            .col(text("client_id").unique_key())
            .col(bytes("secret_fingerprint"))
            .col(time("created_at"))
            .col(maybe_time("disabled_at"))
            .col(text("organizations"))
            .col(text("scopes"))
            .take(),
    ]
}

fn outbox() -> Vec<TableCreateStatement> {
    vec![
        table("deliveries")
            .col(id("id").primary_key())
            // Not checked by the database: SQLite cannot extend a check, and later kinds follow.
            .col(text("kind"))
            .col(id("cause_id"))
            .col(id("recipient_id"))
            .col(text("payload"))
            .col(time("created_at"))
            .col(time("retrying_since"))
            .col(ColumnDef::new("attempts").integer().not_null())
            .col(time("next_at"))
            .col(maybe_time("sent_at"))
            .col(maybe_time("abandoned_at"))
            .col(maybe_text("last_error"))
            .take(),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    let unremoved = || Expr::col("removed_at").is_null();
    let unsent = || Expr::col("sent_at").is_null();
    let pending = unsent().and(Expr::col("abandoned_at").is_null());
    let abandoned = unsent().and(Expr::col("abandoned_at").is_not_null());
    vec![
        index("users", &["issuer", "subject"]).unique().take(),
        index("users", &["email"]),
        index("used_usernames", &["user_id"]),
        index("memberships", &["user_id"]),
        index("sessions", &["user_id", "id"]),
        index("tokens", &["owner_id", "id"]),
        index("tokens", &["expires_at"])
            .and_where(Expr::col("expired_at").is_null().and(Expr::col("revoked_at").is_null()))
            .take(),
        index("token_values", &["token_id"]),
        // Also prevents a second unremoved grant of the same pair.
        index("grants", &["organization_id", "token_id"]).unique().and_where(unremoved()).take(),
        index("grants", &["organization_id", "expires_at", "token_id"]).and_where(unremoved()).take(),
        index("grants", &["organization_id", "owner_id", "token_id"]).and_where(unremoved()).take(),
        index("grants", &["token_id", "id"]),
        index("grant_scopes", &["token_id"]),
        index("grant_usage", &["organization_id", "last_used_at", "token_id"]),
        index("grant_usage", &["organization_id", "address"]),
        index("events", &["token_id", "number"]),
        index("events", &["actor_id", "number"]),
        index("events", &["user_id", "number"]),
        index("event_organizations", &["number"]),
        // One cause sends one delivery of a kind to one recipient.
        index("deliveries", &["cause_id", "recipient_id", "kind"]).unique().take(),
        index("deliveries", &["kind", "next_at"]).and_where(pending).take(),
        index("deliveries", &["kind", "abandoned_at"]).and_where(abandoned).take(),
    ]
}
