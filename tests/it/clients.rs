//! Can clients that others wrote use the schema, and does the service speak their standard? Relay's compiler, graphql-js and
//! urql, and the audits of graphql-http, with the service where it takes one.

use crate::world::{World, node, temp_files};
use serde_json::{Value, json};
use std::path::Path;

/// What clients were promised, and what there is.
const CONTRACT: &str = include_str!("../clients/contract.graphql");
const SCHEMA: &str = include_str!("../../schema.graphql");

/// What was added since then to what clients send: nobody who does not know of it has to.
const ADDED: &str = "OPTIONAL_INPUT_FIELD_ADDED: An optional field userId on input type AuditEventFilter was added.";

async fn run(folder: &Path, script: &str, told: Value) -> Value {
    let said = node::run(&folder.join(script), &told).await;
    if said.is_empty() { Value::Null } else { serde_json::from_str(&said).unwrap() }
}

/// What a new schema breaks, and what may surprise, by graphql-js.
async fn changes(folder: &Path, now: &str) -> Value {
    run(folder, "changes.mjs", json!({ "old": CONTRACT, "now": now })).await
}

#[tokio::test]
async fn the_schema_keeps_what_clients_were_promised() {
    let test = "clients::the_schema_keeps_what_clients_were_promised";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    assert_eq!(changes(&folder, SCHEMA).await, json!({ "breaking": [], "dangerous": [ADDED] }));
}

#[tokio::test]
async fn a_field_that_is_gone_and_an_argument_that_becomes_required_are_seen() {
    let test = "clients::a_field_that_is_gone_and_an_argument_that_becomes_required_are_seen";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    for (was, is, told) in [
        ("\townerIsAdmin: Boolean!\n", "\tother: Boolean!\n", "FIELD_REMOVED: TokenGrant.ownerIsAdmin was removed."),
        (
            "\tdescription: String\n",
            "\tdescription: String!\n",
            "FIELD_CHANGED_KIND: UpdateTokenInput.description changed type from String to String!.",
        ),
    ] {
        let changed = SCHEMA.replacen(was, is, 1);
        assert_ne!(changed, SCHEMA, "there is no {was}");
        assert_eq!(changes(&folder, &changed).await["breaking"], json!([told]));
    }
    let grown = SCHEMA.replacen("\n\tREVOKED\n", "\n\tREVOKED\n\t\"New.\"\n\tPAUSED\n", 1);
    let told = json!(["VALUE_ADDED_TO_ENUM: PAUSED was added to enum type TokenStatus.", ADDED]);
    assert_eq!(changes(&folder, &grown).await, json!({ "breaking": [], "dangerous": told }));
}

