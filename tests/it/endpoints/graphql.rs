//! `/graphql`: GraphQL over HTTP, and the requests that it rejects.

use super::{INVALID_TOKEN, NO_CREDENTIAL, bob, disconnect_database, method, raw, rejected_tokens, render, send_raw};
use crate::world::{
    ISSUER, PASSWORD, World,
    client::{Reply, read},
};
use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";
const REVOKE: &str = "mutation($id: ID!) { revokeToken(input: { tokenId: $id }) { token { id } } }";

/// Asserts that a reply rejects the whole request, in the form of [`render`]; the message must exist and is not compared.
#[track_caller]
fn assert_rejected(reply: &Reply, media: &str, status: u16, headers: &[(&str, &str)], code: &str) {
    let mut all: BTreeMap<_, _> = headers.iter().copied().collect();
    let kind = format!("{media}; charset=utf-8");
    all.insert("content-type", &kind);
    let lines: Vec<_> = all.iter().map(|(name, value)| format!("\n{name}: {value}")).collect();
    let (head, body) = render(reply).split_once("\n\n").map(|(head, body)| (head.to_owned(), body.to_owned())).unwrap();
    assert_eq!(head, format!("{status}{}", lines.concat()), "{body}");
    let json: Value = serde_json::from_str(&body).unwrap();
    // The cost is next to the errors if it was computed.
    let keys = json.as_object().unwrap().keys().filter(|key| *key != "extensions");
    assert_eq!(keys.collect::<Vec<_>>(), ["errors"], "{body}");
    for error in json["errors"].as_array().unwrap() {
        assert_eq!(error["extensions"]["code"], code, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 5), "{body}");
    }
}

/// Sends a body with a content type.
async fn post(world: &World, credential: &str, kind: &str, accept: &str, body: impl Into<reqwest::Body>) -> Reply {
    let request = world.bearer(credential).request(Method::POST, "/graphql");
    let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
    read(request.header("accept", accept).body(body)).await
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

both!(
    /// R-40
    async fn post_accepts_only_json_in_utf_8(world: World) {
        let jwt = world.member("bob", &["acme"]).await.credential.unwrap();
        let body = json!({ "query": "{ viewer { username } }" }).to_string();
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            let reply = post(&world, &jwt, kind, JSON, body.clone()).await;
            assert_eq!(
                reply.text,
                r#"{"data":{"viewer":{"username":"bob"}},"extensions":{"cost":{"requested":2,"limit":10000}}}"#,
                "{kind}"
            );
        }
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/graphql",
            "application/jsonp",
            "application/json, text/plain",
        ] {
            let reply = post(&world, &jwt, kind, JSON, body.clone()).await;
            assert_rejected(&reply, JSON, 415, &[], "INVALID_INPUT");
        }
        // A mutation with another content type is not executed.
        let token = world.user("bob").await.create_token("deploy", &["acme"], &["read_builds"]).await;
        let revoke = json!({ "query": REVOKE, "variables": { "id": token.id } }).to_string();
        let form = format!("query={}&variables={}", encoded(REVOKE), encoded(&json!({ "id": token.id }).to_string()));
        for (kind, body) in [
            ("text/plain", &revoke),
            ("application/x-www-form-urlencoded", &form),
            ("multipart/form-data; boundary=x", &revoke),
            ("", &revoke),
            ("application/json;charset=utf-16", &revoke),
        ] {
            let reply = post(&world, &jwt, kind, JSON, body.clone()).await;
            assert_rejected(&reply, JSON, 415, &[], "INVALID_INPUT");
        }
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
    }
);

