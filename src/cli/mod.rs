//! The command line, with one file for each command. Exit status: 0 if successful; 1 if rejected or failed, with a one-line
//! message; 2 for wrong usage.

mod completions;
mod demo;
mod event;
mod mail;
mod member;
mod migrate;
mod openapi;
mod organization;
mod resource_server;
mod schema;
mod serve;
mod settings;
mod token;
mod user;

use crate::{
    app::{App, Clock},
    config::Config,
    domain::{
        caller::Caller,
        error::{Error, Result},
        organization::Organization,
        scope::ScopeSet,
    },
    store::Store,
    telemetry::{FlushedAtEnd, notice},
};
use clap::{Parser, Subcommand};
use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// Issues, scopes, audits, verifies and revokes API access tokens.
#[derive(Debug, Parser)]
#[command(
    name = "tokenward",
    version,
    about,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  tokenward demo                 try it with sample data\n  tokenward serve                serve, with ./data\n  tokenward serve --config tokenward.toml\n  tokenward token create --owner ada --organization acme --scope read_builds --expires-in 90d"
)]
struct Cli {
    #[command(flatten)]
    settings: settings::Flags,
    #[command(subcommand)]
    command: Command,
}

/// The help template of commands that use no settings.
const WITHOUT_SETTINGS: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}";

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrates the database, then serves until SIGTERM, SIGINT, SIGHUP or SIGQUIT
    #[command(after_help = "Example:\n  tokenward serve --listen 0.0.0.0:8080 --public-url https://tokens.example.com")]
    Serve,
    /// Serves sample data and prints a guide through the whole story
    #[command(
        override_usage = "tokenward demo [--listen <ADDR>] [--data-dir <DIR>]",
        help_template = "{about-with-newline}\n{usage-heading} {usage}\n\nOptions:\n      --listen <ADDR>   Address and port to listen on (default: 127.0.0.1:8080)\n      --data-dir <DIR>  Folder for the data (default: ./demo-data){after-help}",
        after_help = "Example:\n  tokenward demo --listen 127.0.0.1:9000 --data-dir /tmp/tokenward-demo\n\nAn existing data set is served unchanged; remove the folder to create a new one."
    )]
    Demo,
    /// Applies pending migrations
    #[command(after_help = "Example:\n  tokenward migrate --check && echo up to date")]
    Migrate {
        /// Apply nothing; exit with status 1 if any is pending
        #[arg(long)]
        check: bool,
    },
    /// Adds, invites, disables, enables and deletes users
    #[command(subcommand)]
    User(user::Command),
    /// Adds and deletes organizations
    #[command(subcommand)]
    Organization(organization::Command),
    /// Adds, changes and removes members
    #[command(subcommand)]
    Member(member::Command),
    /// Creates and revokes tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Adds, lists and disables resource servers
    #[command(subcommand)]
    ResourceServer(resource_server::Command),
    /// Lists and retries pending and abandoned emails
    #[command(subcommand)]
    Mail(mail::Command),
    /// Lists the events of the event log
    #[command(subcommand)]
    Event(event::Command),
    /// Prints the GraphQL schema
    #[command(
        override_usage = "tokenward schema",
        help_template = WITHOUT_SETTINGS,
        after_help = "Example:\n  tokenward schema > schema.graphql"
    )]
    Schema,
    /// Prints the OpenAPI document of the REST endpoints
    #[command(
        override_usage = "tokenward openapi",
        help_template = WITHOUT_SETTINGS,
        after_help = "Example:\n  tokenward openapi > openapi.json"
    )]
    Openapi,
    /// Prints a shell completion script
    #[command(
        override_usage = "tokenward completions <SHELL>",
        help_template = "{about-with-newline}\n{usage-heading} {usage}\n\nArguments:\n{positionals}{after-help}",
        after_help = "Example:\n  source <(tokenward completions bash)                       in ~/.bashrc\n  tokenward completions zsh > ~/.zfunc/_tokenward            with ~/.zfunc in $fpath\n  tokenward completions fish > ~/.config/fish/completions/tokenward.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let _log = FlushedAtEnd;
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            notice(format_args!("tokenward: {}", remedy(&error)));
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    fn run(self) -> Result<ExitCode> {
        if let Some(text) = self.command.constant() {
            print(text)?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = if matches!(self.command, Command::Demo) {
            demo::config(&self.settings)?
        } else {
            self.settings.load(crate::config::environment()?, &[])?
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::unavailable)?;
        runtime.block_on(self.command.run(config))
    }
}

