//! Crashes, restarts, pauses and misconfigurations of PostgreSQL.

use super::load::{self, Load};
use crate::{
    actions::concurrently,
    program::Program,
    world::{
        World,
        cluster::{Cluster, ServerCommand, setting},
        database::{Database, Kind, Stage},
        lateness::Lateness,
        proxy::{Network, Proxy},
    },
};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Starts a dedicated server for one test.
fn server(test: &str) -> Option<Cluster> {
    // Reports that the test is skipped, or fails if PostgreSQL is required.
    Database::fresh(Kind::Postgres, test)?;
    Cluster::dedicated()
}

async fn execute(cluster: &Arc<Mutex<Cluster>>, command: ServerCommand) {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || cluster.lock().unwrap().execute(command)).await.unwrap();
}

async fn status_of(http: &Client, url: String) -> (u16, Duration) {
    let start = Instant::now();
    let status = http.get(url).send().await.unwrap().status().as_u16();
    (status, start.elapsed())
}

/// F-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_crash_under_load_loses_no_acknowledged_change() {
    server_stops_and_starts(ServerCommand::Crash).await;
}

/// F-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_restart_is_only_unavailable() {
    server_stops_and_starts(ServerCommand::Stop).await;
}

async fn server_stops_and_starts(end: ServerCommand) {
    let Some(cluster) = server("server_stops_and_starts") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let program = load::program(&database, database.url());
    let (mut serving, _) = program.serve().await;
    let load = Load::start(&program, 8).await;
    load.until(30).await;
    execute(&cluster, end).await;
    // Responses of earlier requests arrive.
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.statuses();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let gap = load.statuses_of(8).await;
    execute(&cluster, ServerCommand::Start).await;
    let took = load.recovers_within(Duration::from_secs(5)).await;
    let results = load.stop().await;
    println!("{end:?}: {gap:?} meanwhile, recovered after {took:?}");
    assert_eq!(gap.keys().collect::<Vec<_>>(), [&503]);
    let logged = program.logged();
    assert!(serving.is_running() && !logged.contains("panicked"), "{logged}");
    assert!(logged.contains("the store is unavailable") && !logged.contains("Unavailable("), "{logged}");
    results.assert_consistent(&program, &database).await;
}

/// F-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_broke_while_idle_fail_no_request() {
    let Some(cluster) = server("broken_connections") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let ask = || bob.graphql("{ viewer { tokens { totalCount } } }", serde_json::Value::Null);
    for attempts in 1..=3 {
        // Opens eight connections.
        for reply in concurrently(8, async |_| ask().await).await {
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        execute(&cluster, ServerCommand::Stop).await;
        execute(&cluster, ServerCommand::Start).await;
        // Longer than the idle time after which a connection is tested before its next use.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let start = Instant::now();
        let replies = join_all((0..8).map(|_| ask())).await;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        // On a machine that pauses, a request may time out while it waits for a new connection.
        if statuses == [200; 8] || start.elapsed() < Duration::from_secs(1) || attempts == 3 {
            assert_eq!(statuses, [200; 8]);
            return;
        }
    }
}

/// F-06, R-81; for a minute with `TEST_LONG_FREEZE=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_server_is_503_within_three_seconds() {
    let Some(cluster) = server("paused_server") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let program = load::program(&database, database.url());
    let (mut serving, _) = program.serve().await;
    let load = Load::start(&program, 32).await;
    load.until(30).await;
    let before = serving.peak();
    execute(&cluster, ServerCommand::Freeze).await;
    // Responses of earlier requests arrive.
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.statuses();
    let lateness = Lateness::watched();
    let span = if setting("TEST_LONG_FREEZE").is_some_and(|value| value == "1") { 60 } else { 7 };
    let (http, start) = (Client::new(), Instant::now());
    let (mut slowest_live, mut slowest_ready) = (Duration::ZERO, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(span) {
        let (live, ready) =
            tokio::join!(status_of(&http, program.url("/healthz")), status_of(&http, program.url("/readyz")));
        assert_eq!((live.0, ready.0), (200, 503));
        (slowest_live, slowest_ready) = (slowest_live.max(live.1), slowest_ready.max(ready.1));
    }
    let slowest = load.slowest();
    let [second, three, four] = [1_100, 3_000, 4_000].map(|limit| lateness.on_top_of(Duration::from_millis(limit)));
    let (second, three, four) = tokio::join!(second, three, four);
    let frozen = load.statuses();
    let grown = serving.peak().saturating_sub(before);
    execute(&cluster, ServerCommand::Thaw).await;
    let took = load.recovers_within(Duration::from_secs(10)).await;
    let results = load.stop().await;
    println!(
        "frozen: {frozen:?}, slowest response {slowest:?}, live within {slowest_live:?}, not ready within \
         {slowest_ready:?}, {grown} MiB more, recovered after {took:?}"
    );
    assert_eq!(frozen.keys().collect::<Vec<_>>(), [&503]);
    // One second of these is for a machine that is busy with other tests.
    assert!(slowest < four, "slowest: {slowest:?}, limit {four:?}");
    assert!(slowest_live < second, "live within {slowest_live:?}, limit {second:?}");
    assert!(slowest_ready < three, "not ready within {slowest_ready:?}, limit {three:?}");
    assert!(grown < 100, "{grown} MiB more");
    assert!(serving.is_running() && !program.logged().contains("panicked"), "{}", program.logged());
    results.assert_consistent(&program, &database).await;
}

