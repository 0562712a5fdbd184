//! The statements and connections of each request.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static REQUEST_STATS: Arc<RequestStats>;
}

/// The statements and connections of one request, and whether the database failed it.
#[derive(Debug, Default)]
pub struct RequestStats {
    statements: AtomicU64,
    failed: AtomicBool,
    connections: Connections,
}

/// The number of connections that one request holds at a time.
const MAX_CONNECTIONS: usize = 2;

/// Permits for the connections of one request, so that a large one leaves some to others.
#[derive(Debug)]
struct Connections(Arc<Semaphore>);

impl Default for Connections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONNECTIONS)))
    }
}

impl RequestStats {
    /// Returns the number of statements.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

/// Runs `work` and counts its statements and connections in `stats`.
pub async fn with_request_stats<F: Future>(stats: Arc<RequestStats>, work: F) -> F::Output {
    REQUEST_STATS.scope(stats, work).await
}

/// Returns the statistics of the current request, to continue them in another task.
pub fn request_stats() -> Arc<RequestStats> {
    REQUEST_STATS.try_with(Arc::clone).unwrap_or_default()
}

/// Waits until the current request may hold another connection. Returns `None` outside a request.
pub(super) async fn permit() -> Option<OwnedSemaphorePermit> {
    let connections = REQUEST_STATS.try_with(|stats| Arc::clone(&stats.connections.0)).ok()?;
    connections.acquire_owned().await.ok()
}

pub(super) fn count() {
    let _ = REQUEST_STATS.try_with(|stats| stats.statements.fetch_add(1, Ordering::Relaxed));
}

/// Returns whether the database failed a statement of the current request.
pub(super) fn has_failed() -> bool {
    REQUEST_STATS.try_with(|stats| stats.failed.load(Ordering::Relaxed)).unwrap_or_default()
}

/// Records that the database failed a statement of the current request.
pub(super) fn record_failure() {
    let _ = REQUEST_STATS.try_with(|stats| stats.failed.store(true, Ordering::Relaxed));
}
