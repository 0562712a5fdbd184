//! Checks what events record, and which users can read them.

use crate::world::{
    World,
    client::{Client, CreatedToken, read},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::{DeleteUser, RemoveOrganizationMember},
    domain::{id::UserId, time::Time},
};

const OWN: &str =
    "query($id: ID!) { token(id: $id) { events { nodes { type at actor { username } actorIpAddress actorUserAgent
    organizations { slug } tokenId token { id } via user { username } scopesAdded scopesRemoved reason } } } }";

/// Returns the events of a token, as its owner reads them, newest first.
async fn events(owner: &Client<'_>, token: &CreatedToken) -> Vec<Value> {
    let data = owner.query(OWN, json!({ "id": token.id })).await;
    data["token"]["events"]["nodes"].as_array().unwrap().clone()
}

/// Runs a mutation with a user agent.
async fn by_agent(client: &Client<'_>, agent: &str, query: &str, input: Value) -> Value {
    let request = client.request(Method::POST, "/graphql").header("user-agent", agent);
    let reply = read(request.json(&json!({ "query": query, "variables": { "input": input } }))).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.data()
}

both!(
    async fn event_records_actor_time_reason_and_origin(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme", "globex"]).await);
        let acme = world.organization_id("acme").await;
        let start = world.now();
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds", "graphql"]).await;
        let tool = world.bearer(&ada.create_token("tool", &["acme"], &["graphql"]).await.value);
        let update = "mutation($input: UpdateTokenInput!) { updateToken(input: $input) { token { id } } }";
        let remove = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) \
                      { grant { id } } }";
        let scopes = json!({ "tokenId": token.id, "scopes": ["read_agents", "graphql"] });
        by_agent(&bob, "browser/1", update, scopes).await;
        let removed = json!({ "tokenId": token.id, "organizationId": acme, "reason": "too wide" });
        by_agent(&tool, "curl/8", remove, removed).await;
        assert_eq!(world.bearer(&token.value).delete("/v2/access-token").await.status, 204);

        let data = events(&bob, &token).await;
        let mut times = Vec::new();
        let bare: Vec<_> = data
            .iter()
            .map(|event| {
                let mut event = event.clone();
                times.push(Time::parse(event["at"].as_str().unwrap()).unwrap());
                event.as_object_mut().unwrap().remove("at");
                event
            })
            .collect();
        assert!(times.is_sorted_by(|later, earlier| later >= earlier), "{times:?}");
        assert!(times.iter().all(|at| *at >= start && *at <= world.now()), "{times:?}");
        let event = |kind: &str, via: &str, actor: &str, agent: Value, slugs: &[&str]| {
            json!({
                "type": kind, "via": via, "actor": { "username": actor }, "actorIpAddress": "127.0.0.1",
                "actorUserAgent": agent, "organizations": slugs.iter().map(|slug| json!({ "slug": slug })).collect::<Vec<_>>(),
                "tokenId": token.id, "token": { "id": token.id }, "user": { "username": "bob" },
                "scopesAdded": [], "scopesRemoved": [], "reason": null,
            })
        };
        let both = ["acme", "globex"];
        let mut created = event("TOKEN_CREATED", "JWT", "bob", Value::Null, &both);
        created["scopesAdded"] = json!(["graphql", "read_builds"]);
        let mut changed = event("TOKEN_UPDATED", "JWT", "bob", json!("browser/1"), &both);
        (changed["scopesAdded"], changed["scopesRemoved"]) = (json!(["read_agents"]), json!(["read_builds"]));
        let mut removed = event("TOKEN_ORGANIZATION_REMOVED", "TOKEN", "ada", json!("curl/8"), &["acme"]);
        removed["reason"] = json!("too wide");
        let revoked = event("TOKEN_REVOKED", "TOKEN", "bob", Value::Null, &["globex"]);
        assert_eq!(bare, [revoked, removed, changed, created]);
    }
);

both!(
    async fn event_records_changed_values(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let end = world.now().plus(Duration::from_hours(1)).to_text();
        let changed = json!({ "tokenId": token.id, "description": "release", "expiresAt": end });
        assert_eq!(bob.mutate("updateToken", changed).await.code(), "OK");
        let scopes = json!({ "tokenId": token.id, "scopes": ["read_agents"] });
        assert_eq!(bob.mutate("updateToken", scopes).await.code(), "OK");
        let eve = world.user("eve").await;
        let eve = eve.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        for (mutation, input) in [
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "eve", "role": "MEMBER" })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": eve, "role": "ADMIN" })),
            ("updateOrganization", json!({ "organizationId": acme, "name": "Acme Gadgets" })),
        ] {
            let reply = ada.mutate(mutation, input).await;
            assert_eq!(reply.code(), "OK", "{mutation}: {}", reply.text);
        }
        let query = "{ organization(slug: \"acme\") { name auditEvents(first: 6) { nodes { type changes { field before \
                     after } } } } }";
        let data = ada.query(query, json!({})).await["organization"]["auditEvents"]["nodes"].clone();
        let one = |field: &str, before: Value, after: &str| json!({ "field": field, "before": before, "after": after });
        let event = |kind: &str, changes: Value| json!({ "type": kind, "changes": changes });
        assert_eq!(
            data,
            json!([
                event("ORGANIZATION_UPDATED", json!([one("name", json!("acme inc."), "Acme Gadgets")])),
                event("ORGANIZATION_MEMBER_UPDATED", json!([one("role", json!("MEMBER"), "ADMIN")])),
                event("ORGANIZATION_MEMBER_ADDED", json!([one("role", Value::Null, "MEMBER")])),
                event("TOKEN_UPDATED", json!([])),
                event(
                    "TOKEN_UPDATED",
                    json!([one("description", json!("deploy"), "release"), one("expiresAt", Value::Null, &end)])
                ),
                event("TOKEN_CREATED", json!([])),
            ])
        );
    }
);

