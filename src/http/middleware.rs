//! The layers around handlers, from the outermost: [`outer`] around every response, then those around the handlers of a route.
//!
//! The request ID, the panic guard, the time limit and CORS are those of `tower` and `tower-http`. Written by hand are the size
//! limits, because tower-http limits only bodies; the response headers, because tower-http needs a layer for each; and what is
//! of this service alone: the errors in the format of a route, the memory of unsent responses, and the request log.

use super::{
    Shared,
    error_response::{ErrorFormat, ErrorResponse, REQUEST_ID},
    request_log::{self, RequestLog},
    unfinished::Rejection,
    unsent::{self, ConnectionBudget},
};
use crate::domain::{error::Error, redact, secret::Prefix};
use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::{Next, from_fn, from_fn_with_state, map_request_with_state, map_response_with_state},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use std::{any::Any, time::Duration};
use tower::{ServiceBuilder, timeout::TimeoutLayer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};

const MAX_URI_LENGTH: usize = 8 * 1024;
const MAX_HEADERS_SIZE: usize = 32 * 1024;
/// The time for which a browser uses only TLS. Subdomains are not included, because they may belong to other services.
const HSTS_MAX_AGE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the layers around every response: the request ID, the response headers and the request log.
pub(super) fn outer(router: Router<Shared>, state: &Shared) -> Router<Shared> {
    let layers = ServiceBuilder::new()
        .layer(map_request_with_state(state.clone(), remove_invalid_request_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(map_response_with_state(state.clone(), add_response_headers))
        .layer(from_fn_with_state(state.clone(), request_log::layer));
    router.layer(layers)
}

/// Adds the layer that renders errors in the format of a route and reserves the memory of the response.
pub(super) fn with_errors<F: ErrorFormat>(handlers: MethodRouter<Shared>, state: &Shared) -> MethodRouter<Shared> {
    handlers.layer(from_fn_with_state(state.clone(), finish::<F>))
}

/// Adds the limits of the size of a request.
pub(super) fn with_size_limits(handlers: MethodRouter<Shared>) -> MethodRouter<Shared> {
    handlers.layer(from_fn(limit_size))
}

/// Adds what the listener decided about a request, the time limit, and the guard against panics.
pub(super) fn guarded<S: Clone + Send + Sync + 'static>(handlers: MethodRouter<S>, limit: Duration) -> MethodRouter<S> {
    let layers = ServiceBuilder::new()
        .layer(from_fn(reject))
        .layer(HandleErrorLayer::new(timed_out))
        .layer(TimeoutLayer::new(limit))
        .layer(CatchPanicLayer::custom(panicked));
    handlers.layer(layers)
}

/// Keeps the request ID of the client if it is valid, so that one ID identifies a request across services. One that contains a
/// token value is not valid, because the ID is logged.
async fn remove_invalid_request_id(State(state): State<Shared>, mut request: Request) -> Request {
    if !request.headers().get(REQUEST_ID).is_some_and(|id| is_valid_request_id(id, state.app.prefix())) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn is_valid_request_id(id: &HeaderValue, prefix: &Prefix) -> bool {
    let bytes = id.as_bytes();
    (1..=128).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && id.to_str().is_ok_and(|text| !redact::contains_token(prefix, text))
}

async fn add_response_headers(State(state): State<Shared>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if state.public_url.starts_with("https:") {
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
    response
}

async fn finish<F: ErrorFormat>(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let format = F::of(&head);
    let connection = head.extensions.get::<ConnectionBudget>().cloned();
    let mut response = format.render_error_of(next.run(Request::from_parts(head, body)).await);
    let budgets: Vec<_> = connection.iter().map(|connection| &connection.0).chain([&state.unsent]).collect();
    if !unsent::reserve(&mut response, &budgets) {
        let log = response.extensions_mut().remove::<RequestLog>().unwrap_or_default();
        response = format.render(ErrorResponse::too_many_unsent_responses());
        response.extensions_mut().insert(log);
    }
    response
}

/// Rejects a request that the listener has already decided to reject.
async fn reject(request: Request, next: Next) -> Response {
    match request.extensions().get::<Rejection>() {
        Some(Rejection::NoRoom) => ErrorResponse::too_many_unfinished_requests().into_response(),
        Some(Rejection::TooManyHeaders) => {
            let message = "There are too many headers; send at most 100.";
            ErrorResponse::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message).into_response()
        }
        None => next.run(request).await,
    }
}

async fn limit_size(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match too_large(&head) {
        Some(error) => error.into_response(),
        None => next.run(Request::from_parts(head, body)).await,
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

async fn timed_out(_: BoxError) -> ErrorResponse {
    ErrorResponse::unavailable()
}

/// Returns an internal error. The message of the panic is only logged.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    ErrorResponse::from(Error::Bug("a panic".into())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{error_response::JsonErrors, graphql::GraphQlErrors, oauth::OAuthErrors, verify::VerifyErrors};
    use axum::{body::Body, routing::any};
    use tower::ServiceExt as _;
    use tower_http::request_id::RequestId;

    /// Returns the status and the body of the response to a request, in the format `F`.
    async fn response_in<F: ErrorFormat>(handlers: &MethodRouter) -> (u16, String) {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(RequestId::new(HeaderValue::from_static("7b3f")));
        let (head, body) = request.into_parts();
        let format = F::of(&head);
        let response = handlers.clone().oneshot(Request::from_parts(head, body)).await.expect("a response");
        let response = format.render_error_of(response);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1024).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("a text"))
    }

    async fn responses(handlers: MethodRouter) -> [(u16, String); 4] {
        [
            response_in::<GraphQlErrors>(&handlers).await,
            response_in::<JsonErrors>(&handlers).await,
            response_in::<OAuthErrors>(&handlers).await,
            response_in::<VerifyErrors>(&handlers).await,
        ]
    }

    /// R-51
    #[tokio::test]
    async fn panic_is_an_internal_error_in_the_format_of_the_route() {
        async fn panicking() -> Response {
            tokio::task::yield_now().await;
            panic!("{}", "a secret")
        }

        let expected = [
            (500, r#"{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL","requestId":"7b3f"}}]}"#),
            (500, r#"{"message":"Internal error"}"#),
            (500, r#"{"error":"server_error","message":"Internal error"}"#),
            // Gateways do not understand 500.
            (503, r#"{"message":"Try again later"}"#),
        ];
        let responses = responses(guarded(any(panicking), Duration::from_secs(10))).await;
        assert_eq!(responses, expected.map(|(status, body)| (status, body.to_owned())));
        let ok = guarded(any(async || "ok"), Duration::from_secs(10));
        assert_eq!(response_in::<JsonErrors>(&ok).await, (200, "ok".into()));
    }

    /// R-52
    #[tokio::test]
    async fn timeout_is_503_in_the_format_of_the_route() {
        let expected = [
            r#"{"errors":[{"message":"Try again later","extensions":{"code":"UNAVAILABLE"}}]}"#,
            r#"{"message":"Try again later"}"#,
            r#"{"error":"temporarily_unavailable","message":"Try again later"}"#,
            r#"{"message":"Try again later"}"#,
        ];
        let never = any(async || std::future::pending::<()>().await);
        let responses = responses(guarded(never, Duration::from_millis(1))).await;
        assert_eq!(responses, expected.map(|body| (503, body.to_owned())));
    }

    /// R-51
    #[tokio::test]
    async fn rejected_request_is_an_error_in_the_format_of_the_route() {
        let handlers = guarded(any(async || "ok"), Duration::from_secs(10));
        let rejected = handlers.layer(axum::Extension(Rejection::TooManyHeaders));
        let message = "There are too many headers; send at most 100.";
        let expected = [
            (431, format!(r#"{{"errors":[{{"message":"{message}","extensions":{{"code":"INVALID_INPUT"}}}}]}}"#)),
            (431, format!(r#"{{"message":"{message}"}}"#)),
            (431, format!(r#"{{"error":"invalid_request","message":"{message}"}}"#)),
            // Gateways do not understand 431.
            (403, format!(r#"{{"message":"{message}"}}"#)),
        ];
        assert_eq!(responses(rejected).await, expected);
    }
}
