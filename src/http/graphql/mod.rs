//! `/graphql`: GraphQL over HTTP, in both of its media types.

mod key_order;
mod request;
mod request_error;
mod response;

use super::{
    HttpState, Shared,
    authenticate::{Credential, credential},
    error_response::{ErrorFormat, ErrorResponse},
    request_log::RequestLog,
    unsent::{self, ConnectionBudget},
};
use crate::{
    domain::{
        caller::{AuthMethod, Caller},
        decision::{DenyReason, Verdict},
        error::Code,
        secret::Secret,
    },
    graphql::{Request as GraphQlRequest, code_of},
};
use async_graphql::{Response as Outcome, ServerError, Value};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use request::Operation;
use request_error::RequestError;
use response::{Media, REQUEST_ID_KEY, ResponseFormat, cost_json, id_json, render};
use serde::Serialize;
use serde_json::json;

/// Errors as GraphQL responses, in the media type that the request accepts.
pub(super) struct GraphQlErrors(ResponseFormat);

impl ErrorFormat for GraphQlErrors {
    fn of(request: &Parts) -> Self {
        Self(ResponseFormat::of(request))
    }

    fn render(&self, error: ErrorResponse) -> Response {
        RequestError::from(error).into_response(&self.0)
    }
}

/// Executes one operation.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let format = ResponseFormat::of(&head);
    let result = match Media::accepted(&head.headers) {
        Some(_) => execute(&state, &head, body, &format).await,
        None => Err(RequestError::not_acceptable()),
    };
    result.unwrap_or_else(|error| error.into_response(&format))
}

async fn execute(
    state: &HttpState,
    request: &Parts,
    body: Body,
    format: &ResponseFormat,
) -> Result<Response, RequestError> {
    let media = format.media;
    let caller = caller(state, request).await?;
    let caller_id = caller.user().map(|user| user.to_string());
    let operation = Operation::read(request, body, state.app.prefix(), media).await?;
    let name = operation.name().map(ToOwned::to_owned);
    let cost = operation.cost().map_err(|error| RequestError::from_cost(media, &error))?;
    let invalid_values = operation.invalid_values(state.app.prefix());
    // The response of a mutation cannot be rejected after its changes; its cost bounds its size.
    let is_mutation = operation.is_mutation();
    let limit = if is_mutation { usize::MAX } else { MAX_RESPONSE_SIZE };
    let turn =
        if is_mutation { state.app.turn_of_mutations(&caller).await.map_err(ErrorResponse::from)? } else { None };
    let connection = request.extensions.get::<ConnectionBudget>();
    let budgets: Vec<_> = connection.iter().map(|connection| &connection.0).chain([&state.unsent]).collect();
    let reserved = is_mutation
        .then(|| unsent::hold(operation.max_bytes(), &budgets).ok_or_else(ErrorResponse::too_many_unsent_responses));
    let reserved = reserved.transpose()?;
    let (document, query) = operation.into_query();
    let outcome = if invalid_values.is_empty() {
        let app = if is_mutation { state.app.for_change() } else { state.app.clone() };
        GraphQlRequest::new(&app, caller).await?.execute(&state.schema, query).await
    } else {
        Outcome::from_errors(invalid_values)
    };
    let mut response = respond(format, &document, cost, outcome, limit)?;
    if let Some(turn) = turn.filter(|_| response.status() == StatusCode::SERVICE_UNAVAILABLE) {
        turn.fail_waiting();
    }
    response.extensions_mut().insert(RequestLog { caller: caller_id, operation: name, quiet: false });
    if let Some(reserved) = reserved {
        response.extensions_mut().insert(reserved);
    }
    Ok(response)
}

/// Authenticates a request to another endpoint that accepts the same credentials.
pub(super) async fn authenticate(state: &HttpState, request: &Parts) -> Result<Caller, ErrorResponse> {
    caller(state, request).await.map_err(RequestError::into_error_response)
}

