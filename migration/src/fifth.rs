//! Adds the field changes of events other than scopes. Earlier events have none.

use crate::first::maybe_text;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The process may have been killed after this step.
        if manager.has_column("events", "changes").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("events").add_column(maybe_text("changes")).take()).await
    }
}
