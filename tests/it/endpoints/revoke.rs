//! `POST /oauth/revoke`, `/.well-known/oauth-authorization-server` and `/schema.graphql`.

use super::{disconnect_database, json_response, render, send_raw};
use crate::world::{
    World,
    client::{form, read},
};
use serde_json::json;
use std::time::Duration;
use tokenward::testing::actions::{Credentials, DisableResourceServer};

async fn revoke(world: &World, api: &Credentials, secret: &str, token: &str) -> (u16, String) {
    let request = world.http.post(world.url("/oauth/revoke")).basic_auth(&api.client_id, Some(secret));
    let reply = form(request, &[("token", token), ("token_type_hint", "refresh_token")]).await;
    (reply.status.as_u16(), reply.text)
}

both!(
    /// R-28
    async fn resource_server_revokes_a_token_by_value_and_unknown_values_succeed(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let script = world.bearer(&token.value);
        let (status, body) = revoke(&world, &api, "wrong", &token.value).await;
        assert_eq!((status, body.contains("invalid_client")), (401, true));
        assert_eq!(script.verify("organization=acme").await.status, 200, "still valid");
        for value in [token.value.as_str(), &token.value, "twd_nonsense", "é"] {
            assert_eq!(revoke(&world, &api, &api.client_secret, value).await, (200, String::new()));
        }
        assert_eq!(script.verify("organization=acme").await.status, 401);
        let query =
            "query($id: ID!) { token(id: $id) { status events(first: 1) { nodes { type via actor { id } } } } }";
        let seen = bob.query(query, json!({ "id": token.id })).await["token"].clone();
        let event = json!({ "type": "TOKEN_REVOKED", "via": "RESOURCE_SERVER", "actor": null });
        assert_eq!(seen, json!({ "status": "REVOKED", "events": { "nodes": [event] } }));
        assert_eq!(revoke(&world, &api, &api.client_secret, "").await.0, 400);
    }
);

both!(
    /// R-28
    async fn misspelt_parameter_of_revocation_is_ignored(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let request =
            || world.http.post(world.url("/oauth/revoke")).basic_auth(&api.client_id, Some(&api.client_secret));
        assert_eq!(form(request(), &[("tokn", &token.value)]).await.status, 400, "the token itself is missing");
        let reply = form(request(), &[("token", &token.value), ("tokn_type_hint", "access_token")]).await;
        assert_eq!((reply.status.as_u16(), &*reply.text), (200, ""));
        assert_eq!(world.bearer(&token.value).verify("").await.status, 401);
    }
);

