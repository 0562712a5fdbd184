//! One route: its path, its handlers, the format of its errors, and the layers that it needs.

use super::{
    Shared,
    error_response::{ErrorFormat, ErrorResponse},
    middleware::{guarded, with_errors, with_size_limits},
};
use axum::{
    Router,
    routing::{MethodRouter, any},
};
use std::time::Duration;
use tower_http::cors::CorsLayer;

/// The maximum duration of a request, including its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A route with the layers around its handlers.
pub(super) struct Route {
    pub(super) path: &'static str,
    handlers: MethodRouter<Shared>,
    with_errors: fn(MethodRouter<Shared>, &Shared) -> MethodRouter<Shared>,
    has_cors: bool,
    has_size_limits: bool,
}

impl Route {
    /// Returns the route of a path. All errors of its requests have the format `F`, wherever they arise.
    pub(super) fn new<F: ErrorFormat>(path: &'static str, handlers: MethodRouter<Shared>) -> Self {
        Self { path, handlers, with_errors: with_errors::<F>, has_cors: true, has_size_limits: true }
    }

    /// Responds 405 to all methods for which the route has no handler. `allow` names those for which it has one.
    pub(super) fn only(self, allow: &'static str) -> Self {
        // Merged into `any`: only there `axum` adds no header `Allow`, which would also be in errors of the layers.
        let handlers = any(async move || ErrorResponse::method_not_allowed(allow)).merge(self.handlers);
        Self { handlers, ..self }
    }

    /// Leaves out CORS, for a route that no page of another origin calls.
    pub(super) fn without_cors(self) -> Self {
        Self { has_cors: false, ..self }
    }

    /// Leaves out the limits of the size of a request; those of the listener apply.
    pub(super) fn without_size_limits(self) -> Self {
        Self { has_size_limits: false, ..self }
    }

    /// Adds the route to a router, also with a trailing slash.
    pub(super) fn add_to(self, router: Router<Shared>, cors: Option<&CorsLayer>, state: &Shared) -> Router<Shared> {
        let path = self.path;
        let handlers = self.layered(cors, state);
        let has_slash_variant = path != "/" && !path.contains("{*");
        let router = if has_slash_variant { router.route(&format!("{path}/"), handlers.clone()) } else { router };
        router.route(path, handlers)
    }

    /// Returns the handlers within the layers of the route.
    pub(super) fn layered(self, cors: Option<&CorsLayer>, state: &Shared) -> MethodRouter<Shared> {
        let mut handlers = self.handlers;
        if let Some(cors) = cors.filter(|_| self.has_cors) {
            handlers = handlers.layer(cors.clone());
        }
        handlers = guarded(handlers, REQUEST_TIMEOUT);
        if self.has_size_limits {
            handlers = with_size_limits(handlers);
        }
        (self.with_errors)(handlers, state)
    }
}
