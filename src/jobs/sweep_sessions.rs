//! Forgets sessions and invitations that are over. None of them leads anywhere any more, whether it is forgotten yet or not.

use crate::{
    app::{App, CLOCK_AHEAD},
    domain::error::{Error, Result},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const BEAT: Duration = Duration::from_mins(1);

pub(super) async fn run(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        if let Err(error) = sweep(&app).await {
            tracing::warn!(error = ?error, "failed to delete expired sessions, will retry");
        }
    }
}

async fn sweep(app: &App) -> Result<()> {
    let now = app.agreed_now().await?.ok_or_else(|| Error::unavailable(CLOCK_AHEAD))?;
    app.store().upkeep().sweep_sessions(now).await?;
    app.store().upkeep().sweep_invitations(now).await
}