impl Command {
    /// Returns the output of a command that uses neither settings nor the database; `None` for other commands.
    fn constant(&self) -> Option<String> {
        match self {
            Self::Schema => Some(schema::text()),
            Self::Openapi => Some(openapi::text()),
            Self::Completions { shell } => Some(completions::text(*shell)),
            _ => None,
        }
    }

    async fn run(self, config: Config) -> Result<ExitCode> {
        match self {
            Self::Serve => serve::run(config).await,
            Self::Demo => demo::run(config).await,
            Self::Migrate { check } => migrate::run(&config, check).await,
            Self::User(command) => {
                let issuer = config.jwt.as_ref().map(|jwt| jwt.issuer.as_str());
                command.with_issuer(issuer).run(&open(&config).await?, &config.public_url).await
            }
            Self::Organization(command) => command.run(&open(&config).await?).await,
            Self::Member(command) => command.run(&open(&config).await?).await,
            Self::Token(command) => command.run(&open(&config).await?).await,
            Self::Mail(command) => command.run(&open(&config).await?).await,
            Self::Event(command) => command.run(&open(&config).await?).await,
            Self::ResourceServer(command) => command.run(&open(&config).await?).await,
            Self::Schema | Self::Openapi | Self::Completions { .. } => Ok(()),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// Connects to the configured database and migrates it.
async fn open(config: &Config) -> Result<App> {
    let store = Store::connect(&config.database).await?;
    store.migrate(&config.token_prefix).await?;
    Ok(App::new(store, config, Clock::machine()))
}

fn operator(app: &App) -> Caller {
    Caller::command_line(app.now())
}

/// Writes to standard output. A closed pipe is not an error.
fn print(text: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::unavailable(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a secret to standard output, the only time that it is shown. If standard output is discarded, the command fails
/// with `remedy`, which says how to revoke or replace what was created.
fn print_once(secret: impl Display, remedy: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    let message = match write!(out, "{secret}").and_then(|()| out.flush()) {
        Err(error) => error.to_string(),
        // The runtime of Rust replaces a closed standard output with /dev/null.
        Ok(()) if is_discarded() => "it is closed or /dev/null".to_owned(),
        Ok(()) => return Ok(()),
    };
    Err(Error::Conflict(
        format!("Failed to write to standard output ({message}), and the secret is lost. {remedy}").into(),
    ))
}

/// Returns whether standard output is the null device.
fn is_discarded() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path| std::fs::metadata(path).map(|about| about.rdev()).ok();
    device("/dev/null").is_some_and(|null| null != 0 && device("/dev/fd/1") == Some(null))
}

/// Returns an error message in one line.
fn remedy(error: &Error) -> String {
    let line = match error {
        // The message about a setting names the setting.
        Error::Invalid { field, message } if field.contains('.') && message.contains(&**field) => message.clone(),
        Error::Invalid { field, message } => format!("{field}: {message}"),
        Error::NotFound(what) => format!("The {what} does not exist. Check its name."),
        Error::Unavailable(_) => format!("The service is unavailable: {}", error.cause()),
        Error::Bug(_) => format!("This is a bug in Tokenward; report it: {}", error.cause()),
        other => other.to_string(),
    };
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds the name to a `NotFound` error, from the names that were given to the command. Only operators get such details.
fn with_name<'a>(named: &'a [(&'static str, &'a str)]) -> impl Fn(Error) -> Error + 'a {
    move |error| match error {
        Error::NotFound(what) => {
            let name = named.iter().find(|(kind, _)| *kind == what);
            name.map_or(Error::NotFound(what), |(_, name)| no_such(what, name))
        }
        other => other,
    }
}

fn no_such(what: &str, name: &str) -> Error {
    Error::Conflict(format!("The {what} {name} does not exist. Check the name.").into())
}

/// Returns the organization with this slug, or an error with the slug.
async fn organization_by_slug(app: &App, slug: &str) -> Result<Organization> {
    app.store().organization_by_slug(slug).await?.ok_or_else(|| no_such("organization", slug))
}

/// Looks up the scopes of `--scope`.
fn scopes(app: &App, names: &[String]) -> Result<ScopeSet> {
    names.iter().map(|name| app.catalogue().lookup(&format!("--scope {name}"), name)).collect()
}
