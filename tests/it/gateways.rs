//! Checks that real gateways reject unauthorized requests, each with the configuration from the documentation, in which only
//! addresses and ports are replaced.

use crate::world::{
    World,
    client::{Client, CreatedToken},
    database::{Database, Kind},
    port,
    programs::{found, from_pypi, skip},
    proxy::{Network, Proxy},
    temp_files,
};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::IntoResponse as _,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// Longer than any gateway waits for a response (Traefik: 30 seconds).
const LIMIT: Duration = Duration::from_mins(2);
/// The headers by which a gateway forwards the identity of a token.
const IDENTITY: [&str; 6] =
    ["x-token-id", "x-token-user", "x-token-user-id", "x-token-scopes", "x-token-organization", "x-token-expires-at"];

/// A gateway of the documentation.
struct Gateway {
    name: &'static str,
    /// Its configuration files; the first one is passed to the program.
    files: &'static [(&'static str, &'static str)],
    /// The text of its configuration that contains the address to listen on, with port 80.
    listen: &'static str,
    /// Its arguments, without the path of the file.
    arguments: &'static [&'static str],
}

const NGINX: Gateway = Gateway {
    name: "nginx",
    files: &[("nginx.conf", include_str!("../../docs/gateways/nginx.conf"))],
    listen: "listen 80;",
    arguments: &["-e", "stderr", "-g", "daemon off; master_process off;", "-p", ".", "-c"],
};

const HAPROXY: Gateway = Gateway {
    name: "haproxy",
    files: &[
        ("haproxy.cfg", include_str!("../../docs/gateways/haproxy.cfg")),
        ("haproxy.lua", include_str!("../../docs/gateways/haproxy.lua")),
    ],
    listen: "bind :80",
    arguments: &["-db", "-f"],
};

const CADDY: Gateway = Gateway {
    name: "caddy",
    files: &[("Caddyfile", include_str!("../../docs/gateways/Caddyfile"))],
    listen: "http://:80 ",
    arguments: &["run", "--adapter", "caddyfile", "--config"],
};

const TRAEFIK: Gateway = Gateway {
    name: "traefik",
    files: &[
        ("traefik.yml", include_str!("../../docs/gateways/traefik.yml")),
        ("traefik-routes.yml", include_str!("../../docs/gateways/traefik-routes.yml")),
    ],
    listen: "address: \":80\"",
    arguments: &["--configFile"],
};

