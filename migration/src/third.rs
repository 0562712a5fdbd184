//! Whether somebody's e-mail address is known to be theirs. Of those whom no identity provider knows, the operator said so;
//! of the others, their provider says it when they come the next time.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A process may have died between the two.
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
