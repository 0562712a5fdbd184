//! Migrates the schema, and stores the settings that the first start decides.
//!
//! Several nodes may start at the same time. One of them migrates, and meanwhile increments a counter in a row that it
//! leases. A node that sees the counter unchanged for [`LEASE_EXPIRY`] takes over. Clocks of different machines are
//! never compared.

use super::{Store, entity::setting, run};
use crate::domain::{
    error::{Error, Result},
    mac::{MacKey, Purpose},
    secret::Prefix,
};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult,
    sea_query::{ColumnDef, Expr, OnConflict, Query, Table, UpdateStatement},
};
use std::time::{Duration, Instant};
use uuid::Uuid;

const NEWER_SCHEMA: &str =
    "This database was migrated by a newer Tokenward than this one; start that one, or a newer one.";
/// Its migrations come before the initial one: `first` and others.
const UNRELEASED_SCHEMA: &str = "This database was created by a Tokenward from before the first release, whose schema is not migrated; create a new \
     database and name it in database.url, or an empty folder in data_dir.";
const PREFIX_SETTING: &str = "token.prefix";
/// The table in which the library records the applied migrations.
const MIGRATIONS_TABLE: &str = "seaql_migrations";
const LEASE_TABLE: &str = "migration_lease";
const RENEWAL_INTERVAL: Duration = Duration::from_millis(500);
/// A node whose counter is unchanged for this time is considered stopped.
const LEASE_EXPIRY: Duration = Duration::from_secs(5);
/// The time limit of waiting for the migration of another node.
const TIMEOUT: Duration = Duration::from_mins(10);
/// The maximum number of consecutive failures to read the lease.
const MAX_FAILURES: u32 = 50;

#[derive(Debug, FromQueryResult)]
struct Applied {
    version: String,
}

#[derive(Debug, FromQueryResult)]
struct Lease {
    holder: Option<Uuid>,
    renewals: i64,
}

impl Store {
    /// Returns the names of the pending migrations, without changing anything. `CONFLICT` if a newer program migrated
    /// the database, or a program from before the first release did.
    pub async fn pending(&self) -> Result<Vec<String>> {
        let known: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        let table_exists = run(self.checks.has_table(MIGRATIONS_TABLE)).await?;
        let query = Query::select().column("version").from(MIGRATIONS_TABLE).take();
        let applied: Vec<Applied> = if table_exists { super::all(&self.checks, &query).await? } else { Vec::new() };
        let applied: Vec<_> = applied.into_iter().map(|step| step.version).collect();
        if let Some(unknown) = applied.iter().filter(|step| !known.contains(step)).min() {
            let is_older = known.first().is_some_and(|initial| unknown < initial);
            return Err(Error::Conflict(if is_older { UNRELEASED_SCHEMA } else { NEWER_SCHEMA }.into()));
        }
        Ok(known.into_iter().filter(|step| !applied.contains(step)).collect())
    }

    /// Applies all pending migrations and returns their names.
    pub async fn migrate(&self, prefix: &Prefix) -> Result<Vec<String>> {
        let pending = self.pending().await?;
        let applied = if pending.is_empty() { pending } else { self.migrate_exclusively().await? };
        self.save_prefix(prefix).await?;
        self.saved_key(Purpose::Usernames).await?;
        self.cursor_key().await?;
        Ok(applied)
    }

    async fn migrate_exclusively(&self) -> Result<Vec<String>> {
        let node = Uuid::new_v4();
        self.take_lease(node).await?;
        let applied = tokio::select! {
            applied = self.apply() => applied,
            failed = self.renew_lease(node) => Err(failed),
        };
        self.change_lease(own_lease_update(node).value("holder", None::<Uuid>)).await?;
        applied
    }

    async fn apply(&self) -> Result<Vec<String>> {
        let pending = self.pending().await?;
        // A migration has no time limit: no request waits for it.
        let lease = run(self.steps.acquire_single_use()).await?;
        Migrator::up(&lease.connection, None).await.map_err(super::errors::failed)?;
        Ok(pending)
    }

