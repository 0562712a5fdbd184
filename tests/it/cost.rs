//! Checks that documents that are too expensive or invalid are rejected quickly, before any of them runs.

#![expect(clippy::format_push_string, clippy::format_collect, reason = "documents of a test, built concisely")]

use crate::{
    program::Program,
    world::{World, client::Reply, database::Database, retry::retry},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

fn cost(reply: &Reply) -> Value {
    reply.json()["extensions"]["cost"].clone()
}

both!(
    async fn responses_report_the_cost(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let reply = bob.graphql("{ scopes { name title description access retired } }", json!({})).await;
        assert_eq!(cost(&reply), json!({ "requested": 51, "limit": 10_000 }));
        let failed = bob.graphql("{ viewer { tokens(first: -1) { totalCount } } }", json!({})).await;
        assert_eq!((failed.code(), cost(&failed)["requested"].clone()), ("INVALID_INPUT".into(), json!(41)));
    }
);

both!(
    ///
    async fn expensive_document_is_rejected_with_cost_and_limit(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let nested = "query($n: Int) { viewer { organizations(first: $n) { nodes { tokenGrants(first: $n) \
                      { nodes { token { grants(first: $n) { nodes { id } } } } } } } } }";
        let reply = bob.graphql(nested, json!({ "n": 100 })).await;
        assert_eq!(reply.code(), "TOO_COMPLEX");
        assert!(reply.json().get("data").is_none());
        let extensions = reply.json()["errors"][0]["extensions"].clone();
        assert_eq!(extensions["limit"], 10_000);
        assert!(extensions["cost"].as_u64().unwrap() > 1_000_000);
        assert_eq!(cost(&reply), json!({ "requested": extensions["cost"], "limit": 10_000 }));
        assert_eq!(bob.graphql(nested, json!({ "n": 2 })).await.status, 200);
        // An unused fragment is too expensive, but the cost of the operation is reported.
        let beside = format!("{{ viewer {{ id }} }} fragment F on Query {NESTED}");
        let reply = bob.graphql(&beside, json!({})).await;
        assert_eq!((reply.code(), cost(&reply)), ("TOO_COMPLEX".into(), json!({ "requested": 2, "limit": 10_000 })));
        // A document that is nested too deep is rejected before its cost is computed.
        let reply = bob.graphql(&nest(5), json!({})).await;
        assert_eq!((reply.code(), cost(&reply)), ("TOO_COMPLEX".into(), Value::Null));
    }
);

both!(
    async fn audit_page_of_the_console_is_within_the_cost_limit(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for _ in 0..3 {
            ada.create_token("deploy", &["acme"], &["graphql"]).await;
        }
        let page = "query($slug: String!, $filter: TokenFilter, $order: TokenOrder, $after: String) {
            viewer { id name organizations(first: 100) { edges { role node { slug name } } } }
            organization(slug: $slug) { id name viewerIsAdmin
                tokenGrants(first: 50, after: $after, filter: $filter, orderBy: $order) {
                    totalCount search { text kind } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
                    nodes { id tokenId status grantedAt ownerIsAdmin lastUsedAt
                        lastRequest { at ipAddress userAgent method path scope allowed }
                        token { id uuid description hint status createdAt expiresAt scopes { name title access }
                            owner { id name username email } } } } } }";
        let variables = json!({ "slug": "acme", "filter": { "query": "admin graphql unused:90d" } });
        let reply = ada.graphql(page, variables).await;
        assert_eq!(reply.code(), "OK", "{}", reply.text);
        assert_eq!(reply.data()["organization"]["tokenGrants"]["nodes"].as_array().map(Vec::len), Some(3));
        assert!(cost(&reply)["requested"].as_u64().is_some_and(|cost| cost < 8_000), "{}", cost(&reply));
    }
);

/// Fragments, each of which spreads the next one twice.
fn bomb(length: usize) -> String {
    let mut bomb = String::from("{ ...f0 }");
    for index in 0..length {
        bomb += &format!(" fragment f{index} on Query {{ ...f{0} ...f{0} }}", index + 1);
    }
    bomb + &format!(" fragment f{length} on Query {{ viewer {{ id }} }}")
}

/// Fragments that spread each other in a cycle of this length.
fn circle(length: usize) -> String {
    let spreads = (0..length).map(|index| format!(" fragment f{index} on Query {{ ...f{} }}", (index + 1) % length));
    String::from("{ ...f0 }") + &spreads.collect::<String>()
}

fn aliased(number: usize, field: &str) -> String {
    (0..number).map(|index| format!("a{index}: {field} ")).collect()
}

/// Nested fields, three more with every level.
fn nest(levels: usize) -> String {
    let down = "{ tokens(first: 1) { nodes { owner ".repeat(levels);
    format!("{{ viewer {down} {{ id }} {} }}", "} } }".repeat(levels))
}

/// Connections in connections.
const NESTED: &str = "{ viewer { organizations(first: 100) { nodes { tokenGrants(first: 100) { nodes { token { \
                      grants(first: 100) { nodes { id } } } } } } } } }";

/// Documents that are rejected, each with its error code.
fn too_much() -> Vec<(String, &'static str)> {
    let fragments = format!(
        "fragment F on Query {{ {} }} fragment G on User {{ {} }}",
        aliased(28, "viewer { ...G }"),
        aliased(28, "tokens(first: 1) { nodes { id uuid hint status } }")
    );
    let operations: String = (0..1_500).map(|index| format!("query q{index} {{ ...F }} ")).collect();
    let mut all = vec![
        nest(5),
        NESTED.to_owned(),
        format!("{{ viewer {{ {} }} }}", aliased(31, "id")),
        format!("{{ viewer {{ {} }} }}", "id ".repeat(31)),
        format!("{{ viewer {{ {} }} }}", "__typename ".repeat(101)),
        format!("{{ {} id {} }}", "... on Query { ".repeat(40), "} ".repeat(40)),
        format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(1_000) + &"@x ".repeat(9_500)),
        "{ __schema { types { fields { args { type { fields { name } } } } } } }".to_owned(),
        operations + &fragments,
    ];
    all.extend([14, 15, 20, 27, 28, 50, 100, 200, 300, 400].map(bomb));
    let mut all: Vec<_> = all.into_iter().map(|document| (document, "TOO_COMPLEX")).collect();
    all.extend([1, 2, 3, 30].map(|length| (circle(length), "INVALID_INPUT")));
    all
}

