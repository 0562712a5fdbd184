//! The mutation `updateToken`.

use super::{assert_same, unknown_tokens};
use crate::world::World;
use serde_json::json;
use std::{fs, time::Duration};
use tokenward::testing::app::Clock;

both!(
    async fn owner_updates_description_scopes_and_expiry(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds", "read_agents"]).await;
        let mark = world.mark().await;
        let end = world.now().plus(Duration::from_hours(1)).to_text();
        let input = json!({
            "tokenId": token.id, "description": "release", "scopes": ["read_agents", "write_agents"], "expiresAt": end,
        });
        let reply = bob.mutate_selecting("updateToken", input, "token { description expiresAt scopes { name } }").await;
        let changed = json!({
            "description": "release", "expiresAt": end, "scopes": [{ "name": "read_agents" }, { "name": "write_agents" }],
        });
        assert_eq!(reply.data()["updateToken"]["token"], changed);
        let script = world.bearer(&token.value);
        assert_eq!(script.verify("scope=read_builds&organization=acme").await.status, 403);
        assert_eq!(script.verify("scope=write_agents&organization=acme").await.status, 200);
        let query = "query($id: ID!) { token(id: $id) { events(first: 1) { nodes { type scopesAdded scopesRemoved via \
                     actor { username } organizations { slug } } } } }";
        let event = &bob.query(query, json!({ "id": token.id })).await["token"]["events"]["nodes"][0];
        let expected = json!({
            "type": "TOKEN_UPDATED", "scopesAdded": ["write_agents"], "scopesRemoved": ["read_builds"], "via": "JWT",
            "actor": { "username": "bob" }, "organizations": [{ "slug": "acme" }],
        });
        assert_eq!(event, &expected);
        assert_eq!(world.since(&mark).await, (1, 0));
        world.advance(Duration::from_hours(1));
        assert_eq!(script.verify("scope=write_agents&organization=acme").await.status, 401);
    }
);