both!(
    /// R-41
    async fn get_runs_queries_and_rejects_mutations(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let query = encoded("query Q($slug: String!) { organization(slug: $slug) { slug } viewer { username } }");
        let variables = encoded(&json!({ "slug": "acme" }).to_string());
        for path in [
            format!("/graphql?query={query}&variables={variables}&operationName=Q"),
            format!("/graphql/?query={query}&variables={variables}&operationName=&extensions=%7B%7D&x=y"),
        ] {
            let reply = bob.get(&path).await;
            assert_eq!(
                reply.text,
                r#"{"data":{"organization":{"slug":"acme"},"viewer":{"username":"bob"}},"extensions":{"cost":{"requested":23,"limit":10000}}}"#
            );
        }
        let revoke = encoded(REVOKE);
        let variables = encoded(&json!({ "id": token.id }).to_string());
        let both = encoded(&format!("query Q {{ viewer {{ id }} }} {}", REVOKE.replacen("mutation", "mutation M", 1)));
        for path in [
            format!("/graphql?query={revoke}&variables={variables}"),
            format!("/graphql?query={both}&variables={variables}&operationName=M"),
        ] {
            assert_rejected(&bob.get(&path).await, JSON, 405, &[("allow", "POST")], "INVALID_INPUT");
        }
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        for bad in ["variables=%7B", "variables=%5B%5D", "extensions=1", "query=%7Bviewer%7D&variables=x"] {
            assert_rejected(&bob.get(&format!("/graphql?{bad}")).await, JSON, 400, &[], "INVALID_INPUT");
        }
        assert_rejected(&bob.get("/graphql").await, JSON, 400, &[], "INVALID_INPUT");
    }
);

both!(
    /// R-90
    async fn token_value_in_the_url_is_rejected(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let query = encoded(
            "query($f: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $f) { totalCount } } }",
        );
        let variables = encoded(&json!({ "f": { "token": token.value } }).to_string());
        let escaped = encoded(&json!({ "f": { "token": token.value } }).to_string().replacen("twd_", "\\u0074wd_", 1));
        let inside = encoded(&format!("{{ viewer(x: \"{}\") {{ id }} }}", token.value));
        for path in [
            format!("/graphql?query={query}&variables={variables}"),
            format!("/graphql?query={query}&variables={escaped}"),
            format!("/graphql?query={inside}"),
            format!("/graphql?query=%7Bviewer%7Bid%7D%7D&operationName={}", token.value),
            format!("/graphql?query=%7Bviewer%7Bid%7D%7D&other={}", token.value),
        ] {
            let reply = bob.get(&path).await;
            assert_rejected(&reply, JSON, 400, &[], "INVALID_INPUT");
            assert!(reply.text.contains("POST"), "{}", reply.text);
            assert!(!reply.text.contains(&token.value[4..]));
        }
    }
);

both!(
    /// R-48, R-49
    async fn malformed_request_is_400_for_both_media_types(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        let query = "{ viewer { id } }";
        let malformed = [
            (String::new(), "query"),
            ("not JSON".into(), "query"),
            ("{\"query\":".into(), "query"),
            ("null".into(), "query"),
            ("\"{ viewer { id } }\"".into(), "query"),
            (json!([{ "query": query }]).to_string(), "query"),
            (json!(vec![json!({ "query": query }); 10]).to_string(), "query"),
            ("[".repeat(1_000) + &"]".repeat(1_000), "query"),
            (
                format!("{{\"query\":\"{query}\",\"variables\":{}1{}}}", "{\"a\":".repeat(1_000), "}".repeat(1_000)),
                "query",
            ),
            (json!([]).to_string(), "query"),
            (json!({}).to_string(), "query"),
            (json!({ "query": null }).to_string(), "query"),
            (json!({ "query": 1 }).to_string(), "query"),
            (json!({ "query": query, "variables": [] }).to_string(), "variables"),
            (json!({ "query": query, "variables": "{}" }).to_string(), "variables"),
            (json!({ "query": query, "operationName": 1 }).to_string(), "operationName"),
            (json!({ "query": query, "extensions": "x" }).to_string(), "extensions"),
        ];
        for media in [JSON, GRAPHQL] {
            for (body, field) in &malformed {
                let reply = post(&world, &jwt, JSON, media, body.clone()).await;
                assert_rejected(&reply, media, 400, &[], "INVALID_INPUT");
                assert_eq!(reply.field().as_deref(), Some(*field), "{body}");
            }
            let fine = json!({ "query": query, "variables": null, "operationName": null, "extensions": null });
            assert_eq!(post(&world, &jwt, JSON, media, fine.to_string()).await.status, 200);
            let bytes = post(&world, &jwt, JSON, media, b"{\"query\":\"\xff\"}".to_vec()).await;
            assert_rejected(&bytes, media, 400, &[], "INVALID_INPUT");
        }
        assert_rejected(&post(&world, &jwt, JSON, "text/html", "{}").await, JSON, 406, &[], "INVALID_INPUT");
    }
);

