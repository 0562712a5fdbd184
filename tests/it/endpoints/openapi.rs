//! `/openapi.json`: validity of the document, and conformance of the endpoints.

use super::{bob, disconnect_database, method, unknown};
use crate::world::{
    PASSWORD, World,
    client::{Client, Reply, form, read},
    node,
};
use async_graphql::parser::{
    parse_schema,
    types::{BaseType, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokenward::testing::{
    actions::{Credentials, InviteUser},
    domain::caller::Caller,
};

const DOCUMENT: &str = include_str!("../../../openapi.json");
const TOKEN: &str = "/v2/access-token";

/// The responses of the endpoints in the document.
struct Responses<'world> {
    world: &'world World,
    all: Vec<Value>,
}

impl Responses<'_> {
    fn add(&mut self, method: &str, path: &str, reply: &Reply) {
        let headers: BTreeMap<_, _> =
            reply.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let (status, body) = (reply.status.as_u16(), &reply.text);
        self.all.push(json!({ "method": method, "path": path, "status": status, "headers": headers, "body": body }));
    }

    async fn get(&mut self, path: &str) {
        let reply = self.world.anonymous().get(path).await;
        self.add("get", path, &reply);
    }

    /// Sends JSON as the console does.
    async fn post(&mut self, path: &str, there: &str, client: &Client<'_>, body: &Value) {
        let reply = read(client.request(Method::POST, there).header("x-tokenward-console", "1").json(body)).await;
        self.add("post", path, &reply);
    }

    /// Requests `/v2/access-token` by both methods.
    async fn token(&mut self, client: &Client<'_>, change: impl Fn(RequestBuilder) -> RequestBuilder) {
        for name in [Method::GET, Method::DELETE] {
            let reply = read(change(client.request(name.clone(), TOKEN))).await;
            self.add(&name.as_str().to_lowercase(), TOKEN, &reply);
        }
    }

    /// Requests the CSV file of an organization.
    async fn csv(&mut self, request: RequestBuilder) {
        let reply = read(request).await;
        self.add("post", "/organizations/{slug}/tokens.csv", &reply);
    }

    /// Requests all endpoints for gateways.
    async fn verify(&mut self, client: &Client<'_>, query: &str) {
        let reply = client.verify(query).await;
        self.add("get", "/verify", &reply);
        for query in ["", query] {
            let reply = client.get(&format!("/verify/v1/builds?{query}")).await;
            self.add("get", "/verify/{below}", &reply);
        }
        for scopes in ["read_builds", "write_builds", "*,"] {
            let reply = client.get(&format!("/verify-for/*/{scopes}/v1/builds")).await;
            self.add("get", "/verify-for/{organization}/{scopes}/{below}", &reply);
        }
    }

    /// Requests both endpoints for resource servers.
    async fn oauth(&mut self, api: &Credentials, secret: &str, fields: &[(&str, &str)]) {
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let request = self.world.http.post(self.world.url(path)).basic_auth(&api.client_id, Some(secret));
            let reply = form(request, fields).await;
            self.add("post", path, &reply);
        }
    }
}

/// Returns the paths of the document with their methods.
fn documented() -> Vec<(String, Vec<String>)> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths.iter().map(|(path, item)| (path.clone(), item.as_object().unwrap().keys().cloned().collect())).collect()
}

/// Returns the findings of a linter and a validator about the document and these responses. No response of status 408 or 500 is
/// required: the first needs 256 MiB of unfinished requests, and a test cannot cause the second.
async fn findings(folder: &Path, document: &str, responses: &[Value]) -> Vec<String> {
    let input = json!({ "document": document, "answers": responses, "unseen": ["408", "500"] });
    serde_json::from_str(&node::run(&folder.join("openapi.mjs"), &input).await).unwrap()
}

async fn valid_and_invalid_tokens(responses: &mut Responses<'_>, api: &Credentials) {
    let world = responses.world;
    let (bob, token) = bob(world, &["read_builds"]).await;
    let expiry = world.now().plus(Duration::from_hours(1)).to_text();
    let expiring = bob.create_expiring_token("expiring", &["acme"], &["read_user"], Some(expiry)).await;
    for token in [&token, &expiring] {
        let reply = world.bearer(&token.value).get(TOKEN).await;
        responses.add("get", TOKEN, &reply);
        let reply = world.introspect(api, &token.value, &[("organization", "acme")]).await;
        responses.add("post", "/oauth/introspect", &reply);
    }
    let holder = world.bearer(&token.value);
    for body in ["access_token=x".to_owned(), format!("x={}", "x".repeat(65 * 1024))] {
        let form = |request: RequestBuilder| {
            request.header("content-type", "application/x-www-form-urlencoded").body(body.clone())
        };
        responses.token(&holder, form).await;
    }
    for query in ["organization=acme&scope=read_builds", ""] {
        responses.verify(&holder, query).await;
    }
    for query in ["organization=globex", "scope=read_builds+write_builds"] {
        let reply = holder.verify(query).await;
        responses.add("get", "/verify", &reply);
    }
    for client in [world.anonymous(), world.bearer("twd_nonsense"), world.bearer(&unknown())] {
        responses.token(&client, |request| request).await;
        responses.verify(&client, "organization=acme").await;
    }
    let reply = world.bearer(&expiring.value).delete(TOKEN).await;
    responses.add("delete", TOKEN, &reply);
}

