//! How an error of the domain is told to GraphQL clients. Nobody else builds an error answer here.

use super::budget::MAX_FIELDS;
use crate::domain::error::{Code, Error};
use async_graphql::{ErrorExtensionValues, ErrorExtensions as _, ServerError, Value};
use std::sync::Arc;

/// The error with its stable code; the field where there is one. What is ours to mend goes to the log alone.
pub(super) fn fail(error: Error) -> async_graphql::Error {
    fail_shared(&Arc::new(error))
}

/// The same for an error that several fields share.
#[expect(clippy::disallowed_methods, reason = "this is where domain errors are translated")]
pub(super) fn fail_shared(error: &Arc<Error>) -> async_graphql::Error {
    match error.as_ref() {
        Error::Bug(why) => tracing::error!(%why, "a bug"),
        Error::Unavailable(source) => tracing::warn!(%source, "the store is unavailable"),
        _ => {}
    }
    async_graphql::Error::new(error.to_string()).extend_with(|_, it| {
        it.set("code", error.code().as_str());
        match error.as_ref() {
            Error::Invalid { field, .. } => it.set("field", field.as_ref()),
            Error::RateLimited { .. } => it.set("retryAfter", error.retry_after_seconds().unwrap_or(1)),
            Error::Stale => it.set("reauthenticate", true),
            _ => {}
        }
    })
}

/// A refusal of the whole request, in the shape of GraphQL.
pub fn error_of(error: Error) -> ServerError {
    fail(error).into_server_error(async_graphql::Pos::default())
}

/// The error of a query that resolves more fields than it may.
pub(super) fn too_many_fields() -> ServerError {
    let message = format!(
        "The response has more than {MAX_FIELDS} fields and items of lists; ask for smaller pages (first) or fewer fields."
    );
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", Code::TooComplex.as_str());
    extensions.set("limit", MAX_FIELDS);
    ServerError { extensions: Some(extensions), ..ServerError::new(message, None) }
}

/// The code of an error in an answer; errors of the library are the document's.
pub fn outcome_of(error: &ServerError) -> &str {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    match code {
        Some(Value::String(code)) => code,
        _ => Code::InvalidInput.as_str(),
    }
}

/// What a field answers: the value, nothing, or the error.
pub(super) type Answer<T> = Option<async_graphql::Result<T>>;

/// A field that always has a value, unless it fails.
#[expect(clippy::unnecessary_wraps, reason = "the library drops a field that is a plain error")]
pub(super) fn answer<T>(result: Result<T, Error>) -> Answer<T> {
    Some(result.map_err(fail))
}

/// A field that may have no value.
pub(super) fn maybe<T>(result: Result<Option<T>, Error>) -> Answer<T> {
    result.map_err(fail).transpose()
}