/// Returns the types of the events of a token that an organization's administrators read, oldest first, and the organizations of
/// each event.
async fn read_by(world: &World, slug: &str, token: &CreatedToken) -> (Vec<String>, Vec<Value>) {
    let admin = world.user(&format!("root-{slug}")).await;
    let query = "query($slug: String!, $id: ID!) { organization(slug: $slug) { auditEvents(filter: { tokenId: $id }) { nodes { \
                 type organizations { slug } } } } }";
    let data = admin.query(query, json!({ "slug": slug, "id": token.id })).await;
    let nodes = data["organization"]["auditEvents"]["nodes"].as_array().unwrap().clone();
    let kinds = nodes.iter().rev().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    (kinds, nodes.iter().map(|event| event["organizations"].clone()).collect())
}

both!(
    async fn token_events_are_read_by_organizations_with_access(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let globex = world.organization_id("globex").await;
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let describes = async |text: &str| {
            let input = json!({ "tokenId": token.id, "description": text });
            assert_eq!(bob.mutate("updateToken", input).await.code(), "OK");
        };
        describes("one").await;
        assert_eq!(bob.remove_organization(&token.id, &globex, None).await.code(), "OK");
        describes("two").await;
        assert_eq!(bob.add_organization(&token.id, &globex).await.code(), "OK");
        describes("three").await;
        assert_eq!(bob.revoke_token(&token.id).await.code(), "OK");
        let (acme, of_acme) = read_by(&world, "acme", &token).await;
        assert_eq!(acme, ["TOKEN_CREATED", "TOKEN_UPDATED", "TOKEN_UPDATED", "TOKEN_UPDATED", "TOKEN_REVOKED"]);
        let (globex, of_globex) = read_by(&world, "globex", &token).await;
        assert_eq!(
            globex,
            [
                "TOKEN_CREATED",
                "TOKEN_UPDATED",
                "TOKEN_ORGANIZATION_REMOVED",
                "TOKEN_ORGANIZATION_ADDED",
                "TOKEN_UPDATED",
                "TOKEN_REVOKED",
            ]
        );
        assert!(of_acme.iter().all(|slugs| *slugs == json!([{ "slug": "acme" }])), "{of_acme:?}");
        assert!(of_globex.iter().all(|slugs| *slugs == json!([{ "slug": "globex" }])), "{of_globex:?}");
        assert_eq!(events(&bob, &token).await.len(), 7, "the owner reads all of them");
    }
);

