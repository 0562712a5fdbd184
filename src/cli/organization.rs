//! `organization`: organizations, to which tokens have access.

use super::{operator, print, with_name};
use crate::{
    actions::{CreateOrganization, DeleteOrganization},
    app::App,
    domain::{error::Result, text},
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds an organization with its first administrator, and prints its ID
    #[command(after_help = "Example:\n  tokenward organization add acme --name 'Acme Widgets' --admin ada")]
    Add {
        /// The slug: 1 to 64 of a-z, 0-9, -, _ and . (dot); it cannot be changed
        slug: String,
        /// The display name
        #[arg(long)]
        name: String,
        /// The username of the first administrator
        #[arg(long)]
        admin: String,
    },
    /// Deletes an organization permanently; all tokens lose access to it
    #[command(
        after_help = "Example:\n  tokenward organization delete acme\n\nThis cannot be undone, and the slug remains reserved. Owners of tokens with access receive an email; the events are kept."
    )]
    Delete {
        /// The slug of the organization
        slug: String,
    },
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::Add { slug, name, admin } => {
                let change = CreateOrganization {
                    slug: text::slug("slug", &slug)?,
                    name: text::name("--name", &name)?,
                    admin: admin.as_str().into(),
                };
                let added = app.change(&operator(app), change).await.map_err(with_name(&[("user", &admin)]))?;
                print(format_args!("{}\n", added.id))
            }
            Self::Delete { slug } => {
                let change = DeleteOrganization { organization: slug.as_str().into() };
                app.change(&operator(app), change).await.map_err(with_name(&[("organization", &slug)]))
            }
        }
    }
}
