//! Whether the process lives, and whether it can work.

use super::{
    Shared,
    error_response::{ErrorResponse, json_answer},
    front::RequestLog,
};
use crate::app::CLOCK_AHEAD;
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use std::time::Duration;

/// How long the database may take to say that it is there.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// The process lives, whatever the database does.
pub(super) async fn live(method: Method) -> Response {
    if let Err(problem) = ErrorResponse::only_reads(&method) {
        return problem.into_response();
    }
    quiet(json_answer(StatusCode::OK, &json!({ "status": "ok" })))
}

/// The database answers, its schema is ours, and this node agrees with it on the time.
pub(super) async fn ready(State(state): State<Shared>, method: Method) -> Response {
    if let Err(problem) = ErrorResponse::only_reads(&method) {
        return problem.into_response();
    }
    let ready = async {
        state.app.store().ready().await?;
        state.app.agreed_now().await
    };
    match tokio::time::timeout(TIMEOUT, ready).await {
        Ok(Ok(None)) => ErrorResponse { message: CLOCK_AHEAD.into(), ..ErrorResponse::unavailable() }.into_response(),
        Ok(Ok(Some(_))) => quiet(json_answer(StatusCode::OK, &json!({ "status": "ready" }))),
        Ok(Err(error)) => ErrorResponse::from(error).into_response(),
        Err(late) => ErrorResponse::from(crate::domain::error::Error::unavailable(late)).into_response(),
    }
}

fn quiet(mut response: Response) -> Response {
    response.extensions_mut().insert(RequestLog { quiet: true, ..Default::default() });
    response
}
