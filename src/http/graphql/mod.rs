//! `/graphql`: GraphQL over HTTP, in both media types. Only what a client of that standard sends is taken.

mod key_order;
mod request;
mod request_error;

use super::{
    HttpState, Shared,
    caller::{Credential, credential},
    error_response::ErrorResponse,
    front::{RequestId, RequestLog},
    unsent::{self, ConnectionBudget},
};
use crate::{
    domain::{
        caller::{AuthMethod, Caller},
        decision::{DenyReason, Verdict},
        error::Code,
        secret::Secret,
    },
    graphql::{Request as Asked, code_of, cost},
};
use async_graphql::{Response as Outcome, ServerError, Value};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use request::{Media, Operation};
use request_error::RequestError;
use serde::Serialize;
use serde_json::json;

/// How an answer is written, and by which id it names its request.
pub(super) struct ResponseFormat {
    media: Media,
    id: HeaderValue,
}

impl ResponseFormat {
    /// As a request has it.
    pub(super) fn by(request: &Parts) -> Self {
        let id = request.extensions.get::<RequestId>().map_or(HeaderValue::from_static("-"), |id| id.0.clone());
        Self { media: Media::accepted(&request.headers).unwrap_or(Media::Json), id }
    }
}

/// A problem that arose around this door, in the shape of GraphQL.
pub(super) fn refused(wanted: &ResponseFormat, problem: ErrorResponse) -> Response {
    RequestError::from(problem).into_response(wanted)
}

/// Executes one operation.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let wanted = ResponseFormat::by(&head);
    let answered = match Media::accepted(&head.headers) {
        Some(_) => answer(&state, &head, body, &wanted).await,
        None => Err(RequestError::not_acceptable()),
    };
    answered.unwrap_or_else(|refusal| refusal.into_response(&wanted))
}

async fn answer(
    state: &HttpState,
    request: &Parts,
    body: Body,
    wanted: &ResponseFormat,
) -> Result<Response, RequestError> {
    let media = wanted.media;
    request::method_fits(&request.method)?;
    let caller = caller(state, request).await?;
    let who = caller.user().map(|user| user.to_string());
    let operation = Operation::read(request, body, state.app.prefix(), media).await?;
    let name = operation.name().map(ToOwned::to_owned);
    let cost = operation.cost().map_err(|refusal| RequestError::from_cost(media, &refusal))?;
    let misfits = operation.invalid_values(state.app.prefix());
    // What a change did cannot be rejected afterwards; its cost bounds its response.
    let is_mutation = operation.is_mutation();
    let limit = if is_mutation { usize::MAX } else { MAX_RESPONSE };
    let turn =
        if is_mutation { state.app.turn_of_mutations(&caller).await.map_err(ErrorResponse::from)? } else { None };
    let connection = request.extensions.get::<ConnectionBudget>();
    let budgets: Vec<_> = connection.iter().map(|connection| &connection.0).chain([&state.unsent]).collect();
    let held = is_mutation
        .then(|| unsent::hold(operation.max_bytes(), &budgets).ok_or_else(ErrorResponse::too_many_unsent_responses));
    let held = held.transpose()?;
    let (document, query) = operation.into_query();
    let outcome = if misfits.is_empty() {
        let app = if is_mutation { state.app.for_change() } else { state.app.clone() };
        Asked::new(&app, caller).await?.execute(&state.schema, query).await
    } else {
        Outcome::from_errors(misfits)
    };
    let mut response = respond(wanted, &document, cost, outcome, limit)?;
    if let Some(turn) = turn.filter(|_| response.status() == StatusCode::SERVICE_UNAVAILABLE) {
        turn.fail_waiting();
    }
    response.extensions_mut().insert(RequestLog { caller: who, operation: name, quiet: false });
    if let Some(held) = held {
        response.extensions_mut().insert(held);
    }
    Ok(response)
}

/// As whom a request of another door is made that takes the same credentials.
pub(super) async fn authenticate(state: &HttpState, request: &Parts) -> Result<Caller, ErrorResponse> {
    caller(state, request).await.map_err(RequestError::into_error_response)
}

