//! `/metrics`: metrics for monitoring, on a separate listener.

use super::{
    Service,
    error_response::{self, ErrorFormat as _, ErrorResponse, JsonErrors},
    server::Limits,
};
use crate::{
    app::App,
    telemetry::{MEDIA_TYPE, Outbox},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::get,
};
use std::time::Duration;

/// The limits of the listener. Few programs read the metrics, and they send no bodies.
const LIMITS: Limits = Limits { connections: 64, unfinished: 4 * 1024 * 1024 };
/// The time that the database has for its response. After it, the metrics that need the database are omitted.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Returns the service of the metrics listener, with its only route.
pub fn metrics(app: &App) -> Service {
    let router = Router::new()
        .route("/metrics", get(render).fallback(async || ErrorResponse::method_not_allowed("GET, HEAD")))
        .fallback(async || error_response::path_not_found())
        .layer(map_response(async |response| JsonErrors.render_error_of(response)))
        .with_state(app.clone());
    Service { router, trusted: Vec::new(), limits: LIMITS }
}

async fn render(State(app): State<App>) -> Result<Response, ErrorResponse> {
    let text = app.metrics().render(outbox(&app).await, app.now())?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, text).into_response())
}

async fn outbox(app: &App) -> Option<Outbox> {
    match tokio::time::timeout(TIMEOUT, app.store().outbox_stats()).await {
        Ok(Ok(outbox)) => Some(outbox),
        // A metric reports that the database does not respond.
        Ok(Err(_)) | Err(_) => None,
    }
}
