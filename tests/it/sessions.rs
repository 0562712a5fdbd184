//! Tests of sessions: signing in and out, expiry, permissions, and protection from other origins.

use crate::world::{
    PASSWORD, World,
    client::{Client, Reply, read},
    database::Database,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::{DeleteUser, DisableUser, EnableUser},
    app::Clock,
    domain::{error::Error, id::SessionId, password::Password, secret::Fingerprint},
    store::NewSession,
};
use tokio_util::sync::CancellationToken;

const TOO_MANY: &str = r#"{"message":"Too many failed attempts to sign in; try again later."}"#;
const BUSY: &str = r#"{"message":"Too many passwords are being checked at the moment; try again in a moment."}"#;
const VIEWER: &str = "{ viewer { username } }";
const MINUTE: Duration = Duration::from_mins(1);

async fn status(client: &Client<'_>) -> u16 {
    client.graphql(VIEWER, json!({})).await.status.as_u16()
}

async fn confirm(client: &Client<'_>, password: &str) -> Reply {
    read(client.request(Method::POST, "/session/confirm").json(&json!({ "password": password }))).await
}

/// Signs in from an address that a trusted proxy forwards.
async fn from(world: &World, address: &str, username: &str, password: &str) -> Reply {
    let body = json!({ "username": username, "password": password });
    let request = world.http.post(world.url("/session")).header("x-tokenward-console", "1");
    read(request.header("x-forwarded-for", address).json(&body)).await
}

