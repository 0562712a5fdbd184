//! Which database is meant, and what does an operator hear who cannot use it? Never what may be a secret.

use super::{StoreFailure, failure};
use crate::domain::error::Error;
use percent_encoding::percent_decode_str;
use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, postgres::PgConnectOptions},
};
use std::{
    fmt::{Display, Formatter},
    path::PathBuf,
};
use url::{Position, Url};

/// Where `database.url` leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To a file of SQLite.
    File(PathBuf),
    /// To a server, a database and a role of PostgreSQL.
    Server(String),
    /// Nobody can tell. What is there may be a part of a password, and is not repeated.
    Unclear,
}

impl Place {
    pub(super) fn of(url: &str) -> Self {
        if let Some(rest) = url.strip_prefix("sqlite://") {
            let path = rest.split_once('?').map_or(rest, |(path, _)| path);
            return Self::File(percent_decode_str(path).decode_utf8_lossy().into_owned().into());
        }
        // A password with a / ends the host for whoever reads the address, and goes on where the database stands.
        let clear = Url::parse(url).is_ok_and(|url| !url[Position::AfterPort..].contains('@'));
        match url.parse::<PgConnectOptions>() {
            Ok(options) if clear => {
                let (host, port, role) = (options.get_host(), options.get_port(), options.get_username());
                let database = options.get_database().unwrap_or(role);
                Self::Server(format!("{host}:{port}, database {database}, role {role}"))
            }
            _ => Self::Unclear,
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

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "The database file {}", path.display()),
            Self::Server(server) => write!(f, "PostgreSQL at {server},"),
            Self::Unclear => f.write_str(
                "The PostgreSQL of database.url (is its password written with %2F for /, %3F for ?, %23 for # and %40 for @?)",
            ),
        }
    }
}

/// What the database said, without what the library puts around it.
pub(super) fn in_words(error: &DbErr) -> String {
    if failure(error) == StoreFailure::Late {
        return "nobody answers there in time".into();
    }
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => match inner.as_database_error() {
            Some(said) => said.message().to_owned(),
            None if matches!(**inner, sqlx::Error::PoolTimedOut) => "nobody answers there in time".into(),
            None => inner.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_without_its_password() {
        let server = "db:5433, database tokens, role me";
        assert_eq!(Place::of("postgres://me:hunter2@db:5433/tokens"), Place::Server(server.into()));
        assert_eq!(Place::of("sqlite:///srv/100%25%3F/t.db?mode=rwc"), Place::File("/srv/100%?/t.db".into()));
        for odd in ["me:hunter2/3@db/tokens", "me:12/hunter2@db/tokens", "me:12#hunter2@db/t", "me:12?hunter2@db/t"] {
            let error = Place::of(&format!("postgres://{odd}")).unusable("no").cause();
            assert!(!error.contains("hunter2") && !error.contains("12") && error.contains("%2F for /"), "{error}");
        }
    }
}
