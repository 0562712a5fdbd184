//! Whoever signs in by an address, and what one person did or was done to, is found without a walk through everybody.

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
