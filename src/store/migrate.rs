//! Brings the schema up to date, and holds fast what the first start decided.

use super::{Store, entity::setting, limited};
use crate::domain::{
    error::{Error, Result},
    secret::Prefix,
};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ActiveValue::Set, EntityTrait as _, sea_query::OnConflict};

const PREFIX: &str = "token.prefix";

impl Store {
    /// The names of the steps that are not applied yet.
    pub async fn pending(&self) -> Result<Vec<String>> {
        let pending = limited(Migrator::get_pending_migrations(&self.write)).await?;
        Ok(pending.iter().map(|step| step.name().to_owned()).collect())
    }

    /// Applies all pending steps and tells their names.
    pub async fn migrate(&self, prefix: &Prefix) -> Result<Vec<String>> {
        let pending = self.pending().await?;
        // A step may take as long as it needs: no request waits for it.
        Migrator::up(&self.write, None).await.map_err(super::failed)?;
        self.keep_prefix(prefix).await?;
        Ok(pending)
    }

    /// The first start decides how values begin: another prefix would make scanners and clients blind to the old ones.
    async fn keep_prefix(&self, prefix: &Prefix) -> Result<()> {
        let mine = setting::ActiveModel { name: Set(PREFIX.into()), value: Set(prefix.as_str().into()) };
        let insert = setting::Entity::insert(mine)
            .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
            .exec_without_returning(&self.write);
        limited(insert).await?;
        let kept = limited(setting::Entity::find_by_id(PREFIX).one(&self.write)).await?;
        match kept {
            Some(kept) if kept.value == prefix.as_str() => Ok(()),
            Some(kept) => Err(Error::invalid(
                "token.prefix",
                format!(
                    "The tokens of this database begin with {0}_, which its first start decided; set token.prefix to {0}.",
                    kept.value
                ),
            )),
            None => Err(Error::Bug("the prefix was not kept".into())),
        }
    }
}