both!(
    /// R-10
    async fn resource_server_sends_one_authorization_header(world: World) {
        let form = "Content-Type: application/x-www-form-urlencoded";
        let message = "There is more than one Authorization header; send one.";
        let expected = json_response(400, &[], &format!(r#"{{"error":"invalid_request","message":"{message}"}}"#));
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let headers = [form, "Authorization: Basic YTpi", "Authorization: Basic YTpi"];
            assert_eq!(render(&send_raw(&world, "POST", path, &headers).await), expected, "{path}");
        }
    }
);

both!(
    async fn revocation_names_its_resource_server_to_the_owner_and_administrators(world: World) {
        let (api, _) = (world.resource_server("builds-api").await, world.resource_server("other").await);
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let (one, two) = (
            bob.create_token("one", &["acme"], &["read_builds"]).await,
            bob.create_token("two", &["acme"], &["read_builds"]).await,
        );
        assert_eq!(revoke(&world, &api, &api.client_secret, &one.value).await.0, 200);
        // A token that revokes itself is no resource server.
        assert_eq!(world.bearer(&two.value).delete("/v2/access-token").await.status, 204);
        let shows = "nodes { via reason resourceServerName tokenId }";
        let event = |via: &str, server: Option<&str>, token: &str| json!({ "via": via, "reason": null, "resourceServerName": server, "tokenId": token });
        let first = event("RESOURCE_SERVER", Some("builds-api"), &one.id);
        let own = format!("query($id: ID!) {{ token(id: $id) {{ events(first: 1) {{ {shows} }} }} }}");
        let seen = bob.query(&own, json!({ "id": one.id })).await;
        assert_eq!(seen["token"]["events"]["nodes"], json!([first]));
        let audit = format!("{{ organization(slug: \"acme\") {{ auditEvents(first: 2) {{ {shows} }} }} }}");
        let seen = ada.query(&audit, json!({})).await;
        let expected = json!([event("TOKEN", None, &two.id), first]);
        assert_eq!(seen["organization"]["auditEvents"]["nodes"], expected);
    }
);

both!(
    /// R-29
    async fn database_outage_never_reports_a_revocation(world: World) {
        let (api, bob) = (world.resource_server("api").await, world.member("bob", &["acme"]).await);
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        disconnect_database(&world).await;
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
    async fn only_a_valid_form_of_an_enabled_resource_server_revokes_a_token(world: World) {
        let (api, other) = (world.resource_server("api").await, world.resource_server("other").await);
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let script = world.bearer(&token.value);
        let error = |message: &str| format!(r#"{{"error":"invalid_request","message":"{message}"}}"#);
        let allow = json_response(405, &[("allow", "POST")], &error("This path answers POST only."));
        for name in ["GET", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(render(&send_raw(&world, name, "/oauth/revoke", &[]).await), allow, "{name}");
        }
        let request = || {
            let request = world.http.post(world.url("/oauth/revoke/"));
            request.basic_auth(&api.client_id, Some(&api.client_secret))
        };
        let media = error("Send the parameters as application/x-www-form-urlencoded.");
        assert_eq!(
            render(&read(request().json(&json!({ "token": token.value }))).await),
            json_response(415, &[], &media)
        );
        let twice = form(request(), &[("token", &token.value), ("token", &token.value)]).await;
        assert_eq!(
            render(&twice),
            json_response(400, &[], &error("A parameter is repeated; send each parameter once."))
        );
        world.operator(DisableResourceServer { name: "other".into() }).await.unwrap();
        assert_eq!(revoke(&world, &other, &other.client_secret, &token.value).await.0, 401);
        let as_bearer = form(world.http.post(world.url("/oauth/revoke")).bearer_auth(&token.value), &[]).await;
        assert_eq!(as_bearer.status, 401, "a token is no resource server");
        assert_eq!(script.verify("organization=acme").await.status, 200, "still valid");
        assert_eq!(form(request(), &[("token", &token.value)]).await.status, 200);
        assert_eq!(script.verify("organization=acme").await.status, 401);
    }
);

both!(
    /// R-28: the value is sufficient, even for a resource server whose limits exclude the token.
    async fn limited_resource_server_revokes_any_token_and_an_expired_one_is_no_error(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let api = world.limited_resource_server("acme-api", &["acme"], &["read_agents"]).await;
        let token = bob.create_token("deploy", &["globex"], &["read_builds"]).await;
        let soon = world.now().plus(Duration::from_mins(1)).to_text();
        let expired = bob.create_expiring_token("expired", &["acme"], &["read_builds"], Some(soon)).await;
        assert_eq!(revoke(&world, &api, &api.client_secret, &token.value).await, (200, String::new()));
        assert_eq!(world.bearer(&token.value).verify("").await.status, 401);
        world.advance(Duration::from_mins(2));
        assert_eq!(revoke(&world, &api, &api.client_secret, &expired.value).await, (200, String::new()));
        world.expire_tokens().await;
        let events = bob.event_types_of(&expired.id).await;
        assert_eq!(events, ["TOKEN_CREATED", "TOKEN_EXPIRED"], "an expired token is not revoked");
    }
);

both!(
    async fn metadata_and_schema_are_public(world: World) {
        let metadata = world.anonymous().get("/.well-known/oauth-authorization-server").await.json();
        let base = world.config.public_url.clone();
        assert_eq!(metadata["issuer"], json!(base));
        assert_eq!(metadata["introspection_endpoint"], json!(format!("{base}/oauth/introspect")));
        assert_eq!(metadata["revocation_endpoint"], json!(format!("{base}/oauth/revoke")));
        let schema = world.anonymous().get("/schema.graphql").await;
        assert_eq!((schema.status.as_u16(), schema.text), (200, include_str!("../../../schema.graphql").to_owned()));
    }
);
