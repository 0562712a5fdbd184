//! Reads the bodies of requests: whole, of a bounded size, and of a known content type.

use super::{error_response::ErrorResponse, json, unfinished::BodyError};
use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Map;

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

/// A value that is read from a JSON object: a derived `Deserialize` alone would also accept an array of the fields.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        serde_json::from_value(fields.into()).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a JSON object with known fields.
pub(super) async fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, ErrorResponse> {
    let text = read_json_text(headers, body).await?;
    // The error of the library may repeat a password.
    let read = json::read(&text).and_then(Object::deserialize).map(|Object(fields)| fields);
    read.map_err(|_| {
        let message = "Send one JSON object with the fields of this endpoint, each once.";
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
    use axum::http::HeaderValue;

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

    #[derive(Deserialize)]
    struct Inner {
        name: String,
    }

    #[derive(Deserialize)]
    struct Outer {
        password: String,
        organization: Option<Object<Inner>>,
    }

    #[tokio::test]
    async fn only_objects_without_repeated_keys_are_read() {
        let read = async |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
            let outer: Outer = read_json(&headers, Body::from(text)).await?;
            Ok::<_, ErrorResponse>((outer.password, outer.organization.map(|Object(inner)| inner.name)))
        };
        for (text, organization) in [
            (r#"{"password":"a"}"#, None),
            (r#"{"password":"a","organization":null,"other":[1]}"#, None),
            (r#"{"password":"a","organization":{"name":"b"}}"#, Some("b".to_owned())),
        ] {
            assert_eq!(read(text).await.expect(text), ("a".to_owned(), organization), "{text}");
        }
        for text in [
            r#"["a",null]"#,
            r#"{"password":"a","organization":["b"]}"#,
            r#"{"password":"a","password":"b"}"#,
            r#"{"password":"a","x":1,"x":1}"#,
            r#"{"password":"a","organization":{"name":"b","x":1,"x":1}}"#,
            r#"{"password":["a"]}"#,
            r#""a""#,
        ] {
            assert_eq!(read(text).await.expect_err(text).status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        }
    }
}
