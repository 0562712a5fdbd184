//! The target of `database.url`, and the errors that operators get for it, which contain no secret.

use super::{StoreFailure, failure, pool};
use crate::{
    config::DatabaseTarget,
    domain::error::{Error, Result},
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

/// The URLs that the library gets. The real options are set separately, and appear in no text of the library.
const SQLITE: &str = "sqlite://database";
const POSTGRES: &str = "postgres://user:password@host";
/// Settings and prepared statements of a session would be those of other clients, too.
pub(super) const SHARED: &str = "a pooler in front of PostgreSQL gives one session to several clients (transaction or statement \
    pooling), which would lose the time limits of statements; set pool_mode = session in PgBouncer, or name PostgreSQL itself";
/// SQLSTATEs of a prepared statement that belongs to another client's session: it does not exist, or already exists.
pub(super) const SHARED_CODES: [&str; 2] = ["26000", "42P05"];
/// How often sessions are compared. A pooler gives out the session that was used last, unless others ask at that moment.
const COMPARISONS: u32 = 3;

/// Where `database.url` leads.
pub(super) enum Place {
    /// To a file of SQLite.
    File(PathBuf),
    /// To a server, a database and a role of PostgreSQL.
    Server(Box<Server>),
}

/// A PostgreSQL server and how to connect to it.
pub(super) struct Server {
    options: PgConnectOptions,
    /// Whether `sslmode` is part of the URL.
    chose_tls: bool,
}

impl Place {
    pub(super) fn of(target: &DatabaseTarget) -> Result<Self> {
        let url = match target {
            DatabaseTarget::File(path) => return Ok(Self::File(path.clone())),
            DatabaseTarget::Server(url) => url,
        };
        // The library logs a line of .pgpass that it cannot read, with its password.
        let options = with_default(NoSubscriber::default(), || url.reveal().parse::<PgConnectOptions>());
        let options = options.map_err(|_| Error::invalid("database.url", "database.url cannot be read."))?;
        // Poolers reject the parameter, which is about floating-point numbers in text.
        let options = options.application_name("tokenward").extra_float_digits(None).disable_statement_logging();
        Ok(Self::Server(Box::new(Server { options, chose_tls: url.chooses_tls })))
    }

    /// How each connection is opened.
    pub(super) fn options(&self) -> Options {
        match self {
            Self::File(path) => {
                // Without it, a relative path that begins with file: would be a URL, and :memory: no file.
                let path = Path::new(".").join(path);
                let mut options = Options::new(SQLITE);
                options.map_sqlx_sqlite_opts(move |options| {
                    options
                        .filename(&path)
                        .create_if_missing(false)
                        .journal_mode(SqliteJournalMode::Wal)
                        .synchronous(SqliteSynchronous::Full)
                        .foreign_keys(true)
                        // Undoing a statement of many rows needs a temporary file, and no folder for one may be writable.
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

    /// How a session of the server is opened.
    pub(super) fn server_options(&self) -> Option<PgConnectOptions> {
        if let Self::Server(server) = self { Some(server.options.clone()) } else { None }
    }

    /// Refuses a pooler that gives one session to several clients.
    pub(super) async fn guard_sessions(&self) -> Result<()> {
        let Self::Server(server) = self else { return Ok(()) };
        let compared = tokio::time::timeout(pool::LIMIT, shares_sessions(&server.options)).await;
        let late = |_| Err(sqlx::Error::PoolTimedOut);
        match compared.unwrap_or_else(late) {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.unusable(SHARED)),
            Err(error) => {
                let cause = if matches!(error, sqlx::Error::PoolTimedOut) {
                    connect_error(&server.options).await
                } else {
                    None
                };
                Err(super::failed(cause.unwrap_or_else(|| DbErr::Conn(RuntimeErr::SqlxError(error.into())))))
            }
        }
    }

    /// It cannot be used because of this.
    pub(super) fn unusable(&self, why: impl Display) -> Error {
        let settings = if matches!(self, Self::File(_)) { "data_dir and database.url" } else { "database.url" };
        Error::unavailable(format!("{self} cannot be used: {why}. Check {settings}."))
    }

    /// The same error, with its place where the library alone says what is wrong.
    pub(super) fn explained(&self, error: Error) -> Error {
        match &error {
            Error::Unavailable(source) => match source.downcast_ref::<DbErr>() {
                Some(cause) => self.unusable(in_words(cause)),
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

/// Whether two clients are given the same session of the server, or one client several.
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
        // In a transaction, a session is held by every kind of pooler.
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

/// The process that serves this session. No statement is prepared: another client may have done so in it.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    use sqlx::Row as _;
    sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(|_| ())
}

impl Display for Place {
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
pub(super) fn in_words(error: &DbErr) -> String {
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

    fn server(url: &str) -> Place {
        Place::of(&DatabaseTarget::parse(url).expect("a target")).expect("a place")
    }

    #[test]
    fn place_is_named_without_its_password() {
        let place = server("postgres://me:hunter2@db:5433/tokens?password=hunter2");
        assert_eq!(place.to_string(), "PostgreSQL at db:5433, database tokens, role me,");
        assert!(!format!("{:?}", place.options()).contains("hunter2"));
    }

    #[test]
    fn only_remote_server_without_sslmode_may_lack_tls() {
        let warned = |url: &str| matches!(server(url), Place::Server(server) if server.may_lack_tls());
        for url in [
            "postgres://me@db/t",
            "postgres://me@192.0.2.1/t",
            "postgres://me@[2001:db8::1]/t",
            "postgres://me@localhost.example/t",
        ] {
            assert!(warned(url), "{url}");
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
            assert!(!warned(url), "{url}");
        }
    }
}
