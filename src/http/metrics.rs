//! `/metrics`: what whoever watches the service reads, at an address of its own.

use super::{
    Service,
    error_response::{self, ErrorResponse},
};
use crate::{
    app::App,
    telemetry::{MEDIA_TYPE, Outbox},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
    routing::any,
};
use std::time::Duration;

/// How long the database may take; without it the rest is told.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Returns the service of the second address, with its only route.
pub fn metrics(app: &App) -> Service {
    let router = Router::new()
        .route("/metrics", any(render))
        .fallback(async || error_response::no_such_path())
        .with_state(app.clone());
    Service { router, trusted: Vec::new() }
}

async fn render(State(app): State<App>, method: Method) -> Response {
    if let Err(problem) = ErrorResponse::only_reads(&method) {
        return problem.into_response();
    }
    match app.metrics().render(outbox(&app).await, app.now()) {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (headers, text).into_response()
        }
        Err(error) => ErrorResponse::from(error).into_response(),
    }
}

async fn outbox(app: &App) -> Option<Outbox> {
    match tokio::time::timeout(TIMEOUT, app.store().outbox_stats()).await {
        Ok(Ok(outbox)) => Some(outbox),
        // The metric says that the database does not answer.
        Ok(Err(_)) | Err(_) => None,
    }
}
