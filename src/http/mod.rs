//! The HTTP interface: routes, shared state, and CORS.

mod access_token;
mod authenticate;
mod body;
mod budget;
mod client_networks;
mod cookie;
mod error_response;
mod graphql;
mod gzip;
mod health;
mod identity;
mod introspect;
mod invitation;
mod json;
mod metrics;
mod middleware;
mod oauth;
mod openapi;
mod pages;
mod revoke;
mod schema;
mod server;
mod session;
mod slow_clients;
mod tokens_csv;
mod unfinished;
mod unread;
mod unsent;
mod verify;

pub use identity::{UserClaims, sign};
pub use metrics::metrics;
pub use openapi::DOCUMENT as OPENAPI;
pub use server::{Service, serve};

use crate::{
    app::{App, Throttle},
    config::Config,
    domain::error::{Error, Result},
    graphql::Schema,
};
use axum::{
    Router,
    http::HeaderValue,
    middleware::from_fn_with_state,
    routing::{MethodRouter, any},
};
use budget::Budget;
use identity::JwtVerifier;
use ipnet::IpNet;
use session::Sessions;
use std::{sync::Arc, time::Duration};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The state that all handlers share.
struct HttpState {
    app: App,
    schema: Schema,
    /// Limits networks that send many unknown tokens. It does not apply to `/verify` and `/oauth`, because gateways and resource
    /// servers send the tokens of many clients from one address.
    throttle: Throttle<IpNet>,
    sessions: Sessions,
    jwt_verifier: Option<JwtVerifier>,
    trusted: Vec<IpNet>,
    public_url: String,
    unsent: Arc<Budget>,
}

type Shared = Arc<HttpState>;

/// Returns the service with all its routes.
pub fn service(app: &App, config: &Config) -> Result<Service> {
    Ok(Service { router: router(app, config)?, trusted: config.trusted_proxies.clone() })
}

/// Returns the routes of the service, without a listener.
pub fn router(app: &App, config: &Config) -> Result<Router> {
    let state = Arc::new(HttpState {
        app: app.clone(),
        schema: crate::graphql::schema(),
        throttle: Throttle::new(Duration::from_mins(1), "Too many unknown access tokens from this address."),
        sessions: Sessions::new(&config.public_url),
        jwt_verifier: config.jwt.as_ref().map(|jwt| JwtVerifier::new(app, jwt)).transpose()?,
        trusted: config.trusted_proxies.clone(),
        public_url: config.public_url.clone(),
        unsent: Budget::new(unsent::MAX_PER_PROCESS),
    });
    // The CORS layer answers a preflight with 200. `/verify` is outside of it: a gateway that forwards the method `OPTIONS` of
    // its client would take that response for an allow.
    let (verify_routes, other_routes) = routes().into_iter().partition(|(path, _)| path.starts_with("/verify"));
    // Paths without a route, such as `//verify`, are outside as well: a preflight of one is 404.
    let mut router = with_routes(Router::new(), other_routes);
    if let Some(cors) = cors(&config.cors_origins)? {
        router = router.route_layer(cors);
    }
    router = with_routes(router, verify_routes).fallback(pages::other);
    Ok(router.layer(from_fn_with_state(Arc::clone(&state), middleware::handle)).with_state(state))
}

/// Adds the routes, each also with a trailing slash.
fn with_routes(router: Router<Shared>, routes: Vec<(&str, MethodRouter<Shared>)>) -> Router<Shared> {
    routes.into_iter().fold(router, |router, (path, route)| {
        let has_slash_variant = path != "/" && !path.contains("{*");
        let router = if has_slash_variant { router.route(&format!("{path}/"), route.clone()) } else { router };
        router.route(path, route)
    })
}

/// Returns the routes and their handlers.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let mut routes = vec![
        ("/graphql", any(graphql::handle)),
        ("/graphiql", any(pages::graphiql)),
        ("/assets/{*name}", any(pages::asset)),
        ("/invitations/{code}", any(invitation::handle)),
        ("/session", any(session::handle)),
        ("/session/confirm", any(session::confirm)),
        ("/organizations/{slug}/tokens.csv", any(tokens_csv::handle)),
        ("/v2/access-token", any(access_token::handle)),
        ("/verify", any(verify::handle)),
        // Some gateways append the path of the original request.
        ("/verify/{*below}", any(verify::handle)),
        // The path may begin with the organization and the scopes that the request requires.
        ("/verify-for", any(verify::handle)),
        ("/verify-for/{*below}", any(verify::handle)),
        ("/oauth/introspect", any(introspect::handle)),
        ("/oauth/revoke", any(revoke::handle)),
        ("/.well-known/oauth-authorization-server", any(oauth::metadata)),
        ("/openapi.json", any(openapi::handle)),
        ("/schema.graphql", any(schema::handle)),
        ("/healthz", any(health::live)),
        ("/readyz", any(health::ready)),
    ];
    routes.extend(pages::CONSOLE.map(|path| (path, any(pages::console))));
    routes
}

/// Returns the CORS layer for the configured origins, `None` if there are none. Requests with credentials are never allowed.
fn cors(origins: &[String]) -> Result<Option<CorsLayer>> {
    if origins.is_empty() {
        return Ok(None);
    }
    let origins: Vec<_> = origins
        .iter()
        .map(|origin| HeaderValue::from_str(origin))
        .collect::<Result<_, _>>()
        .map_err(|_| Error::invalid("cors.origins", "An origin is like https://app.example.com."))?;
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([axum::http::Method::GET, axum::http::Method::POST, axum::http::Method::DELETE])
        .allow_headers([axum::http::header::AUTHORIZATION, axum::http::header::CONTENT_TYPE])
        .expose_headers([error_response::REQUEST_ID]);
    Ok(Some(layer))
}
