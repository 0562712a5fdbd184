//! What events left different beside scopes. Those of before say nothing of it.

use crate::first::maybe_text;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A process may have died after it.
        if manager.has_column("events", "changes").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("events").add_column(maybe_text("changes")).take()).await
    }
}
