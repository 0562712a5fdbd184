//! Does `/verify` let through what may pass, and nothing else, in the few words that gateways understand?

use super::{
    AUTHENTICATE, INVALID_TOKEN, JSON, LATER, NO_CREDENTIAL, bob, lose_the_store, method, problem, refused,
    seen_by_admin, seen_by_owner, send_raw, unknown, whole,
};
use crate::{
    program::Program,
    world::{
        World,
        client::{Made, Reply, read},
        database::{Database, Kind},
        lateness::Lateness,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokenward::{
    actions::{DisableUser, EnableUser, invite_user},
    domain::caller::Caller,
};

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"];
const HANDED_ON: [&str; 6] =
    ["x-token-expires-at", "x-token-id", "x-token-organization", "x-token-scopes", "x-token-user", "x-token-user-id"];

/// A refusal: the six headers are there, and empty.
fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let mut all = HANDED_ON.map(|name| (name, "")).to_vec();
    all.extend(headers);
    problem(status, &all, body)
}

fn lacks(missing: &str, asked: &str) -> String {
    let challenge = format!("Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"{asked}\"");
    let body = format!("{{\"message\":\"Your access token doesn't have the {missing} scope\"}}");
    refusal(403, &[("www-authenticate", &challenge)], &body)
}

fn no_organization() -> String {
    refusal(403, &[], r#"{"message":"No organization found"}"#)
}

fn misconfigured() -> String {
    let message = "The gateway's configuration for this request is wrong; the log of the service says why.";
    refusal(403, &[], &json!({ "message": message }).to_string())
}

fn invalid() -> String {
    refusal(401, &[("www-authenticate", INVALID_TOKEN)], AUTHENTICATE)
}

both!(
    /// R-30
    async fn live_token_passes_with_all_six_headers_and_no_body(world: World) {
        let (bob, token) = bob(&world, &["read_builds", "read_agents", "graphql"]).await;
        let user = bob.ask("{ viewer { uuid } }", json!({})).await["viewer"]["uuid"].as_str().unwrap().to_owned();
        let holder = world.holder_of(&token.value);
        let passed = |organization: &str| {
            format!(
                "200\nx-token-expires-at: \nx-token-id: {}\nx-token-organization: {organization}\nx-token-scopes: read_agents read_builds \
                 graphql\nx-token-user: bob\nx-token-user-id: {user}\n\n",
                token.uuid
            )
        };
        assert_eq!(whole(&holder.verify("scope=read_builds&organization=acme").await), passed("acme"));
        assert_eq!(whole(&holder.verify("scope=read_builds&scope=graphql+read_agents").await), passed(""));
        assert_eq!(whole(&holder.get("/verify").await), passed(""));
        assert_eq!(whole(&holder.get("/verify/").await), passed(""));
        assert_eq!(whole(&holder.get("/verify/v1/builds").await), passed(""));
        assert_eq!(whole(&holder.get("/verify-for/acme/read_builds,graphql/v1/builds").await), passed("acme"));
        assert_eq!(whole(&holder.get("/verify-for/*/*/").await), passed(""));
        let end = world.now().plus(Duration::from_hours(1));
        let until = bob.creates_token_until("until", &["acme"], &["read_builds"], Some(end.to_text())).await;
        let reply = world.holder_of(&until.value).get("/verify").await;
        assert_eq!(reply.header("x-token-expires-at"), end.to_text_in_seconds());
    }
);

both!(
    /// R-30
    async fn every_method_path_and_body_is_answered_for_the_token_alone(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let mut cases = refused(&world).await;
        cases.push(("live", token.value));
        for (state, value) in cases {
            let expected = if state == "live" { 200 } else { 401 };
            for name in METHODS {
                for path in [
                    "/verify",
                    "/verify/",
                    "/verify/v1/organizations/acme/builds?x=1",
                    "/verify-for/acme/read_builds/v1/builds?scope=graphql",
                ] {
                    let request = world.holder_of(&value).request(method(name), path);
                    let reply = read(request.body("access_token=1")).await;
                    assert_eq!(reply.status, expected, "{state}: {name} {path}");
                    for header in HANDED_ON {
                        assert!(reply.headers.contains_key(header), "{state}: {name} {path} without {header}");
                    }
                    if expected == 401 {
                        let body = if name == "HEAD" { "" } else { AUTHENTICATE };
                        assert_eq!(whole(&reply), invalid().replace(AUTHENTICATE, body), "{state}: {name} {path}");
                    }
                }
            }
        }
    }
);

both!(
    /// R-30: the answer comes before the body, however large that is said to be.
    async fn the_body_of_a_request_is_never_waited_for(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let request = format!(
            "POST /verify HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: 10000000\r\n\r\naccess_token=x",
            token.value
        );
        // The rest of the body never comes: a service that waited for it would close the connection.
        assert_eq!(super::raw(&world, request.as_bytes()).await.status, 200);
    }
);

both!(
    /// R-11, R-12, R-15
    async fn whatever_is_no_single_bearer_is_401_and_looks_alike(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let none = send_raw(&world, "GET", "/verify", &[]).await;
        assert_eq!(whole(&none), refusal(401, &[("www-authenticate", NO_CREDENTIAL)], AUTHENTICATE));
        let of = |scheme: &str| format!("Authorization: {scheme} {}", token.value);
        for good in [of("Bearer"), of("bearer"), of("BEARER")] {
            assert_eq!(send_raw(&world, "GET", "/verify", &[&good]).await.status, 200, "{good}");
        }
        let long = format!("Authorization: Bearer {}", "x".repeat(9 * 1024));
        let doubled = [of("Bearer"), of("Bearer")];
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
            vec![&doubled[0], &doubled[1]],
            vec![&doubled[0], "Authorization: Basic YTpi"],
        ] {
            assert_eq!(whole(&send_raw(&world, "GET", "/verify", &bad).await), invalid(), "{bad:?}");
        }
        // A token anywhere else is none.
        let query = format!("/verify?access_token={}", token.value);
        assert_eq!(whole(&send_raw(&world, "GET", &query, &[]).await), whole(&none));
        let proxied = format!("Proxy-Authorization: Bearer {}", token.value);
        assert_eq!(whole(&send_raw(&world, "GET", "/verify", &[&proxied]).await), whole(&none));
    }
);

both!(
    /// R-14
    async fn a_refusal_names_the_first_missing_scope_and_lists_all_that_were_asked(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
        let said = async |question: &str| whole(&holder.verify(question).await);
        assert_eq!(said("scope=read_agents").await, lacks("read_agents", "read_agents"));
        let asked = "read_builds read_user read_agents";
        assert_eq!(said("scope=read_builds&scope=read_user+read_agents").await, lacks("read_user", asked));
        assert_eq!(said("scope=graphql&organization=acme").await, lacks("graphql", "graphql"));
        // One that there is not is lacked by everybody, and what cannot be one is not repeated.
        assert_eq!(said("scope=no_such_scope").await, lacks("no_such_scope", "no_such_scope"));
        assert_eq!(said("scope=%22%0d%0aX-Token-User:+root").await.lines().next(), Some("403"));
        assert!(!said("scope=%22evil%0d%0a").await.contains("evil"));
    }
);

both!(
    /// R-14: what a gateway asks in a wrong form is never nothing.
    async fn misconfigured_gateway_is_denied_and_recorded_as_denied(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
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
            assert_eq!(whole(&send_raw(&world, "GET", target, &[]).await).lines().next(), Some("401"), "{target}");
            assert_eq!(whole(&world.holder_of(&unknown()).get(target).await), invalid(), "{target}");
            assert_eq!(holder.verify("").await.status, 200);
            assert_eq!(seen_by_owner(&bob, &token).await.0["allowed"], true);
            assert_eq!(whole(&holder.get(target).await), misconfigured(), "{target}");
            assert_eq!(seen_by_owner(&bob, &token).await.0["allowed"], false, "{target}");
        }
        for target in ["/verify?", "/verify/?", "/verify/?scopes=x&access_token=y", "/verify/v1?x=1", "/verify/v1?"] {
            assert_eq!(holder.get(target).await.status, 200, "{target}");
        }
    }
);