const ENVOY: Gateway = Gateway {
    name: "envoy",
    files: &[("envoy.yaml", include_str!("../../docs/gateways/envoy.yaml"))],
    listen: "address: 0.0.0.0, port_value: 80 ",
    arguments: &["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "-c"],
};

impl Gateway {
    /// Returns the path of the program. If it is neither installed nor installable, prints why and returns `None`, or fails if
    /// `TEST_REQUIRE_GATEWAYS` is 1.
    fn program(&self, test: &str) -> Option<PathBuf> {
        let found = if [NGINX.name, HAPROXY.name].contains(&self.name) {
            found(&[self.name])
        } else {
            from_pypi("gateways").map(|folder| folder.join(self.name))
        };
        found.map_err(|why| skip(test, "TEST_REQUIRE_GATEWAYS", &format!("{}: {why}", self.name))).ok()
    }

    /// Writes the configuration with the addresses of this test.
    fn written(&self, folder: &Path, listen: SocketAddr, tokenward: SocketAddr, api: SocketAddr) {
        let port = listen.port();
        // Where the configuration can contain an address, it is a loopback address.
        let here = match self.name {
            "nginx" => format!("listen {listen};"),
            "haproxy" => format!("bind {listen}"),
            "caddy" => format!("http://{listen} "),
            "traefik" => format!("address: \"{listen}\""),
            _ => format!("address: 127.0.0.1, port_value: {port} "),
        };
        let mut replaced = BTreeMap::new();
        for (file, text) in self.files {
            let mut text = (*text).to_owned();
            let mut replace = |shown: &str, here: &str| {
                *replaced.entry(here.to_owned()).or_insert(0) += text.matches(shown).count();
                text = text.replace(shown, here);
            };
            replace(self.listen, &here);
            for (port, address) in [(8080, tokenward), (3000, api)] {
                replace(&format!("127.0.0.1:{port}"), &address.to_string());
                replace(&format!("port_value: {port} "), &format!("port_value: {} ", address.port()));
            }
            std::fs::write(folder.join(file), text).unwrap();
        }
        assert_eq!(replaced[&here], 1, "{} listens on one address", self.name);
        assert!(replaced[&tokenward.to_string()] > 0, "{} calls Tokenward", self.name);
    }
}

/// A running gateway; dropping it stops the process.
struct Running {
    child: Child,
    folder: TempDir,
    listen: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts the gateway and waits until it checks requests.
    async fn start(gateway: &Gateway, program: &Path, tokenward: SocketAddr, api: SocketAddr) -> Self {
        let (folder, listen) = (temp_files::folder(), port::free());
        gateway.written(folder.path(), listen, tokenward, api);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(gateway.arguments).arg(folder.path().join(gateway.files[0].0)).current_dir(folder.path());
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(name, folder.path());
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut running = Self { child: command.spawn().unwrap(), folder, listen };
        let start = Instant::now();
        while running.attempt("GET", "/", &[], "").await.map(|reply| reply.status) != Some(401) {
            let exited = running.child.try_wait().unwrap();
            assert!(exited.is_none() && start.elapsed() < LIMIT, "no {}: {}", gateway.name, running.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends a request, byte for byte, from another address than the gateway's.
    async fn attempt(&self, method: &str, target: &str, headers: &[String], body: &str) -> Option<Response> {
        self.attempt_as("User-Agent: curl/8\r\n", method, target, headers, body).await
    }

    /// Sends a request with this header line for the user agent, or without one.
    async fn attempt_as(
        &self,
        agent: &str,
        method: &str,
        target: &str,
        headers: &[String],
        body: &str,
    ) -> Option<Response> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(self.listen).await.ok()?;
        let lines = headers.iter().map(|line| format!("{line}\r\n")).collect::<Vec<_>>().concat();
        let (listen, length) = (self.listen, body.len());
        let close = if lines.to_lowercase().contains("connection:") { "" } else { "Connection: close\r\n" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {listen}\r\n{agent}Content-Length: {length}\r\n{close}{lines}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        // A tunnel stays open after the response.
        let may_tunnel = lines.to_lowercase().contains("upgrade:");
        let response = async {
            let is_whole = |bytes: &[u8]| may_tunnel && bytes.windows(4).any(|end| end == b"\r\n\r\n");
            // A gateway may reset the connection of a request that it rejects.
            while !is_whole(&bytes) && stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {}
        };
        tokio::time::timeout(LIMIT, response).await.expect("the gateway responds");
        let text = String::from_utf8_lossy(&bytes);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let split =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Some(Response { status, headers: lines.filter_map(split).collect() })
    }
}

/// The response of a gateway.
#[derive(Debug)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Response {
    /// Returns the only header of this name, or an empty text.
    fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "duplicate header {name}: {self:?}");
        value
    }
}

/// An API that records the requests it receives and accepts every protocol upgrade; it does not know tokens.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<Vec<Value>>>);

impl Api {
    #[expect(clippy::disallowed_methods, reason = "the task ends with the test")]
    async fn start(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, api) = (listener.local_addr().unwrap(), self.clone());
        let seen = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let protocol = headers.get(header::UPGRADE).cloned();
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect();
            let request = json!({
                "method": method.as_str(), "uri": uri.to_string(), "body": text(&body), "headers": headers,
            });
            api.0.lock().unwrap().push(request);
            let accepts = |protocol| {
                let connection = (header::CONNECTION, HeaderValue::from_static("upgrade"));
                // The value that the key of this test requires.
                let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
                let accept = (header::SEC_WEBSOCKET_ACCEPT, accept);
                (StatusCode::SWITCHING_PROTOCOLS, [connection, accept, (header::UPGRADE, protocol)]).into_response()
            };
            protocol.map_or_else(|| "the API".into_response(), accepts)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(seen)).await });
        address
    }

    /// Returns all requests since the last call.
    fn seen(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A gateway between clients and the API.
struct Fixture<'world> {
    world: &'world World,
    running: Running,
    api: Api,
    bob: Client<'world>,
    name: &'static str,
}

