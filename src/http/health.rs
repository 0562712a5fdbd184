//! Whether the process lives, and whether it can work.

use super::{
    Shared,
    front::Note,
    problem::{Problem, json_answer},
};
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use std::time::Duration;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The process lives, whatever the database does.
pub(super) async fn live(method: Method) -> Response {
    if let Err(problem) = Problem::only_reads(&method) {
        return problem.into_response();
    }
    quiet(json_answer(StatusCode::OK, &json!({ "status": "ok" })))
}

/// The database answers and its schema is ours.
pub(super) async fn ready(State(doors): State<Shared>, method: Method) -> Response {
    if let Err(problem) = Problem::only_reads(&method) {
        return problem.into_response();
    }
    match tokio::time::timeout(PATIENCE, doors.app.store().ready()).await {
        Ok(Ok(())) => quiet(json_answer(StatusCode::OK, &json!({ "status": "ready" }))),
        Ok(Err(error)) => Problem::from(error).into_response(),
        Err(late) => Problem::from(crate::domain::error::Error::unavailable(late)).into_response(),
    }
}

fn quiet(mut response: Response) -> Response {
    response.extensions_mut().insert(Note { quiet: true, ..Default::default() });
    response
}