async fn resource_servers(responses: &mut Responses<'_>, api: &Credentials) {
    let world = responses.world;
    responses.oauth(api, &api.client_secret, &[("token", "twd_nonsense")]).await;
    responses.oauth(api, &api.client_secret, &[("token", &unknown())]).await;
    responses.oauth(api, &api.client_secret, &[("token", "")]).await;
    responses.oauth(api, &api.client_secret, &[("token", &"x".repeat(65 * 1024))]).await;
    responses.oauth(api, "wrong", &[("token", "x")]).await;
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let reply = read(world.http.post(world.url(path)).json(&json!({ "token": "x" }))).await;
        responses.add("post", path, &reply);
    }
}

/// Signs in and out and uses an invitation, with valid and invalid requests.
async fn sessions(responses: &mut Responses<'_>) {
    let world = responses.world;
    let operator = Caller::command_line(world.now());
    let invitation = world.app.change(&operator, InviteUser { username: "bob".into() }).await.unwrap().link_once("");
    let (sign_in, correct) = (json!({ "username": "bob", "password": PASSWORD }), json!({ "password": PASSWORD }));
    for body in [json!({ "password": "short" }), correct.clone(), correct.clone()] {
        responses.post("/invitations/{code}", &invitation, &world.anonymous(), &body).await;
    }
    let mut bob = world.browser(&world.sign_in("bob", PASSWORD).await);
    for (path, good) in [("/session", &sign_in), ("/session/confirm", &correct)] {
        for body in [&json!({}), &json!({ "username": "bob", "password": "wrong" }), good] {
            responses.post(path, path, &bob, body).await;
        }
        bob = world.browser(&world.sign_in("bob", PASSWORD).await);
    }
    for (path, there) in
        [("/session", "/session"), ("/session/confirm", "/session/confirm"), ("/invitations/{code}", &invitation)]
    {
        let post = || bob.request(Method::POST, there);
        for request in [
            post().header("origin", "https://evil.example").json(&correct),
            post().header("content-type", "text/plain").body("x"),
            post().json(&json!({ "password": "x".repeat(65 * 1024) })),
        ] {
            let reply = read(request.header("x-tokenward-console", "1")).await;
            responses.add("post", path, &reply);
        }
    }
    let refused = read(bob.request(Method::DELETE, "/session").header("sec-fetch-site", "cross-site")).await;
    responses.add("delete", "/session", &refused);
    for client in [&bob, &world.anonymous()] {
        let reply = client.delete("/session").await;
        responses.add("delete", "/session", &reply);
    }
    // While the queue of password hashing is full, requests are rejected.
    let invitation = world.app.change(&operator, InviteUser { username: "bob".into() }).await.unwrap().link_once("");
    for attempts in 1.. {
        let hash = || world.app.hash_new_password("password", PASSWORD.into(), Vec::new(), false);
        let request = world.anonymous().request(Method::POST, &invitation).header("x-tokenward-console", "1");
        let reply = read(request.json(&json!({ "password": "short" })));
        let (_, reply) = tokio::join!(join_all((0..40).map(|_| hash())), reply);
        if reply.status == 429 {
            responses.add("post", "/invitations/{code}", &reply);
            break;
        }
        assert!(attempts < 100, "the queue of password hashing is never full");
    }
    // Failed sign-ins are limited on each node.
    let other = world.another_node(&[]).await;
    let bob = other.browser(&other.sign_in("bob", PASSWORD).await);
    for number in 0..100 {
        assert_eq!(other.sign_in(&format!("name-{number}"), "a guess").await.status, 401);
    }
    for path in ["/session", "/session/confirm"] {
        let reply = read(bob.request(Method::POST, path).json(&sign_in)).await;
        responses.add("post", path, &reply);
    }
}

