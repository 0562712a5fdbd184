//! Checks that a client that guesses token values is throttled, and other clients are not.

use crate::world::World;
use serde_json::json;
use tokenward::testing::domain::secret::{Prefix, Secret};

fn guess() -> String {
    Secret::generate(&Prefix::default()).unwrap().reveal_once()
}

both!(
    /// R-76
    async fn guessing_address_is_throttled_and_gateways_are_not(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["graphql"]).await;
        let revoked = bob.create_token("old", &["acme"], &["graphql"]).await;
        assert_eq!(bob.revoke_token(&revoked.id).await.code(), "OK");
        for _ in 0..100 {
            // Malformed and revoked values are not counted, and neither are requests to `/verify`.
            assert_eq!(world.bearer(&revoked.value).get("/v2/access-token").await.status, 401);
            assert_eq!(world.bearer("twd_nonsense").get("/v2/access-token").await.status, 401);
            assert_eq!(world.bearer(&guess()).verify("").await.status, 401);
        }
        assert_eq!(world.bearer(&token.value).get("/v2/access-token").await.status, 200);
        let mut statuses = Vec::new();
        for _ in 0..70 {
            statuses.push(world.bearer(&guess()).get("/v2/access-token").await.status.as_u16());
        }
        assert_eq!((statuses[0], statuses[59], statuses[60], statuses[69]), (401, 401, 429, 429));
        let refused = world.bearer(&guess()).graphql("{ viewer { id } }", json!({})).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED".into()));
        let pause: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&pause));
        assert_eq!(refused.json()["errors"][0]["extensions"]["retryAfter"], pause);
        let api = world.resource_server("api").await;
        for _ in 0..70 {
            let reply = world.introspect(&api, &guess(), &[]).await;
            assert_eq!(
                (reply.status.as_u16(), &*reply.text),
                (200, r#"{"active":false}"#),
                "a resource server is never throttled"
            );
        }
        assert_eq!(world.bearer(&guess()).verify("").await.status, 401, "a gateway is never throttled");
        assert_eq!(world.bearer(&token.value).verify("").await.status, 200);
        assert_eq!(bob.graphql("{ viewer { id } }", json!({})).await.code(), "OK", "a JWT is not throttled");
    }
);
