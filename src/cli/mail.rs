//! `mail`: pending and abandoned emails.

use super::{operator, print};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        id::DeliveryId,
        policy,
    },
    store::{DeliverySelector, UndeliveredEmail},
    telemetry::notice,
};
use clap::{Args, Subcommand};
use std::fmt::Write as _;

/// The number of emails that are listed.
const MAX_LISTED: u64 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists pending and abandoned emails, oldest first
    #[command(after_help = "Example:\n  tokenward mail list")]
    List,
    /// Retries emails at once, by the running server or the next one
    #[command(
        after_help = "Example:\n  tokenward mail retry mail_01h455vb4pex5vsknk084sn02q\n  tokenward mail retry --all"
    )]
    Retry(Retry),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Retry {
    /// The ID of an email, as shown by `mail list`
    id: Option<String>,
    /// All pending and abandoned emails
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::List => list(app).await,
            Self::Retry(retry) => retry.run(app).await,
        }
    }
}

impl Retry {
    async fn run(self, app: &App) -> Result<()> {
        let caller = operator(app);
        let which = match &self.id {
            Some(id) => DeliverySelector::One(DeliveryId::parse(id).ok_or_else(|| no_such_email(id))?),
            None => DeliverySelector::All,
        };
        let count = app.store().maintenance().retry_emails(&policy::operator(&caller)?, which, caller.at).await?;
        match &self.id {
            Some(id) if count == 0 => Err(no_such_email(id)),
            _ => {
                notice(format_args!("Queued, to be sent by the running server or the next one: {count}"));
                Ok(())
            }
        }
    }
}

fn no_such_email(id: &str) -> Error {
    let message =
        format!("This email does not exist: {id}. `tokenward mail list` shows the pending and abandoned ones.");
    Error::Conflict(message.into())
}

async fn list(app: &App) -> Result<()> {
    let emails = app.store().undelivered_emails(&policy::operator(&operator(app))?, MAX_LISTED).await?;
    if emails.is_empty() {
        notice("No email is pending or abandoned.");
        return Ok(());
    }
    let width = emails.iter().map(|email| email.to_address.chars().count()).max().unwrap_or_default().max(2);
    let mut table =
        format!("{:31}  {:width$}  {:20}  {:8}  {:29}  LAST ERROR\n", "ID", "TO", "CREATED", "ATTEMPTS", "STATE");
    for email in emails {
        let state = email.next_at.map_or_else(|| "abandoned".into(), |at| format!("next {}", at.to_text_in_seconds()));
        let UndeliveredEmail { id, to_address, created_at, attempts, last_error, .. } = email;
        let (written, error) = (created_at.to_text_in_seconds(), last_error.unwrap_or_else(|| "-".into()));
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        let id = id.to_string();
        let _ = writeln!(table, "{id:31}  {to_address:width$}  {written:20}  {attempts:8}  {state:29}  {error}");
    }
    print(table)
}