both!(
    async fn what_relay_compiles_the_service_answers(world: World) {
        let test = "clients::what_relay_compiles_the_service_answers";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let (bob, ada) = (world.member("bob", &["acme"]).await, world.admin("ada", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let mut tokens = Vec::new();
        for number in 0..4 {
            tokens.push(bob.create_token(&format!("bot {number}"), &["acme"], &["read_builds"]).await);
        }
        let work = temp_files::folder();
        let compiled = run(&folder, "relay.mjs", json!({ "folder": work.path(), "schema": SCHEMA })).await;
        assert_eq!(compiled["status"], 0, "{compiled}");
        let compiled = &compiled["operations"];
        let document = |name: &str| compiled[name].as_str().unwrap_or_else(|| panic!("no {name} in {compiled}"));

        let filter = json!({ "owner": "bob" });
        let first = json!({ "slug": "acme", "count": 3, "filter": filter });
        let page = ada.query(document("AuditQuery"), first).await["organization"]["tokenGrants"].clone();
        assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(4), &json!(true)));
        assert_eq!(page["edges"][0]["node"]["token"]["description"], "bot 3");
        // Relay asks for the next page by the id of what the list belongs to.
        let next = json!({ "id": acme, "count": 3, "cursor": page["pageInfo"]["endCursor"], "filter": filter });
        let page = ada.query(document("AuditTokensQuery"), next).await["node"]["tokenGrants"].clone();
        assert_eq!(page["edges"].as_array().unwrap().len(), 1);
        assert_eq!(page["edges"][0]["node"]["token"]["description"], "bot 0");
        assert_eq!(page["pageInfo"]["hasNextPage"], json!(false));

        let input = json!({ "tokenId": tokens[1].id, "organizationId": acme, "reason": "Not used" });
        let grant = ada.query(document("AuditRemoveMutation"), json!({ "input": input })).await;
        assert_eq!(grant["removeOrganizationFromToken"]["grant"]["status"], "REMOVED");

        let mine = bob.query(document("TokensQuery"), json!({ "count": 2 })).await["viewer"].clone();
        let edges = &mine["tokens"]["edges"];
        assert_eq!([&edges[0]["node"]["description"], &edges[1]["node"]["description"]], ["bot 1", "bot 0"]);
        let before = json!({ "id": mine["id"], "last": 2, "before": mine["tokens"]["pageInfo"]["startCursor"] });
        let page = bob.query(document("TokensListQuery"), before).await["node"]["tokens"].clone();
        assert_eq!(page["edges"][0]["node"]["description"], "bot 3");
        assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(false));
        let one = bob.query(document("TokensTokenQuery"), json!({ "id": tokens[1].id })).await;
        assert_eq!(one["node"]["organizations"], json!([]));
        let input = json!({ "description": "new", "organizationIds": [acme], "scopes": ["read_user"] });
        let made = bob.query(document("TokensCreateMutation"), json!({ "input": input })).await["createToken"].clone();
        assert_eq!(world.bearer(made["value"].as_str().unwrap()).verify("organization=acme").await.status, 200);
        assert_eq!(compiled.as_object().unwrap().len(), 7);
    }
);

#[tokio::test]
async fn what_the_schema_does_not_have_relay_refuses() {
    let test = "clients::what_the_schema_does_not_have_relay_refuses";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    let work = temp_files::folder();
    let schema = SCHEMA.replace("\townerIsAdmin: Boolean!\n", "\tother: Boolean!\n");
    let compiled = run(&folder, "relay.mjs", json!({ "folder": work.path(), "schema": schema })).await;
    assert_eq!((&compiled["status"], &compiled["operations"]), (&json!(1), &json!({})));
    let said = compiled["said"].as_str().unwrap();
    assert!(said.contains("The type `TokenGrant` has no field `ownerIsAdmin`"), "{said}");
}

both!(
    async fn urql_pages_through_the_audit_follows_a_mutation_and_hears_codes(world: World) {
        let test = "clients::urql_pages_through_the_audit_follows_a_mutation_and_hears_codes";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let (bob, ada) = (world.member("bob", &["acme"]).await, world.admin("ada", &["acme"]).await);
        let mut tokens = Vec::new();
        for number in 0..125 {
            tokens.push(bob.create_token(&format!("bot {number}"), &["acme"], &["read_builds", "graphql"]).await);
        }
        let value = tokens[0].value.clone();
        let tokens: Vec<_> = tokens.into_iter().rev().map(|token| token.id).collect();
        let told = json!({
            "url": world.url("/graphql"), "credential": ada.credential, "slug": "acme", "tokens": tokens, "value": value,
            "schema": SCHEMA,
        });
        run(&folder, "urql.mjs", told).await;
    }
);

both!(
    ///
    async fn every_audit_of_graphql_over_http_is_well(world: World) {
        let test = "clients::every_audit_of_graphql_over_http_is_well";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("For the audits", &["acme"], &["graphql"]).await;
        for credential in [token.value, bob.credential.unwrap()] {
            let told = json!({ "url": world.url("/graphql"), "credential": credential });
            assert_eq!(run(&folder, "audits.mjs", told).await, json!({ "audits": 61, "failed": [] }));
        }
    }
);
