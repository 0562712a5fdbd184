//! Provisioning users from the claims of JWTs.

use super::{concurrently, count_codes};
use crate::world::{
    ISSUER, World,
    client::{Client, Reply},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokenward::testing::{
    actions::{DisableUser, IdentityClaims, provision_user},
    domain::{
        caller::{AuthMethod, Caller},
        error::Code,
    },
    http::{UserClaims, sign},
    store::Identity,
};

/// Returns a client with a JWT that contains a subject, a username, a name and an email address.
fn signed<'world>(world: &'world World, [subject, username, name, email]: [&str; 4]) -> Client<'world> {
    let claims = UserClaims { subject, username, name, email };
    let jwt = sign(world.config.jwt.as_ref().unwrap(), &claims, world.now(), Duration::from_hours(1)).unwrap();
    world.bearer(&jwt)
}

async fn viewer(client: &Client<'_>) -> Value {
    client.query("{ viewer { username name email } }", json!({})).await["viewer"].clone()
}

async fn id(client: &Client<'_>) -> String {
    client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].to_string()
}

both!(
    async fn user_is_created_at_first_sign_in_and_updated_only_on_changes(world: World) {
        let first = signed(&world, ["s1", "bob", "Bob", "bob@example.test"]);
        let mark = world.mark().await;
        let created = id(&first).await;
        assert_eq!(world.since(&mark).await, (1, 0));
        let mark = world.mark().await;
        for _ in 0..3 {
            let expected = json!({ "username": "bob", "name": "Bob", "email": "bob@example.test" });
            assert_eq!(viewer(&first).await, expected);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let mark = world.mark().await;
        let changed = signed(&world, ["s1", "bobby", "Bobby", "bobby@example.test"]);
        let expected = json!({ "username": "bobby", "name": "Bobby", "email": "bobby@example.test" });
        assert_eq!(viewer(&changed).await, expected);
        assert_eq!(id(&changed).await, created);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn user_is_identified_by_issuer_and_subject_only(world: World) {
        let other = world.another_node(&[("auth.jwt.issuer", "https://other.example.test")]).await;
        let claims = ["s1", "bob", "Bob", "bob@example.test"];
        let here = id(&signed(&world, claims)).await;
        let there = signed(&other, claims);
        assert_eq!(viewer(&there).await["username"], "bob-2");
        assert_ne!(id(&there).await, here);
        let namesake = signed(&world, ["s2", "bob", "Bob", "bob@example.test"]);
        assert_eq!(viewer(&namesake).await["username"], "bob-3");
        assert_eq!(there.graphql("{ viewer { id } }", json!({})).await.status, 200);
        let foreign = world.bearer(there.credential.as_ref().unwrap());
        assert_eq!(foreign.graphql("{ viewer { id } }", json!({})).await.status, 401);
    }
);

both!(
    async fn username_is_normalized_and_a_taken_one_gets_a_stable_number(world: World) {
        let folded = signed(&world, ["s1", "Ada.Löve@Example", "Ada", "ada@example.test"]);
        assert_eq!(viewer(&folded).await["username"], "ada.l-ve-example");
        let second = signed(&world, ["s2", "ADA.Löve@example", "Ada", "ada@example.test"]);
        assert_eq!(viewer(&second).await["username"], "ada.l-ve-example-2");
        let mark = world.mark().await;
        assert_eq!(viewer(&second).await["username"], "ada.l-ve-example-2");
        assert_eq!(world.since(&mark).await, (0, 0));
        let long = "x".repeat(80);
        let long = [signed(&world, ["s3", &long, "X", ""]), signed(&world, ["s4", &long, "X", ""])];
        assert_eq!(viewer(&long[0]).await["username"], "x".repeat(64));
        assert_eq!(viewer(&long[1]).await["username"], "x".repeat(62) + "-2");
    }
);

both!(
    ///
    async fn invalid_claims_are_omitted_and_sign_in_succeeds(world: World) {
        let invalid =
            ["s1", "bob\r\n", "Bob\r\nBcc: eve@example.test\u{202e}", "bob@example.test\r\nBcc: eve@example.test"];
        let seen = viewer(&signed(&world, invalid)).await;
        assert_eq!(seen, json!({ "username": "s1", "name": "s1", "email": null }));
        let empty = viewer(&signed(&world, ["s2", "", "\u{200b}", "nonsense"])).await;
        assert_eq!(empty, json!({ "username": "s2", "name": "s2", "email": null }));
    }
);

both!(
    async fn missing_name_defaults_to_the_username(world: World) {
        let anonymous = Caller { auth_method: AuthMethod::Anonymous, ..Caller::command_line(world.now()) };
        let identity = Identity { issuer: ISSUER.into(), subject: "s1".into() };
        let claims = |username: Option<&str>, name: Option<&str>| IdentityClaims {
            identity: identity.clone(),
            username: username.map(Into::into),
            name: name.map(Into::into),
            email: None,
            email_verified: false,
        };
        provision_user(&world.app, &anonymous, claims(Some("bob"), None)).await.unwrap();
        let known = || async { world.app.store().user_of(&identity).await.unwrap().unwrap().0 };
        let bob = known().await;
        assert_eq!((&*bob.username, &*bob.name, bob.email), ("bob", "bob", None));
        provision_user(&world.app, &anonymous, claims(None, Some("Bob"))).await.unwrap();
        let bob = known().await;
        assert_eq!((&*bob.username, &*bob.name), ("bob", "Bob"));
    }
);

both!(
    async fn concurrent_first_sign_ins_create_one_user(world: World) {
        let mark = world.mark().await;
        let client = signed(&world, ["s1", "bob", "Bob", "bob@example.test"]);
        let replies = concurrently(20, async |_| client.graphql("{ viewer { id } }", json!({})).await).await;
        let ids: Vec<_> = replies.iter().map(|reply| reply.data()["viewer"]["id"].to_string()).collect();
        assert_eq!(count_codes(&replies), [("OK".to_owned(), 20)]);
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn concurrent_first_sign_ins_with_one_username_all_succeed(world: World) {
        let mark = world.mark().await;
        let users: Vec<_> = (0..12).map(|number| signed(&world, [&format!("s{number}"), "bob", "Bob", ""])).collect();
        let seen = concurrently(12, async |one| users[one].graphql("{ viewer { username } }", json!({})).await).await;
        let name = |reply: &Reply| reply.data()["viewer"]["username"].as_str().unwrap().to_owned();
        let names: BTreeSet<_> = seen.iter().map(name).collect();
        let expected = std::iter::once("bob".to_owned()).chain((2..=12).map(|number| format!("bob-{number}")));
        assert_eq!(names, expected.collect());
        assert_eq!(world.since(&mark).await, (12, 0));
    }
);

both!(
    async fn disabled_user_is_rejected_and_not_updated(world: World) {
        let bob = signed(&world, ["s1", "bob", "Bob", "bob@example.test"]);
        viewer(&bob).await;
        world.operator(DisableUser { username: "bob".into() }).await.unwrap();
        let mark = world.mark().await;
        let changed = signed(&world, ["s1", "bobby", "Bobby", "bobby@example.test"]);
        for client in [&bob, &changed] {
            assert_eq!(client.graphql("{ viewer { id } }", json!({})).await.status, 401);
        }
        let anonymous = Caller { auth_method: AuthMethod::Anonymous, ..Caller::command_line(world.now()) };
        let identity = Identity { issuer: ISSUER.into(), subject: "s1".into() };
        let claims =
            IdentityClaims { identity, username: Some("bobby".into()), name: None, email: None, email_verified: false };
        assert_eq!(provision_user(&world.app, &anonymous, claims).await.unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);
