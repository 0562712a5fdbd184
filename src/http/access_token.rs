//! `/v2/access-token`: describes or revokes the token that authenticates the request.

use super::{
    HttpState, Shared,
    authenticate::{Credential, credential},
    body::{is_form, read_body},
    error_response::{ErrorResponse, json_response},
    request_log::RequestLog,
};
use crate::{
    actions::RevokeTokenByValue,
    domain::{
        caller::AuthMethod,
        decision::{DenyReason, Snapshot, Verdict},
        error::Error,
        secret::Secret,
    },
    verify::ObservedRequest,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");

/// Describes or revokes the token in the `Authorization` header.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (request, body) = request.into_parts();
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential()),
        Credential::Malformed => return Err(ErrorResponse::invalid_token()),
        Credential::Multiple => return Err(ErrorResponse::multiple_credentials()),
        Credential::Bearer(bearer) => bearer,
    };
    let secret = state.secret(bearer.text()).ok_or_else(ErrorResponse::invalid_token)?;
    let observed = state.observed(&request);
    if is_form(&request.headers) && has_second_credential(body).await? {
        return Err(ErrorResponse::multiple_credentials());
    }
    let snapshot = check(&state, &secret, observed.clone()).await?;
    let log = RequestLog { caller: Some(snapshot.token.to_string()), ..Default::default() };
    let mut response = if request.method == Method::DELETE {
        revoke(&state, &secret, &snapshot, &observed).await?
    } else {
        describe(&state, &snapshot)
    };
    response.extensions_mut().insert(log);
    Ok(response)
}

async fn check(state: &HttpState, secret: &Secret, observed: ObservedRequest) -> Result<Snapshot, ErrorResponse> {
    match state.check_throttled(secret, &state.check_request(None, &[]), observed).await? {
        Some(checked) if checked.verdict == Verdict::Allow => Ok(checked.snapshot),
        Some(checked) if matches!(checked.verdict, Verdict::Deny(DenyReason::LacksScope(_))) => {
            Err(Error::Bug("the check required no scope".into()).into())
        }
        _ => Err(ErrorResponse::invalid_token()),
    }
}

fn describe(state: &HttpState, snapshot: &Snapshot) -> Response {
    let scopes = state.app.catalogue().sorted(&snapshot.scopes);
    let names: Vec<_> = scopes.iter().map(crate::domain::scope::ScopeName::as_str).collect();
    let body = json!({
        "uuid": snapshot.token.uuid(),
        "scopes": names,
        "description": snapshot.description,
        "created_at": snapshot.created_at.to_text_in_seconds(),
        "expires_at": snapshot.expires_at.map(crate::domain::time::Time::to_text_in_seconds),
        "user": { "name": snapshot.owner.name, "email": snapshot.owner.email },
    });
    let mut response = json_response(StatusCode::OK, &body);
    if let Ok(scopes) = HeaderValue::from_str(&names.join(",")) {
        response.headers_mut().insert(SCOPES, scopes);
    }
    response
}

async fn revoke(
    state: &HttpState,
    secret: &Secret,
    snapshot: &Snapshot,
    observed: &ObservedRequest,
) -> Result<Response, ErrorResponse> {
    let caller = state.caller(observed, AuthMethod::Value { user: snapshot.owner.id, token: snapshot.token });
    let change = RevokeTokenByValue { fingerprint: secret.fingerprint() };
    match state.app.change(&caller, change).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // A concurrent request revoked the token first.
        Err(Error::Conflict(_)) => Err(ErrorResponse::invalid_token()),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether the form has the parameter `access_token` (RFC 6750, section 2: a client sends its token in one way only).
/// Any other body is ignored.
async fn has_second_credential(body: Body) -> Result<bool, ErrorResponse> {
    let body = read_body(body).await?;
    Ok(form_urlencoded::parse(&body).any(|(name, _)| name == "access_token"))
}
