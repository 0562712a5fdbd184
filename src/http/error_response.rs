//! How REST clients hear of a refusal or a failure: one place for every status, body and header.

use crate::domain::error::Error;
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Map;

/// Names one request in answers and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"tokenward\"");
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static("Bearer realm=\"tokenward\", error=\"invalid_token\"");
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// One refusal or failure.
#[derive(Debug)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// What the body says besides: `error`, the code of RFC 6749, on `/oauth/…` alone; `field`, what was wrong of what was
    /// sent.
    pub(super) more: Option<Box<(&'static str, String)>>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), more: None, headers: Vec::new() }
    }

    /// No credential came: nothing is said of any token.
    pub(super) fn no_credential() -> Self {
        Self::from(Error::Unauthenticated)
    }

    /// The same answer for a malformed, unknown, expired and revoked token.
    pub(super) fn invalid_token() -> Self {
        Self::no_credential().with(header::WWW_AUTHENTICATE, INVALID_TOKEN)
    }

    /// The credential came twice.
    pub(super) fn multiple_credentials() -> Self {
        let message = "The request has more than one credential; send one Authorization header and nothing else.";
        Self::new(StatusCode::BAD_REQUEST, message).with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"tokenward\", error=\"invalid_request\""),
        )
    }

    /// The token lacks a scope: the message names the first missing, the header all that were asked.
    pub(super) fn insufficient_scope(missing: &str, asked: &str) -> Self {
        let challenge = format!("Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"{asked}\"");
        let message = format!("Your access token doesn't have the {missing} scope");
        let problem = Self::new(StatusCode::FORBIDDEN, message);
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => problem.with(header::WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        }
    }

    /// No answer can be given now.
    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Try again later").with(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// The client, or all of them together, have not taken other responses yet.
    pub(super) fn too_many_unsent_responses() -> Self {
        tracing::warn!("replaced a response by 503: too many bytes of others are unsent");
        Self::unavailable()
    }

    /// Other requests that are not answered yet hold too much memory.
    pub(super) fn too_many_unfinished_requests() -> Self {
        tracing::warn!("rejected a request with 503: unfinished requests hold too much memory");
        Self::unavailable()
    }

    /// The body of the request did not arrive before its memory was needed for others.
    pub(super) fn body_given_up() -> Self {
        tracing::warn!(
            "rejected a request with 408: its body did not arrive, and unfinished requests hold too much memory"
        );
        let message = "The body did not arrive in time; send the request again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// Accepts GET, and HEAD, which is answered wherever GET is. HTTP then leaves out the body.
    pub(super) fn only_reads(method: &Method) -> Result<(), Self> {
        if reads(method) { Ok(()) } else { Err(Self::method("GET, HEAD")) }
    }

    /// Another method would do.
    pub(super) fn method(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("This path answers {allow} only."))
            .with(header::ALLOW, HeaderValue::from_static(allow))
    }

    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        // A challenge that says more replaces the one that says less.
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value));
        self
    }

    /// With a code of RFC 6749.
    #[must_use]
    pub(super) fn with_oauth_error(mut self, error: &'static str) -> Self {
        self.more = Some(Box::new(("error", error.to_owned())));
        self
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        let (message, pause) = (error.to_string(), error.retry_after_seconds());
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
                match pause {
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
        let mut body = Map::new();
        if let Some((name, text)) = self.more.map(|more| *more) {
            body.insert(name.into(), text.into());
        }
        body.insert("message".into(), self.message.into());
        let mut response = json_answer(self.status, &body.into());
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Any answer in JSON.
pub(super) fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Whether a request by this method has the response of GET.
pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whoever asks for a path that there is not.
pub(super) fn no_such_path() -> ErrorResponse {
    ErrorResponse::new(StatusCode::NOT_FOUND, "No such path")
}
