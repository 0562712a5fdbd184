//! Ending a membership.

use super::at_once;
use crate::world::{World, again::again, client::Client, database::Kind};
use serde_json::json;
use std::time::Duration;
use tokenward::{
    actions::RemoveOrganizationMember,
    domain::{error::Code, organization::Role},
};

fn remove(username: &str) -> RemoveOrganizationMember {
    RemoveOrganizationMember { organization: "acme".into(), user: username.into() }
}

both!(
    async fn leaving_ends_the_access_of_all_tokens_at_once_with_one_letter(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let admin = world.person("root-acme").await;
        let mut tokens = Vec::new();
        for name in ["one", "two", "three"] {
            tokens.push(bob.creates_token(name, &["acme", "globex"], &["read_builds"]).await);
        }
        let elsewhere = bob.creates_token("elsewhere", &["globex"], &["read_builds"]).await;
        let mark = world.mark().await;
        world.operator(remove("bob")).await.unwrap();
        for token in &tokens {
            let script = world.holder_of(&token.value);
            assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 403);
            assert_eq!(script.verify("scope=read_builds&organization=globex").await.status, 200);
            assert_eq!(bob.history_of(&token.id).await, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"]);
        }
        assert_eq!(bob.history_of(&elsewhere.id).await, ["TOKEN_CREATED"]);
        assert_eq!(world.since(&mark).await, (4, 1));
        let letters = world.mailbox.sent();
        let letter = letters.iter().find(|sent| sent.recipients == ["bob@example.test"]).unwrap();
        for name in ["one", "two", "three"] {
            assert!(letter.email.text.contains(&format!("- {name}\n")), "{}", letter.email.text);
        }
        assert!(!letter.email.text.contains("- elsewhere\n"));
        let audit =
            "{ organization(slug: \"acme\") { tokenGrants { totalCount } auditEvents(first: 1) { nodes { type } } } }";
        let expected = json!({
            "tokenGrants": { "totalCount": 0 },
            "auditEvents": { "nodes": [{ "type": "ORGANIZATION_MEMBER_REMOVED" }] },
        });
        assert_eq!(admin.ask(audit, json!({})).await["organization"], expected);
    }
);

both!(
    async fn joining_again_revives_nothing_and_the_owner_adds_the_organization_again(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.creates_token("deploy", &["acme"], &["read_builds"]).await;
        let (script, question) = (world.holder_of(&token.value), "scope=read_builds&organization=acme");
        world.operator(remove("bob")).await.unwrap();
        assert_eq!(bob.adds_organization(&token.id, &acme).await.code(), "NOT_FOUND");
        world.member("bob", &["acme"]).await;
        assert_eq!(script.verify(question).await.status, 403);
        assert_eq!(bob.adds_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(script.verify(question).await.status, 200);
    }
);

both!(
    async fn somebody_without_tokens_there_gets_no_letter(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        bob.creates_token("elsewhere", &["globex"], &["read_builds"]).await;
        let mark = world.mark().await;
        world.operator(remove("bob")).await.unwrap();
        assert_eq!(world.operator(remove("bob")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn somebody_and_some_organization_must_exist(world: World) {
        world.organization("acme").await;
        world.person("bob").await;
        let mark = world.mark().await;
        for change in
            [remove("nobody"), remove("bob"), RemoveOrganizationMember { organization: "x".into(), ..remove("bob") }]
        {
            assert_eq!(world.operator(change).await.unwrap_err().code(), Code::NotFound);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn the_last_administrator_stays_also_when_two_are_removed_at_once(world: World) {
        world.organization("acme").await;
        let mark = world.mark().await;
        assert_eq!(world.operator(remove("root-acme")).await.unwrap_err().code(), Code::Conflict);
        assert_eq!(world.since(&mark).await, (0, 0));
        for _ in 0..5 {
            for name in ["ada", "root-acme"] {
                world.person(name).await;
                let add = tokenward::actions::AddOrganizationMember {
                    organization: "acme".into(),
                    user: name.into(),
                    role: Role::Admin,
                };
                world.sets_member(add).await.unwrap();
            }
            let admins = ["ada", "root-acme"];
            let gone = at_once(2, async |one| world.operator(remove(admins[one])).await).await;
            assert_eq!(gone.iter().filter(|one| one.is_ok()).count(), 1, "{gone:?}");
        }
    }
);

both!(
    /// whoever waits while they are removed is no administrator any more, also where a third one would be left.
    async fn of_two_administrators_who_remove_each_other_at_once_one_is_refused(world: World) {
        let acme = world.organization("acme").await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.admin("bob", &["acme"]).await);
        let talk = (world.database.kind() == Kind::Postgres).then(|| {
            let mut talk = world.database.talk();
            // Both come before either has decided anything.
            talk.ask("begin; select 1 from organizations for no key update");
            talk
        });
        let held = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(talk);
        };
        let query = "mutation($input: RemoveOrganizationMemberInput!) { removeOrganizationMember(input: $input) \
                     { organization { id } } }";
        let id = async |who: &Client<'_>| who.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let (her, him) = (id(&ada).await, id(&bob).await);
        let removes = async |who: &Client<'_>, whom: &serde_json::Value| {
            who.graphql(query, json!({ "input": { "organizationId": acme, "userId": whom } })).await.code()
        };
        let (one, other, ()) = tokio::join!(removes(&ada, &him), removes(&bob, &her), held);
        let mut told = [one, other];
        told.sort_unstable();
        assert_eq!(told, ["NOT_FOUND", "OK"]);
    }
);

both!(
    async fn leaving_and_adding_again_at_once_leave_no_access_behind(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        for _ in 0..5 {
            world.member("bob", &["acme"]).await;
            let token = bob.creates_token("deploy", &["acme"], &["read_builds"]).await;
            assert_eq!(bob.removes_organization(&token.id, &acme, None).await.code(), "OK");
            let (left, added) = tokio::join!(
                again(async || world.operator(remove("bob")).await),
                again(async || bob.adds_organization(&token.id, &acme).await),
            );
            left.unwrap();
            assert!(["OK", "NOT_FOUND"].contains(&&*added.code()), "{}", added.text);
            world.member("bob", &["acme"]).await;
            let question = "scope=read_builds&organization=acme";
            assert_eq!(world.holder_of(&token.value).verify(question).await.status, 403);
        }
    }
);
