//! Deletes expired sessions and invitations, which are invalid even before they are deleted.

use super::agreed_now;
use crate::{
    app::{App, CLOCK_BEHIND, ClockState},
    domain::error::Result,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);

pub(super) async fn run(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        // Logged here, since this job runs once a minute.
        if matches!(app.clock_state(app.now()).await, Ok(ClockState::Behind)) {
            tracing::warn!("{CLOCK_BEHIND} Until then, this node accepts what has expired.");
        }
        if let Err(error) = delete_expired(&app).await {
            tracing::warn!(error = ?error, "failed to delete expired sessions, will retry");
        }
    }
}

async fn delete_expired(app: &App) -> Result<()> {
    let now = agreed_now(app).await?;
    app.store().maintenance().delete_expired_sessions(now).await?;
    app.store().maintenance().delete_expired_invitations(now).await
}
