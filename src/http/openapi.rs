//! `/openapi.json`: the description of the REST endpoints, for tools that generate clients.

use super::schema::constant;
use axum::response::Response;

/// The OpenAPI document. It is written by hand; tests compare it with the responses of the endpoints.
pub const DOCUMENT: &str = include_str!("../../openapi.json");

/// Returns the OpenAPI document.
pub(super) async fn handle() -> Response {
    constant("application/json; charset=utf-8", DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{pages, routes};

    /// Routes without a REST description: GraphQL has a schema, pages are for browsers, and `/verify-for` without segments
    /// is an error.
    const UNDOCUMENTED: [&str; 4] = ["/graphql", "/graphiql", "/assets/{name}", "/verify-for"];

    fn document() -> serde_json::Value {
        serde_json::from_str(DOCUMENT).expect("JSON")
    }

    #[test]
    fn document_has_exactly_the_paths_of_the_router() {
        let mut expected: Vec<_> = routes().iter().map(|route| route.path.replace("{*", "{")).collect();
        // The `verify` module, not the router, splits these segments.
        let split = |path: String| path.replace("/verify-for/{below}", "/verify-for/{organization}/{scopes}/{below}");
        expected = expected.into_iter().map(split).collect();
        expected.retain(|path| !UNDOCUMENTED.contains(&path.as_str()) && !pages::CONSOLE.contains(&path.as_str()));
        expected.sort();
        let document = document();
        let mut documented: Vec<_> = document["paths"].as_object().expect("paths").keys().cloned().collect();
        documented.sort();
        assert_eq!(documented, expected, "the paths of openapi.json differ from those of the router");
    }

    #[test]
    fn document_has_the_version_of_the_service() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
