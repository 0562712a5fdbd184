//! The mutation `removeOrganizationFromToken`.

use super::{assert_same, concurrently, count_codes, unknown_organizations, unknown_tokens};
use crate::world::World;
use serde_json::json;

both!(
    ///
    async fn administrator_removes_only_their_organization_from_a_token(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let script = world.bearer(&token.value);
        let mark = world.mark().await;
        let input = json!({ "tokenId": token.id, "organizationId": acme, "reason": "not used" });
        let shows = "grant { tokenId token { id } status removalReason removedBy { username } } organization { slug }";
        let reply = ada.mutate_selecting("removeOrganizationFromToken", input, shows).await;
        let payload = json!({
            "grant": {
                "tokenId": token.id, "token": null, "status": "REMOVED", "removalReason": "not used",
                "removedBy": { "username": "ada" },
            },
            "organization": { "slug": "acme" },
        });
        assert_eq!(reply.data()["removeOrganizationFromToken"], payload);
        assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 403);
        assert_eq!(script.verify("scope=read_builds&organization=globex").await.status, 200);
        assert_eq!(world.since(&mark).await, (1, 1));
        let email = world.mailbox.sent().into_iter().find(|sent| sent.recipients == ["bob@example.test"]).unwrap();
        assert!(email.email.subject.contains("acme inc."), "{}", email.email.subject);
        let audit = "{ organization(slug: \"acme\") { auditEvents(first: 1) { nodes { type reason actor { username } \
                     user { username } tokenId token { id } organizations { slug } } } } }";
        let event = &ada.query(audit, json!({})).await["organization"]["auditEvents"]["nodes"][0];
        let expected = json!({
            "type": "TOKEN_ORGANIZATION_REMOVED", "reason": "not used", "actor": { "username": "ada" },
            "user": { "username": "bob" }, "tokenId": token.id, "token": null, "organizations": [{ "slug": "acme" }],
        });
        assert_eq!(event, &expected);
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 200);
    }
);

both!(
    async fn token_stays_valid_without_organizations(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["graphql"]).await;
        let mark = world.mark().await;
        assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (1, 0), "a removal by the owner sends no email");
        let script = world.bearer(&token.value);
        let seen =
            script.query("{ viewer { username organizations { totalCount } tokens { totalCount } } }", json!({}));
        let seen = seen.await;
        let none = json!({ "totalCount": 0 });
        assert_eq!(seen["viewer"], json!({ "username": "bob", "organizations": none, "tokens": none }));
        assert_eq!(script.get("/v2/access-token").await.status, 200);
    }
);

both!(
    ///
    async fn concurrent_removals_record_one_event_and_send_one_email(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let replies = concurrently(50, async |_| ada.remove_organization(&token.id, &acme, None).await).await;
        assert_eq!(count_codes(&replies), [("CONFLICT".to_owned(), 49), ("OK".to_owned(), 1)]);
        assert_eq!(world.since(&mark).await, (1, 1));
        assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED"]);
    }
);

both!(
    async fn second_removal_is_a_conflict_for_authorized_users(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let eve = world.member("eve", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let mark = world.mark().await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "CONFLICT");
        assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "CONFLICT");
        assert_eq!(eve.remove_organization(&token.id, &acme, None).await.code(), "FORBIDDEN");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    ///
    async fn error_reveals_no_token_to_members_and_no_organization_to_non_members(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let (eve, zed) = (world.member("eve", &["acme"]).await, world.admin("zed", &["globex"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let none = unknown_tokens(&world).await;
        let mark = world.mark().await;
        for (client, code) in [(&eve, "FORBIDDEN"), (&zed, "NOT_FOUND")] {
            let mut replies = vec![client.remove_organization(&token.id, &acme, None).await];
            for id in &none {
                replies.push(client.remove_organization(id, &acme, None).await);
            }
            if code == "NOT_FOUND" {
                for id in unknown_organizations(&world) {
                    replies.push(client.remove_organization(&token.id, &id, None).await);
                    replies.push(client.remove_organization(&none[3], &id, None).await);
                }
            }
            assert_eq!(assert_same(&replies).code(), code);
        }
        assert_eq!(world.anonymous().remove_organization(&token.id, &acme, None).await.status, 401);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    ///
    async fn token_without_access_is_reported_as_unknown_to_administrators(world: World) {
        let zed = world.admin("zed", &["globex"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let globex = world.organization_id("globex").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let none = unknown_tokens(&world).await;
        let mark = world.mark().await;
        assert_eq!(bob.remove_organization(&token.id, &globex, None).await.code(), "NOT_FOUND");
        let mut replies = vec![zed.remove_organization(&token.id, &globex, None).await];
        for id in &none {
            replies.push(zed.remove_organization(id, &globex, None).await);
        }
        assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn graphql_token_removes_only_organizations_it_has_access_to(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let ada = world.admin("ada", &["acme"]).await;
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let script = world.bearer(&bob.create_token("script", &["acme"], &["graphql"]).await.value);
        let tool = world.bearer(&ada.create_token("tool", &["acme"], &["graphql"]).await.value);
        let mark = world.mark().await;
        let unknown = script.remove_organization(&token.id, &unknown_organizations(&world)[3], None).await;
        let beyond = script.remove_organization(&token.id, &globex, None).await;
        assert_eq!(assert_same(&[beyond, unknown]).code(), "NOT_FOUND");
        assert_eq!(world.since(&mark).await, (0, 0));
        let mark = world.mark().await;
        assert_eq!(script.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(tool.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (3, 1), "only the removal by the administrator sends an email");
    }
);

both!(
    async fn reason_is_one_line_of_at_most_500_characters(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        for reason in ["x".repeat(501), "no\r\nBcc: eve@example.test".into(), "\u{202e}".into()] {
            let reply = ada.remove_organization(&token.id, &acme, Some(&reason)).await;
            assert_eq!((reply.code(), reply.field()), ("INVALID_INPUT".into(), Some("input.reason".into())));
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        assert_eq!(ada.remove_organization(&token.id, &acme, Some(&"x".repeat(500))).await.code(), "OK");
    }
);

both!(
    ///
    async fn former_administrator_cannot_remove_organizations(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        world.member("ada", &["acme"]).await;
        let mark = world.mark().await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "FORBIDDEN");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);