/// As whom the request is made: whoever is signed in, a JWT's person, or the owner of a token with the scope of GraphQL.
async fn caller(state: &HttpState, request: &Parts) -> Result<Caller, RequestError> {
    if let Some(caller) = state.in_session(request).await? {
        return Ok(caller);
    }
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential().into()),
        Credential::Malformed => return Err(ErrorResponse::invalid_token().into()),
        Credential::Doubled => return Err(ErrorResponse::multiple_credentials().into()),
        Credential::Bearer(bearer) => bearer,
    };
    let observed = state.observed(request);
    let Some(secret) = Secret::parse(state.app.prefix(), bearer.text()) else {
        let nobody = state.caller(&observed, AuthMethod::Anonymous);
        return Ok(state.user_of_jwt(bearer.text(), &nobody).await?);
    };
    // A catalogue without such a scope is an API without GraphQL.
    let scope = state.app.catalogue().graphql().map_or("graphql", |scope| scope.name.as_str());
    let ask = state.ask(None, vec![scope.to_owned()]);
    let checked =
        state.check_throttled(&secret, &ask, observed.clone()).await?.ok_or_else(ErrorResponse::invalid_token)?;
    let known = checked.snapshot;
    match checked.verdict {
        Verdict::Allow => {
            let through = AuthMethod::Token { user: known.owner.id, token: known.token };
            Ok(state.caller(&observed, through))
        }
        Verdict::Deny(DenyReason::LacksScope(_)) => Err(ErrorResponse::insufficient_scope(scope, scope).into()),
        Verdict::Deny(_) => Err(ErrorResponse::invalid_token().into()),
    }
}

/// The response of an execution; `TOO_COMPLEX` when it has more bytes than `limit`.
fn respond(
    wanted: &ResponseFormat,
    document: &request::Document,
    cost: u64,
    mut outcome: Outcome,
    limit: usize,
) -> Result<Response, RequestError> {
    let ours = |code: &str| code == Code::Unavailable.as_str() || code == Code::Internal.as_str();
    if let Some(error) = outcome.errors.iter().find(|error| ours(code_of(error))) {
        return Ok(voided(wanted, error, cost));
    }
    // What has no path failed before anything ran.
    let refused = outcome.data == Value::Null && outcome.errors.iter().any(|error| error.path.is_empty());
    if !refused {
        key_order::arrange(&mut outcome.data, document);
    }
    let body = ResponseBody {
        errors: outcome.errors.iter().map(error_json).collect(),
        data: (!refused).then_some(&outcome.data),
        extensions: cost_json(cost),
    };
    let mut bytes = Bounded { bytes: Vec::new(), limit };
    if serde_json::to_writer(&mut bytes, &body).is_err() {
        return Err(RequestError::too_large(wanted.media, cost));
    }
    let status = if refused { wanted.media.document_error() } else { StatusCode::OK };
    Ok(written(wanted.media, status, bytes.bytes))
}

/// The largest response, in bytes.
const MAX_RESPONSE: usize = 4 * 1024 * 1024;

#[derive(Serialize)]
struct ResponseBody<'outcome> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'outcome Value>,
    extensions: serde_json::Value,
}

/// A buffer that takes no more than `limit` bytes.
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

/// Nothing of an answer counts when the store or we failed on a part of it.
fn voided(wanted: &ResponseFormat, error: &ServerError, cost: u64) -> Response {
    let mut told = error_json(error);
    let status = if code_of(error) == Code::Unavailable.as_str() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        if let Some(extensions) = told.get_mut("extensions").and_then(serde_json::Value::as_object_mut) {
            extensions.insert(REQUEST.into(), id_json(&wanted.id));
        }
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let body = json!({ "errors": [told], "data": null, "extensions": cost_json(cost) });
    let mut response = written(wanted.media, status, body.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// By what an error of ours names the request, which is all that it says.
const REQUEST: &str = "requestId";

fn id_json(id: &HeaderValue) -> serde_json::Value {
    id.to_str().unwrap_or_default().into()
}

/// What the operation was priced at.
fn cost_json(requested: u64) -> serde_json::Value {
    json!({ "cost": { "requested": requested, "limit": cost::MAX_COST } })
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

fn written(media: Media, status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media.content_type());
    response.into_response()
}
