//! Removing members from an organization.

use super::concurrently;
use crate::world::{World, client::Client, database::Kind, retry::retry};
use serde_json::json;
use std::time::Duration;
use tokenward::testing::{
    actions::RemoveOrganizationMember,
    domain::{error::Code, organization::Role},
};

fn remove(username: &str) -> RemoveOrganizationMember {
    RemoveOrganizationMember { organization: "acme".into(), user: username.into() }
}

both!(
    async fn removal_ends_access_of_all_tokens_and_sends_one_email(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let admin = world.user("root-acme").await;
        let mut tokens = Vec::new();
        for name in ["one", "two", "three"] {
            tokens.push(bob.create_token(name, &["acme", "globex"], &["read_builds"]).await);
        }
        let elsewhere = bob.create_token("elsewhere", &["globex"], &["read_builds"]).await;
        let mark = world.mark().await;
        world.operator(remove("bob")).await.unwrap();
        for token in &tokens {
            let script = world.bearer(&token.value);
            assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 403);
            assert_eq!(script.verify("scope=read_builds&organization=globex").await.status, 200);
            assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"]);
        }
        assert_eq!(bob.event_types_of(&elsewhere.id).await, ["TOKEN_CREATED"]);
        assert_eq!(world.since(&mark).await, (4, 1));
        let emails = world.mailbox.sent();
        let email = emails.iter().find(|sent| sent.recipients == ["bob@example.test"]).unwrap();
        for name in ["one", "two", "three"] {
            assert!(email.email.text.contains(&format!("- {name}\n")), "{}", email.email.text);
        }
        assert!(!email.email.text.contains("- elsewhere\n"));
        let audit =
            "{ organization(slug: \"acme\") { tokenGrants { totalCount } auditEvents(first: 1) { nodes { type } } } }";
        let expected = json!({
            "tokenGrants": { "totalCount": 0 },
            "auditEvents": { "nodes": [{ "type": "ORGANIZATION_MEMBER_REMOVED" }] },
        });
        assert_eq!(admin.query(audit, json!({})).await["organization"], expected);
    }
);

both!(
    async fn rejoining_restores_no_grants(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let (script, query) = (world.bearer(&token.value), "scope=read_builds&organization=acme");
        world.operator(remove("bob")).await.unwrap();
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "NOT_FOUND");
        world.member("bob", &["acme"]).await;
        assert_eq!(script.verify(query).await.status, 403);
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(script.verify(query).await.status, 200);
    }
);

both!(
    async fn removed_user_without_grants_gets_no_email(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        bob.create_token("elsewhere", &["globex"], &["read_builds"]).await;
        let mark = world.mark().await;
        world.operator(remove("bob")).await.unwrap();
        assert_eq!(world.operator(remove("bob")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn unknown_member_or_organization_is_not_found(world: World) {
        world.organization("acme").await;
        world.user("bob").await;
        let mark = world.mark().await;
        for change in
            [remove("unknown"), remove("bob"), RemoveOrganizationMember { organization: "x".into(), ..remove("bob") }]
        {
            assert_eq!(world.operator(change).await.unwrap_err().code(), Code::NotFound);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn last_administrator_cannot_be_removed(world: World) {
        world.organization("acme").await;
        let mark = world.mark().await;
        assert_eq!(world.operator(remove("root-acme")).await.unwrap_err().code(), Code::Conflict);
        assert_eq!(world.since(&mark).await, (0, 0));
        for _ in 0..5 {
            for name in ["ada", "root-acme"] {
                world.user(name).await;
                let add = tokenward::testing::actions::AddOrganizationMember {
                    organization: "acme".into(),
                    user: name.into(),
                    role: Role::Admin,
                };
                world.set_member(add).await.unwrap();
            }
            let admins = ["ada", "root-acme"];
            let gone = concurrently(2, async |one| world.operator(remove(admins[one])).await).await;
            assert_eq!(gone.iter().filter(|one| one.is_ok()).count(), 1, "{gone:?}");
        }
    }
);

both!(
    /// an administrator who is removed while their own change waits is rejected, even if a third administrator exists.
    async fn concurrent_mutual_removals_succeed_once(world: World) {
        let acme = world.organization("acme").await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.admin("bob", &["acme"]).await);
        let session = (world.database.kind() == Kind::Postgres).then(|| {
            let mut session = world.database.session();
            // Both changes wait for this lock before they read the authorization.
            session.query("begin; select 1 from organizations for no key update");
            session
        });
        let held = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(session);
        };
        let query = "mutation($input: RemoveOrganizationMemberInput!) { removeOrganizationMember(input: $input) \
                     { organization { id } } }";
        let id = async |user: &Client<'_>| user.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let (ada_id, bob_id) = (id(&ada).await, id(&bob).await);
        let remove = async |admin: &Client<'_>, user: &serde_json::Value| {
            admin.graphql(query, json!({ "input": { "organizationId": acme, "userId": user } })).await.code()
        };
        let (one, other, ()) = tokio::join!(remove(&ada, &bob_id), remove(&bob, &ada_id), held);
        let mut codes = [one, other];
        codes.sort_unstable();
        assert_eq!(codes, ["NOT_FOUND", "OK"]);
    }
);

both!(
    async fn organization_added_while_the_owner_is_removed_gives_no_access(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        for _ in 0..5 {
            world.member("bob", &["acme"]).await;
            let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
            assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "OK");
            let (removed, added) = tokio::join!(
                retry(async || world.operator(remove("bob")).await),
                retry(async || bob.add_organization(&token.id, &acme).await),
            );
            removed.unwrap();
            assert!(["OK", "NOT_FOUND"].contains(&&*added.code()), "{}", added.text);
            world.member("bob", &["acme"]).await;
            let query = "scope=read_builds&organization=acme";
            assert_eq!(world.bearer(&token.value).verify(query).await.status, 403);
        }
    }
);