both!(
    ///
    async fn rejected_documents_run_no_statement_but_authentication(database: Database) {
        let program = Program::over(&database, &[("log.format", "json")]);
        program.add_organization("acme", &["ada"]);
        let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"]);
        let (mut serving, _) = program.serve().await;
        let http = reqwest::Client::new();
        let send = async |id: String, query: &str, variables: Value| {
            let request = http.post(program.url("/graphql")).bearer_auth(&token).header("x-request-id", id);
            let body = json!({ "query": query, "variables": variables, "operationName": query.contains("q0").then_some("q0") });
            request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
        };
        let documents = too_much();
        for (index, (document, code)) in documents.iter().enumerate() {
            let response = send(format!("refused-{index}"), document, json!({})).await;
            let start: String = document.chars().take(200).collect();
            assert_eq!(response["errors"][0]["extensions"]["code"], *code, "{start}: {response}");
            assert_eq!(response["errors"].as_array().map(Vec::len), Some(1), "{start}: {response}");
            assert!(response.get("data").is_none(), "{start}: {response}");
        }
        let id = "query($id: ID!) { token(id: $id) { id } }";
        for (index, variables) in [json!({}), json!({ "id": null }), json!({ "id": [1] })].into_iter().enumerate() {
            let response = send(format!("refused-variable-{index}"), id, variables).await;
            assert_eq!(response["errors"][0]["extensions"]["code"], "INVALID_INPUT", "{response}");
        }
        assert!(send("accepted".into(), "{ viewer { id } }", json!({})).await["errors"].is_null());
        serving.terminate();
        assert!(serving.exit_status(Duration::from_secs(10)).await.success());
        let mut statements = HashMap::new();
        for line in program.logged().lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            if event["message"] == "request" {
                let id = event["span"]["id"].as_str().unwrap().to_owned();
                statements.insert(id, event["statements"].as_u64().unwrap());
            }
        }
        assert!(statements["accepted"] > 1);
        let refused: Vec<_> = statements.iter().filter(|(id, _)| id.starts_with("refused-")).collect();
        assert_eq!(refused.len(), documents.len() + 3);
        assert!(
            refused.iter().all(|(_, statements)| **statements == 1),
            "more than the check of the token: {refused:?}"
        );
    }
);

both!(
    ///
    async fn requests_are_served_during_fragment_bombs(world: World) {
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let (eve, bombs, served) = (&eve, &[bomb(27), bomb(400), circle(3)], &AtomicU64::new(0));
        // Until the neighbour has been served often enough, eight bombs run at any time.
        let throw = |number: usize| async move {
            let mut thrown = 0;
            while served.load(Ordering::Relaxed) < 10 || thrown < 10 {
                let reply = retry(async || eve.graphql(&bombs[number % bombs.len()], json!({})).await).await;
                assert!(["TOO_COMPLEX", "INVALID_INPUT"].contains(&&*reply.code()), "{}", reply.text);
                thrown += 1;
            }
        };
        let neighbour = async {
            for _ in 0..20 {
                let reply = retry(async || bob.graphql("{ viewer { username } }", json!({})).await).await;
                assert_eq!(reply.code(), "OK");
                served.fetch_add(1, Ordering::Relaxed);
            }
        };
        let all = async { tokio::join!(neighbour, futures_util::future::join_all((0..8).map(throw))) };
        tokio::time::timeout(Duration::from_mins(4), all).await.expect("the requests wait for the bombs");
    }
);

both!(
    ///
    async fn many_directives_are_rejected_with_few_errors(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        for (document, max) in [
            (format!("{{ viewer {{ id {} }} }}", "@nothing ".repeat(10)), 5),
            (format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(2_000)), 1),
            (format!("{{ viewer {{ ... {} {{ id }} }} }}", "@nothing ".repeat(2_000)), 5),
            (format!("{{ viewer {{ {} }} }}", (0..200).map(|index| format!("x{index} ")).collect::<String>()), 5),
            (format!("query({}) {{ viewer {{ id }} }}", "$x: Nothing ".repeat(100)), 5),
        ] {
            let reply = bob.graphql(&document, json!({})).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (200, "INVALID_INPUT".into()));
            assert!(reply.json()["errors"].as_array().unwrap().len() <= max, "{}", reply.text);
            assert!(reply.json().get("data").is_none());
        }
    }
);

both!(
    ///
    async fn repetition_and_depth_are_limited(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        for (document, code) in [
            (format!("{{ viewer {{ {} }} }}", aliased(30, "id")), "OK"),
            (format!("{{ viewer {{ {} }} }}", aliased(31, "id")), "TOO_COMPLEX"),
            (nest(4), "OK"),
            (nest(5), "TOO_COMPLEX"),
        ] {
            assert_eq!(bob.graphql(&document, json!({})).await.code(), code, "{document}");
        }
        let usual = bob.graphql(include_str!("../../src/graphql/introspection.graphql"), json!({})).await;
        assert_eq!(usual.code(), "OK");
        assert!(usual.data()["__schema"]["types"].as_array().unwrap().len() > 30);
    }
);