both!(
    async fn update_without_effect_succeeds_and_records_no_event(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let end = world.now().plus(Duration::from_hours(1)).to_text();
        let scopes = ["read_builds", "read_agents"];
        let token = bob.create_expiring_token("deploy", &["acme"], &scopes, Some(end.clone())).await;
        let mark = world.mark().await;
        for input in [
            json!({}),
            json!({ "description": null, "scopes": null, "expiresAt": null }),
            json!({ "description": " deploy ", "scopes": ["read_agents", "read_builds", "read_agents"], "expiresAt": end }),
        ] {
            let mut input = input;
            input["tokenId"] = json!(token.id);
            assert_eq!(bob.mutate("updateToken", input).await.code(), "OK");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED"]);
    }
);

both!(
    async fn expiry_can_only_be_shortened(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let at = |minutes| world.now().plus(Duration::from_mins(minutes)).to_text();
        let token = bob.create_expiring_token("deploy", &["acme"], &["read_builds"], Some(at(60))).await;
        let mark = world.mark().await;
        for end in [at(120), world.now().minus(Duration::from_secs(1)).to_text()] {
            let reply = bob.mutate("updateToken", json!({ "tokenId": token.id, "expiresAt": end })).await;
            let error = (reply.code(), reply.field());
            assert_eq!(error, ("INVALID_INPUT".into(), Some("input.expiresAt".into())), "{}", reply.text);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let earlier = json!({ "tokenId": token.id, "expiresAt": at(30) });
        assert_eq!(bob.mutate("updateToken", earlier).await.code(), "OK");
    }
);

both!(
    async fn only_the_signed_in_owner_can_update_a_token(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let (ada, eve) = (world.admin("ada", &["acme"]).await, world.member("eve", &["acme"]).await);
        let non_member = world.non_member().await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds", "graphql"]).await;
        let script = world.bearer(&token.value);
        let none = unknown_tokens(&world).await;
        let mark = world.mark().await;
        let input = |id: &str| json!({ "tokenId": id, "description": "mine now" });
        assert_eq!(ada.mutate("updateToken", input(&token.id)).await.code(), "FORBIDDEN");
        for client in [&eve, &non_member, &bob, &ada] {
            let mut replies = Vec::new();
            for id in &none {
                replies.push(client.mutate("updateToken", input(id)).await);
            }
            if client.credential == eve.credential || client.credential == non_member.credential {
                replies.push(client.mutate("updateToken", input(&token.id)).await);
            }
            assert_eq!(assert_same(&replies).code(), "NOT_FOUND");
        }
        let mut replies = vec![script.mutate("updateToken", input(&token.id)).await];
        for id in &none {
            replies.push(script.mutate("updateToken", input(id)).await);
        }
        let reply = assert_same(&replies);
        assert!(reply.code() == "FORBIDDEN" && reply.text.contains("never create tokens"), "{}", reply.text);
        assert_eq!(world.anonymous().mutate("updateToken", input(&token.id)).await.status, 401);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn expired_and_revoked_tokens_cannot_be_changed(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let globex = world.organization_id("globex").await;
        let acme = world.organization_id("acme").await;
        let soon = world.now().plus(Duration::from_mins(1)).to_text();
        let expired = bob.create_expiring_token("expired", &["acme"], &["read_builds"], Some(soon)).await;
        let revoked = bob.create_token("revoked", &["acme"], &["read_builds"]).await;
        assert_eq!(bob.revoke_token(&revoked.id).await.code(), "OK");
        world.advance(Duration::from_secs(61));
        let mark = world.mark().await;
        for (token, why) in [(&expired, "has expired"), (&revoked, "has been revoked")] {
            for input in [json!({ "tokenId": token.id }), json!({ "tokenId": token.id, "description": "deploy" })] {
                let reply = bob.mutate("updateToken", input).await;
                assert!(reply.code() == "CONFLICT" && reply.text.contains(why), "{}", reply.text);
            }
            assert_eq!(bob.add_organization(&token.id, &globex).await.code(), "CONFLICT");
            assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "CONFLICT");
            assert_eq!(bob.revoke_token(&token.id).await.code(), "CONFLICT");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn expired_token_stays_expired_if_the_clock_goes_back(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let soon = world.now().plus(Duration::from_mins(1)).to_text();
        let token = bob.create_expiring_token("deploy", &["acme"], &["read_builds"], Some(soon)).await;
        world.advance(Duration::from_secs(61));
        world.expire_tokens().await;
        let restarted = world.node_with_clock(Clock::machine()).await;
        let query = "scope=read_builds&organization=acme";
        assert_eq!(restarted.bearer(&token.value).verify(query).await.status, 401);
        let bob = restarted.bearer(&restarted.jwt("bob"));
        assert_eq!(bob.mutate("updateToken", json!({ "tokenId": token.id })).await.code(), "CONFLICT");
    }
);

both!(
    async fn retired_scope_is_kept_and_cannot_be_granted(world: World) {
        let file = world.database.folder().join("scopes.toml");
        let scope = |name: &str| {
            format!("[[scope]]\nname = \"{name}\"\ntitle = \"T\"\ndescription = \"D\"\naccess = \"read\"\n")
        };
        fs::write(&file, scope("read_builds") + &scope("read_old")).unwrap();
        let before = world.another_node(&[("scopes.file", file.to_str().unwrap())]).await;
        let bob = before.member("bob", &["acme"]).await;
        let holder = bob.create_token("holder", &["acme"], &["read_builds", "read_old"]).await;
        let other = bob.create_token("other", &["acme"], &["read_builds"]).await;
        let check = "scope=read_old&organization=acme";
        assert_eq!(before.bearer(&holder.value).verify(check).await.status, 200);
        let bob = world.user("bob").await;
        let query = "query($id: ID!) { token(id: $id) { scopes { name title retired } } }";
        let shown = bob.query(query, json!({ "id": holder.id })).await;
        let old = json!({ "name": "read_old", "title": "read_old", "retired": true });
        assert!(shown["token"]["scopes"].as_array().unwrap().contains(&old), "{shown}");
        assert_ne!(world.bearer(&holder.value).verify(check).await.status, 200);
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        for (name, input) in [
            ("createToken", json!({ "description": "new", "organizationIds": [acme], "scopes": ["read_old"] })),
            ("updateToken", json!({ "tokenId": other.id, "scopes": ["read_old"] })),
        ] {
            let reply = bob.mutate(name, input).await;
            assert_eq!((reply.code(), reply.field()), ("INVALID_INPUT".into(), Some("input.scopes.0".into())));
        }
        let kept = json!({ "tokenId": holder.id, "scopes": ["read_old", "read_builds"] });
        assert_eq!(bob.mutate("updateToken", kept).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (0, 0));
        let widened = json!({ "tokenId": holder.id, "scopes": ["read_old", "read_builds", "read_agents"] });
        assert_eq!(bob.mutate("updateToken", widened).await.code(), "OK");
        let narrowed = json!({ "tokenId": holder.id, "scopes": ["read_builds"] });
        assert_eq!(bob.mutate("updateToken", narrowed).await.code(), "OK");
        let again = json!({ "tokenId": holder.id, "scopes": ["read_old"] });
        assert_eq!(bob.mutate("updateToken", again).await.code(), "INVALID_INPUT");
    }
);