impl Fixture<'_> {
    /// Sends a request that must pass, and returns what the API received.
    async fn passes(&self, method: &str, target: &str, headers: &[String]) -> Value {
        let response = self.running.attempt(method, target, headers, "a body").await;
        let status = response.map(|response| response.status);
        assert_eq!(status, Some(200), "{}: {method} {target}: {}", self.name, self.running.log());
        let mut seen = self.api.seen();
        assert_eq!(seen.len(), 1, "{}: {method} {target}", self.name);
        seen.remove(0)
    }

    /// Sends a request that must not pass, and returns the response.
    async fn is_rejected(&self, method: &str, target: &str, headers: &[String]) -> Response {
        let response = self.running.attempt(method, target, headers, "a body").await.expect("a response");
        assert!(response.status >= 400, "{}: {method} {target}: {response:?}", self.name);
        assert_eq!(self.api.seen(), [Value::Null; 0], "{}: {method} {target}: the API received the request", self.name);
        response
    }

    /// Returns the most recent request of the token, as the administrator of acme sees it.
    async fn audit(&self, token: &CreatedToken) -> Value {
        let query = "query($id: ID!) { organization(slug: \"acme\") { tokenGrant(tokenId: $id) \
                     { lastRequest { method path ipAddress userAgent scope allowed } } } }";
        let admin = self.world.user("root-acme").await;
        let grant = async || admin.query(query, json!({ "id": token.id })).await["organization"]["tokenGrant"].clone();
        self.world.flush().await;
        self.world.wait_for_usage(grant).await["lastRequest"].clone()
    }

    /// Asserts that the API received the identity of this token, and no other value under any spelling of these headers.
    async fn identifies(&self, seen: &Value, token: &CreatedToken, scopes: &str, expires_at: &str) {
        let user = self.bob.query("{ viewer { uuid } }", json!({})).await["viewer"]["uuid"].clone();
        let values = [&token.uuid, "bob", user.as_str().unwrap(), scopes, "acme", expires_at];
        let mut expected: BTreeMap<_, _> = IDENTITY.into_iter().zip(values).collect();
        for header in seen["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            let plain: String = name.chars().map(|ch| if ch.is_alphanumeric() { ch } else { '-' }).collect();
            if plain.starts_with("x-token-") {
                assert_eq!(expected.remove(name), Some(value), "{}: {name} in {seen}", self.name);
            }
            assert_ne!(name, "authorization", "{}", self.name);
            assert!(name != "connection" || !value.to_lowercase().contains("token"), "{}: {value}", self.name);
        }
        // Empty headers may be omitted.
        assert!(expected.values().all(|value| value.is_empty()), "{}: no {expected:?} in {seen}", self.name);
    }
}

fn bearer(token: &CreatedToken) -> String {
    format!("Authorization: Bearer {}", token.value)
}

/// Headers of a client that pretends to be another user, in every spelling.
fn forged() -> Vec<String> {
    let mut lines = Vec::new();
    for name in IDENTITY {
        let title: Vec<_> = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let mixed = title.join("-").replacen('-', "_", 1);
        for spelling in [
            title.join("-"),
            name.to_owned(),
            name.to_uppercase(),
            title.join("_"),
            name.replace('-', "_"),
            name.to_uppercase().replace('-', "_"),
            mixed.clone(),
            mixed.chars().rev().collect::<String>().replacen('-', "_", 1).chars().rev().collect(),
            title.join("."),
        ] {
            lines.push(format!("{spelling}: root"));
        }
    }
    for line in [
        "X-Forwarded-For: 9.9.9.9",
        "X-Forwarded-For: \u{e9}, 127.0.0.1",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Uri: /harmless",
        "X-Original-Method: GET",
        "X-Original-Uri: /harmless",
        "X-Original-Url: /harmless",
        "X-Real-Ip: 9.9.9.9",
    ] {
        lines.push(line.to_owned());
    }
    lines
}

