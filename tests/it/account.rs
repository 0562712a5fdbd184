//! Tests of users' own accounts: listing and ending sessions, changing the password and the name.

use crate::world::{PASSWORD, World, client::Client};
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::domain::time::Time;

const SESSIONS: &str = "{ viewer { hasPassword sessions { totalCount nodes { id current ipAddress userAgent } } } }";
const NEW: &str = "another plover gantry ounce";

async fn sessions(client: &Client<'_>) -> Vec<Value> {
    let data = client.query(SESSIONS, json!({})).await;
    let sessions = &data["viewer"]["sessions"];
    let nodes = sessions["nodes"].as_array().unwrap().clone();
    assert_eq!(sessions["totalCount"], nodes.len());
    nodes
}

async fn is_signed_in(client: &Client<'_>) -> bool {
    client.graphql("{ viewer { id } }", json!({})).await.status == 200
}

/// Signs bob in, in two browsers.
async fn two_browsers(world: &World) -> [Client<'_>; 2] {
    world.user("bob").await;
    world.set_password("bob").await;
    let mut both = Vec::new();
    for _ in 0..2 {
        both.push(world.browser(&world.sign_in("bob", PASSWORD).await));
    }
    both.try_into().ok().unwrap()
}

both!(
    ///
    async fn user_lists_and_ends_own_sessions(world: World) {
        let [phone, laptop] = two_browsers(&world).await;
        let ada = world.signed_in("ada").await;
        let seen = sessions(&laptop).await;
        assert_eq!(seen.len(), 2);
        assert_eq!((&seen[0]["current"], &seen[1]["current"]), (&json!(true), &json!(false)), "newest first");
        assert_eq!((&seen[0]["ipAddress"], &seen[0]["userAgent"]), (&json!("127.0.0.1"), &Value::Null));
        let lost = seen[1]["id"].as_str().unwrap().to_owned();
        assert!(lost.starts_with("session_"));

        // Other users can neither find nor end the session.
        let node = "query($id: ID!) { node(id: $id) { id ... on Session { current } } }";
        assert_eq!(laptop.query(node, json!({ "id": lost })).await["node"], json!({ "id": lost, "current": false }));
        assert_eq!(ada.query(node, json!({ "id": lost })).await["node"], Value::Null);
        let end = json!({ "sessionId": lost });
        assert_eq!(ada.mutate("endSession", end.clone()).await.code(), "NOT_FOUND");
        assert!(is_signed_in(&phone).await);

        assert_eq!(laptop.mutate("endSession", end.clone()).await.code(), "OK");
        assert!(!is_signed_in(&phone).await && is_signed_in(&laptop).await && is_signed_in(&ada).await);
        assert_eq!(laptop.mutate("endSession", end).await.code(), "NOT_FOUND");
        assert_eq!(sessions(&laptop).await.len(), 1);
    }
);

both!(
    ///
    async fn user_signs_out_everywhere(world: World) {
        let [phone, laptop] = two_browsers(&world).await;
        let ada = world.signed_in("ada").await;
        let end_sessions = "mutation($input: EndSessionsInput!) { endSessions(input: $input) { ended } }";
        let reply = laptop.query(end_sessions, json!({ "input": {} })).await;
        assert_eq!(reply["endSessions"]["ended"], 1);
        assert!(!is_signed_in(&phone).await && is_signed_in(&laptop).await && is_signed_in(&ada).await);
        let reply = laptop.query(end_sessions, json!({ "input": { "keepCurrent": false } })).await;
        assert_eq!(reply["endSessions"]["ended"], 1);
        assert!(!is_signed_in(&laptop).await && is_signed_in(&ada).await);
        // A user of an identity provider can do so as well.
        let phone = world.browser(&world.sign_in("bob", PASSWORD).await);
        let reply = world.user("bob").await.query(end_sessions, json!({ "input": {} })).await;
        assert_eq!(reply["endSessions"]["ended"], 1);
        assert!(!is_signed_in(&phone).await);
    }
);

both!(
    async fn session_shows_its_expiry(world: World) {
        let bob = world.signed_in("bob").await;
        world.advance(Duration::from_mins(10));
        let query = "{ session { id current createdAt lastSeenAt freshUntil expiresAt } }";
        let data = bob.query(query, json!({})).await["session"].clone();
        let at = |name: &str| Time::parse(data[name].as_str().unwrap()).unwrap();
        let created_at = at("createdAt");
        assert_eq!(at("freshUntil"), created_at.plus(Duration::from_mins(15)));
        assert_eq!(at("expiresAt"), created_at.plus(Duration::from_hours(24)));
        assert!(at("lastSeenAt") >= created_at.plus(Duration::from_mins(10)));
        assert_eq!(data["current"], true);
        let jwt = world.member("bob", &["acme"]).await;
        let token = jwt.create_token("script", &["acme"], &["graphql"]).await;
        for other in [jwt, world.bearer(&token.value)] {
            assert_eq!(other.query(query, json!({})).await["session"], Value::Null);
        }
    }
);

