//! The only place that speaks SQL: how the store is reached, what it refuses to start on, and what its errors mean.

mod entity;
mod events;
mod grants;
mod listing;
mod members;
mod migrate;
mod organizations;
mod outbox;
mod people;
#[cfg(test)]
mod questions;
mod resource_servers;
mod snapshots;
mod tokens;
mod tx;
mod upkeep;
mod usage;
mod values;

pub use grants::GrantsOf;
pub use members::Members;
pub use outbox::{Leased, Letters, Outcome, Waiting};
pub use people::{Identity, NewUser, Person, Profile};
pub use resource_servers::{NewResourceServer, ResourceServer};
pub use tokens::{NewToken, TokenChange};
pub use tx::Tx;
pub use upkeep::Upkeep;
pub use usage::{Seen, SeenGrant};

use crate::{
    domain::error::{Error, Result},
    telemetry::{Metrics, StoreFailure},
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, FromQueryResult, IsolationLevel,
    RuntimeErr, SqlErr, SqliteTransactionMode, Statement, TransactionOptions,
    sea_query::{LikeExpr, SelectStatement},
    sqlx,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long one statement, or the wait for a connection, may take.
const STATEMENT_LIMIT: Duration = Duration::from_millis(2_500);
const ACQUIRE_LIMIT: Duration = Duration::from_secs(2);
/// Below this SQLite may lose the write-ahead log when a checkpoint and a writer meet.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

tokio::task_local! {
    static STATEMENTS: Arc<AtomicU64>;
}

/// The database: one writer and several readers on SQLite, one pool on PostgreSQL.
#[derive(Debug, Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    metrics: Metrics,
}

impl Store {
    /// Opens the database at a `sqlite://` or `postgres://` address. Refuses one that cannot keep the promise that an
    /// acknowledged change is durable.
    pub async fn connect(url: &str) -> Result<Self> {
        let sqlite = url.strip_prefix("sqlite://").map(|rest| rest.split_once('?').map_or(rest, |(path, _)| path));
        let metrics = Metrics::default();
        let store = if let Some(path) = sqlite {
            create_private_file(Path::new(path))?;
            let write = open(sqlite_options(url, 1), &metrics).await?;
            Self { write, read: open(sqlite_options(url, 8), &metrics).await?, metrics }
        } else {
            let pool = open(postgres_options(url), &metrics).await?;
            Self { write: pool.clone(), read: pool, metrics }
        };
        store.guard().await?;
        Ok(store)
    }

    /// Whether the database answers and its schema is the one that this program knows.
    pub async fn ready(&self) -> Result<()> {
        limited(self.read.execute_unprepared("SELECT number FROM event_head")).await?;
        if self.pending().await?.is_empty() { Ok(()) } else { Err(Error::unavailable("migrations are pending")) }
    }

    /// What is counted of the service that stands on this store.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Ends all connections, after what runs on them.
    pub async fn close(self) {
        for pool in [self.read, self.write] {
            if let Err(error) = pool.close().await {
                tracing::warn!(%error, "a connection did not close");
            }
        }
    }

    async fn guard(&self) -> Result<()> {
        if self.write.get_database_backend() == DbBackend::Sqlite {
            let version = setting(&self.write, "SELECT sqlite_version()").await?;
            newer_sqlite(&version)?;
            let journal = setting(&self.write, "SELECT journal_mode FROM pragma_journal_mode").await?;
            let synchronous = setting(&self.write, "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await?;
            return durable_sqlite(&journal, &synchronous);
        }
        let ask = |name| format!("SELECT current_setting('{name}')");
        durable_postgres(&Durability {
            fsync: setting(&self.write, &ask("fsync")).await?,
            full_page_writes: setting(&self.write, &ask("full_page_writes")).await?,
            synchronous_commit: setting(&self.write, &ask("synchronous_commit")).await?,
            in_recovery: setting(&self.write, "SELECT pg_is_in_recovery()::text").await?,
        })
    }

    async fn begin(&self) -> Result<sea_orm::DatabaseTransaction> {
        use sea_orm::TransactionTrait as _;
        let options = match self.write.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            },
            _ => TransactionOptions { isolation_level: Some(IsolationLevel::ReadCommitted), ..Default::default() },
        };
        limited(self.write.begin_with_options(options)).await
    }
}

