//! The mutation `createToken`.

use super::{assert_same, concurrently, count_codes, unknown_organizations};
use crate::world::{World, retry::retry};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

fn input(organizations: &[&str]) -> Value {
    json!({ "description": "deploy", "organizationIds": organizations, "scopes": ["read_builds"] })
}

both!(
    async fn member_creates_a_token_that_is_valid_immediately(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        let shows = "value token { id hint description status expiresAt owner { username } scopes { name } \
                     organizations { slug } }";
        let data = bob.mutate_selecting("createToken", input(&[&acme, &acme]), shows).await.data();
        let (token, value) = (&data["createToken"]["token"], data["createToken"]["value"].as_str().unwrap());
        assert_eq!(world.bearer(value).verify("scope=read_builds&organization=acme").await.status, 200);
        let hint = token["hint"].as_str().unwrap();
        assert_eq!(hint, format!("{}…{}", &value[..8], &value[38..]));
        assert_eq!(bob.event_types_of(token["id"].as_str().unwrap()).await, ["TOKEN_CREATED"]);
        assert_eq!(world.since(&mark).await, (1, 0));
        let expected = json!({
            "id": token["id"], "hint": hint, "description": "deploy", "status": "ACTIVE", "expiresAt": null,
            "owner": { "username": "bob" }, "scopes": [{ "name": "read_builds" }], "organizations": [{ "slug": "acme" }],
        });
        assert_eq!(token, &expected);
    }
);

both!(
    async fn token_for_an_organization_of_others_is_not_found(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let (acme, foreign) = (world.organization_id("acme").await, world.organization("globex").await);
        let mark = world.mark().await;
        let mut replies = Vec::new();
        for id in unknown_organizations(&world).iter().chain([&foreign]) {
            replies.push(bob.mutate("createToken", input(&[&acme, id])).await);
        }
        assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn token_cannot_create_tokens(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let script = world.bearer(&bob.create_token("script", &["acme"], &["graphql"]).await.value);
        let mark = world.mark().await;
        let mut replies = vec![script.mutate("createToken", input(&[&acme])).await];
        for id in unknown_organizations(&world) {
            replies.push(script.mutate("createToken", input(&[&id])).await);
        }
        let reply = assert_same(&replies);
        assert_eq!(reply.code(), "FORBIDDEN");
        assert!(reply.text.contains("A token can never create tokens"), "{}", reply.text);
        assert_eq!(world.anonymous().mutate("createToken", input(&[&acme])).await.status, 401);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn invalid_field_is_named_and_no_token_is_created(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        let past = world.now().minus(Duration::from_secs(1)).to_text();
        for (key, value, field) in [
            ("description", json!(""), "input.description"),
            ("description", json!("x".repeat(256)), "input.description"),
            ("description", json!("a\r\nBcc: eve@example.test"), "input.description"),
            ("organizationIds", json!([]), "input.organizationIds"),
            ("organizationIds", json!(vec![acme.clone(); 101]), "input.organizationIds"),
            ("scopes", json!([]), "input.scopes"),
            ("scopes", json!(["read_builds", "read_bilds"]), "input.scopes.1"),
            ("expiresAt", json!(past), "input.expiresAt"),
            ("expiresAt", json!(world.now().to_text()), "input.expiresAt"),
        ] {
            let mut input = input(&[&acme]);
            input[key] = value;
            let reply = bob.mutate("createToken", input).await;
            assert_eq!((&*reply.code(), reply.field().as_deref()), ("INVALID_INPUT", Some(field)), "{}", reply.text);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn tokens_created_concurrently_are_distinct(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        let create = async |_| bob.mutate_selecting("createToken", input(&[&acme]), "value token { id }").await;
        let replies = concurrently(20, create).await;
        assert_eq!(count_codes(&replies), [("OK".to_owned(), 20)]);
        let distinct = |path: &str| -> BTreeSet<_> {
            replies.iter().map(|reply| reply.data()["createToken"].pointer(path).unwrap().to_string()).collect()
        };
        assert_eq!((distinct("/value").len(), distinct("/token/id").len()), (20, 20));
        assert_eq!(world.since(&mark).await, (20, 0));
    }
);

both!(
    async fn token_created_while_the_owner_is_removed_has_no_access(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let (acme, admin) = (world.organization_id("acme").await, world.user("root-acme").await);
        for _ in 0..5 {
            world.member("bob", &["acme"]).await;
            let removing = retry(async || {
                let (organization, user) = ("acme".into(), "bob".into());
                world.operator(tokenward::testing::actions::RemoveOrganizationMember { organization, user }).await
            });
            let creating = concurrently(4, async |_| bob.mutate("createToken", input(&[&acme])).await);
            let (removed, created) = tokio::join!(removing, creating);
            removed.unwrap();
            assert!(created.iter().all(|reply| ["OK", "NOT_FOUND"].contains(&&*reply.code())), "{created:?}");
            world.member("bob", &["acme"]).await;
            let audit = "{ organization(slug: \"acme\") { tokenGrants { totalCount } } }";
            assert_eq!(admin.query(audit, json!({})).await["organization"]["tokenGrants"]["totalCount"], 0);
        }
    }
);