/// Scopes whose names together are longer than the 4 KiB that nginx accepts by default.
fn many() -> Vec<String> {
    (0..170).map(|number| format!("read_something_with_a_rather_long_name_{number:03}")).collect()
}

async fn rejects_unauthorized_requests(gateway: &Gateway, test: &str) {
    let Some(program) = gateway.program(test) else { return };
    let database = Database::fresh(Kind::Sqlite, test).unwrap();
    let catalogue = database.folder().join("scopes.toml");
    let names = ["read_builds", "read_user", "graphql"].map(ToOwned::to_owned).into_iter().chain(many());
    let entries = names.map(|name| {
        let access = if name == "graphql" { "graphql" } else { "read" };
        format!("[[scope]]\nname = \"{name}\"\ntitle = \"T\"\ndescription = \"D\"\naccess = \"{access}\"\n")
    });
    std::fs::write(&catalogue, entries.collect::<String>()).unwrap();
    let settings = [("proxy.trusted", "127.0.0.1/32"), ("scopes.file", catalogue.to_str().unwrap())];
    let world = World::with(database, &settings).await;
    let network = Proxy::before(&world.url("/")).await;
    let tokenward = network.url_of(&world.url("")).replace("http://", "").parse().unwrap();
    let api = Api::default();
    let running = Running::start(gateway, &program, tokenward, api.start().await).await;
    let bob = world.member("bob", &["acme", "globex"]).await;
    let fixture = Fixture { world: &world, running, api, bob, name: gateway.name };

    identity_is_that_of_the_token(&fixture).await;
    every_method_passes_with_its_body(&fixture).await;
    rejections_are_returned_to_the_client(&fixture).await;
    only_websockets_become_tunnels(&fixture).await;
    missing_user_agent_is_null_in_the_audit(&fixture).await;
    without_a_verdict_no_request_passes(&fixture, network).await;
}

async fn identity_is_that_of_the_token(fixture: &Fixture<'_>) {
    let end = fixture.world.now().plus(Duration::from_hours(1));
    let token =
        fixture.bob.create_expiring_token("good", &["acme"], &["read_builds", "read_user"], Some(end.to_text()));
    let token = token.await;
    let target = "/v1/builds?branch=main&scope=graphql&organization=globex";
    for more in ["Connection: close", "Connection: close, X-Token-User, x-token-id,X-Token-Scopes"] {
        let lines = [forged(), vec![bearer(&token), more.to_owned()]].concat();
        let seen = fixture.passes("POST", target, &lines).await;
        assert_eq!((&seen["uri"], &seen["body"]), (&json!(target), &json!("a body")), "{}", fixture.name);
        fixture.identifies(&seen, &token, "read_builds read_user", &end.to_text_in_seconds()).await;
        let shown = json!({
            "method": "POST", "path": "/v1/builds", "ipAddress": "127.0.0.2", "userAgent": "curl/8",
            "scope": "read_builds", "allowed": true,
        });
        assert_eq!(fixture.audit(&token).await, shown, "{}", fixture.name);
    }
    let scopes: Vec<_> = ["read_builds".to_owned()].into_iter().chain(many()).collect();
    let names: Vec<_> = scopes.iter().map(String::as_str).collect();
    let token = fixture.bob.create_token("many scopes", &["acme"], &names).await;
    let seen = fixture.passes("GET", "/", &[vec![bearer(&token)], forged()].concat()).await;
    fixture.identifies(&seen, &token, &names.join(" "), "").await;
}

async fn every_method_passes_with_its_body(fixture: &Fixture<'_>) {
    let token = fixture.bob.create_token("methods", &["acme"], &["read_builds"]).await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let seen = fixture.passes(method, "/v1/b%20x/?y", &[bearer(&token)]).await;
        assert_eq!((&seen["method"], &seen["body"]), (&json!(method), &json!("a body")), "{}", fixture.name);
        let audit = fixture.audit(&token).await;
        let shown = (&audit["method"], &audit["path"], &audit["ipAddress"], &audit["allowed"]);
        let expected = (&json!(method), &json!("/v1/b%20x/"), &json!("127.0.0.2"), &json!(true));
        assert_eq!(shown, expected, "{}", fixture.name);
        // Without a token the same request is rejected.
        assert_eq!(fixture.is_rejected(method, "/v1/b%20x/?y", &[]).await.status, 401);
    }
}

