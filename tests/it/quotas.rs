//! Checks limits per user: the number of tokens, and the rate of changes that extend access.

use crate::world::{World, client::Client, database::Database};
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::CreateToken,
    domain::{caller::Caller, scope::ScopeSet},
    http::{UserClaims, sign},
};

async fn create(client: &Client<'_>, organization: &str) -> (String, Value) {
    let input = json!({ "description": "more", "organizationIds": [organization], "scopes": ["read_builds"] });
    let reply = client.mutate("createToken", input).await;
    (reply.code(), reply.json()["errors"][0].clone())
}

both!(
    async fn active_tokens_of_a_user_are_limited(database: Database) {
        let world = World::with(database, &[("token.max_per_user", "3")]).await;
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let first = bob.create_token("first", &["acme"], &["read_builds"]).await;
        let soon = world.now().plus(Duration::from_mins(1)).to_text();
        bob.create_expiring_token("until", &["acme"], &["read_builds"], Some(soon)).await;
        // Of several concurrent requests, as many succeed as the limit allows.
        let codes = futures_util::future::join_all((0..8).map(|_| create(&bob, &acme))).await;
        assert_eq!(codes.iter().filter(|(code, _)| code == "OK").count(), 1, "{codes:?}");
        let mark = world.mark().await;
        let (code, error) = create(&bob, &acme).await;
        assert_eq!(code, "CONFLICT");
        assert_eq!(
            error["message"],
            "You have as many active tokens as this service allows; revoke one that is not needed."
        );
        assert_eq!(world.since(&mark).await, (0, 0));
        assert_eq!(create(&eve, &acme).await.0, "OK", "another user");
        assert_eq!(bob.revoke_token(&first.id).await.code(), "OK");
        assert_eq!((create(&bob, &acme).await.0, create(&bob, &acme).await.0), ("OK".into(), "CONFLICT".into()));
        world.advance(Duration::from_mins(1));
        assert_eq!(create(&bob, &acme).await.0, "OK", "an expired token does not count");
        // The limit does not apply to the operator.
        let organization = world.app.store().organization_by_slug("acme").await.unwrap().unwrap().id;
        let owner = world.app.store().sign_in_by_name("bob").await.unwrap().unwrap().id;
        let scopes: ScopeSet = world.app.catalogue().grantable("scopes", &["read_builds".to_owned()]).unwrap();
        for number in 0..3 {
            let change = CreateToken {
                description: format!("operator {number}"),
                organizations: vec![organization],
                scopes: scopes.clone(),
                expires_at: None,
                owner: Some(owner),
            };
            world.app.change(&Caller::command_line(world.now()), change).await.unwrap();
        }
    }
);

both!(
    async fn changes_that_extend_access_are_limited_per_user(database: Database) {
        let settings = [("token.max_changes_per_minute", "6"), ("organizations.self_service", "true")];
        let world = World::with(database, &settings).await;
        let (ada, eve) = (world.admin("ada", &["acme", "globex"]).await, world.admin("eve", &["acme"]).await);
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let (dan, fay) = (world.user("dan").await, world.user("fay").await);
        let id = async |client: &Client<'_>| client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let (dan, _fay) = (id(&dan).await, id(&fay).await);
        let mut tokens = Vec::new();
        for name in ["one", "two"] {
            tokens.push(ada.create_token(name, &["acme"], &["read_builds"]).await.id);
        }
        let extend = [
            ("addOrganizationToToken", json!({ "tokenId": tokens[0], "organizationId": globex })),
            ("updateToken", json!({ "tokenId": tokens[0], "scopes": ["read_builds", "write_builds"] })),
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "dan", "role": "MEMBER" })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": dan, "role": "ADMIN" })),
        ];
        for (mutation, input) in extend {
            let reply = ada.mutate(mutation, input).await;
            assert_eq!(reply.code(), "OK", "{mutation}: {}", reply.text);
        }
        let mark = world.mark().await;
        for (mutation, input) in [
            ("createToken", json!({ "description": "new", "organizationIds": [acme], "scopes": ["read_builds"] })),
            ("addOrganizationToToken", json!({ "tokenId": tokens[1], "organizationId": globex })),
            ("updateToken", json!({ "tokenId": tokens[1], "scopes": ["read_builds", "write_builds"] })),
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "fay", "role": "MEMBER" })),
            ("createOrganization", json!({ "slug": "new", "name": "New" })),
        ] {
            let reply = ada.mutate(mutation, input).await;
            let error = &reply.json()["errors"][0];
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (200, "RATE_LIMITED"), "{mutation}");
            assert!((1..=60).contains(&error["extensions"]["retryAfter"].as_u64().unwrap()), "{}", reply.text);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        // Changes that reduce access or do not affect it are not limited, and neither are other users and the command line.
        for (mutation, input) in [
            ("updateToken", json!({ "tokenId": tokens[0], "scopes": ["read_builds"] })),
            ("updateToken", json!({ "tokenId": tokens[0], "description": "changed" })),
            ("removeOrganizationFromToken", json!({ "tokenId": tokens[0], "organizationId": globex })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": dan, "role": "MEMBER" })),
            ("removeOrganizationMember", json!({ "organizationId": acme, "userId": dan })),
            ("revokeToken", json!({ "tokenId": tokens[0] })),
        ] {
            let reply = ada.mutate(mutation, input).await;
            assert_eq!(reply.code(), "OK", "{mutation}: {}", reply.text);
        }
        assert_eq!(create(&eve, &acme).await.0, "OK");
        world.admin("gil", &["acme", "globex", "initech"]).await;
        world.advance(Duration::from_mins(1));
        assert_eq!(create(&ada, &acme).await.0, "OK");
    }
);

