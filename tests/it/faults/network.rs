//! What is true, and what are clients told, when the network to the database fails?

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
async fn the_service_survives(network: Network, span: Duration) {
    let Some(database) = Database::fresh(Kind::Postgres, "the_service_survives_a_bad_network") else { return };
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
    let most = lateness.on_top_of(Duration::from_secs(4)).await;
    proxy.set_network(Network::Good);
    let took = load.is_well_within(Duration::from_secs(10)).await;
    let heard = load.stop().await;
    println!("{network:?}: well after {took:?}, slowest answer {slowest:?}, {} tokens", heard.told.len());
    assert!(slowest < most, "slowest: {slowest:?}, and no more than {most:?}");
    assert!(serving.lives() && !program.logged().contains("panicked"), "{}", program.logged());
    heard.holds(&program, &database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_a_black_hole() {
    the_service_survives(Network::BlackHole, Duration::from_millis(3_500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_connections_that_are_half_open() {
    the_service_survives(Network::HalfOpen, Duration::from_millis(3_500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_connections_that_are_reset() {
    the_service_survives(Network::Reset, Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_answers_that_are_cut() {
    the_service_survives(Network::ResetAfter(500), Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_commits_whose_answers_are_lost() {
    the_service_survives(Network::CommitResponseLost, Duration::from_secs(1)).await;
}

/// F-07: whatever became of the commit, it is not made again, and what it did is whole or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_reported_as_unknown_and_is_never_made_again() {
    let cases =
        [(Network::CommitLost, false), (Network::CommitResponseLost, true), (Network::CommitResponseDropped, true)];
    for (network, happens) in cases {
        let Some(database) = Database::fresh(Kind::Postgres, "a_commit_whose_answer_is_lost") else { return };
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
        assert_eq!(proxy.commits_lost(), 3, "{network:?}: one try each");

        proxy.set_network(Network::Good);
        let happened = usize::from(happens);
        let expected = [before[0] + happened, before[1] + happened, before[2] + 3 * happened, before[3] + happened];
        assert_eq!(["tokens", "grants", "events", "deliveries"].map(count), expected, "{network:?}");
        let (verify, gone) = (world.bearer(&removed.value), if happens { [403, 401] } else { [200, 200] });
        let statuses =
            [verify.verify("organization=acme").await.status, script.verify("organization=acme").await.status];
        assert_eq!(statuses.map(|status| status.as_u16()), gone, "{network:?}");
    }
}

/// F-07: a row that a node has locked is free again soon after that node was cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_in_the_middle_of_a_change_does_not_keep_the_others_from_changing() {
    let Some(database) = Database::fresh(Kind::Postgres, "a_node_that_is_cut_off") else { return };
    let proxy = Proxy::before(database.url()).await;
    let program = load::program(&database, &proxy.url_of(database.url()));
    let (_cut_off, _) = program.serve().await;
    let load = Load::start(&program, 8).await;
    load.until(8).await;
    proxy.set_network(Network::BlackHole);
    load.stop().await;
    let (other, start) = (Program::over(&database, &[]), Instant::now());
    while let Err(said) = other.attempt(&["user", "add", "cat", "--email", "cat@example.test", "--name", "cat"]) {
        assert!(start.elapsed() < Duration::from_secs(20), "{said}");
    }
    println!("the other node changes after {:?}", start.elapsed());
}

/// A client that gives up early leaves the connections to the database as they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_early_take_no_connection_with_them() {
    let Some(database) = Database::fresh(Kind::Postgres, "clients_that_leave_early") else { return };
    let proxy = Proxy::before(database.url()).await;
    let url = proxy.url_of(database.url());
    let world = World::with(database, &[("database.url", url.as_str())]).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    assert_eq!(holder.verify("organization=acme").await.status, 200);
    proxy.set_network(Network::BlackHole);
    let hurried = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    for _ in 0..10 {
        let asks = (0..6).map(|_| hurried.get(world.url("/verify")).bearer_auth(&token.value).send());
        assert!(futures_util::future::join_all(asks).await.iter().all(Result::is_err));
    }
    proxy.set_network(Network::Good);
    let start = Instant::now();
    while holder.verify("organization=acme").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come back");
    }
}
