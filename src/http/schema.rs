//! `/schema.graphql`: the GraphQL schema, from which clients generate code.

use super::unsent::Resident;
use axum::{
    Extension,
    http::header,
    response::{IntoResponse as _, Response},
};

/// Returns the GraphQL schema.
pub(super) async fn handle() -> Response {
    constant("application/graphql; charset=utf-8", crate::graphql::sdl())
}

/// Returns a constant text, which changes only with the version of the service.
pub(super) fn constant(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")];
    (Extension(Resident), headers, text).into_response()
}
