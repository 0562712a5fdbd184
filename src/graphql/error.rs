//! Converts domain errors to GraphQL errors. No other file creates GraphQL errors from domain errors.

use super::budget::MAX_FIELDS;
use crate::domain::error::{Code, Error};
use async_graphql::{ErrorExtensionValues, ErrorExtensions as _, ServerError, Value};
use std::sync::Arc;

/// Converts an error, with its code and, if it has one, its field. The causes of internal errors are only logged.
pub(super) fn to_graphql_error(error: Error) -> async_graphql::Error {
    shared_to_graphql_error(&Arc::new(error))
}

/// Converts an error that several fields share.
#[expect(clippy::disallowed_methods, reason = "this is where domain errors are translated")]
pub(super) fn shared_to_graphql_error(error: &Arc<Error>) -> async_graphql::Error {
    match error.as_ref() {
        Error::Bug(why) => tracing::error!(%why, "a bug"),
        Error::Unavailable(source) => tracing::warn!(%source, "the store is unavailable"),
        _ => {}
    }
    async_graphql::Error::new(error.to_string()).extend_with(|_, extensions| {
        extensions.set("code", error.code().as_str());
        match error.as_ref() {
            Error::Invalid { field, .. } => extensions.set("field", field.as_ref()),
            Error::RateLimited { .. } => extensions.set("retryAfter", error.retry_after_seconds().unwrap_or(1)),
            Error::ReauthenticationRequired => extensions.set("reauthenticate", true),
            _ => {}
        }
    })
}

/// Returns the error of a query that exceeds the field limit.
pub(super) fn too_many_fields() -> ServerError {
    let message = format!(
        "The response has more than {MAX_FIELDS} fields and items of lists; ask for smaller pages (first) or fewer fields."
    );
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", Code::TooComplex.as_str());
    extensions.set("limit", MAX_FIELDS);
    ServerError { extensions: Some(extensions), ..ServerError::new(message, None) }
}

/// Returns the code of an error in a response. Errors of the library have none, and count as `INVALID_INPUT`.
pub fn code_of(error: &ServerError) -> &str {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    match code {
        Some(Value::String(code)) => code,
        _ => Code::InvalidInput.as_str(),
    }
}

/// The result of a nullable field: a value, `None` for null, or an error.
pub(super) type NullableField<T> = Option<async_graphql::Result<T>>;

/// Returns the result of a field that has a value unless it fails.
#[expect(clippy::unnecessary_wraps, reason = "the library drops a field that is a plain error")]
pub(super) fn field_result<T>(result: Result<T, Error>) -> NullableField<T> {
    Some(result.map_err(to_graphql_error))
}

/// Returns the result of a field that may be null.
pub(super) fn optional_field_result<T>(result: Result<Option<T>, Error>) -> NullableField<T> {
    result.map_err(to_graphql_error).transpose()
}
