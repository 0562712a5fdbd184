//! Checks which times are accepted, and that every returned time can be sent back.

use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;

const OUT_OF_BOUNDS: [&str; 5] = [
    "9999-12-31T23:59:59-12:00",
    "+10000-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00+14:00",
];

both!(
    async fn time_out_of_bounds_is_rejected(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let token = ada.create_token("deploy", &["acme"], &["read_builds"]).await;
        let acme = world.organization_id("acme").await;
        for time in OUT_OF_BOUNDS {
            let new = json!({
                "description": "new", "organizationIds": [acme], "scopes": ["read_builds"], "expiresAt": time,
            });
            let mark = world.mark().await;
            for (mutation, input) in
                [("createToken", new), ("updateToken", json!({ "tokenId": token.id, "expiresAt": time }))]
            {
                let reply = ada.mutate(mutation, input).await;
                assert_eq!(reply.code(), "INVALID_INPUT", "{mutation} {time}: {}", reply.text);
                assert!(reply.text.contains("1970 to 9999"), "{}", reply.text);
            }
            assert_eq!(world.since(&mark).await, (0, 0));
            let filters = [
                json!({ "createdAt": { "from": time } }),
                json!({ "lastUsedAt": { "to": time } }),
                json!({ "expiresAt": { "from": time } }),
                json!({ "unusedSince": time }),
            ];
            for filter in filters {
                let audit = "query($filter: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $filter) \
                             { totalCount } } }";
                let reply = ada.graphql(audit, json!({ "filter": filter })).await;
                assert_eq!(reply.code(), "INVALID_INPUT", "{filter}: {}", reply.text);
                let request = ada.request(reqwest::Method::POST, "/organizations/acme/tokens.csv");
                let reply = crate::world::client::read(request.json(&json!({ "filter": filter }))).await;
                assert_eq!(reply.status, 422, "{filter}: {}", reply.text);
            }
            let log = format!(
                "{{ organization(slug: \"acme\") {{ auditEvents(filter: {{ at: {{ to: \"{time}\" }} }}) {{ totalCount }} }} }}"
            );
            assert_eq!(ada.graphql(&log, json!({})).await.code(), "INVALID_INPUT", "{time}");
        }
    }
);

both!(
    async fn expiry_is_at_most_36500_days_ahead(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let create = async |expires_at: &str| {
            let input = json!({
                "description": "new", "organizationIds": [acme], "scopes": ["read_builds"], "expiresAt": expires_at,
            });
            ada.mutate_selecting("createToken", input, "token { id expiresAt }").await
        };
        let century = Duration::from_hours(24 * 36_500);
        let (near, far) = (Duration::from_mins(10), Duration::from_hours(1));
        let within = world.now().plus(century).minus(near).to_text();
        let beyond = world.now().plus(century).plus(far).to_text();
        for time in [&beyond, "9999-12-31T23:59:59.999999Z"] {
            let reply = create(time).await;
            assert_eq!(
                (&*reply.code(), reply.field().as_deref()),
                ("INVALID_INPUT", Some("input.expiresAt")),
                "{time}"
            );
            let endless = ada.create_token("endless", &["acme"], &["read_builds"]).await;
            let reply = ada.mutate("updateToken", json!({ "tokenId": endless.id, "expiresAt": time })).await;
            assert_eq!(
                (&*reply.code(), reply.field().as_deref()),
                ("INVALID_INPUT", Some("input.expiresAt")),
                "{time}"
            );
        }
        let reply = create(&within).await;
        assert_eq!(reply.data()["createToken"]["token"]["expiresAt"], json!(within), "{}", reply.text);
    }
);

both!(
    async fn returned_times_can_be_sent_back(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let token = ada.create_token("deploy", &["acme"], &["read_builds"]).await;
        // Stored by an earlier release: 9999-12-31T23:59:59-12:00.
        for table in ["tokens", "grants"] {
            if world.database.query(&format!("update {table} set expires_at = 253402343999000000")).is_none() {
                return;
            }
        }
        let shown = "query($id: ID!) { token(id: $id) { createdAt expiresAt } viewer { createdAt } \
                     organization(slug: \"acme\") { createdAt auditEvents(first: 1) { nodes { at } } } }";
        let shown = ada.query(shown, json!({ "id": token.id })).await;
        let expiry = shown["token"]["expiresAt"].clone();
        assert_eq!(expiry, "9999-12-31T23:59:59.999999Z");
        let filter = "query($filter: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $filter) \
                      { totalCount } } }";
        for time in times(&shown) {
            let range = json!({ "from": time, "to": time });
            let all = json!({ "createdAt": range, "lastUsedAt": range, "expiresAt": range, "unusedSince": time });
            ada.query(filter, json!({ "filter": all })).await;
        }
        let reply = ada.mutate_selecting(
            "updateToken",
            json!({ "tokenId": token.id, "expiresAt": expiry }),
            "token { expiresAt }",
        );
        assert_eq!(reply.await.data()["updateToken"]["token"]["expiresAt"], expiry);
    }
);

/// Returns every time in a response.
fn times(shown: &Value) -> Vec<Value> {
    match shown {
        Value::String(_) => vec![shown.clone()],
        Value::Array(all) => all.iter().flat_map(times).collect(),
        Value::Object(all) => all.values().flat_map(times).collect(),
        _ => Vec::new(),
    }
}
