//! `token`: creates tokens for their owners, and revokes them by value or ID.

use super::{no_such, operator, organization_by_slug, print_once, scopes};
use crate::{
    actions::{CreateToken, RevokeTokenByValue},
    app::App,
    domain::{
        error::{Error, Result},
        id::TokenId,
        policy,
        secret::Secret,
        text,
        time::{MAX_SPAN_DAYS, Time},
        token::MAX_LIFETIME,
    },
};
use clap::{Args, Subcommand};
use std::{io::Read as _, time::Duration};

/// The number of bytes of standard input that are read, more than any token value has.
const MAX_INPUT: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a token and prints its value, which is shown only once
    #[command(
        after_help = "Example:\n  tokenward token create --owner bob --organization acme --scope read_builds --scope read_user --expires-in 90d"
    )]
    Create(Create),
    /// Revokes the token whose value or ID is read from standard input
    #[command(
        after_help = "Example:\n  printf '%s' \"$TOKEN\" | tokenward token revoke\n  echo token_01h455vb4pex5vsknk084sn02q | tokenward token revoke"
    )]
    Revoke,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The username of the owner
    #[arg(long)]
    owner: String,
    /// The slug of an organization that the owner is a member of; can be repeated
    #[arg(long, required = true, num_args = 1.., value_name = "SLUG")]
    organization: Vec<String>,
    /// The name of a scope; can be repeated
    #[arg(long, required = true, num_args = 1.., value_name = "NAME")]
    scope: Vec<String>,
    /// The purpose of the token
    #[arg(long, default_value = "Created on the command line")]
    description: String,
    /// Time until the token expires: 90d, 12h; never if omitted
    #[arg(long, value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::Create(create) => create.run(app).await,
            Self::Revoke => revoke(app).await,
        }
    }
}

impl Create {
    async fn run(self, app: &App) -> Result<()> {
        let caller = operator(app);
        let owner = app.store().user_by_username(&policy::operator(&caller)?, &self.owner).await?;
        let owner = owner.ok_or_else(|| no_such("user", &self.owner))?.id;
        let mut organizations = Vec::new();
        for slug in &self.organization {
            organizations.push(organization_by_slug(app, slug).await?.id);
        }
        let input = CreateToken {
            description: text::description("--description", &self.description)?,
            organizations,
            scopes: scopes(app, &self.scope)?,
            expires_at: self.expires_in.map(|lifetime| expiry(lifetime, caller.at)).transpose()?,
            owner: Some(owner),
        };
        let (token, secret) = app.change(&caller, input).await.map_err(|error| match error {
            Error::NotFound("organization") => {
                Error::Conflict("The owner is not a member of all these organizations; use `member add` first.".into())
            }
            other => other,
        })?;
        let id = token.id;
        print_once(
            format_args!("{}\n", secret.reveal_once()),
            format_args!("Revoke {id} (echo {id} | tokenward token revoke) and create another."),
        )
    }
}

/// Returns the expiry of a token that is created now, or an error if the lifetime is zero or too long.
fn expiry(lifetime: Duration, now: Time) -> Result<Time> {
    if lifetime.is_zero() || lifetime > MAX_LIFETIME {
        let message = format!(
            "The lifetime must be positive and at most {MAX_SPAN_DAYS}d; omit it for a token without an expiry."
        );
        return Err(Error::invalid("--expires-in", message));
    }
    Ok(now.plus(lifetime))
}

async fn revoke(app: &App) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text).map_err(Error::unavailable)?;
    let (text, caller) = (text.trim(), operator(app));
    let fingerprint = if let Some(secret) = Secret::parse(app.prefix(), text) {
        secret.fingerprint()
    } else if let Some(id) = TokenId::parse(text) {
        let known = app.store().fingerprint_of(&policy::operator(&caller)?, id).await?;
        known.ok_or(Error::NotFound("token"))?
    } else {
        let message = "This is neither a token value nor the ID of a token. Specify only the complete value or ID.";
        return Err(Error::invalid("standard input", message));
    };
    app.change(&caller, RevokeTokenByValue { fingerprint }).await
}
