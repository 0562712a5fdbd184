//! Errors of requests: status, message and headers, and the formats in which routes render them.

use crate::domain::error::Error;
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::Map;

/// The header with the ID of a request, in responses and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"tokenward\"");
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static("Bearer realm=\"tokenward\", error=\"invalid_token\"");
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The format of the errors of a route: of those that its handler returns, and of those that arise around it.
pub(super) trait ErrorFormat: Send + Sync + 'static {
    /// Returns the format for a request.
    fn of(request: &Parts) -> Self;

    fn render(&self, error: ErrorResponse) -> Response;

    /// Renders the error that a response stands for, if it does; its headers and extensions remain.
    fn render_error_of(&self, mut response: Response) -> Response {
        let Some(error) = response.extensions_mut().remove::<ErrorResponse>() else { return response };
        let (head, _) = response.into_parts();
        let mut rendered = self.render(error);
        for (name, value) in &head.headers {
            rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        rendered.extensions_mut().extend(head.extensions);
        rendered
    }
}

/// An error with its message in JSON, for most routes and for paths without a route.
pub(super) struct JsonErrors;

impl ErrorFormat for JsonErrors {
    fn of(_: &Parts) -> Self {
        Self
    }

    fn render(&self, error: ErrorResponse) -> Response {
        error.into_json()
    }
}

/// An error. As the response of a handler or a layer, it stands for the response that the route renders.
#[derive(Debug, Clone)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// One more key of the body and its value: `error`, the code of RFC 6749, only on `/oauth/…`; or `field`, the name of the
    /// invalid input.
    pub(super) more: Option<Box<(&'static str, String)>>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), more: None, headers: Vec::new() }
    }

    /// 401 for a request without a credential.
    pub(super) fn no_credential() -> Self {
        Self::from(Error::Unauthenticated)
    }

    /// 401 with `invalid_token`, the same for a malformed, unknown, expired and revoked token.
    pub(super) fn invalid_token() -> Self {
        Self::no_credential().with(header::WWW_AUTHENTICATE, INVALID_TOKEN)
    }

    /// 400 for a request with more than one credential.
    pub(super) fn multiple_credentials() -> Self {
        let message = "The request has more than one credential; send one Authorization header and nothing else.";
        Self::new(StatusCode::BAD_REQUEST, message).with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"tokenward\", error=\"invalid_request\""),
        )
    }

    /// 403 with `insufficient_scope`. The message names the first missing scope, the header all required scopes.
    pub(super) fn insufficient_scope(missing: &str, required: &str) -> Self {
        let challenge = format!("Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"{required}\"");
        let message = format!("Your access token doesn't have the {missing} scope");
        let error = Self::new(StatusCode::FORBIDDEN, message);
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => error.with(header::WWW_AUTHENTICATE, challenge),
            Err(_) => error,
        }
    }

    /// 503: the client can retry after one second.
    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Try again later").with(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// 503: the unsent responses of the connection, or of the process, are at their limit.
    pub(super) fn too_many_unsent_responses() -> Self {
        tracing::warn!("replaced a response by 503: too many bytes of others are unsent");
        Self::unavailable()
    }

    /// 503: unfinished requests are at their memory limit.
    pub(super) fn too_many_unfinished_requests() -> Self {
        tracing::warn!("rejected a request with 503: unfinished requests hold too much memory");
        Self::unavailable()
    }

    /// 408: the body of the request did not arrive before other requests needed its memory.
    pub(super) fn body_timeout() -> Self {
        tracing::warn!(
            "rejected a request with 408: its body did not arrive, and unfinished requests hold too much memory"
        );
        let message = "The body did not arrive in time; send the request again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// 405 with the allowed methods.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("This path answers {allow} only."))
            .with(header::ALLOW, HeaderValue::from_static(allow))
    }

    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        // A more specific challenge replaces the general one.
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value));
        self
    }

    /// Adds an error code of RFC 6749.
    #[must_use]
    pub(super) fn with_oauth_error(mut self, error: &'static str) -> Self {
        self.more = Some(Box::new(("error", error.to_owned())));
        self
    }

    pub(super) fn has_oauth_error(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.0 == "error")
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        let (message, retry_after) = (error.to_string(), error.retry_after_seconds());
        match error {
            Error::Unauthenticated | Error::ReauthenticationRequired => {
                Self::new(StatusCode::UNAUTHORIZED, message).with(header::WWW_AUTHENTICATE, CHALLENGE)
            }
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, message),
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, message),
            Error::Invalid { field, .. } => {
                let more = Some(Box::new(("field", field.into_owned())));
                Self { more, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
            }
            Error::Conflict(_) => Self::new(StatusCode::CONFLICT, message),
            Error::RateLimited { .. } => {
                let limited = Self::new(StatusCode::TOO_MANY_REQUESTS, message);
                match retry_after {
                    Some(seconds) => limited.with(header::RETRY_AFTER, HeaderValue::from(seconds)),
                    None => limited,
                }
            }
            Error::Unavailable(source) => {
                tracing::warn!(%source, "the store is unavailable");
                Self::unavailable()
            }
            Error::Bug(why) => {
                tracing::error!(%why, "a bug");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

impl ErrorResponse {
    /// Returns the response with the message, and one more key if there is one, in a JSON object.
    pub(super) fn into_json(self) -> Response {
        let mut body = Map::new();
        if let Some((name, text)) = self.more.map(|more| *more) {
            body.insert(name.into(), text.into());
        }
        body.insert("message".into(), self.message.into());
        let mut response = json_response(self.status, &body.into());
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Returns a response with a JSON body.
pub(super) fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Returns whether the method is GET or HEAD.
pub(super) fn is_get_or_head(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// 404 for an unknown path.
pub(super) fn path_not_found() -> ErrorResponse {
    ErrorResponse::new(StatusCode::NOT_FOUND, "No such path")
}