both!(
    /// R-14
    async fn gateway_that_appends_the_path_asks_for_organization_and_scopes_before_it(world: World) {
        let (_, token) = bob(&world, &["read_builds", "read_user"]).await;
        world.organization("globex").await;
        let holder = world.holder_of(&token.value);
        let get = async |target: &str| whole(&holder.get(target).await);
        for passes in [
            "/verify-for/acme/read_builds/",
            "/verify-for/acme/read_user,read_builds/v1//x?scope=graphql&organization=globex",
            "/verify-for/%61cme/read%5Fbuilds/v1",
            "/verify-for/*/read_builds/v1",
            "/verify-for/acme/*/verify-for/globex/graphql/x",
        ] {
            assert!(get(passes).await.starts_with("200\n"), "{passes}");
        }
        assert_eq!(get("/verify-for/acme/graphql/v1").await, lacks("graphql", "graphql"));
        assert_eq!(get("/verify-for/*/read_builds,graphql/v1").await, lacks("graphql", "read_builds graphql"));
        assert_eq!(get("/verify-for/acme/*,read_builds/v1").await, lacks("asked", "read_builds"));
        assert_eq!(get("/verify-for/acme/nosuch/v1?scope=read_builds").await, lacks("nosuch", "nosuch"));
        for stranger in ["globex", "initech", "ACME", "**", "acme%2F", "acme%20", "*%00"] {
            let target = format!("/verify-for/{stranger}/read_builds/v1");
            assert_eq!(get(&target).await, no_organization(), "{target}");
        }
    }
);