both!(
    async fn event_log_is_filtered_by_type_token_user_and_time(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let one = bob.create_token("one", &["acme"], &["read_builds"]).await;
        world.advance(Duration::from_mins(10));
        let middle = world.now();
        let two = ada.create_token("two", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&one.id, &acme, None).await.code(), "OK");
        let id = async |client: &Client<'_>| client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let (ada_id, bob_id) = (id(&ada).await, id(&bob).await);
        let query = "query($f: AuditEventFilter) { organization(slug: \"acme\") { auditEvents(filter: $f) { totalCount nodes { \
                     type tokenId } } } }";
        let found = async |filter: Value| {
            let data = ada.query(query, json!({ "f": filter })).await["organization"]["auditEvents"].clone();
            let nodes = data["nodes"].as_array().unwrap();
            assert_eq!(data["totalCount"], nodes.len(), "{filter}");
            let token = |node: &Value| [(&one, "one"), (&two, "two")].into_iter().find(|it| node["tokenId"] == it.0.id);
            let name = |node: &Value| token(node).map_or("no token", |it| it.1).to_owned();
            nodes.iter().map(|node| format!("{} {}", node["type"].as_str().unwrap(), name(node))).collect::<Vec<_>>()
        };
        let (created, removed) = (["TOKEN_CREATED one", "TOKEN_CREATED two"], "TOKEN_ORGANIZATION_REMOVED one");
        let none = [""; 0];
        assert_eq!(found(json!({ "types": ["TOKEN_CREATED"] })).await, [created[1], created[0]]);
        let kinds = json!({ "types": ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"] });
        assert_eq!(found(kinds).await, [removed, created[1], created[0]]);
        assert_eq!(found(json!({ "tokenId": one.id })).await, [removed, created[0]]);
        assert_eq!(found(json!({ "actorId": ada_id })).await, [removed, created[1]]);
        assert_eq!(found(json!({ "actorId": bob_id })).await, [created[0]]);
        let of = |user: &Value| json!({ "userId": user, "types": ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"] });
        assert_eq!(found(of(&bob_id)).await, [removed, created[0]], "regardless of the actor");
        assert_eq!(found(of(&ada_id)).await, [created[1]]);
        assert_eq!(found(json!({ "userId": bob_id, "types": ["ORGANIZATION_MEMBER_ADDED"] })).await.len(), 1);
        assert_eq!(found(json!({ "userId": bob_id, "actorId": ada_id })).await, [removed]);
        assert_eq!(found(json!({ "at": { "from": middle.to_text() } })).await, [removed, created[1]]);
        assert_eq!(found(json!({ "at": { "to": middle.to_text() }, "tokenId": one.id })).await, [created[0]]);
        assert_eq!(found(json!({ "at": { "from": middle.to_text(), "to": middle.to_text() } })).await, none);
        assert_eq!(found(json!({ "actorId": ada_id, "tokenId": one.id })).await, [removed]);
        assert_eq!(found(json!({ "actorId": bob_id, "tokenId": two.id })).await, none);
        let unknown = UserId::new(world.now()).to_string();
        for nothing in [
            json!({ "tokenId": acme }),
            json!({ "tokenId": "x" }),
            json!({ "actorId": one.id }),
            json!({ "actorId": unknown }),
            json!({ "userId": unknown }),
            json!({ "userId": "x" }),
        ] {
            assert_eq!(found(nothing).await, none);
        }
        assert_eq!(found(json!({ "types": [] })).await, found(Value::Null).await);
        assert!(found(Value::Null).await.len() > 3);
    }
);

both!(
    async fn event_names_only_the_email_sent_to_its_reader(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let emails = world.emails(1).await;
        let own = "query($id: ID!) { token(id: $id) { events { nodes { type notificationId } } } }";
        let data = bob.query(own, json!({ "id": token.id })).await["token"]["events"]["nodes"].clone();
        let expected = json!([
            { "type": "TOKEN_ORGANIZATION_REMOVED", "notificationId": emails[0].email.notification_id },
            { "type": "TOKEN_CREATED", "notificationId": null },
        ]);
        assert_eq!(data, expected);
        let audit = "query($id: ID!) { organization(slug: \"acme\") { auditEvents(filter: { tokenId: $id }) { nodes { notificationId } } } }";
        let data = ada.query(audit, json!({ "id": token.id })).await["organization"]["auditEvents"]["nodes"].clone();
        assert_eq!(data, json!([{ "notificationId": null }, { "notificationId": null }]), "the email was sent to bob");
    }
);

const ACTORS: &str = "query($id: ID!) { token(id: $id) { grants(status: [REMOVED]) { nodes { removedBy { username email } } } \
                    events(first: 1) { nodes { actor { username email } } } } }";

both!(
    async fn actor_is_named_after_leaving_the_organization(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let (root, acme) = (world.user("root-acme").await, world.organization_id("acme").await);
        let ada_id = ada.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let leaves = |user: &str| RemoveOrganizationMember { organization: "acme".into(), user: user.into() };
        let audit = "query($id: ID!) { organization(slug: \"acme\") { auditEvents(filter: { tokenId: $id }) { nodes { \
                     actor { username } user { username } } } } }";
        let log = async || {
            let data = root.query(audit, json!({ "id": token.id })).await;
            let nodes = data["organization"]["auditEvents"]["nodes"].clone();
            nodes.as_array().unwrap().iter().map(|node| node["actor"]["username"].clone()).collect::<Vec<_>>()
        };
        for leaver in ["ada", "bob"] {
            world.operator(leaves(leaver)).await.unwrap();
            assert_eq!(log().await, ["ada", "bob"], "{leaver} has left");
            let named = json!({ "username": "ada", "email": null });
            let expected = json!({
                "grants": { "nodes": [{ "removedBy": named }] }, "events": { "nodes": [{ "actor": named }] },
            });
            assert_eq!(bob.query(ACTORS, json!({ "id": token.id })).await["token"], expected, "{leaver} has left");
            // They still cannot be looked up.
            let found = root.query("query($id: ID!) { node(id: $id) { id } }", json!({ "id": ada_id })).await;
            assert_eq!(found["node"], Value::Null);
        }
        world.operator(DeleteUser { username: "ada".into() }).await.unwrap();
        let placeholder = log().await[0].as_str().unwrap().to_owned();
        assert!(placeholder.starts_with("deleted-"), "{placeholder}");
    }
);
