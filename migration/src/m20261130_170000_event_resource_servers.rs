//! Adds the name of the resource server that an event is about, or that acted. Until now, it was the reason of events
//! about resource servers; for earlier revocations it is unknown.

use crate::first::maybe_text;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The process may have been killed between the two steps.
        if !manager.has_column("events", "resource_server_name").await? {
            let alter = Table::alter().table("events").add_column(maybe_text("resource_server_name")).take();
            manager.alter_table(alter).await?;
        }
        let moved = Query::update()
            .table("events")
            .value("resource_server_name", Expr::col("reason"))
            .value("reason", None::<String>)
            .and_where(Expr::col("type").is_in(["resource_server_added", "resource_server_disabled"]))
            .and_where(Expr::col("resource_server_name").is_null())
            .take();
        manager.execute(moved).await
    }
}
