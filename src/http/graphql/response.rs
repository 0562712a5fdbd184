//! The format of GraphQL responses: media types, the `cost` extension and the request ID of internal errors.

use crate::graphql::cost;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use serde_json::json;
use tower_http::request_id::RequestId;

/// The media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`
    GraphQl,
    /// `application/json`
    Json,
}

impl Media {
    /// Returns the media type with the highest quality in `Accept`; `None` if the client accepts neither.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        if accept.is_empty() {
            return Some(Self::Json);
        }
        let mut best: Option<(Self, f32)> = None;
        for range in accept.iter().flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphQl,
                "application/json" | "*/*" | "application/*" => Self::Json,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }

    pub(super) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The status of a document that cannot be executed.
    pub(super) const fn document_status(self) -> StatusCode {
        match self {
            Self::GraphQl => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }
}

/// The media type of a response, and the request ID that an internal error includes.
pub(super) struct ResponseFormat {
    pub(super) media: Media,
    pub(super) id: HeaderValue,
}

impl ResponseFormat {
    /// Returns the format that a request accepts.
    pub(super) fn of(request: &Parts) -> Self {
        let id = request.extensions.get::<RequestId>();
        let id = id.map_or(HeaderValue::from_static("-"), |id| id.header_value().clone());
        Self { media: Media::accepted(&request.headers).unwrap_or(Media::Json), id }
    }
}

/// The extension of an internal error with the request ID, its only detail.
pub(super) const REQUEST_ID_KEY: &str = "requestId";

pub(super) fn id_json(id: &HeaderValue) -> serde_json::Value {
    id.to_str().unwrap_or_default().into()
}

/// Returns the `cost` extension of a response.
pub(super) fn cost_json(requested: u64) -> serde_json::Value {
    json!({ "cost": { "requested": requested, "limit": cost::MAX_COST } })
}

pub(super) fn render(media: Media, status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media.content_type());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Media> {
        Media::accepted(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a value"))]))
    }

    #[test]
    fn accept_header_chooses_the_media_type() {
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
        assert_eq!(accepted("application/graphql-response+json"), Some(Media::GraphQl));
        assert_eq!(accepted("application/graphql-response+json, application/json;q=0.9"), Some(Media::GraphQl));
        assert_eq!(accepted("application/graphql-response+json;q=0.1, application/json"), Some(Media::Json));
        assert_eq!(accepted("*/*"), Some(Media::Json));
        assert_eq!(accepted("text/html"), None);
    }
}
