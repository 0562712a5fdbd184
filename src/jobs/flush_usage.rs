//! Writes the usage buffer to the store: the first usage within two seconds, later usage every five seconds.

use crate::app::App;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the job writes the usage that is due.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        flush(&app, false).await;
    }
    flush(&app, true).await;
}

async fn flush(app: &App, all: bool) {
    let batch = app.verifier().usage().due(Instant::now(), all);
    if let Err(error) = app.store().maintenance().save_usage(&batch).await {
        tracing::warn!(error = %error.cause(), "failed to write token usage, will retry");
        app.verifier().usage().requeue(batch);
    }
}
