//! `/schema.graphql`: the GraphQL schema, from which clients generate code.

use super::{error_response::ErrorResponse, unsent::Resident};
use axum::{
    Extension,
    http::{Method, header},
    response::{IntoResponse as _, Response},
};

/// Returns the GraphQL schema.
pub(super) async fn handle(method: Method) -> Response {
    constant(&method, "application/graphql; charset=utf-8", crate::graphql::sdl())
}

/// Returns a constant text, which changes only with the version of the service.
pub(super) fn constant(method: &Method, kind: &'static str, text: &'static str) -> Response {
    if let Err(error) = ErrorResponse::require_get(method) {
        return error.into_response();
    }
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")];
    (Extension(Resident), headers, text).into_response()
}
