//! The endpoints: status, headers and body, byte for byte.

mod access_token;
mod early;
mod graphql;
mod introspect;
mod limits;
mod openapi;
mod revoke;
mod tokens_csv;
mod verify;

use crate::world::{
    World,
    client::{Client, CreatedToken, Reply},
    cluster::Cluster,
    database::Kind,
};
use reqwest::Method;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokenward::testing::{actions::DisableUser, domain::time::Time};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The headers of every response.
const COMMON_HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-opener-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

const JSON: &str = "application/json; charset=utf-8";
const NO_CREDENTIAL: &str = "Bearer realm=\"tokenward\"";
const INVALID_TOKEN: &str = "Bearer realm=\"tokenward\", error=\"invalid_token\"";
const AUTHENTICATE: &str = r#"{"message":"Authentication required. Please supply a valid API access token."}"#;
const UNAVAILABLE: &str = r#"{"message":"Try again later"}"#;

/// Returns a response as text: status, headers in order, body. Asserts and omits the headers of every response.
#[track_caller]
fn render(reply: &Reply) -> String {
    for (name, value) in COMMON_HEADERS {
        assert_eq!(reply.header(name), value, "{name} of {reply:?}");
    }
    assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
    let own: BTreeMap<_, _> = reply.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(own.len(), reply.headers.len(), "a repeated header: {reply:?}");
    let mut lines = vec![reply.status.as_u16().to_string()];
    for (name, value) in own {
        let common = COMMON_HEADERS.iter().any(|(always, _)| *always == name);
        if !common && !["x-request-id", "date", "content-length"].contains(&name) {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
    }
    lines.join("\n") + "\n\n" + &reply.text
}

/// Returns a JSON response with additional headers, in the form of [`render`].
fn json_response(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let mut all: BTreeMap<_, _> = headers.iter().copied().collect();
    all.insert("content-type", JSON);
    let lines: Vec<_> = all.iter().map(|(name, value)| format!("\n{name}: {value}")).collect();
    format!("{status}{}\n\n{body}", lines.concat())
}

/// Sends bytes that no HTTP client would send, and reads until the service closes the connection.
async fn raw(world: &World, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(world.config.listen).await.unwrap();
    // The service may respond and close the connection before it has read everything.
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    let _ = tokio::time::timeout(Duration::from_secs(15), read).await.expect("the service closes");
    parse(&String::from_utf8_lossy(&response))
}

/// Sends a request without a body.
async fn send_raw(world: &World, method: &str, target: &str, headers: &[&str]) -> Reply {
    let headers: Vec<_> = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let headers = headers.concat();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: tokenward\r\nConnection: close\r\n{headers}\r\n");
    raw(world, head.as_bytes()).await
}

fn parse(response: &str) -> Reply {
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((response, ""));
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_else(|| panic!("no response: {response:?}"));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
    });
    let mut headers: reqwest::header::HeaderMap = headers.collect();
    headers.remove("connection");
    Reply { status: status.parse().unwrap(), headers, text: body.to_owned() }
}

/// Returns token values that are rejected, each with its state; all but the first are well-formed.
async fn rejected_tokens(world: &World) -> Vec<(&'static str, String)> {
    let (bob, carol) = (world.member("bob", &["acme"]).await, world.member("carol", &["acme"]).await);
    let revoked = bob.create_token("revoked", &["acme"], &["read_builds", "graphql"]).await;
    assert_eq!(bob.revoke_token(&revoked.id).await.code(), "OK");
    let soon = world.now().plus(Duration::from_mins(5)).to_text();
    let expired = bob.create_expiring_token("expired", &["acme"], &["read_builds", "graphql"], Some(soon)).await;
    let disabled = carol.create_token("of a disabled user", &["acme"], &["read_builds", "graphql"]).await;
    world.operator(DisableUser { username: "carol".into() }).await.unwrap();
    world.advance(Duration::from_mins(6));
    vec![
        ("malformed", "twd_nonsense".into()),
        ("revoked", revoked.value),
        ("expired", expired.value),
        ("owner disabled", disabled.value),
        ("unknown", unknown()),
    ]
}

/// Returns a well-formed value of no token.
fn unknown() -> String {
    tokenward::testing::domain::secret::Secret::generate(&tokenward::testing::domain::secret::Prefix::default())
        .unwrap()
        .reveal_once()
}

/// Returns Bob, a member of acme, and a token of his with these scopes.
async fn bob<'world>(world: &'world World, scopes: &[&str]) -> (Client<'world>, CreatedToken) {
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], scopes).await;
    (bob, token)
}

/// Returns the last request of a token and the time of its last use, as its owner sees them.
async fn seen_by_owner(owner: &Client<'_>, token: &CreatedToken) -> (Value, Option<Time>) {
    owner.world.flush().await;
    let query = "query($id: ID!) { token(id: $id) { lastUsedAt lastRequest \
                 { ipAddress userAgent method path scope allowed } } }";
    let data = owner.query(query, serde_json::json!({ "id": token.id })).await;
    let used = data["token"]["lastUsedAt"].as_str().map(|at| Time::parse(at).unwrap());
    (data["token"]["lastRequest"].clone(), used)
}

/// Returns the same for one organization, as its administrators see them.
async fn seen_by_admin(world: &World, slug: &str, token: &CreatedToken) -> (Value, Option<Time>) {
    world.flush().await;
    let admin = world.user(&format!("root-{slug}")).await;
    let query = "query($slug: String!, $id: ID!) { organization(slug: $slug) { tokenGrant(tokenId: $id) \
                 { lastUsedAt lastRequest { ipAddress userAgent method path scope allowed } } } }";
    let data = admin.query(query, serde_json::json!({ "slug": slug, "id": token.id })).await;
    let grant = &data["organization"]["tokenGrant"];
    (grant["lastRequest"].clone(), grant["lastUsedAt"].as_str().map(|at| Time::parse(at).unwrap()))
}

/// Makes the database of a running service unavailable.
async fn disconnect_database(world: &World) {
    if world.database.kind() == Kind::Postgres {
        // The server rejects new connections and closes existing ones.
        let name = database_name(world);
        let cluster = Cluster::shared().map_err(|_| "no server").unwrap();
        cluster.administer(&format!("alter database {name} with allow_connections false")).unwrap();
        let terminate =
            format!("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{name}'");
        cluster.administer(&terminate).unwrap();
    } else {
        // An open file cannot be removed, but the connections of the service can be closed.
        world.app.store().clone().close().await;
    }
}

/// Returns the name of the PostgreSQL database.
fn database_name(world: &World) -> &str {
    world.database.url().split('?').next().unwrap().rsplit('/').next().unwrap()
}

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}
