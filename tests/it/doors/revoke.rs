//! `POST /oauth/revoke`, `/.well-known/oauth-authorization-server` and `/schema.graphql`.

use super::lose_the_store;
use crate::world::{World, client::form};
use serde_json::json;
use tokenward::actions::Credentials;

async fn revoke(world: &World, api: &Credentials, secret: &str, token: &str) -> (u16, String) {
    let request = world.http.post(world.url("/oauth/revoke")).basic_auth(&api.client_id, Some(secret));
    let reply = form(request, &[("token", token), ("token_type_hint", "refresh_token")]).await;
    (reply.status.as_u16(), reply.text)
}

both!(
    ///
    async fn an_api_ends_a_token_whose_value_it_was_given_and_hears_nothing_of_others(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let token = bob.creates_token("deploy", &["acme"], &["read_builds"]).await;
        let script = world.holder_of(&token.value);
        let (status, body) = revoke(&world, &api, "wrong", &token.value).await;
        assert_eq!((status, body.contains("invalid_client")), (401, true));
        assert_eq!(script.verify("organization=acme").await.status, 200, "it lives");
        for value in [token.value.as_str(), &token.value, "twd_nonsense", "é"] {
            assert_eq!(revoke(&world, &api, &api.client_secret, value).await, (200, String::new()));
        }
        assert_eq!(script.verify("organization=acme").await.status, 401);
        let query =
            "query($id: ID!) { token(id: $id) { status events(first: 1) { nodes { type via actor { id } } } } }";
        let seen = bob.ask(query, json!({ "id": token.id })).await["token"].clone();
        let event = json!({ "type": "TOKEN_REVOKED", "via": "TOKEN", "actor": null });
        assert_eq!(seen, json!({ "status": "REVOKED", "events": { "nodes": [event] } }));
        assert_eq!(revoke(&world, &api, &api.client_secret, "").await.0, 400);
    }
);

both!(
    ///
    async fn an_api_is_never_told_that_a_token_ended_while_the_store_cannot_answer(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let token = bob.creates_token("deploy", &["acme"], &["read_builds"]).await;
        lose_the_store(&world).await;
        for value in [token.value.as_str(), "twd_nonsense"] {
            let request = world.http.post(world.url("/oauth/revoke"));
            let request = request.basic_auth(&api.client_id, Some(&api.client_secret));
            let reply = form(request, &[("token", value)]).await;
            assert_eq!((reply.status.as_u16(), reply.headers["retry-after"].to_str().unwrap()), (503, "1"));
            let expected = json!({ "error": "temporarily_unavailable", "message": "Try again later" });
            assert_eq!(reply.json(), expected);
        }
    }
);

both!(
    async fn what_there_is_can_be_discovered(world: World) {
        let metadata = world.nobody().get("/.well-known/oauth-authorization-server").await.json();
        let base = world.config.public_url.clone();
        assert_eq!(metadata["issuer"], json!(base));
        assert_eq!(metadata["introspection_endpoint"], json!(format!("{base}/oauth/introspect")));
        assert_eq!(metadata["revocation_endpoint"], json!(format!("{base}/oauth/revoke")));
        let schema = world.nobody().get("/schema.graphql").await;
        assert_eq!((schema.status.as_u16(), schema.text), (200, include_str!("../../../schema.graphql").to_owned()));
    }
);
