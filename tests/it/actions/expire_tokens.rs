//! The record of expired tokens.

use crate::world::{World, client::Client};
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::{ExpireTokens, RemoveOrganizationMember},
    domain::{
        caller::{AuthMethod, Caller},
        error::Code,
        id::{TokenId, UserId},
        organization::{OrganizationRef, UserRef},
    },
};

const TYPES: &str =
    "query($slug: String!) { organization(slug: $slug) { auditEvents(filter: { types: [TOKEN_EXPIRED] }) {
    nodes { type via actor { username } actorIpAddress tokenId user { username } } } } }";

async fn expirations(reader: &Client<'_>, slug: &str) -> Value {
    reader.query(TYPES, json!({ "slug": slug })).await["organization"]["auditEvents"]["nodes"].clone()
}

both!(
    async fn expiry_is_recorded_once_for_the_owner_and_the_organizations_with_access(world: World) {
        let bob = world.member("bob", &["acme", "globex", "initech"]).await;
        let (ada, zed) = (world.admin("ada", &["acme", "initech"]).await, world.admin("zed", &["globex"]).await);
        let end = world.now().plus(Duration::from_mins(1)).to_text();
        let organizations = ["acme", "globex", "initech"];
        let token = bob.create_expiring_token("deploy", &organizations, &["read_builds"], Some(end)).await;
        let globex = world.organization_id("globex").await;
        assert_eq!(zed.remove_organization(&token.id, &globex, None).await.code(), "OK");
        world.expire_tokens().await;
        let mark = world.mark().await;
        world.advance(Duration::from_mins(2));
        // Another node and the job of this one may record it at the same time.
        for _ in 0..3 {
            world.expire_tokens().await;
        }
        assert_eq!(world.since(&mark).await, (1, 0), "one event, no email");
        let expired = json!([{
            "type": "TOKEN_EXPIRED", "via": "SYSTEM", "actor": null, "actorIpAddress": null,
            "tokenId": token.id, "user": { "username": "bob" },
        }]);
        assert_eq!((expirations(&ada, "acme").await, expirations(&ada, "initech").await), (expired.clone(), expired));
        assert_eq!(expirations(&zed, "globex").await, json!([]), "its access had ended before");
        let expected = ["TOKEN_CREATED", "TOKEN_ORGANIZATION_REMOVED", "TOKEN_EXPIRED"];
        assert_eq!(bob.event_types_of(&token.id).await, expected);
    }
);

both!(
    async fn organization_whose_access_ended_after_the_expiry_sees_it(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let ada = world.admin("ada", &["acme"]).await;
        let soon = world.now().plus(Duration::from_mins(1));
        let (acme, scopes) = (world.organization_id("acme").await, ["read_builds"]);
        let token = bob.create_expiring_token("deploy", &["acme", "globex"], &scopes, Some(soon.to_text())).await;
        // The job is late: the membership ends before it records the expiry.
        let at = Caller { at: soon.plus(Duration::from_secs(10)), ..Caller::command_line(soon) };
        let (organization, user) = (OrganizationRef::from("acme"), UserRef::from("bob"));
        world.app.change(&at, RemoveOrganizationMember { organization, user }).await.unwrap();
        world.advance(Duration::from_mins(2));
        world.expire_tokens().await;
        let seen = expirations(&ada, "acme").await;
        assert_eq!(seen[0]["tokenId"], json!(token.id), "{acme}: {seen}");
    }
);

both!(
    async fn job_records_the_expiry_of_tokens(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let end = world.now().plus(Duration::from_mins(1)).to_text();
        let token = bob.create_expiring_token("deploy", &["acme"], &["read_builds"], Some(end)).await;
        world.advance(Duration::from_mins(2));
        let start = std::time::Instant::now();
        while bob.event_types_of(&token.id).await != ["TOKEN_CREATED", "TOKEN_EXPIRED"] {
            assert!(start.elapsed() < Duration::from_secs(30), "the expiry was not recorded");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
);

both!(
    async fn active_revoked_and_unknown_tokens_do_not_expire(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let end = world.now().plus(Duration::from_mins(1)).to_text();
        let later = world.now().plus(Duration::from_hours(1)).to_text();
        let scopes = ["read_builds"];
        let revoked = bob.create_expiring_token("revoked", &["acme"], &scopes, Some(end)).await;
        let active = bob.create_expiring_token("active", &["acme"], &scopes, Some(later)).await;
        let lasting = bob.create_token("lasting", &["acme"], &scopes).await;
        assert_eq!(bob.revoke_token(&revoked.id).await.code(), "OK");
        world.advance(Duration::from_mins(2));
        let mark = world.mark().await;
        let ids = [&revoked.id, &active.id, &lasting.id].map(|id| TokenId::parse(id).unwrap());
        let tokens = ids.into_iter().chain([TokenId::new(world.now())]).collect();
        world.app.change(&Caller::system(world.now()), ExpireTokens { tokens }).await.unwrap();
        assert_eq!(world.since(&mark).await, (0, 0));
        assert_eq!(world.bearer(&active.value).verify("").await.status, 200);
    }
);

both!(
    async fn only_the_system_records_that_tokens_expired(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let end = world.now().plus(Duration::from_mins(1)).to_text();
        let token = bob.create_expiring_token("deploy", &["acme"], &["read_builds"], Some(end)).await;
        let tokens = vec![TokenId::parse(&token.id).unwrap()];
        for auth_method in [AuthMethod::CommandLine, AuthMethod::Anonymous, AuthMethod::Jwt(UserId::new(world.now()))] {
            let caller = Caller { auth_method, ..Caller::system(world.now()) };
            let refused = world.app.change(&caller, ExpireTokens { tokens: tokens.clone() }).await;
            assert_eq!(refused.unwrap_err().code(), Code::Forbidden, "{auth_method:?}");
        }
    }
);
