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
/// The maximum number of tokens in one commit. If there are more, the next batch follows without a pause.
const MAX_BATCH_SIZE: usize = 500;

pub(super) async fn run(app: App, stop: CancellationToken) {
    let (mut pause, mut batch_size) = (INTERVAL, MAX_BATCH_SIZE);
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        (pause, batch_size) = match record(&app, batch_size).await {
            Ok(recorded) if recorded == batch_size => (Duration::ZERO, batch_size),
            Ok(_) => (INTERVAL, MAX_BATCH_SIZE),
            Err(error) => {
                tracing::warn!(error = %error.cause(), "failed to record expired tokens, will retry");
                // A batch of tokens with many organizations may take longer than a statement is allowed to.
                (INTERVAL * 5, (batch_size / 2).max(1))
            }
        };
    }
}

/// Records one batch and returns its size.
async fn record(app: &App, batch_size: usize) -> Result<usize> {
    let now = agreed_now(app).await?;
    let tokens = app.store().tokens_past_expiry(now, batch_size).await?;
    let count = tokens.len();
    if count > 0 {
        app.change(&Caller::system(now), ExpireTokens { tokens }).await?;
    }
    Ok(count)
}
