//! Checks that a token may have several values, and that none is accepted once it was replaced.

use crate::world::{World, client::form};
use serde_json::json;
use std::time::Duration;

/// Gives the first token the values of all.
const ONE_TOKEN: &str = "update token_values set token_id = (select id from tokens order by id limit 1)";
/// Ends the newest value.
const REPLACED: &str =
    "update token_values set expires_at = 1 where created_at = (select max(created_at) from token_values)";

both!(
    async fn replaced_value_is_rejected_everywhere(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let kept = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        world.advance(Duration::from_secs(1));
        let replaced = bob.create_token("other", &["acme"], &["read_builds"]).await;
        if world.database.query(ONE_TOKEN).is_none() {
            return;
        }
        let statuses = async |value: &str| {
            let holder = world.bearer(value);
            let is_found = bob.query(
                "query($q: String) { viewer { tokens(filter: { token: $q }) { totalCount } } }",
                json!({ "q": value }),
            );
            (
                holder.verify("organization=acme").await.status.as_u16(),
                holder.get("/v2/access-token").await.status.as_u16(),
                world.introspect(&api, value, &[]).await.json()["active"] == true,
                is_found.await["viewer"]["tokens"]["totalCount"] == 1,
            )
        };
        let (valid, invalid) = ((200, 200, true, true), (401, 401, false, false));
        assert_eq!(statuses(&kept.value).await, valid);
        assert_eq!(statuses(&replaced.value).await, valid);
        world.database.query(REPLACED).unwrap();
        assert_eq!(statuses(&replaced.value).await, invalid);
        let revoke = world.http.post(world.url("/oauth/revoke")).basic_auth(&api.client_id, Some(&api.client_secret));
        assert_eq!(form(revoke, &[("token", &replaced.value)]).await.status, 200, "as for an unknown value");
        assert_eq!(statuses(&kept.value).await, valid, "the token is not revoked");
    }
);