both!(
    /// R-14: what a client appends to `/verify` asks for nothing, and never becomes the other path.
    async fn path_of_a_client_cannot_leave_the_path_of_the_question(database: Database) {
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
            // Asked for nothing, it may pass, and is recorded as it came.
            let reply = by_gateway(&world, &token.value, &format!("/verify{path}"), &[]).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(seen_by_admin(&world, "acme", &token).await.0["path"], path);
            // Asked for a scope that it lacks, it does not.
            for before in ["/verify-for/acme/graphql", "/verify-for/*/graphql", "/verify-for/globex/*"] {
                let reply = by_gateway(&world, &token.value, &format!("{before}{path}"), &[]).await;
                assert_eq!(reply.status, 403, "{before}{path}");
            }
        }
        // No path of a client begins without a slash; one that did would be no question.
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
    async fn preflight_is_never_a_yes_to_a_gateway(database: Database) {
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
async fn misconfigured_gateway_is_warned_about_once_for_each_parameter() {
    let database = Database::fresh(Kind::Sqlite, "misconfigured_gateway").unwrap();
    let program = Program::over(&database, &[("log.level", "warn"), ("log.format", "json")]);
    program.people("acme", &["ada"]);
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
        // Without a good credential nothing can be written into the log.
        assert_eq!(warnings(target, &unknown()).await, [], "{target}");
    }
}

both!(
    /// R-14
    async fn the_organization_is_judged_before_the_scopes_and_unknown_is_like_not_granted(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        world.organization("globex").await;
        let holder = world.holder_of(&token.value);
        for organization in ["globex", "initech", "", "ACME", "acme%20", "acme%00", "org_acme"] {
            for scope in ["", "&scope=read_builds", "&scope=graphql"] {
                let reply = holder.verify(&format!("organization={organization}{scope}")).await;
                assert_eq!(whole(&reply), no_organization(), "{organization:?} {scope}");
            }
        }
        for twice in ["organization=acme&organization=acme", "organization=acme&scope=read_builds&organization=globex"]
        {
            assert_eq!(whole(&holder.verify(twice).await), no_organization(), "{twice}");
        }
    }
);

both!(
    async fn a_disabled_owner_stops_a_token_at_once_and_comes_back_with_it(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
        world.operator(DisableUser { username: "bob".into() }).await.unwrap();
        assert_eq!(whole(&holder.verify("organization=acme").await), invalid());
        world.operator(EnableUser { username: "bob".into() }).await.unwrap();
        assert_eq!(holder.verify("organization=acme").await.status, 200);
    }
);

both!(
    async fn a_scope_that_left_the_catalogue_is_accepted_nowhere(database: Database) {
        let file = database.folder().join("scopes.toml");
        let scope = |name: &str, access: &str| {
            format!("[[scope]]\nname = \"{name}\"\ntitle = \"T\"\ndescription = \"D\"\naccess = \"{access}\"\n")
        };
        std::fs::write(&file, scope("read_builds", "read") + &scope("graphql", "graphql")).unwrap();
        // The service knew read_old when the token was made, and no longer does.
        let later = World::with(database, &[("scopes.file", file.to_str().unwrap())]).await;
        std::fs::write(&file, scope("read_builds", "read") + &scope("read_old", "read")).unwrap();
        let before = tokenward::config::Config::load(
            None,
            [],
            &[("database.url", later.database.url().to_owned()), ("scopes.file", file.to_str().unwrap().to_owned())],
        )
        .unwrap();
        later.member("bob", &["acme"]).await;
        let value = make_with(&later, &before, &["read_builds", "read_old"]).await;
        let holder = later.holder_of(&value);
        let passed = holder.verify("scope=read_builds").await;
        assert_eq!((passed.status.as_u16(), passed.header("x-token-scopes")), (200, "read_builds"));
        assert_eq!(whole(&holder.verify("scope=read_old").await), lacks("read_old", "read_old"));
        let api = later.resource_server("api").await;
        assert_eq!(later.introspect(&api, &value, &[]).await.json()["scope"], "read_builds");
        assert_eq!(later.introspect(&api, &value, &[("scope", "read_old")]).await.text, r#"{"active":false}"#);
    }
);

/// Makes a token of Bob's for acme, as a service with another configuration would.
async fn make_with(world: &World, config: &tokenward::config::Config, scopes: &[&str]) -> String {
    use tokenward::{actions, app};
    let app = app::App::new(world.app.store().clone(), config, world.clock.clone());
    let caller = Caller::command_line(app.now());
    let operator = tokenward::domain::policy::operator(&caller).unwrap();
    let owner = app.store().user_named(&operator, "bob").await.unwrap().unwrap().id;
    let acme = app.store().organization_named("acme").await.unwrap().unwrap().id;
    let names: Vec<_> = scopes.iter().map(|name| (*name).to_owned()).collect();
    let ask = actions::CreateToken {
        description: "old".into(),
        organizations: vec![acme],
        scopes: app.catalogue().grantable("scopes", &names).unwrap(),
        expires_at: None,
        owner: Some(owner),
    };
    actions::create_token(&app, &caller, ask).await.unwrap().1.reveal_once()
}

/// A request of a gateway, with everything that it may say.
async fn by_gateway(world: &World, value: &str, target: &str, headers: &[&str]) -> Reply {
    let authorization = format!("Authorization: Bearer {value}");
    let mut all = vec![authorization.as_str(), "User-Agent: curl/8"];
    all.extend(headers);
    send_raw(world, "GET", target, &all).await
}

both!(
    /// R-70
    async fn without_a_trusted_proxy_the_audit_shows_the_connection_itself(world: World) {
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
    async fn behind_a_trusted_proxy_the_audit_shows_the_request_that_it_holds(database: Database) {
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
            // One of the two may be the client's.
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
    /// R-70: a byte that is no text hides neither the address of a client nor where it went.
    async fn unreadable_bytes_are_recorded_and_hide_nothing(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let ask = async |target: &[u8], more: &[u8]| {
            let value = token.value.as_bytes();
            let end = b"\r\nHost: t\r\nConnection: close\r\n\r\n";
            let parts = [b"GET ", target, b" HTTP/1.1\r\nAuthorization: Bearer ", value, b"\r\n", more, end];
            assert_eq!(super::raw(&world, &parts.concat()).await.status, 200);
            let (request, _) = seen_by_owner(&bob, &token).await;
            (request["path"].clone(), request["ipAddress"].clone())
        };
        let more = b"X-Forwarded-Uri: /v1/secret/\xe9\r\nX-Forwarded-For: \xe9, 198.51.100.7";
        assert_eq!(ask(b"/verify", more).await, (json!("/v1/secret/%E9"), json!("198.51.100.7")));
        let more = b"X-Forwarded-For: \xff\r\nX-Forwarded-For: [2001:db8::7]:1";
        assert_eq!(ask("/verify/v1/é".as_bytes(), more).await, (json!("/v1/%C3%A9"), json!("2001:db8::7")));
    }
);

both!(
    /// R-70, R-76: the limit counts the client of a gateway that writes its port, and no other.
    async fn clients_with_ports_are_limited_one_by_one(database: Database) {
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
    async fn secret_in_the_path_or_agent_of_a_request_is_not_kept_in_any_spelling(database: Database) {
        let world = World::with(database, &[("proxy.trusted", "127.0.0.1/32")]).await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let operator = Caller::command_line(world.now());
        let link = invite_user(&world.app, &operator, "bob".into()).await.unwrap().link_once("");
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
    /// R-03, R-59: a scope is asked for by whoever writes the question.
    async fn of_a_scope_that_is_no_name_nothing_is_kept_and_use_goes_on_being_written(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
        for (asked, kept) in [
            ("%00", json!(null)),
            (&*token.value, json!(null)),
            ("read_builds+%E2%80%AE", json!("read_builds")),
            (&"read_nothing+".repeat(4_000), json!("read_nothing ".repeat(20).trim_end())),
        ] {
            assert_eq!(holder.verify(&format!("scope={asked}")).await.status, 403, "{asked}");
            assert_eq!(seen_by_owner(&bob, &token).await.0["scope"], kept, "{asked}");
            assert_eq!(seen_by_admin(&world, "acme", &token).await.0["scope"], kept, "{asked}");
        }
    }
);

both!(
    async fn a_refused_request_is_the_most_recent_one_where_it_counts_and_no_use(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        world.organization("initech").await;
        let token = bob.creates_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
        // Naming acme counts for acme.
        assert_eq!(holder.verify("organization=acme&scope=graphql").await.status, 403);
        let (request, used) = seen_by_admin(&world, "acme", &token).await;
        assert_eq!((&request["allowed"], &request["scope"], used), (&json!(false), &json!("graphql"), None));
        assert_eq!(seen_by_admin(&world, "globex", &token).await, (json!(null), None));
        assert_eq!(seen_by_owner(&bob, &token).await, (request, None));
        // Naming none counts for all.
        assert_eq!(holder.verify("").await.status, 200);
        let (request, used) = seen_by_admin(&world, "globex", &token).await;
        assert_eq!((&request["allowed"], used.is_some()), (&json!(true), true));
        let acme = seen_by_admin(&world, "acme", &token).await;
        assert_eq!((&acme.0["allowed"], acme.1), (&json!(true), used));
        // One that is not granted counts for the token alone.
        assert_eq!(holder.verify("organization=initech").await.status, 403);
        assert_eq!(seen_by_admin(&world, "acme", &token).await, acme);
        let (request, last) = seen_by_owner(&bob, &token).await;
        assert_eq!((&request["allowed"], last), (&json!(false), used));
        // A token that is over reaches nothing, and its owner still sees that somebody tried.
        assert_eq!(bob.revokes(&token.id).await.code(), "OK");
        let tried = world.holder_of(&token.value).request(Method::GET, "/verify").header("user-agent", "late");
        assert_eq!(read(tried).await.status, 401);
        let (request, last) = seen_by_owner(&bob, &token).await;
        assert_eq!((&request["userAgent"], &request["allowed"], last), (&json!("late"), &json!(false), used));
    }
);

both!(
    /// The service writes by itself: nobody flushes here.
    async fn the_first_use_is_written_within_two_seconds_and_the_next_within_seven(world: World) {
        let (bob, _) = bob(&world, &["read_builds"]).await;
        let until = async |token: &Made, expected: &str, limit: Duration| {
            let start = Instant::now();
            let query = "query($id: ID!) { token(id: $id) { lastRequest { path } } }";
            let path = async || bob.ask(query, json!({ "id": token.id })).await["token"]["lastRequest"]["path"].clone();
            while path().await != expected {
                assert!(start.elapsed() < limit, "{expected} is not written after {limit:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            start.elapsed()
        };
        // A machine that stands still now and then does not do so each time.
        let (mut took, lateness) = (Vec::new(), Lateness::watched());
        for _ in 0..3 {
            let token = bob.creates_token("deploy", &["acme"], &["read_builds"]).await;
            let (holder, start) = (world.holder_of(&token.value), Instant::now());
            assert_eq!(holder.get("/verify/one").await.status, 200);
            let one = until(&token, "/verify/one", Duration::from_secs(20)).await;
            assert_eq!(holder.get("/verify/two").await.status, 200);
            let two = until(&token, "/verify/two", Duration::from_secs(30)).await;
            let both = start.elapsed();
            assert!(both >= Duration::from_secs(5), "again after {both:?}: the row would be written without end");
            let late = lateness.on_top_of(Duration::ZERO).await;
            if one < Duration::from_secs(2) + late && two < Duration::from_secs(7) + late {
                return;
            }
            took.push((one, two));
        }
        panic!("the first use and the next are written too late: {took:?}");
    }
);

both!(
    /// R-30
    async fn a_store_that_cannot_answer_is_503_for_what_may_be_a_token_and_never_a_yes(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let holder = world.holder_of(&token.value);
        assert_eq!(holder.verify("organization=acme").await.status, 200);
        lose_the_store(&world).await;
        let lateness = Lateness::watched();
        for question in ["", "organization=acme", "organization=globex&scope=graphql"] {
            let start = Instant::now();
            let reply = holder.verify(question).await;
            let took = start.elapsed();
            assert_eq!(whole(&reply), refusal(503, &[("retry-after", "1")], LATER), "{question}");
            assert!(took < lateness.on_top_of(Duration::from_secs(3)).await, "{took:?}");
        }
        // What cannot be a token is refused without asking.
        assert_eq!(whole(&world.holder_of("twd_nonsense").get("/verify").await), invalid());
        assert_eq!(world.nobody().get("/verify").await.header("content-type"), JSON);
    }
);