both!(
    /// R-62
    async fn session_lasts_from_sign_in_to_sign_out(world: World) {
        world.user("bob").await;
        world.set_password("bob").await;
        let reply = world.sign_in("bob", PASSWORD).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
        assert_eq!(reply.header("cache-control"), "no-store");
        let (pair, attributes) = reply.header("set-cookie").split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=86400");
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!((name, value.len()), ("tokenward", 43));
        let bob = world.browser(&reply);
        assert_eq!(bob.query(VIEWER, json!({})).await["viewer"]["username"], "bob");

        let again = world.browser(&world.sign_in("bob@example.test", PASSWORD).await);
        assert_ne!(again.cookie, bob.cookie);
        assert_eq!((status(&bob).await, status(&again).await), (200, 200));

        let out = bob.delete("/session").await;
        assert_eq!(out.status, 204);
        assert_eq!(out.header("set-cookie"), "tokenward=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        assert_eq!((status(&bob).await, status(&again).await), (401, 200));
        assert_eq!(confirm(&bob, PASSWORD).await.status, 401);
        assert_eq!(bob.delete("/session").await.status, 204);

        // Signing in again in a browser ends the session before.
        let body = json!({ "username": "bob", "password": PASSWORD });
        let reply = read(again.request(Method::POST, "/session").json(&body)).await;
        assert_eq!((status(&again).await, status(&world.browser(&reply)).await), (401, 200));
    }
);

both!(
    /// R-62
    async fn cookie_is_bound_to_its_host_behind_https(database: Database) {
        let world = World::with(database, &[("public_url", "https://tokens.example.test")]).await;
        world.user("bob").await;
        world.set_password("bob").await;
        let reply = world.sign_in("bob", PASSWORD).await;
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with("__Host-tokenward="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"), "{cookie}");
        let bob = world.browser(&reply);
        assert_eq!(status(&bob).await, 200);
        let here = |origin: &str| bob.request(Method::POST, "/graphql").header("origin", origin);
        for (origin, expected) in [(world.config.public_url.as_str(), 200), (&*world.url(""), 403)] {
            assert_eq!(read(here(origin).json(&json!({ "query": VIEWER }))).await.status, expected, "{origin}");
        }
        let bare = Client { cookie: bob.cookie.map(|cookie| cookie.replace("__Host-", "")), ..world.anonymous() };
        assert_eq!(status(&bare).await, 401);
    }
);

both!(
    /// R-63
    async fn session_expires_after_an_idle_hour_and_after_a_day(world: World) {
        let (idle, busy) = (world.signed_in("bob").await, world.signed_in("ada").await);
        for _ in 0..24 {
            assert_eq!(status(&busy).await, 200);
            world.advance(59 * MINUTE);
        }
        assert_eq!(status(&idle).await, 401);
        assert_eq!(confirm(&idle, PASSWORD).await.status, 401);
        assert_eq!(status(&busy).await, 200);
        // 24 times 59 minutes are 24 minutes less than a day.
        world.advance(23 * MINUTE);
        let fresh = confirm(&busy, PASSWORD).await;
        assert_eq!(fresh.status, 204);
        let busy = world.browser(&fresh);
        assert_eq!(status(&busy).await, 200);
        world.advance(MINUTE);
        assert_eq!(status(&busy).await, 401, "confirming the password does not extend a session beyond a day");

        let bob = world.signed_in("bob").await;
        world.advance(59 * MINUTE);
        assert_eq!(status(&bob).await, 200);
        world.advance(60 * MINUTE);
        assert_eq!(status(&bob).await, 401);
        world.app.store().maintenance().delete_expired_sessions(world.now()).await.unwrap();
        let restarted = world.node_with_clock(Clock::machine()).await;
        assert_eq!(
            status(&Client { cookie: bob.cookie.clone(), ..restarted.anonymous() }).await,
            401,
            "an expired session is deleted"
        );
    }
);

both!(
    /// R-66
    async fn failed_sign_ins_get_the_same_response(world: World) {
        for name in ["bob", "dan", "del", "jwt"] {
            world.user(name).await;
        }
        for name in ["bob", "dan", "del"] {
            world.set_password(name).await;
        }
        world.operator(DisableUser { username: "dan".into() }).await.unwrap();
        world.operator(DeleteUser { username: "del".into() }).await.unwrap();
        let mut responses = Vec::new();
        for (username, password) in [
            ("bob", "plover gantry ounce misfits"),
            ("bob", ""),
            ("bob", &"x".repeat(10_000)),
            ("unknown", PASSWORD),
            ("", PASSWORD),
            ("dan", PASSWORD),
            ("del", PASSWORD),
            ("jwt", PASSWORD),
            ("\u{202e}bob", PASSWORD),
            ("bob\0", PASSWORD),
        ] {
            let reply = world.sign_in(username, password).await;
            let mut headers = reply.headers.clone();
            assert!(headers.remove("x-request-id").is_some() && headers.remove("date").is_some());
            assert!(!headers.contains_key("set-cookie"));
            responses.push((reply.status, format!("{headers:?}"), reply.text));
        }
        assert_eq!(responses[0].0, 401);
        assert_eq!(responses[0].2, r#"{"message":"The username or the password is wrong."}"#);
        assert!(responses.iter().all(|response| *response == responses[0]), "{responses:#?}");
        world.operator(EnableUser { username: "dan".into() }).await.unwrap();
        for good in ["dan", "bob", "BOB", "bob@example.test", "Bob@Example.test", "bob ", "\t Bob@example.test\u{a0}"] {
            assert_eq!(world.sign_in(good, PASSWORD).await.status, 204, "{good}");
        }
    }
);

both!(
    /// R-66
    async fn sign_in_takes_the_same_statements_for_unknown_users(world: World) {
        world.user("bob").await;
        world.set_password("bob").await;
        let statements = async |name: &'static str| {
            let work = async { world.app.store().sign_in_by_name(name).await.map(drop) };
            world.statements(work).await
        };
        assert_eq!((statements("bob").await, statements("unknown").await), (1, 1));
    }
);

both!(
    async fn malformed_sign_in_is_rejected(world: World) {
        let post = || world.http.post(world.url("/session")).header("x-tokenward-console", "1");
        for body in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"username":"bob"}"#,
            r#"{"username":"bob","password":1}"#,
            r#"["bob","x"]"#,
            r#"{"username":"bob","password":"x","other":1,"other":2}"#,
        ] {
            let reply = read(post().header("content-type", "application/json").body(body)).await;
            assert_eq!(reply.status, 422, "{body}");
            assert!(reply.json()["message"].is_string());
        }
        let form = post().header("content-type", "application/x-www-form-urlencoded").body("username=bob&password=x");
        assert_eq!(read(form).await.status, 415);
        let large = json!({ "username": "bob", "password": "x".repeat(70 * 1024) });
        assert_eq!(read(post().json(&large)).await.status, 413);
    }
);

