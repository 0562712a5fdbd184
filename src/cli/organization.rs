//! `organization`: whose data tokens may reach.

use super::operator;
use crate::{
    actions::CreateOrganization,
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
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        let Self::Add { slug, name, admin } = self;
        let change = CreateOrganization {
            slug: text::slug("slug", &slug)?,
            name: text::name("--name", &name)?,
            admin: admin.into(),
            self_service: SelfService::Off,
        };
        println!("{}", app.change(&operator(app), change).await?.id);
        Ok(())
    }
}
