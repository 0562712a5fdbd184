//! The mutation `addOrganizationToToken`.

use super::{assert_same, concurrently, count_codes, unknown_organizations, unknown_tokens};
use crate::world::World;
use serde_json::json;

both!(
    async fn owner_can_restore_a_removed_organization(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let (script, query) = (world.bearer(&token.value), "scope=read_builds&organization=acme");
        for remover in [&ada, &bob] {
            assert_eq!(remover.remove_organization(&token.id, &acme, None).await.code(), "OK");
            assert_eq!(script.verify(query).await.status, 403);
            assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
            assert_eq!(script.verify(query).await.status, 200);
        }
        let query = "query($id: ID!) { token(id: $id) { grants { nodes { id status removedBy { username } } } } }";
        let data = bob.query(query, json!({ "id": token.id })).await;
        let grants = data["token"]["grants"]["nodes"].as_array().unwrap();
        let history: Vec<_> = grants
            .iter()
            .map(|grant| (grant["status"].as_str().unwrap(), grant["removedBy"]["username"].as_str()))
            .collect();
        assert_eq!(history, [("ACTIVE", None), ("REMOVED", Some("bob")), ("REMOVED", Some("ada"))]);
        let (removed, added) = ("TOKEN_ORGANIZATION_REMOVED", "TOKEN_ORGANIZATION_ADDED");
        assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED", removed, added, removed, added]);
    }
);

both!(
    async fn adding_a_granted_organization_is_a_conflict(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "CONFLICT");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn only_the_owner_can_add_organizations(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let (ada, eve) = (world.admin("ada", &["acme", "globex"]).await, world.member("eve", &["globex"]).await);
        let globex = world.organization_id("globex").await;
        let token = bob.create_token("deploy", &["acme"], &["graphql"]).await;
        let none = unknown_tokens(&world).await;
        let mark = world.mark().await;
        assert_eq!(ada.add_organization(&token.id, &globex).await.code(), "FORBIDDEN");
        let mut replies = vec![eve.add_organization(&token.id, &globex).await];
        for id in &none {
            replies.push(eve.add_organization(id, &globex).await);
        }
        assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        let script = world.bearer(&token.value);
        let mut replies = vec![script.add_organization(&token.id, &globex).await];
        for id in &none {
            replies.push(script.add_organization(id, &globex).await);
        }
        let reply = assert_same(&replies);
        assert!(reply.code() == "FORBIDDEN" && reply.text.contains("never create tokens"), "{}", reply.text);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn organization_of_others_is_not_found(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let foreign = world.organization("globex").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let mut replies = vec![bob.add_organization(&token.id, &foreign).await];
        for id in unknown_organizations(&world) {
            replies.push(bob.add_organization(&token.id, &id).await);
        }
        assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn concurrent_additions_create_one_grant(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let mark = world.mark().await;
        let replies = concurrently(20, async |_| bob.add_organization(&token.id, &acme).await).await;
        assert_eq!(count_codes(&replies), [("CONFLICT".to_owned(), 19), ("OK".to_owned(), 1)]);
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);

both!(
    async fn token_has_access_to_at_most_100_organizations(world: World) {
        let bob = world.user("bob").await;
        let slugs: Vec<_> = (0..101).map(|number| format!("org-{number}")).collect();
        world.user("root").await;
        for slug in &slugs {
            let add = tokenward::testing::actions::CreateOrganization {
                slug: slug.clone(),
                name: slug.clone(),
                admin: "bob".into(),
            };
            world.operator(add).await.unwrap();
        }
        let max: Vec<_> = slugs[..100].iter().map(String::as_str).collect();
        let token = bob.create_token("wide", &max, &["read_builds"]).await;
        let last = world.organization_id(&slugs[100]).await;
        let reply = bob.add_organization(&token.id, &last).await;
        assert_eq!((reply.code(), reply.field()), ("INVALID_INPUT".into(), Some("input.organizationId".into())));
        let first = world.organization_id(&slugs[0]).await;
        assert_eq!(bob.remove_organization(&token.id, &first, None).await.code(), "OK");
        assert_eq!(bob.add_organization(&token.id, &last).await.code(), "OK");
    }
);