/// Runs `work` and counts the statements that it makes, in this task and in those that carry the counter on.
pub async fn counted<F: Future>(counter: Arc<AtomicU64>, work: F) -> F::Output {
    STATEMENTS.scope(counter, work).await
}

/// The counter of the present request, to carry on into another task.
pub fn counter() -> Arc<AtomicU64> {
    STATEMENTS.try_with(Arc::clone).unwrap_or_default()
}

fn sqlite_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).map_sqlx_sqlite_opts(|options| {
        options
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_LIMIT)
    });
    options
}

fn postgres_options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(12).set_application_name("tokenward");
    options
}

async fn open(mut options: ConnectOptions, metrics: &Metrics) -> Result<DatabaseConnection> {
    options
        .connect_timeout(ACQUIRE_LIMIT)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false);
    let mut connection = limited(Database::connect(options)).await?;
    let metrics = metrics.clone();
    connection.set_metric_callback(move |_| {
        metrics.statement();
        let _ = STATEMENTS.try_with(|counter| counter.fetch_add(1, Ordering::Relaxed));
    });
    Ok(connection)
}

/// Makes the file before SQLite does, so that nobody else may read it for a moment.
fn create_private_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let made = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)
    };
    made().map(|_| ()).map_err(Error::unavailable)
}

async fn setting(connection: &DatabaseConnection, question: &str) -> Result<String> {
    let statement = Statement::from_string(connection.get_database_backend(), question);
    let row = limited(connection.query_one_raw(statement)).await?;
    row.and_then(|row| row.try_get_by_index(0).ok()).ok_or_else(|| Error::Bug("a setting has no value".into()))
}

fn refused(why: String) -> Error {
    Error::unavailable(why)
}

fn newer_sqlite(version: &str) -> Result<()> {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    if (next(), next(), next()) >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(refused(format!(
        "SQLite {version} can lose acknowledged changes (its WAL-reset bug was mended in 3.51.3); build with the bundled SQLite."
    )))
}

fn durable_sqlite(journal: &str, synchronous: &str) -> Result<()> {
    match (journal, synchronous) {
        ("wal", "2") => Ok(()),
        ("wal", _) => {
            Err(refused("SQLite runs without synchronous=FULL: an acknowledged change could be lost.".into()))
        }
        (other, _) => Err(refused(format!(
            "The database file is in journal mode {other}, not WAL; put it on a local file system that supports shared memory."
        ))),
    }
}

#[derive(Debug)]
struct Durability {
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    in_recovery: String,
}

fn durable_postgres(settings: &Durability) -> Result<()> {
    if settings.in_recovery == "true" {
        return Err(refused("This PostgreSQL is a read replica; database.url must name the primary.".into()));
    }
    for (name, value) in [("fsync", &settings.fsync), ("full_page_writes", &settings.full_page_writes)] {
        if value == "off" {
            return Err(refused(format!(
                "PostgreSQL runs with {name}=off: an acknowledged revocation could be lost. Turn it on."
            )));
        }
    }
    if settings.synchronous_commit == "off" {
        return Err(refused(
            "PostgreSQL runs with synchronous_commit=off: an acknowledged revocation could be lost. Turn it on.".into(),
        ));
    }
    Ok(())
}

/// The database asked for the whole change to be made again.
#[derive(Debug, thiserror::Error)]
#[error("the database asks to try the change again")]
struct Contended(#[source] DbErr);

/// Whether the change that failed like this may be made again from its first line: nothing of it happened.
pub fn may_be_made_again(error: &Error) -> bool {
    matches!(error, Error::Unavailable(source) if source.is::<Contended>())
}

/// Waits for the database no longer than the limit.
async fn limited<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT_LIMIT, work).await {
        Ok(answer) => answer.map_err(|error| {
            let error = failed(error);
            kind_of(&error).count();
            error
        }),
        Err(late) => {
            StoreFailure::Late.count();
            Err(Error::unavailable(late))
        }
    }
}

