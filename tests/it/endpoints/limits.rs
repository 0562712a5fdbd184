//! Behavior of all endpoints: size limits, request IDs, headers, foreign origins, unknown paths, and a database outage.

use super::{
    JSON, NO_CREDENTIAL, UNAVAILABLE, bob, database_name, disconnect_database, json_response, raw, render, send_raw,
    unknown,
};
use crate::world::{
    PASSWORD, World,
    client::{Reply, form, read},
    cluster::Cluster,
    database::{Database, Kind, on},
    lateness::Lateness,
};
use reqwest::Method;
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const ENDPOINTS: [&str; 6] = ["/graphql", "/v2/access-token", "/oauth/introspect", "/verify", "/healthz", "/readyz"];

both!(
    /// R-19
    async fn errors_are_json_with_a_message_and_reveal_no_internals(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let api = world.resource_server("api").await;
        let form_of = |fields: &'static [(&'static str, &'static str)]| {
            let request = world.http.post(world.url("/oauth/introspect"));
            form(request.basic_auth(&api.client_id, Some(&api.client_secret)), fields)
        };
        let large =
            world.http.post(world.url("/oauth/introspect")).header("content-type", "application/x-www-form-urlencoded");
        let repeated = format!("Authorization: Bearer {}", token.value);
        let mut replies = vec![
            (400, form_of(&[]).await),
            (400, send_raw(&world, "GET", "/v2/access-token", &[&repeated, &repeated]).await),
            (401, world.anonymous().get("/v2/access-token").await),
            (401, form(world.http.post(world.url("/oauth/introspect")), &[]).await),
            (403, world.bearer(&token.value).verify("scope=graphql").await),
            (404, bob.get("/no/such/path").await),
            (405, bob.delete("/healthz").await),
            (413, read(large.body("x".repeat(65 * 1024))).await),
            (414, bob.get(&format!("/healthz?{}", "x".repeat(9 * 1024))).await),
            (415, read(world.http.post(world.url("/oauth/introspect")).json(&json!({}))).await),
        ];
        for _ in 0..60 {
            world.bearer(&unknown()).get("/v2/access-token").await;
        }
        replies.push((429, world.bearer(&unknown()).get("/v2/access-token").await));
        disconnect_database(&world).await;
        replies.push((503, world.bearer(&token.value).verify("").await));
        replies.push((503, world.anonymous().get("/readyz").await));
        for (status, reply) in replies {
            assert_eq!(reply.status, status, "{}", reply.text);
            let text = render(&reply);
            assert!(text.contains(&format!("\ncontent-type: {JSON}")), "{text}");
            assert!(reply.json()["message"].as_str().is_some_and(|message| message.len() > 10), "{text}");
            let inner = ["sql", "sqlite", "postgres", "axum", "hyper", "src/", "panicked", "rust"];
            assert!(!inner.iter().any(|word| text.to_lowercase().contains(word)), "{text}");
        }
    }
);

/// R-19, R-51: only a PostgreSQL schema can be changed from outside while the service uses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn internal_error_is_500_without_its_cause_and_503_from_verify() {
    let test = concat!(module_path!(), "::internal_error_is_500_without_its_cause_and_503_from_verify");
    on(Kind::Postgres, test, async |world: World| {
        let (bob, token) = bob(&world, &["graphql"]).await;
        let cluster = Cluster::shared().map_err(|_| "no server").unwrap();
        cluster.run(database_name(&world), "alter table tokens rename column description to elsewhere").unwrap();
        let holder = world.bearer(&token.value);
        assert_eq!(
            render(&holder.get("/v2/access-token").await),
            json_response(500, &[], r#"{"message":"Internal error"}"#)
        );
        // In authentication, and in a resolver next to one that succeeds: the error contains only the request ID.
        let in_a_resolver = "query Secret { viewer { username tokens { nodes { description } } } }";
        for (client, query) in [(&holder, "{ viewer { id } }"), (&bob, in_a_resolver)] {
            let reply = client.graphql(query, json!({})).await;
            let error = json!({
                "message": "Internal error",
                "extensions": { "code": "INTERNAL", "requestId": reply.header("x-request-id") },
            });
            let mut errors = reply.json()["errors"].clone();
            for key in ["locations", "path"] {
                errors[0].as_object_mut().unwrap().remove(key);
            }
            assert_eq!((reply.status.as_u16(), errors), (500, json!([error])), "{}", reply.text);
            let inner = ["description", "elsewhere", "select", "sql", "Secret"];
            assert!(!inner.iter().any(|word| render(&reply).contains(word)), "{}", reply.text);
        }
        let reply = holder.verify("").await;
        assert_eq!((reply.status.as_u16(), &*reply.text, reply.header("retry-after")), (503, UNAVAILABLE, "1"));
    })
    .await;
}

