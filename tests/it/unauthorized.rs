//! Checks that every field of the schema is in the policy table or in the list below of fields without their own rules.

use crate::{policy_table::COVERED, world::World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields that show the same to every caller who can see their object, and nothing of other objects.
const PLAIN: &[&str] = &[
    "Query.scopes",
    "Query.tokenPrefix",
    "Organization.id",
    "Organization.uuid",
    "Organization.slug",
    "Organization.name",
    "Organization.createdAt",
    "Token.id",
    "Token.uuid",
    "Token.description",
    "Token.hint",
    "Token.owner",
    "Token.scopes",
    "Token.status",
    "Token.createdAt",
    "Token.expiresAt",
    "Token.revokedAt",
    "TokenGrant.id",
    "TokenGrant.tokenId",
    "TokenGrant.organization",
    "TokenGrant.status",
    "TokenGrant.grantedAt",
    "TokenGrant.removedAt",
    "TokenGrant.removalReason",
    "TokenGrant.ownerIsAdmin",
    "TokenGrant.lastUsedAt",
    "TokenGrant.lastRequest",
    "AuditEvent.id",
    "AuditEvent.uuid",
    "AuditEvent.causeId",
    "AuditEvent.type",
    "AuditEvent.at",
    "AuditEvent.actorIpAddress",
    "AuditEvent.actorUserAgent",
    "AuditEvent.tokenId",
    "AuditEvent.via",
    "AuditEvent.scopesAdded",
    "AuditEvent.scopesRemoved",
    "AuditEvent.changes",
    "AuditEvent.reason",
    "AuditEvent.resourceServerName",
    "User.id",
    "User.uuid",
    "User.username",
    "User.name",
    "User.createdAt",
    "Session.id",
    "Session.createdAt",
    "Session.lastSeenAt",
    "Session.expiresAt",
    "Session.freshUntil",
    "Session.ipAddress",
    "Session.userAgent",
];

const TYPES: [&str; 8] = ["Query", "Mutation", "Organization", "Token", "TokenGrant", "User", "AuditEvent", "Session"];

/// Returns the fields of a schema that are in neither list, and the entries of both lists that it does not have.
fn violations(schema: &Value) -> Vec<String> {
    let types = schema["__schema"]["types"].as_array().expect("types");
    let fields: BTreeSet<_> = types
        .iter()
        .filter(|one| TYPES.iter().any(|name| one["name"] == *name))
        .flat_map(|one| {
            let fields = one["fields"].as_array().expect("fields").iter();
            fields.map(|field| format!("{}.{}", one["name"].as_str().unwrap(), field["name"].as_str().unwrap()))
        })
        .collect();
    let known: BTreeSet<_> = COVERED.iter().chain(PLAIN).map(|name| (*name).to_owned()).collect();
    let new = fields.difference(&known).map(|field| format!("{field} has no row in the policy table"));
    let gone = known.difference(&fields).map(|field| format!("{field} is not in the schema"));
    new.chain(gone).collect()
}

async fn schema(world: &World) -> Value {
    let query = "{ __schema { types { name fields(includeDeprecated: true) { name } } } }";
    world.non_member().await.query(query, json!({})).await
}

both!(
    ///
    async fn every_field_is_in_the_policy_table_or_plain(world: World) {
        assert_eq!(violations(&schema(&world).await), [] as [String; 0]);
    }
);

both!(
    ///
    async fn new_and_removed_fields_are_detected(world: World) {
        let mut schema = schema(&world).await;
        let types = schema["__schema"]["types"].as_array_mut().unwrap();
        let mutation = types.iter_mut().find(|one| one["name"] == "Mutation").unwrap();
        let fields = mutation["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["name"] != "revokeToken");
        fields.push(json!({ "name": "readEverything" }));
        let expected =
            ["Mutation.readEverything has no row in the policy table", "Mutation.revokeToken is not in the schema"];
        assert_eq!(violations(&schema), expected);
    }
);

#[test]
fn covered_and_plain_fields_are_disjoint() {
    assert!(COVERED.iter().all(|name| !PLAIN.contains(name)));
}
