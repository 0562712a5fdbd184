//! Adds the organizations and scopes to which a resource server is limited (empty for no limit), and an index that
//! counts abandoned emails without a scan of the sent ones.

use crate::first::index;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["organizations", "scopes"] {
            // The process may have been killed between the two steps.
            if manager.has_column("resource_servers", column).await? {
                continue;
            }
            let alter = Table::alter()
                .table("resource_servers")
                .add_column(ColumnDef::new(column).text().not_null().default(""))
                .take();
            manager.alter_table(alter).await?;
        }
        let abandoned = Expr::col("sent_at").is_null().and(Expr::col("given_up_at").is_not_null());
        manager.create_index(index("deliveries", &["given_up_at"]).and_where(abandoned).take()).await
    }
}