both!(
    async fn changes_of_names_have_a_separate_limit(database: Database) {
        let world = World::with(database, &[("token.max_changes_per_minute", "6")]).await;
        let (ada, eve) = (world.admin("ada", &["acme"]).await, world.admin("eve", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = ada.create_token("one", &["acme"], &["read_builds", "write_builds"]).await.id;
        let now = world.now();
        let renames = |number: u32| {
            let expiry = now.plus(Duration::from_hours(24 * u64::from(20 - number))).to_text();
            [
                ("updateOrganization", json!({ "organizationId": acme, "name": format!("Acme {number}") })),
                ("updateToken", json!({ "tokenId": token, "description": format!("one {number}") })),
                ("updateToken", json!({ "tokenId": token, "expiresAt": expiry })),
            ]
        };
        for (mutation, input) in (0..2).flat_map(renames) {
            let reply = ada.mutate(mutation, input).await;
            assert_eq!(reply.code(), "OK", "{mutation}: {}", reply.text);
        }
        let mark = world.mark().await;
        let profile = || ("updateProfile", json!({ "name": "Ada Changed" }));
        for (mutation, input) in renames(2).into_iter().chain([profile()]) {
            let reply = ada.mutate(mutation, input).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (200, "RATE_LIMITED"), "{mutation}");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        // Changes that extend access have a separate limit, changes that reduce it have none, and other users have their own
        // limits.
        assert_eq!(create(&ada, &acme).await.0, "OK");
        let narrower = json!({ "tokenId": token, "scopes": ["read_builds"], "description": "narrower" });
        assert_eq!(ada.mutate("updateToken", narrower).await.code(), "OK");
        assert_eq!(ada.revoke_token(&token).await.code(), "OK");
        let [(mutation, input), ..] = renames(3);
        assert_eq!(eve.mutate(mutation, input).await.code(), "OK");
        world.advance(Duration::from_mins(1));
        let (mutation, input) = profile();
        assert_eq!(ada.mutate(mutation, input).await.code(), "OK");
    }
);

both!(
    async fn password_changes_are_limited_apart_from_other_changes(database: Database) {
        let world = World::with(database, &[("token.max_changes_per_minute", "6")]).await;
        let bob = world.signed_in("bob").await;
        let names =
            async |number: u32| bob.mutate("updateProfile", json!({ "name": format!("Bob {number}") })).await.code();
        for number in 0..6 {
            assert_eq!(names(number).await, "OK");
        }
        let changes = async |number: u32| {
            let change = json!({ "newPassword": format!("another plover gantry ounce {number}") });
            bob.mutate("changePassword", change).await.code()
        };
        assert_eq!(names(6).await, "RATE_LIMITED");
        for number in 0..6 {
            assert_eq!(changes(number).await, "OK");
        }
        assert_eq!(changes(6).await, "RATE_LIMITED", "it has a limit too");
    }
);

both!(
    async fn jwts_update_a_profile_only_up_to_the_limit(database: Database) {
        let world = World::with(database, &[("token.max_changes_per_minute", "6")]).await;
        world.member("ada", &["acme"]).await;
        let name_after = async |name: &str| {
            let claims = UserClaims { subject: "ada", username: "ada", name, email: "ada@example.test" };
            let config = world.config.jwt.as_ref().unwrap();
            let jwt = sign(config, &claims, world.now(), Duration::from_hours(1)).unwrap();
            let viewer = world.bearer(&jwt).query("{ viewer { name } }", json!({})).await;
            viewer["viewer"]["name"].as_str().unwrap().to_owned()
        };
        let mark = world.mark().await;
        for number in 0..12 {
            let name = ["Ada One", "Ada Two"][number % 2];
            assert_eq!(name_after(name).await, if number < 6 { name } else { "Ada Two" }, "{number}");
        }
        assert_eq!(world.since(&mark).await, (6, 0));
        world.advance(Duration::from_mins(1));
        assert_eq!(name_after("Ada One").await, "Ada One");
    }
);

both!(
    async fn lookups_of_unknown_users_are_limited(database: Database) {
        let world = World::with(database, &[("token.max_changes_per_minute", "6")]).await;
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        world.user("dan").await;
        let adds = async |user: &str| {
            let input = json!({ "organizationId": acme, "user": user, "role": "MEMBER" });
            ada.mutate("addOrganizationMember", input).await.code()
        };
        for number in 0..6 {
            assert_eq!(adds(&format!("unknown-{number}")).await, "NOT_FOUND");
        }
        // Neither response reveals whether the user exists.
        assert_eq!((adds("unknown").await, adds("dan").await), ("RATE_LIMITED".into(), "RATE_LIMITED".into()));
        world.advance(Duration::from_mins(1));
        assert_eq!((adds("dan").await, adds("unknown").await), ("OK".into(), "NOT_FOUND".into()));
    }
);

both!(
    async fn text_of_a_mutation_may_not_contain_a_token_value(database: Database) {
        let world = World::with(database, &[]).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let token = bob.create_token("in use", &["acme"], &["read_builds"]).await;
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        for text in [token.value.clone(), format!("leaked {}", token.value.replace('_', "%5F"))] {
            for (mutation, input, field) in [
                ("updateToken", json!({ "tokenId": token.id, "description": text }), "input.description"),
                ("revokeToken", json!({ "tokenId": token.id, "reason": text }), "input.reason"),
            ] {
                let error = bob.mutate(mutation, input).await.json()["errors"][0].clone();
                assert_eq!(error["extensions"]["code"], "INVALID_INPUT", "{error}");
                assert_eq!(error["extensions"]["field"], field);
                assert!(!error.to_string().contains(&token.value[4..]), "{error}");
            }
            let input = json!({ "tokenId": token.id, "organizationId": acme, "reason": text });
            assert_eq!(ada.mutate("removeOrganizationFromToken", input).await.code(), "INVALID_INPUT");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let query = "query($value: String) { viewer { tokens(filter: { token: $value }) { totalCount } } }";
        let found = bob.query(query, json!({ "value": token.value })).await;
        assert_eq!(found["viewer"]["tokens"]["totalCount"], 1, "a query may contain a token value");
    }
);

both!(
    async fn revocation_by_value_does_not_wait_for_changes(database: Database) {
        let world = World::with(database, &[]).await;
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let token = bob.create_token("leaked", &["acme"], &["read_builds"]).await;
        let unknown = "token_00000000000000000000000000";
        let many = (0..20)
            .map(|index| format!("a{index}: revokeToken(input: {{ tokenId: \"{unknown}\" }}) {{ token {{ id }} }}"));
        let flood = format!("mutation {{ {} }}", many.collect::<Vec<_>>().join(" "));
        let flooding = futures_util::future::join_all((0..60).map(|_| eve.graphql(&flood, json!({}))));
        let revoking = async {
            let revoked = world.bearer(&token.value).delete("/v2/access-token").await;
            assert_eq!(revoked.status, 204);
            assert_eq!(world.bearer(&token.value).verify("").await.status, 401);
        };
        let (replies, ()) = tokio::join!(flooding, revoking);
        assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 503));
    }
);
