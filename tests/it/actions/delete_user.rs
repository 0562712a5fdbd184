//! Deleting users.

use super::concurrently;
use crate::world::{ISSUER, World, temp_files::output_of};
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::{AddUser, DeleteUser, DisableUser, EnableUser, IdentityClaims, provision_user},
    domain::{
        caller::{AuthMethod, Caller},
        error::Code,
    },
    store::{Identity, NewUser},
};

fn delete(username: &str) -> DeleteUser {
    DeleteUser { username: username.into() }
}

async fn events(world: &World, count: usize) -> Value {
    let audit = "query($first: Int) { organization(slug: \"acme\") { auditEvents(first: $first) { nodes { \
                 type via actor { username } user { username } } } } }";
    let seen = world.user("root-acme").await.query(audit, json!({ "first": count })).await;
    seen["organization"]["auditEvents"]["nodes"].clone()
}

both!(
    /// R-38
    async fn deleted_user_and_their_tokens_are_rejected_immediately(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.admin("bob", &["acme", "globex"]).await);
        let api = world.resource_server("api").await;
        let (one, two) = (
            bob.create_token("one", &["acme", "globex"], &["read_builds", "graphql"]).await,
            bob.create_token("two", &["acme"], &["read_builds"]).await,
        );
        world.operator(delete("bob")).await.unwrap();
        for token in [&one, &two] {
            let script = world.bearer(&token.value);
            assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 401);
            assert_eq!(script.verify("").await.status, 401);
            assert_eq!(script.get("/v2/access-token").await.status, 401);
            assert_eq!(script.graphql("{ viewer { id } }", json!({})).await.status, 401);
            assert_eq!(world.introspect(&api, &token.value, &[]).await.text, r#"{"active":false}"#);
        }
        // The JWT is rejected too, and does not provision the user again.
        for _ in 0..2 {
            assert_eq!(bob.graphql("{ viewer { id } }", json!({})).await.status, 401);
        }
        let audit = "query($id: ID!) { organization(slug: \"acme\") { \
                     tokenGrants(filter: { status: [ACTIVE, EXPIRED, REVOKED] }) { totalCount } \
                     tokenGrant(tokenId: $id) { status } members { nodes { username } } } \
                     token(id: $id) { id } }";
        let seen = ada.query(audit, json!({ "id": one.id })).await;
        let members = json!([{ "username": "ada" }, { "username": "root-acme" }]);
        let expected = json!({
            "organization": { "tokenGrants": { "totalCount": 0 }, "tokenGrant": null, "members": { "nodes": members } },
            "token": null,
        });
        assert_eq!(seen, expected);
    }
);

both!(
    async fn deletion_records_an_event_per_token_and_keeps_the_event_log(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        for name in ["one", "two"] {
            bob.create_token(name, &["acme"], &["read_builds"]).await;
        }
        let revoked = bob.create_token("revoked", &["acme"], &["read_builds"]).await;
        assert_eq!(bob.revoke_token(&revoked.id).await.code(), "OK");
        let expired =
            bob.create_expiring_token("expired", &["acme"], &["read_builds"], Some(in_a_minute(&world))).await;
        world.advance(Duration::from_mins(2));
        world.expire_tokens().await;
        assert_eq!(world.bearer(&expired.value).verify("").await.status, 401);
        let mark = world.mark().await;
        world.operator(delete("bob")).await.unwrap();
        assert_eq!(world.operator(delete("bob")).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (3, 0));
        let all = events(&world, 100).await;
        // Personal data is erased; the events still show that they concern one user.
        let placeholder = all[0]["user"].clone();
        let username = placeholder["username"].as_str().unwrap();
        assert!(username.starts_with("deleted-") && !username.contains("bob"), "{username}");
        let event = |kind| json!({ "type": kind, "via": "COMMAND_LINE", "actor": null, "user": placeholder });
        let expected = [event("USER_DELETED"), event("TOKEN_REVOKED"), event("TOKEN_REVOKED")];
        assert_eq!(all.as_array().unwrap()[..3], expected);
        let created = all.as_array().unwrap().iter().filter(|event| event["type"] == "TOKEN_CREATED").count();
        assert_eq!(created, 4, "{all}");
    }
);

/// Returns the SQL dump of the database, one line for each row.
fn dump(world: &World) -> Vec<String> {
    let url = world.database.url();
    let text = if url.starts_with("sqlite:") {
        world.database.query(".dump").unwrap_or_default()
    } else {
        output_of("pg_dump", &["--inserts", "-d", url]).expect("pg_dump")
    };
    text.lines().map(ToOwned::to_owned).collect()
}

fn in_a_minute(world: &World) -> String {
    world.now().plus(Duration::from_mins(1)).to_text()
}

both!(
    async fn deleting_a_user_erases_personal_data_and_frees_only_the_email_address(world: World) {
        let zora = world.member("zora", &["acme"]).await;
        let (token, acme) =
            (zora.create_token("deploy", &["acme"], &["read_builds"]).await, world.organization_id("acme").await);
        let admin = world.user("root-acme").await;
        assert_eq!(admin.remove_organization(&token.id, &acme, None).await.code(), "OK");
        world.emails(1).await;
        world.operator(delete("zora")).await.unwrap();
        // The subject at the identity provider is kept, so that the user is not provisioned again.
        let personal = |line: &String| line.replace("'zora'", "").contains("zora");
        assert_eq!(dump(&world).into_iter().filter(personal).collect::<Vec<_>>(), Vec::<String>::new());
        let subjects = dump(&world).into_iter().filter(|line| line.contains("'zora'"));
        assert!(subjects.count() <= 1);
        let new = |username: &str| NewUser {
            username: username.into(),
            name: "Another".into(),
            email: Some("zora@example.test".into()),
            email_verified: true,
            identity: None,
        };
        world.operator(AddUser { new: new("another") }).await.unwrap();
        // The JWT of the deleted user does not identify the new user.
        assert_eq!(zora.graphql("{ viewer { id } }", json!({})).await.status, 401);
    }
);

