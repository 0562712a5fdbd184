//! `/verify` and `/verify-for`: checks for gateways.

use super::{
    AUTHENTICATE, INVALID_TOKEN, JSON, NO_CREDENTIAL, UNAVAILABLE, bob, disconnect_database, json_response, method,
    rejected_tokens, render, seen_by_admin, seen_by_owner, send_raw, unknown,
};
use crate::{
    program::Program,
    world::{
        World,
        client::{CreatedToken, Reply, read},
        database::{Database, Kind},
        lateness::Lateness,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokenward::testing::{
    actions::{DisableUser, EnableUser, InviteUser},
    domain::caller::Caller,
};

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"];
const TOKEN_HEADERS: [&str; 6] =
    ["x-token-expires-at", "x-token-id", "x-token-organization", "x-token-scopes", "x-token-user", "x-token-user-id"];

/// Returns a denial, in which the six token headers are present and empty.
fn denial(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let mut all = TOKEN_HEADERS.map(|name| (name, "")).to_vec();
    all.extend(headers);
    json_response(status, &all, body)
}

fn missing_scope(missing: &str, required: &str) -> String {
    let challenge = format!("Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"{required}\"");
    let body = format!("{{\"message\":\"Your access token doesn't have the {missing} scope\"}}");
    denial(403, &[("www-authenticate", &challenge)], &body)
}

fn no_organization() -> String {
    denial(403, &[], r#"{"message":"No organization found"}"#)
}

fn misconfigured() -> String {
    let message = "The gateway's configuration for this request is wrong; the log of the service says why.";
    denial(403, &[], &json!({ "message": message }).to_string())
}

fn invalid() -> String {
    denial(401, &[("www-authenticate", INVALID_TOKEN)], AUTHENTICATE)
}

both!(
    /// R-30
    async fn valid_token_is_allowed_with_six_headers_and_no_body(world: World) {
        let (bob, token) = bob(&world, &["read_builds", "read_agents", "graphql"]).await;
        let user = bob.query("{ viewer { uuid } }", json!({})).await["viewer"]["uuid"].as_str().unwrap().to_owned();
        let holder = world.bearer(&token.value);
        let allowed = |organization: &str| {
            format!(
                "200\nx-token-expires-at: \nx-token-id: {}\nx-token-organization: {organization}\nx-token-scopes: read_agents read_builds \
                 graphql\nx-token-user: bob\nx-token-user-id: {user}\n\n",
                token.uuid
            )
        };
        assert_eq!(render(&holder.verify("scope=read_builds&organization=acme").await), allowed("acme"));
        assert_eq!(render(&holder.verify("scope=read_builds&scope=graphql+read_agents").await), allowed(""));
        assert_eq!(render(&holder.get("/verify").await), allowed(""));
        assert_eq!(render(&holder.get("/verify/").await), allowed(""));
        assert_eq!(render(&holder.get("/verify/v1/builds").await), allowed(""));
        assert_eq!(render(&holder.get("/verify-for/acme/read_builds,graphql/v1/builds").await), allowed("acme"));
        assert_eq!(render(&holder.get("/verify-for/*/*/").await), allowed(""));
        let expiry = world.now().plus(Duration::from_hours(1));
        let expiring = bob.create_expiring_token("expiring", &["acme"], &["read_builds"], Some(expiry.to_text())).await;
        let reply = world.bearer(&expiring.value).get("/verify").await;
        assert_eq!(reply.header("x-token-expires-at"), expiry.to_text_in_seconds());
    }
);

both!(
    /// R-30
    async fn verdict_ignores_method_path_and_body(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let mut cases = rejected_tokens(&world).await;
        cases.push(("valid", token.value));
        for (state, value) in cases {
            let expected = if state == "valid" { 200 } else { 401 };
            for name in METHODS {
                for path in [
                    "/verify",
                    "/verify/",
                    "/verify/v1/organizations/acme/builds?x=1",
                    "/verify-for/acme/read_builds/v1/builds?scope=graphql",
                ] {
                    let request = world.bearer(&value).request(method(name), path);
                    let reply = read(request.body("access_token=1")).await;
                    assert_eq!(reply.status, expected, "{state}: {name} {path}");
                    for header in TOKEN_HEADERS {
                        assert!(reply.headers.contains_key(header), "{state}: {name} {path} without {header}");
                    }
                    if expected == 401 {
                        let body = if name == "HEAD" { "" } else { AUTHENTICATE };
                        assert_eq!(render(&reply), invalid().replace(AUTHENTICATE, body), "{state}: {name} {path}");
                    }
                }
            }
        }
    }
);

both!(
    /// R-30: the response is sent before the body is read, whatever its declared length is.
    async fn request_body_is_never_awaited(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let request = format!(
            "POST /verify HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: 10000000\r\n\r\naccess_token=x",
            token.value
        );
        // The rest of the body is never sent: a service that awaited it would close the connection.
        assert_eq!(super::raw(&world, request.as_bytes()).await.status, 200);
    }
);

both!(
    /// R-11, R-12, R-15
    async fn malformed_and_repeated_credentials_get_identical_401s(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let none = send_raw(&world, "GET", "/verify", &[]).await;
        assert_eq!(render(&none), denial(401, &[("www-authenticate", NO_CREDENTIAL)], AUTHENTICATE));
        let of = |scheme: &str| format!("Authorization: {scheme} {}", token.value);
        for good in [of("Bearer"), of("bearer"), of("BEARER")] {
            assert_eq!(send_raw(&world, "GET", "/verify", &[&good]).await.status, 200, "{good}");
        }
        let long = format!("Authorization: Bearer {}", "x".repeat(9 * 1024));
        let repeated = [of("Bearer"), of("Bearer")];
        for bad in [
            vec![of("Basic").as_str()],
            vec![&of("DPoP")],
            vec![&of("Bearer Bearer")],
            vec!["Authorization: Bearer"],
            vec!["Authorization:"],
            vec!["Authorization: Bearer twd_€"],
            vec![&format!("Authorization: {}", token.value)],
            vec![&format!("Authorization: Bearer {},", token.value)],
            vec![&format!("Authorization: Bearer {}", unknown())],
            vec![&long],
            vec![&repeated[0], &repeated[1]],
            vec![&repeated[0], "Authorization: Basic YTpi"],
        ] {
            assert_eq!(render(&send_raw(&world, "GET", "/verify", &bad).await), invalid(), "{bad:?}");
        }
        // A token elsewhere is ignored.
        let query = format!("/verify?access_token={}", token.value);
        assert_eq!(render(&send_raw(&world, "GET", &query, &[]).await), render(&none));
        let proxied = format!("Proxy-Authorization: Bearer {}", token.value);
        assert_eq!(render(&send_raw(&world, "GET", "/verify", &[&proxied]).await), render(&none));
    }
);

both!(
    /// R-14
    async fn denial_names_the_first_missing_scope_and_lists_all_required_ones(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        let response = async |query: &str| render(&holder.verify(query).await);
        assert_eq!(response("scope=read_agents").await, missing_scope("read_agents", "read_agents"));
        let required = "read_builds read_user read_agents";
        assert_eq!(
            response("scope=read_builds&scope=read_user+read_agents").await,
            missing_scope("read_user", required)
        );
        assert_eq!(response("scope=graphql&organization=acme").await, missing_scope("graphql", "graphql"));
        // No token has an unknown scope, and an invalid name is not repeated.
        assert_eq!(response("scope=no_such_scope").await, missing_scope("no_such_scope", "no_such_scope"));
        assert_eq!(response("scope=%22%0d%0aX-Token-User:+root").await.lines().next(), Some("403"));
        assert!(!response("scope=%22evil%0d%0a").await.contains("evil"));
    }
);

both!(
    /// R-14: a malformed requirement of a gateway denies, it is not ignored.
    async fn misconfigured_gateway_is_denied_and_recorded_as_denied(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        for target in [
            "/verify?scope=",
            "/verify?scope",
            "/verify?scope=+&scope=read_builds",
            "/verify?scopes=nosuch",
            "/verify?org=globex",
            "/verify?organization=acme&Scope=graphql",
            "/verify?organization=globex&x=1",
            "/verify?=",
            "/verify/?scope=read_builds",
            "/verify/?organization=acme",
            "/verify/v1?x=1&%73cope=",
            "/verify-for",
            "/verify-for/",
            "/verify-for//",
            "/verify-for/acme",
            "/verify-for/acme/read_builds",
            "/verify-for//read_builds/v1",
            "/verify-for/acme//v1",
            "/verify-for/acme/read_builds,/v1",
            "/verify-for/acme/%FF/v1",
        ] {
            assert_eq!(render(&send_raw(&world, "GET", target, &[]).await).lines().next(), Some("401"), "{target}");
            assert_eq!(render(&world.bearer(&unknown()).get(target).await), invalid(), "{target}");
            assert_eq!(holder.verify("").await.status, 200);
            assert_eq!(seen_by_owner(&bob, &token).await.0["allowed"], true);
            assert_eq!(render(&holder.get(target).await), misconfigured(), "{target}");
            assert_eq!(seen_by_owner(&bob, &token).await.0["allowed"], false, "{target}");
        }
        for target in ["/verify?", "/verify/?", "/verify/?scopes=x&access_token=y", "/verify/v1?x=1", "/verify/v1?"] {
            assert_eq!(holder.get(target).await.status, 200, "{target}");
        }
    }
);

both!(
    /// R-14
    async fn verify_for_takes_organization_and_scopes_before_the_appended_path(world: World) {
        let (_, token) = bob(&world, &["read_builds", "read_user"]).await;
        world.organization("globex").await;
        let holder = world.bearer(&token.value);
        let get = async |target: &str| render(&holder.get(target).await);
        for target in [
            "/verify-for/acme/read_builds/",
            "/verify-for/acme/read_user,read_builds/v1//x?scope=graphql&organization=globex",
            "/verify-for/%61cme/read%5Fbuilds/v1",
            "/verify-for/*/read_builds/v1",
            "/verify-for/acme/*/verify-for/globex/graphql/x",
        ] {
            assert!(get(target).await.starts_with("200\n"), "{target}");
        }
        assert_eq!(get("/verify-for/acme/graphql/v1").await, missing_scope("graphql", "graphql"));
        assert_eq!(get("/verify-for/*/read_builds,graphql/v1").await, missing_scope("graphql", "read_builds graphql"));
        assert_eq!(get("/verify-for/acme/*,read_builds/v1").await, missing_scope("required", "read_builds"));
        assert_eq!(get("/verify-for/acme/nosuch/v1?scope=read_builds").await, missing_scope("nosuch", "nosuch"));
        for organization in ["globex", "initech", "ACME", "**", "acme%2F", "acme%20", "*%00"] {
            let target = format!("/verify-for/{organization}/read_builds/v1");
            assert_eq!(get(&target).await, no_organization(), "{target}");
        }
    }
);

both!(
    /// R-14: a path that a client appends to `/verify` requires nothing, and never becomes `/verify-for`.
    async fn client_path_cannot_change_the_requirements(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let (_, token) = bob(&world, &["read_builds"]).await;
        for path in [
            "/../verify-for/*/*/harmless",
            "/%2e%2e/verify-for/*/*/harmless",
            "/..%2fverify-for/*/*/harmless",
            "//verify-for/*/*/harmless",
            "/./-for/*/*/harmless",
            "/;/../../verify-for/*/*/harmless",
            "/\\..\\verify-for/*/*/harmless",
        ] {
            // Without requirements it is allowed, and its path is recorded unchanged.
            let reply = by_gateway(&world, &token.value, &format!("/verify{path}"), &[]).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(seen_by_admin(&world, "acme", &token).await.0["path"], path);
            // With a missing scope it is denied.
            for before in ["/verify-for/acme/graphql", "/verify-for/*/graphql", "/verify-for/globex/*"] {
                let reply = by_gateway(&world, &token.value, &format!("{before}{path}"), &[]).await;
                assert_eq!(reply.status, 403, "{before}{path}");
            }
        }
        // The path of a client always starts with a slash; a target without one is no endpoint.
        for target in
            ["/verify-forx/*/*/x", "/verify-f", "/verifyx", "/verify*", "/verify;/*/*/x", "//verify-for/*/*/x"]
        {
            let reply = by_gateway(&world, &token.value, target, &[]).await;
            assert_eq!(reply.status, 404, "{target}");
        }
    }
);

both!(
    /// R-30
    async fn preflight_is_never_allowed(database: Database) {
        let world = World::with(database, &[("cors.origins", "https://app.example.com")]).await;
        let headers = ["Origin: https://app.example.com", "Access-Control-Request-Method: GET"];
        for target in ["/verify", "/verify/", "/verify/v1/builds", "/verify-for/*/*/v1", "/verify-for"] {
            for headers in [&headers[..], &[]] {
                let reply = send_raw(&world, "OPTIONS", target, headers).await;
                assert_eq!((reply.status.as_u16(), &*reply.text), (401, AUTHENTICATE), "{target}");
            }
        }
        for target in ["//verify", "/Verify", "/verifyx", "/verify%2Fx", "/verify*", "//graphql", "/nothing"] {
            for method in ["OPTIONS", "GET", "POST", "PURGE"] {
                for headers in [&headers[..], &[]] {
                    assert_eq!(send_raw(&world, method, target, headers).await.status, 404, "{method} {target}");
                }
            }
        }
        assert_eq!(send_raw(&world, "OPTIONS", "/graphql", &headers).await.status, 200);
    }
);

/// R-75
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misconfigured_gateway_is_logged_once_per_parameter() {
    let database = Database::fresh(Kind::Sqlite, "misconfigured_gateway").unwrap();
    let program = Program::over(&database, &[("log.level", "warn"), ("log.format", "json")]);
    program.add_organization("acme", &["ada"]);
    let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "read_builds"]);
    let (_serving, _) = program.serve().await;
    let http = reqwest::Client::new();
    let warnings = async |target: &str, credential: &str| {
        let before = program.logged().lines().count();
        http.get(program.url(target)).bearer_auth(credential).send().await.unwrap();
        let log = program.logged();
        let lines = log.lines().skip(before).map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (line["level"].clone(), line["parameter"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    for (target, parameters) in [
        ("/verify?scope=&organization=acme", &["scope"][..]),
        ("/verify?scope=&scope=+&org=acme&twd_0123456789=1", &["org", "scope", "twd_…"]),
        ("/verify/v1?scope=read_builds&x=1&organization=acme", &["organization", "scope"]),
        ("/verify-for/acme", &["path"]),
        ("/verify?scope=graphql", &[]),
        ("/verify/v1?x=1", &[]),
    ] {
        let expected: Vec<_> = parameters.iter().map(|name| (json!("WARN"), (*name).to_owned())).collect();
        assert_eq!(warnings(target, &token).await, expected, "{target}");
        // An invalid credential causes no log line.
        assert_eq!(warnings(target, &unknown()).await, [], "{target}");
    }
}

both!(
    /// R-14
    async fn organization_is_checked_before_scopes_and_unknown_equals_not_granted(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        world.organization("globex").await;
        let holder = world.bearer(&token.value);
        for organization in ["globex", "initech", "", "ACME", "acme%20", "acme%00", "org_acme"] {
            for scope in ["", "&scope=read_builds", "&scope=graphql"] {
                let reply = holder.verify(&format!("organization={organization}{scope}")).await;
                assert_eq!(render(&reply), no_organization(), "{organization:?} {scope}");
            }
        }
        for twice in ["organization=acme&organization=acme", "organization=acme&scope=read_builds&organization=globex"]
        {
            assert_eq!(render(&holder.verify(twice).await), no_organization(), "{twice}");
        }
    }
);

both!(
    async fn token_is_denied_while_its_owner_is_disabled(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        world.operator(DisableUser { username: "bob".into() }).await.unwrap();
        assert_eq!(render(&holder.verify("organization=acme").await), invalid());
        world.operator(EnableUser { username: "bob".into() }).await.unwrap();
        assert_eq!(holder.verify("organization=acme").await.status, 200);
    }
);

both!(
    async fn retired_scope_is_denied_by_all_endpoints(database: Database) {
        let file = database.folder().join("scopes.toml");
        let scope = |name: &str, access: &str| {
            format!("[[scope]]\nname = \"{name}\"\ntitle = \"T\"\ndescription = \"D\"\naccess = \"{access}\"\n")
        };
        std::fs::write(&file, scope("read_builds", "read") + &scope("graphql", "graphql")).unwrap();
        // The scope read_old is in the catalogue only when the token is created.
        let later = World::with(database, &[("scopes.file", file.to_str().unwrap())]).await;
        std::fs::write(&file, scope("read_builds", "read") + &scope("read_old", "read")).unwrap();
        let before = tokenward::testing::config::Config::load(
            None,
            [],
            &[("database.url", later.database.url().to_owned()), ("scopes.file", file.to_str().unwrap().to_owned())],
        )
        .unwrap();
        later.member("bob", &["acme"]).await;
        let value = create_with(&later, &before, &["read_builds", "read_old"]).await;
        let holder = later.bearer(&value);
        let allowed = holder.verify("scope=read_builds").await;
        assert_eq!((allowed.status.as_u16(), allowed.header("x-token-scopes")), (200, "read_builds"));
        assert_eq!(render(&holder.verify("scope=read_old").await), missing_scope("read_old", "read_old"));
        let api = later.resource_server("api").await;
        assert_eq!(later.introspect(&api, &value, &[]).await.json()["scope"], "read_builds");
        assert_eq!(later.introspect(&api, &value, &[("scope", "read_old")]).await.text, r#"{"active":false}"#);
    }
);

/// Creates a token of Bob for acme, as a service with another configuration would.
async fn create_with(world: &World, config: &tokenward::testing::config::Config, scopes: &[&str]) -> String {
    use tokenward::testing::{actions, app};
    let app = app::App::new(world.app.store().clone(), config, world.clock.clone());
    let caller = Caller::command_line(app.now());
    let operator = tokenward::testing::domain::policy::operator(&caller).unwrap();
    let owner = app.store().user_by_username(&operator, "bob").await.unwrap().unwrap().id;
    let acme = app.store().organization_by_slug("acme").await.unwrap().unwrap().id;
    let names: Vec<_> = scopes.iter().map(|name| (*name).to_owned()).collect();
    let input = actions::CreateToken {
        description: "old".into(),
        organizations: vec![acme],
        scopes: app.catalogue().grantable("scopes", &names).unwrap(),
        expires_at: None,
        owner: Some(owner),
    };
    app.change(&caller, input).await.unwrap().1.reveal_once()
}

/// Sends a request of a gateway with additional headers.
async fn by_gateway(world: &World, value: &str, target: &str, headers: &[&str]) -> Reply {
    let authorization = format!("Authorization: Bearer {value}");
    let mut all = vec![authorization.as_str(), "User-Agent: curl/8"];
    all.extend(headers);
    send_raw(world, "GET", target, &all).await
}

both!(
    /// R-70
    async fn audit_shows_the_connection_without_a_trusted_proxy(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let headers = [
            "X-Forwarded-For: 9.9.9.9",
            "X-Real-IP: 9.9.9.9",
            "Forwarded: for=9.9.9.9",
            "X-Forwarded-Method: DELETE",
            "X-Forwarded-Uri: /elsewhere",
            "X-Original-URI: /elsewhere",
        ];
        let target = "/verify?organization=acme&scope=read_builds";
        assert_eq!(by_gateway(&world, &token.value, target, &headers).await.status, 200);
        let shown = json!({
            "ipAddress": "127.0.0.1", "userAgent": "curl/8", "method": "GET", "path": "/verify",
            "scope": "read_builds", "allowed": true,
        });
        assert_eq!(seen_by_owner(&bob, &token).await.0, shown);
        assert_eq!(seen_by_admin(&world, "acme", &token).await.0, shown);
    }
);

both!(
    /// R-70
    async fn audit_shows_the_original_request_behind_a_trusted_proxy(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32,10.0.0.0/8")]).await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let value = &token.value;
        let harmless = "X-Forwarded-Uri: /harmless";
        let cases: [(&str, &[&str], _, _, _); 19] = [
            (
                "",
                &["X-Forwarded-For: 9.9.9.9, 1.2.3.4", "X-Forwarded-Method: delete", "X-Forwarded-Uri: /v1/b?k=v"],
                "1.2.3.4",
                Some("DELETE"),
                Some("/v1/b"),
            ),
            (
                "",
                &[
                    "X-Forwarded-For: 1.2.3.4, 10.9.8.7",
                    "X-Original-Method: PUT",
                    "X-Original-URL: https://api.test/x?y",
                ],
                "1.2.3.4",
                Some("PUT"),
                Some("/x"),
            ),
            ("", &["X-Forwarded-For: ::ffff:1.2.3.4", "X-Original-URI: /v1/b?k=v"], "1.2.3.4", None, Some("/v1/b")),
            ("", &["X-Forwarded-For: 2001:DB8:0::1"], "2001:db8::1", None, None),
            ("", &["X-Forwarded-For: 198.51.100.7:51234"], "198.51.100.7", None, None),
            ("", &["X-Forwarded-For: [2001:db8::7]:51234"], "2001:db8::7", None, None),
            ("", &["X-Forwarded-For: nonsense", "X-Forwarded-Method: <b>"], "127.0.0.1", None, None),
            ("", &["X-Real-IP: 9.9.9.9", "Forwarded: for=9.9.9.9"], "127.0.0.1", None, None),
            ("", &["X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 1.2.3.4"], "1.2.3.4", None, None),
            ("", &["X-Forwarded-Uri: /with/%0Aa/newline"], "127.0.0.1", None, Some("/with/%0Aa/newline")),
            ("", &["X-Forwarded-Uri: /v1/secret/é"], "127.0.0.1", None, Some("/v1/secret/%C3%A9")),
            ("", &["X-Forwarded-Uri: /v1/a?to=https://b/c"], "127.0.0.1", None, Some("/v1/a")),
            ("", &["X-Forwarded-Uri:"], "127.0.0.1", None, None),
            ("", &["X-Forwarded-Uri: v1/builds"], "127.0.0.1", None, None),
            // One of two repeated headers may be from the client.
            (
                "",
                &[harmless, "X-Forwarded-Uri: /v1", "X-Forwarded-Method: A", "X-Forwarded-Method: B"],
                "127.0.0.1",
                None,
                None,
            ),
            ("/v1/b%20", &[], "127.0.0.1", None, Some("/v1/b%20")),
            ("/v1/b", &[harmless], "127.0.0.1", None, Some("/harmless")),
            ("-for/acme/*/v1//b?x=y", &[harmless], "127.0.0.1", None, Some("/v1//b")),
            ("-for/acme/*/", &["X-Forwarded-Method: POST"], "127.0.0.1", Some("POST"), Some("/")),
        ];
        for (below, headers, address, method, path) in cases {
            assert_eq!(by_gateway(&world, value, &format!("/verify{below}"), headers).await.status, 200);
            let shown = json!({
                "ipAddress": address, "userAgent": "curl/8", "method": method, "path": path,
                "scope": null, "allowed": true,
            });
            assert_eq!(seen_by_admin(&world, "acme", &token).await.0, shown, "{below} {headers:?}");
            assert_eq!(seen_by_owner(&bob, &token).await.0, shown, "{below} {headers:?}");
        }
    }
);

both!(
    /// R-70: an invalid byte hides neither the address of a client nor the path of its request.
    async fn invalid_bytes_do_not_hide_address_and_path(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let recorded = async |target: &[u8], more: &[u8]| {
            let value = token.value.as_bytes();
            let end = b"\r\nHost: t\r\nConnection: close\r\n\r\n";
            let parts = [b"GET ", target, b" HTTP/1.1\r\nAuthorization: Bearer ", value, b"\r\n", more, end];
            assert_eq!(super::raw(&world, &parts.concat()).await.status, 200);
            let (request, _) = seen_by_owner(&bob, &token).await;
            (request["path"].clone(), request["ipAddress"].clone())
        };
        let more = b"X-Forwarded-Uri: /v1/secret/\xe9\r\nX-Forwarded-For: \xe9, 198.51.100.7";
        assert_eq!(recorded(b"/verify", more).await, (json!("/v1/secret/%E9"), json!("198.51.100.7")));
        let more = b"X-Forwarded-For: \xff\r\nX-Forwarded-For: [2001:db8::7]:1";
        assert_eq!(recorded("/verify/v1/é".as_bytes(), more).await, (json!("/v1/%C3%A9"), json!("2001:db8::7")));
    }
);

both!(
    /// R-70, R-76: the rate limit ignores the port that a gateway appends to the client address.
    async fn rate_limit_ignores_client_ports(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let from = async |client: &str| {
            let value = format!("Authorization: Bearer {}", unknown());
            let forwarded = format!("X-Forwarded-For: {client}");
            send_raw(&world, "GET", "/v2/access-token", &[&value, &forwarded]).await.status.as_u16()
        };
        for port in 1..=60 {
            assert_eq!(from(&format!("198.51.100.7:{port}")).await, 401);
        }
        assert_eq!(from("198.51.100.7:61").await, 429);
        assert_eq!(from("198.51.100.8:61").await, 401);
        assert_eq!(from("[2001:db8::7]:61").await, 401);
    }
);

both!(
    /// R-08
    async fn secret_in_path_or_user_agent_is_redacted_in_any_spelling(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let operator = Caller::command_line(world.now());
        let link = world.app.change(&operator, InviteUser { username: "bob".into() }).await.unwrap().link_once("");
        let code = link.rsplit('/').next().unwrap();
        let value = &token.value;
        let authorization = format!("Authorization: Bearer {value}");
        for (spelled, kept) in [
            (value.clone(), "twd_…"),
            (value.replace('_', "%5F"), "twd_…"),
            (value.replace("twd_", "%74wD%255f"), "twD_…"),
            (value.replace('_', "\u{FF3F}"), "twd_…"),
            (format!("{}\u{200B}{}", &value[..10], &value[10..]), "twd_…"),
            (format!("{}\u{180B}{}", &value[..10], &value[10..]), "twd_…"),
            (format!("INVITATIONS//{code}"), "INVITATIONS//…"),
            (format!("%69nvitations%2F{code}"), "invitations/…"),
        ] {
            let path = format!("X-Forwarded-Uri: /v1/{spelled}/builds?{value}");
            let agent = format!("User-Agent: curl {spelled}");
            let reply = send_raw(&world, "GET", "/verify", &[&authorization, &path, &agent]).await;
            assert_eq!(reply.status, 200);
            let (request, _) = seen_by_owner(&bob, &token).await;
            let expected = (json!(format!("/v1/{kept}/builds")), json!(format!("curl {kept}")));
            assert_eq!((request["path"].clone(), request["userAgent"].clone()), expected, "{spelled}");
        }
    }
);

both!(
    /// R-03, R-59: a client may control the scope in a request.
    async fn invalid_scope_is_not_recorded_and_usage_still_is(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        for (scope, kept) in [
            ("%00", json!(null)),
            (&*token.value, json!(null)),
            ("read_builds+%E2%80%AE", json!("read_builds")),
            (&"read_nothing+".repeat(4_000), json!("read_nothing ".repeat(20).trim_end())),
        ] {
            assert_eq!(holder.verify(&format!("scope={scope}")).await.status, 403, "{scope}");
            assert_eq!(seen_by_owner(&bob, &token).await.0["scope"], kept, "{scope}");
            assert_eq!(seen_by_admin(&world, "acme", &token).await.0["scope"], kept, "{scope}");
        }
    }
);

both!(
    async fn denied_request_is_the_last_request_and_no_use(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        world.organization("initech").await;
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        // A check for acme counts for acme.
        assert_eq!(holder.verify("organization=acme&scope=graphql").await.status, 403);
        let (request, used) = seen_by_admin(&world, "acme", &token).await;
        assert_eq!((&request["allowed"], &request["scope"], used), (&json!(false), &json!("graphql"), None));
        assert_eq!(seen_by_admin(&world, "globex", &token).await, (json!(null), None));
        assert_eq!(seen_by_owner(&bob, &token).await, (request, None));
        // A check without an organization counts for all.
        assert_eq!(holder.verify("").await.status, 200);
        let (request, used) = seen_by_admin(&world, "globex", &token).await;
        assert_eq!((&request["allowed"], used.is_some()), (&json!(true), true));
        let acme = seen_by_admin(&world, "acme", &token).await;
        assert_eq!((&acme.0["allowed"], acme.1), (&json!(true), used));
        // A check for an organization without a grant counts for the token only.
        assert_eq!(holder.verify("organization=initech").await.status, 403);
        assert_eq!(seen_by_admin(&world, "acme", &token).await, acme);
        let (request, last) = seen_by_owner(&bob, &token).await;
        assert_eq!((&request["allowed"], last), (&json!(false), used));
        // A revoked token has access to nothing, and its owner still sees the attempt.
        assert_eq!(bob.revoke_token(&token.id).await.code(), "OK");
        let attempt = world.bearer(&token.value).request(Method::GET, "/verify").header("user-agent", "late");
        assert_eq!(read(attempt).await.status, 401);
        let (request, last) = seen_by_owner(&bob, &token).await;
        assert_eq!((&request["userAgent"], &request["allowed"], last), (&json!("late"), &json!(false), used));
    }
);

both!(
    /// A background job writes the usage; the test does not flush.
    async fn first_usage_is_written_within_2_s_and_the_next_within_7_s(world: World) {
        let (bob, _) = bob(&world, &["read_builds"]).await;
        let until = async |token: &CreatedToken, expected: &str, limit: Duration| {
            let start = Instant::now();
            let query = "query($id: ID!) { token(id: $id) { lastRequest { path } } }";
            let path =
                async || bob.query(query, json!({ "id": token.id })).await["token"]["lastRequest"]["path"].clone();
            while path().await != expected {
                assert!(start.elapsed() < limit, "{expected} is not written after {limit:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            start.elapsed()
        };
        // A machine that pauses now and then does not do so in each of three attempts.
        let (mut took, lateness) = (Vec::new(), Lateness::watched());
        for _ in 0..3 {
            let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
            let (holder, start) = (world.bearer(&token.value), Instant::now());
            assert_eq!(holder.get("/verify/one").await.status, 200);
            let one = until(&token, "/verify/one", Duration::from_secs(20)).await;
            assert_eq!(holder.get("/verify/two").await.status, 200);
            let two = until(&token, "/verify/two", Duration::from_secs(30)).await;
            let both = start.elapsed();
            assert!(both >= Duration::from_secs(5), "again after {both:?}: the row would be written too often");
            let late = lateness.on_top_of(Duration::ZERO).await;
            if one < Duration::from_secs(2) + late && two < Duration::from_secs(7) + late {
                return;
            }
            took.push((one, two));
        }
        panic!("usage is written too late: {took:?}");
    }
);

both!(
    /// R-30
    async fn database_outage_is_503_for_well_formed_tokens_and_never_allows(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        assert_eq!(holder.verify("organization=acme").await.status, 200);
        disconnect_database(&world).await;
        let lateness = Lateness::watched();
        for query in ["", "organization=acme", "organization=globex&scope=graphql"] {
            let start = Instant::now();
            let reply = holder.verify(query).await;
            let took = start.elapsed();
            assert_eq!(render(&reply), denial(503, &[("retry-after", "1")], UNAVAILABLE), "{query}");
            assert!(took < lateness.on_top_of(Duration::from_secs(3)).await, "{took:?}");
        }
        // A malformed value is rejected without a query.
        assert_eq!(render(&world.bearer("twd_nonsense").get("/verify").await), invalid());
        assert_eq!(world.anonymous().get("/verify").await.header("content-type"), JSON);
    }
);
