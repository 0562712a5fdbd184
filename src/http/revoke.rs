//! `POST /oauth/revoke`: an API ends a token whose value it was given, as RFC 7009 has it.

use super::{
    HttpState, Shared,
    error_response::ErrorResponse,
    front::RequestLog,
    oauth::{Asked, asked, unavailable},
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

/// Ends a token; of one that is unknown or over, nothing is told.
pub(super) async fn handle(State(doors): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    answer(&doors, &head, body).await.unwrap_or_else(ErrorResponse::into_response)
}

async fn answer(doors: &HttpState, request: &Parts, body: Body) -> Result<Response, ErrorResponse> {
    let Asked { server, form } = asked(doors, request, body).await?;
    if let Some(secret) = Secret::parse(doors.app.prefix(), form.token()) {
        let caller = doors.caller(&doors.observed(request), AuthMethod::ResourceServer(server.id));
        let change = RevokeTokenByValue { fingerprint: secret.fingerprint() };
        match doors.app.change(&caller, change).await {
            Ok(()) | Err(Error::NotFound(_) | Error::Conflict(_)) => {}
            Err(error) => return Err(unavailable(error)),
        }
    }
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(RequestLog { caller: Some(server.id.to_string()), ..Default::default() });
    Ok(response)
}
