//! Adds indexes for the sign-in by email address and for the events about or by a user.

use crate::first::index;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in
            [("users", &["email"][..]), ("events", &["actor_id", "number"]), ("events", &["user_id", "number"])]
        {
            manager.create_index(index(table, columns)).await?;
        }
        Ok(())
    }
}
