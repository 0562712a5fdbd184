//! The mutation `revokeToken`, and revocation with the token value.

use super::{assert_same, concurrently, count_codes, unknown_tokens};
use crate::world::{World, retry::retry};
use serde_json::json;

both!(
    async fn owner_revokes_a_token_permanently(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let input = json!({ "tokenId": token.id, "reason": "leaked" });
        let reply = bob.mutate_selecting("revokeToken", input, "token { status organizations { slug } }").await;
        assert_eq!(reply.data()["revokeToken"]["token"], json!({ "status": "REVOKED", "organizations": [] }));
        assert_eq!(world.bearer(&token.value).verify("").await.status, 401);
        assert_eq!(bob.revoke_token(&token.id).await.code(), "CONFLICT");
        assert_eq!(world.since(&mark).await, (1, 0));
        assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED", "TOKEN_REVOKED"]);
    }
);

both!(
    async fn token_value_can_revoke_its_token(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let script = world.bearer(&token.value);
        assert_eq!(script.delete("/v2/access-token").await.status, 204);
        assert_eq!(script.delete("/v2/access-token").await.status, 401);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    ///
    async fn administrators_cannot_revoke_and_others_cannot_see_the_token(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let (ada, zed) = (world.admin("ada", &["acme"]).await, world.admin("zed", &["globex"]).await);
        let (eve, non_member) = (world.member("eve", &["acme"]).await, world.non_member().await);
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let none = unknown_tokens(&world).await;
        let mark = world.mark().await;
        assert_eq!(ada.revoke_token(&token.id).await.code(), "FORBIDDEN");
        for client in [&zed, &eve, &non_member] {
            let mut replies = vec![client.revoke_token(&token.id).await];
            for id in &none {
                replies.push(client.revoke_token(id).await);
            }
            assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        }
        assert_eq!(world.anonymous().revoke_token(&token.id).await.status, 401);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn concurrent_revocations_succeed_once(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let replies = concurrently(20, async |_| bob.revoke_token(&token.id).await).await;
        assert_eq!(count_codes(&replies), [("CONFLICT".to_owned(), 19), ("OK".to_owned(), 1)]);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn concurrent_revocation_and_removal_are_serialized(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        for _ in 0..5 {
            let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
            let (revoked, removed) = tokio::join!(
                retry(async || bob.revoke_token(&token.id).await),
                retry(async || ada.remove_organization(&token.id, &acme, None).await),
            );
            assert_eq!(revoked.code(), "OK");
            let history = bob.event_types_of(&token.id).await;
            match &*removed.code() {
                "OK" => assert_eq!(history, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED", "TOKEN_REVOKED"]),
                "CONFLICT" => assert_eq!(history, ["TOKEN_CREATED", "TOKEN_REVOKED"]),
                other => panic!("{other}"),
            }
        }
    }
);
