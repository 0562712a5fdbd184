//! `organization`: whose data tokens may reach.

use super::{operator, print, which};
use crate::{
    actions::{CreateOrganization, DeleteOrganization},
    app::App,
    domain::{error::Result, policy::SelfService, text},
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds an organization with its first administrator, and prints its id
    #[command(after_help = "Example:\n  tokenward organization add acme --name 'Acme Widgets' --admin ada")]
    Add {
        /// 1 to 64 of a-z, 0-9, -, _ and .; it stays
        slug: String,
        /// What people call it
        #[arg(long)]
        name: String,
        /// The username of its first administrator
        #[arg(long)]
        admin: String,
    },
    /// Removes an organization for good: no token reaches it any more
    #[command(
        after_help = "Example:\n  tokenward organization delete acme\n\nThere is no way back, and the slug stays taken. Owners whose tokens reached it get a letter; its audit is kept."
    )]
    Delete {
        /// Its slug
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
                    self_service: SelfService::Off,
                };
                let added = app.change(&operator(app), change).await.map_err(which(&[("user", &admin)]))?;
                print(format_args!("{}\n", added.id))
            }
            Self::Delete { slug } => {
                let change = DeleteOrganization { organization: slug.as_str().into() };
                app.change(&operator(app), change).await.map_err(which(&[("organization", &slug)]))
            }
        }
    }
}
