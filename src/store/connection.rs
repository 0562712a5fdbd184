//! The connections to the database, and the databases that are refused.

use super::{
    database_url::{self, ConnectionTarget},
    pool::{File, Pool, PoolOptions, Transaction},
    run,
};
use crate::{
    config::DatabaseTarget,
    domain::{
        error::{Error, Result},
        mac::MacKey,
        time::Time,
    },
    telemetry::Metrics,
};
use futures_util::future::join_all;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, sqlx,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, OnceCell},
    time::{sleep, timeout},
};

/// The settings of every PostgreSQL session: it cancels a statement a little before the service stops waiting for it, and
/// releases the locks of a node that was disconnected in the middle of a change.
const SESSION: &str = "SET statement_timeout = 2250; SET idle_in_transaction_session_timeout = 5000";
const REPLICA: &str = "This PostgreSQL is a read replica; database.url must name the primary.";
/// The number of sessions that the role of this session may have.
const SESSIONS: &str = "SELECT LEAST(current_setting('max_connections')::int \
    - current_setting('superuser_reserved_connections')::int, NULLIF(rolconnlimit, -1), NULLIF(datconnlimit, -1))::text \
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()";
/// How often the connections that are kept open are tested, if no other connection was closed before.
const TEST_INTERVAL: Duration = Duration::from_secs(5);
/// The first and the longest pause between two attempts to open them again.
const REOPEN_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Earlier versions may lose the write-ahead log if a checkpoint and a write coincide.
const MIN_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The database, with separate connections for each kind of work, so that none waits for another.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: Pool,
    /// For changes: one connection on SQLite, which has one writer.
    pub(super) write: Pool,
    /// For reads of requests that change something.
    change_reads: Pool,
    /// For checks of tokens, authentication of callers, and readiness.
    pub(super) checks: Pool,
    /// For migrations, which have no time limit.
    pub(super) steps: Pool,
    /// Notified when a connection was closed.
    closed_connection: Arc<Notify>,
    metrics: Metrics,
    /// Read once: it never changes.
    pub(super) cursor_key: Arc<OnceCell<MacKey>>,
}

impl Store {
    /// Opens a database. Rejects one that may lose acknowledged changes.
    pub async fn connect(target: &DatabaseTarget) -> Result<Self> {
        let target = ConnectionTarget::of(target)?;
        let metrics = Metrics::default();
        let closed_connection = Arc::<Notify>::default();
        if let ConnectionTarget::File(path) = &target {
            let file = File::found_or_created(path).map_err(|error| target.unusable(error))?;
            let pool = |max_connections| {
                Pool::new(PoolOptions {
                    backend: DbBackend::Sqlite,
                    connect: target.options(),
                    max_connections,
                    server: None,
                    file: Some(file.clone()),
                    metrics: metrics.clone(),
                    closed_connection: Arc::clone(&closed_connection),
                })
            };
            let write = pool(1);
            if let Err(error) = check_sqlite(&write).await {
                file.remove_if_unused();
                return Err(target.with_target(error));
            }
            let (read, change_reads, checks, steps) = (pool(8), pool(4), pool(8), pool(1));
            let cursor_key = Arc::default();
            return Ok(Self { read, write, change_reads, checks, steps, closed_connection, metrics, cursor_key });
        }
        let pool = |connect, max_connections| {
            Pool::new(PoolOptions {
                backend: DbBackend::Postgres,
                connect,
                max_connections,
                server: target.server_options(),
                file: None,
                metrics: metrics.clone(),
                closed_connection: Arc::clone(&closed_connection),
            })
        };
        let steps = || pool(target.options(), 1);
        target.warn_without_tls();
        target.check_sessions().await.map_err(|error| target.with_target(error))?;
        // On a replica, sessions of the other pools are closed at once, without the cause.
        let first = steps();
        check_postgres(&first).await.map_err(|error| target.with_target(error))?;
        first.close().await;
        let pool = |max_connections| pool(postgres_options(&target), max_connections);
        let (read, write, change_reads, checks, steps) = (pool(6), pool(4), pool(2), pool(4), steps());
        let cursor_key = Arc::default();
        Ok(Self { read, write, change_reads, checks, steps, closed_connection, metrics, cursor_key })
    }

    /// Returns the store for a request that changes something: its reads do not wait behind other reads.
    #[must_use]
    pub fn for_change(&self) -> Self {
        Self { read: self.change_reads.clone(), ..self.clone() }
    }

