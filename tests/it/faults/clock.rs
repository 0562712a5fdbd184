//! Clock changes: a clock that jumps never makes an expired token valid.

use crate::world::{
    World,
    client::form,
    database::{Database, Kind, Stage as _},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokenward::testing::{app::Clock, domain::secret::Secret, mail::Failure};

const HOUR: i64 = 3_600_000_000;

both!(
    /// F-10
    async fn expiry_follows_the_clock_and_an_expired_token_stays_expired(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let api = world.resource_server("api").await;
        let expiry = world.now().plus(Duration::from_hours(2)).to_text();
        let token = bob.create_expiring_token("expiring", &["acme"], &["read_builds", "graphql"], Some(expiry)).await;
        let unlimited = bob.create_token("unlimited", &["acme"], &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        assert_eq!(holder.verify("organization=acme").await.status, 200);
        world.advance(Duration::from_hours(24));
        assert_eq!(holder.verify("organization=acme").await.status, 401);
        assert_eq!(world.introspect(&api, &token.value, &[]).await.text, r#"{"active":false}"#);
        assert_eq!(world.bearer(&unlimited.value).verify("organization=acme").await.status, 200);
        let fingerprint = Secret::parse(world.app.prefix(), &token.value).unwrap().fingerprint();
        let start = Instant::now();
        while world.app.store().snapshot(&fingerprint, world.now()).await.unwrap().unwrap().expired_at.is_none() {
            assert!(start.elapsed() < Duration::from_secs(20), "it is not marked as expired");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Before the expiry again. A new process has no state in memory.
        let restarted = world.node_with_clock(Clock::machine()).await;
        let holder = restarted.bearer(&token.value);
        assert_eq!(holder.verify("organization=acme").await.status, 401);
        assert_eq!(holder.get("/v2/access-token").await.status, 401);
        assert_eq!(holder.graphql("{ viewer { id } }", json!({})).await.status, 401);
        let jwt = restarted.bearer(&restarted.jwt("bob"));
        let seen = jwt.query("query($id: ID!) { token(id: $id) { status } }", json!({ "id": token.id })).await;
        assert_eq!(seen["token"]["status"], "EXPIRED");
        assert_eq!(jwt.revoke_token(&token.id).await.code(), "CONFLICT");
    }
);

/// F-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clock_ahead_of_the_database_delays_emails_until_it_is_corrected_and_the_node_restarted() {
    let Some(database) = Database::fresh(Kind::Postgres, "clock_ahead_delays_emails") else { return };
    let world = World::on(database).await;
    let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
    let acme = world.organization_id("acme").await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    world.mailbox.fail_with(Some(Failure::transient("no")));
    assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
    let start = Instant::now();
    while world.mailbox.refused() == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "the email was not attempted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.clock.shift(3 * HOUR);
    world.mailbox.fail_with(None);
    // Longer than the interval of the job.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(world.mailbox.is_empty());
    world.clock.shift(-3 * HOUR);
    let corrected = Clock::machine();
    corrected.advance(Duration::from_mins(1));
    let restarted = world.node_with_clock(corrected).await;
    let start = Instant::now();
    while restarted.mailbox.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30), "no email");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// F-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clock_ahead_of_the_database_expires_no_token_and_is_not_ready() {
    let Some(database) = Database::fresh(Kind::Postgres, "clock_ahead_expires_nothing") else { return };
    let world = World::on(database).await;
    let (bob, api) = (world.member("bob", &["acme"]).await, world.resource_server("api").await);
    let expiry = world.now().plus(Duration::from_hours(2)).to_text();
    let token = bob.create_expiring_token("expiring", &["acme"], &["read_builds"], Some(expiry)).await;
    let fingerprint = Secret::parse(world.app.prefix(), &token.value).unwrap().fingerprint();
    world.clock.shift(4 * HOUR / 60);
    assert_eq!(world.anonymous().get("/readyz").await.status, 200);
    world.clock.shift(3 * HOUR);
    let start = Instant::now();
    // Longer than the interval of the job that marks expired tokens.
    while start.elapsed() < Duration::from_secs(3) {
        let ready = world.anonymous().get("/readyz").await;
        assert_eq!(ready.status, 503);
        assert!(ready.text.contains("ahead of the database's"), "{}", ready.text);
        assert!(world.app.store().snapshot(&fingerprint, world.now()).await.unwrap().unwrap().expired_at.is_none());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // To this node the token has expired: a revocation is not acknowledged, since the token is active on others.
    let revocation = world.http.post(world.url("/oauth/revoke")).basic_auth(&api.client_id, Some(&api.client_secret));
    assert_eq!(form(revocation, &[("token", &token.value)]).await.status, 503);
    assert_eq!(world.bearer(&world.jwt("bob")).revoke_token(&token.id).await.code(), "UNAVAILABLE");
    // To this node it stays expired.
    world.clock.shift(-3 * HOUR);
    assert_eq!(world.anonymous().get("/readyz").await.status, 503);
    let restarted = world.node_with_clock(Clock::machine()).await;
    assert_eq!(restarted.anonymous().get("/readyz").await.status, 200);
    assert_eq!(restarted.bearer(&token.value).verify("organization=acme").await.status, 200);
}

/// F-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_with_a_clock_behind_the_database_is_not_ready() {
    let Some(database) = Database::fresh(Kind::Postgres, "clock_behind") else { return };
    let world = World::on(database).await;
    let clock = Clock::machine();
    clock.shift(-3 * HOUR);
    let node = world.node_with_clock(clock.clone()).await;
    let ready = node.anonymous().get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("behind the database's"), "{}", ready.text);
    clock.shift(3 * HOUR);
    assert_eq!(node.anonymous().get("/readyz").await.status, 200);
}