async fn rejections_are_returned_to_the_client(fixture: &Fixture<'_>) {
    let bob = &fixture.bob;
    let good = bob.create_token("good", &["acme"], &["read_builds"]).await;
    let scopeless = bob.create_token("lacks the scope", &["acme"], &["read_user"]).await;
    let elsewhere = bob.create_token("not in acme", &["globex"], &["read_builds"]).await;
    let lacks = "Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"read_builds\"";
    let invalid = "Bearer realm=\"tokenward\", error=\"invalid_token\"";
    let with = |headers: Vec<String>| [forged(), headers].concat();
    let rejection = async |headers: Vec<String>| {
        let response = fixture.is_rejected("DELETE", "/v1/builds?scope=read_user", &with(headers)).await;
        (response.status, response.header("www-authenticate").to_owned())
    };
    assert_eq!(rejection(vec![]).await, (401, "Bearer realm=\"tokenward\"".into()), "{}", fixture.name);
    for junk in ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer twd_00000000000000000000000000000000000000"] {
        assert_eq!(rejection(vec![format!("Authorization: {junk}")]).await, (401, invalid.into()), "{}", fixture.name);
    }
    assert_eq!(rejection(vec![bearer(&scopeless)]).await, (403, lacks.into()), "{}", fixture.name);
    let audit = fixture.audit(&scopeless).await;
    assert_eq!((&audit["method"], &audit["allowed"]), (&json!("DELETE"), &json!(false)), "{}", fixture.name);
    assert_eq!(rejection(vec![bearer(&elsewhere)]).await, (403, String::new()), "{}", fixture.name);
    // Two credentials, one of them valid; some gateways reject such requests themselves.
    assert!([400, 401].contains(&rejection(vec![bearer(&scopeless), bearer(&good)]).await.0), "{}", fixture.name);
    // Paths that try to change the check.
    for target in [
        "/../../verify-for/*/*/x",
        "/%2e%2e/%2e%2e/*/*/x",
        "/..%2f..%2f*/*/x",
        "//*/*/x",
        "/?scope=",
        "/;/x",
        "/_verify",
    ] {
        let response = fixture.is_rejected("GET", target, &[bearer(&scopeless)]).await;
        assert!([400, 403, 404].contains(&response.status), "{}: {target}: {response:?}", fixture.name);
    }

    fixture.passes("GET", "/", &[bearer(&good)]).await;
    let acme = fixture.world.organization_id("acme").await;
    let admin = fixture.world.user("root-acme").await;
    assert_eq!(admin.remove_organization(&good.id, &acme, None).await.code(), "OK");
    assert_eq!(rejection(vec![bearer(&good)]).await, (403, String::new()), "{}: the next request", fixture.name);
    assert_eq!(bob.add_organization(&good.id, &acme).await.code(), "OK");
    fixture.passes("GET", "/", &[bearer(&good)]).await;
    assert_eq!(bob.revoke_token(&good.id).await.code(), "OK");
    assert_eq!(rejection(vec![bearer(&good)]).await, (401, invalid.into()), "{}: the next request", fixture.name);
}

