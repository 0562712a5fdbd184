//! The log line, the span and the metrics of each request.
//!
//! Written by hand: tower-http's `TraceLayer` has no place for what only the handler knows (the caller, the GraphQL operation)
//! nor for the number of SQL statements, and would log them as separate events.

use super::{
    Shared,
    authenticate::{client_address, peer},
};
use crate::{domain::redact, store};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use std::{sync::Arc, time::Instant};
use tower_http::request_id::RequestId;
use tracing::Instrument as _;

/// What a handler adds to the log line of its request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestLog {
    /// The ID of the caller, never a name.
    pub(super) caller: Option<String>,
    /// The name of the GraphQL operation.
    pub(super) operation: Option<String>,
    /// Whether the line is logged at level `DEBUG`: usage already records the check, or the request is of no interest.
    pub(super) quiet: bool,
}

/// Runs a request in its span, then counts and logs its response.
pub(super) async fn layer(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    // Any text from the client may contain a token value.
    let redacted = |text: &str| redact::redacted(state.app.prefix(), text);
    let method = redacted(request.method().as_str());
    let path = redact::own_path(state.app.prefix(), request.uri().path());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("request", id);
    let stats = Arc::default();
    let (head, body) = request.into_parts();
    let client = client_address(peer(&head), &head.headers, &state.trusted);
    let work = next.run(Request::from_parts(head, body)).instrument(span.clone());
    let mut response = store::with_request_stats(Arc::clone(&stats), work).await;
    let log = response.extensions_mut().remove::<RequestLog>().unwrap_or_default();
    state.app.metrics().request(route_label(matched.as_ref()), response.status().as_u16(), started.elapsed());
    let line = LogLine {
        method: &method,
        path: &path,
        status: response.status().as_u16(),
        caller: log.caller.as_deref().unwrap_or("-"),
        client: client.map_or_else(|| "-".into(), |client| client.to_string()),
        operation: &log.operation.as_deref().map_or_else(|| "-".into(), redacted),
        statements: stats.statements(),
        ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
    };
    span.in_scope(|| line.write(log.quiet));
    response
}

/// Returns the matched route without its trailing wildcard, as the label of a metric.
fn route_label(matched: Option<&MatchedPath>) -> &str {
    let path = matched.map_or("none", MatchedPath::as_str);
    match path.split("/{*").next().unwrap_or_default().trim_end_matches('/') {
        "" => "/",
        route => route,
    }
}

struct LogLine<'request> {
    method: &'request str,
    path: &'request str,
    status: u16,
    caller: &'request str,
    client: String,
    operation: &'request str,
    statements: u64,
    ms: f64,
}

impl LogLine<'_> {
    fn write(&self, quiet: bool) {
        let Self { method, path, status, caller, client, operation, statements, ms } = self;
        if quiet {
            tracing::debug!(method, path, status, caller, client, operation, statements, ms, "request");
        } else {
            tracing::info!(method, path, status, caller, client, operation, statements, ms, "request");
        }
    }
}
