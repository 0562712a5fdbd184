//! `openapi`: the OpenAPI document, from which clients can generate code.

pub(super) fn text() -> String {
    crate::http::OPENAPI.to_owned()
}
