//! `POST /oauth/revoke`: token revocation (RFC 7009) by a resource server.

use super::{
    Shared,
    error_response::ErrorResponse,
    oauth::{ClientRequest, client_request},
    request_log::RequestLog,
};
use crate::{
    actions::RevokeTokenByValue,
    domain::{caller::AuthMethod, error::Error, secret::Secret},
};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

/// Revokes a token. The response is the same if the token is unknown or no longer active.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (head, body) = request.into_parts();
    let ClientRequest { server, form } = client_request(&state, &head, body).await?;
    if let Some(secret) = Secret::parse(state.app.prefix(), form.token()) {
        let caller = state.caller(&state.observed(&head), AuthMethod::ResourceServer(server.id));
        let change = RevokeTokenByValue { fingerprint: secret.fingerprint() };
        match state.app.change(&caller, change).await {
            Ok(()) | Err(Error::NotFound(_) | Error::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(RequestLog { caller: Some(server.id.to_string()), ..Default::default() });
    Ok(response)
}
