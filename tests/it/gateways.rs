//! Does a real gateway keep out what may not pass? nginx with the configuration that the documentation shows.

use crate::world::{
    World,
    cluster::setting,
    database::{Database, Kind},
    port, shelf,
};
use axum::{Router, body::Bytes, http::HeaderMap, http::Method, http::Uri};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// nginx, ended with this value.
struct Nginx {
    child: Child,
    folder: TempDir,
    url: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nginx is; nothing where it is not installed, which is said and is no failure unless `TEST_REQUIRE_NGINX`
/// is 1.
fn program(test: &str) -> Option<PathBuf> {
    let path = setting("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("nginx")).find(|file| file.is_file());
    if found.is_none() {
        let required = setting("TEST_REQUIRE_NGINX").as_deref() == Some("1");
        assert!(!required, "{test} needs nginx (Debian: apt-get install nginx-light)");
        eprintln!("skipped {test}: nginx is not installed");
    }
    found
}

/// The configuration of the documentation, with the addresses of a test.
fn server(listen: &str, tokenward: &str, upstream: &str) -> String {
    let page = include_str!("../../docs/gateways.md");
    let mut server = page.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let places = [("listen 80;", format!("listen {listen};")), ("http://127.0.0.1:3000", upstream.to_owned())];
    for (shown, here) in places.into_iter().chain([("http://127.0.0.1:8080", tokenward.to_owned())]) {
        assert_eq!(server.matches(shown).count(), 1, "{shown} in {server}");
        server = server.replace(shown, &here);
    }
    server
}

impl Nginx {
    async fn start(program: &Path, tokenward: &str, upstream: &str) -> Self {
        let listen = port::free().to_string();
        let folder = shelf::folder();
        let temporary: Vec<_> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.path().display()))
            .collect();
        let config = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log \
             off;\n{}{}}}\n",
            temporary.concat(),
            server(&listen, tokenward, upstream)
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]).stdin(Stdio::null());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut nginx = Self { child, folder, url: format!("http://{listen}") };
        let start = Instant::now();
        while std::net::TcpStream::connect(&listen).is_err() {
            let ended = nginx.child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < Duration::from_secs(30), "no nginx: {}", nginx.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        nginx
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// An API that tells what it was asked; nothing of it knows tokens.
#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
async fn upstream() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tell = async |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let header = |name: &str| {
            let all: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            if all.is_empty() { Value::Null } else { json!(all.join("|")) }
        };
        json!({
            "method": method.as_str(), "uri": uri.to_string(), "body": String::from_utf8_lossy(&body),
            "authorization": header("authorization"), "id": header("x-token-id"), "user": header("x-token-user"),
            "userId": header("x-token-user-id"), "scopes": header("x-token-scopes"),
            "organization": header("x-token-organization"),
        })
        .to_string()
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(tell)).await });
    url
}

/// A client from another address than the gateway's, which claims to be somebody.
fn client() -> reqwest::Client {
    let address: std::net::IpAddr = "127.0.0.2".parse().unwrap();
    reqwest::Client::builder().local_address(address).build().unwrap()
}

fn claims(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let claimed = [
        ("x-token-user", "root"),
        ("x-token-user-id", "0"),
        ("x-token-id", "0"),
        ("x-token-scopes", "everything"),
        ("x-token-organization", "globex"),
        ("x-forwarded-for", "9.9.9.9"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/harmless"),
        ("x-original-uri", "/harmless"),
        ("user-agent", "curl/8"),
    ];
    claimed.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// What the administrator of acme sees of the token's most recent request.
async fn audit(world: &World, token: &str) -> Value {
    let query = "query($id: ID!) { organization(slug: \"acme\") { tokenGrant(tokenId: $id) \
                 { lastRequest { method path ipAddress userAgent scope allowed } } } }";
    let admin = world.person("root-acme").await;
    let grant = async || admin.ask(query, json!({ "id": token })).await["organization"]["tokenGrant"].clone();
    world.written(grant).await["lastRequest"].clone()
}

/// R-30, R-70
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_lets_pass_what_may_and_stops_the_rest_and_the_audit_shows_the_request_itself() {
    let test = "nginx_lets_pass_what_may_and_stops_the_rest";
    let Some(program) = program(test) else { return };
    let database = Database::fresh(Kind::Sqlite, test).unwrap();
    let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
    let bob = world.member("bob", &["acme", "globex"]).await;
    let good = bob.creates_token("good", &["acme"], &["read_builds", "read_user"]).await;
    let scopeless = bob.creates_token("lacks the scope", &["acme"], &["read_user"]).await;
    let elsewhere = bob.creates_token("not in acme", &["globex"], &["read_builds"]).await;
    let nginx = Nginx::start(&program, &world.url(""), &upstream().await).await;
    let client = client();
    let url = format!("{}/v1/builds?branch=main&scope=graphql", nginx.url);

    let request = claims(client.post(&url)).bearer_auth(&good.value).body("a body");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", nginx.log());
    let seen: Value = answer.json().await.unwrap();
    let user = bob.ask("{ viewer { uuid } }", json!({})).await["viewer"]["uuid"].clone();
    let expected = json!({
        "method": "POST", "uri": "/v1/builds?branch=main&scope=graphql", "body": "a body", "authorization": null,
        "id": good.uuid, "user": "bob", "userId": user, "scopes": "read_builds read_user", "organization": "acme",
    });
    assert_eq!(seen, expected);
    let shown = |method: &str, allowed: bool| {
        json!({
            "method": method, "path": "/v1/builds", "ipAddress": "127.0.0.2", "userAgent": "curl/8",
            "scope": "read_builds", "allowed": allowed,
        })
    };
    assert_eq!(audit(&world, &good.id).await, shown("POST", true));

    let refused = claims(client.delete(&url)).bearer_auth(&scopeless.value).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(!refused.text().await.unwrap().contains("\"method\""), "it reached the API");
    assert_eq!(audit(&world, &scopeless.id).await, shown("DELETE", false));
    let refused = claims(client.get(&url)).bearer_auth(&elsewhere.value).send().await.unwrap();
    assert_eq!(refused.status(), 403);

    assert_eq!(bob.revokes(&good.id).await.code(), "OK");
    for request in
        [client.get(&url), client.get(&url).bearer_auth(&good.value), client.get(&url).bearer_auth("nonsense")]
    {
        let refused = claims(request).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("Bearer realm=\"tokenward\""), "{challenge}");
        assert!(!refused.text().await.unwrap().contains("\"method\""), "it reached the API");
    }
    // The question itself is not for clients.
    assert_eq!(client.get(format!("{}/_verify", nginx.url)).send().await.unwrap().status(), 404);

    world.app.store().clone().close().await;
    let refused = client.get(&url).bearer_auth(&scopeless.value).send().await.unwrap();
    assert_eq!(refused.status(), 500, "nobody passes because nobody could be asked");
}
