//! A GraphQL request that is refused as a whole, before anything of it ran.

use super::{
    super::error_response::ErrorResponse, REQUEST, ResponseFormat, cost_json, id_json, request::Media, written,
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

/// Why, in the shape of GraphQL: a status, a message, and what `extensions` say.
pub(super) struct RequestError {
    response: ErrorResponse,
    /// Apart, so that a refusal that is handed on is not large.
    position: Option<Box<Pos>>,
    extensions: Vec<(&'static str, Value)>,
    /// What the operation was priced at, where it was.
    cost: Option<u64>,
}

impl RequestError {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let extensions = vec![("code", code.as_str().into())];
        Self { response: ErrorResponse::new(status, message), position: None, extensions, cost: None }
    }

    /// A request that is not what the standard says, in this parameter.
    pub(super) fn bad_request(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidInput, message).with_message("field", field)
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "Accept application/graphql-response+json or application/json.";
        Self::new(StatusCode::NOT_ACCEPTABLE, Code::InvalidInput, message)
    }

    /// An error of the document: 200 for clients that do not know better.
    pub(super) fn of_the_document(media: Media, place: Option<Pos>, message: impl Into<String>) -> Self {
        Self { position: place.map(Box::new), ..Self::new(media.document_error(), Code::InvalidInput, message) }
    }

    pub(super) fn with_code(mut self, code: Code) -> Self {
        self.extensions = vec![("code", code.as_str().into())];
        self
    }

    /// Too much, by its price, its depth or its repetitions.
    pub(super) fn from_cost(media: Media, refusal: &cost::CostError) -> Self {
        match refusal {
            cost::CostError::TooComplex { value, limit, message, position, cost } => {
                let message = format!("{message} It is {value}, the limit is {limit}.");
                let refusal = Self::new(media.document_error(), Code::TooComplex, message);
                Self {
                    position: position.map(Box::new),
                    cost: *cost,
                    ..refusal.with_message("cost", *value).with_message("limit", *limit)
                }
            }
            cost::CostError::Cycle { position } => {
                let message = "The fragments of the document form a cycle.";
                Self::of_the_document(media, Some(*position), message)
            }
        }
    }

    /// An automatic persisted query of Apollo, in the words by which its clients know that they have to send the document.
    pub(super) fn persisted_query(media: Media) -> Self {
        let refusal = Self::of_the_document(media, None, "PersistedQueryNotSupported");
        Self { extensions: vec![("code", "PERSISTED_QUERY_NOT_SUPPORTED".into())], ..refusal }
    }

    /// A response that is not sent because of its size.
    pub(super) fn too_large(media: Media, cost: u64) -> Self {
        let message = "The response is larger than 4 MiB; ask for smaller pages (first) or fewer fields.";
        Self { cost: Some(cost), ..Self::of_the_document(media, None, message).with_code(Code::TooComplex) }
    }

    fn with_message(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extensions.push((name, value.into()));
        self
    }

    /// The same for a door of another shape.
    pub(super) fn into_error_response(self) -> ErrorResponse {
        self.response
    }

    pub(super) fn into_response(mut self, wanted: &ResponseFormat) -> Response {
        if self.response.status == StatusCode::INTERNAL_SERVER_ERROR {
            self = self.with_message(REQUEST, id_json(&wanted.id));
        }
        let mut error = Map::from_iter([("message".into(), self.response.message.into())]);
        if let Some(place) = self.position {
            error.insert("locations".into(), json!([{ "line": place.line, "column": place.column }]));
        }
        let extensions: Map<_, _> = self.extensions.into_iter().map(|(name, value)| (name.into(), value)).collect();
        error.insert("extensions".into(), extensions.into());
        let mut body = Map::from_iter([("errors".into(), json!([error]))]);
        if let Some(price) = self.cost {
            body.insert("extensions".into(), cost_json(price));
        }
        let mut response = written(wanted.media, self.response.status, Value::Object(body).to_string());
        response.headers_mut().extend(self.response.headers);
        response
    }
}

impl From<ErrorResponse> for RequestError {
    fn from(problem: ErrorResponse) -> Self {
        let code = match problem.status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Code::Unavailable,
            StatusCode::INTERNAL_SERVER_ERROR => Code::Internal,
            _ => Code::InvalidInput,
        };
        let mut extensions = vec![("code", code.as_str().into())];
        let pause = problem.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
        let seconds = pause.and_then(|(_, seconds)| seconds.to_str().ok()?.parse::<u64>().ok());
        if let (Code::RateLimited, Some(seconds)) = (code, seconds) {
            extensions.push(("retryAfter", seconds.into()));
        }
        Self { response: problem, position: None, extensions, cost: None }
    }
}

impl From<Error> for RequestError {
    fn from(error: Error) -> Self {
        match error {
            // Somebody who is disabled hears what somebody unknown hears.
            Error::Unauthenticated => ErrorResponse::invalid_token().into(),
            other => ErrorResponse::from(other).into(),
        }
    }
}
