//! Work beside requests: emails, usage, expiry, and sessions that ended. Each job may run on several nodes at once, and ends
//! when the service stops.

mod deliver_mail;
mod expire_tokens;
mod flush_usage;
mod sweep_sessions;

use crate::{
    app::{App, CLOCK_AHEAD},
    domain::{
        error::{Error, Result},
        time::Time,
    },
    mail::Mailer,
};
use tokio_util::sync::CancellationToken;

/// Starts all jobs. They end soon after `stop`, once the usage in memory is written.
pub fn start(app: &App, mailer: Mailer, public_url: String, stop: &CancellationToken) {
    app.tasks().spawn(flush_usage::run(app.clone(), stop.clone()));
    app.tasks().spawn(expire_tokens::run(app.clone(), stop.clone()));
    app.tasks().spawn(sweep_sessions::run(app.clone(), stop.clone()));
    app.tasks().spawn(deliver_mail::run(app.clone(), deliver_mail::MailDelivery { mailer, public_url }, stop.clone()));
}

/// The time by which a job acts, or `UNAVAILABLE` while the clock of this node is ahead of the database's: what a job ends, holds
/// back or deletes too early concerns all nodes.
async fn agreed_now(app: &App) -> Result<Time> {
    app.agreed_now().await?.ok_or_else(|| Error::unavailable(CLOCK_AHEAD))
}