    /// Waits until no other node migrates, or the one that does has stopped, and takes the lease.
    async fn take_lease(&self, node: Uuid) -> Result<()> {
        let start = Instant::now();
        let mut last_seen: Option<(i64, Instant)> = None;
        let mut failures = 0;
        while start.elapsed() < TIMEOUT {
            // If two nodes create the table at once, one of them fails; the next attempt finds the table.
            let lease = match self.lease().await {
                Ok(Some(lease)) => lease,
                Err(error) if failures == MAX_FAILURES => return Err(error),
                _ => {
                    failures += 1;
                    tokio::time::sleep(RENEWAL_INTERVAL / 5).await;
                    continue;
                }
            };
            failures = 0;
            let stopped =
                last_seen.is_some_and(|(renewals, since)| renewals == lease.renewals && since.elapsed() > LEASE_EXPIRY);
            if lease.holder.is_none() || stopped {
                let mut update = lease_update();
                update.value("holder", node).and_where(Expr::col("renewals").eq(lease.renewals));
                if self.change_lease(&mut update).await? == 1 {
                    return Ok(());
                }
            }
            if last_seen.is_none_or(|(renewals, _)| renewals != lease.renewals) {
                last_seen = Some((lease.renewals, Instant::now()));
            }
            tokio::time::sleep(RENEWAL_INTERVAL).await;
        }
        Err(Error::unavailable("another node is migrating this database and did not finish in time"))
    }

    /// Renews the lease. Returns when another node took over.
    async fn renew_lease(&self, node: Uuid) -> Error {
        loop {
            tokio::time::sleep(RENEWAL_INTERVAL).await;
            match self.change_lease(&mut own_lease_update(node)).await {
                Ok(0) => return Error::unavailable("another node took over the migration"),
                Ok(_) => {}
                Err(error) => tracing::debug!(error = %error.cause(), "failed to renew the migration lease"),
            }
        }
    }

    async fn lease(&self) -> Result<Option<Lease>> {
        let table = Table::create()
            .table(LEASE_TABLE)
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("holder").uuid().null())
            .col(ColumnDef::new("renewals").big_integer().not_null())
            .take();
        run(self.write.execute(&table)).await?;
        let first = Query::insert()
            .into_table(LEASE_TABLE)
            .columns(["id", "renewals"])
            .values_panic([1.into(), 0_i64.into()])
            .on_conflict(OnConflict::column("id").do_nothing().to_owned())
            .take();
        run(self.write.execute(&first)).await?;
        super::one(&self.write, &Query::select().columns(["holder", "renewals"]).from(LEASE_TABLE).take()).await
    }

    async fn change_lease(&self, change: &mut UpdateStatement) -> Result<u64> {
        change.value("renewals", Expr::col("renewals").add(1));
        Ok(run(self.write.execute(change)).await?.rows_affected())
    }

    /// Stores the prefix at the first start, and rejects another one later: scanners and clients would not recognize
    /// older values.
    async fn save_prefix(&self, prefix: &Prefix) -> Result<()> {
        let stored = self.saved_setting(PREFIX_SETTING, || Ok(prefix.as_str().into())).await?;
        if stored == prefix.as_str() {
            return Ok(());
        }
        Err(Error::invalid(
            "token.prefix",
            format!(
                "The tokens of this database begin with {stored}_, as set at its first start; set token.prefix to {stored}."
            ),
        ))
    }

    /// Returns the key that authenticates cursors. The first start generates it, and all nodes use the same key.
    pub async fn cursor_key(&self) -> Result<&MacKey> {
        self.cursor_key.get_or_try_init(|| self.saved_key(Purpose::Cursors)).await
    }

    async fn saved_key(&self, purpose: Purpose) -> Result<MacKey> {
        Ok(MacKey::parse(&self.saved_setting(purpose.setting(), MacKey::generate).await?))
    }

    /// Returns the stored value of a setting. If there is none, stores and returns `default`.
    async fn saved_setting(&self, name: &str, default: impl FnOnce() -> Result<String>) -> Result<String> {
        if let Some(stored) = self.setting(name).await? {
            return Ok(stored);
        }
        let row = setting::ActiveModel { name: Set(name.into()), value: Set(default()?) };
        let insert = setting::Entity::insert(row)
            .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
            .exec_without_returning(&self.write);
        run(insert).await?;
        // Another node may have stored it first.
        self.setting(name).await?.ok_or_else(|| Error::Bug("a setting was not stored".into()))
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(run(setting::Entity::find_by_id(name).one(&self.write)).await?.map(|row| row.value))
    }
}

fn lease_update() -> UpdateStatement {
    Query::update().table(LEASE_TABLE).and_where(Expr::col("id").eq(1)).take()
}

fn own_lease_update(node: Uuid) -> UpdateStatement {
    lease_update().and_where(Expr::col("holder").eq(node)).take()
}
