//! `member`: memberships of organizations.

use super::{operator, with_name};
use crate::{
    actions::{AddOrganizationMember, RemoveOrganizationMember, UpdateOrganizationMember},
    app::App,
    domain::{
        caller::Caller,
        error::{Error, Result},
        organization,
    },
};
use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a member, or changes the role of a member
    #[command(after_help = "Example:\n  tokenward member add acme bob --role member")]
    Add {
        /// The slug of the organization
        slug: String,
        /// The username of the member
        username: String,
        /// The role
        #[arg(long)]
        role: Role,
    },
    /// Removes a member; their tokens lose access to the organization at once
    #[command(after_help = "Example:\n  tokenward member remove acme bob")]
    Remove {
        /// The slug of the organization
        slug: String,
        /// The username of the member
        username: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Can audit tokens, remove the organization from them, and manage members
    Admin,
    /// Can create tokens with access to the organization
    Member,
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::Add { slug, username, role } => {
                let role = match role {
                    Role::Admin => organization::Role::Admin,
                    Role::Member => organization::Role::Member,
                };
                let add =
                    AddOrganizationMember { organization: slug.as_str().into(), user: username.as_str().into(), role };
                let named = [("organization", &*slug), ("user", &*username), ("member", &*username)];
                set_role(app, &operator(app), add).await.map_err(with_name(&named))
            }
            Self::Remove { slug, username } => {
                let remove =
                    RemoveOrganizationMember { organization: slug.as_str().into(), user: username.as_str().into() };
                let named = [("organization", &*slug), ("member", &*username)];
                app.change(&operator(app), remove).await.map(|_| ()).map_err(with_name(&named))
            }
        }
    }
}

/// Adds a member, or changes the role of an existing one.
pub(super) async fn set_role(app: &App, caller: &Caller, add: AddOrganizationMember) -> Result<()> {
    let AddOrganizationMember { organization, user, role } = add.clone();
    match app.change(caller, add).await {
        Err(Error::Conflict(_)) => {
            app.change(caller, UpdateOrganizationMember { organization, user, role }).await.map(drop)
        }
        other => other.map(drop),
    }
}