async fn csv_files(responses: &mut Responses<'_>) {
    let world = responses.world;
    let (ada, eve) = (world.admin("ada", &["acme"]).await, world.member("eve", &["acme"]).await);
    ada.create_token("tool", &["acme"], &["graphql"]).await;
    let (non_member, narrow) =
        (world.non_member().await, ada.create_token("narrow", &["acme"], &["read_builds"]).await);
    let narrow = world.bearer(&narrow.value);
    let anonymous = world.anonymous();
    for (client, body) in [
        (&ada, "{}".to_owned()),
        (&ada, "[]".into()),
        (&ada, r#"{"filter":{"query":"wrong:"}}"#.into()),
        (&ada, format!(r#"{{"filter":"{}"}}"#, "x".repeat(65 * 1024))),
        (&eve, "{}".into()),
        (&non_member, "{}".into()),
        (&narrow, "{}".into()),
        (&anonymous, "{}".into()),
    ] {
        let request = client.request(Method::POST, "/organizations/acme/tokens.csv");
        responses.csv(request.header("content-type", "application/json").body(body)).await;
    }
    responses.csv(ada.request(Method::POST, "/organizations/acme/tokens.csv").body("{}")).await;
    let twice = ada.request(Method::POST, "/organizations/acme/tokens.csv").bearer_auth("x");
    responses.csv(twice.json(&json!({}))).await;
}

/// Requests that are rejected before they reach an endpoint.
async fn limits(responses: &mut Responses<'_>) {
    let anonymous = responses.world.anonymous();
    for (path, methods) in documented() {
        if path.starts_with("/verify") {
            continue;
        }
        for name in methods {
            let there = path.replace("{below}", "v1/builds").replace("{slug}", "acme");
            let request = |more: &str| anonymous.request(method(&name.to_uppercase()), &format!("{there}{more}"));
            let reply = read(request(&format!("?x={}", "x".repeat(9 * 1024)))).await;
            responses.add(&name, &path, &reply);
            let reply = read(request("").header("x-large", "x".repeat(33 * 1024))).await;
            responses.add(&name, &path, &reply);
        }
    }
}

both!(
    /// R-19
    async fn endpoints_conform_to_the_document(world: World) {
        let test = "endpoints::openapi::endpoints_conform_to_the_document";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let mut responses = Responses { world: &world, all: Vec::new() };
        let api = world.resource_server("api").await;
        valid_and_invalid_tokens(&mut responses, &api).await;
        resource_servers(&mut responses, &api).await;
        sessions(&mut responses).await;
        csv_files(&mut responses).await;
        limits(&mut responses).await;
        let constant = ["/.well-known/oauth-authorization-server", "/openapi.json", "/schema.graphql", "/healthz"];
        for path in constant.into_iter().chain(["/readyz", "/invitations/{code}"]) {
            responses.get(path).await;
        }
        // Invalid tokens are limited on each node.
        let other = world.another_node(&[]).await;
        for _ in 0..60 {
            other.bearer(&unknown()).get(TOKEN).await;
        }
        responses.token(&other.bearer(&unknown()), |request| request).await;
        let bob = world.browser(&world.sign_in("bob", PASSWORD).await);
        let csv = |node: &World| {
            let client = node.bearer(&unknown());
            client.request(Method::POST, "/organizations/acme/tokens.csv").json(&json!({}))
        };
        responses.csv(csv(&other)).await;
        disconnect_database(&world).await;
        responses.csv(csv(&world)).await;
        responses.get("/readyz").await;
        let body = json!({ "username": "bob", "password": PASSWORD });
        for (path, there) in [
            ("/session", "/session"),
            ("/session/confirm", "/session/confirm"),
            ("/invitations/{code}", "/invitations/x"),
        ] {
            responses.post(path, there, &bob, &body).await;
        }
        let reply = bob.delete("/session").await;
        responses.add("delete", "/session", &reply);
        responses.token(&world.bearer(&unknown()), |request| request).await;
        responses.verify(&world.bearer(&unknown()), "organization=acme").await;
        responses.oauth(&api, &api.client_secret, &[("token", &unknown())]).await;
        assert_eq!(findings(&folder, DOCUMENT, &responses.all).await, [""; 0]);
    }
);

#[tokio::test]
async fn omissions_and_errors_of_the_document_are_found() {
    let test = "endpoints::openapi::omissions_and_errors_of_the_document_are_found";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    let document = DOCUMENT.replacen("\"operationId\": \"ready\"", "\"operationId\": \"live\"", 1);
    let document = document.replacen("#/components/responses/Ready\"", "#/components/responses/Reddy\"", 1);
    let headers = json!({
        "x-request-id": "1", "cache-control": "public", "x-content-type-options": "nosniff", "server": "invented",
        "content-type": "application/json; charset=utf-8",
    });
    let response = |path: &str, status: u16, body: &str| json!({ "method": "get", "path": path, "status": status, "headers": headers, "body": body });
    let responses = [
        response("/healthz", 200, r#"{"status":"ok","more":1}"#),
        response("/healthz", 418, "{}"),
        response("/schema.graphql", 200, "{}"),
        response("/verify", 200, "a body"),
    ];
    let found = findings(&folder, &document, &responses).await;
    for expected in [
        "lint operation-operationId-unique: ",
        "lint no-unresolved-refs: ",
        "lint no-unused-components: ",
        "get /healthz 200: data must NOT have additional properties",
        "get /healthz 200: cache-control: data must be equal to constant",
        "get /healthz 200: referrer-policy is missing",
        "get /healthz 200: server is not in the document",
        "get /healthz 418: is not in the document",
        "get /schema.graphql 200: is of type application/json",
        "get /verify 200: has a body",
        "get /verify 200: x-token-id is missing",
        "get /verify 401: was not answered",
    ] {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected} is not in {found:#?}");
    }
}

both!(
    async fn document_is_public(world: World) {
        for path in ["/openapi.json", "/openapi.json/"] {
            let reply = world.anonymous().get(path).await;
            assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, DOCUMENT));
            assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
            assert_eq!(reply.header("cache-control"), "max-age=300");
        }
    }
);

both!(
    /// R-18
    async fn undocumented_method_is_405_and_allow_lists_the_documented_ones(world: World) {
        for (path, methods) in documented() {
            let mut methods = methods;
            // Endpoints that accept GET accept HEAD.
            if methods.iter().any(|method| method == "get") {
                methods.insert(1, "head".into());
            }
            let allow = methods.join(", ").to_uppercase();
            // The endpoints for gateways accept every method.
            let rejects = !path.starts_with("/verify");
            let path = path.replace("{slug}", "acme");
            for name in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO"] {
                if rejects && !methods.contains(&name.to_lowercase()) {
                    let reply = read(world.anonymous().request(method(name), &path)).await;
                    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, &*allow), "{name} {path}");
                }
            }
        }
    }
);

