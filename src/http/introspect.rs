//! `POST /oauth/introspect`: an API asks about a token, as RFC 7662 has it.

use super::{
    HttpState, Shared,
    error_response::{ErrorResponse, json_answer},
    front::RequestLog,
    oauth::{ClientRequest, Form, client_request, unavailable},
};
use crate::{
    domain::{
        decision::{CheckRequest, Limits, Verdict},
        ip_address::parse_hop,
        scope::ScopeName,
        secret::Secret,
        text,
    },
    verify::{CheckResult, ObservedRequest},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

/// Tells an API what a token is good for, and of a bad one nothing.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    answer(&state, &head, body).await.unwrap_or_else(ErrorResponse::into_response)
}

async fn answer(state: &HttpState, request: &Parts, body: Body) -> Result<Response, ErrorResponse> {
    let ClientRequest { server, form } = client_request(state, request, body).await?;
    let active = match state.secret(form.token()) {
        Some(secret) => check(state, &secret, &form, server.limits).await?,
        None => None,
    };
    let quiet = active.is_none();
    let body = active.unwrap_or_else(|| json!({ "active": false }));
    let mut response = json_answer(StatusCode::OK, &body);
    response.extensions_mut().insert(RequestLog { caller: Some(server.id.to_string()), quiet, ..Default::default() });
    Ok(response)
}

async fn check(
    state: &HttpState,
    secret: &Secret,
    form: &Form,
    limits: Limits,
) -> Result<Option<Value>, ErrorResponse> {
    let organization = form.get("organization").map(ToOwned::to_owned);
    let mut scopes: Vec<_> =
        form.get("scope").unwrap_or_default().split_ascii_whitespace().map(ToOwned::to_owned).collect();
    if form.get("scope").is_some() && scopes.is_empty() {
        // A blank scope is a setting that was forgotten, and no token has it.
        scopes.push(String::new());
    }
    let ask = CheckRequest { limits, ..state.ask(organization, scopes) };
    let observed = ObservedRequest {
        address: form.get("client_ip").and_then(parse_hop),
        user_agent: form.get("user_agent").and_then(|agent| state.masked_agent(agent)),
        method: form.get("method").and_then(text::method),
        path: form.get("path").and_then(|path| state.path(path)),
    };
    let checked = state.app.verifier().check(secret, &ask, observed).await.map_err(unavailable)?;
    let good = checked.filter(|checked| checked.verdict == Verdict::Allow);
    Ok(good.map(|checked| active(state, &checked, ask.organization.as_deref())))
}

fn active(state: &HttpState, checked: &CheckResult, asked: Option<&str>) -> Value {
    let known = &checked.snapshot;
    let scopes = checked.scopes(state.app.catalogue());
    let slugs = known.grants.iter().map(|reach| reach.slug.as_str());
    let mut organizations: Vec<_> = slugs.filter(|slug| asked.is_none_or(|asked| asked == *slug)).collect();
    // The store has no order of its own.
    organizations.sort_unstable();
    let mut body = json!({
        "active": true,
        "scope": scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" "),
        "username": known.owner.username,
        "token_type": "Bearer",
        "iat": known.created_at.seconds(),
        "sub": known.owner.id.uuid(),
        "jti": known.token.uuid(),
        "iss": state.public_url,
        "organizations": organizations,
    });
    if let (Some(end), Some(body)) = (known.expires_at, body.as_object_mut()) {
        body.insert("exp".into(), end.seconds().into());
    }
    body
}
