//! Checks that third-party clients can use the schema and that the service follows GraphQL over HTTP: Relay's compiler,
//! graphql-js, urql, and the audits of graphql-http, run against the service where they need one.

use crate::world::{World, node, temp_files};
use serde_json::{Value, json};
use std::path::Path;

/// The released schema that clients rely on, and the current one.
const CONTRACT: &str = include_str!("../clients/contract.graphql");
const SCHEMA: &str = include_str!("../../schema.graphql");

/// Additions since the release: clients need not send new inputs, and docs/api.md asks them to expect new values of enums.
const ADDED: [&str; 2] = [
    "OPTIONAL_INPUT_FIELD_ADDED: An optional field userId on input type AuditEventFilter was added.",
    "VALUE_ADDED_TO_ENUM: TOKEN_EXPIRED was added to enum type AuditEventType.",
];

async fn run(folder: &Path, script: &str, input: Value) -> Value {
    let output = node::run(&folder.join(script), &input).await;
    if output.is_empty() { Value::Null } else { serde_json::from_str(&output).unwrap() }
}

/// Returns the breaking and the dangerous changes of a new schema, found by graphql-js, each sorted.
async fn changes(folder: &Path, now: &str) -> Value {
    let mut found = run(folder, "changes.mjs", json!({ "old": CONTRACT, "now": now })).await;
    for kind in ["breaking", "dangerous"] {
        found[kind].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    found
}

#[tokio::test]
async fn schema_has_no_breaking_changes() {
    let test = "clients::schema_has_no_breaking_changes";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    assert_eq!(changes(&folder, SCHEMA).await, json!({ "breaking": [], "dangerous": ADDED }));
}

#[tokio::test]
async fn removed_field_and_newly_required_argument_are_detected() {
    let test = "clients::removed_field_and_newly_required_argument_are_detected";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    for (was, is, change) in [
        ("\townerIsAdmin: Boolean!\n", "\tother: Boolean!\n", "FIELD_REMOVED: TokenGrant.ownerIsAdmin was removed."),
        (
            "\tdescription: String\n",
            "\tdescription: String!\n",
            "FIELD_CHANGED_KIND: UpdateTokenInput.description changed type from String to String!.",
        ),
    ] {
        let changed = SCHEMA.replacen(was, is, 1);
        assert_ne!(changed, SCHEMA, "{was} is not in the schema");
        assert_eq!(changes(&folder, &changed).await["breaking"], json!([change]));
    }
    let grown = SCHEMA.replacen("\n\tREVOKED\n", "\n\tREVOKED\n\t\"New.\"\n\tPAUSED\n", 1);
    let paused = "VALUE_ADDED_TO_ENUM: PAUSED was added to enum type TokenStatus.";
    let dangerous = [ADDED[0], paused, ADDED[1]];
    assert_eq!(changes(&folder, &grown).await, json!({ "breaking": [], "dangerous": dangerous }));
}

both!(
    async fn service_accepts_operations_compiled_by_relay(world: World) {
        let test = "clients::service_accepts_operations_compiled_by_relay";
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
        // Relay requests the next page by the ID of the object to which the list belongs.
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
        let created =
            bob.query(document("TokensCreateMutation"), json!({ "input": input })).await["createToken"].clone();
        assert_eq!(world.bearer(created["value"].as_str().unwrap()).verify("organization=acme").await.status, 200);
        assert_eq!(compiled.as_object().unwrap().len(), 7);
    }
);

#[tokio::test]
async fn relay_rejects_unknown_fields() {
    let test = "clients::relay_rejects_unknown_fields";
    let Some(folder) = node::packages("tests/clients", test) else { return };
    let work = temp_files::folder();
    let schema = SCHEMA.replace("\townerIsAdmin: Boolean!\n", "\tother: Boolean!\n");
    let compiled = run(&folder, "relay.mjs", json!({ "folder": work.path(), "schema": schema })).await;
    assert_eq!((&compiled["status"], &compiled["operations"]), (&json!(1), &json!({})));
    let output = compiled["output"].as_str().unwrap();
    assert!(output.contains("The type `TokenGrant` has no field `ownerIsAdmin`"), "{output}");
}

both!(
    async fn urql_pages_the_audit_and_reads_mutations_and_error_codes(world: World) {
        let test = "clients::urql_pages_the_audit_and_reads_mutations_and_error_codes";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let (bob, ada) = (world.member("bob", &["acme"]).await, world.admin("ada", &["acme"]).await);
        let mut tokens = Vec::new();
        for number in 0..125 {
            tokens.push(bob.create_token(&format!("bot {number}"), &["acme"], &["read_builds", "graphql"]).await);
        }
        let value = tokens[0].value.clone();
        let tokens: Vec<_> = tokens.into_iter().rev().map(|token| token.id).collect();
        let input = json!({
            "url": world.url("/graphql"), "credential": ada.credential, "slug": "acme", "tokens": tokens, "value": value,
            "schema": SCHEMA,
        });
        run(&folder, "urql.mjs", input).await;
    }
);

both!(
    ///
    async fn graphql_over_http_audits_pass(world: World) {
        let test = "clients::graphql_over_http_audits_pass";
        let Some(folder) = node::packages("tests/clients", test) else { return };
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("For the audits", &["acme"], &["graphql"]).await;
        for credential in [token.value, bob.credential.unwrap()] {
            let input = json!({ "url": world.url("/graphql"), "credential": credential });
            assert_eq!(run(&folder, "audits.mjs", input).await, json!({ "audits": 61, "failed": [] }));
        }
    }
);
