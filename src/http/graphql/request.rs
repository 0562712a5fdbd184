//! Reads GraphQL over HTTP requests: JSON by POST, and queries by GET.

use super::{
    super::{body::read_json_text, json},
    request_error::RequestError,
    response::Media,
};
use crate::{
    domain::{redact::contains_token, secret::Prefix},
    graphql::{cost, document, invalid_values},
    http::error_response::{ErrorResponse, is_get_or_head},
};
use async_graphql::{
    ServerError, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};
use axum::{
    body::Body,
    http::{HeaderMap, Uri, request::Parts},
};
use serde_json::{Map, Value};

/// The approximate maximum size in bytes of one field of a response: a text of 500 characters, and the name of the field.
const MAX_FIELD_SIZE: usize = 2 * 1024;

/// A document and the name of the operation to execute.
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    pub(super) operation: Option<String>,
}

impl Document {
    /// Returns the operation to execute; `None` if it is missing or ambiguous.
    pub(super) fn chosen(&self) -> Option<&OperationDefinition> {
        match (&self.parsed.operations, &self.operation) {
            (DocumentOperations::Single(operation), None) => Some(&operation.node),
            (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
                all.values().next().map(|operation| &operation.node)
            }
            (DocumentOperations::Multiple(all), Some(name)) => all.get(name.as_str()).map(|operation| &operation.node),
            _ => None,
        }
    }
}

/// One operation, ready to execute.
pub(super) struct Operation {
    document: Document,
    query: String,
    variables: Variables,
}

impl Operation {
    /// Reads the operation of a request. A mutation by GET is rejected.
    pub(super) async fn read(request: &Parts, body: Body, prefix: &Prefix, media: Media) -> Result<Self, RequestError> {
        let by_get = is_get_or_head(&request.method);
        let parameters = if by_get {
            from_uri(&request.uri, prefix, media)?
        } else {
            from_body(&request.headers, body, media).await?
        };
        let operation = Self::parse(parameters, media)?;
        let kind = operation.document.chosen().map(|chosen| chosen.ty);
        if by_get && kind.is_some_and(|kind| kind != OperationType::Query) {
            return Err(ErrorResponse::method_not_allowed("POST").into());
        }
        Ok(operation)
    }

    fn parse(parameters: Parameters, media: Media) -> Result<Self, RequestError> {
        let parsed = document::read(&parameters.query).map_err(|error| {
            RequestError::document_error(media, error.position, error.message).with_code(error.code)
        })?;
        let document = Document { parsed, operation: parameters.operation };
        if document.chosen().is_none() {
            let message = "Specify by operationName which operation of the document to execute.";
            return Err(RequestError::document_error(media, None, message));
        }
        let variables = Variables::from_json(Value::Object(parameters.variables));
        Ok(Self { document, query: parameters.query, variables })
    }

    /// Returns the name of the operation for the log. Without `operationName`, it is the first name of the document.
    pub(super) fn name(&self) -> Option<&str> {
        match (&self.document.operation, &self.document.parsed.operations) {
            (Some(name), _) => Some(name),
            (None, DocumentOperations::Multiple(all)) => all.keys().next().map(async_graphql::Name::as_str),
            (None, DocumentOperations::Single(_)) => None,
        }
    }

    pub(super) fn is_mutation(&self) -> bool {
        self.document.chosen().is_some_and(|chosen| chosen.ty == OperationType::Mutation)
    }

    /// Returns the cost of the operation.
    pub(super) fn cost(&self) -> Result<u64, cost::CostError> {
        let Some(chosen) = self.document.chosen() else { return Ok(0) };
        cost::cost(&self.document.parsed, chosen, &self.variables)
    }

    /// Returns the maximum size in bytes of the response to a mutation.
    pub(super) fn max_bytes(&self) -> usize {
        let chosen = self.document.chosen();
        let fields = chosen.map_or(0, |chosen| cost::max_fields(&self.document.parsed, chosen, &self.variables));
        // One more field for the errors.
        usize::try_from(fields).unwrap_or(usize::MAX).saturating_add(1).saturating_mul(MAX_FIELD_SIZE)
    }

