//! The state: which path leads where, which limits hold for all of them, and what every answer carries.

mod access_token;
mod body;
mod budget;
mod caller;
mod client_networks;
mod cookie;
mod error_response;
mod front;
mod graphql;
mod gzip;
mod health;
mod identity;
mod introspect;
mod invitation;
mod json;
mod metrics;
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
    middleware,
    routing::{MethodRouter, any},
};
use budget::Budget;
use identity::JwtVerifier;
use ipnet::IpNet;
use session::Sessions;
use std::{sync::Arc, time::Duration};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// What all state share.
struct HttpState {
    app: App,
    schema: Schema,
    /// Of addresses that send many well-shaped values which no token has. Gateways and APIs ask for many clients from one
    /// address: their state know no such limit.
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
    // A preflight is answered 200 before any door: a gateway that sends the method of its client would take that for a yes.
    let (of_gateways, others) = routes().into_iter().partition(|(path, _)| path.starts_with("/verify"));
    // So it is for paths that have no route, such as `//verify`: a preflight of one is 404.
    let mut router = with_routes(Router::new(), others);
    if let Some(cors) = cors(&config.cors_origins)? {
        router = router.route_layer(cors);
    }
    router = with_routes(router, of_gateways).fallback(pages::other);
    Ok(router.layer(middleware::from_fn_with_state(Arc::clone(&state), front::handle)).with_state(state))
}

/// A slash behind a path is accepted.
fn with_routes(router: Router<Shared>, routes: Vec<(&str, MethodRouter<Shared>)>) -> Router<Shared> {
    routes.into_iter().fold(router, |router, (path, route)| {
        let slashed = path != "/" && !path.contains("{*");
        let router = if slashed { router.route(&format!("{path}/"), route.clone()) } else { router };
        router.route(path, route)
    })
}

/// The paths and their state.
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
        // Some gateways append the path of the request that they ask about.
        ("/verify/{*below}", any(verify::handle)),
        // They may name what the request needs before it.
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

/// Other origins' pages may read answers only where the operator says so, and never with a browser's credentials.
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
