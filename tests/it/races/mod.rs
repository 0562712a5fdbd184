//! Tests of concurrent and disturbed changes: two nodes on one database, reproducible random numbers, and changes that stop
//! midway.

mod acknowledged;
mod deleted;
mod disconnected_clients;
mod interleavings;
mod locks;
mod model;
mod rejected_statements;
mod walks;

use crate::world::{client::Client, cluster::setting, programs::top};
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokenward::testing::{
    app::{Change, ChangeContext, ChangeKind},
    domain::{error::Result, id::UserId},
    store::Tx,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The number of attempts: 1,000, or `TEST_RACES`.
fn races() -> usize {
    setting("TEST_RACES").map_or(1_000, |number| number.parse().expect("TEST_RACES must be a number"))
}

/// Random numbers that differ in each run, unless `TEST_RACES_SEED` is the seed that a failed run printed.
fn dice() -> TestRng {
    let seed = setting("TEST_RACES_SEED").unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    println!("TEST_RACES_SEED={seed} repeats this run");
    let bytes = seed.as_bytes();
    assert_eq!(bytes.len(), 32, "TEST_RACES_SEED must have 32 characters");
    TestRng::from_seed(RngAlgorithm::ChaCha, bytes)
}

/// Every action, by the name of its file.
fn actions() -> BTreeSet<String> {
    let files = top("src/actions").read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = files.filter_map(|file| file.strip_suffix(".rs").map(ToOwned::to_owned));
    names.filter(|name| name != "mod").collect()
}

/// A change that stops after its work, with its locks held, until `stop.go` is cancelled.
struct Stopping<C> {
    change: C,
    stop: Stop,
}

/// Signals that a change has stopped, and lets it go on.
#[derive(Clone, Default)]
struct Stop {
    reached: Arc<Notify>,
    go: CancellationToken,
}

impl<C: Change> Change for Stopping<C> {
    type Done = C::Done;

    fn limited_as(tx: &Tx) -> Option<ChangeKind> {
        C::limited_as(tx)
    }

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<C::Done> {
        let done = self.change.apply(cx).await?;
        self.stop.reached.notify_one();
        self.stop.go.cancelled().await;
        Ok(done)
    }
}

/// Returns the ID of the user.
async fn id_of(client: &Client<'_>) -> UserId {
    let viewer = client.query("{ viewer { id } }", json!({})).await;
    UserId::parse(viewer["viewer"]["id"].as_str().unwrap()).unwrap()
}

/// Waits until the condition holds, with a timeout.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(what, waiting).await;
}

/// Waits for the work, with a timeout.
async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.unwrap_or_else(|_| panic!("timeout: {what}"))
}
