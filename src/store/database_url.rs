//! The target of `database.url`, and the errors that operators get for it, which contain no secret.

use super::{errors::failure, pool};
use crate::{
    config::DatabaseTarget,
    domain::error::{Error, Result},
    telemetry::StoreFailure,
};
use sea_orm::{
    ConnectOptions as Options, DbErr, RuntimeErr,
    sqlx::{
        self, ConnectOptions as _, Connection as _, PgConnection,
        postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use std::{
    fmt::{Display, Formatter},
    net::IpAddr,
    path::{Path, PathBuf},
};
use tracing::subscriber::{NoSubscriber, with_default};

/// The URLs that the library gets. The real options are set separately and appear in none of its messages.
const SQLITE: &str = "sqlite://database";
const POSTGRES: &str = "postgres://user:password@host";
/// The rejection of a pooler: the settings and prepared statements of a session would also be those of other clients.
pub(super) const SHARED: &str = "a pooler in front of PostgreSQL gives one session to several clients (transaction or statement \
    pooling), which would lose the time limits of statements; set pool_mode = session in PgBouncer, or name PostgreSQL itself";
/// SQLSTATEs of a prepared statement that belongs to another client's session: it does not exist, or already exists.
pub(super) const SHARED_CODES: [&str; 2] = ["26000", "42P05"];
/// The number of comparisons of sessions. A pooler returns the session that was used last, unless other clients ask for
/// one at that moment.
const COMPARISONS: u32 = 3;

/// The database to which `database.url` leads.
pub(super) enum ConnectionTarget {
    /// A SQLite file.
    File(PathBuf),
    /// A server, database and role of PostgreSQL.
    Server(Box<Server>),
}

/// A PostgreSQL server and how to connect to it.
pub(super) struct Server {
    options: PgConnectOptions,
    /// Whether `sslmode` is part of the URL.
    chose_tls: bool,
}

impl ConnectionTarget {
    pub(super) fn of(target: &DatabaseTarget) -> Result<Self> {
        let url = match target {
            DatabaseTarget::File(path) => return Ok(Self::File(path.clone())),
            DatabaseTarget::Server(url) => url,
        };
        // The library logs a line of .pgpass that it cannot parse, including its password.
        let options = with_default(NoSubscriber::default(), || url.reveal().parse::<PgConnectOptions>());
        let options = options.map_err(|_| Error::invalid("database.url", "database.url cannot be read."))?;
        // Poolers reject this parameter, which concerns floating-point numbers in text.
        let options = options.application_name("tokenward").extra_float_digits(None).disable_statement_logging();
        Ok(Self::Server(Box::new(Server { options, chose_tls: url.chooses_tls })))
    }

    /// Returns the options with which each connection is opened.
    pub(super) fn options(&self) -> Options {
        match self {
            Self::File(path) => {
                // Without this, a relative path that begins with `file:` would be a URL, and `:memory:` would not be a
                // file.
                let path = Path::new(".").join(path);
                let mut options = Options::new(SQLITE);
                options.map_sqlx_sqlite_opts(move |options| {
                    options
                        .filename(&path)
                        .create_if_missing(false)
                        .journal_mode(SqliteJournalMode::Wal)
                        .synchronous(SqliteSynchronous::Full)
                        .foreign_keys(true)
                        // The rollback of a statement with many rows needs a temporary file, and no folder for one may
                        // be writable.
                        .pragma("temp_store", "MEMORY")
                        .busy_timeout(pool::ACQUIRE_LIMIT)
                });
                options
            }
            Self::Server(server) => {
                let chosen = server.options.clone();
                let mut options = Options::new(POSTGRES);
                options.map_sqlx_postgres_opts(move |_| chosen.clone());
                options
            }
        }
    }

    /// Warns of a connection to another host that may be neither encrypted nor authenticated.
    pub(super) fn warn_without_tls(&self) {
        if let Self::Server(server) = self
            && server.may_lack_tls()
        {
            tracing::warn!(
                host = server.options.get_host(),
                "the connection to PostgreSQL may be neither encrypted nor authenticated; set sslmode=verify-full in \
                 database.url (docs/running.md)"
            );
        }
    }

    /// Returns the options of a PostgreSQL session; `None` for SQLite.
    pub(super) fn server_options(&self) -> Option<PgConnectOptions> {
        if let Self::Server(server) = self { Some(server.options.clone()) } else { None }
    }

    /// Rejects a pooler that gives one session to several clients.
    pub(super) async fn check_sessions(&self) -> Result<()> {
        let Self::Server(server) = self else { return Ok(()) };
        let compared = tokio::time::timeout(pool::LIMIT, shares_sessions(&server.options)).await;
        let timed_out = |_| Err(sqlx::Error::PoolTimedOut);
        match compared.unwrap_or_else(timed_out) {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.unusable(SHARED)),
            Err(error) => {
                let cause = if matches!(error, sqlx::Error::PoolTimedOut) {
                    connect_error(&server.options).await
                } else {
                    None
                };
                Err(super::errors::failed(cause.unwrap_or_else(|| DbErr::Conn(RuntimeErr::SqlxError(error.into())))))
            }
        }
    }

    /// Returns the error that the database cannot be used for this reason.
    pub(super) fn unusable(&self, why: impl Display) -> Error {
        let settings = if matches!(self, Self::File(_)) { "data_dir and database.url" } else { "database.url" };
        Error::unavailable(format!("{self} cannot be used: {why}. Check {settings}."))
    }

    /// Adds the target and the setting to an error that contains only the message of the library.
    pub(super) fn with_target(&self, error: Error) -> Error {
        match &error {
            Error::Unavailable(source) => match source.downcast_ref::<DbErr>() {
                Some(cause) => self.unusable(error_text(cause)),
                None => error,
            },
            _ => error,
        }
    }
}

impl Server {
    fn may_lack_tls(&self) -> bool {
        let options = &self.options;
        let host = options.get_host();
        let local = options.get_socket().is_some()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        // The variable PGSSLMODE is another way to choose.
        !local && !self.chose_tls && matches!(options.get_ssl_mode(), PgSslMode::Prefer)
    }
}

/// Returns why the server opens no session, which the pool of the library does not report: it retries until its time is over.
pub(super) async fn connect_error(options: &PgConnectOptions) -> Option<DbErr> {
    match tokio::time::timeout(pool::TEST_LIMIT, options.connect()).await {
        Ok(Ok(session)) => {
            let _ = session.close().await;
            None
        }
        Ok(Err(error)) => Some(DbErr::Conn(RuntimeErr::SqlxError(error.into()))),
        Err(_) => None,
    }
}

/// Returns whether two clients share a session of the server, or one client gets several.
async fn shares_sessions(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(pool::ACQUIRE_LIMIT).test_before_acquire(false);
    let pool = pool.connect_with(options.clone()).await?;
    let (mut one, mut other) = (pool.acquire().await?, pool.acquire().await?);
    let first = session(&mut one).await?;
    for _ in 0..COMPARISONS {
        if session(&mut other).await? == first {
            return Ok(true);
        }
        run(&mut other, "BEGIN").await?;
        // In a transaction, every kind of pooler reserves the session.
        let second = session(&mut other).await?;
        if second == first || session(&mut one).await? != first {
            return Ok(true);
        }
        run(&mut other, "ROLLBACK").await?;
    }
    drop((one, other));
    pool.close().await;
    Ok(false)
}

/// Returns the ID of the process that serves this session. The statement is not prepared: another client may have
/// prepared one in the same session.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    use sqlx::Row as _;
    sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(|_| ())
}

