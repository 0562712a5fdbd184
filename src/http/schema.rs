//! `/schema.graphql`: what clients generate code from.

use super::{error_response::ErrorResponse, unsent::Resident};
use axum::{
    Extension,
    http::{Method, header},
    response::{IntoResponse as _, Response},
};

/// Tells the GraphQL schema.
pub(super) async fn handle(method: Method) -> Response {
    constant(&method, "application/graphql; charset=utf-8", crate::graphql::sdl())
}

/// What is the same for everybody until another version is installed.
pub(super) fn constant(method: &Method, kind: &'static str, text: &'static str) -> Response {
    if let Err(problem) = ErrorResponse::only_reads(method) {
        return problem.into_response();
    }
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")];
    (Extension(Resident), headers, text).into_response()
}
