//! `resource-server`: APIs that may introspect tokens.

use super::operator;
use crate::{
    actions::{DisableResourceServer, add_resource_server},
    app::App,
    domain::{error::Result, text},
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds an API and prints its credentials, the only time the secret is ever shown
    #[command(after_help = "Example:\n  tokenward resource-server add builds-api")]
    Add {
        /// What you call it
        name: String,
    },
    /// Lists all of them
    #[command(after_help = "Example:\n  tokenward resource-server list")]
    List,
    /// Refuses an API from now on
    #[command(after_help = "Example:\n  tokenward resource-server disable builds-api")]
    Disable {
        /// What you call it
        name: String,
    },
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::Add { name } => {
                let name = text::name("name", &name)?;
                let credentials = add_resource_server(app, &operator(app), name).await?;
                println!("client_id={}\nclient_secret={}", credentials.client_id, credentials.client_secret);
                Ok(())
            }
            Self::List => list(app).await,
            Self::Disable { name } => app.change(&operator(app), DisableResourceServer { name }).await,
        }
    }
}

async fn list(app: &App) -> Result<()> {
    let servers = app.store().resource_servers().await?;
    if servers.is_empty() {
        eprintln!("There is none yet. Add one: tokenward resource-server add NAME");
        return Ok(());
    }
    let width = servers.iter().map(|server| server.name.chars().count()).max().unwrap_or_default().max(4);
    println!("{:width$}  {:22}  {:20}  STATE", "NAME", "CLIENT ID", "ADDED");
    for server in servers {
        let state =
            server.disabled_at.map_or_else(|| "active".into(), |at| format!("disabled {}", at.to_text_in_seconds()));
        println!(
            "{:width$}  {:22}  {:20}  {state}",
            server.name,
            server.client_id,
            server.created_at.to_text_in_seconds()
        );
    }
    Ok(())
}