both!(
    async fn document_error_is_400_or_200_without_data(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        let id = "query($id: ID!) { token(id: $id) { id } }";
        let create = "mutation($i: CreateTokenInput!) { createToken(input: $i) { value } }";
        let deep = "{ viewer { organizations { nodes { tokenGrants { nodes { organization { tokenGrants { nodes \
                    { organization { tokenGrants { nodes { organization { tokenGrants { nodes { organization { id } } } \
                    } } } } } } } } } } } } }";
        for (query, variables, operation) in [
            ("{ viewer { id }", json!({}), None),
            ("", json!({}), None),
            ("{ viewer { id } } # \u{1f511} {", json!({}), Some("Missing")),
            ("{ nothing }", json!({}), None),
            ("{ viewer }", json!({}), None),
            ("{ viewer { id { id } } }", json!({}), None),
            ("{ viewer { id @nothing } }", json!({}), None),
            ("{ viewer(x: 1) { id } }", json!({}), None),
            ("{ viewer { ...F } }", json!({}), None),
            ("{ organization { id } }", json!({}), None),
            ("{ organization(slug: 1) { id } }", json!({}), None),
            ("query A { viewer { id } } query B { viewer { id } }", json!({}), None),
            ("subscription { viewer { id } }", json!({}), None),
            (id, json!({}), None),
            (id, json!({ "id": null }), None),
            (id, json!({ "id": {} }), None),
            (id, json!({ "id": [1] }), None),
            (create, json!({}), None),
            (create, json!({ "i": { "description": 1, "organizationIds": [], "scopes": [] } }), None),
            (create, json!({ "i": { "description": "d", "organizationIds": [], "scopes": [], "nothing": 1 } }), None),
        ] {
            let body = json!({ "query": query, "variables": variables, "operationName": operation }).to_string();
            let modern = post(&world, &jwt, JSON, GRAPHQL, body.clone()).await;
            assert_eq!(modern.status, 400, "{query} {variables}: {}", modern.text);
            assert_rejected(&modern, GRAPHQL, 400, &[], "INVALID_INPUT");
            let classic = post(&world, &jwt, JSON, JSON, body).await;
            assert_rejected(&classic, JSON, 200, &[], "INVALID_INPUT");
        }
        let deep = json!({ "query": deep }).to_string();
        assert_rejected(&post(&world, &jwt, JSON, GRAPHQL, deep.clone()).await, GRAPHQL, 400, &[], "TOO_COMPLEX");
        assert_rejected(&post(&world, &jwt, JSON, JSON, deep).await, JSON, 200, &[], "TOO_COMPLEX");
    }
);

