//! Failures of the network between the service and the database.

use super::load::{self, Load};
use crate::{
    program::Program,
    world::{
        World,
        database::{Database, Kind},
        lateness::Lateness,
        proxy::{Network, Proxy},
    },
};
use serde_json::json;
use std::time::{Duration, Instant};

/// F-07
async fn service_survives(network: Network, span: Duration) {
    let Some(database) = Database::fresh(Kind::Postgres, "service_survives") else { return };
    let proxy = Proxy::before(database.url()).await;
    let program = load::program(&database, &proxy.url_of(database.url()));
    let (mut serving, _) = program.serve().await;
    let load = Load::start(&program, 8).await;
    load.until(5).await;
    proxy.set_network(network);
    load.statuses();
    let lateness = Lateness::watched();
    tokio::time::sleep(span).await;
    let slowest = load.slowest();
    let limit = lateness.on_top_of(Duration::from_secs(4)).await;
    proxy.set_network(Network::Good);
    let took = load.recovers_within(Duration::from_secs(10)).await;
    let results = load.stop().await;
    println!("{network:?}: recovered after {took:?}, slowest response {slowest:?}, {} tokens", results.tokens.len());
    assert!(slowest < limit, "slowest: {slowest:?}, limit {limit:?}");
    assert!(serving.is_running() && !program.logged().contains("panicked"), "{}", program.logged());
    results.assert_consistent(&program, &database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_a_black_hole() {
    service_survives(Network::BlackHole, Duration::from_millis(3_500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_half_open_connections() {
    service_survives(Network::HalfOpen, Duration::from_millis(3_500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_connection_resets() {
    service_survives(Network::Reset, Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_truncated_responses() {
    service_survives(Network::ResetAfter(500), Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_lost_commit_responses() {
    service_survives(Network::CommitResponseLost, Duration::from_secs(1)).await;
}

/// F-07: a change whose commit result is unknown is not repeated, and was made completely or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_commit_response_is_reported_as_unknown_and_never_repeated() {
    let cases =
        [(Network::CommitLost, false), (Network::CommitResponseLost, true), (Network::CommitResponseDropped, true)];
    for (network, is_committed) in cases {
        let Some(database) = Database::fresh(Kind::Postgres, "lost_commit_response") else { return };
        let proxy = Proxy::before(database.url()).await;
        let url = proxy.url_of(database.url());
        let world = World::with(database, &[("database.url", url.as_str())]).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let [removed, revoked] = [
            bob.create_token("a", &["acme"], &["read_builds"]).await,
            bob.create_token("b", &["acme"], &["read_builds"]).await,
        ];
        let script = world.bearer(&revoked.value);
        let count = |what: &str| {
            world.database.query(&format!("select count(*) from {what}")).unwrap().parse::<usize>().unwrap()
        };
        let before = ["tokens", "grants", "events", "deliveries"].map(count);

        proxy.set_network(network);
        let (start, lateness) = (Instant::now(), Lateness::watched());
        let input = json!({ "description": "c", "organizationIds": [acme], "scopes": ["read_builds"] });
        let create = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value } }";
        let create = bob.graphql(create, json!({ "input": input }));
        let (create, remove, revoke) =
            tokio::join!(create, ada.remove_organization(&removed.id, &acme, None), script.delete("/v2/access-token"),);
        let took = start.elapsed();
        assert!(took < lateness.on_top_of(Duration::from_secs(4)).await, "{network:?}: {took:?}");
        for reply in [&create, &remove] {
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (503, "UNAVAILABLE".into()),
                "{network:?}: {}",
                reply.text
            );
            assert!(reply.json()["data"].is_null() && reply.headers["retry-after"] == "1", "{}", reply.text);
        }
        assert_eq!((revoke.status.as_u16(), &revoke.headers["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(proxy.commits_lost(), 3, "{network:?}: one attempt each");

        proxy.set_network(Network::Good);
        let committed = usize::from(is_committed);
        let expected = [before[0] + committed, before[1] + committed, before[2] + 3 * committed, before[3] + committed];
        assert_eq!(["tokens", "grants", "events", "deliveries"].map(count), expected, "{network:?}");
        let (verify, expected) = (world.bearer(&removed.value), if is_committed { [403, 401] } else { [200, 200] });
        let statuses =
            [verify.verify("organization=acme").await.status, script.verify("organization=acme").await.status];
        assert_eq!(statuses.map(|status| status.as_u16()), expected, "{network:?}");
    }
}

/// F-07: the locks of a node are released soon after it was disconnected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnected_node_does_not_block_changes_of_other_nodes() {
    let Some(database) = Database::fresh(Kind::Postgres, "disconnected_node") else { return };
    let proxy = Proxy::before(database.url()).await;
    let program = load::program(&database, &proxy.url_of(database.url()));
    let (_disconnected, _) = program.serve().await;
    let load = Load::start(&program, 8).await;
    load.until(8).await;
    proxy.set_network(Network::BlackHole);
    load.stop().await;
    let (other, start) = (Program::over(&database, &[]), Instant::now());
    while let Err(error) = other.attempt(&["user", "add", "cat", "--email", "cat@example.test", "--name", "cat"]) {
        assert!(start.elapsed() < Duration::from_secs(20), "{error}");
    }
    println!("the other node changes after {:?}", start.elapsed());
}

/// A client that disconnects early leaves the database connections usable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_disconnects_leak_no_database_connections() {
    let Some(database) = Database::fresh(Kind::Postgres, "early_disconnects") else { return };
    let proxy = Proxy::before(database.url()).await;
    let url = proxy.url_of(database.url());
    let world = World::with(database, &[("database.url", url.as_str())]).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    assert_eq!(holder.verify("organization=acme").await.status, 200);
    proxy.set_network(Network::BlackHole);
    let impatient = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    for _ in 0..10 {
        let requests = (0..6).map(|_| impatient.get(world.url("/verify")).bearer_auth(&token.value).send());
        assert!(futures_util::future::join_all(requests).await.iter().all(Result::is_err));
    }
    proxy.set_network(Network::Good);
    let start = Instant::now();
    while holder.verify("organization=acme").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not recover");
    }
}
