//! What runs beside requests: letters, use, expiry, sessions that are over. Each can run twice, and ends when it is told to.

mod deliver_mail;
mod expire_tokens;
mod flush_usage;
mod sweep_sessions;

use crate::{app::App, mail::Mailer};
use tokio_util::sync::CancellationToken;

/// Starts all of them. They end soon after `stop`, the use that is not written yet being written first.
pub fn start(app: &App, mailer: Mailer, public_url: String, stop: &CancellationToken) {
    app.tasks().spawn(flush_usage::run(app.clone(), stop.clone()));
    app.tasks().spawn(expire_tokens::run(app.clone(), stop.clone()));
    app.tasks().spawn(sweep_sessions::run(app.clone(), stop.clone()));
    app.tasks().spawn(deliver_mail::run(app.clone(), deliver_mail::MailDelivery { mailer, public_url }, stop.clone()));
}