    /// Returns an error for each invalid value in the arguments and variables.
    pub(super) fn invalid_values(&self, prefix: &Prefix) -> Vec<ServerError> {
        let Some(chosen) = self.document.chosen() else { return Vec::new() };
        invalid_values(&self.document.parsed, chosen, &self.variables, prefix)
    }

    /// Returns the document, and the request for the library to execute.
    pub(super) fn into_query(self) -> (Document, async_graphql::Request) {
        let mut query = async_graphql::Request::new(self.query).variables(self.variables);
        if let Some(name) = &self.document.operation {
            query = query.operation_name(name);
        }
        query.set_parsed_query(self.document.parsed.clone());
        (self.document, query)
    }
}

const REPEATED_KEY: &str = "A key is repeated in an object of the JSON; send each key once.";

struct Parameters {
    query: String,
    variables: Map<String, Value>,
    operation: Option<String>,
}

async fn from_body(headers: &HeaderMap, body: Body, media: Media) -> Result<Parameters, RequestError> {
    let body = read_json_text(headers, body).await?;
    match json::read(&body) {
        Ok(Value::Object(fields)) => from_object(fields, media),
        Ok(_) => {
            Err(RequestError::bad_request("query", "Send one JSON object with the key query; there are no batches."))
        }
        Err(error) if error.is_data() => Err(RequestError::bad_request("query", REPEATED_KEY)),
        Err(_) => Err(RequestError::bad_request("query", "The body is not JSON.")),
    }
}

fn from_object(mut fields: Map<String, Value>, media: Media) -> Result<Parameters, RequestError> {
    let extensions = object(&mut fields, "extensions", "The extensions are an object.")?;
    if extensions.get("persistedQuery").is_some_and(|persisted| !persisted.is_null()) {
        return Err(RequestError::persisted_query(media));
    }
    let query = match fields.remove("query") {
        Some(Value::String(query)) => query,
        Some(_) => return Err(RequestError::bad_request("query", "The query is a string.")),
        None => return Err(RequestError::bad_request("query", "The query is missing.")),
    };
    let operation = match fields.remove("operationName") {
        Some(Value::String(name)) if !name.is_empty() => Some(name),
        Some(Value::String(_) | Value::Null) | None => None,
        Some(_) => return Err(RequestError::bad_request("operationName", "The operationName is a string.")),
    };
    let variables = object(&mut fields, "variables", "The variables are an object.")?;
    Ok(Parameters { query, variables, operation })
}

fn object(
    fields: &mut Map<String, Value>,
    name: &'static str,
    message: &'static str,
) -> Result<Map<String, Value>, RequestError> {
    match fields.remove(name) {
        Some(Value::Object(object)) => Ok(object),
        Some(Value::Null) | None => Ok(Map::new()),
        Some(_) => Err(RequestError::bad_request(name, message)),
    }
}

fn from_uri(uri: &Uri, prefix: &Prefix, media: Media) -> Result<Parameters, RequestError> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        reject_token_in_uri(prefix, &value)?;
        let value = match name.as_ref() {
            "variables" => {
                let variables = parameter("variables", "The variables are an object in JSON.", &value)?;
                // JSON can escape any character, so the decoded text is checked as well.
                reject_token_in_uri(prefix, &variables.to_string())?;
                variables
            }
            "extensions" => parameter("extensions", "The extensions are an object in JSON.", &value)?,
            _ => Value::String(value.into_owned()),
        };
        if fields.insert(name.into_owned(), value).is_some() {
            return Err(RequestError::bad_request("query", "A parameter is repeated; send each parameter once."));
        }
    }
    from_object(fields, media)
}

fn reject_token_in_uri(prefix: &Prefix, text: &str) -> Result<(), RequestError> {
    if contains_token(prefix, text) {
        let message = "A URL must not contain a token value, because URLs are logged; send the request by POST.";
        return Err(RequestError::bad_request("query", message));
    }
    Ok(())
}

fn parameter(field: &'static str, message: &str, text: &str) -> Result<Value, RequestError> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    json::read(text.as_bytes())
        .map_err(|error| RequestError::bad_request(field, if error.is_data() { REPEATED_KEY } else { message }))
}
