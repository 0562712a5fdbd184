//! Adds whether the email address of a user is verified. Addresses of users without an identity provider were entered
//! by the operator and count as verified; for other users, the provider states it at the next sign-in.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The process may have been killed between the two steps.
        if !manager.has_column("users", "email_verified").await? {
            let alter = Table::alter()
                .table("users")
                .add_column(ColumnDef::new("email_verified").boolean().not_null().default(false))
                .take();
            manager.alter_table(alter).await?;
        }
        let by_operator = Query::update()
            .table("users")
            .value("email_verified", true)
            .and_where(Expr::col("issuer").is_null())
            .and_where(Expr::col("email").is_not_null())
            .take();
        manager.execute(by_operator).await
    }
}
