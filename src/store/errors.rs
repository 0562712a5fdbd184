//! The meaning of the errors of both databases.

use super::{database_url, pool};
use crate::{domain::error::Error, telemetry::StoreFailure};
use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr,
    sqlx::{error::DatabaseError, postgres::PgDatabaseError},
};

/// SQLSTATE: the role lacks a right.
const NO_RIGHT: &str = "42501";
/// SQLSTATEs: no schema of the search path exists, or a table is in none of them.
const MISPLACED: [&str; 2] = ["3F000", "42P01"];
/// SQLSTATE: too many sessions, of all roles and databases or of one.
const NO_SESSION: &str = "53300";
/// SQLSTATE and source routine of PostgreSQL: a column has another type than when the statement was prepared. Other errors
/// have the same SQLSTATE, and the message may be translated (`lc_messages`).
const STALE_PLAN: (&str, &str) = ("0A000", "RevalidateCachedQuery");

/// The database requires the whole change to be repeated.
#[derive(Debug, thiserror::Error)]
#[error("the database asks to try the change again")]
struct Contended(#[source] DbErr);

/// Returns whether a change that failed with this error can be repeated: it had no effect.
pub fn is_retryable(error: &Error) -> bool {
    matches!(error, Error::Unavailable(source) if source.is::<Contended>())
}

pub(super) fn failed(error: DbErr) -> Error {
    match failure(&error) {
        StoreFailure::Contended => Error::unavailable(Contended(error)),
        StoreFailure::Unavailable if has_code(&error, &[NO_SESSION]) => {
            let why = "PostgreSQL opens no more connections; raise max_connections or the CONNECTION LIMIT of the role or \
                       database, or run fewer nodes";
            Error::unavailable(format!("{why} ({}).", database_url::error_text(&error)))
        }
        StoreFailure::Late | StoreFailure::Unavailable => Error::unavailable(error),
        StoreFailure::Refused if has_code(&error, &database_url::SHARED_CODES) => {
            Error::unavailable(database_url::SHARED)
        }
        StoreFailure::Refused if has_code(&error, &MISPLACED) => {
            let why = "The search_path of PostgreSQL does not lead to the tables of Tokenward; set it for the role or the \
                       database, or create the schema";
            Error::unavailable(format!("{why} ({}).", database_url::error_text(&error)))
        }
        StoreFailure::Refused if has_code(&error, &[NO_RIGHT]) => {
            let why = "The role of database.url lacks a right; let it own its database, or grant it what is missing";
            Error::unavailable(format!("{why} ({}).", database_url::error_text(&error)))
        }
        StoreFailure::Refused => Error::Bug(error.to_string().into()),
    }
}

/// Returns whether a connection cannot be used again after this error.
pub(super) fn is_broken(error: &DbErr) -> bool {
    matches!(failure(error), StoreFailure::Late | StoreFailure::Unavailable)
}

/// Returns whether a prepared statement of the connection no longer fits its table. It had no effect, and succeeds on a
/// connection that is opened now.
pub(super) fn is_stale_plan(error: &DbErr) -> bool {
    let error = database_error(error).and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| (error.code(), error.routine()) == (STALE_PLAN.0, Some(STALE_PLAN.1)))
}

fn has_code(error: &DbErr, codes: &[&str]) -> bool {
    database_code(error).is_some_and(|code| codes.contains(&&*code))
}

pub(super) fn failure(error: &DbErr) -> StoreFailure {
    if is_stale_plan(error) {
        return StoreFailure::Contended;
    }
    let Some(code) = database_code(error) else {
        return match error {
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => StoreFailure::Refused,
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => StoreFailure::Late,
            DbErr::Conn(RuntimeErr::Internal(why)) if why == pool::TIMED_OUT => StoreFailure::Late,
            _ => StoreFailure::Unavailable,
        };
    };
    failure_of(&code, matches!(error, DbErr::Conn(_)))
}

/// Classifies a failure by the code of the database.
fn failure_of(code: &str, while_connecting: bool) -> StoreFailure {
    // SQLite: the low byte is the kind. PostgreSQL: the first two characters are the class.
    let sqlite_kind = code.parse::<u32>().ok().filter(|_| code.len() != 5).map(|code| code & 0xff);
    match (sqlite_kind, code.get(..2)) {
        (Some(5 | 6), _) => StoreFailure::Contended,
        (None, _) if matches!(code, "40001" | "40P01") => StoreFailure::Contended,
        (Some(7..=11 | 13..=15 | 26), _) | (None, Some("08" | "25" | "53" | "55" | "57" | "58")) => {
            StoreFailure::Unavailable
        }
        // For example, a password that was changed or a database that was dropped.
        _ if while_connecting => StoreFailure::Unavailable,
        _ => StoreFailure::Refused,
    }
}

fn database_code(error: &DbErr) -> Option<String> {
    database_error(error)?.code().map(std::borrow::Cow::into_owned)
}

fn database_error(error: &DbErr) -> Option<&dyn DatabaseError> {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner))
    | DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    inner.as_database_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-08
    #[test]
    fn database_errors_are_classified() {
        // SQLite: busy, locked. PostgreSQL: not serializable, deadlock.
        for code in ["5", "261", "517", "6", "40001", "40P01"] {
            assert_eq!(failure_of(code, false), StoreFailure::Contended, "{code}");
        }
        // SQLite: disk full, I/O errors, read-only, corrupt, cannot open, not a database, interrupted. PostgreSQL: disk
        // full, no connection, shut down, statement timeout, read-only transaction.
        for code in ["13", "10", "266", "1034", "8", "1032", "11", "14", "26", "9"] {
            assert_eq!(failure_of(code, false), StoreFailure::Unavailable, "{code}");
        }
        for code in ["53100", "53300", "08006", "57P01", "57P03", "57014", "25006", "55P03", "58030"] {
            assert_eq!(failure_of(code, false), StoreFailure::Unavailable, "{code}");
        }
        // SQLite and PostgreSQL: no such table, a duplicate key. PostgreSQL: a feature that it does not support.
        for code in ["1", "19", "2067", "42P01", "23505", "0A000"] {
            assert_eq!(failure_of(code, false), StoreFailure::Refused, "{code}");
        }
        // A wrong password, and a database that does not exist.
        for code in ["28P01", "3D000"] {
            assert_eq!(failure_of(code, true), StoreFailure::Unavailable, "{code}");
        }
    }
}