/// Returns the claims of an identity provider about a user.
fn claims(subject: &str, username: &str) -> IdentityClaims {
    IdentityClaims {
        identity: Identity { issuer: ISSUER.into(), subject: subject.into() },
        username: Some(username.into()),
        name: None,
        email: None,
        email_verified: false,
    }
}

both!(
    async fn username_is_never_reused_by_another_user(world: World) {
        let anonymous = Caller { auth_method: AuthMethod::Anonymous, ..Caller::command_line(world.now()) };
        let sign_in = async |subject: &str, username: &str| {
            provision_user(&world.app, &anonymous, claims(subject, username)).await.unwrap();
            world.app.store().user_of(&claims(subject, username).identity).await.unwrap().unwrap().0.username
        };
        let add = async |username: &str| {
            let (username, name) = (username.to_owned(), "Another".to_owned());
            let new = NewUser { username, name, email: None, email_verified: false, identity: None };
            world.operator(AddUser { new }).await.map(|user| user.username)
        };
        // The user `bob` is deleted below, and `eve` has changed her username.
        for (subject, username) in [("1", "bob"), ("2", "eve")] {
            assert_eq!(sign_in(subject, username).await, username);
        }
        assert_eq!(sign_in("2", "mallory").await, "mallory");
        world.operator(delete("bob")).await.unwrap();
        for username in ["bob", "eve"] {
            let rejected = add(username).await.unwrap_err();
            assert_eq!(rejected.code(), Code::Conflict, "{rejected}");
            assert_eq!(sign_in(&format!("new {username}"), username).await, format!("{username}-2"));
            assert_eq!(sign_in("3", username).await, format!("{username}-3"));
        }
        // A user can return to an earlier username, until the user is deleted.
        assert_eq!(sign_in("2", "eve").await, "eve");
        world.operator(delete("eve")).await.unwrap();
        for username in ["eve", "mallory"] {
            assert_eq!(add(username).await.unwrap_err().code(), Code::Conflict);
        }
        assert_eq!(add("cyd").await.unwrap(), "cyd");
    }
);

both!(
    async fn last_administrator_cannot_be_deleted(world: World) {
        world.member("bob", &["acme"]).await;
        let mark = world.mark().await;
        let rejected = world.operator(delete("root-acme")).await.unwrap_err();
        assert_eq!(rejected.code(), Code::Conflict);
        assert!(rejected.to_string().contains("acme"), "{rejected}");
        assert_eq!(world.since(&mark).await, (0, 0));
        // A disabled administrator does not count.
        world.admin("ada", &["acme"]).await;
        world.operator(DisableUser { username: "ada".into() }).await.unwrap();
        assert_eq!(world.operator(delete("root-acme")).await.unwrap_err().code(), Code::Conflict);
        world.operator(EnableUser { username: "ada".into() }).await.unwrap();
        world.operator(delete("root-acme")).await.unwrap();
    }
);

both!(
    async fn unknown_and_deleted_users_are_not_found(world: World) {
        world.member("bob", &["acme"]).await;
        assert_eq!(world.operator(delete("unknown")).await.unwrap_err().code(), Code::NotFound);
        world.operator(delete("bob")).await.unwrap();
        for name in ["bob", "deleted-bob"] {
            let (disable, enable) = (DisableUser { username: name.into() }, EnableUser { username: name.into() });
            assert_eq!(world.operator(disable).await.unwrap_err().code(), Code::NotFound);
            assert_eq!(world.operator(enable).await.unwrap_err().code(), Code::NotFound);
        }
    }
);

both!(
    async fn concurrent_deletions_succeed_once_and_leave_no_valid_token(world: World) {
        for round in 0..5 {
            let name = format!("bob{round}");
            let bob = world.member(&name, &["acme"]).await;
            let acme = world.organization_id("acme").await;
            bob.create_token("one", &["acme"], &["read_builds"]).await;
            let input = json!({ "description": "two", "organizationIds": [acme], "scopes": ["read_builds"] });
            let create = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value } }";
            let variables = json!({ "input": input });
            let (deleted, created) = tokio::join!(
                concurrently(4, async |_| world.operator(delete(&name)).await),
                bob.graphql(create, variables.clone())
            );
            assert_eq!(deleted.iter().filter(|one| one.is_ok()).count(), 1, "{deleted:?}");
            if let Some(value) = created.json()["data"]["createToken"]["value"].as_str() {
                assert_eq!(world.bearer(value).verify("").await.status, 401);
            }
            let all = events(&world, 100).await;
            let count = |kind: &str| all.as_array().unwrap().iter().filter(|event| event["type"] == kind).count();
            assert_eq!(count("TOKEN_CREATED"), count("TOKEN_REVOKED"), "{all}");
        }
    }
);
