//! Deleting an organization.

use super::at_once;
use crate::world::{World, again::again};
use serde_json::json;
use tokenward::{
    actions::{AddOrganizationMember, CreateOrganization, DeleteOrganization},
    domain::{error::Code, organization::Role, policy::SelfService},
};

fn delete(slug: &str) -> DeleteOrganization {
    DeleteOrganization { organization: slug.into() }
}

both!(
    /// R-38
    async fn no_token_and_no_administrator_reaches_a_deleted_organization_and_other_organizations_are_untouched(
        world: World,
    ) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme", "globex"]).await);
        let api = world.resource_server("api").await;
        let acme = world.organization_id("acme").await;
        let token = bob.creates_token("deploy", &["acme", "globex"], &["read_builds", "graphql"]).await;
        let script = world.holder_of(&token.value);
        world.operator(delete("acme")).await.unwrap();
        assert_eq!(script.verify("organization=acme").await.status, 403);
        assert_eq!(script.verify("organization=globex").await.status, 200);
        let asked = world.introspect(&api, &token.value, &[("organization", "acme")]).await;
        assert_eq!(asked.text, r#"{"active":false}"#);
        let told = world.introspect(&api, &token.value, &[]).await.json();
        assert_eq!(told["organizations"], json!(["globex"]));
        let look = "query($id: ID!) { organization(slug: \"acme\") { id } node(id: $id) { id } \
                    viewer { organizations { nodes { slug } } } }";
        for (client, slugs) in [(&ada, json!([])), (&bob, json!([{ "slug": "globex" }]))] {
            let seen = client.ask(look, json!({ "id": acme })).await;
            let expected =
                json!({ "organization": null, "node": null, "viewer": { "organizations": { "nodes": slugs } } });
            assert_eq!(seen, expected);
        }
        assert_eq!(bob.adds_organization(&token.id, &acme).await.code(), "NOT_FOUND");
        assert_eq!(ada.removes_organization(&token.id, &acme, None).await.code(), "NOT_FOUND");
    }
);

both!(
    async fn each_owner_gets_one_letter_each_token_and_member_an_event_and_the_owner_reads_why(world: World) {
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let mut tokens = Vec::new();
        for name in ["one", "two"] {
            tokens.push(bob.creates_token(name, &["acme"], &["read_builds"]).await);
        }
        let cut = eve.creates_token("cut", &["acme"], &["read_builds"]).await;
        let over = eve.creates_token("over", &["acme"], &["read_builds"]).await;
        assert_eq!(eve.revokes(&over.id).await.code(), "OK");
        world.member("idle", &["acme"]).await;
        let mark = world.mark().await;
        world.operator(delete("acme")).await.unwrap();
        // Three tokens, four members, and the organization itself; nothing is told of the token that was over.
        assert_eq!(world.since(&mark).await, (8, 2));
        assert_eq!(eve.history_of(&over.id).await, ["TOKEN_CREATED", "TOKEN_REVOKED"]);
        assert_eq!(eve.history_of(&cut.id).await, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"]);
        let letters = world.mailbox.sent();
        let letter = letters.iter().find(|sent| sent.recipients == ["bob@example.test"]).unwrap();
        let text = letter.email.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("An organization was deleted") && text.contains("- one") && text.contains("- two"));
        assert!(!text.contains("addOrganizationToToken"), "{text}");
        let query = "query($id: ID!) { token(id: $id) { grants(status: [REMOVED]) { nodes { \
                     organization { slug } removalReason removedBy { id } } } } }";
        let seen = bob.ask(query, json!({ "id": tokens[0].id })).await;
        let expected = json!([{
            "organization": { "slug": "acme" }, "removalReason": "The organization was deleted.", "removedBy": null,
        }]);
        assert_eq!(seen["token"]["grants"]["nodes"], expected);
    }
);

both!(
    async fn its_slug_stays_taken_so_that_nobody_is_asked_for_in_its_place(world: World) {
        world.organization("acme").await;
        world.operator(delete("acme")).await.unwrap();
        let again = CreateOrganization {
            slug: "acme".into(),
            name: "Another".into(),
            admin: "root-acme".into(),
            self_service: SelfService::Off,
        };
        let mark = world.mark().await;
        let refused = world.operator(again).await.unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
        assert_eq!(world.operator(delete("acme")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.operator(delete("nowhere")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn deleting_meets_joining_adding_and_another_deletion_and_leaves_nothing_behind(world: World) {
        for round in 0..5 {
            let slug = format!("acme{round}");
            let bob = world.member("bob", &[&slug]).await;
            world.person("eve").await;
            let id = world.organization_id(&slug).await;
            let token = bob.creates_token("deploy", &[&slug], &["read_builds"]).await;
            assert_eq!(bob.removes_organization(&token.id, &id, None).await.code(), "OK");
            let join = || {
                let (organization, user) = (slug.as_str().into(), "eve".into());
                AddOrganizationMember { organization, user, role: Role::Member }
            };
            let (deleted, joined, added) = tokio::join!(
                at_once(3, async |_| world.operator(delete(&slug)).await),
                again(async || world.sets_member(join()).await),
                again(async || bob.adds_organization(&token.id, &id).await)
            );
            assert_eq!(deleted.iter().filter(|one| one.is_ok()).count(), 1, "{deleted:?}");
            assert!(joined.is_ok() || joined.is_err_and(|error| error.code() == Code::NotFound));
            assert!(["OK", "NOT_FOUND"].contains(&&*added.code()), "{}", added.text);
            assert_eq!(world.holder_of(&token.value).verify(&format!("organization={slug}")).await.status, 403);
            let seen = bob
                .ask(
                    "query($id: ID!) { token(id: $id) { grants(status: [ACTIVE]) { totalCount } } }",
                    json!({ "id": token.id }),
                )
                .await;
            assert_eq!(seen["token"]["grants"]["totalCount"], 0);
        }
    }
);