impl Display for ConnectionTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "The database file {}", path.display()),
            Self::Server(server) => {
                let options = &server.options;
                let (host, port, role) = (options.get_host(), options.get_port(), options.get_username());
                let database = options.get_database().unwrap_or(role);
                write!(f, "PostgreSQL at {host}:{port}, database {database}, role {role},")
            }
        }
    }
}

/// Returns the message of the database without the text that the library adds.
pub(super) fn error_text(error: &DbErr) -> String {
    if failure(error) == StoreFailure::Late {
        return "there was no answer in time".into();
    }
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => match inner.as_database_error() {
            Some(error) if error.message().starts_with("unsupported startup parameter") => {
                format!("{} (in PgBouncer, name it in ignore_startup_parameters)", error.message())
            }
            Some(error) => error.message().to_owned(),
            None if matches!(**inner, sqlx::Error::PoolTimedOut) => "there was no answer in time".into(),
            None => inner.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> ConnectionTarget {
        ConnectionTarget::of(&DatabaseTarget::parse(url).expect("target is valid")).expect("URL is valid")
    }

    #[test]
    fn display_omits_password() {
        let target = server("postgres://me:hunter2@db:5433/tokens?password=hunter2");
        assert_eq!(target.to_string(), "PostgreSQL at db:5433, database tokens, role me,");
        assert!(!format!("{:?}", target.options()).contains("hunter2"));
    }

    #[test]
    fn only_remote_server_without_sslmode_may_lack_tls() {
        let may_lack_tls = |url: &str| matches!(server(url), ConnectionTarget::Server(server) if server.may_lack_tls());
        for url in [
            "postgres://me@db/t",
            "postgres://me@192.0.2.1/t",
            "postgres://me@[2001:db8::1]/t",
            "postgres://me@localhost.example/t",
        ] {
            assert!(may_lack_tls(url), "{url}");
        }
        for url in [
            "postgres://me@localhost/t",
            "postgres://me@127.0.0.2:1/t",
            "postgres://me@[::1]/t",
            "postgres://me@%2Fvar%2Frun%2Fpostgresql/t",
            "postgres:///t?host=/var/run/postgresql",
            "postgres://me@db/t?sslmode=verify-full",
            "postgres://me@db/t?sslmode=prefer",
            "postgres://me@db/t?ssl-mode=disable",
        ] {
            assert!(!may_lack_tls(url), "{url}");
        }
    }
}
