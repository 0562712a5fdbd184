//! What is true, and what are clients told, when PostgreSQL crashes, restarts, freezes, or is not what it should be?

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

/// A server of one's own, in the hands of one test.
fn server(test: &str) -> Option<Cluster> {
    // Says that it is skipped, or fails where PostgreSQL is required.
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
async fn a_server_that_crashes_under_eight_writers_has_lost_nothing_that_was_acknowledged() {
    the_server_goes_and_comes_back(ServerCommand::Crash).await;
}

/// F-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_unavailable_meanwhile_and_nothing_else() {
    the_server_goes_and_comes_back(ServerCommand::Stop).await;
}

async fn the_server_goes_and_comes_back(end: ServerCommand) {
    let Some(cluster) = server("the_server_goes_and_comes_back") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let program = load::program(&database, database.url());
    let (mut serving, _) = program.serve().await;
    let load = Load::start(&program, 8).await;
    load.until(30).await;
    execute(&cluster, end).await;
    // What was on its way is there.
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.statuses();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let gap = load.statuses_of(8).await;
    execute(&cluster, ServerCommand::Start).await;
    let took = load.is_well_within(Duration::from_secs(5)).await;
    let heard = load.stop().await;
    println!("{end:?}: {gap:?} meanwhile, well after {took:?}");
    assert_eq!(gap.keys().collect::<Vec<_>>(), [&503]);
    let logged = program.logged();
    assert!(serving.lives() && !logged.contains("panicked"), "{logged}");
    assert!(logged.contains("the store is unavailable") && !logged.contains("Unavailable("), "{logged}");
    heard.holds(&program, &database).await;
}

/// F-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_while_nobody_asked_cost_nobody_an_answer() {
    let Some(cluster) = server("connections_that_died") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let ask = || bob.graphql("{ viewer { tokens { totalCount } } }", serde_json::Value::Null);
    for tries in 1..=3 {
        // So that there are eight connections.
        for reply in concurrently(8, async |_| ask().await).await {
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        execute(&cluster, ServerCommand::Stop).await;
        execute(&cluster, ServerCommand::Start).await;
        // Long enough for a connection to be looked at before it is used again.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let start = Instant::now();
        let replies = join_all((0..8).map(|_| ask())).await;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        // Who waits too long for a new connection is told to come later, and on a machine that stands still one may.
        if statuses == [200; 8] || start.elapsed() < Duration::from_secs(1) || tries == 3 {
            assert_eq!(statuses, [200; 8]);
            return;
        }
    }
}

/// F-06, R-81; for a minute with `TEST_LONG_FREEZE=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_stands_still_everybody_is_told_so_within_three_seconds() {
    let Some(cluster) = server("while_the_server_stands_still") else { return };
    let database = Database::on_server(&cluster);
    let cluster = Arc::new(Mutex::new(cluster));
    let program = load::program(&database, database.url());
    let (mut serving, _) = program.serve().await;
    let load = Load::start(&program, 32).await;
    load.until(30).await;
    let before = serving.peak();
    execute(&cluster, ServerCommand::Freeze).await;
    // What was on its way is there.
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.statuses();
    let lateness = Lateness::watched();
    let span = if setting("TEST_LONG_FREEZE").is_some_and(|value| value == "1") { 60 } else { 7 };
    let (http, start) = (Client::new(), Instant::now());
    let (mut lively, mut ready) = (Duration::ZERO, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(span) {
        let (live, readiness) =
            tokio::join!(status_of(&http, program.url("/healthz")), status_of(&http, program.url("/readyz")));
        assert_eq!((live.0, readiness.0), (200, 503));
        (lively, ready) = (lively.max(live.1), ready.max(readiness.1));
    }
    let slowest = load.slowest();
    let [second, three, four] = [1_100, 3_000, 4_000].map(|limit| lateness.on_top_of(Duration::from_millis(limit)));
    let (second, three, four) = tokio::join!(second, three, four);
    let frozen = load.statuses();
    let grown = serving.peak().saturating_sub(before);
    execute(&cluster, ServerCommand::Thaw).await;
    let took = load.is_well_within(Duration::from_secs(10)).await;
    let heard = load.stop().await;
    println!(
        "frozen: {frozen:?}, slowest answer {slowest:?}, alive within {lively:?}, not ready within {ready:?}, \
         {grown} MiB more, well after {took:?}"
    );
    assert_eq!(frozen.keys().collect::<Vec<_>>(), [&503]);
    // A second of these is for a machine that is busy with other tests.
    assert!(slowest < four, "slowest: {slowest:?}, and no more than {four:?}");
    assert!(lively < second, "alive within {lively:?}, and no more than {second:?}");
    assert!(ready < three, "not ready within {ready:?}, and no more than {three:?}");
    assert!(grown < 100, "{grown} MiB more");
    assert!(serving.lives() && !program.logged().contains("panicked"), "{}", program.logged());
    heard.holds(&program, &database).await;
}