    /// Opens the connections that are kept open, and starts the task that keeps them so until the store is closed. Warns if
    /// PostgreSQL allows fewer connections than one node uses.
    pub async fn preconnect(&self) -> Result<()> {
        if self.read.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let store = self.clone();
        self.write.spawn(async move { store.keep_pools_filled().await });
        let needed: u32 = self.pools().into_iter().map(Pool::max_connections).sum();
        let allowed = setting(&self.checks, SESSIONS).await?;
        if allowed.parse::<u32>().is_ok_and(|allowed| allowed < needed) {
            tracing::warn!(
                allowed,
                needed,
                "PostgreSQL allows fewer connections than one node uses; raise max_connections or the CONNECTION LIMIT of \
                 the role or database (docs/running.md)"
            );
        }
        run(self.fill_pools()).await
    }

    /// Opens one connection for reads, and all those for changes, their reads and checks: where PostgreSQL has too few
    /// connections, reads must not take these.
    async fn fill_pools(&self) -> Result<(), DbErr> {
        let reserved = [&self.write, &self.checks, &self.change_reads];
        for pool in reserved.into_iter().chain([&self.read]) {
            pool.fill(1).await?;
        }
        for pool in reserved {
            pool.fill(pool.max_connections()).await?;
        }
        Ok(())
    }

    /// Opens these connections again after the server or the network closed them. One closed connection is a reason to test
    /// the others.
    async fn keep_pools_filled(&self) {
        let (first_pause, max_pause) = REOPEN_PAUSES;
        loop {
            let _ = timeout(TEST_INTERVAL, self.closed_connection.notified()).await;
            let mut pause = first_pause;
            while let Err(error) = self.fill_pools().await {
                tracing::debug!(error = %database_url::error_text(&error), "failed to open connections, will retry");
                sleep(pause).await;
                pause = (pause * 2).min(max_pause);
            }
        }
    }

    const fn pools(&self) -> [&Pool; 5] {
        [&self.read, &self.write, &self.change_reads, &self.checks, &self.steps]
    }

    /// Returns by how many microseconds a time is ahead of the clock of the database; negative if it is behind. SQLite uses the
    /// clock of the machine.
    pub async fn clock_skew(&self, time: Time) -> Result<i64> {
        if self.checks.get_database_backend() == DbBackend::Sqlite {
            return Ok(0);
        }
        let now = setting(&self.checks, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)::text");
        let now: i64 = now.await?.parse().map_err(|_| Error::Bug("the time of the database is not a number".into()))?;
        Ok(time.micros().saturating_sub(now))
    }

    /// Checks that the database answers and has the schema of this program.
    pub async fn ready(&self) -> Result<()> {
        run(self.checks.execute_unprepared("SELECT number FROM event_head")).await?;
        if self.pending().await?.is_empty() { Ok(()) } else { Err(Error::unavailable("migrations are pending")) }
    }

    /// Returns the metrics of the service that uses this store.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Closes all connections, after a moment for those that are in use.
    pub async fn close(self) {
        join_all(self.pools().map(Pool::close)).await;
    }

    pub(super) async fn begin(&self) -> Result<Transaction> {
        let options = match self.write.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            },
            _ => TransactionOptions { isolation_level: Some(IsolationLevel::ReadCommitted), ..Default::default() },
        };
        run(self.write.begin(options)).await
    }
}

async fn check_sqlite(pool: &Pool) -> Result<()> {
    let version = setting(pool, "SELECT sqlite_version()").await?;
    check_sqlite_version(&version)?;
    let journal = setting(pool, "SELECT journal_mode FROM pragma_journal_mode").await?;
    let synchronous = setting(pool, "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await?;
    check_sqlite_durability(&journal, &synchronous)
}

async fn check_postgres(pool: &Pool) -> Result<()> {
    let current_setting = |name| format!("SELECT current_setting('{name}')");
    check_postgres_encoding(&setting(pool, &current_setting("server_encoding")).await?)?;
    check_postgres_durability(&Durability {
        fsync: setting(pool, &current_setting("fsync")).await?,
        full_page_writes: setting(pool, &current_setting("full_page_writes")).await?,
        synchronous_commit: setting(pool, &current_setting("synchronous_commit")).await?,
        in_recovery: setting(pool, "SELECT pg_is_in_recovery()::text").await?,
    })
}

fn postgres_options(target: &ConnectionTarget) -> ConnectOptions {
    let mut options = target.options();
    options.map_sqlx_postgres_pool_opts(|options| {
        options.after_connect(|session, _| {
            Box::pin(async move {
                sqlx::Executor::execute(&mut *session, SESSION).await?;
                // After a failover, the same address may lead to a replica.
                let replica = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(session).await?;
                if replica { Err(sqlx::Error::Protocol(REPLICA.into())) } else { Ok(()) }
            })
        })
    });
    options
}

async fn setting(pool: &Pool, sql: &str) -> Result<String> {
    let statement = Statement::from_string(pool.get_database_backend(), sql);
    let row = run(pool.query_one_raw(statement)).await?;
    row.and_then(|row| row.try_get_by_index(0).ok()).ok_or_else(|| Error::Bug("a setting has no value".into()))
}

fn check_sqlite_version(version: &str) -> Result<()> {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    if (next(), next(), next()) >= MIN_SQLITE {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "SQLite {version} can lose acknowledged changes (its WAL-reset bug was fixed in 3.51.3); build with the bundled SQLite."
    )))
}