/// A tunnel would carry later requests past the check, with headers that the client chooses.
async fn only_websockets_become_tunnels(fixture: &Fixture<'_>) {
    let token = fixture.bob.create_token("tunnels", &["acme"], &["read_builds"]).await;
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let attempt_upgrade = async |protocols: &[&str]| {
        let lines = protocols.iter().map(|protocol| format!("Upgrade: {protocol}"));
        let more = ["HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Connection: Upgrade, HTTP2-Settings", key];
        let lines: Vec<_> = lines.chain(more.map(str::to_owned)).chain([bearer(&token)]).collect();
        let status = fixture.running.attempt("GET", "/", &lines, "").await.expect("a response").status;
        let mut offered = Vec::new();
        for request in fixture.api.seen() {
            for line in request["headers"].as_array().unwrap() {
                assert_ne!(line[0], "http2-settings", "{}: {protocols:?}", fixture.name);
                if line[0] == "upgrade" {
                    offered.push(line[1].as_str().unwrap().to_lowercase());
                }
            }
        }
        assert_eq!(status == 101, offered == ["websocket"], "{}: {protocols:?}: {status} {offered:?}", fixture.name);
        assert!(status == 101 || offered.is_empty(), "{}: {protocols:?}: {offered:?}", fixture.name);
        status
    };
    for other in ["h2c", "H2C", "tunnel", "websocket/13", "websocketx", "TLS/1.0"] {
        assert_ne!(attempt_upgrade(&[other]).await, 101, "{}: {other}", fixture.name);
    }
    for several in [&["websocket, h2c"][..], &["h2c, websocket"], &["websocket", "h2c"], &["h2c", "websocket"]] {
        attempt_upgrade(several).await;
    }
    let passes = ["haproxy", "caddy", "traefik"].contains(&fixture.name);
    for spelling in ["websocket", "WebSocket"] {
        assert_eq!(attempt_upgrade(&[spelling]).await == 101, passes, "{}: {spelling}", fixture.name);
    }
    let unauthenticated: Vec<_> = ["Upgrade: websocket", "Connection: Upgrade", key].map(str::to_owned).into();
    let response = fixture.running.attempt("GET", "/", &unauthenticated, "").await.expect("a response");
    assert!(response.status >= 400 && fixture.api.seen().is_empty(), "{}: {response:?}", fixture.name);
    let target = fixture.running.listen.to_string();
    let response = fixture.running.attempt("CONNECT", &target, &[bearer(&token)], "").await.expect("a response");
    assert!(response.status >= 400 && fixture.api.seen().is_empty(), "{}: {response:?}", fixture.name);
}

async fn missing_user_agent_is_null_in_the_audit(fixture: &Fixture<'_>) {
    for (agent, shown) in [("", json!(null)), ("User-Agent:\r\n", json!(null)), ("User-Agent: a b\r\n", json!("a b"))] {
        let token = fixture.bob.create_token("agents", &["acme"], &["read_builds"]).await;
        let response = fixture.running.attempt_as(agent, "GET", "/v1/builds", &[bearer(&token)], "").await;
        assert_eq!(response.map(|response| response.status), Some(200), "{}: {agent}", fixture.name);
        let audit = fixture.audit(&token).await;
        assert_eq!((&audit["userAgent"], &audit["path"]), (&shown, &json!("/v1/builds")), "{}: {agent}", fixture.name);
    }
    fixture.api.seen();
}

async fn without_a_verdict_no_request_passes(fixture: &Fixture<'_>, network: Proxy) {
    let token = fixture.bob.create_token("good", &["acme"], &["read_builds"]).await;
    let rejected = async |what: &str| {
        let status = fixture.is_rejected("GET", "/", &[bearer(&token)]).await.status;
        assert!((500..=504).contains(&status), "{}: {what}: {status}", fixture.name);
    };
    fixture.passes("GET", "/", &[bearer(&token)]).await;
    network.set_network(Network::BlackHole);
    rejected("frozen").await;
    network.set_network(Network::Good);
    fixture.passes("GET", "/", &[bearer(&token)]).await;
    fixture.world.app.store().clone().close().await;
    rejected("without its store").await;
    drop(network);
    rejected("stopped").await;
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_rejects_unauthorized_requests() {
    rejects_unauthorized_requests(&NGINX, "nginx_rejects_unauthorized_requests").await;
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_rejects_unauthorized_requests() {
    rejects_unauthorized_requests(&HAPROXY, "haproxy_rejects_unauthorized_requests").await;
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_rejects_unauthorized_requests() {
    rejects_unauthorized_requests(&CADDY, "caddy_rejects_unauthorized_requests").await;
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traefik_rejects_unauthorized_requests() {
    rejects_unauthorized_requests(&TRAEFIK, "traefik_rejects_unauthorized_requests").await;
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_rejects_unauthorized_requests() {
    rejects_unauthorized_requests(&ENVOY, "envoy_rejects_unauthorized_requests").await;
}
