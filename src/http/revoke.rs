//! `POST /oauth/revoke`: token revocation (RFC 7009) by a resource server.

use super::{
    HttpState, Shared,
    error_response::ErrorResponse,
    middleware::RequestLog,
    oauth::{ClientRequest, client_request, unavailable},
};
use crate::{
    actions::RevokeTokenByValue,
    domain::{caller::AuthMethod, error::Error, secret::Secret},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};

/// Revokes a token. The response is the same if the token is unknown or no longer active.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    respond(&state, &head, body).await.unwrap_or_else(ErrorResponse::into_response)
}

async fn respond(state: &HttpState, request: &Parts, body: Body) -> Result<Response, ErrorResponse> {
    let ClientRequest { server, form } = client_request(state, request, body).await?;
    if let Some(secret) = Secret::parse(state.app.prefix(), form.token()) {
        let caller = state.caller(&state.observed(request), AuthMethod::ResourceServer(server.id));
        let change = RevokeTokenByValue { fingerprint: secret.fingerprint() };
        match state.app.change(&caller, change).await {
            Ok(()) | Err(Error::NotFound(_) | Error::Conflict(_)) => {}
            Err(error) => return Err(unavailable(error)),
        }
    }
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(RequestLog { caller: Some(server.id.to_string()), ..Default::default() });
    Ok(response)
}
