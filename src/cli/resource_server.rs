//! `resource-server`: the clients that introspect tokens.

use super::{operator, organization_by_slug, print, print_once, scopes, with_name};
use crate::{
    actions::{AddResourceServer, DisableResourceServer},
    app::App,
    domain::{decision::Limits, error::Result, scope::ScopeName, text},
    telemetry::notice,
};
use clap::Subcommand;
use std::fmt::Write as _;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a resource server and prints its credentials; the secret is shown only once
    #[command(
        after_help = "Example:\n  tokenward resource-server add builds-api\n  tokenward resource-server add acme-api --organization acme --scope read_builds --scope write_builds"
    )]
    Add {
        /// The name of the resource server
        name: String,
        /// Limit it to this organization; can be repeated
        #[arg(long = "organization", value_name = "SLUG", num_args = 1..)]
        organizations: Vec<String>,
        /// Limit it to this scope; can be repeated
        #[arg(long = "scope", value_name = "NAME", num_args = 1..)]
        scopes: Vec<String>,
    },
    /// Lists all resource servers
    #[command(after_help = "Example:\n  tokenward resource-server list")]
    List,
    /// Disables a resource server
    #[command(after_help = "Example:\n  tokenward resource-server disable builds-api")]
    Disable {
        /// The name, as shown by `resource-server list`
        name: String,
    },
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        match self {
            Self::Add { name, organizations, scopes: names } => {
                let name = text::name("name", &name)?;
                for slug in &organizations {
                    organization_by_slug(app, slug).await?;
                }
                let limits =
                    Limits { organizations: organizations.into_iter().collect(), scopes: scopes(app, &names)? };
                let credentials = app.change(&operator(app), AddResourceServer { name: name.clone(), limits }).await?;
                print_once(
                    format_args!("client_id={}\nclient_secret={}\n", credentials.client_id, credentials.client_secret),
                    format_args!("Disable it (tokenward resource-server disable {name}) and add another."),
                )
            }
            Self::List => list(app).await,
            Self::Disable { name } => {
                let name = text::name("name", &name)?;
                let disable = DisableResourceServer { name: name.clone() };
                app.change(&operator(app), disable).await.map_err(with_name(&[("resource server", &name)]))
            }
        }
    }
}

async fn list(app: &App) -> Result<()> {
    let servers = app.store().resource_servers().await?;
    if servers.is_empty() {
        notice("No resource servers. Add one: tokenward resource-server add NAME");
        return Ok(());
    }
    let width = servers.iter().map(|server| server.name.chars().count()).max().unwrap_or_default().max(4);
    let mut table = format!("{:width$}  {:22}  {:20}  {:29}  LIMITED TO\n", "NAME", "CLIENT ID", "ADDED", "STATE");
    for server in servers {
        let state =
            server.disabled_at.map_or_else(|| "active".into(), |at| format!("disabled {}", at.to_text_in_seconds()));
        let _ = writeln!(
            table,
            "{:width$}  {:22}  {:20}  {state:29}  {}",
            server.name,
            server.client_id,
            server.created_at.to_text_in_seconds(),
            limits_text(&server.limits)
        );
    }
    print(table)
}

/// Returns limits such as `acme, globex; read_builds`, or a dash if there are none.
fn limits_text(limits: &Limits) -> String {
    let slugs = limits.organizations.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let scopes = limits.scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(", ");
    match (slugs.is_empty(), scopes.is_empty()) {
        (true, true) => "-".into(),
        (false, true) => slugs,
        (true, false) => scopes,
        (false, false) => format!("{slugs}; {scopes}"),
    }
}
