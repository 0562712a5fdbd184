//! Common parts of the endpoints below `/oauth`: client authentication, forms, and the error codes of RFC 6749.
//!
//! HTTP Basic is read by hand, in six lines: the crate `headers` does not decode the percent-encoding that RFC 6749 requires.

use super::{
    HttpState,
    body::{is_form, read_body},
    error_response::{ErrorFormat, ErrorResponse, json_response},
};
use crate::{domain::secret::Fingerprint, store::ResourceServer};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::collections::HashMap;

/// A form from an authenticated resource server. Its parameter `token` is not empty.
pub(super) struct ClientRequest {
    pub(super) server: ResourceServer,
    pub(super) form: Form,
}

/// Reads the form of a request and authenticates the resource server that sent it.
pub(super) async fn client_request(
    state: &HttpState,
    request: &Parts,
    body: Body,
) -> Result<ClientRequest, ErrorResponse> {
    if !is_form(&request.headers) {
        let message = "Send the parameters as application/x-www-form-urlencoded.";
        return Err(ErrorResponse::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let form = Form::read(&read_body(body).await?)?;
    let server = client(state, &request.headers, &form).await?;
    if form.token().is_empty() {
        return Err(invalid("The parameter token is missing."));
    }
    Ok(ClientRequest { server, form })
}

/// `/.well-known/oauth-authorization-server`: the authorization server metadata of RFC 8414.
pub(super) async fn metadata(State(state): State<super::Shared>) -> Response {
    let base = &state.public_url;
    let auth_methods = ["client_secret_basic", "client_secret_post"];
    let scopes: Vec<_> = state.app.catalogue().iter().map(|scope| scope.name.as_str()).collect();
    let body = json!({
        "issuer": base,
        "introspection_endpoint": format!("{base}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "scopes_supported": scopes,
        "response_types_supported": [],
        "grant_types_supported": [],
        "bearer_methods_supported": ["header"],
    });
    json_response(StatusCode::OK, &body)
}

/// Authenticates the resource server by HTTP Basic or by the client ID and secret in the form.
async fn client(state: &HttpState, headers: &HeaderMap, form: &Form) -> Result<ResourceServer, ErrorResponse> {
    if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        return Err(invalid("There is more than one Authorization header; send one."));
    }
    let credentials = match (headers.get(header::AUTHORIZATION), form.get("client_id").zip(form.get("client_secret"))) {
        (Some(_), Some(_)) => {
            return Err(invalid("The client authenticates twice; use either HTTP Basic or the form."));
        }
        (Some(value), None) => basic(value),
        (None, Some((id, secret))) => Some((id.to_owned(), secret.to_owned())),
        (None, None) => None,
    };
    let (id, secret) = credentials
        .filter(|(id, _)| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(wrong_client)?;
    let server = state.app.store().resource_server(&id).await?;
    server.filter(|server| Fingerprint::of(&secret).matches(&server.secret)).ok_or_else(wrong_client)
}

fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.trim().split_once(' ')?;
    let pair = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(pair).ok()?;
    // RFC 6749, section 2.3.1: the client form-encodes the ID and the secret first.
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().ok().map(String::from);
    let (id, secret) = pair.split_once(':')?;
    Some((plain(id)?, plain(secret)?))
}

fn wrong_client() -> ErrorResponse {
    ErrorResponse::new(StatusCode::UNAUTHORIZED, "No such client, or its secret is wrong.")
        .with_oauth_error("invalid_client")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tokenward\", charset=\"UTF-8\""))
}

fn invalid(message: &str) -> ErrorResponse {
    ErrorResponse::new(StatusCode::BAD_REQUEST, message)
}

/// Errors with a code of RFC 6749, which follows from the status unless the error has one.
pub(super) struct OAuthErrors;

impl ErrorFormat for OAuthErrors {
    fn of(_: &Parts) -> Self {
        Self
    }

    fn render(&self, error: ErrorResponse) -> Response {
        let code = match error.status {
            _ if error.has_oauth_error() => return error.into_json(),
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        };
        error.with_oauth_error(code).into_json()
    }
}

/// The parameters of a form, none of them repeated.
pub(super) struct Form(HashMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, ErrorResponse> {
        let mut form = HashMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(invalid("A parameter is repeated; send each parameter once."));
            }
        }
        Ok(Self(form))
    }

    /// Returns the value of a parameter; `None` if it is missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the token that the request is about; empty if it is missing.
    pub(super) fn token(&self) -> &str {
        self.get("token").unwrap_or_default()
    }
}
