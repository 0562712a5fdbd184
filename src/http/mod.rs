//! The doors: which path leads where, which limits hold for all of them, and what every answer carries.

mod access_token;
mod caller;
mod front;
mod graphiql;
mod graphql;
mod health;
mod identity;
mod introspect;
mod oauth;
mod problem;
mod revoke;
mod schema;
mod server;
mod throttle;
mod verify;

pub use identity::{Said, sign};
pub use server::serve;

use crate::{
    app::App,
    config::Config,
    domain::error::{Error, Result},
    graphql::{Schema, price::Pricer},
};
use axum::{Router, http::HeaderValue, middleware, routing::any};
use identity::Issuer;
use ipnet::IpNet;
use std::sync::Arc;
use throttle::Throttle;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// What all doors share.
struct Doors {
    app: App,
    schema: Schema,
    pricer: Pricer,
    throttle: Throttle,
    issuer: Option<Issuer>,
    trusted: Vec<IpNet>,
    public_url: String,
}

type Shared = Arc<Doors>;

/// Every path of the service.
pub fn router(app: &App, config: &Config) -> Result<Router> {
    let doors = Arc::new(Doors {
        app: app.clone(),
        schema: crate::graphql::schema(),
        pricer: Pricer::new(),
        throttle: Throttle::default(),
        issuer: config.jwt.as_ref().map(Issuer::new).transpose()?,
        trusted: config.trusted_proxies.clone(),
        public_url: config.public_url.clone(),
    });
    let mut router = Router::new();
    for (path, route) in [
        ("/graphql", any(graphql::handle)),
        ("/graphiql", any(graphiql::page)),
        ("/v2/access-token", any(access_token::handle)),
        ("/oauth/introspect", any(introspect::handle)),
        ("/oauth/revoke", any(revoke::handle)),
        ("/.well-known/oauth-authorization-server", any(oauth::metadata)),
        ("/schema.graphql", any(schema::handle)),
        ("/healthz", any(health::live)),
        ("/readyz", any(health::ready)),
    ] {
        router = router.route(path, route.clone()).route(&format!("{path}/"), route);
    }
    // Some gateways append the path of the request that they ask about.
    router = router
        .route("/verify", any(verify::handle))
        .route("/verify/", any(verify::handle))
        .route("/verify/{*below}", any(verify::handle))
        .route("/assets/{*name}", any(graphiql::asset))
        .fallback(problem::no_such_path);
    if let Some(cors) = cors(&config.cors_origins)? {
        router = router.layer(cors);
    }
    Ok(router.layer(middleware::from_fn_with_state(Arc::clone(&doors), front::pass)).with_state(doors))
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
        .expose_headers([problem::REQUEST_ID]);
    Ok(Some(layer))
}
