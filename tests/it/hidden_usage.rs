//! Checks that an acting token learns nothing of usage in organizations to which it has no access.

use crate::world::World;
use serde_json::{Value, json};

both!(
    async fn token_cannot_filter_by_usage_in_other_organizations(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let script = world.bearer(&bob.create_token("script", &["acme"], &["graphql"]).await.value);
        let query =
            "query($f: TokenFilter, $o: TokenOrder) { viewer { tokens(filter: $f, orderBy: $o) { totalCount } } }";
        let usage_filters = [
            json!({ "f": { "neverUsed": true } }),
            json!({ "f": { "ipAddress": "198.51.100.2" } }),
            json!({ "f": { "query": "198.51.100.2" } }),
            json!({ "f": { "unusedSince": "2026-01-01T00:00:00Z" } }),
            json!({ "f": { "lastUsedAt": { "from": "2026-01-01T00:00:00Z" } } }),
            json!({ "o": { "field": "LAST_USED_AT", "direction": "DESC" } }),
        ];
        for filter in usage_filters {
            assert_eq!(script.graphql(query, filter.clone()).await.code(), "FORBIDDEN", "{filter}");
            assert_eq!(bob.graphql(query, filter.clone()).await.code(), "OK", "{filter}");
        }
        let rest: Value =
            json!({ "f": { "owner": "bob", "neverExpires": true }, "o": { "field": "OWNER", "direction": "ASC" } });
        assert_eq!(script.query(query, rest).await["viewer"]["tokens"]["totalCount"], 1);
    }
);
