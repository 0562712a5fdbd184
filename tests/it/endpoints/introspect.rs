//! `/oauth/introspect`: resource servers check tokens.

use super::{
    UNAVAILABLE, bob, disconnect_database, json_response, rejected_tokens, render, seen_by_admin, seen_by_owner,
    send_raw, unknown,
};
use crate::world::{
    World,
    client::{Reply, form, read},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::{
    actions::{Credentials, DeleteOrganization, DisableResourceServer},
    domain::time::Time,
};

const PATH: &str = "/oauth/introspect";
const INACTIVE: &str = r#"{"active":false}"#;

/// Sends a form as a resource server, with HTTP Basic authentication.
async fn send(world: &World, api: &Credentials, fields: &[(&str, &str)]) -> Reply {
    let request = world.http.post(world.url(PATH)).basic_auth(&api.client_id, Some(&api.client_secret));
    form(request, fields).await
}

fn inactive() -> String {
    json_response(200, &[], INACTIVE)
}

fn wrong_client() -> String {
    json_response(
        401,
        &[("www-authenticate", "Basic realm=\"tokenward\", charset=\"UTF-8\"")],
        r#"{"error":"invalid_client","message":"No such client, or its secret is wrong."}"#,
    )
}

fn invalid_request(message: &str) -> String {
    json_response(400, &[], &format!("{{\"error\":\"invalid_request\",\"message\":\"{message}\"}}"))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

both!(
    /// R-24
    async fn active_token_has_integer_times_and_a_scope_string(world: World) {
        let api = world.resource_server("api").await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let expiry = world.now().plus(Duration::from_hours(1));
        let scopes = ["graphql", "read_builds", "read_agents"];
        let token = bob.create_expiring_token("deploy", &["acme", "globex"], &scopes, Some(expiry.to_text())).await;
        let query = "query($id: ID!) { viewer { uuid } token(id: $id) { createdAt } }";
        let known = bob.query(query, json!({ "id": token.id })).await;
        let created = Time::parse(known["token"]["createdAt"].as_str().unwrap()).unwrap().seconds();
        let reply = world.introspect(&api, &token.value, &[]).await;
        assert_eq!(render(&reply).split("\n\n").next(), Some("200\ncontent-type: application/json; charset=utf-8"));
        let expected = json!({
            "active": true, "scope": "read_agents read_builds graphql", "username": "bob", "token_type": "Bearer",
            "iat": created, "sub": known["viewer"]["uuid"], "jti": token.uuid, "iss": world.config.public_url,
            "organizations": ["acme", "globex"], "exp": expiry.seconds(),
        });
        assert_eq!(reply.text, expected.to_string());
        // If the request names an organization, the response contains only that one.
        let named =
            world.introspect(&api, &token.value, &[("organization", "globex"), ("scope", "graphql read_builds")]);
        assert_eq!(named.await.json()["organizations"], json!(["globex"]));
        let unlimited = bob.create_token("no expiry", &["acme"], &["read_user"]).await;
        let reply = world.introspect(&api, &unlimited.value, &[]).await.json();
        let without_exp = ["active", "scope", "username", "token_type", "iat", "sub", "jti", "iss", "organizations"];
        assert_eq!(keys(&reply), without_exp);
    }
);

both!(
    /// R-25, R-12
    async fn invalid_token_is_only_inactive(world: World) {
        let api = world.resource_server("api").await;
        let mut values: Vec<_> = rejected_tokens(&world).await.into_iter().map(|(_, value)| value).collect();
        world.operator(tokenward::testing::actions::EnableUser { username: "carol".into() }).await.unwrap();
        let (_, token) = bob(&world, &["read_builds"]).await;
        let mut changed = token.value.clone();
        changed.replace_range(10..11, if changed.as_bytes()[10] == b'x' { "y" } else { "x" });
        values.retain(|value| value.starts_with("twd_"));
        values.extend([
            changed,
            format!("{}x", token.value),
            token.value[..token.value.len() - 1].to_owned(),
            format!(" {}", token.value),
            token.value.to_uppercase(),
            "junk".into(),
            "🔑".into(),
            "x".repeat(4096),
            "\0".into(),
            world.jwt("bob"),
        ]);
        // Carol is enabled again, so her token is active.
        values.remove(3);
        for value in values {
            assert_eq!(render(&world.introspect(&api, &value, &[]).await), inactive(), "{value:?}");
        }
        assert_eq!(world.introspect(&api, &token.value, &[]).await.json()["active"], true);
    }
);

both!(
    /// R-27
    async fn missing_organization_or_scope_is_inactive(world: World) {
        let api = world.resource_server("api").await;
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let token = bob.create_token("deploy", &["acme", "globex"], &["read_builds"]).await;
        let acme = world.organization_id("acme").await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        for fields in [
            vec![("organization", "acme")],
            vec![("organization", "initech")],
            vec![("organization", "")],
            vec![("scope", "graphql")],
            vec![("scope", "read_builds graphql")],
            vec![("scope", "no_such")],
            // An empty setting of a gateway denies.
            vec![("scope", "")],
            vec![("scope", " ")],
            vec![("organization", "globex"), ("scope", "graphql")],
        ] {
            assert_eq!(render(&world.introspect(&api, &token.value, &fields).await), inactive(), "{fields:?}");
        }
        let covered =
            world.introspect(&api, &token.value, &[("organization", "globex"), ("scope", "read_builds")]).await;
        assert_eq!((&covered.json()["active"], &covered.json()["organizations"]), (&json!(true), &json!(["globex"])));
        assert_eq!(world.introspect(&api, &token.value, &[]).await.json()["organizations"], json!(["globex"]));
    }
);

both!(
    /// R-22
    async fn client_authenticates_by_basic_or_in_the_form_and_never_both(world: World) {
        let api = world.resource_server("api").await;
        let (_, token) = bob(&world, &["read_builds"]).await;
        let anonymous = || world.http.post(world.url(PATH));
        let own = [("client_id", &*api.client_id), ("client_secret", &*api.client_secret), ("token", &*token.value)];
        assert_eq!(form(anonymous(), &own).await.json()["active"], true);
        let lowercase = tokenward_basic(&api.client_id, &api.client_secret).replacen("Basic", "basic", 1);
        assert_eq!(form(anonymous().header("authorization", lowercase), &own[2..]).await.json()["active"], true);
        let twice = form(anonymous().basic_auth(&api.client_id, Some(&api.client_secret)), &own).await;
        assert_eq!(
            render(&twice),
            invalid_request("The client authenticates twice; use either HTTP Basic or the form.")
        );
        for (id, secret) in [
            (&*api.client_id, "wrong"),
            (&*api.client_id, ""),
            ("unknown", &*api.client_secret),
            ("", ""),
            ("\0", "x"),
            (&"x".repeat(4096), "x"),
        ] {
            let reply = form(anonymous().basic_auth(id, Some(secret)), &own[2..]).await;
            assert_eq!(render(&reply), wrong_client(), "{id} {secret}");
            let fields = [("client_id", id), ("client_secret", secret), own[2]];
            assert_eq!(render(&form(anonymous(), &fields).await), wrong_client(), "{id} {secret}");
        }
        for header in ["", "Basic", "Basic !!!", "Basic Og==", "Bearer x", "Basic /w=="] {
            let reply = form(anonymous().header("authorization", header), &own[2..]).await;
            assert_eq!(render(&reply), wrong_client(), "{header:?}");
        }
        let as_bearer = form(anonymous().bearer_auth(&token.value), &own[2..]).await;
        assert_eq!(render(&as_bearer), wrong_client(), "a token cannot introspect");
        assert_eq!(render(&form(anonymous(), &own[2..]).await), wrong_client());
        assert_eq!(render(&form(anonymous(), &own[..1]).await), wrong_client());
    }
);

fn tokenward_basic(id: &str, secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

both!(
    /// R-22
    async fn disabled_resource_server_is_rejected_like_an_unknown_one(world: World) {
        let (api, other) = (world.resource_server("api").await, world.resource_server("other").await);
        let (_, token) = bob(&world, &["read_builds"]).await;
        assert_eq!(world.introspect(&api, &token.value, &[]).await.json()["active"], true);
        world.operator(DisableResourceServer { name: "api".into() }).await.unwrap();
        assert_eq!(render(&world.introspect(&api, &token.value, &[]).await), wrong_client());
        assert_eq!(world.introspect(&other, &token.value, &[]).await.json()["active"], true);
    }
);

both!(
    /// R-23
    async fn request_without_exactly_one_token_is_rejected(world: World) {
        let api = world.resource_server("api").await;
        let value = unknown();
        let missing = invalid_request("The parameter token is missing.");
        for fields in [vec![], vec![("token", "")], vec![("tokens", "x")], vec![("token_type_hint", "access_token")]] {
            assert_eq!(render(&send(&world, &api, &fields).await), missing, "{fields:?}");
        }
        let twice = invalid_request("A parameter is repeated; send each parameter once.");
        for fields in [
            [("token", &*value), ("token", &*value)],
            [("scope", "a"), ("scope", "b")],
            [("organization", "a"), ("organization", "b")],
        ] {
            assert_eq!(render(&send(&world, &api, &fields).await), twice, "{fields:?}");
        }
        // A token in the URL is ignored.
        let request = world.http.post(world.url(&format!("{PATH}?token={value}")));
        let reply = form(request.basic_auth(&api.client_id, Some(&api.client_secret)), &[]).await;
        assert_eq!(render(&reply), missing);
    }
);

both!(
    /// R-26
    async fn token_type_hint_and_unknown_parameters_are_ignored(world: World) {
        let api = world.resource_server("api").await;
        let (_, token) = bob(&world, &["read_builds"]).await;
        let without = world.introspect(&api, &token.value, &[]).await;
        for hint in ["access_token", "refresh_token", "nonsense", ""] {
            let reply =
                world.introspect(&api, &token.value, &[("token_type_hint", hint), ("organisation", "globex")]).await;
            assert_eq!(render(&reply), render(&without), "{hint}");
        }
    }
);

both!(
    /// R-21
    async fn only_post_with_a_form_is_accepted(world: World) {
        let api = world.resource_server("api").await;
        let allow = json_response(
            405,
            &[("allow", "POST")],
            r#"{"error":"invalid_request","message":"This path answers POST only."}"#,
        );
        for name in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
            assert_eq!(render(&send_raw(&world, name, PATH, &[]).await), allow, "{name}");
        }
        let media = json_response(
            415,
            &[],
            r#"{"error":"invalid_request","message":"Send the parameters as application/x-www-form-urlencoded."}"#,
        );
        let request = || {
            let request = world.http.request(Method::POST, world.url("/oauth/introspect/"));
            request.basic_auth(&api.client_id, Some(&api.client_secret))
        };
        for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
            let reply = read(request().header("content-type", kind).body(r#"{"token":"x"}"#)).await;
            assert_eq!(render(&reply), media, "{kind}");
        }
        assert_eq!(render(&read(request().body("token=x")).await), media);
        assert_eq!(render(&form(request(), &[("token", "x")]).await), inactive());
    }
);

both!(
    async fn audit_shows_the_request_that_the_resource_server_reports(world: World) {
        let api = world.resource_server("api").await;
        let (bob, token) = bob(&world, &["read_builds"]).await;
        let long = format!("/v1/{}", "x".repeat(600));
        let agent = format!("curl\n\u{1b}[2J\u{202e} {} {}", token.value, "y".repeat(300));
        for (fields, shown) in [
            (
                vec![
                    ("organization", "acme"),
                    ("scope", "read_builds"),
                    ("client_ip", "[2001:DB8:0:0::1]:51234"),
                    ("method", "post"),
                    ("path", "/v1/builds?secret=1"),
                    ("user_agent", "curl/8"),
                ],
                json!(["2001:db8::1", "curl/8", "POST", "/v1/builds", "read_builds", true]),
            ),
            (
                vec![("organization", "acme"), ("client_ip", "nonsense"), ("method", "<>"), ("scope", "graphql")],
                json!([null, null, null, null, "graphql", false]),
            ),
            (
                vec![("organization", "acme"), ("client_ip", "::ffff:1.2.3.4"), ("path", &long)],
                json!(["1.2.3.4", null, null, &long[..500], null, true]),
            ),
        ] {
            world.introspect(&api, &token.value, &fields).await;
            let (request, _) = seen_by_admin(&world, "acme", &token).await;
            let row = ["ipAddress", "userAgent", "method", "path", "scope", "allowed"].map(|key| request[key].clone());
            assert_eq!(json!(row), shown, "{fields:?}");
            assert_eq!(seen_by_owner(&bob, &token).await.0, request);
        }
        world.introspect(&api, &token.value, &[("user_agent", &agent)]).await;
        let kept = seen_by_owner(&bob, &token).await.0["userAgent"].as_str().unwrap().to_owned();
        assert!(kept.starts_with("curl") && kept.contains(" twd_… y"), "{kept:?}");
        assert!(kept.chars().count() <= 200 && !kept.chars().any(char::is_control), "{kept:?}");
        assert!(!kept.contains('\u{202e}'), "{kept:?}");
    }
);

both!(
    async fn database_outage_is_503(world: World) {
        let api = world.resource_server("api").await;
        let (_, token) = bob(&world, &["read_builds"]).await;
        disconnect_database(&world).await;
        let reply = world.introspect(&api, &token.value, &[]).await;
        let body = UNAVAILABLE.replacen('{', r#"{"error":"temporarily_unavailable","#, 1);
        assert_eq!(render(&reply), json_response(503, &[("retry-after", "1")], &body));
    }
);

both!(
    /// R-27
    async fn limited_resource_server_sees_nothing_beyond_its_limits(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let acme = world.organization_id("acme").await;
        let scopes = ["read_builds", "read_agents"];
        let both = bob.create_token("both", &["acme", "globex"], &scopes).await;
        let elsewhere = bob.create_token("elsewhere", &["globex"], &scopes).await;
        let by_organization = world.limited_resource_server("acme-api", &["acme"], &[]).await;
        let by_scope = world.limited_resource_server("agents-api", &[], &["read_agents", "graphql"]).await;
        let introspect = async |api: &_, token: &str, more: &[(&str, &str)]| world.introspect(api, token, more).await;

        let seen = introspect(&by_organization, &both.value, &[]).await.json();
        assert_eq!((&seen["organizations"], &seen["scope"]), (&json!(["acme"]), &json!("read_agents read_builds")));
        for more in [&[("organization", "globex")][..], &[("organization", "unknown")]] {
            assert_eq!(introspect(&by_organization, &both.value, more).await.text, INACTIVE);
        }
        for more in [&[][..], &[("organization", "globex")], &[("organization", "acme")]] {
            assert_eq!(introspect(&by_organization, &elsewhere.value, more).await.text, INACTIVE);
        }

        let seen = introspect(&by_scope, &both.value, &[]).await.json();
        assert_eq!((&seen["organizations"], &seen["scope"]), (&json!(["acme", "globex"]), &json!("read_agents")));
        assert_eq!(introspect(&by_scope, &both.value, &[("scope", "read_agents")]).await.json()["active"], true);
        for scope in ["read_builds", "read_agents read_builds", "graphql"] {
            assert_eq!(introspect(&by_scope, &both.value, &[("scope", scope)]).await.text, INACTIVE, "{scope}");
        }
        let other = bob.create_token("other", &["acme"], &["read_builds"]).await;
        assert_eq!(introspect(&by_scope, &other.value, &[]).await.text, INACTIVE);

        // A removal concerns one organization; a resource server without limits still sees the other.
        let unlimited = world.resource_server("api").await;
        assert_eq!(bob.remove_organization(&both.id, &acme, None).await.code(), "OK");
        assert_eq!(introspect(&unlimited, &both.value, &[("organization", "acme")]).await.text, INACTIVE);
        assert_eq!(introspect(&unlimited, &both.value, &[("organization", "globex")]).await.json()["active"], true);
        assert_eq!(introspect(&by_organization, &both.value, &[]).await.text, INACTIVE);
        // The deletion of the organization does not lift the limit.
        world.operator(DeleteOrganization { organization: "acme".into() }).await.unwrap();
        assert_eq!(introspect(&by_organization, &both.value, &[]).await.text, INACTIVE);
    }
);

both!(
    /// R-27
    async fn check_by_a_limited_resource_server_is_recorded_within_its_limits(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let token = bob.create_token("both", &["acme", "globex"], &["read_builds"]).await;
        let api = world.limited_resource_server("acme-api", &["acme"], &[]).await;
        assert_eq!(world.introspect(&api, &token.value, &[]).await.json()["active"], true);
        assert_eq!(world.introspect(&api, &token.value, &[("organization", "globex")]).await.json()["active"], false);
        let grant = async |slug: &str| {
            let query = "query($id: ID!, $slug: String!) { organization(slug: $slug) { tokenGrant(tokenId: $id) { \
                         lastUsedAt lastRequest { allowed } } } }";
            let admin = world.user(&format!("root-{slug}")).await;
            admin.query(query, json!({ "id": token.id, "slug": slug })).await["organization"]["tokenGrant"].clone()
        };
        assert!(world.wait_for_usage(async || grant("acme").await).await["lastUsedAt"].is_string());
        assert_eq!(grant("globex").await, json!({ "lastUsedAt": null, "lastRequest": null }));
    }
);
