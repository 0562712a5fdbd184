//! How the pools of connections grow, recover and close.

use super::load;
use crate::world::{
    World,
    cluster::{Cluster, ServerCommand},
    database::{Database, Kind, Stage as _},
    lateness::Lateness,
    proxy::{Network, Proxy},
};
use futures_util::future::join_all;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokenward::testing::{config::DatabaseTarget, domain::secret::Prefix, store::Store};

/// The number of connections for reads on PostgreSQL.
const MAX_READERS: usize = 6;
/// The number of connections that `serve` keeps open.
const KEPT_OPEN: usize = 11;

/// A store whose connections lead through a proxy, over a migrated database.
async fn store_behind_proxy(database: &Database) -> (Store, Proxy) {
    let direct = Store::connect(&database.target()).await.unwrap();
    direct.migrate(&Prefix::default()).await.unwrap();
    direct.close().await;
    let proxy = Proxy::before(database.url()).await;
    let target = DatabaseTarget::parse(&proxy.url_of(database.url())).unwrap();
    (Store::connect(&target).await.unwrap(), proxy)
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Connections that are returned all the time satisfy the callers, but must not cancel the opening of another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_grows_to_its_size_over_slow_network() {
    let Some(database) = Database::fresh(Kind::Postgres, "pool_grows_over_slow_network") else { return };
    let (store, proxy) = store_behind_proxy(&database).await;
    wait_until("the connections of the start are not closed", || proxy.connections() == 0).await;
    proxy.set_network(Network::SlowHandshake(300));
    let done = AtomicBool::new(false);
    let reads = join_all((0..MAX_READERS).map(async |_| {
        while !done.load(Ordering::Relaxed) {
            store.has_users().await.unwrap();
        }
    }));
    let grown = async {
        wait_until("the pool does not grow", || proxy.connections() == MAX_READERS).await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(reads, grown);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_caller_does_not_cancel_the_opening_of_its_connection() {
    let Some(database) = Database::fresh(Kind::Postgres, "cancelled_caller") else { return };
    let (store, proxy) = store_behind_proxy(&database).await;
    wait_until("the connections of the start are not closed", || proxy.connections() == 0).await;
    proxy.set_network(Network::SlowHandshake(300));
    let cancelled = tokio::time::timeout(Duration::from_millis(100), store.has_users()).await;
    assert!(cancelled.is_err(), "it succeeded during the handshake");
    let sessions = "select count(*) from pg_stat_activity \
                    where datname = current_database() and application_name = 'tokenward'";
    wait_until("the connection was not opened", || database.query(sessions).unwrap() == "1").await;
    assert!(!store.has_users().await.unwrap());
    assert_eq!(proxy.connections(), 1);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_store_ends_an_attempt_to_open_a_connection() {
    let Some(database) = Database::fresh(Kind::Postgres, "closing_the_store") else { return };
    // On a machine that pauses for a second, the attempt times out before.
    for attempts in 1..=3 {
        let (store, proxy) = store_behind_proxy(&database).await;
        wait_until("the connections of the start are not closed", || proxy.connections() == 0).await;
        proxy.set_network(Network::BlackHole);
        let closed = async {
            wait_until("no attempt", || proxy.connections() > 0).await;
            store.clone().close().await;
        };
        let (result, ()) = tokio::join!(store.has_users(), closed);
        let error = result.unwrap_err().cause();
        wait_until("the attempt goes on", || proxy.connections() == 0).await;
        if error.contains("closed") || attempts == 3 {
            assert!(error.contains("closed"), "{error}");
            return;
        }
    }
}

/// Each pool waits half a second for connections in use. Five such waits, one after the other, would take longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_store_waits_for_all_pools_at_once() {
    let Some(database) = Database::fresh(Kind::Postgres, "closing_the_store_waits") else { return };
    let (store, proxy) = store_behind_proxy(&database).await;
    store.preconnect().await.unwrap();
    proxy.set_network(Network::BlackHole);
    let changes = store.for_change();
    let stuck = async { tokio::join!(changes.has_users(), store.has_users(), store.ready(), store.cursor_key()) };
    let (lateness, closed) = (Lateness::watched(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        store.clone().close().await;
        start.elapsed()
    });
    let (_, took) = tokio::join!(stuck, closed);
    let limit = lateness.on_top_of(Duration::from_millis(1_500)).await;
    assert!(took < limit, "{took:?}, limit {limit:?}");
}

/// The callers that did not start the attempt get the cause, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_attempt_reports_its_cause_to_all_callers_that_wait_for_it() {
    let Some(database) = Database::fresh(Kind::Postgres, "failed_attempt") else { return };
    let (store, proxy) = store_behind_proxy(&database).await;
    let lost = database.name().to_owned() + "_renamed";
    let administrator = Database::fresh(Kind::Postgres, "failed_attempt").unwrap();
    wait_until("the connections of the start are not closed", || proxy.connections() == 0).await;
    let rename = |from: &str, to: &str| {
        administrator
            .query(&format!("select pg_terminate_backend(pid, 30000) from pg_stat_activity where datname = '{from}'"));
        administrator.query(&format!("alter database {from} rename to {to}"));
    };
    rename(database.name(), &lost);
    let results = join_all((0..2 * MAX_READERS).map(|_| store.has_users())).await;
    rename(&lost, database.name());
    for result in results {
        let cause = result.unwrap_err().cause();
        assert!(cause.contains("does not exist"), "{cause}");
    }
    assert!(!store.has_users().await.unwrap());
    store.close().await;
}

/// The service gets no requests meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_kept_open_are_restored_after_the_server_ended_them() {
    if Database::fresh(Kind::Postgres, "connections_kept_open").is_none() {
        return;
    }
    let mut cluster = Cluster::dedicated().unwrap();
    let database = Database::on_server(&cluster);
    let program = load::program(&database, database.url());
    let (_serving, _) = program.serve().await;
    let sessions_since = |since: &str| {
        let sessions = "select count(*) from pg_stat_activity where datname = current_database() \
                        and application_name = 'tokenward' and backend_start >";
        database.query(&format!("{sessions} '{since}'")).unwrap().parse::<usize>().unwrap()
    };
    let restored = async |since: String| {
        wait_until("the connections are not restored", || sessions_since(&since) >= KEPT_OPEN).await;
    };
    restored("-infinity".into()).await;
    let since = database.query("select clock_timestamp()").unwrap();
    database.query(
        "select count(pg_terminate_backend(pid, 30000)) from pg_stat_activity \
         where datname = current_database() and application_name = 'tokenward'",
    );
    restored(since).await;
    cluster.execute(ServerCommand::Stop);
    // Attempts fail meanwhile.
    tokio::time::sleep(Duration::from_secs(6)).await;
    cluster.execute(ServerCommand::Start);
    restored("-infinity".into()).await;
    assert!(sessions_since("-infinity") <= 17, "more connections than one node may open");
}

/// Other errors than that of a stale plan have its SQLSTATE: repeating the change would not help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsupported_feature_is_not_repeated_like_a_stale_plan() {
    let Some(database) = Database::fresh(Kind::Postgres, "unsupported_feature") else { return };
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    // A sequence also counts attempts that are rolled back.
    for statement in [
        "create sequence attempts",
        "create function unsupported() returns trigger language plpgsql as $$ begin perform nextval('attempts'); \
         raise exception 'cached plan must not change result type' using errcode = 'feature_not_supported'; end $$",
        "create trigger unsupported before insert on events execute function unsupported()",
    ] {
        world.database.query(statement);
    }
    assert_eq!(bob.revoke_token(&token.id).await.code(), "INTERNAL");
    assert_eq!(world.database.query("select last_value from attempts").unwrap(), "1");
}
