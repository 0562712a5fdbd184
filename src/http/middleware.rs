//! The middleware around every request: request ID, limits, timeout, response headers, metrics and the request log.

use super::{
    Shared,
    authenticate::{client_address, peer},
    error_response::{ErrorResponse, REQUEST_ID},
    graphql, oauth,
    unfinished::Rejection,
    unsent::{self, ConnectionBudget},
    verify,
};
use crate::{
    domain::{error::Error, redact, secret::Prefix},
    store,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument as _;

const MAX_URI_LENGTH: usize = 8 * 1024;
const MAX_HEADERS_SIZE: usize = 32 * 1024;
/// The maximum duration of a request, including its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which a browser uses only TLS. Subdomains are not included, because they may belong to other services.
const HSTS_MAX_AGE: HeaderValue = HeaderValue::from_static("max-age=31536000");

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

/// The request ID, which an internal error includes in its response.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

/// Handles a request by the next handler, then completes and logs the response.
pub(super) async fn handle(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (mut head, body) = request.into_parts();
    let id = request_id(&head.headers, state.app.prefix());
    head.extensions.insert(RequestId(id.clone()));
    // Any text from the client may contain a token value.
    let redacted = |text: &str| redact::redacted(state.app.prefix(), text);
    let (method, path) = (redacted(head.method.as_str()), redact::own_path(state.app.prefix(), head.uri.path()));
    let client = client_address(peer(&head), &head.headers, &state.trusted);
    let matched = head.extensions.get::<MatchedPath>().cloned();
    let format = ErrorFormat::of(&head);
    let connection = head.extensions.get::<ConnectionBudget>().cloned();
    let stats = Arc::default();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let work = async {
        let result = match format.limit_error(&head) {
            Some(error) => Err(error),
            None => guarded(REQUEST_TIMEOUT, next.run(Request::from_parts(head, body))).await,
        };
        result.unwrap_or_else(|error| format.render(error))
    };
    let mut response = store::with_request_stats(Arc::clone(&stats), work.instrument(span.clone())).await;
    let log = response.extensions_mut().remove::<RequestLog>().unwrap_or_default();
    let budgets: Vec<_> = connection.iter().map(|connection| &connection.0).chain([&state.unsent]).collect();
    if !unsent::reserve(&mut response, &budgets) {
        response = format.render(ErrorResponse::too_many_unsent_responses());
    }
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
    finish(response.headers_mut(), id, state.public_url.starts_with("https:"));
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

/// Returns the response of a handler; an error if it panics or exceeds the limit. The message of a panic is only logged.
async fn guarded(limit: Duration, work: impl Future<Output = Response>) -> Result<Response, ErrorResponse> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => Err(Error::Bug("a panic".into()).into()),
        Err(_) => Err(ErrorResponse::unavailable()),
    }
}

/// The format of errors that arise outside the handler of an endpoint.
enum ErrorFormat {
    GraphQl(graphql::ResponseFormat),
    Verify,
    OAuth,
    Other,
}

impl ErrorFormat {
    fn of(request: &Parts) -> Self {
        match request.uri.path() {
            "/graphql" | "/graphql/" => Self::GraphQl(graphql::ResponseFormat::by(request)),
            path if ["/verify", "/verify-for"].contains(&path) => Self::Verify,
            path if path.starts_with("/verify/") || path.starts_with("/verify-for/") => Self::Verify,
            path if path.starts_with("/oauth/") => Self::OAuth,
            _ => Self::Other,
        }
    }

    /// Returns an error if the request exceeds a limit. `/verify` has only the limits of the listener, and their status is 403:
    /// a gateway forwards the headers of its client and does not understand 414 or 431.
    fn limit_error(&self, request: &Parts) -> Option<ErrorResponse> {
        let is_verify = matches!(self, Self::Verify);
        match request.extensions.get::<Rejection>() {
            Some(Rejection::NoRoom) => Some(ErrorResponse::too_many_unfinished_requests()),
            Some(Rejection::TooManyHeaders) => {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                let status = if is_verify { StatusCode::FORBIDDEN } else { status };
                Some(ErrorResponse::new(status, "There are too many headers; send at most 100."))
            }
            None if is_verify => None,
            None => too_large(request),
        }
    }

