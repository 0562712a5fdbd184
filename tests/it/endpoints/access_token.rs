//! `/v2/access-token`: a token reads and revokes itself.

use super::{
    AUTHENTICATE, INVALID_TOKEN, NO_CREDENTIAL, UNAVAILABLE, bob, disconnect_database, json_response, raw,
    rejected_tokens, render, seen_by_owner, send_raw, unknown,
};
use crate::world::{World, client::read};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/v2/access-token";
const REPEATED: &str =
    r#"{"message":"The request has more than one credential; send one Authorization header and nothing else."}"#;

fn invalid() -> String {
    json_response(401, &[("www-authenticate", INVALID_TOKEN)], AUTHENTICATE)
}

fn repeated() -> String {
    json_response(400, &[("www-authenticate", "Bearer realm=\"tokenward\", error=\"invalid_request\"")], REPEATED)
}

both!(
    /// R-16
    async fn token_reads_itself_without_its_value_and_organizations(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let expiry = world.now().plus(Duration::from_hours(1));
        let scopes = ["graphql", "read_builds"];
        let token = bob.create_expiring_token("Deploy \"bot\"", &["acme"], &scopes, Some(expiry.to_text())).await;
        let unlimited = bob.create_token("no expiry", &["acme"], &["read_user"]).await;
        let query = "query($id: ID!) { token(id: $id) { createdAt } }";
        let created =
            bob.query(query, json!({ "id": token.id })).await["token"]["createdAt"].as_str().unwrap().to_owned();
        let body = format!(
            "{{\"uuid\":\"{}\",\"scopes\":[\"read_builds\",\"graphql\"],\"description\":\"Deploy \\\"bot\\\"\",\
             \"created_at\":\"{}Z\",\"expires_at\":\"{}\",\"user\":{{\"name\":\"bob example\",\"email\":\
             \"bob@example.test\"}}}}",
            token.uuid,
            &created[..19],
            expiry.to_text_in_seconds(),
        );
        let expected = json_response(200, &[("x-oauth-scopes", "read_builds,graphql")], &body);
        let holder = world.bearer(&token.value);
        for path in [PATH, "/v2/access-token/", "/v2/access-token?per_page=100", "/v2/access-token/?page=x&per_page"] {
            assert_eq!(render(&holder.get(path).await), expected, "{path}");
        }
        let reply = world.bearer(&unlimited.value).get(PATH).await;
        assert_eq!((&reply.json()["expires_at"], reply.header("x-oauth-scopes")), (&json!(null), "read_user"));
    }
);

both!(
    /// R-09
    async fn token_in_the_url_is_ignored_and_not_recorded(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let target = format!("{PATH}?access_token={}", token.value);
        let expected = json_response(401, &[("www-authenticate", NO_CREDENTIAL)], AUTHENTICATE);
        for name in ["GET", "DELETE"] {
            assert_eq!(render(&send_raw(&world, name, &target, &[]).await), expected, "{name}");
            assert_eq!(render(&send_raw(&world, name, PATH, &[]).await), expected, "{name}");
        }
        assert_eq!(seen_by_owner(&bob, &token).await, (json!(null), None));
        assert_eq!(world.bearer(&token.value).get(PATH).await.status, 200);
    }
);

both!(
    /// R-10
    async fn repeated_credential_is_rejected_without_effect(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let header = format!("Authorization: Bearer {}", token.value);
        for name in ["GET", "DELETE"] {
            assert_eq!(render(&send_raw(&world, name, PATH, &[&header, &header]).await), repeated(), "{name}");
            let body = format!("access_token={}", token.value);
            let kind = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
            let request = format!(
                "{name} {PATH} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{header}\r\n{kind}\r\nContent-Length: \
                 {}\r\n\r\n{body}",
                body.len()
            );
            assert_eq!(render(&raw(&world, request.as_bytes()).await), repeated(), "{name}");
        }
        assert_eq!(world.bearer(&token.value).get(PATH).await.status, 200);
    }
);

both!(
    /// R-12
    async fn invalid_tokens_get_identical_responses(world: World) {
        for (state, value) in rejected_tokens(&world).await {
            assert_eq!(render(&world.bearer(&value).get(PATH).await), invalid(), "{state}");
            assert_eq!(render(&world.bearer(&value).delete(PATH).await), invalid(), "{state}");
        }
    }
);