both!(
    /// R-66
    async fn sign_in_failures_are_limited_by_text_and_network(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.0/8")]).await;
        for name in ["bob", "ada"] {
            world.user(name).await;
            world.set_password(name).await;
        }
        // 100 failures for one text, from two addresses of one network: the next attempt gets 429, with the right password or a
        // wrong one, and whether the user exists or not.
        for (name, network) in [("bob", "198.51.100"), ("unknown", "192.0.2")] {
            for number in 0..100 {
                let address = format!("{network}.{}", number % 2);
                assert_eq!(from(&world, &address, name, &format!("guess {number}")).await.status, 401);
            }
            for (host, password) in [(1, "guess"), (0, PASSWORD), (9, PASSWORD)] {
                let refused = from(&world, &format!("{network}.{host}"), name, password).await;
                assert_eq!((refused.status.as_u16(), refused.text.as_str()), (429, TOO_MANY), "{network}.{host}");
                let pause: u64 = refused.header("retry-after").parse().unwrap();
                assert!((3_000..=3_601).contains(&pause), "{pause}");
            }
            assert_eq!(from(&world, &format!("{network}.9"), "ada", PASSWORD).await.status, 204, "another text");
            // The limit of a network is 200 failures for all texts. Attempts that were rejected for their text count as well.
            for number in 0..97 {
                let address = format!("{network}.{}", 10 + number % 9);
                assert_eq!(from(&world, &address, &format!("name-{number}"), "guess").await.status, 401);
            }
            assert_eq!(from(&world, &format!("{network}.200"), "ada", PASSWORD).await.status, 429);
        }
        assert_eq!(from(&world, "203.0.113.99", "ada", PASSWORD).await.status, 204);
        world.advance(60 * MINUTE);
        assert_eq!(from(&world, "198.51.100.1", "bob", PASSWORD).await.status, 204);
    }
);

both!(
    /// R-66
    async fn user_over_the_limit_signs_in_from_known_networks_only(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.0/8")]).await;
        for name in ["bob", "ada"] {
            world.user(name).await;
            world.set_password(name).await;
        }
        let (home, office, cafe) = ("203.0.113.5", "2001:db8:0:1::1", "203.0.113.99");
        for known in [home, office] {
            assert_eq!(from(&world, known, "bob", PASSWORD).await.status, 204);
        }
        // Guesses at one user from ten networks, by username and by email address, with blanks and in upper case.
        let spelled = ["bob", "bob@example.test", "BOB ", " Bob@example.test"];
        for number in 0..100 {
            let address = format!("198.51.{}.1", number % 10);
            assert_eq!(from(&world, &address, spelled[number % 4], "guess").await.status, 401, "{number}");
        }
        let mut responses = Vec::new();
        for (name, password) in
            [("bob", PASSWORD), ("bob@example.test", PASSWORD), ("bob", "guess"), ("unknown", "guess")]
        {
            let reply = from(&world, cafe, name, password).await;
            responses.push((reply.status.as_u16(), reply.text));
        }
        assert_eq!(responses[0].0, 401);
        assert!(responses.iter().all(|response| *response == responses[0]), "{responses:#?}");
        for known in [home, "2001:db8:0:1:ffff::9"] {
            assert_eq!(from(&world, known, "bob", PASSWORD).await.status, 204, "{known}");
        }
        assert_eq!(from(&world, cafe, "ada", PASSWORD).await.status, 204, "another user");
        world.advance(60 * MINUTE);
        assert_eq!(from(&world, cafe, "bob", PASSWORD).await.status, 204);
    }
);