/// F-08: a trigger raises the error of PostgreSQL for a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_rejects_changes_and_allows_checks() {
    let Some(database) = Database::fresh(Kind::Postgres, "full_disk") else { return };
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    let full = "create function full_disk() returns trigger language plpgsql as $$ begin raise exception \
                'could not extend file' using errcode = 'disk_full'; end $$";
    world.database.query(full);
    world.database.query("create trigger full_disk before insert on events execute function full_disk()");
    for _ in 0..3 {
        let reply = holder.delete("/v2/access-token").await;
        assert_eq!((reply.status.as_u16(), reply.headers["retry-after"].to_str().unwrap()), (503, "1"));
        assert_eq!(holder.verify("organization=acme").await.status, 200);
    }
    assert_eq!(bob.revoke_token(&token.id).await.code(), "UNAVAILABLE");
    world.database.query("drop trigger full_disk on events");
    assert_eq!(holder.delete("/v2/access-token").await.status, 204);
    assert_eq!(holder.verify("organization=acme").await.status, 401);
}

/// Searches that wait for the database do not delay checks, however many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_searches_do_not_block_checks() {
    let Some(database) = Database::fresh(Kind::Postgres, "blocked_searches") else { return };
    let mut session = database.session();
    let world = World::on(database).await;
    let ada = world.admin("ada", &["acme"]).await;
    let token = ada.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    session.query("begin; lock table events in access exclusive mode");
    let query = "{ organization(slug: \"acme\") { auditEvents { totalCount } } }";
    let searches = join_all((0..40).map(|_| ada.graphql(query, serde_json::Value::Null)));
    let checks = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..5 {
            assert_eq!(holder.verify("organization=acme").await.status, 200);
            assert_eq!(world.anonymous().get("/readyz").await.status, 200);
        }
    };
    let (blocked, ()) = tokio::join!(searches, checks);
    assert!(blocked.iter().all(|reply| reply.code() == "UNAVAILABLE"));
}

/// F-18
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsafe_setting_or_replica_is_refused_by_name() {
    let Some(mut cluster) = server("unsafe_setting") else { return };
    let database = Database::on_server(&cluster);
    let program = Program::over(&database, &[]);
    program.run(&["migrate"]);
    let assert_refused = |program: &Program, cause: &str| {
        let error = program.fails(&["serve"]);
        assert!(error.contains(cause) && error.lines().count() == 1, "{error}");
    };

    let of_database = format!("alter database {} set synchronous_commit", database.name());
    cluster.administer(&format!("{of_database} = off")).unwrap();
    assert_refused(&program, "synchronous_commit=off");
    cluster.administer(&of_database.replace(" set ", " reset ")).unwrap();
    let set = |setting: &str, value: &str| {
        cluster.administer(&format!("alter system set {setting} = {value}")).unwrap();
        cluster.administer("select pg_reload_conf()").unwrap();
        let start = Instant::now();
        while cluster.administer(&format!("show {setting}")).unwrap() != value {
            assert!(start.elapsed() < Duration::from_secs(30), "{setting} is not {value}");
        }
    };
    for setting in ["fsync", "full_page_writes"] {
        set(setting, "off");
        assert_refused(&program, &format!("{setting}=off"));
        set(setting, "on");
    }
    program.run(&["migrate"]);

    cluster.execute(ServerCommand::Follow);
    let replica = cluster.standby_url_of(database.name());
    assert_refused(&Program::over(&database, &[("database.url", replica.as_str())]), "read replica");

    // The same URL leads to the replica after the start.
    let proxy = Proxy::before(database.url()).await;
    let program = Program::over(&database, &[("database.url", proxy.url_of(database.url()).as_str())]);
    let (_serving, _) = program.serve().await;
    let http = Client::new();
    proxy.redirect_to(&replica);
    proxy.set_network(Network::Reset);
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.set_network(Network::Good);
    for _ in 0..3 {
        assert_eq!(status_of(&http, program.url("/readyz")).await.0, 503);
    }
    proxy.redirect_to(database.url());
    let start = Instant::now();
    while status_of(&http, program.url("/readyz")).await.0 != 200 {
        assert!(start.elapsed() < Duration::from_secs(30), "{}", program.logged());
    }
}