both!(
    /// F-10: the process would wait for the system clock, for as long as it was set back.
    async fn node_whose_clock_was_set_back_is_not_ready(world: World) {
        world.clock.shift(HOUR);
        world.now();
        world.clock.shift(-HOUR);
        let ready = world.anonymous().get("/readyz").await;
        assert_eq!(ready.status, 503);
        assert!(ready.text.contains("restart the node"), "{}", ready.text);
        assert_eq!(world.node_with_clock(Clock::machine()).await.anonymous().get("/readyz").await.status, 200);
    }
);

both!(
    /// F-10: rejected by this process, and not yet marked as expired in the database.
    async fn clock_that_goes_back_does_not_make_a_rejected_token_valid(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let expiry = world.now().plus(Duration::from_mins(30)).to_text();
        let token = bob.create_expiring_token("expiring", &["acme"], &["read_builds"], Some(expiry)).await;
        let holder = world.bearer(&token.value);
        assert_eq!(holder.verify("").await.status, 200);
        world.clock.shift(HOUR);
        assert_eq!(holder.verify("").await.status, 401);
        world.clock.shift(-HOUR);
        assert_eq!(holder.verify("").await.status, 401);
        assert_eq!(holder.request(Method::DELETE, "/v2/access-token").send().await.unwrap().status(), 401);
    }
);

both!(
    /// F-10
    async fn event_log_is_in_commit_order_whatever_the_clock_shows(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let behind = async |micros: i64| {
            let clock = Clock::machine();
            clock.shift(-micros);
            world.node_with_clock(clock).await
        };
        let (first, second) = (behind(HOUR / 200).await, behind(HOUR / 100).await);
        let ada_there = first.bearer(&first.jwt("ada"));
        assert_eq!(ada_there.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let bob_there = second.bearer(&second.jwt("bob"));
        assert_eq!(bob_there.add_organization(&token.id, &acme).await.code(), "OK");
        let expected = json!(["TOKEN_ORGANIZATION_ADDED", "TOKEN_ORGANIZATION_REMOVED", "TOKEN_CREATED"]);
        let query = "query($id: ID!) { token(id: $id) { events { nodes { type at } } } }";
        let own = bob.query(query, json!({ "id": token.id })).await["token"]["events"]["nodes"].clone();
        let kinds = |nodes: &Value| {
            let types = nodes.as_array().unwrap().iter().map(|node| node["type"].clone());
            Value::Array(types.filter(|kind| kind.as_str().unwrap().starts_with("TOKEN")).collect())
        };
        assert_eq!(kinds(&own), expected);
        assert!(own[0]["at"].as_str() < own[2]["at"].as_str(), "the times are those of the clocks");
        let audit =
            ada.query("{ organization(slug: \"acme\") { auditEvents(first: 3) { nodes { type } } } }", json!({}));
        assert_eq!(kinds(&audit.await["organization"]["auditEvents"]["nodes"]), expected);
    }
);