fn check_sqlite_durability(journal: &str, synchronous: &str) -> Result<()> {
    match (journal, synchronous) {
        ("wal", "2") => Ok(()),
        ("wal", _) => {
            Err(Error::unavailable("SQLite runs without synchronous=FULL: an acknowledged change could be lost."))
        }
        (other, _) => Err(Error::unavailable(format!(
            "The database file is in journal mode {other}, not WAL; put it on a local file system that supports shared memory."
        ))),
    }
}

/// Other encodings cannot store every text, and `SQL_ASCII` does not validate it.
fn check_postgres_encoding(encoding: &str) -> Result<()> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "The PostgreSQL database has the encoding {encoding}, not UTF8; create one with ENCODING 'UTF8' TEMPLATE template0 \
         and name it in database.url."
    )))
}

#[derive(Debug)]
struct Durability {
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    in_recovery: String,
}

fn check_postgres_durability(settings: &Durability) -> Result<()> {
    if settings.in_recovery == "true" {
        return Err(Error::unavailable(REPLICA));
    }
    for (name, value) in [("fsync", &settings.fsync), ("full_page_writes", &settings.full_page_writes)] {
        if value == "off" {
            return Err(Error::unavailable(format!(
                "PostgreSQL runs with {name}=off: an acknowledged revocation could be lost. Turn it on."
            )));
        }
    }
    if settings.synchronous_commit == "off" {
        return Err(Error::unavailable(
            "PostgreSQL runs with synchronous_commit=off: an acknowledged revocation could be lost. Turn it on.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn old_sqlite_is_refused() {
        assert!(check_sqlite_version("3.51.3").is_ok());
        assert!(check_sqlite_version("3.52.0").is_ok());
        assert!(check_sqlite_version("4.0").is_ok());
        for old in ["3.51.2", "3.7.0", "3.9.99", "nonsense"] {
            assert!(check_sqlite_version(old).is_err(), "{old}");
        }
    }

    #[tokio::test]
    async fn sqlite_needs_no_folder_for_temporary_files() {
        let folder = tempfile::tempdir().expect("folder is created");
        let store =
            Store::connect(&DatabaseTarget::File(folder.path().join("tokenward.db"))).await.expect("store opens");
        for pool in [&store.read, &store.write, &store.change_reads, &store.checks, &store.steps] {
            let value = setting(pool, "SELECT CAST(temp_store AS TEXT) FROM pragma_temp_store")
                .await
                .expect("setting is returned");
            assert_eq!(value, "2", "in memory");
        }
    }

    #[test]
    fn database_without_utf8_is_refused() {
        assert!(check_postgres_encoding("UTF8").is_ok());
        for encoding in ["SQL_ASCII", "LATIN1", "EUC_JP"] {
            let Err(Error::Unavailable(source)) = check_postgres_encoding(encoding) else {
                panic!("{encoding} was accepted")
            };
            assert!(source.to_string().contains("ENCODING 'UTF8'"), "{source}");
        }
    }

    ///
    #[test]
    fn database_that_may_lose_changes_is_refused() {
        assert!(check_sqlite_durability("wal", "2").is_ok());
        assert!(check_sqlite_durability("wal", "1").is_err());
        assert!(check_sqlite_durability("delete", "2").is_err());
        let good = || Durability {
            fsync: "on".into(),
            full_page_writes: "on".into(),
            synchronous_commit: "on".into(),
            in_recovery: "false".into(),
        };
        assert!(check_postgres_durability(&good()).is_ok());
        let cases = [
            ("fsync", Durability { fsync: "off".into(), ..good() }),
            ("full_page_writes", Durability { full_page_writes: "off".into(), ..good() }),
            ("synchronous_commit", Durability { synchronous_commit: "off".into(), ..good() }),
            ("read replica", Durability { in_recovery: "true".into(), ..good() }),
        ];
        for (cause, settings) in cases {
            let Err(Error::Unavailable(source)) = check_postgres_durability(&settings) else {
                panic!("{cause} was accepted")
            };
            assert!(source.to_string().contains(cause), "{source}");
        }
    }
}
