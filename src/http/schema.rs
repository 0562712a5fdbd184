//! `/schema.graphql`: what clients generate code from.

use super::problem::Problem;
use axum::{
    http::{Method, header},
    response::{IntoResponse as _, Response},
};

/// Tells the GraphQL schema.
pub(super) async fn handle(method: Method) -> Response {
    if method != Method::GET {
        return Problem::method("GET").into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/graphql; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")];
    (kind, crate::graphql::sdl()).into_response()
}
