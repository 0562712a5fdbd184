//! GraphQL request errors: errors that reject a request before its execution.

use super::{
    super::error_response::ErrorResponse,
    response::{Media, REQUEST_ID_KEY, ResponseFormat, cost_json, id_json, render},
};
use crate::{
    domain::error::{Code, Error},
    graphql::cost,
};
use async_graphql::Pos;
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Map, Value, json};

/// A request error with its HTTP status, message and `extensions`.
pub(super) struct RequestError {
    response: ErrorResponse,
    /// Boxed to keep the `Err` variant of results small.
    position: Option<Box<Pos>>,
    extensions: Vec<(&'static str, Value)>,
    /// The cost of the operation, if it is known.
    cost: Option<u64>,
}

impl RequestError {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let extensions = vec![("code", code.as_str().into())];
        Self { response: ErrorResponse::new(status, message), position: None, extensions, cost: None }
    }

    /// An invalid parameter of the request.
    pub(super) fn bad_request(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidInput, message).with_extension("field", field)
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "Accept application/graphql-response+json or application/json.";
        Self::new(StatusCode::NOT_ACCEPTABLE, Code::InvalidInput, message)
    }

    /// An error of the document. The status is 200 in `application/json`, as its older clients expect.
    pub(super) fn document_error(media: Media, position: Option<Pos>, message: impl Into<String>) -> Self {
        Self { position: position.map(Box::new), ..Self::new(media.document_status(), Code::InvalidInput, message) }
    }

    pub(super) fn with_code(mut self, code: Code) -> Self {
        self.extensions = vec![("code", code.as_str().into())];
        self
    }

    /// An operation that exceeds a limit, or a cycle of fragments.
    pub(super) fn from_cost(media: Media, error: &cost::CostError) -> Self {
        match error {
            cost::CostError::TooComplex { value, limit, message, position, cost } => {
                let message = format!("{message} It is {value}, the limit is {limit}.");
                let error = Self::new(media.document_status(), Code::TooComplex, message);
                Self {
                    position: position.map(Box::new),
                    cost: *cost,
                    ..error.with_extension("cost", *value).with_extension("limit", *limit)
                }
            }
            cost::CostError::Cycle { position } => {
                let message = "The fragments of the document form a cycle.";
                Self::document_error(media, Some(*position), message)
            }
        }
    }

    /// The error for an automatic persisted query of Apollo. Its message and code make clients send the whole document.
    pub(super) fn persisted_query(media: Media) -> Self {
        let error = Self::document_error(media, None, "PersistedQueryNotSupported");
        Self { extensions: vec![("code", "PERSISTED_QUERY_NOT_SUPPORTED".into())], ..error }
    }

    /// A response that exceeds the maximum size.
    pub(super) fn too_large(media: Media, cost: u64) -> Self {
        let message = "The response is larger than 4 MiB; ask for smaller pages (first) or fewer fields.";
        Self { cost: Some(cost), ..Self::document_error(media, None, message).with_code(Code::TooComplex) }
    }

    fn with_extension(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extensions.push((name, value.into()));
        self
    }

    /// Returns the error for an endpoint that does not respond in GraphQL.
    pub(super) fn into_error_response(self) -> ErrorResponse {
        self.response
    }

    pub(super) fn into_response(mut self, format: &ResponseFormat) -> Response {
        if self.response.status == StatusCode::INTERNAL_SERVER_ERROR {
            self = self.with_extension(REQUEST_ID_KEY, id_json(&format.id));
        }
        let mut error = Map::from_iter([("message".into(), self.response.message.into())]);
        if let Some(position) = self.position {
            error.insert("locations".into(), json!([{ "line": position.line, "column": position.column }]));
        }
        let extensions: Map<_, _> = self.extensions.into_iter().map(|(name, value)| (name.into(), value)).collect();
        error.insert("extensions".into(), extensions.into());
        let mut body = Map::from_iter([("errors".into(), json!([error]))]);
        if let Some(cost) = self.cost {
            body.insert("extensions".into(), cost_json(cost));
        }
        let mut response = render(format.media, self.response.status, Value::Object(body).to_string());
        response.headers_mut().extend(self.response.headers);
        response
    }
}

impl From<ErrorResponse> for RequestError {
    fn from(error: ErrorResponse) -> Self {
        let code = match error.status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Code::Unavailable,
            StatusCode::INTERNAL_SERVER_ERROR => Code::Internal,
            _ => Code::InvalidInput,
        };
        let mut extensions = vec![("code", code.as_str().into())];
        let retry_after = error.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
        let seconds = retry_after.and_then(|(_, seconds)| seconds.to_str().ok()?.parse::<u64>().ok());
        if let (Code::RateLimited, Some(seconds)) = (code, seconds) {
            extensions.push(("retryAfter", seconds.into()));
        }
        Self { response: error, position: None, extensions, cost: None }
    }
}

impl From<Error> for RequestError {
    fn from(error: Error) -> Self {
        match error {
            // A disabled user gets the same error as an unknown one.
            Error::Unauthenticated => ErrorResponse::invalid_token().into(),
            other => ErrorResponse::from(other).into(),
        }
    }
}