/// F-08: a trigger says what PostgreSQL says when its disk is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_is_unavailable_for_changes_and_checks_go_on() {
    let Some(database) = Database::fresh(Kind::Postgres, "a_server_without_room") else { return };
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

/// Searches that wait for the database, as many as come, take nothing from those who ask for a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_searches_hang_checks_are_answered() {
    let Some(database) = Database::fresh(Kind::Postgres, "while_searches_hang") else { return };
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
    let (hung, ()) = tokio::join!(searches, checks);
    assert!(hung.iter().all(|reply| reply.code() == "UNAVAILABLE"));
}

/// F-18
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_lose_what_it_acknowledged_or_follows_another_is_refused_by_name() {
    let Some(mut cluster) = server("a_server_that_may_lose") else { return };
    let database = Database::on_server(&cluster);
    let program = Program::over(&database, &[]);
    program.run(&["migrate"]);
    let refused = |program: &Program, cause: &str| {
        let said = program.fails(&["serve"]);
        assert!(said.contains(cause) && said.lines().count() == 1, "{said}");
    };

    let of_database = format!("alter database {} set synchronous_commit", database.name());
    cluster.administer(&format!("{of_database} = off")).unwrap();
    refused(&program, "synchronous_commit=off");
    cluster.administer(&of_database.replace(" set ", " reset ")).unwrap();
    let becomes = |setting: &str, value: &str| {
        cluster.administer(&format!("alter system set {setting} = {value}")).unwrap();
        cluster.administer("select pg_reload_conf()").unwrap();
        let start = Instant::now();
        while cluster.administer(&format!("show {setting}")).unwrap() != value {
            assert!(start.elapsed() < Duration::from_secs(30), "{setting} is not {value}");
        }
    };
    for setting in ["fsync", "full_page_writes"] {
        becomes(setting, "off");
        refused(&program, &format!("{setting}=off"));
        becomes(setting, "on");
    }
    program.run(&["migrate"]);

    cluster.execute(ServerCommand::Follow);
    let replica = cluster.standby_url_of(database.name());
    refused(&Program::over(&database, &[("database.url", replica.as_str())]), "read replica");

    // The same address leads to the replica after the start.
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

/// Each connection has statements prepared, whose result has another type from then on. Nothing is sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_column_type_costs_no_answer() {
    let Some(database) = Database::fresh(Kind::Postgres, "altered_column_type") else { return };
    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let (holder, acme) = (world.bearer(&token.value), world.organization_id("acme").await);
    let everything_is_answered = async || {
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
    everything_is_answered().await;
    for altered in [
        "alter table users alter column email type varchar(254)",
        "alter table tokens alter column description type varchar(400)",
        "alter table users alter column email type text",
    ] {
        world.database.query(altered);
        everything_is_answered().await;
    }
}

/// A role or database may be given another search path at any time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_path_that_leads_nowhere_is_named_and_no_bug() {
    let Some(database) = Database::fresh(Kind::Postgres, "search_path_that_leads_nowhere") else { return };
    let path = format!("alter database {} set search_path", database.name());
    database.query(&format!("{path} = nowhere"));
    let program = Program::over(&database, &[]);
    let said = program.fails(&["migrate"]);
    assert!(said.contains("search_path") && !said.contains("bug"), "{said}");
    let back = path.replace(" set ", " reset ");
    database.query(&back);

    let world = World::on(database).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    // It waits until they have ended.
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

/// In others, texts cannot be stored that tokens and users may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_of_another_encoding_than_utf8_is_refused() {
    let Some(database) = Database::fresh(Kind::Postgres, "database_of_another_encoding") else { return };
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("{}_{}", database.name(), encoding.to_lowercase());
        let made = "template template0 lc_collate 'C' lc_ctype 'C'";
        database.query(&format!("create database {name} encoding '{encoding}' {made}"));
        let url = database.url().replacen(database.name(), &name, 1);
        let program = Program::over(&database, &[("database.url", url.as_str())]);
        for command in ["migrate", "serve"] {
            let said = program.fails(&[command]);
            assert!(said.contains(encoding) && said.contains("ENCODING 'UTF8'"), "{said}");
        }
        database.query(&format!("drop database {name}"));
    }
}

/// Without connections of their own from the start, changes would find that reads have taken all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_go_on_where_postgresql_has_too_few_connections() {
    let Some(cluster) = server("changes_go_on_where") else { return };
    let database = Database::on_server(&cluster);
    let program = load::program(&database, database.url());
    let made = || program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "graphql"]);
    let tokens: Vec<_> = (0..8).map(|_| made()).collect();
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
