//! Disabling and enabling users.

use crate::world::World;
use serde_json::json;
use tokenward::testing::{
    actions::{DisableUser, EnableUser},
    domain::error::Code,
};

fn disable(username: &str) -> DisableUser {
    DisableUser { username: username.into() }
}

fn enable(username: &str) -> EnableUser {
    EnableUser { username: username.into() }
}

both!(
    ///
    async fn disabled_user_and_their_tokens_are_rejected_until_the_user_is_enabled(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let api = world.resource_server("api").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds", "graphql"]).await;
        let script = world.bearer(&token.value);
        let (viewer, query) = ("{ viewer { username } }", "scope=read_builds&organization=acme");
        let audit = "query($id: ID!) { organization(slug: \"acme\") { tokenGrants { totalCount } \
                     tokenGrant(tokenId: $id) { status } } }";
        for (enabled, expected) in [(true, 200), (false, 401), (true, 200), (false, 401)] {
            if !enabled {
                world.operator(disable("bob")).await.unwrap();
            } else if expected == 200 && world.operator(enable("bob")).await.is_err() {
                assert_eq!(script.verify(query).await.status, 200, "not disabled before");
            }
            assert_eq!(script.verify(query).await.status, expected);
            assert_eq!(script.get("/v2/access-token").await.status, expected);
            assert_eq!(script.graphql(viewer, json!({})).await.status, expected);
            assert_eq!(bob.graphql(viewer, json!({})).await.status, expected);
            let introspected = world.introspect(&api, &token.value, &[]).await.json();
            assert_eq!(introspected["active"], enabled);
            let seen = ada.query(audit, json!({ "id": token.id })).await;
            assert_eq!(seen["organization"]["tokenGrants"]["totalCount"], i32::from(enabled));
            assert_eq!(seen["organization"]["tokenGrant"].is_object(), enabled);
        }
    }
);

both!(
    async fn disabling_and_enabling_record_one_event_each_and_send_no_email(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        world.operator(disable("bob")).await.unwrap();
        assert_eq!(world.operator(disable("bob")).await.unwrap_err().code(), Code::Conflict);
        world.operator(enable("bob")).await.unwrap();
        assert_eq!(world.operator(enable("bob")).await.unwrap_err().code(), Code::Conflict);
        assert_eq!(world.since(&mark).await, (2, 0));
        let audit =
            "{ organization(slug: \"acme\") { auditEvents(first: 2) { nodes { type via user { username } } } } }";
        let seen = world.user("root-acme").await.query(audit, json!({})).await;
        let event = |kind| json!({ "type": kind, "via": "COMMAND_LINE", "user": { "username": "bob" } });
        let expected = json!([event("USER_ENABLED"), event("USER_DISABLED")]);
        assert_eq!(seen["organization"]["auditEvents"]["nodes"], expected);
    }
);

both!(
    async fn unknown_user_cannot_be_disabled_or_enabled(world: World) {
        let mark = world.mark().await;
        assert_eq!(world.operator(disable("unknown")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.operator(enable("unknown")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn concurrent_disabling_succeeds_once(world: World) {
        world.member("bob", &["acme"]).await;
        let mark = world.mark().await;
        let done = super::concurrently(10, async |_| world.operator(disable("bob")).await).await;
        assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);
