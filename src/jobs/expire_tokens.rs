//! Records the expiry of tokens, so that the event log shows it and they stay expired if the clock is set back.

use super::agreed_now;
use crate::{
    actions::ExpireTokens,
    app::App,
    domain::{caller::Caller, error::Result},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(1);
/// The number of tokens in one commit. If there are more, the next batch follows without a pause.
const BATCH_SIZE: usize = 500;

pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut pause = INTERVAL;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = match record(&app).await {
            Ok(BATCH_SIZE) => Duration::ZERO,
            Ok(_) => INTERVAL,
            Err(error) => {
                tracing::warn!(error = %error.cause(), "failed to record expired tokens, will retry");
                INTERVAL * 5
            }
        };
    }
}

/// Records one batch and returns its size.
async fn record(app: &App) -> Result<usize> {
    let now = agreed_now(app).await?;
    let tokens = app.store().tokens_past_expiry(now, BATCH_SIZE).await?;
    let count = tokens.len();
    if count > 0 {
        app.change(&Caller::system(now), ExpireTokens { tokens }).await?;
    }
    Ok(count)
}
