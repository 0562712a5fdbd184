//! Marks tokens whose end has passed, so that they stay expired when the clock goes back.

use crate::{
    app::{App, CLOCK_AHEAD},
    domain::error::{Error, Result},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const BEAT: Duration = Duration::from_secs(1);
/// Tokens marked at once; where there are more, the next portion follows without a pause.
const PORTION: u64 = 500;

pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut pause = BEAT;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = match mark(&app).await {
            Ok(marked) if u64::try_from(marked).is_ok_and(|marked| marked == PORTION) => Duration::ZERO,
            Ok(_) => BEAT,
            Err(error) => {
                tracing::warn!(error = %error.cause(), "failed to mark expired tokens, will retry");
                BEAT * 5
            }
        };
    }
}

async fn mark(app: &App) -> Result<usize> {
    let now = app.agreed_now().await?.ok_or_else(|| Error::unavailable(CLOCK_AHEAD))?;
    app.store().upkeep().keep_expiry(now, PORTION).await
}
