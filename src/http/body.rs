//! Reads the bodies of requests: whole, of a bounded size, and of a known content type.

use super::{error_response::ErrorResponse, json, unfinished::BodyError};
use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

/// The maximum size of the body of a request, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Reads a whole body.
pub(super) async fn read_body(mut body: Body) -> Result<Bytes, ErrorResponse> {
    let too_large = || ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large; send at most 64 KiB.");
    // A body that is declared too large is not read at all.
    if usize::try_from(body.size_hint().lower()).map_or(true, |size| size > MAX_BODY) {
        return Err(too_large());
    }
    // Copied, since a small chunk shares its memory with a large buffer.
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(unreadable)?.into_data().unwrap_or_default();
        if read.len() + data.len() > MAX_BODY {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}

fn unreadable(error: axum::Error) -> ErrorResponse {
    match error.into_inner().downcast_ref() {
        Some(BodyError::NoRoom) => ErrorResponse::too_many_unfinished_requests(),
        Some(BodyError::Abandoned) => ErrorResponse::body_timeout(),
        None => {
            let message = "The body is incomplete or its transfer coding is malformed; send it again, in valid HTTP.";
            ErrorResponse::new(StatusCode::BAD_REQUEST, message)
        }
    }
}

/// Reads the text of a body that is declared to be JSON.
pub(super) async fn read_json_text(headers: &HeaderMap, body: Body) -> Result<Bytes, ErrorResponse> {
    if !content_type(headers).is_some_and(is_json) {
        let message = "Send the request as application/json in UTF-8.";
        return Err(ErrorResponse::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    read_body(body).await
}

/// Reads a JSON object with known fields.
pub(super) async fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, ErrorResponse> {
    let text = read_json_text(headers, body).await?;
    // The error of the library may repeat a password.
    serde_json::from_slice(json::without_byte_order_mark(&text)).map_err(|_| {
        let message = "Send one JSON object with the texts that are asked for.";
        ErrorResponse::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    })
}

/// Returns whether the body is declared to be a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = content_type(headers).and_then(|kind| kind.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// Returns whether a content type is JSON in UTF-8.
fn is_json(kind: &str) -> bool {
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|part| {
        let charset = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_accepted() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/json;charset=utf-16",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
