//! Checks the index that PostgreSQL uses to look up tokens, by its own counters. The plans of SQLite are tested next to the SQL
//! snapshots.

use crate::world::{World, cluster::Cluster, database::Kind};
use std::time::Duration;

const CHECKS: u64 = 30;

/// Unused tokens, so many that a scan costs more than an index.
const MANY: &str =
    "insert into tokens (id, hint, owner_id, description, searchable, scopes, created_at, expires_at, version)
    select gen_random_uuid(), 'x', (select id from users limit 1), 'x', 'x', ' graphql ', 1, 9223372036854775807, 0
    from generate_series(1, 20000) number;
    insert into token_values (fingerprint, token_id, created_at, expires_at)
    select sha256(id::text::bytea), id, 1, 9223372036854775807 from tokens where hint = 'x';
    analyze tokens, token_values";
/// The number of scans of the tables of tokens and their values, and of searches of the unique index of fingerprints.
const COUNTS: &str = "select sum(seq_scan) || ' ' || (select idx_scan from pg_stat_user_indexes
    where indexrelname = 'token_values_pkey') from pg_stat_user_tables where relname in ('tokens', 'token_values')";

async fn token_is_looked_up_by_its_index(world: World) {
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("x", &["acme"], &["read_user"]).await;
    let cluster = Cluster::shared().ok().expect("a server");
    let name = world.database.url().rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    cluster.run(&name, MANY).unwrap();
    let counts = || -> (u64, u64) {
        let counts = cluster.run(&name, COUNTS).unwrap();
        let (scans, searches) = counts.split_once(' ').unwrap();
        (scans.parse().unwrap(), searches.parse().unwrap())
    };
    // A connection reports its counters after about a second without activity, and not before its next statement.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (scans, searches) = counts();
    for _ in 0..20 {
        for _ in 0..CHECKS {
            assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        }
        let (scans_now, searches_now) = counts();
        if searches_now >= searches + CHECKS {
            // Jobs may scan the table as well, about once a second; a scan for each check would be more.
            assert!(scans_now < scans + CHECKS, "{} scans", scans_now - scans);
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the index of fingerprints was not searched");
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_looks_up_tokens_by_the_index_of_fingerprints() {
    crate::world::database::on(Kind::Postgres, module_path!(), token_is_looked_up_by_its_index).await;
}
