//! Can a document hurt? What is too much is refused before anything of it runs, and quickly.

#![expect(clippy::format_push_string, clippy::format_collect, reason = "documents of a test, written the short way")]

use crate::world::{World, client::Reply};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn cost(reply: &Reply) -> Value {
    reply.json()["extensions"]["cost"].clone()
}

both!(
    async fn every_answer_to_a_priced_document_tells_the_price(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let reply = bob.graphql("{ scopes { name title description access retired } }", json!({})).await;
        assert_eq!(cost(&reply), json!({ "requested": 51, "limit": 10_000 }));
        let failed = bob.graphql("{ viewer { tokens(first: -1) { totalCount } } }", json!({})).await;
        assert_eq!((failed.code(), cost(&failed)["requested"].clone()), ("INVALID_INPUT".into(), json!(102)));
    }
);

both!(
    ///
    async fn what_costs_too_much_is_refused_with_the_price_and_the_limit(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let nested = "query($n: Int) { viewer { organizations(first: $n) { nodes { tokenGrants(first: $n) \
                      { nodes { token { grants(first: $n) { nodes { id } } } } } } } } }";
        let reply = bob.graphql(nested, json!({ "n": 100 })).await;
        assert_eq!(reply.code(), "TOO_COMPLEX");
        assert!(reply.json().get("data").is_none());
        let extensions = reply.json()["errors"][0]["extensions"].clone();
        assert_eq!(extensions["limit"], 10_000);
        assert!(extensions["cost"].as_u64().unwrap() > 1_000_000);
        assert_eq!(bob.graphql(nested, json!({ "n": 2 })).await.status, 200);
    }
);

both!(
    ///
    async fn a_fragment_bomb_is_refused_within_fifty_milliseconds_while_a_neighbour_is_served(world: World) {
        let (bob, eve) = (world.member("bob", &["acme"]).await, world.member("eve", &["acme"]).await);
        let mut bomb = String::from("{ ...f0 }");
        for index in 0..27 {
            bomb += &format!(" fragment f{index} on Query {{ ...f{0} ...f{0} }}", index + 1);
        }
        bomb += " fragment f27 on Query { viewer { id } }";
        eve.graphql(&bomb, json!({})).await;
        let throw = async {
            let mut quickest = Duration::MAX;
            for _ in 0..20 {
                let start = Instant::now();
                assert_eq!(eve.graphql(&bomb, json!({})).await.code(), "TOO_COMPLEX");
                quickest = quickest.min(start.elapsed());
            }
            quickest
        };
        let neighbour = async {
            for _ in 0..20 {
                assert_eq!(bob.graphql("{ viewer { username } }", json!({})).await.code(), "OK");
            }
        };
        let (quickest, ()) = tokio::join!(throw, neighbour);
        assert!(quickest < Duration::from_millis(50), "{quickest:?}");
    }
);

both!(
    ///
    async fn repetition_and_depth_are_limited_and_the_usual_introspection_is_answered(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let aliased: String = (0..31).map(|index| format!("a{index}: id ")).collect();
        assert_eq!(bob.graphql(&format!("{{ viewer {{ {aliased} }} }}"), json!({})).await.code(), "TOO_COMPLEX");
        let nest = "{ tokens(first: 1) { nodes { owner ".repeat(5);
        let deep = format!("{{ viewer {nest} {{ id }} {} }}", "} } }".repeat(5));
        assert_eq!(bob.graphql(&deep, json!({})).await.code(), "TOO_COMPLEX");
        let usual = bob.graphql(include_str!("../../src/graphql/introspection.graphql"), json!({})).await;
        assert_eq!(usual.code(), "OK");
        assert!(usual.data()["__schema"]["types"].as_array().unwrap().len() > 30);
    }
);
