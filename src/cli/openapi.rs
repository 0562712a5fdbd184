//! `openapi`: the OpenAPI document, as clients generate code from it.

pub(super) fn text() -> String {
    crate::http::OPENAPI.to_owned()
}
