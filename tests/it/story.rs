//! The whole story of a token: created, checked, audited, removed, added again and revoked.

use crate::world::World;
use serde_json::json;

both!(
    async fn token_is_created_audited_removed_added_and_revoked(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let script = world.bearer(&token.value);
        let parameters = "scope=read_builds&organization=acme";
        assert_eq!(script.verify(parameters).await.status, 200);
        let audit = "query($filter: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $filter) \
                     { totalCount nodes { tokenId lastRequest { path ipAddress } } } } }";
        let filter = json!({ "filter": { "token": token.value } });
        let row = world.wait_for_usage(async || {
            ada.query(audit, filter.clone()).await["organization"]["tokenGrants"]["nodes"][0].clone()
        });
        let row = row.await;
        assert_eq!((&row["tokenId"], &row["lastRequest"]["path"]), (&json!(token.id), &json!("/verify")));
        assert_eq!(ada.remove_organization(&token.id, &acme, Some("old")).await.code(), "OK");
        assert_eq!(script.verify(parameters).await.status, 403);
        let emails = world.emails(1).await;
        assert_eq!(emails[0].recipients, ["bob@example.test"]);
        assert!(emails[0].email.text.contains("old"));
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(script.verify(parameters).await.status, 200);
        assert_eq!(script.get("/v2/access-token").await.json()["uuid"], token.uuid);
        assert_eq!(bob.revoke_token(&token.id).await.code(), "OK");
        assert_eq!(script.verify(parameters).await.status, 401);
        assert_eq!(world.mailbox.sent().len(), 1, "changes by the owner send no email");
    }
);
