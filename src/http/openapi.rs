//! `/openapi.json`: the REST paths, for tools that generate clients.

use super::schema::constant;
use axum::{http::Method, response::Response};

/// The document, as it is committed. A person writes it, and the tests hold it to what the state answer.
pub const DOCUMENT: &str = include_str!("../../openapi.json");

/// Tells the document.
pub(super) async fn handle(method: Method) -> Response {
    constant(&method, "application/json; charset=utf-8", DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{pages, routes};

    /// GraphQL describes itself, and pages are for people. The last answers a malformed form.
    const NO_REST: [&str; 4] = ["/graphql", "/graphiql", "/assets/{name}", "/verify-for"];

    fn document() -> serde_json::Value {
        serde_json::from_str(DOCUMENT).expect("JSON")
    }

    #[test]
    fn every_path_is_in_the_document_and_no_other() {
        let mut there: Vec<_> = routes().iter().map(|(path, _)| path.replace("{*", "{")).collect();
        // Its segments are split by `verify` and not by the router.
        let split = |path: String| path.replace("/verify-for/{below}", "/verify-for/{organization}/{scopes}/{below}");
        there = there.into_iter().map(split).collect();
        there.retain(|path| !NO_REST.contains(&path.as_str()) && !pages::CONSOLE.contains(&path.as_str()));
        there.sort();
        let document = document();
        let mut told: Vec<_> = document["paths"].as_object().expect("paths").keys().cloned().collect();
        told.sort();
        assert_eq!(told, there, "openapi.json tells of other paths than the service has");
    }

    #[test]
    fn the_document_has_the_version_of_the_service() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
