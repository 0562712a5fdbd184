//! Adds password hashes, sessions and invitations. An invitation without a user is that of the first administrator.

use crate::first::{bytes, id, index, maybe_id, maybe_text, table, text, time, to};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let passwords = table("passwords")
            .col(id("user_id").primary_key())
            .col(text("hashed"))
            .col(time("version"))
            .col(maybe_text("address"))
            .foreign_key(&mut to("passwords", "user_id", "users"))
            .take();
        let sessions = table("sessions")
            .col(id("id").primary_key())
            .col(bytes("fingerprint").unique_key())
            .col(id("user_id"))
            .col(time("password_version"))
            .col(time("created_at"))
            .col(time("last_seen_at"))
            .col(time("authenticated_at"))
            .col(maybe_text("address"))
            .col(maybe_text("user_agent"))
            .foreign_key(&mut to("sessions", "user_id", "users"))
            .take();
        let invitations = table("invitations")
            .col(bytes("fingerprint").primary_key())
            .col(maybe_id("user_id").unique_key())
            .col(time("created_at"))
            .foreign_key(&mut to("invitations", "user_id", "users"))
            .take();
        for table in [passwords, sessions, invitations] {
            manager.create_table(table).await?;
        }
        manager.create_index(index("sessions", &["user_id", "id"])).await
    }
}