/// Each connection has prepared statements, whose results change their types. No request is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_column_type_fails_no_request() {
    let Some(database) = Database::fresh(Kind::Postgres, "altered_column_type") else { return };
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let (holder, acme) = (world.bearer(&token.value), world.organization_id("acme").await);
    let assert_all_succeed = async || {
        for _ in 0..3 {
            let query = "{ viewer { email tokens { totalCount } } }";
            for reply in join_all((0..8).map(|_| bob.graphql(query, json!({})))).await {
                assert_eq!((reply.status.as_u16(), &*reply.code()), (200, "OK"), "{}", reply.text);
            }
            for reply in join_all((0..8).map(|_| holder.verify("organization=acme"))).await {
                assert_eq!(reply.status, 200, "{}", reply.text);
            }
            // Each is sent once.
            let input = json!({ "description": "more", "organizationIds": [acme], "scopes": ["read_builds"] });
            for reply in join_all((0..4).map(|_| bob.mutate("createToken", input.clone()))).await {
                assert_eq!(reply.code(), "OK", "{}", reply.text);
            }
            assert_eq!(world.anonymous().get("/readyz").await.status, 200);
        }
    };
    assert_all_succeed().await;
    for altered in [
        "alter table users alter column email type varchar(254)",
        "alter table tokens alter column description type varchar(400)",
        "alter table users alter column email type text",
    ] {
        world.database.query(altered);
        assert_all_succeed().await;
    }
}

/// The search path of a role or database can change at any time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_search_path_is_named_and_recovered_from() {
    let Some(database) = Database::fresh(Kind::Postgres, "invalid_search_path") else { return };
    let path = format!("alter database {} set search_path", database.name());
    database.query(&format!("{path} = nowhere"));
    let program = Program::over(&database, &[]);
    let error = program.fails(&["migrate"]);
    assert!(error.contains("search_path") && !error.contains("bug"), "{error}");
    let back = path.replace(" set ", " reset ");
    database.query(&back);

    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    // This waits until they have ended.
    let reconnects = "select count(pg_terminate_backend(pid, 30000)) from pg_stat_activity \
                      where datname = current_database() and pid <> pg_backend_pid()";
    world.database.query(&format!("{path} = nowhere"));
    world.database.query(reconnects);
    for _ in 0..8 {
        assert_eq!(holder.verify("organization=acme").await.status, 503);
        assert_eq!(bob.graphql("{ viewer { id } }", json!({})).await.code(), "UNAVAILABLE");
        assert_eq!(world.anonymous().get("/readyz").await.status, 503);
    }
    world.database.query(&back);
    world.database.query(reconnects);
    let start = Instant::now();
    while holder.verify("organization=acme").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not recover");
    }
}

/// Other encodings cannot store every text of tokens and users.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_encoding_other_than_utf8_is_refused() {
    let Some(database) = Database::fresh(Kind::Postgres, "database_encoding") else { return };
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("{}_{}", database.name(), encoding.to_lowercase());
        let options = "template template0 lc_collate 'C' lc_ctype 'C'";
        database.query(&format!("create database {name} encoding '{encoding}' {options}"));
        let url = database.url().replacen(database.name(), &name, 1);
        let program = Program::over(&database, &[("database.url", url.as_str())]);
        for command in ["migrate", "serve"] {
            let error = program.fails(&[command]);
            assert!(error.contains(encoding) && error.contains("ENCODING 'UTF8'"), "{error}");
        }
        database.query(&format!("drop database {name}"));
    }
}

/// Changes have reserved connections, otherwise reads would use all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_succeed_if_postgresql_has_too_few_connections() {
    let Some(cluster) = server("few_connections") else { return };
    let database = Database::on_server(&cluster);
    let program = load::program(&database, database.url());
    let create = || program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "graphql"]);
    let tokens: Vec<_> = (0..8).map(|_| create()).collect();
    database.query("create role few login password 'few' connection limit 8");
    database.query("grant all on all tables in schema public to few");
    let mut url = url::Url::parse(database.url()).unwrap();
    url.set_username("few").unwrap();
    url.set_password(Some("few")).unwrap();
    let program = Program::over(&database, &[("database.url", url.as_str())]);
    let (_serving, _) = program.serve().await;
    let logged = program.logged();
    assert!(logged.contains("allows fewer connections than one node uses"), "{logged}");
    let http = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let jwt = program.jwt("bob");
    let reads = |_: usize| async {
        let query = json!({ "query": "{ viewer { tokens(first: 50) { totalCount nodes { id description } } } }" });
        for _ in 0..20 {
            http.post(program.url("/graphql")).bearer_auth(&jwt).json(&query).send().await.unwrap();
        }
    };
    let changes = async {
        for token in &tokens {
            let revoked = http.delete(program.url("/v2/access-token")).bearer_auth(token).send().await.unwrap();
            assert_eq!(revoked.status(), 204, "{}", program.logged());
        }
    };
    tokio::join!(join_all((0..16).map(reads)), changes);
}