fn kind_of(error: &Error) -> StoreFailure {
    match error {
        Error::Unavailable(_) if may_be_made_again(error) => StoreFailure::Contended,
        Error::Unavailable(_) => StoreFailure::Unavailable,
        _ => StoreFailure::Refused,
    }
}

fn failed(error: DbErr) -> Error {
    let Some(code) = database_code(&error) else {
        return match error {
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => Error::Bug(error.to_string().into()),
            other => Error::unavailable(other),
        };
    };
    // SQLite: the low byte is the kind. PostgreSQL: the first two letters are the class.
    let sqlite_kind = code.parse::<u32>().ok().filter(|_| code.len() != 5).map(|code| code & 0xff);
    match (sqlite_kind, code.get(..2)) {
        (Some(5 | 6), _) => Error::unavailable(Contended(error)),
        (None, _) if matches!(code.as_str(), "40001" | "40P01") => Error::unavailable(Contended(error)),
        (Some(8 | 10 | 11 | 13 | 14 | 26), _) | (None, Some("08" | "25" | "53" | "55" | "57" | "58")) => {
            Error::unavailable(error)
        }
        _ => Error::Bug(error.to_string().into()),
    }
}

fn database_code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner))
    | DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    inner.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned))
}

/// All rows of a question.
async fn all<R: FromQueryResult>(connection: &impl ConnectionTrait, question: &SelectStatement) -> Result<Vec<R>> {
    let rows = limited(connection.query_all(question)).await?;
    rows.iter().map(|row| R::from_query_result(row, "").map_err(failed)).collect()
}

/// The row of a question that has at most one.
async fn one<R: FromQueryResult>(connection: &impl ConnectionTrait, question: &SelectStatement) -> Result<Option<R>> {
    let row = limited(connection.query_one(question)).await?;
    row.map(|row| R::from_query_result(&row, "").map_err(failed)).transpose()
}

/// Nothing when a unique key refused it.
async fn limited_unique<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<Option<T>> {
    limited(async {
        match work.await {
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
            other => other.map(Some),
        }
    })
    .await
}

/// A pattern for any text that holds `part`: `%`, `_` and `\` are ordinary characters in it.
fn holding(part: &str) -> LikeExpr {
    holding_before(part, "")
}

/// A pattern for any text that holds `part`, and `end` somewhere behind it.
fn holding_before(part: &str, end: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    if !end.is_empty() {
        pattern.push_str(end);
        pattern.push('%');
    }
    LikeExpr::new(pattern).escape('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn an_old_sqlite_is_refused() {
        assert!(newer_sqlite("3.51.3").is_ok());
        assert!(newer_sqlite("3.52.0").is_ok());
        assert!(newer_sqlite("4.0").is_ok());
        for old in ["3.51.2", "3.7.0", "3.9.99", "nonsense"] {
            assert!(newer_sqlite(old).is_err(), "{old}");
        }
    }

    ///
    #[test]
    fn a_database_that_may_lose_acknowledged_changes_is_refused_with_the_cause() {
        assert!(durable_sqlite("wal", "2").is_ok());
        assert!(durable_sqlite("wal", "1").is_err());
        assert!(durable_sqlite("delete", "2").is_err());
        let good = || Durability {
            fsync: "on".into(),
            full_page_writes: "on".into(),
            synchronous_commit: "on".into(),
            in_recovery: "false".into(),
        };
        assert!(durable_postgres(&good()).is_ok());
        let cases = [
            ("fsync", Durability { fsync: "off".into(), ..good() }),
            ("full_page_writes", Durability { full_page_writes: "off".into(), ..good() }),
            ("synchronous_commit", Durability { synchronous_commit: "off".into(), ..good() }),
            ("read replica", Durability { in_recovery: "true".into(), ..good() }),
        ];
        for (cause, settings) in cases {
            let Err(Error::Unavailable(source)) = durable_postgres(&settings) else { panic!("{cause} was accepted") };
            assert!(source.to_string().contains(cause), "{source}");
        }
    }
}