/// Returns the JSON Schema of a GraphQL input type, in the form of the document.
fn json_schema(schema: &ServiceDocument, of: &Type) -> Value {
    let mut written = match &of.base {
        BaseType::List(inner) => json!({ "type": "array", "items": json_schema(schema, inner) }),
        BaseType::Named(name) => match type_of(schema, name) {
            TypeKind::Enum(one) => {
                json!({ "enum": one.values.iter().map(|value| &value.node.value.node).collect::<Vec<_>>() })
            }
            TypeKind::InputObject(_) => return json!({ "$ref": format!("#/components/schemas/{name}") }),
            TypeKind::Scalar => match name.as_str() {
                "DateTime" => json!({ "type": "string", "format": "date-time" }),
                other => json!({ "type": other.to_lowercase() }),
            },
            _ => panic!("{name} is no input"),
        },
    };
    if of.nullable && written["type"].is_string() {
        written["type"] = json!([written["type"], "null"]);
    }
    written
}

fn type_of<'all>(schema: &'all ServiceDocument, name: &str) -> &'all TypeKind {
    let named = schema.definitions.iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(one) if one.node.name.node.as_str() == name => Some(&one.node.kind),
        _ => None,
    });
    // A document does not define the built-in scalars.
    named.unwrap_or(&TypeKind::Scalar)
}

/// R-19
#[test]
fn filter_schema_equals_the_graphql_input() {
    let schema = parse_schema(include_str!("../../../schema.graphql")).unwrap();
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut pending = vec!["TokenFilter".to_owned()];
    let mut compared = 0;
    while let Some(name) = pending.pop() {
        let TypeKind::InputObject(input) = type_of(&schema, &name) else { panic!("{name} is no input") };
        let written = &document["components"]["schemas"][&name];
        let mut found = written["properties"].as_object().unwrap().clone();
        for property in found.values_mut() {
            property.as_object_mut().unwrap().remove("description");
        }
        let mut expected = serde_json::Map::new();
        for field in &input.fields {
            let property = json_schema(&schema, &field.node.ty.node);
            if let Some(below) = property["$ref"].as_str() {
                let below = below.trim_start_matches("#/components/schemas/").to_owned();
                let is_nullable = &document["components"]["schemas"][&below]["type"];
                assert_eq!(is_nullable, &json!(["object", "null"]), "{below}");
                pending.push(below);
            }
            expected.insert(field.node.name.node.to_string(), property);
            compared += 1;
        }
        assert_eq!(Value::Object(found), Value::Object(expected), "{name}");
        assert_eq!((&written["additionalProperties"], &written["required"]), (&json!(false), &Value::Null), "{name}");
    }
    assert!(compared > 12, "{compared} fields");
}
