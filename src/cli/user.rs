//! `user`: users and their invitations.

use super::{operator, print, print_once, with_name};
use crate::{
    actions::{AddUser, DeleteUser, DisableUser, EnableUser, InviteUser},
    app::App,
    domain::{
        error::{Error, Result},
        text,
    },
    store::{Identity, NewUser},
};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a user and prints their ID, or with --invite a sign-in link
    #[command(
        after_help = "Example:\n  tokenward user add ada --email ada@example.com --name 'Ada Lovelace' --subject 4711 --issuer https://id.example.com"
    )]
    Add(Add),
    /// Prints a link with which a user sets their password, once and within 24 hours
    #[command(after_help = "Example:\n  tokenward user invite ada\n\nAny earlier link stops working.")]
    Invite {
        /// The username
        username: String,
    },
    /// Disables a user: all their tokens, JWTs and sessions are rejected at once
    #[command(after_help = "Example:\n  tokenward user disable bob")]
    Disable {
        /// The username
        username: String,
    },
    /// Enables a disabled user
    #[command(after_help = "Example:\n  tokenward user enable bob")]
    Enable {
        /// The username
        username: String,
    },
    /// Deletes a user permanently: revokes tokens, ends memberships, erases personal data
    #[command(
        after_help = "Example:\n  tokenward user delete bob\n\nThis cannot be undone; `user disable` can. The events of the user are kept."
    )]
    Delete {
        /// The username
        username: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The username: 1 to 64 of a-z, 0-9, ., - and _
    username: String,
    /// The email address
    #[arg(long)]
    email: String,
    /// The display name
    #[arg(long)]
    name: String,
    /// The `sub` claim of their JWTs
    #[arg(long)]
    subject: Option<String>,
    /// The `iss` claim of their JWTs; that of auth.jwt if omitted
    #[arg(long, requires = "subject")]
    issuer: Option<String>,
    /// Print a link with which they set their password, once and within 24 hours
    #[arg(long)]
    invite: bool,
    /// The issuer of auth.jwt.
    #[arg(skip)]
    default_issuer: Option<String>,
}

impl Command {
    /// Sets the issuer that is used if `--issuer` is omitted.
    pub(super) fn with_issuer(mut self, issuer: Option<&str>) -> Self {
        if let Self::Add(add) = &mut self {
            add.default_issuer = issuer.map(ToOwned::to_owned);
        }
        self
    }

    pub(super) async fn run(self, app: &App, public_url: &str) -> Result<()> {
        let caller = operator(app);
        let username = self.username().to_owned();
        let done = match self {
            Self::Add(add) => {
                let invite = add.invite;
                let user = app.change(&caller, AddUser { new: add.checked()? }).await?;
                if invite {
                    return print_link(app, user.username, public_url).await;
                }
                print(format_args!("{}\n", user.id))
            }
            Self::Invite { username } => print_link(app, username, public_url).await,
            Self::Disable { username } => app.change(&caller, DisableUser { username }).await,
            Self::Enable { username } => app.change(&caller, EnableUser { username }).await,
            Self::Delete { username } => app.change(&caller, DeleteUser { username }).await,
        };
        done.map_err(with_name(&[("user", &username)]))
    }

    fn username(&self) -> &str {
        match self {
            Self::Add(Add { username, .. })
            | Self::Invite { username }
            | Self::Disable { username }
            | Self::Enable { username }
            | Self::Delete { username } => username,
        }
    }
}

async fn print_link(app: &App, username: String, public_url: &str) -> Result<()> {
    let code = app.change(&operator(app), InviteUser { username: username.clone() }).await?;
    print_once(
        format_args!("{}\n", code.link_once(public_url)),
        format_args!("Print a new link: tokenward user invite {username}"),
    )
}

impl Add {
    fn checked(self) -> Result<NewUser> {
        let issuer = self.issuer.or(self.default_issuer);
        let identity = match (self.subject, issuer) {
            (None, _) => None,
            (Some(subject), Some(issuer)) => Some(Identity { issuer, subject }),
            (Some(_), None) => {
                return Err(Error::invalid(
                    "--issuer",
                    "A subject needs an issuer: specify --issuer, or set auth.jwt.issuer.",
                ));
            }
        };
        Ok(NewUser {
            username: text::username("username", &self.username)?,
            name: text::name("--name", &self.name)?,
            email: Some(text::email("--email", &self.email)?),
            email_verified: true,
            identity,
        })
    }
}
