//! Adds the networks from which a user signed in. The stored address of the last sign-in becomes the first.

use crate::first::maybe_text;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The process may have been killed after either step.
        if !manager.has_column("passwords", "networks").await? {
            let alter = Table::alter().table("passwords").add_column(maybe_text("networks")).take();
            manager.alter_table(alter).await?;
        }
        let copy = Query::update()
            .table("passwords")
            .value("networks", Expr::col("address"))
            .and_where(Expr::col("networks").is_null())
            .take();
        manager.execute(copy).await
    }
}
