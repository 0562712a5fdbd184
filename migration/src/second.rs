//! What an API that introspects may be told of: certain organizations, certain scopes. Nothing there means no limit.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["organizations", "scopes"] {
            // A process may have died between the two.
            if manager.has_column("resource_servers", column).await? {
                continue;
            }
            let alter = Table::alter()
                .table("resource_servers")
                .add_column(ColumnDef::new(column).text().not_null().default(""))
                .take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}