both!(
    /// R-49
    async fn body_over_64_kib_is_413_with_content_length_or_chunked(world: World) {
        let api = world.resource_server("api").await;
        let message = r#"{"error":"invalid_request","message":"The body is too large; send at most 64 KiB."}"#;
        let request = || {
            let request = world.http.post(world.url("/oauth/introspect"));
            request
                .basic_auth(&api.client_id, Some(&api.client_secret))
                .header("content-type", "application/x-www-form-urlencoded")
        };
        let announced = json_response(413, &[("connection", "close")], message);
        let token = "token=".to_owned();
        let max = 64 * 1024;
        let fits = read(request().body(token.clone() + &"x".repeat(max - token.len()))).await;
        assert_eq!((fits.status.as_u16(), &*fits.text), (200, r#"{"active":false}"#));
        assert_eq!(render(&read(request().body(token.clone() + &"x".repeat(max - token.len() + 1))).await), announced);
        let mut chunked = "POST /oauth/introspect HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: \
                           application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_owned();
        chunked += &format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(65);
        assert_eq!(render(&raw(&world, (chunked + "0\r\n\r\n").as_bytes()).await), json_response(413, &[], message));
        // An endpoint without a body does not read it.
        assert_eq!(read(world.http.get(world.url("/healthz")).body("x".repeat(100 * 1024))).await.status, 200);
    }
);

both!(
    /// R-49
    async fn malformed_body_is_400_in_the_format_of_its_endpoint(world: World) {
        let message = "The body is incomplete or its transfer coding is malformed; send it again, in valid HTTP.";
        let rest = json!({ "message": message });
        let oauth = json!({ "error": "invalid_request", "message": message });
        let graphql = json!({ "errors": [{ "message": message, "extensions": { "code": "INVALID_INPUT" } }] });
        let (bob, token) = bob(&world, &["graphql"]).await;
        world.set_password("bob").await;
        let signs_in = world.http.post(world.url("/session")).header("x-tokenward-console", "1");
        let signed_in = read(signs_in.json(&json!({ "username": "bob", "password": PASSWORD }))).await;
        let cookie = format!("Cookie: {}", signed_in.header("set-cookie").split(';').next().unwrap());
        let jwt = format!("Authorization: Bearer {}", bob.credential.as_ref().unwrap());
        let value = format!("Authorization: Bearer {}", token.value);
        let (console, form) = ("X-Tokenward-Console: 1", "application/x-www-form-urlencoded");
        for (line, kind, headers, expected) in [
            ("POST /graphql", "application/json", [&*jwt, ""], &graphql),
            ("POST /organizations/acme/tokens.csv", "application/json", [&jwt, ""], &rest),
            ("POST /session", "application/json", [console, ""], &rest),
            ("POST /session/confirm", "application/json", [console, &cookie], &rest),
            ("POST /invitations/x", "application/json", [console, ""], &rest),
            ("GET /v2/access-token", form, [&value, ""], &rest),
            ("DELETE /v2/access-token", form, [&value, ""], &rest),
            ("POST /oauth/introspect", form, ["", ""], &oauth),
            ("POST /oauth/revoke", form, ["", ""], &oauth),
        ] {
            let headers: String =
                headers.iter().filter(|line| !line.is_empty()).flat_map(|line| [line, "\r\n"]).collect();
            let head = format!("{line} HTTP/1.1\r\nHost: t\r\nContent-Type: {kind}\r\n{headers}");
            for body in [
                "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXYZ",
                "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
                "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            ] {
                let reply = raw(&world, format!("{head}{body}").as_bytes()).await;
                assert_eq!((reply.status.as_u16(), reply.json()), (400, expected.clone()), "{line} {body:?}");
            }
        }
        assert_eq!(world.bearer(&token.value).get("/v2/access-token").await.status, 200, "it was not revoked");
    }
);

both!(
    /// R-49
    async fn long_url_is_414_and_large_headers_are_431_except_for_verify(world: World) {
        for endpoint in ENDPOINTS.into_iter().filter(|endpoint| *endpoint != "/verify") {
            // In the error format of the endpoint.
            let expected = |status: u16, message: &str| match endpoint {
                "/graphql" => {
                    let error = format!(r#"{{"message":"{message}","extensions":{{"code":"INVALID_INPUT"}}}}"#);
                    json_response(status, &[], &format!(r#"{{"errors":[{error}]}}"#))
                }
                "/oauth/introspect" => {
                    json_response(status, &[], &format!(r#"{{"error":"invalid_request","message":"{message}"}}"#))
                }
                _ => json_response(status, &[], &format!(r#"{{"message":"{message}"}}"#)),
            };
            let long = format!("{endpoint}?{}", "x".repeat(9 * 1024));
            let message = "The address is too long; send at most 8 KiB.";
            assert_eq!(render(&send_raw(&world, "GET", &long, &[]).await), expected(414, message), "{endpoint}");
            let large = format!("X-Large: {}", "x".repeat(33 * 1024));
            let message = "The headers are too large; send at most 32 KiB.";
            assert_eq!(
                render(&send_raw(&world, "GET", endpoint, &[&large]).await),
                expected(431, message),
                "{endpoint}"
            );
        }
        // Gateways accept no other errors than 401 and 403, whatever their client sent.
        let (long, large) =
            (format!("/verify/{}", "x".repeat(9 * 1024)), format!("X-Large: {}", "x".repeat(33 * 1024)));
        assert_eq!(send_raw(&world, "GET", &long, &[&large]).await.status, 401);
        let fits = format!("/healthz?{}", "x".repeat(8 * 1024 - 9));
        assert_eq!(send_raw(&world, "GET", &fits, &[]).await.status, 200);
        // Headers over the limit of the HTTP library get a response without a body.
        for size in [64, 200] {
            let huge = format!("X-Large: {}", "x".repeat(size * 1024));
            let reply = send_raw(&world, "GET", "/verify", &[&huge]).await;
            assert_eq!((reply.status.as_u16(), &*reply.text), (431, ""));
        }
    }
);

both!(
    /// R-18
    async fn head_has_the_headers_of_get_and_no_body(world: World) {
        let (_, token) = bob(&world, &["graphql"]).await;
        let clients = [world.bearer(&token.value), world.anonymous()];
        let long = format!("/healthz?{}", "x".repeat(9 * 1024));
        for path in [
            "/graphql?query=%7Bviewer%7Bid%7D%7D",
            "/graphql?query=%7B",
            "/graphiql",
            "/",
            "/sign-in",
            "/invitations/x",
            "/assets/nothing.js",
            "/v2/access-token",
            "/verify",
            "/verify/v1/builds",
            "/.well-known/oauth-authorization-server",
            "/openapi.json",
            "/schema.graphql",
            "/healthz",
            "/readyz/",
            "/nothing",
            &long,
        ] {
            for client in &clients {
                let (get, head) = (client.get(path).await, read(client.request(Method::HEAD, path)).await);
                let names = |reply: &Reply| {
                    let headers = reply.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "date");
                    headers.map(|(name, value)| format!("{name}: {value:?}")).collect::<BTreeSet<_>>()
                };
                assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
                assert_eq!(names(&head), names(&get), "{path}");
            }
        }
        let head = world.signed_in("ada").await.request(Method::HEAD, "/graphql?query=%7Bviewer%7Bid%7D%7D");
        assert_eq!(read(head).await.status, 403, "a session requires POST");
        for path in ["/session", "/session/confirm", "/oauth/introspect", "/organizations/acme/tokens.csv"] {
            let reply = read(world.anonymous().request(Method::HEAD, path)).await;
            assert!(reply.status == 405 && !reply.header("allow").contains("HEAD"), "{path}: {reply:?}");
        }
    }
);

both!(
    async fn valid_request_id_is_kept_and_others_are_replaced(world: World) {
        let id = async |sent: &str| {
            let reply = send_raw(&world, "GET", "/healthz", &[&format!("X-Request-Id: {sent}")]).await;
            reply.header("x-request-id").to_owned()
        };
        let max = "x".repeat(128);
        for valid in ["7b3f", "A-b_c.9", &max] {
            assert_eq!(id(valid).await, valid);
        }
        let too_long = "x".repeat(129);
        for invalid in ["", "a b", "<script>", "a\"b", "ä", "a;b", &too_long, &unknown()] {
            let replaced = id(invalid).await;
            assert!(replaced != invalid && uuid::Uuid::parse_str(&replaced).is_ok(), "{invalid}: {replaced}");
        }
        let mut ids = std::collections::HashSet::new();
        for _ in 0..20 {
            ids.insert(world.anonymous().get("/healthz").await.header("x-request-id").to_owned());
        }
        assert_eq!(ids.len(), 20);
    }
);

both!(
    /// R-65
    async fn foreign_page_cannot_read_responses(world: World) {
        let (_, token) = bob(&world, &["graphql"]).await;
        for origin in ["https://evil.example", "null", &world.config.public_url] {
            for endpoint in ENDPOINTS {
                for name in ["GET", "OPTIONS", "POST"] {
                    let request = world.bearer(&token.value).request(name.parse().unwrap(), endpoint);
                    let request = request.header("origin", origin).header("access-control-request-method", "POST");
                    let reply = read(request).await;
                    let foreign = reply.headers.keys().find(|name| name.as_str().starts_with("access-control"));
                    assert_eq!(foreign, None, "{name} {endpoint} from {origin}");
                }
            }
        }
    }
);

both!(
    /// R-65
    async fn only_configured_origins_can_read_and_never_with_credentials(database: Database) {
        let origins = "https://console.example.test,https://other.example.test";
        let world = World::with(database, &[("cors.origins", origins)]).await;
        let (_, token) = bob(&world, &["graphql"]).await;
        let send = async |name: &str, origin: &str| {
            let request = world.bearer(&token.value).request(name.parse().unwrap(), "/v2/access-token");
            read(request.header("origin", origin).header("access-control-request-method", "DELETE")).await
        };
        for origin in origins.split(',') {
            for name in ["GET", "OPTIONS"] {
                let reply = send(name, origin).await;
                assert_eq!(reply.status, 200, "{name}");
                assert_eq!(reply.header("access-control-allow-origin"), origin);
                assert!(reply.header("vary").to_lowercase().contains("origin"), "{reply:?}");
                assert!(!reply.headers.contains_key("access-control-allow-credentials"));
            }
        }
        let near = [
            "https://evil.example",
            "null",
            "http://console.example.test",
            "https://console.example.test:8443",
            "https://console.example.test.evil.example",
            "https://CONSOLE.example.test.",
            "*",
        ];
        for origin in near {
            for name in ["GET", "OPTIONS"] {
                let reply = send(name, origin).await;
                assert_eq!(reply.header("access-control-allow-origin"), "", "{name} {origin}");
                assert!(!reply.headers.contains_key("access-control-allow-credentials"));
            }
        }
    }
);

both!(
    /// R-85
    async fn responses_reveal_no_software_or_version(world: World) {
        let (_, token) = bob(&world, &["graphql"]).await;
        let holder = world.bearer(&token.value);
        let mut replies = Vec::new();
        for endpoint in
            ENDPOINTS.into_iter().chain(["/", "/graphiql", "/.well-known/oauth-authorization-server", "/nothing"])
        {
            for name in ["GET", "POST", "DELETE", "OPTIONS", "FOO"] {
                replies.push(read(holder.request(name.parse().unwrap(), endpoint)).await);
            }
        }
        replies.push(world.anonymous().get("/v2/access-token").await);
        assert_eq!(replies[replies.len() - 1].header("www-authenticate"), NO_CREDENTIAL);
        for reply in replies {
            for name in ["server", "via", "x-powered-by", "x-runtime", "x-version"] {
                assert_eq!(reply.header(name), "", "{name}");
            }
            let software = ["hyper", "axum", "tokio", "async-graphql", "rust", "tokenward/", "sqlx", "postgres"];
            // The content security policy of the console contains "trusted-types".
            let mut text = format!("{:?}", reply.headers).to_lowercase().replace("trusted", "");
            if !reply.header("content-type").starts_with("text/html") {
                text += &reply.text.to_lowercase();
            }
            assert!(!software.iter().any(|word| text.contains(word)), "{text}");
            assert!(!text.contains(env!("CARGO_PKG_VERSION")), "{text}");
        }
    }
);

both!(
    /// R-64
    async fn responses_have_hsts_if_the_public_url_is_https(database: Database) {
        let world = World::with(database, &[("public_url", "https://tokens.example.com")]).await;
        for path in ENDPOINTS.into_iter().chain(["/", "/graphiql", "/nothing", "/openapi.json"]) {
            let reply = world.anonymous().get(path).await;
            assert_eq!(reply.header("strict-transport-security"), "max-age=31536000", "{path}");
        }
        let plain = world.another_node(&[("public_url", "http://127.0.0.1:8080")]).await;
        assert_eq!(plain.anonymous().get("/").await.header("strict-transport-security"), "");
    }
);

both!(
    /// R-85
    async fn unknown_path_is_a_json_404(world: World) {
        let (_, token) = bob(&world, &["graphql"]).await;
        let expected = json_response(404, &[], r#"{"message":"No such path"}"#);
        for path in [
            "/nothing",
            "/index.html",
            "/organizations",
            "/organizations/acme/nothing",
            "/tokens/new/x",
            "/v2",
            "/v2/access-token/x",
            "/oauth/token",
            "/graphql/x",
            "/verifyx",
            "/..%2f",
            "//verify",
            "/metrics",
            "/debug",
            "/debug/pprof/",
            "/.git",
            "/.git/config",
            "/.env",
        ] {
            for name in ["GET", "POST", "FOO"] {
                let client = world.bearer(&token.value);
                assert_eq!(render(&read(client.request(name.parse().unwrap(), path)).await), expected, "{name} {path}");
                assert_eq!(render(&send_raw(&world, name, path, &[]).await), expected, "{name} {path}");
            }
        }
    }
);

both!(
    /// R-81
    async fn database_outage_keeps_healthz_200_and_makes_readyz_503_within_2_s(world: World) {
        let anonymous = world.anonymous();
        let live = json_response(200, &[], r#"{"status":"ok"}"#);
        assert_eq!(render(&anonymous.get("/healthz").await), live);
        assert_eq!(render(&anonymous.get("/readyz").await), json_response(200, &[], r#"{"status":"ready"}"#));
        disconnect_database(&world).await;
        let lateness = Lateness::watched();
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(
                render(&anonymous.get("/readyz").await),
                json_response(503, &[("retry-after", "1")], UNAVAILABLE)
            );
            let took = start.elapsed();
            assert!(took < lateness.on_top_of(Duration::from_secs(2)).await, "{took:?}");
            assert_eq!(render(&anonymous.get("/healthz/").await), live);
        }
        if world.database.kind() == Kind::Postgres {
            // The service recovers without a restart.
            let name = database_name(&world);
            let cluster = Cluster::shared().map_err(|_| "no server").unwrap();
            cluster.administer(&format!("alter database {name} with allow_connections true")).unwrap();
            let start = Instant::now();
            while anonymous.get("/readyz").await.status != 200 {
                assert!(start.elapsed() < Duration::from_secs(30), "not ready again");
            }
        }
    }
);

/// Only a PostgreSQL database can be changed from outside while the service uses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_schema_is_not_ready() {
    let test = concat!(module_path!(), "::unknown_schema_is_not_ready");
    on(Kind::Postgres, test, async |world: World| {
        let cluster = Cluster::shared().map_err(|_| "no server").unwrap();
        cluster.run(database_name(&world), "delete from seaql_migrations").unwrap();
        assert_eq!(world.anonymous().get("/readyz").await.status, 503);
    })
    .await;
}

/// Only a PostgreSQL server can reject connections while the service runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_outage_loses_no_usage() {
    let test = concat!(module_path!(), "::database_outage_loses_no_usage");
    on(Kind::Postgres, test, async |world: World| {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        let name = database_name(&world);
        let cluster = Cluster::shared().map_err(|_| "no server").unwrap();
        assert_eq!(read(holder.request(Method::GET, "/verify").header("user-agent", "before")).await.status, 200);
        disconnect_database(&world).await;
        assert_eq!(holder.verify("").await.status, 503);
        cluster.administer(&format!("alter database {name} with allow_connections true")).unwrap();
        let query = "query($id: ID!) { token(id: $id) { lastRequest { userAgent } } }";
        let start = Instant::now();
        loop {
            let reply = bob.graphql(query, json!({ "id": token.id })).await;
            if reply.status == 200 && reply.data()["token"]["lastRequest"]["userAgent"] == json!("before") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{}", reply.text);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}
