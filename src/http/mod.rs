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
mod request_log;
mod revoke;
mod route;
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
    routing::{MethodRouter, any, get, post},
};
use budget::Budget;
use error_response::JsonErrors;
use graphql::GraphQlErrors;
use identity::JwtVerifier;
use ipnet::IpNet;
use oauth::OAuthErrors;
use route::Route;
use server::Limits;
use session::Sessions;
use std::{sync::Arc, time::Duration};
use tower_http::cors::{AllowOrigin, CorsLayer};
use verify::VerifyErrors;

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
    Ok(Service { router: router(app, config)?, trusted: config.trusted_proxies.clone(), limits: Limits::of_process() })
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
    let cors = cors(&config.cors_origins)?;
    let router = routes().into_iter().fold(Router::new(), |router, route| route.add_to(router, cors.as_ref(), &state));
    // Without CORS: a preflight of a path without a route, such as `//verify`, is 404.
    let other = Route::new::<JsonErrors>("", any(pages::other)).without_cors().layered(None, &state);
    let router = router.fallback_service(other.with_state(Arc::clone(&state)));
    Ok(middleware::outer(router, &state).with_state(state))
}

/// Returns the routes, each with the format of its errors.
fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new::<GraphQlErrors>("/graphql", get(graphql::handle).post(graphql::handle)).only("GET, HEAD, POST"),
        page("/graphiql", get(pages::graphiql)),
        // With any method: an unknown name is 404 before the method is 405.
        Route::new::<JsonErrors>("/assets/{*name}", any(pages::asset)),
        Route::new::<JsonErrors>("/invitations/{code}", get(pages::console).post(invitation::accept))
            .only("GET, HEAD, POST"),
        Route::new::<JsonErrors>("/session", post(session::sign_in).delete(session::sign_out)).only("POST, DELETE"),
        Route::new::<JsonErrors>("/session/confirm", post(session::confirm_password)).only("POST"),
        Route::new::<JsonErrors>("/organizations/{slug}/tokens.csv", post(tokens_csv::handle)).only("POST"),
        Route::new::<JsonErrors>("/v2/access-token", get(access_token::handle).delete(access_token::handle))
            .only("GET, HEAD, DELETE"),
        verify_route("/verify"),
        // Some gateways append the path of the original request.
        verify_route("/verify/{*below}"),
        // The path may begin with the organization and the scopes that the request requires.
        verify_route("/verify-for"),
        verify_route("/verify-for/{*below}"),
        // A resource server is not a page in a browser.
        Route::new::<OAuthErrors>("/oauth/introspect", post(introspect::handle)).only("POST").without_cors(),
        Route::new::<OAuthErrors>("/oauth/revoke", post(revoke::handle)).only("POST"),
        page("/.well-known/oauth-authorization-server", get(oauth::metadata)),
        page("/openapi.json", get(openapi::handle)),
        page("/schema.graphql", get(schema::handle)),
        page("/healthz", get(health::live)),
        page("/readyz", get(health::ready)),
    ];
    routes.extend(pages::CONSOLE.map(|path| page(path, get(pages::console))));
    routes
}

/// A route for GET only.
fn page(path: &'static str, handlers: MethodRouter<Shared>) -> Route {
    Route::new::<JsonErrors>(path, handlers).only("GET, HEAD")
}

/// A check by a gateway, with any method. It is outside of CORS, because the layer answers a preflight with 200: a gateway that
/// forwards the method `OPTIONS` of its client would take that response for an allow. It is outside of the size limits, because
/// the gateway forwards the headers of its client, which it has accepted, and does not understand 414 or 431.
fn verify_route(path: &'static str) -> Route {
    Route::new::<VerifyErrors>(path, any(verify::handle)).without_cors().without_size_limits()
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