both!(
    /// R-66
    async fn full_password_queue_answers_429_early_and_counts_no_failure(world: World) {
        world.user("bob").await;
        world.set_password("bob").await;
        let session = world.signed_in("ada").await;
        let stop = CancellationToken::new();
        let flood = (0..40).map(|_| async {
            while !stop.is_cancelled() {
                if world.app.is_correct_password(Password::new("a guess"), None, false).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        let signing_in = async {
            let mut rejected = 0;
            // A user with a session is still served.
            for _ in 0..10 {
                assert_eq!(confirm(&session, "a guess").await.status, 401);
            }
            assert_eq!(confirm(&session, PASSWORD).await.status, 204);
            // More than the limit of failures.
            while rejected < 120 {
                let reply = world.sign_in("bob", PASSWORD).await;
                if reply.status == 204 {
                    continue;
                }
                assert_eq!((reply.status.as_u16(), reply.text.as_str()), (429, BUSY));
                assert_eq!(reply.header("retry-after"), "2");
                rejected += 1;
            }
            // The strength of a password is checked outside the queue.
            for _ in 0..20 {
                let weak = world.app.hash_new_password("password", "passwordpassword".into(), Vec::new(), false).await;
                assert!(matches!(weak, Err(Error::Invalid { .. })), "{weak:?}");
            }
            stop.cancel();
        };
        tokio::join!(join_all(flood), signing_in);
        assert_eq!(world.sign_in("bob", PASSWORD).await.status, 204);
    }
);

both!(
    /// R-66
    async fn password_guesses_of_a_session_are_limited(world: World) {
        let bob = world.signed_in("bob").await;
        for _ in 0..100 {
            assert_eq!(confirm(&bob, "a guess").await.status, 401);
        }
        assert_eq!(confirm(&bob, PASSWORD).await.status, 429);
    }
);

/// Returns the mutations that require a fresh session, each with a valid input.
async fn mutations(world: &World, token: &str) -> Vec<(&'static str, Value)> {
    let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
    world.user("eve").await;
    let eve = world.user("eve").await.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    vec![
        ("createToken", json!({ "description": "new", "organizationIds": [acme], "scopes": ["read_builds"] })),
        ("addOrganizationToToken", json!({ "tokenId": token, "organizationId": globex })),
        ("updateToken", json!({ "tokenId": token, "scopes": ["read_builds", "write_builds"] })),
        ("addOrganizationMember", json!({ "organizationId": acme, "user": "eve", "role": "MEMBER" })),
        ("updateOrganizationMember", json!({ "organizationId": acme, "userId": eve, "role": "ADMIN" })),
        ("removeOrganizationMember", json!({ "organizationId": acme, "userId": eve })),
        ("createOrganization", json!({ "slug": "new", "name": "New" })),
    ]
}

both!(
    /// R-68
    async fn extending_access_requires_a_fresh_session(database: Database) {
        let world = World::with(database, &[("organizations.self_service", "true")]).await;
        let owner = world.admin("bob", &["acme", "globex"]).await;
        let token = owner.create_token("deploy", &["acme"], &["read_builds"]).await.id;
        let bob = world.signed_in("bob").await;
        let mutations = mutations(&world, &token).await;
        world.advance(14 * MINUTE);
        let reply = bob.mutate(mutations[0].0, mutations[0].1.clone()).await;
        assert_eq!(reply.code(), "OK", "{}", reply.text);
        world.advance(MINUTE);
        let mark = world.mark().await;
        for (mutation, input) in &mutations {
            let reply = bob.mutate(mutation, input.clone()).await;
            let error = &reply.json()["errors"][0];
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (200, "UNAUTHENTICATED"), "{mutation}");
            assert_eq!(error["extensions"], json!({ "code": "UNAUTHENTICATED", "reauthenticate": true }), "{mutation}");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        // Changes that do not extend access need no fresh session.
        for (mutation, input) in [
            ("updateToken", json!({ "tokenId": token, "description": "changed" })),
            ("updateOrganization", json!({ "organizationId": world.organization_id("acme").await, "name": "Acme" })),
        ] {
            assert_eq!(bob.mutate(mutation, input).await.code(), "OK", "{mutation}");
        }
        // A caller without permission is not asked for a password.
        let foreign = world.organization("foreign").await;
        let input = json!({ "organizationId": foreign, "user": "eve", "role": "MEMBER" });
        assert_eq!(bob.mutate("addOrganizationMember", input).await.code(), "NOT_FOUND");

        assert_eq!(confirm(&bob, "another").await.text, r#"{"message":"The password is wrong."}"#);
        let fresh = confirm(&bob, PASSWORD).await;
        assert_eq!((fresh.status.as_u16(), fresh.text.as_str()), (204, ""));
        let renewed = world.browser(&fresh);
        assert_ne!(renewed.cookie, bob.cookie);
        assert_eq!((status(&bob).await, status(&renewed).await), (401, 200));
        for (mutation, input) in mutations {
            let reply = renewed.mutate(mutation, input).await;
            assert_eq!(reply.code(), "OK", "{mutation}: {}", reply.text);
        }
    }
);

both!(
    /// R-38
    async fn session_ends_with_its_user_and_password(world: World) {
        let (bob, other) = (world.signed_in("bob").await, world.signed_in("bob").await);
        assert_eq!(status(&bob).await, 401, "a new password ends all sessions");
        assert_eq!(status(&other).await, 200);
        world.operator(DisableUser { username: "bob".into() }).await.unwrap();
        assert_eq!((status(&other).await, confirm(&other, PASSWORD).await.status.as_u16()), (401, 401));
        world.operator(EnableUser { username: "bob".into() }).await.unwrap();
        assert_eq!(status(&other).await, 200);
        world.operator(DeleteUser { username: "bob".into() }).await.unwrap();
        assert_eq!((status(&other).await, world.sign_in("bob", PASSWORD).await.status.as_u16()), (401, 401));
    }
);

both!(
    async fn event_log_shows_that_a_session_was_used(world: World) {
        world.admin("ada", &["acme"]).await;
        let ada = world.signed_in("ada").await;
        ada.create_token("deploy", &["acme"], &["read_builds"]).await;
        let query = "{ organization(slug: \"acme\") { auditEvents(first: 2) { nodes { type via reason actor { username } } } } }";
        let data = ada.query(query, json!({})).await;
        let events = &data["organization"]["auditEvents"]["nodes"];
        let of = |kind: &str, via: &str, reason: Value, actor: Value| json!({ "type": kind, "via": via, "reason": reason, "actor": actor });
        assert_eq!(events[0], of("TOKEN_CREATED", "SESSION", Value::Null, json!({ "username": "ada" })));
        assert_eq!(events[1], of("USER_UPDATED", "COMMAND_LINE", json!("The password was changed."), Value::Null));
    }
);

both!(
    async fn authorization_header_takes_precedence_over_cookie(world: World) {
        let ada = world.user("ada").await;
        let bob = world.signed_in("bob").await;
        let both = Client { cookie: bob.cookie.clone(), ..ada.clone() };
        assert_eq!(both.query(VIEWER, json!({})).await["viewer"]["username"], "ada");
        // Not even for a request that a session may not make.
        let by_get = format!("/graphql?query={}", VIEWER.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D"));
        assert_eq!(both.get(&by_get).await.status, 200);
        let wrong = Client { credential: Some("nonsense".into()), ..bob.clone() };
        assert_eq!(status(&wrong).await, 401);
        assert_eq!((wrong.delete("/session").await.status.as_u16(), status(&bob).await), (401, 200));
    }
);

/// Headers that a page of another origin could send with the cookie, and headers that it could not.
fn forged_headers(world: &World) -> Vec<Vec<(&'static str, String)>> {
    let (console, ours) = (("x-tokenward-console", "1".to_owned()), ("origin", world.config.public_url.clone()));
    let origin = |text: &str| ("origin", text.to_owned());
    let site = ("sec-fetch-site", "cross-site".to_owned());
    vec![
        vec![],
        vec![ours.clone()],
        vec![origin("https://evil.example")],
        vec![console.clone(), origin("https://evil.example")],
        vec![console.clone(), origin("null")],
        vec![console.clone(), origin("http://localhost:1")],
        vec![console.clone(), site.clone()],
        vec![console, ours, site],
    ]
}

both!(
    /// R-42
    async fn other_origins_cannot_use_the_session(world: World) {
        let owner = world.admin("bob", &["acme"]).await;
        let token = owner.create_token("deploy", &["acme"], &["read_builds"]).await;
        let bob = world.signed_in("bob").await;
        let cookie = bob.cookie.clone().unwrap();
        let revoke = json!({
            "query": "mutation($id: ID!) { revokeToken(input: { tokenId: $id }) { token { id } } }",
            "variables": { "id": token.id },
        });
        let password = json!({ "username": "bob", "password": PASSWORD });
        let mark = world.mark().await;
        for headers in forged_headers(&world) {
            for (method, path, body) in [
                (Method::POST, "/graphql", &revoke),
                (Method::POST, "/session", &password),
                (Method::POST, "/session/confirm", &password),
                (Method::DELETE, "/session", &Value::Null),
            ] {
                for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
                    let mut request = world.http.request(method.clone(), world.url(path)).header("cookie", &cookie);
                    for (name, value) in &headers {
                        request = request.header(*name, value);
                    }
                    let reply = read(request.header("content-type", kind).body(body.to_string())).await;
                    assert_eq!(reply.status, 403, "{method} {path} {headers:?}");
                    assert!(!reply.headers.contains_key("set-cookie"));
                    assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
                }
            }
        }
        let by_get = "/graphql?query=%7Bviewer%7Bid%7D%7D";
        assert_eq!(bob.get(by_get).await.status, 403, "a session cannot be used by GET");
        // The endpoints for tokens ignore cookies.
        for path in ["/verify", "/v2/access-token"] {
            assert_eq!(bob.get(path).await.status, 401, "{path}");
        }
        assert_eq!(bob.delete("/v2/access-token").await.status, 401);
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let form = bob.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
            assert_eq!(read(form.body(format!("token={}", token.value))).await.status, 401, "{path}");
        }
        assert_eq!(status(&bob).await, 200);
        assert_eq!(world.since(&mark).await, (0, 0));
        // A page of the console can.
        let ours = bob.request(Method::POST, "/graphql").header("origin", &world.config.public_url);
        let reply = read(ours.header("sec-fetch-site", "same-origin").json(&revoke)).await;
        assert_eq!(reply.code(), "OK", "{}", reply.text);
    }
);

both!(
    /// R-42, R-65
    async fn cors_origins_cannot_use_the_session(database: Database) {
        let world = World::with(database, &[("cors.origins", "https://app.example.test")]).await;
        let bob = world.signed_in("bob").await;
        let request = bob.request(Method::OPTIONS, "/graphql").header("origin", "https://app.example.test");
        let request = request.header("access-control-request-method", "POST");
        let preflight =
            read(request.header("access-control-request-headers", "x-tokenward-console,content-type")).await;
        assert!(!preflight.header("access-control-allow-headers").contains("x-tokenward-console"));
        assert!(!preflight.headers.contains_key("access-control-allow-credentials"));
        let post = bob.request(Method::POST, "/graphql").header("origin", "https://app.example.test");
        assert_eq!(read(post.json(&json!({ "query": VIEWER }))).await.status, 403);
    }
);

both!(
    /// R-36
    async fn fresh_session_has_the_permissions_of_a_jwt(world: World) {
        let owner = world.member("bob", &["acme"]).await;
        world.admin("ada", &["acme"]).await;
        world.member("eve", &["acme"]).await;
        let (acme, foreign) = (world.organization_id("acme").await, world.organization("foreign").await);
        let token = owner.create_token("deploy", &["acme"], &["read_builds"]).await.id;
        let query = "query($id: ID!) { viewer { id email tokens { totalCount } organizations { totalCount } } \
                     token(id: $id) { id description events { totalCount } } \
                     organization(slug: \"acme\") { viewerIsAdmin tokenGrants { totalCount } auditEvents(filter: { types: [TOKEN_CREATED] }) { totalCount } } }";
        for name in ["bob", "ada", "eve", "zoe"] {
            let (jwt, session) = (world.user(name).await, world.signed_in(name).await);
            let (one, other) = (
                jwt.graphql(query, json!({ "id": token })).await,
                session.graphql(query, json!({ "id": token })).await,
            );
            assert_eq!(one.text, other.text, "{name}");
            for (mutation, input) in [
                (
                    "createToken",
                    json!({ "description": "new", "organizationIds": [foreign], "scopes": ["read_builds"] }),
                ),
                ("updateToken", json!({ "tokenId": token, "description": "changed" })),
                ("addOrganizationToToken", json!({ "tokenId": token, "organizationId": foreign })),
                ("removeOrganizationFromToken", json!({ "tokenId": token, "organizationId": foreign })),
                ("createOrganization", json!({ "slug": "new", "name": "New" })),
                ("updateOrganization", json!({ "organizationId": acme, "name": "acme inc." })),
                ("addOrganizationMember", json!({ "organizationId": acme, "user": "eve", "role": "MEMBER" })),
                ("removeOrganizationMember", json!({ "organizationId": acme, "userId": token })),
            ] {
                let (one, other) = (jwt.mutate(mutation, input.clone()).await, session.mutate(mutation, input).await);
                assert_eq!((one.code(), one.status), (other.code(), other.status), "{name}: {mutation}");
            }
        }
    }
);

both!(
    /// R-38
    async fn session_of_a_replaced_password_is_invalid(world: World) {
        world.user("bob").await;
        world.set_password("bob").await;
        let known = world.app.store().sign_in_by_name("bob").await.unwrap().expect("bob");
        // Another password is set between the check of the password and the creation of the session.
        world.set_password("bob").await;
        let at = world.now();
        let new = NewSession {
            id: SessionId::new(at),
            fingerprint: Fingerprint::of("a cookie"),
            user: known.id,
            password_version: known.version.expect("a password"),
            at,
            address: None,
            user_agent: None,
        };
        world.app.store().maintenance().open_session(new.clone()).await.unwrap();
        assert!(world.app.store().session_by_fingerprint(new.fingerprint, at).await.unwrap().is_none());
    }
);
