//! Brings the schema up to date, and holds fast what the first start decided.
//!
//! Several nodes may start at once: one of them migrates, and its heart beats in a row of its own meanwhile. A node that
//! sees that heart stand still for a while takes over. No clock of any machine is compared with that of another.

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

const PREFIX: &str = "token.prefix";
/// Where the library keeps which steps were applied.
const APPLIED: &str = "seaql_migrations";
const LEASE: &str = "migration_lease";
const INTERVAL: Duration = Duration::from_millis(500);
/// A heart that stood still for so long is taken to be dead.
const LEASE_EXPIRY: Duration = Duration::from_secs(5);
/// How long another node's migration is waited for.
const TIMEOUT: Duration = Duration::from_mins(10);
/// How often in a row the database may refuse to say who migrates.
const MAX_REFUSALS: u32 = 50;

#[derive(Debug, FromQueryResult)]
struct Applied {
    version: String,
}

#[derive(Debug, FromQueryResult)]
struct Lease {
    holder: Option<Uuid>,
    beat: i64,
}

impl Store {
    /// The names of the steps that are not applied yet. Changes nothing. Refuses a database that a newer program made.
    pub async fn pending(&self) -> Result<Vec<String>> {
        let known: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        let any = run(self.checks.has_table(APPLIED)).await?;
        let question = Query::select().column("version").from(APPLIED).take();
        let applied: Vec<Applied> = if any { super::all(&self.checks, &question).await? } else { Vec::new() };
        let applied: Vec<_> = applied.into_iter().map(|step| step.version).collect();
        if applied.iter().any(|step| !known.contains(step)) {
            let why = "This database was migrated by a newer Tokenward than this one; start that one, or a newer one.";
            return Err(Error::Conflict(why.into()));
        }
        Ok(known.into_iter().filter(|step| !applied.contains(step)).collect())
    }

    /// Applies all pending steps and tells their names.
    pub async fn migrate(&self, prefix: &Prefix) -> Result<Vec<String>> {
        let pending = self.pending().await?;
        let applied = if pending.is_empty() { pending } else { self.migrate_alone().await? };
        self.save_prefix(prefix).await?;
        self.saved_key(Purpose::Usernames).await?;
        self.cursor_key().await?;
        Ok(applied)
    }

    async fn migrate_alone(&self) -> Result<Vec<String>> {
        let me = Uuid::new_v4();
        self.take_lease(me).await?;
        let applied = tokio::select! {
            applied = self.apply() => applied,
            failed = self.beat(me) => Err(failed),
        };
        self.change_lease(lease_of(me).value("holder", None::<Uuid>)).await?;
        applied
    }

    async fn apply(&self) -> Result<Vec<String>> {
        let pending = self.pending().await?;
        // A step has no time limit: no request waits for it.
        let lease = run(self.steps.acquire_single_use()).await?;
        Migrator::up(&lease.connection, None).await.map_err(super::failed)?;
        Ok(pending)
    }

    /// Waits until nobody migrates, or until whoever does is dead.
    async fn take_lease(&self, me: Uuid) -> Result<()> {
        let start = Instant::now();
        let mut seen: Option<(i64, Instant)> = None;
        let mut refusals = 0;
        while start.elapsed() < TIMEOUT {
            // Two that make the table at once refuse each other; the next look finds it.
            let lease = match self.lease().await {
                Ok(Some(lease)) => lease,
                Err(error) if refusals == MAX_REFUSALS => return Err(error),
                _ => {
                    refusals += 1;
                    tokio::time::sleep(INTERVAL / 5).await;
                    continue;
                }
            };
            refusals = 0;
            let dead = seen.is_some_and(|(beat, since)| beat == lease.beat && since.elapsed() > LEASE_EXPIRY);
            if lease.holder.is_none() || dead {
                let mut take = update();
                take.value("holder", me).and_where(Expr::col("beat").eq(lease.beat));
                if self.change_lease(&mut take).await? == 1 {
                    return Ok(());
                }
            }
            if seen.is_none_or(|(beat, _)| beat != lease.beat) {
                seen = Some((lease.beat, Instant::now()));
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Err(Error::unavailable("another node migrates this database and does not come to an end"))
    }

    /// Shows that this node lives; ends when somebody else took over.
    async fn beat(&self, me: Uuid) -> Error {
        loop {
            tokio::time::sleep(INTERVAL).await;
            match self.change_lease(&mut lease_of(me)).await {
                Ok(0) => return Error::unavailable("another node took the migration over"),
                Ok(_) => {}
                Err(error) => tracing::debug!(error = %error.cause(), "failed to renew the migration lease"),
            }
        }
    }

    async fn lease(&self) -> Result<Option<Lease>> {
        let table = Table::create()
            .table(LEASE)
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("holder").uuid().null())
            .col(ColumnDef::new("beat").big_integer().not_null())
            .take();
        run(self.write.execute(&table)).await?;
        let first = Query::insert()
            .into_table(LEASE)
            .columns(["id", "beat"])
            .values_panic([1.into(), 0_i64.into()])
            .on_conflict(OnConflict::column("id").do_nothing().to_owned())
            .take();
        run(self.write.execute(&first)).await?;
        super::one(&self.write, &Query::select().columns(["holder", "beat"]).from(LEASE).take()).await
    }

    async fn change_lease(&self, change: &mut UpdateStatement) -> Result<u64> {
        change.value("beat", Expr::col("beat").add(1));
        Ok(run(self.write.execute(change)).await?.rows_affected())
    }

    /// The first start decides how values begin: another prefix would make scanners and clients blind to the old ones.
    async fn save_prefix(&self, prefix: &Prefix) -> Result<()> {
        let kept = self.saved_setting(PREFIX, || Ok(prefix.as_str().into())).await?;
        if kept == prefix.as_str() {
            return Ok(());
        }
        Err(Error::invalid(
            "token.prefix",
            format!(
                "The tokens of this database begin with {kept}_, which its first start decided; set token.prefix to {kept}."
            ),
        ))
    }

    /// The key that cursors are authenticated with: the first start generates it, and all nodes use the same.
    pub async fn cursor_key(&self) -> Result<&MacKey> {
        self.cursor_key.get_or_try_init(|| self.saved_key(Purpose::Cursors)).await
    }

    async fn saved_key(&self, purpose: Purpose) -> Result<MacKey> {
        Ok(MacKey::parse(&self.saved_setting(purpose.setting(), MacKey::generate).await?))
    }

    /// The value of a setting, which is this one from now on if there is none.
    async fn saved_setting(&self, name: &str, first: impl FnOnce() -> Result<String>) -> Result<String> {
        if let Some(kept) = self.setting(name).await? {
            return Ok(kept);
        }
        let mine = setting::ActiveModel { name: Set(name.into()), value: Set(first()?) };
        let insert = setting::Entity::insert(mine)
            .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
            .exec_without_returning(&self.write);
        run(insert).await?;
        // Another node may have been quicker.
        self.setting(name).await?.ok_or_else(|| Error::Bug("a setting was not kept".into()))
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(run(setting::Entity::find_by_id(name).one(&self.write)).await?.map(|kept| kept.value))
    }
}

fn update() -> UpdateStatement {
    Query::update().table(LEASE).and_where(Expr::col("id").eq(1)).take()
}

fn lease_of(me: Uuid) -> UpdateStatement {
    update().and_where(Expr::col("holder").eq(me)).take()
}