    fn render(&self, error: ErrorResponse) -> Response {
        match self {
            Self::GraphQl(format) => graphql::render_error(format, error),
            Self::Verify => verify::render_error(error),
            Self::OAuth => oauth::with_error_code(error).into_response(),
            Self::Other => error.into_response(),
        }
    }
}

fn too_large(request: &Parts) -> Option<ErrorResponse> {
    let uri = request.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > MAX_URI_LENGTH {
        return Some(ErrorResponse::new(StatusCode::URI_TOO_LONG, "The address is too long; send at most 8 KiB."));
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (headers > MAX_HEADERS_SIZE).then(|| {
        let message = "The headers are too large; send at most 32 KiB.";
        ErrorResponse::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    })
}

/// Returns the request ID of the client if it is valid, so that one ID identifies a request across services; otherwise a new
/// one. An ID that contains a token value is not valid, because the ID is logged.
fn request_id(headers: &HeaderMap, prefix: &Prefix) -> HeaderValue {
    let is_valid = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && value.to_str().is_ok_and(|text| !redact::contains_token(prefix, text))
    };
    headers.get(REQUEST_ID).filter(is_valid).cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
    })
}

fn finish(headers: &mut HeaderMap, id: HeaderValue, is_https: bool) {
    headers.insert(REQUEST_ID, id);
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS_MAX_AGE);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rendered(path: &str, error: ErrorResponse) -> (u16, String) {
        let (mut request, ()) = axum::http::Request::builder().uri(path).body(()).expect("a request").into_parts();
        request.extensions.insert(RequestId(HeaderValue::from_static("7b3f")));
        let response = ErrorFormat::of(&request).render(error);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1024).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("a text"))
    }

    /// R-51
    #[tokio::test]
    async fn panic_is_an_internal_error_in_the_format_of_the_endpoint() {
        async fn panicking_handler(secret: &str) -> Response {
            tokio::task::yield_now().await;
            panic!("{secret}")
        }

        for (path, status, body) in [
            (
                "/graphql",
                500,
                r#"{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL","requestId":"7b3f"}}]}"#,
            ),
            ("/v2/access-token", 500, r#"{"message":"Internal error"}"#),
            ("/oauth/introspect", 500, r#"{"error":"server_error","message":"Internal error"}"#),
            // Gateways do not understand 500.
            ("/verify", 503, r#"{"message":"Try again later"}"#),
        ] {
            let error = guarded(REQUEST_TIMEOUT, panicking_handler("a secret")).await.expect_err("an error");
            assert_eq!(rendered(path, error).await, (status, body.to_owned()), "{path}");
        }
        assert!(guarded(REQUEST_TIMEOUT, async { StatusCode::OK.into_response() }).await.is_ok());
    }

    /// R-52
    #[tokio::test]
    async fn timeout_is_503_in_the_format_of_the_endpoint() {
        for (path, body) in [
            ("/graphql/", r#"{"errors":[{"message":"Try again later","extensions":{"code":"UNAVAILABLE"}}]}"#),
            ("/v2/access-token", r#"{"message":"Try again later"}"#),
            ("/oauth/revoke/", r#"{"error":"temporarily_unavailable","message":"Try again later"}"#),
            ("/verify/x", r#"{"message":"Try again later"}"#),
            ("/verify-for/acme/*/x", r#"{"message":"Try again later"}"#),
        ] {
            let error = guarded(Duration::from_millis(1), std::future::pending()).await.expect_err("an error");
            assert_eq!(rendered(path, error).await, (503, body.to_owned()), "{path}");
        }
    }
}
