//! Liveness and readiness probes.

use super::{
    Shared,
    error_response::{ErrorResponse, json_response},
    request_log::RequestLog,
};
use crate::{
    app::{CLOCK_AHEAD, CLOCK_BEHIND, ClockState},
    domain::error::Error,
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::json;
use std::time::Duration;

/// The time that the database has for its response.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Responds 200 as long as the process runs, whatever the state of the database.
pub(super) async fn live() -> Response {
    quiet(json_response(StatusCode::OK, &json!({ "status": "ok" })))
}

/// Responds 200 if the database responds, its schema has the expected version, and its clock agrees with that of this node.
pub(super) async fn ready(State(state): State<Shared>) -> Result<Response, ErrorResponse> {
    let ready = async {
        state.app.store().ready().await?;
        state.app.clock_state(state.app.now()).await
    };
    let not_ready = |why: &'static str| Err(ErrorResponse { message: why.into(), ..ErrorResponse::unavailable() });
    match tokio::time::timeout(TIMEOUT, ready).await {
        Ok(Ok(ClockState::InSync)) => Ok(quiet(json_response(StatusCode::OK, &json!({ "status": "ready" })))),
        Ok(Ok(ClockState::Ahead)) => not_ready(CLOCK_AHEAD),
        Ok(Ok(ClockState::Behind)) => not_ready(CLOCK_BEHIND),
        Ok(Err(error)) => Err(error.into()),
        Err(elapsed) => Err(Error::unavailable(elapsed).into()),
    }
}

fn quiet(mut response: Response) -> Response {
    response.extensions_mut().insert(RequestLog { quiet: true, ..Default::default() });
    response
}
