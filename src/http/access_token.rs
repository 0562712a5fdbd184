//! `/v2/access-token`: a token reads and ends itself.

use super::{
    HttpState, Shared,
    body::{is_form, read_body},
    caller::{Credential, credential},
    error_response::{ErrorResponse, json_answer},
    front::RequestLog,
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
    http::{HeaderName, HeaderValue, Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");

/// Reads or ends the token that the request is made with.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answered = match head.method {
        Method::GET | Method::HEAD | Method::DELETE => answer(&state, &head, body).await,
        _ => Err(ErrorResponse::method("GET, HEAD, DELETE")),
    };
    answered.unwrap_or_else(ErrorResponse::into_response)
}

async fn answer(state: &HttpState, request: &Parts, body: Body) -> Result<Response, ErrorResponse> {
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential()),
        Credential::Malformed => return Err(ErrorResponse::invalid_token()),
        Credential::Doubled => return Err(ErrorResponse::multiple_credentials()),
        Credential::Bearer(bearer) => bearer,
    };
    let secret = state.secret(bearer.text()).ok_or_else(ErrorResponse::invalid_token)?;
    let observed = state.observed(request);
    if is_form(&request.headers) && has_a_second_credential(body).await? {
        return Err(ErrorResponse::multiple_credentials());
    }
    let known = check(state, &secret, observed.clone()).await?;
    let note = RequestLog { caller: Some(known.token.to_string()), ..Default::default() };
    let mut response = if request.method == Method::DELETE {
        end(state, &secret, &known, &observed).await?
    } else {
        tell(state, &known)
    };
    response.extensions_mut().insert(note);
    Ok(response)
}

async fn check(state: &HttpState, secret: &Secret, observed: ObservedRequest) -> Result<Snapshot, ErrorResponse> {
    let ask = state.ask(None, Vec::new());
    match state.check_throttled(secret, &ask, observed).await? {
        Some(checked) if checked.verdict == Verdict::Allow => Ok(checked.snapshot),
        Some(checked) if matches!(checked.verdict, Verdict::Deny(DenyReason::LacksScope(_))) => {
            Err(Error::Bug("no scope was asked for".into()).into())
        }
        _ => Err(ErrorResponse::invalid_token()),
    }
}

fn tell(state: &HttpState, known: &Snapshot) -> Response {
    let scopes = state.app.catalogue().sorted(&known.scopes);
    let names: Vec<_> = scopes.iter().map(crate::domain::scope::ScopeName::as_str).collect();
    let body = json!({
        "uuid": known.token.uuid(),
        "scopes": names,
        "description": known.description,
        "created_at": known.created_at.to_text_in_seconds(),
        "expires_at": known.expires_at.map(crate::domain::time::Time::to_text_in_seconds),
        "user": { "name": known.owner.name, "email": known.owner.email },
    });
    let mut response = json_answer(StatusCode::OK, &body);
    if let Ok(scopes) = HeaderValue::from_str(&names.join(",")) {
        response.headers_mut().insert(SCOPES, scopes);
    }
    response
}

async fn end(
    state: &HttpState,
    secret: &Secret,
    known: &Snapshot,
    observed: &ObservedRequest,
) -> Result<Response, ErrorResponse> {
    let caller = state.caller(observed, AuthMethod::Value { user: known.owner.id, token: known.token });
    let change = RevokeTokenByValue { fingerprint: secret.fingerprint() };
    match state.app.change(&caller, change).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // Somebody was quicker: it is as dead as it would have been.
        Err(Error::Conflict(_)) => Err(ErrorResponse::invalid_token()),
        Err(error) => Err(error.into()),
    }
}

/// RFC 6750, section 2: a client may not use more than one way of sending its token. Any other body is ignored.
async fn has_a_second_credential(body: Body) -> Result<bool, ErrorResponse> {
    let body = read_body(body).await?;
    Ok(form_urlencoded::parse(&body).any(|(name, _)| name == "access_token"))
}
