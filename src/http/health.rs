//! Liveness and readiness probes.

use super::{
    Shared,
    error_response::{ErrorResponse, json_response},
    middleware::RequestLog,
};
use crate::app::{CLOCK_AHEAD, CLOCK_BEHIND, ClockState};
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use std::time::Duration;

/// The time that the database has for its response.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Responds 200 as long as the process runs, whatever the state of the database.
pub(super) async fn live(method: Method) -> Response {
    if let Err(error) = ErrorResponse::require_get(&method) {
        return error.into_response();
    }
    quiet(json_response(StatusCode::OK, &json!({ "status": "ok" })))
}

/// Responds 200 if the database responds, its schema has the expected version, and its clock agrees with that of this node.
pub(super) async fn ready(State(state): State<Shared>, method: Method) -> Response {
    if let Err(error) = ErrorResponse::require_get(&method) {
        return error.into_response();
    }
    let ready = async {
        state.app.store().ready().await?;
        state.app.clock_state(state.app.now()).await
    };
    let not_ready =
        |why: &'static str| ErrorResponse { message: why.into(), ..ErrorResponse::unavailable() }.into_response();
    match tokio::time::timeout(TIMEOUT, ready).await {
        Ok(Ok(ClockState::InSync)) => quiet(json_response(StatusCode::OK, &json!({ "status": "ready" }))),
        Ok(Ok(ClockState::Ahead)) => not_ready(CLOCK_AHEAD),
        Ok(Ok(ClockState::Behind)) => not_ready(CLOCK_BEHIND),
        Ok(Err(error)) => ErrorResponse::from(error).into_response(),
        Err(elapsed) => ErrorResponse::from(crate::domain::error::Error::unavailable(elapsed)).into_response(),
    }
}

fn quiet(mut response: Response) -> Response {
    response.extensions_mut().insert(RequestLog { quiet: true, ..Default::default() });
    response
}