both!(
    ///
    async fn password_change_ends_all_other_sessions(world: World) {
        let [phone, laptop] = two_browsers(&world).await;
        let bad = laptop.mutate("changePassword", json!({ "newPassword": "bob@example.test" })).await;
        assert_eq!((bad.code().as_str(), bad.field().as_deref()), ("INVALID_INPUT", Some("input.newPassword")));
        let short = laptop.mutate("changePassword", json!({ "newPassword": "short" })).await;
        assert_eq!((short.code().as_str(), short.field().as_deref()), ("INVALID_INPUT", Some("input.newPassword")));
        assert!(is_signed_in(&phone).await);
        let mark = world.mark().await;
        assert_eq!(laptop.mutate("changePassword", json!({ "newPassword": NEW })).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (1, 0));
        assert!(!is_signed_in(&phone).await && is_signed_in(&laptop).await);
        assert_eq!(world.sign_in("bob", PASSWORD).await.status, 401);
        assert_eq!(world.sign_in("bob", NEW).await.status, 204);
        world.advance(Duration::from_mins(15));
        let stale = laptop.mutate("changePassword", json!({ "newPassword": PASSWORD })).await;
        let extensions = &stale.json()["errors"][0]["extensions"];
        assert_eq!(*extensions, json!({ "code": "UNAUTHENTICATED", "reauthenticate": true }));
    }
);

both!(
    ///
    async fn changing_a_password_requires_a_session(world: World) {
        let jwt = world.member("bob", &["acme"]).await;
        let token = jwt.create_token("script", &["acme"], &["graphql"]).await;
        let script = world.bearer(&token.value);
        assert_eq!(jwt.query("{ viewer { hasPassword } }", json!({})).await["viewer"]["hasPassword"], false);
        for other in [&jwt, &script] {
            let reply = other.mutate("changePassword", json!({ "newPassword": NEW })).await;
            assert_eq!(reply.code(), "FORBIDDEN");
        }
        assert_eq!(world.sign_in("bob", NEW).await.status, 401);
        world.set_password("bob").await;
        assert_eq!(jwt.query("{ viewer { hasPassword } }", json!({})).await["viewer"]["hasPassword"], true);
        let data = script.query(SESSIONS, json!({})).await["viewer"].clone();
        assert_eq!(data, json!({ "hasPassword": null, "sessions": null }));
        for (mutation, input) in [
            ("endSession", json!({ "sessionId": "session_nonsense" })),
            ("endSessions", json!({})),
            ("updateProfile", json!({ "name": "Token" })),
        ] {
            assert_eq!(script.mutate(mutation, input).await.code(), "FORBIDDEN", "{mutation}");
        }
    }
);

both!(
    async fn user_changes_own_name(world: World) {
        world.admin("ada", &["acme"]).await;
        let ada = world.signed_in("ada").await;
        let rename = "mutation($name: String) { updateProfile(input: { name: $name }) { user { name } } }";
        let mark = world.mark().await;
        for name in [json!(null), json!("ada example")] {
            assert_eq!(
                ada.query(rename, json!({ "name": name })).await["updateProfile"]["user"]["name"],
                "ada example"
            );
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let mark = world.mark().await;
        assert_eq!(
            ada.query(rename, json!({ "name": " Ada Lovelace " })).await["updateProfile"]["user"]["name"],
            "Ada Lovelace"
        );
        assert_eq!(world.since(&mark).await, (1, 0));
        let reply = ada.mutate("updateProfile", json!({ "name": "" })).await;
        assert_eq!((reply.code().as_str(), reply.field().as_deref()), ("INVALID_INPUT", Some("input.name")));
        let query = "{ organization(slug: \"acme\") { members(search: \"lovelace\") { totalCount } \
                     auditEvents(first: 1) { nodes { type via user { name } } } } }";
        let data = ada.query(query, json!({})).await["organization"].clone();
        assert_eq!(data["members"]["totalCount"], 1, "the search finds the new name");
        let event = json!({ "type": "USER_UPDATED", "via": "SESSION", "user": { "name": "Ada Lovelace" } });
        assert_eq!(data["auditEvents"]["nodes"], json!([event]));
    }
);

both!(
    async fn sessions_are_paged(world: World) {
        world.user("bob").await;
        world.set_password("bob").await;
        let mut bob = world.anonymous();
        for _ in 0..3 {
            bob = world.browser(&world.sign_in("bob", PASSWORD).await);
        }
        let query = "query($after: String) { viewer { sessions(first: 2, after: $after) { nodes { current } \
                     pageInfo { hasNextPage endCursor } } } }";
        let first = bob.query(query, json!({})).await["viewer"]["sessions"].clone();
        assert_eq!(first["nodes"], json!([{ "current": true }, { "current": false }]));
        let rest = bob.query(query, json!({ "after": first["pageInfo"]["endCursor"] })).await;
        let rest = &rest["viewer"]["sessions"];
        assert_eq!((rest["nodes"].as_array().unwrap().len(), &rest["pageInfo"]["hasNextPage"]), (1, &json!(false)));
    }
);