/// Returns the caller: the user of a session, the user of a JWT, or the owner of a token with the scope for GraphQL.
async fn caller(state: &HttpState, request: &Parts) -> Result<Caller, RequestError> {
    if let Some(caller) = state.in_session(request).await? {
        return Ok(caller);
    }
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential().into()),
        Credential::Malformed => return Err(ErrorResponse::invalid_token().into()),
        Credential::Multiple => return Err(ErrorResponse::multiple_credentials().into()),
        Credential::Bearer(bearer) => bearer,
    };
    let observed = state.observed(request);
    let Some(secret) = Secret::parse(state.app.prefix(), bearer.text()) else {
        let anonymous = state.caller(&observed, AuthMethod::Anonymous);
        return Ok(state.user_of_jwt(bearer.text(), &anonymous).await?);
    };
    // If the catalogue has no such scope, tokens have no access to GraphQL.
    let scope = state.app.catalogue().graphql().map_or("graphql", |scope| scope.name.as_str());
    let scopes = [scope.to_owned()];
    let check = state.check_request(None, &scopes);
    let checked =
        state.check_throttled(&secret, &check, observed.clone()).await?.ok_or_else(ErrorResponse::invalid_token)?;
    let snapshot = checked.snapshot;
    match checked.verdict {
        Verdict::Allow => {
            let auth_method = AuthMethod::Token { user: snapshot.owner.id, token: snapshot.token };
            Ok(state.caller(&observed, auth_method))
        }
        Verdict::Deny(DenyReason::LacksScope(_)) => Err(ErrorResponse::insufficient_scope(scope, scope).into()),
        Verdict::Deny(_) => Err(ErrorResponse::invalid_token().into()),
    }
}

/// Returns the response of an execution; `TOO_COMPLEX` if it has more bytes than `limit`.
fn respond(
    format: &ResponseFormat,
    document: &request::Document,
    cost: u64,
    mut outcome: Outcome,
    limit: usize,
) -> Result<Response, RequestError> {
    let is_server_error = |code: &str| code == Code::Unavailable.as_str() || code == Code::Internal.as_str();
    if let Some(error) = outcome.errors.iter().find(|error| is_server_error(code_of(error))) {
        return Ok(server_error(format, error, cost));
    }
    // An error without a path is a request error: nothing was executed.
    let is_request_error = outcome.data == Value::Null && outcome.errors.iter().any(|error| error.path.is_empty());
    if !is_request_error {
        key_order::arrange(&mut outcome.data, document);
    }
    let body = ResponseBody {
        errors: outcome.errors.iter().map(error_json).collect(),
        data: (!is_request_error).then_some(&outcome.data),
        extensions: cost_json(cost),
    };
    let mut bytes = Bounded { bytes: Vec::new(), limit };
    if serde_json::to_writer(&mut bytes, &body).is_err() {
        return Err(RequestError::too_large(format.media, cost));
    }
    let status = if is_request_error { format.media.document_status() } else { StatusCode::OK };
    Ok(render(format.media, status, bytes.bytes))
}

/// The maximum size of a response in bytes.
const MAX_RESPONSE_SIZE: usize = 4 * 1024 * 1024;

#[derive(Serialize)]
struct ResponseBody<'outcome> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'outcome Value>,
    extensions: serde_json::Value,
}

/// A buffer for at most `limit` bytes.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns a response without data: after a server error in one field, the other fields are not returned either.
fn server_error(format: &ResponseFormat, error: &ServerError, cost: u64) -> Response {
    let mut error_body = error_json(error);
    let status = if code_of(error) == Code::Unavailable.as_str() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        if let Some(extensions) = error_body.get_mut("extensions").and_then(serde_json::Value::as_object_mut) {
            extensions.insert(REQUEST_ID_KEY.into(), id_json(&format.id));
        }
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let body = json!({ "errors": [error_body], "data": null, "extensions": cost_json(cost) });
    let mut response = render(format.media, status, body.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn error_json(error: &ServerError) -> serde_json::Value {
    let mut json = serde_json::to_value(error).unwrap_or_default();
    if let Some(json) = json.as_object_mut() {
        let extensions = json.entry("extensions").or_insert_with(|| json!({}));
        if let Some(extensions) = extensions.as_object_mut() {
            extensions.entry("code").or_insert_with(|| code_of(error).into());
        }
    }
    json
}