/// Returns invalid values of `CreateTokenInput!`, and the path of the invalid part.
fn invalid_inputs() -> Vec<(Value, &'static str)> {
    let one = |more: Value| {
        let mut input = json!({ "description": "d", "organizationIds": ["org_1"], "scopes": ["read_user"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        (json!("x"), "input"),
        (json!(1), "input"),
        (json!([]), "input"),
        (Value::Null, "input"),
        (json!({}), "input.description"),
        (one(json!({ "description": null })), "input.description"),
        (one(json!({ "description": 1 })), "input.description"),
        (one(json!({ "description": ["d"] })), "input.description"),
        (one(json!({ "scopes": [null] })), "input.scopes.0"),
        (one(json!({ "scopes": ["read_user", { "x": 1 }] })), "input.scopes.1"),
        (one(json!({ "organizationIds": [1.5] })), "input.organizationIds.0"),
        (one(json!({ "organizationIds": [true] })), "input.organizationIds.0"),
        (one(json!({ "expiresAt": "tomorrow" })), "input.expiresAt"),
        (one(json!({ "expiresAt": 1 })), "input.expiresAt"),
        (one(json!({ "nothing": 1 })), "input"),
    ]
}

both!(
    async fn invalid_variable_is_a_document_error_and_nothing_runs(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let jwt = bob.credential.clone().unwrap();
        let query = "mutation($id: ID!, $x: CreateTokenInput!) { \
                     revokeToken(input: { tokenId: $id }) { token { id } } createToken(input: $x) { value } }";
        for (value, path) in invalid_inputs() {
            let body = json!({ "query": query, "variables": { "id": token.id, "x": value } }).to_string();
            let modern = post(&world, &jwt, JSON, GRAPHQL, body.clone()).await;
            assert_rejected(&modern, GRAPHQL, 400, &[], "INVALID_INPUT");
            assert_eq!(modern.field().as_deref(), Some(path), "{value}: {}", modern.text);
            assert_eq!(modern.json()["extensions"]["cost"]["limit"], 10_000);
            assert_rejected(&post(&world, &jwt, JSON, JSON, body).await, JSON, 200, &[], "INVALID_INPUT");
        }
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        let tokens = "query($n: Int, $f: TokenFilter, $o: TokenOrder) { viewer { tokens(first: $n, filter: $f, orderBy: $o) \
                      { totalCount } } }";
        for (variables, path) in [
            (json!({ "n": 2_147_483_648_i64 }), "first"),
            (json!({ "n": "1" }), "first"),
            (json!({ "n": 1.5 }), "first"),
            (json!({ "n": [1] }), "first"),
            (json!({ "f": { "status": "GONE" } }), "filter.status"),
            (json!({ "f": { "status": ["ACTIVE", "active"] } }), "filter.status.1"),
            (json!({ "f": { "neverUsed": "true" } }), "filter.neverUsed"),
            (json!({ "f": { "createdAt": { "from": "2026-13-01T00:00:00Z" } } }), "filter.createdAt.from"),
            (json!({ "f": [] }), "filter"),
            (json!({ "o": { "field": "OWNER" } }), "orderBy.direction"),
            (json!({ "o": { "field": "OWNER", "direction": "UP" } }), "orderBy.direction"),
        ] {
            let body = json!({ "query": tokens, "variables": variables }).to_string();
            let reply = post(&world, &jwt, JSON, GRAPHQL, body).await;
            assert_rejected(&reply, GRAPHQL, 400, &[], "INVALID_INPUT");
            assert_eq!(reply.field().as_deref(), Some(path), "{variables}: {}", reply.text);
        }
        for fine in [json!({}), json!({ "n": null }), json!({ "n": 1, "f": { "status": "ACTIVE" }, "o": null, "x": 1 })]
        {
            let reply =
                post(&world, &jwt, JSON, GRAPHQL, json!({ "query": tokens, "variables": fine }).to_string()).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (200, "OK".into()), "{fine}: {}", reply.text);
        }
    }
);

both!(
    async fn invalid_literal_is_a_document_error(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        for (field, path) in [
            ("tokens(first: \"1\") { totalCount }", "first"),
            ("tokens(first: 2147483648) { totalCount }", "first"),
            ("tokens(first: 1.5) { totalCount }", "first"),
            ("tokens(first: [1]) { totalCount }", "first"),
            ("tokens(filter: \"x\") { totalCount }", "filter"),
            ("tokens(filter: {status: \"ACTIVE\"}) { totalCount }", "filter.status"),
            ("tokens(filter: {status: [ACTIVE, GONE]}) { totalCount }", "filter.status.1"),
            ("tokens(filter: {nothing: 1}) { totalCount }", "filter"),
            ("tokens(filter: {createdAt: {from: \"tomorrow\"}}) { totalCount }", "filter.createdAt.from"),
            ("tokens(orderBy: {field: OWNER}) { totalCount }", "orderBy.direction"),
            ("tokens(orderBy: {field: OWNER, direction: null}) { totalCount }", "orderBy.direction"),
        ] {
            for query in [
                format!("{{ viewer {{ {field} }} }}"),
                format!("{{ viewer {{ ...F }} }} fragment F on User {{ {field} }}"),
                format!("{{ viewer {{ ... on User {{ {field} }} }} }}"),
            ] {
                let reply = post(&world, &jwt, JSON, GRAPHQL, json!({ "query": query }).to_string()).await;
                assert_rejected(&reply, GRAPHQL, 400, &[], "INVALID_INPUT");
                assert_eq!(reply.field().as_deref(), Some(path), "{query}: {}", reply.text);
                assert!(reply.json()["errors"][0]["locations"][0]["line"].is_u64());
            }
        }
        let fine = "{ viewer { tokens(first: 1, filter: {status: ACTIVE, scopes: []}, orderBy: {field: OWNER, direction: ASC}) \
                    { totalCount } } }";
        assert_eq!(post(&world, &jwt, JSON, GRAPHQL, json!({ "query": fine }).to_string()).await.status, 200);
    }
);

both!(
    /// R-50
    async fn introspection_requires_graphql_access_and_errors_contain_no_suggestions(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let introspection = include_str!("../../../src/graphql/introspection.graphql");
        assert_eq!(world.anonymous().graphql(introspection, json!({})).await.status, 401);
        assert_eq!(world.bearer(&token.value).graphql(introspection, json!({})).await.status, 403);
        assert_eq!(bob.graphql(introspection, json!({})).await.code(), "OK");
        for (misspelt, meant) in [
            ("{ viewr { id } }", "viewer"),
            ("{ viewer { usrname } }", "username"),
            ("{ viewer { tokens(frist: 1) { totalCount } } }", "first"),
            ("{ viewer { tokens(filter: {statu: ACTIVE}) { totalCount } } }", "status"),
            ("{ viewer { tokens(filter: {status: ACTIV}) { totalCount } } }", "ACTIVE"),
            ("{ viewer { id @skip(iff: true) } }", "if"),
            ("{ viewer { id @skp(if: true) } }", "skip"),
            ("{ viewer { ... on Usr { id } } }", "User"),
        ] {
            let reply = bob.graphql(misspelt, json!({})).await;
            assert_rejected(&reply, JSON, 200, &[], "INVALID_INPUT");
            let contains = |text: &str| text.split(|ch: char| !ch.is_alphanumeric()).any(|word| word == meant);
            assert!(!contains(&reply.text.replace("\"field\":\"filter.status\"", "")), "{misspelt}: {}", reply.text);
        }
    }
);

both!(
    async fn failed_field_is_null_and_keys_keep_their_order(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let query = "query($id: ID!) { z: viewer { username ...F id name } a: token(id: $id) { status description } \
                     none: organization(slug: \"none\") { id } b: scopes { title name } } \
                     fragment F on User { email name }";
        let reply = bob.graphql(query, json!({ "id": token.id })).await;
        let start = "{\"data\":{\"z\":{\"username\":\"bob\",\"email\":\"bob@example.test\",\"name\":\"bob example\",\"id\":\"user_";
        assert!(reply.text.starts_with(start), "{}", reply.text);
        let rest = "\"},\"a\":{\"status\":\"ACTIVE\",\"description\":\"deploy\"},\"none\":null,\"b\":[{\"title\":\"Read Agents\",\"name\":";
        assert!(reply.text.contains(rest), "{}", reply.text);
        let two = "mutation($bad: ID!, $id: ID!) { y: revokeToken(input: { tokenId: $bad }) { token { id } } \
                   x: revokeToken(input: { tokenId: $id }) { token { status } } }";
        let reply = bob.graphql(two, json!({ "bad": "token_00000000000000000000000000", "id": token.id })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (200, "NOT_FOUND".into()), "{}", reply.text);
        assert_eq!(reply.data().to_string(), r#"{"y":null,"x":{"token":{"status":"REVOKED"}}}"#);
        assert_eq!(reply.json()["errors"][0]["path"], json!(["y"]));
    }
);

both!(
    async fn other_methods_are_405_before_authentication(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        for name in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
            for client in [world.bearer(&jwt), world.bearer("nonsense"), world.anonymous()] {
                let reply = read(client.request(method(name), "/graphql")).await;
                assert_rejected(&reply, JSON, 405, &[("allow", "GET, HEAD, POST")], "INVALID_INPUT");
            }
        }
    }
);

both!(
    /// R-11, R-12
    async fn unauthenticated_request_is_a_graphql_401(world: World) {
        let query = json!({ "query": "{ viewer { id } }" }).to_string();
        let message = r#"{"errors":[{"message":"Authentication required. Please supply a valid API access token.","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
        let reply =
            read(world.anonymous().request(Method::POST, "/graphql").json(&json!({ "query": "{ viewer { id } }" })))
                .await;
        assert_rejected(&reply, JSON, 401, &[("www-authenticate", NO_CREDENTIAL)], "UNAUTHENTICATED");
        assert_eq!(reply.text, message);
        for (state, value) in rejected_tokens(&world).await {
            for media in [JSON, GRAPHQL] {
                let reply = post(&world, &value, JSON, media, query.clone()).await;
                assert_rejected(&reply, media, 401, &[("www-authenticate", INVALID_TOKEN)], "UNAUTHENTICATED");
                assert_eq!(reply.text, message, "{state}");
            }
        }
        // A malformed request is 401 as well.
        let reply = post(&world, "nonsense", "text/plain", JSON, "x").await;
        assert_rejected(&reply, JSON, 401, &[("www-authenticate", INVALID_TOKEN)], "UNAUTHENTICATED");
    }
);

both!(
    /// R-10
    async fn repeated_credentials_are_rejected(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        let header = format!("Authorization: Bearer {jwt}");
        let reply = send_raw(&world, "GET", "/graphql?query=%7Bviewer%7Bid%7D%7D", &[&header, &header]).await;
        let challenge = "Bearer realm=\"tokenward\", error=\"invalid_request\"";
        assert_rejected(&reply, JSON, 400, &[("www-authenticate", challenge)], "INVALID_INPUT");
    }
);

both!(
    /// R-14
    async fn token_without_the_graphql_scope_is_403(world: World) {
        let (_, token) = bob(&world, &["read_builds", "write_builds"]).await;
        let challenge = "Bearer realm=\"tokenward\", error=\"insufficient_scope\", scope=\"graphql\"";
        for body in ["{\"query\":\"{ viewer { id } }\"}", "nonsense"] {
            let reply = post(&world, &token.value, JSON, JSON, body).await;
            assert_rejected(&reply, JSON, 403, &[("www-authenticate", challenge)], "FORBIDDEN");
            assert_eq!(reply.json()["errors"][0]["message"], "Your access token doesn't have the graphql scope");
        }
    }
);

both!(
    async fn request_that_repeats_a_key_or_parameter_is_rejected(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        let query = r#""query":"query($a: ID!) { node(id: $a) { id } }""#;
        for body in [
            format!("{{{query},{query}}}"),
            format!(r#"{{{query},"variables":{{"a":"b"}},"variables":{{"a":"c"}}}}"#),
            format!(r#"{{{query},"variables":{{"a":"b","\u0061":"c"}}}}"#),
            format!(r#"{{{query},"operationName":null,"operationName":null}}"#),
            format!(r#"{{{query},"extensions":null,"extensions":{{}}}}"#),
        ] {
            let reply = post(&world, &jwt, JSON, JSON, body).await;
            assert_rejected(&reply, JSON, 400, &[], "INVALID_INPUT");
        }
        for parameters in
            ["query={viewer{id}}&query={viewer{id}}", "query={viewer{id}}&variables={%22a%22:1,%22a%22:1}"]
        {
            let target = format!("/graphql?{}", parameters.replace('{', "%7B").replace('}', "%7D"));
            let reply = world.bearer(&jwt).get(&target).await;
            assert_rejected(&reply, JSON, 400, &[], "INVALID_INPUT");
        }
    }
);

both!(
    /// R-49
    async fn body_over_64_kib_is_a_graphql_413(world: World) {
        let jwt = world.user("bob").await.credential.unwrap();
        let of = |size: usize| {
            let frame = json!({ "query": "{ viewer { username } }", "x": "" }).to_string().len();
            json!({ "query": "{ viewer { username } }", "x": "x".repeat(size - frame) }).to_string()
        };
        assert_eq!(post(&world, &jwt, JSON, JSON, of(64 * 1024)).await.status, 200);
        for media in [JSON, GRAPHQL] {
            let reply = post(&world, &jwt, JSON, media, of(64 * 1024 + 1)).await;
            assert_rejected(&reply, media, 413, &[("connection", "close")], "INVALID_INPUT");
        }
        let mut chunked = format!(
            "POST /graphql HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {jwt}\r\nContent-Type: \
             application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        chunked += &format!("400\r\n{}\r\n", " ".repeat(1024)).repeat(65);
        chunked += "0\r\n\r\n";
        assert_rejected(&raw(&world, chunked.as_bytes()).await, JSON, 413, &[], "INVALID_INPUT");
    }
);

/// Returns a valid JWT of Bob after `change` modified its claims.
fn jwt(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let now = world.now().seconds();
    let mut claims = json!({
        "iss": ISSUER, "aud": "tokenward", "sub": "bob", "iat": now, "exp": now + 3600,
        "preferred_username": "bob", "name": "Bob", "email": "bob@example.test", "email_verified": true,
    });
    change(&mut claims);
    signed(&Header::default(), &claims, world.config.jwt.as_ref().unwrap().secret().unwrap().reveal())
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

both!(
    /// R-79
    async fn invalid_jwt_is_401(world: World) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let set = |name: &'static str, value: Value| jwt(&world, move |claims| claims[name] = value);
        let without = |name: &'static str| {
            jwt(&world, move |claims| {
                claims.as_object_mut().unwrap().remove(name);
            })
        };
        let status = async |jwt: &str| {
            let reply = world.bearer(jwt).graphql("{ viewer { username } }", json!({})).await;
            if reply.status != 200 {
                assert_rejected(&reply, JSON, 401, &[("www-authenticate", INVALID_TOKEN)], "UNAUTHENTICATED");
            }
            reply.status.as_u16()
        };
        for (why, good) in
            [("unchanged", jwt(&world, |_| ())), ("several audiences", set("aud", json!(["other", "tokenward"])))]
        {
            assert_eq!(status(&good).await, 200, "{why}");
        }
        let good = jwt(&world, |_| ());
        let (head, signature) = good.rsplit_once('.').unwrap();
        let (_, payload) = head.split_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        claims["sub"] = json!("ada");
        let another = URL_SAFE_NO_PAD.encode(claims.to_string());
        let secret = world.config.jwt.as_ref().unwrap().secret().unwrap().reveal();
        let stronger = signed(&Header::new(jsonwebtoken::Algorithm::HS384), &claims, secret);
        for (why, bad) in [
            ("no algorithm", format!("{none}.{payload}.")),
            ("no algorithm, the old signature", format!("{none}.{payload}.{signature}")),
            ("no signature", format!("{head}.")),
            ("half a signature", format!("{head}.{}", &signature[..20])),
            ("other claims", format!("{}.{another}.{signature}", good.split('.').next().unwrap())),
            ("another key", signed(&Header::default(), &claims, "another secret that is long enough for HS256")),
            ("another algorithm", stronger),
            ("another issuer", set("iss", json!("https://evil.example"))),
            ("another audience", set("aud", json!("other"))),
            ("no issuer", without("iss")),
            ("no audience", without("aud")),
            ("no subject", without("sub")),
            ("an empty subject", set("sub", json!(""))),
            ("a subject that is no string", set("sub", json!(1))),
            ("no exp", without("exp")),
            ("no iat", without("iat")),
            ("an exp out of range", set("exp", json!(i64::MAX))),
            ("an iat out of range", set("iat", json!(i64::MIN))),
        ] {
            assert_eq!(status(&bad).await, 401, "{why}");
        }
        // Seconds from now, which is read again for each case, since a busy machine may be slow.
        for (why, times, expected) in [
            ("expired 50 s ago", &[("iat", -100), ("exp", -50)][..], 200),
            ("issued in 58 s", &[("iat", 58)], 200),
            ("valid in 58 s", &[("nbf", 58)], 200),
            ("a day", &[("iat", 0), ("exp", 86_400)], 200),
            ("expired 61 s ago", &[("iat", -100), ("exp", -61)], 401),
            ("issued in 75 s", &[("iat", 75)], 401),
            ("valid in 75 s", &[("nbf", 75)], 401),
            ("longer than a day", &[("iat", 0), ("exp", 86_401)], 401),
        ] {
            let now = world.now().seconds();
            let timed = jwt(&world, |claims| {
                for (name, ahead) in times {
                    claims[*name] = json!(now + ahead);
                }
            });
            assert_eq!(status(&timed).await, expected, "{why}");
        }
    }
);

both!(
    async fn database_outage_is_a_graphql_503(world: World) {
        let (bob, token) = bob(&world, &["graphql"]).await;
        let jwt = bob.credential.unwrap();
        disconnect_database(&world).await;
        for credential in [&jwt, &token.value] {
            for media in [JSON, GRAPHQL] {
                let reply = post(&world, credential, JSON, media, "{\"query\":\"{ viewer { id } }\"}").await;
                assert_rejected(&reply, media, 503, &[("retry-after", "1")], "UNAVAILABLE");
            }
        }
    }
);

both!(
    async fn automatic_persisted_queries_are_not_supported(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } });
        let expected = r#"{"errors":[{"message":"PersistedQueryNotSupported","extensions":{"code":"PERSISTED_QUERY_NOT_SUPPORTED"}}]}"#;
        for body in
            [json!({ "extensions": extensions }), json!({ "query": "{ viewer { id } }", "extensions": extensions })]
        {
            for (accept, status) in [("application/json", 200), ("application/graphql-response+json", 400)] {
                let post = bob.request(Method::POST, "/graphql").header("accept", accept).json(&body);
                let reply = read(post).await;
                assert_eq!((reply.status.as_u16(), &*reply.text), (status, expected));
                let query = body["query"].as_str().map_or(String::new(), |query| format!("query={}&", encoded(query)));
                let path = format!("/graphql?{query}extensions={}", encoded(&extensions.to_string()));
                let reply = read(bob.request(Method::GET, &path).header("accept", accept)).await;
                assert_eq!((reply.status.as_u16(), &*reply.text), (status, expected));
            }
        }
    }
);

both!(
    async fn persisted_query_of_null_is_a_plain_query(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let body = json!({ "query": "{ viewer { username } }", "extensions": { "persistedQuery": null } });
        let expected = r#"{"data":{"viewer":{"username":"bob"}},"extensions":{"cost":{"requested":2,"limit":10000}}}"#;
        assert_eq!(read(bob.request(Method::POST, "/graphql").json(&body)).await.text, expected);
        let query = encoded("{ viewer { username } }");
        let path = format!("/graphql?query={query}&extensions={}", encoded(r#"{"persistedQuery":null}"#));
        assert_eq!(bob.get(&path).await.text, expected);
    }
);

both!(
    /// RFC 8259, section 8.1
    async fn byte_order_mark_before_json_is_ignored(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        world.set_password("bob").await;
        let query = json!({ "query": "{ viewer { username } }" });
        let sign_in = json!({ "username": "bob", "password": PASSWORD });
        let filter = json!({ "filter": null });
        for (client, path, body, status) in [
            (&bob, "/graphql", query, 200),
            (&world.anonymous(), "/session", sign_in, 204),
            (&ada, "/organizations/acme/tokens.csv", filter, 200),
        ] {
            for (mark, status) in [("", status), ("\u{feff}", status), ("\u{feff}\u{feff}", 400)] {
                let request = client.request(Method::POST, path).header("x-tokenward-console", "1");
                let request = request.header("content-type", "application/json");
                let reply = read(request.body(format!("{mark}{body}"))).await;
                let expected = if path == "/session" && status == 400 { 422 } else { status };
                assert_eq!(reply.status, expected, "{path}: {}", reply.text);
            }
        }
    }
);

both!(
    async fn escapes_in_strings_are_decoded_and_lone_surrogates_are_located(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        for escape in ["\\ud83d\\udd11", "\\u{1F511}"] {
            let mutation = format!(
                "mutation {{ createToken(input: {{ description: \"{escape}\", organizationIds: [\"{acme}\"], scopes: [\"read_builds\"] }}) \
                 {{ token {{ description }} }} }}"
            );
            let data = bob.query(&mutation, json!({})).await;
            assert_eq!(data["createToken"]["token"]["description"], "🔑");
        }
        let reply =
            bob.graphql("{\n viewer { tokens(filter: { query: \"\\ud83d\" }) { totalCount } } }", json!({})).await;
        assert_eq!(reply.code(), "INVALID_INPUT");
        assert_eq!(reply.json()["errors"][0]["locations"], json!([{ "line": 2, "column": 36 }]));
    }
);
