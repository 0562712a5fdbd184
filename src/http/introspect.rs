//! `POST /oauth/introspect`: token introspection (RFC 7662) by a resource server.

use super::{
    HttpState, Shared,
    error_response::{ErrorResponse, json_response},
    oauth::{ClientRequest, Form, client_request},
    request_log::RequestLog,
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
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};

/// Describes an active token to a resource server; for any other token, the response is only `"active": false`.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (head, body) = request.into_parts();
    let ClientRequest { server, form } = client_request(&state, &head, body).await?;
    let active = match state.secret(form.token()) {
        Some(secret) => check(&state, &secret, &form, &server.limits).await?,
        None => None,
    };
    let quiet = active.is_none();
    let body = active.unwrap_or_else(|| json!({ "active": false }));
    let mut response = json_response(StatusCode::OK, &body);
    response.extensions_mut().insert(RequestLog { caller: Some(server.id.to_string()), quiet, ..Default::default() });
    Ok(response)
}

async fn check(
    state: &HttpState,
    secret: &Secret,
    form: &Form,
    limits: &Limits,
) -> Result<Option<Value>, ErrorResponse> {
    let organization = form.get("organization");
    let mut scopes: Vec<_> =
        form.get("scope").unwrap_or_default().split_ascii_whitespace().map(ToOwned::to_owned).collect();
    if form.get("scope").is_some() && scopes.is_empty() {
        // A blank scope is a missing setting of the resource server. No token has the empty scope, so the token is inactive.
        scopes.push(String::new());
    }
    let request = CheckRequest { limits, ..state.check_request(organization, &scopes) };
    let observed = ObservedRequest {
        address: form.get("client_ip").and_then(parse_hop),
        user_agent: form.get("user_agent").and_then(|agent| state.redacted_user_agent(agent)),
        method: form.get("method").and_then(text::method),
        path: form.get("path").and_then(|path| state.path(path)),
    };
    let checked = state.app.verifier().check(secret, &request, observed).await?;
    let allowed = checked.filter(|checked| checked.verdict == Verdict::Allow);
    Ok(allowed.map(|checked| active(state, &checked, organization)))
}

fn active(state: &HttpState, checked: &CheckResult<'_>, organization: Option<&str>) -> Value {
    let snapshot = &checked.snapshot;
    let scopes = checked.visible().accepted_scopes(state.app.catalogue());
    let slugs = checked.visible().grants().map(|grant| grant.slug.as_str());
    let mut organizations: Vec<_> = slugs.filter(|slug| organization.is_none_or(|only| only == *slug)).collect();
    // The store returns the grants in no particular order.
    organizations.sort_unstable();
    let mut body = json!({
        "active": true,
        "scope": scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" "),
        "username": snapshot.owner.username,
        "token_type": "Bearer",
        "iat": snapshot.created_at.seconds(),
        "sub": snapshot.owner.id.uuid(),
        "jti": snapshot.token.uuid(),
        "iss": state.public_url,
        "organizations": organizations,
    });
    if let (Some(expiry), Some(body)) = (snapshot.expires_at, body.as_object_mut()) {
        body.insert("exp".into(), expiry.seconds().into());
    }
    body
}