both!(
    /// R-15
    async fn scheme_is_case_insensitive_and_malformed_credentials_are_401(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let status = async |header: &str| send_raw(&world, "GET", PATH, &[header]).await.status.as_u16();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(status(&format!("Authorization: {scheme} {}", token.value)).await, 200, "{scheme}");
        }
        for bad in ["Basic", "DPoP", "Token", ""] {
            assert_eq!(status(&format!("Authorization: {bad} {}", token.value)).await, 401, "{bad}");
        }
        assert_eq!(status(&format!("Authorization: Bearer {}", "x".repeat(9 * 1024))).await, 401);
        assert_eq!(status(&format!("Authorization: Bearer {}", unknown())).await, 401);
        let bytes =
            b"GET /v2/access-token HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n";
        assert_eq!(render(&raw(&world, bytes).await), invalid());
    }
);

both!(
    /// R-17
    async fn token_revokes_itself_and_is_rejected_by_all_endpoints(world: World) {
        let api = world.resource_server("api").await;
        let bob = world.member("bob", &["acme"]).await;
        let requests: [fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder; 3] =
            [|request| request, |request| request.json(&json!({})), |request| request.body("not { JSON")];
        for change in requests {
            let token = bob.create_token("revokes itself", &["acme"], &["read_builds", "graphql"]).await;
            let holder = world.bearer(&token.value);
            assert_eq!(holder.graphql("{ viewer { username } }", json!({})).await.code(), "OK");
            assert_eq!(render(&read(change(holder.request(Method::DELETE, PATH))).await), "204\n\n");
            assert_eq!(holder.verify("organization=acme").await.status, 401);
            assert_eq!(render(&holder.get(PATH).await), invalid());
            assert_eq!(world.introspect(&api, &token.value, &[]).await.text, r#"{"active":false}"#);
            assert_eq!(holder.graphql("{ viewer { username } }", json!({})).await.status, 401);
            assert_eq!(render(&holder.delete(PATH).await), invalid());
            let query = "query($id: ID!) { token(id: $id) { status events { nodes { type via reason } } } }";
            let data = bob.query(query, json!({ "id": token.id })).await;
            assert_eq!(data["token"]["status"], "REVOKED");
            let events = data["token"]["events"]["nodes"].as_array().unwrap();
            assert_eq!(events.len(), 2, "one event for the revocation: {events:?}");
            assert_eq!(events[0], json!({ "type": "TOKEN_REVOKED", "via": "TOKEN", "reason": null }));
        }
        assert!(world.mailbox.is_empty(), "a token acts for its owner, who gets no email");
    }
);

both!(
    /// R-18
    async fn other_methods_are_405_with_allow(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        let header = format!("Authorization: Bearer {}", token.value);
        let expected = json_response(
            405,
            &[("allow", "GET, HEAD, DELETE")],
            r#"{"message":"This path answers GET, HEAD, DELETE only."}"#,
        );
        for name in ["POST", "PUT", "PATCH", "TRACE", "OPTIONS", "CONNECT", "FOO", "delete"] {
            assert_eq!(render(&send_raw(&world, name, PATH, &[&header]).await), expected, "{name}");
            assert_eq!(render(&send_raw(&world, name, PATH, &[]).await), expected, "anonymous {name}");
        }
        assert_eq!(world.bearer(&token.value).get(PATH).await.status, 200);
    }
);

both!(
    /// A request that names no organization counts for each one that the token has access to.
    async fn reading_itself_is_recorded_as_usage(world: World) {
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let header = format!("Authorization: Bearer {}", token.value);
        let headers = [header.as_str(), "User-Agent: curl/8", "X-Forwarded-For: 9.9.9.9"];
        assert_eq!(send_raw(&world, "GET", "/v2/access-token?x=1", &headers).await.status, 200);
        let shown = json!({
            "ipAddress": "127.0.0.1", "userAgent": "curl/8", "method": "GET", "path": PATH, "scope": null,
            "allowed": true,
        });
        let (request, used) = seen_by_owner(&bob, &token).await;
        assert_eq!((request, used.is_some()), (shown.clone(), true));
        assert_eq!(super::seen_by_admin(&world, "acme", &token).await, (shown, used));
    }
);

both!(
    async fn database_outage_is_503(world: World) {
        let (_, token) = bob(&world, &["read_builds"]).await;
        disconnect_database(&world).await;
        let later = json_response(503, &[("retry-after", "1")], UNAVAILABLE);
        assert_eq!(render(&world.bearer(&token.value).get(PATH).await), later);
        assert_eq!(render(&world.bearer(&token.value).delete(PATH).await), later);
        assert_eq!(render(&world.bearer("twd_nonsense").get(PATH).await), invalid());
    }
);
