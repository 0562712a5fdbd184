//! Deleting organizations.

use super::concurrently;
use crate::world::{World, retry::retry};
use serde_json::json;
use tokenward::testing::{
    actions::{AddOrganizationMember, CreateOrganization, DeleteOrganization},
    domain::{error::Code, organization::Role},
};

fn delete(slug: &str) -> DeleteOrganization {
    DeleteOrganization { organization: slug.into() }
}

both!(
    /// R-38
    async fn deleted_organization_is_inaccessible_and_others_are_unaffected(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme", "globex"]).await);
        let api = world.resource_server("api").await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds", "graphql"]).await;
        let script = world.bearer(&token.value);
        world.operator(delete("acme")).await.unwrap();
        assert_eq!(script.verify("organization=acme").await.status, 403);
        assert_eq!(script.verify("organization=globex").await.status, 200);
        let deleted = world.introspect(&api, &token.value, &[("organization", "acme")]).await;
        assert_eq!(deleted.text, r#"{"active":false}"#);
        let introspected = world.introspect(&api, &token.value, &[]).await.json();
        assert_eq!(introspected["organizations"], json!(["globex"]));
        let query = "query($id: ID!) { organization(slug: \"acme\") { id } node(id: $id) { id } \
                     viewer { organizations { nodes { slug } } } }";
        for (client, slugs) in [(&ada, json!([])), (&bob, json!([{ "slug": "globex" }]))] {
            let seen = client.query(query, json!({ "id": acme })).await;
            let expected =
                json!({ "organization": null, "node": null, "viewer": { "organizations": { "nodes": slugs } } });
            assert_eq!(seen, expected);
        }
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "NOT_FOUND");
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "NOT_FOUND");
    }
);

both!(
    async fn deletion_sends_one_email_per_owner_and_records_one_event_per_token_and_member(world: World) {
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let mut tokens = Vec::new();
        for name in ["one", "two"] {
            tokens.push(bob.create_token(name, &["acme"], &["read_builds"]).await);
        }
        let active = eve.create_token("active", &["acme"], &["read_builds"]).await;
        let revoked = eve.create_token("revoked", &["acme"], &["read_builds"]).await;
        assert_eq!(eve.revoke_token(&revoked.id).await.code(), "OK");
        world.member("idle", &["acme"]).await;
        let mark = world.mark().await;
        world.operator(delete("acme")).await.unwrap();
        // Three tokens, four members, and the organization; no event for the revoked token.
        assert_eq!(world.since(&mark).await, (8, 2));
        assert_eq!(eve.event_types_of(&revoked.id).await, ["TOKEN_CREATED", "TOKEN_REVOKED"]);
        assert_eq!(eve.event_types_of(&active.id).await, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"]);
        let emails = world.mailbox.sent();
        let email = emails.iter().find(|sent| sent.recipients == ["bob@example.test"]).unwrap();
        let text = email.email.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("An organization was deleted") && text.contains("- one") && text.contains("- two"));
        assert!(!text.contains("addOrganizationToToken"), "{text}");
        let query = "query($id: ID!) { token(id: $id) { grants(status: [REMOVED]) { nodes { \
                     organization { slug } removalReason removedBy { id } } } } }";
        let seen = bob.query(query, json!({ "id": tokens[0].id })).await;
        let expected = json!([{
            "organization": { "slug": "acme" }, "removalReason": "The organization was deleted.", "removedBy": null,
        }]);
        assert_eq!(seen["token"]["grants"]["nodes"], expected);
    }
);

both!(
    async fn slug_of_a_deleted_organization_cannot_be_reused(world: World) {
        world.organization("acme").await;
        world.operator(delete("acme")).await.unwrap();
        let reuse = CreateOrganization { slug: "acme".into(), name: "Another".into(), admin: "root-acme".into() };
        let mark = world.mark().await;
        let rejected = world.operator(reuse).await.unwrap_err();
        assert_eq!(rejected.code(), Code::Conflict);
        assert_eq!(world.operator(delete("acme")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.operator(delete("unknown")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn deletion_with_concurrent_changes_leaves_no_grants(world: World) {
        for round in 0..5 {
            let slug = format!("acme{round}");
            let bob = world.member("bob", &[&slug]).await;
            world.user("eve").await;
            let id = world.organization_id(&slug).await;
            let token = bob.create_token("deploy", &[&slug], &["read_builds"]).await;
            assert_eq!(bob.remove_organization(&token.id, &id, None).await.code(), "OK");
            let join = || {
                let (organization, user) = (slug.as_str().into(), "eve".into());
                AddOrganizationMember { organization, user, role: Role::Member }
            };
            let (deleted, joined, added) = tokio::join!(
                concurrently(3, async |_| world.operator(delete(&slug)).await),
                retry(async || world.set_member(join()).await),
                retry(async || bob.add_organization(&token.id, &id).await)
            );
            assert_eq!(deleted.iter().filter(|one| one.is_ok()).count(), 1, "{deleted:?}");
            assert!(joined.is_ok() || joined.is_err_and(|error| error.code() == Code::NotFound));
            assert!(["OK", "NOT_FOUND"].contains(&&*added.code()), "{}", added.text);
            assert_eq!(world.bearer(&token.value).verify(&format!("organization={slug}")).await.status, 403);
            let seen = bob
                .query(
                    "query($id: ID!) { token(id: $id) { grants(status: [ACTIVE]) { totalCount } } }",
                    json!({ "id": token.id }),
                )
                .await;
            assert_eq!(seen["token"]["grants"]["totalCount"], 0);
        }
    }
);
