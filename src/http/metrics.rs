//! `/metrics`: metrics for monitoring, on a separate listener.

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

/// The time that the database has for its response. After it, the metrics that need the database are omitted.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Returns the service of the metrics listener, with its only route.
pub fn metrics(app: &App) -> Service {
    let router = Router::new()
        .route("/metrics", any(render))
        .fallback(async || error_response::path_not_found())
        .with_state(app.clone());
    Service { router, trusted: Vec::new() }
}

async fn render(State(app): State<App>, method: Method) -> Response {
    if let Err(error) = ErrorResponse::require_get(&method) {
        return error.into_response();
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
        // A metric reports that the database does not respond.
        Ok(Err(_)) | Err(_) => None,
    }
}
