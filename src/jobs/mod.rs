//! Background jobs: emails, usage, expiry, and deletion of expired sessions and invitations. Each job may run on several nodes
//! at once, and ends when the service stops.

mod delete_expired;
mod deliver_mail;
mod expire_tokens;
mod flush_usage;

use crate::{
    app::{App, CLOCK_AHEAD},
    domain::{
        error::{Error, Result},
        time::Time,
    },
    mail::Mailer,
};
use tokio_util::sync::CancellationToken;

/// Starts all jobs. They end soon after `stop` is cancelled, once the usage in memory is written.
pub fn start(app: &App, mailer: Mailer, public_url: String, stop: &CancellationToken) {
    app.tasks().spawn(flush_usage::run(app.clone(), stop.clone()));
    app.tasks().spawn(expire_tokens::run(app.clone(), stop.clone()));
    app.tasks().spawn(delete_expired::run(app.clone(), stop.clone()));
    app.tasks().spawn(deliver_mail::run(app.clone(), deliver_mail::MailDelivery { mailer, public_url }, stop.clone()));
}

/// Returns the time for a job, or `UNAVAILABLE` while the clock of this node is ahead of the database's: a job that expires,
/// delays or deletes rows too early does so for all nodes.
async fn agreed_now(app: &App) -> Result<Time> {
    app.agreed_now().await?.ok_or_else(|| Error::unavailable(CLOCK_AHEAD))
}
