//! Marks tokens whose expiry has passed, so that they stay expired if the clock is set back.

use super::agreed_now;
use crate::{app::App, domain::error::Result};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(1);
/// The number of tokens that are marked at once. If there are more, the next batch follows without a pause.
const BATCH_SIZE: u64 = 500;

pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut pause = INTERVAL;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = match mark(&app).await {
            Ok(marked) if u64::try_from(marked).is_ok_and(|marked| marked == BATCH_SIZE) => Duration::ZERO,
            Ok(_) => INTERVAL,
            Err(error) => {
                tracing::warn!(error = %error.cause(), "failed to mark expired tokens, will retry");
                INTERVAL * 5
            }
        };
    }
}

async fn mark(app: &App) -> Result<usize> {
    let now = agreed_now(app).await?;
    app.store().maintenance().mark_expired(now, BATCH_SIZE).await
}
