//! Adds the usernames that users gave up, as keyed hashes: they are never given to another user. The hashes of a
//! deleted user's usernames refer to no user.

use crate::first::{bytes, index, maybe_id, table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let used = table("used_usernames").col(bytes("hash").primary_key()).col(maybe_id("user_id")).take();
        manager.create_table(used).await?;
        manager.create_index(index("used_usernames", &["user_id"])).await
    }
}
